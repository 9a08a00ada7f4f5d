/** A reservation (hold) as a row of its own: written when it is made and when it ends. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import { reservationStatusSchema } from './enums.js';

const finalCallSchema = z.object({ operation: z.string(), fingerprint: z.string(), entryId: z.string() });

export const reservationSchema = z.object({
  id: z.string().describe('Names the reservation for ever.'),
  version: z.int(),
  account: z.string().describe('Key of the account.'),
  userId: z.string().describe('The user.'),
  creditType: z.string().describe('The credit type.'),
  status: reservationStatusSchema.describe(
    'While it is active, the open hold in the account document has the current parts.',
  ),
  amount: z
    .int()
    .describe('Micro-units put on hold: once it has ended, committed, released and expired ones together.'),
  committed: z.int().describe('Micro-units that were charged.'),
  released: z.int().describe('Micro-units that were given back.'),
  expired: z.int().describe('Micro-units that its expiry gave back.'),
  expiresAt: z.date().describe('The instant from which it is expired, unless it ended before.'),
  createdAt: z.date().describe('When it was made.'),
  closedAt: z.date().nullable().describe('When it ended; null while it is active.'),
  planId: z.string().nullable().describe('A label from the caller.'),
  closing: finalCallSchema.nullable().describe('The call that ended it, so that repeating that call answers the same.'),
  lateCharge: finalCallSchema.nullable().describe('The one charge after its time to live had passed.'),
});
export type ReservationRow = Readonly<z.infer<typeof reservationSchema>>;

export const reservationModel = defineModel('reservation', reservationSchema, 'id', [
  { name: 'account', fields: ['account', 'createdAt'], unique: false },
]);
