/** The fields of every row that is on its way to a receiver: its place in the order, and how far it has come. */
import { z } from 'zod';

export const deliveryStatusSchema = z.enum(['pending', 'sent', 'failed']);
export type DeliveryStatus = z.infer<typeof deliveryStatusSchema>;

export const deliveryShape = {
  account: z.string().describe('Key of the account whose order of delivery it keeps.'),
  sequence: z.int().describe('Sequence of the account at the event.'),
  place: z.int().describe('Place of the event within its operation: with the sequence, the order of delivery.'),
  status: deliveryStatusSchema.describe('Whether it waits, was taken, or was given up.'),
  attempts: z.int().describe('Refusals of this very row; enough of them make it `failed`.'),
  unreached: z.int().describe('Attempts that did not reach the receiver: they only lengthen the pause.'),
  error: z.string().nullable().describe('Why the last attempt failed; null where none did.'),
  nextAttemptAt: z
    .date()
    .nullable()
    .describe('The end of a pause or, with `claimedBy`, of a claim; null where it may be tried at once, by any clock.'),
  claimedBy: z.string().nullable().describe('The run of a relay that is delivering it; null for none.'),
  createdAt: z.date().describe('When it was written.'),
  sentAt: z.date().nullable().describe('When the receiver took it; null until then.'),
};

const deliverySchema = z.object({ id: z.string(), version: z.int(), ...deliveryShape });
export type DeliveryRow = Readonly<z.infer<typeof deliverySchema>>;

/** A row that nobody has tried to deliver. */
export function undelivered(createdAt: Date) {
  return {
    status: 'pending',
    attempts: 0,
    unreached: 0,
    error: null,
    nextAttemptAt: null,
    claimedBy: null,
    createdAt,
    sentAt: null,
  } as const;
}
