/** A grant as a row of its own: written when the grant is made and whenever it closes or reopens. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import { grantSourceSchema } from './enums.js';

export const grantSchema = z.object({
  id: z.string().describe('Names the grant for ever.'),
  version: z.int(),
  account: z.string().describe('Key of the account.'),
  userId: z.string().describe('The user.'),
  creditType: z.string().describe('The credit type.'),
  source: grantSourceSchema.describe('Where the credits came from.'),
  open: z
    .boolean()
    .describe(
      'Whether credits are left. While they are, the account document has the current parts, and this row older ones.',
    ),
  amount: z.int().describe('Micro-units granted: free, held, spent, expired and revoked ones together.'),
  remaining: z.int().describe('Micro-units that are left, held ones included.'),
  held: z.int().describe('Micro-units on hold.'),
  expired: z.int().describe('Micro-units that expired.'),
  expiredLate: z
    .int()
    .nullable()
    .describe('Micro-units of `expired` that a hold or a reversal freed after the end; null for none.'),
  revoked: z.int().describe('Micro-units that were taken back.'),
  priority: z.int().describe('From 0 to 100; the lower is spent first.'),
  effectiveAt: z.date().describe('The instant from which it can be spent.'),
  expiresAt: z.date().nullable().describe('The instant from which it can be spent no more; null when it never ends.'),
  seq: z.int().describe('Sequence of the entry that made it.'),
  place: z.int().describe('Place among the grants of that entry.'),
  createdAt: z.date().describe('When it was made.'),
  planId: z.string().nullable().describe('The plan that it belongs to.'),
  paymentId: z.string().nullable().describe('The payment that paid for it.'),
  reference: z.string().nullable().describe('A name that the caller gave it, to find it by.'),
});
export type GrantRow = Readonly<z.infer<typeof grantSchema>>;

export const grantModel = defineModel('grant', grantSchema, 'id', [
  { name: 'account', fields: ['account', 'seq', 'place'], unique: false },
  { name: 'reference', fields: ['reference', 'createdAt'], unique: false },
  { name: 'payment', fields: ['paymentId', 'createdAt'], unique: false },
]);
