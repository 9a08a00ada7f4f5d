/** Reservations: credits on hold for work whose cost is known afterwards. */
import { z } from 'zod';
import { reservationStatusSchema } from '../enums.js';
import { strictObject } from '../strict-object.js';
import { credits, identifier, instant, jsonObject } from './fields.js';

export const ReservationSchema = strictObject({
  id: identifier.describe('Names the reservation for ever.'),
  userId: identifier.describe('The user of the account.'),
  creditType: identifier.describe('The credit type.'),
  amount: credits.min(0).describe('Credits that were put on hold.'),
  committed: credits.min(0).describe('Credits that were charged from it.'),
  released: credits.min(0).describe('Credits that it gave back, also by its expiry.'),
  remaining: credits.min(0).describe('Credits that it still has on hold.'),
  status: reservationStatusSchema.describe('Whether it is active, and else how it ended.'),
  expiresAt: instant.describe('The instant from which it is expired, unless it ended before.'),
  createdAt: instant.describe('The instant at which it was made.'),
  reason: z.string().nullable().describe('The reason for it; null where none was given.'),
  metadata: jsonObject.describe('Data that the caller gave with it; {} without any.'),
});
/** A hold. amount = committed + released + remaining; credits that an expired hold gave back count as released. */
export interface Reservation extends z.infer<typeof ReservationSchema> {}
