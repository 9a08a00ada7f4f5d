/** A reservation (hold) as a row of its own: written when it is made and when it ends. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import { reservationStatusSchema } from './enums.js';

const finalCallSchema = z.object({ operation: z.string(), fingerprint: z.string(), entryId: z.string() });

export const reservationSchema = z.object({
  id: z.string(),
  version: z.int(),
  account: z.string(),
  userId: z.string(),
  creditType: z.string(),
  /** While it is active, the open hold in the account document has the current parts. */
  status: reservationStatusSchema,
  /** amount = committed + released + expired once it has ended. */
  amount: z.int(),
  committed: z.int(),
  released: z.int(),
  expired: z.int(),
  expiresAt: z.date(),
  createdAt: z.date(),
  closedAt: z.date().nullable(),
  planId: z.string().nullable(),
  /** The call that ended it, so that repeating that call answers the same. */
  closing: finalCallSchema.nullable(),
  /** The one charge after its time to live had passed. */
  lateCharge: finalCallSchema.nullable(),
});
export type ReservationRow = Readonly<z.infer<typeof reservationSchema>>;

export const reservationModel = defineModel('reservation', reservationSchema, 'id', [
  { name: 'account', fields: ['account', 'createdAt'], unique: false },
]);
