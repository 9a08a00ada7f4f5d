/** An event on its way to one sink, written in the commit that caused it. */
import { z } from 'zod';
import { defineModel } from './stored.js';
import type { JsonObject } from './values.js';

export const outboxSchema = z.object({
  /** `<event id>@<sink>`. */
  id: z.string(),
  version: z.int(),
  eventId: z.string(),
  sink: z.string(),
  account: z.string(),
  userId: z.string(),
  /** Sequence of the account at the event, and the event's place within its operation: the order of delivery. */
  sequence: z.int(),
  place: z.int(),
  type: z.string(),
  payload: z.custom<JsonObject>((value) => typeof value === 'object' && value !== null),
  status: z.enum(['pending', 'sent', 'failed']),
  attempts: z.int(),
  error: z.string().nullable(),
  nextAttemptAt: z.date(),
  claimedBy: z.string().nullable(),
  createdAt: z.date(),
  sentAt: z.date().nullable(),
});
export type OutboxRow = Readonly<z.infer<typeof outboxSchema>>;

export const outboxModel = defineModel('outbox', outboxSchema, 'id', [
  // Only the earliest pending row of an account can be claimed: this index walks accounts in order, heads first.
  { name: 'queue', fields: ['sink', 'status', 'account', 'sequence', 'place'], unique: false },
  { name: 'due', fields: ['sink', 'status', 'nextAttemptAt'], unique: false },
  { name: 'sent', fields: ['status', 'sentAt'], unique: false },
]);
