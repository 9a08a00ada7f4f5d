/** Reservations: credits on hold for work whose cost is known afterwards. */
import { z } from 'zod';
import { reservationStatusSchema } from '../enums.js';
import { strictObject } from '../strict-object.js';
import { credits, identifier, instant, jsonObject } from './fields.js';

export const ReservationSchema = strictObject({
  /** Names the reservation for ever. */
  id: identifier.describe('Names the reservation for ever.'),
  /** The user of the account. */
  userId: identifier.describe('The user of the account.'),
  /** The credit type. */
  creditType: identifier.describe('The credit type.'),
  /** Credits that were put on hold. */
  amount: credits.min(0).describe('Credits that were put on hold.'),
  /** Credits that were charged from it. */
  committed: credits.min(0).describe('Credits that were charged from it.'),
  /** Credits that it gave back, also by its expiry. */
  released: credits.min(0).describe('Credits that it gave back, also by its expiry.'),
  /** Credits that it still has on hold. */
  remaining: credits.min(0).describe('Credits that it still has on hold.'),
  /** Whether it is active, and else how it ended. */
  status: reservationStatusSchema.describe('Whether it is active, and else how it ended.'),
  /** The instant from which it is expired, unless it ended before. */
  expiresAt: instant.describe('The instant from which it is expired, unless it ended before.'),
  /** The instant at which it was made. */
  createdAt: instant.describe('The instant at which it was made.'),
  /** A label: the plan that it belongs to; null without one. */
  planId: identifier.nullable().describe('A label: the plan that it belongs to; null without one.'),
  /** The reason for it; null where none was given. */
  reason: z.string().nullable().describe('The reason for it; null where none was given.'),
  /** Data that the caller gave with it; {} without any. */
  metadata: jsonObject.describe('Data that the caller gave with it; {} without any.'),
});
/** A hold. amount = committed + released + remaining; credits that an expired hold gave back count as released. */
export interface Reservation extends z.infer<typeof ReservationSchema> {}
