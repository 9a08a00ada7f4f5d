/** A grant (lot) as a row of its own: written when it is made and whenever it closes or reopens. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import { grantSourceSchema } from './enums.js';

export const grantSchema = z.object({
  id: z.string(),
  version: z.int(),
  account: z.string(),
  userId: z.string(),
  creditType: z.string(),
  source: grantSourceSchema,
  /** While the grant is open, its parts are those of the account document; these are of the last write. */
  open: z.boolean(),
  amount: z.int(),
  remaining: z.int(),
  held: z.int(),
  expired: z.int(),
  expiredLate: z.int().nullable(),
  revoked: z.int(),
  priority: z.int(),
  effectiveAt: z.date(),
  expiresAt: z.date().nullable(),
  seq: z.int(),
  place: z.int(),
  createdAt: z.date(),
  planId: z.string().nullable(),
  reference: z.string().nullable(),
});
export type GrantRow = Readonly<z.infer<typeof grantSchema>>;

export const grantModel = defineModel('grant', grantSchema, 'id', [
  { name: 'account', fields: ['account', 'seq', 'place'], unique: false },
  { name: 'reference', fields: ['reference', 'createdAt'], unique: false },
]);
