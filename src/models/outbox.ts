/** An event on its way to one sink, written in the commit that caused it. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import { deliveryShape } from './delivery.js';
import type { CreditEvent } from './events.js';

export const outboxSchema = z.object({
  /** `<event id>@<sink>`. */
  id: z.string(),
  version: z.int(),
  eventId: z.string(),
  sink: z.string(),
  userId: z.string(),
  type: z.string(),
  payload: z.custom<CreditEvent>((value) => typeof value === 'object' && value !== null),
  ...deliveryShape,
});
export type OutboxRow = Readonly<z.infer<typeof outboxSchema>>;

export const outboxModel = defineModel('outbox', outboxSchema, 'id', [
  // Only the earliest pending row of an account can be claimed: this index walks accounts in order, heads first, and
  // leaps over the rest of an account. One by time would lead to rows that wait behind a head that is not due.
  { name: 'queue', fields: ['sink', 'status', 'account', 'sequence', 'place'], unique: false },
  { name: 'sent', fields: ['status', 'sentAt'], unique: false },
]);
