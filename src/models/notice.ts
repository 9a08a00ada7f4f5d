/**
 * What must be remembered so that nobody is told twice: a lot whose expiry was announced for one window, and an account
 * that rose above its threshold, after which the next low crossing is news again.
 */
import { z } from 'zod';
import { defineModel } from './define-model.js';

export const noticeSchema = z.object({
  id: z.string(),
  version: z.int(),
  kind: z.enum(['expiring', 'restored']),
  account: z.string(),
  /** Of the account when it was written, and the place of the event within its operation. */
  sequence: z.int(),
  place: z.int(),
  createdAt: z.date(),
  /** When the lot expires: a week later nobody asks for the row. Null: it is kept. */
  expiresAt: z.date().nullable(),
});
export type NoticeRow = Readonly<z.infer<typeof noticeSchema>>;

export const noticeModel = defineModel('notice', noticeSchema, 'id', [
  { name: 'account', fields: ['account', 'kind', 'sequence', 'place'], unique: false },
  { name: 'expires', fields: ['expiresAt'], unique: false },
]);
