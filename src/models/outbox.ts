/** An event on its way to one sink, written in the commit that caused it. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import { deliveryShape } from './delivery.js';
import type { CreditEvent } from './events.js';

export const outboxSchema = z.object({
  id: z.string().describe('`<event id>@<sink>`.'),
  version: z.int(),
  eventId: z.string().describe('The event; the same at every sink.'),
  sink: z.string().describe('The sink that it is for.'),
  userId: z.string().describe('The user of the account.'),
  type: z.string().describe('The type of the event.'),
  payload: z
    .custom<CreditEvent>((value) => typeof value === 'object' && value !== null)
    .describe('The event as the sink is given it.'),
  ...deliveryShape,
});
export type OutboxRow = Readonly<z.infer<typeof outboxSchema>>;

export const outboxModel = defineModel('outbox', outboxSchema, 'id', [
  // Only the earliest pending row of an account, its head, can be claimed. This index walks accounts in order, heads
  // first, and leaps over the rest of an account. An index by time would lead to rows that wait behind a head that is
  // not due.
  { name: 'queue', fields: ['sink', 'status', 'account', 'sequence', 'place'], unique: false },
  { name: 'sent', fields: ['status', 'sentAt'], unique: false },
]);
