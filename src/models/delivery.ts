/** What every row that is on its way to a receiver carries: its place in the order, and how far it has come. */
import { z } from 'zod';

export const deliveryStatusSchema = z.enum(['pending', 'sent', 'failed']);
export type DeliveryStatus = z.infer<typeof deliveryStatusSchema>;

export const deliveryShape = {
  account: z.string(),
  /** Sequence of the account at the event, and the event's place within its operation: the order of delivery. */
  sequence: z.int(),
  place: z.int(),
  status: deliveryStatusSchema,
  /** Refusals of this very row; enough of them make it `failed`. */
  attempts: z.int(),
  /** Attempts that did not reach the receiver: they only lengthen the pause. */
  unreached: z.int(),
  error: z.string().nullable(),
  /**
   * The end of a pause or, with `claimedBy`, of a claim; null: it may be tried at once, whatever any clock says.
   */
  nextAttemptAt: z.date().nullable(),
  claimedBy: z.string().nullable(),
  createdAt: z.date(),
  sentAt: z.date().nullable(),
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
