/**
 * Announcements that must be remembered, so that nobody is told twice: a grant whose expiry was announced for one
 * window, and an account that rose above its threshold, after which the next low crossing is news again.
 */
import { z } from 'zod';
import { defineModel } from './define-model.js';

export const noticeSchema = z.object({
  id: z.string().describe('Names the announcement, so that it is made once.'),
  version: z.int(),
  kind: z.enum(['expiring', 'restored']).describe('The announced expiry of a grant, or a rise above the threshold.'),
  account: z.string().describe('Key of the account.'),
  sequence: z.int().describe('Sequence of the account when it was written.'),
  place: z.int().describe('Place of the event within its operation.'),
  createdAt: z.date().describe('When it was written.'),
  expiresAt: z
    .date()
    .nullable()
    .describe('When the grant expires: a week later nobody needs the row. Null where it is kept.'),
});
export type NoticeRow = Readonly<z.infer<typeof noticeSchema>>;

export const noticeModel = defineModel('notice', noticeSchema, 'id', [
  { name: 'account', fields: ['account', 'kind', 'sequence', 'place'], unique: false },
  { name: 'expires', fields: ['expiresAt'], unique: false },
]);
