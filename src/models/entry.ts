/**
 * A ledger entry is the stored record of a transaction; there is no second row. A refusal is an entry of event type
 * `error`, an act of the library itself is one of type `system`. Both stand outside sequence and chain: `seq` is 0, and
 * the hash covers the entry alone.
 */
import { z } from 'zod';
import { drawSchema } from './account.js';
import { defineModel } from './define-model.js';
import { ledgerEventTypeSchema, transactionTypes } from './enums.js';
import type { JsonObject } from './values.js';

export const entryTypeSchema = z.enum([...transactionTypes, 'error', 'system']);
export type EntryType = z.infer<typeof entryTypeSchema>;

const jsonObject = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null);

export const entrySchema = z.object({
  id: z.string().describe('Names the entry for ever.'),
  version: z.int(),
  eventType: ledgerEventTypeSchema.describe('A transaction, a refusal, or an act of the library itself.'),
  type: entryTypeSchema.describe('The type of the transaction; `error` and `system` for the others.'),
  operation: z
    .string()
    .describe('The call that wrote it, e.g. `deduct`; entries of the clock carry the call that found them due.'),
  operationId: z.string().describe('Names the call; all entries of one call share it.'),
  account: z
    .string()
    .describe('Key of the account; empty for acts of the library itself, as are user and credit type.'),
  userId: z.string().describe('The user.'),
  creditType: z.string().describe('The credit type.'),
  seq: z.int().describe("Position in the account's chain, from 1; 0 outside any chain."),
  at: z.date().describe('The instant it took effect.'),
  amount: z
    .int()
    .describe('Micro-units that the call asked for or the clock moved, never negative; `delta` is what changed.'),
  delta: z.int().describe('The change of the balance, in micro-units.'),
  reservedDelta: z.int().describe('The change of the credits on hold, in micro-units.'),
  balanceAfter: z.int().describe('The balance after it, in micro-units.'),
  availableAfter: z.int().describe('The available credits after it, in micro-units.'),
  debtAfter: z.int().describe('The debt after it, in micro-units.'),
  draws: z.array(drawSchema).readonly().describe('The grants that were taken from, in order.'),
  repaid: z.array(drawSchema).readonly().describe('Parts of grants that repaid debt in this entry.'),
  grantId: z.string().nullable().describe('The grant that was made or ended.'),
  reservationId: z.string().nullable().describe('The reservation it is about.'),
  reverses: z.string().nullable().describe('The entry that it undoes.'),
  message: z.string().describe('A text for people: the change that happened.'),
  description: z.string().nullable().describe('A text from the caller.'),
  actor: z.string().nullable().describe('The one who made the call.'),
  reason: z.string().nullable().describe('The reason for the call.'),
  correlationId: z.string().nullable().describe('Names the request it belongs to.'),
  idempotencyKey: z.string().nullable().describe('The key of the call, as it was given.'),
  scopedKey: z
    .string()
    .nullable()
    .describe('Account, operation and key in one text: unique for ever. Null where no key was given.'),
  fingerprint: z.string().nullable().describe('SHA-256 of the canonical input of a keyed call.'),
  metadata: jsonObject.describe('Data that the caller gave with the call.'),
  details: jsonObject.describe(
    'Data that a replay needs beyond the columns: terms of grants and holds, options; for errors code and numbers.',
  ),
  prev: z.string().nullable().describe('Hash of the entry before it in the chain; null for the first.'),
  hash: z.string().nullable().describe('SHA-256 of its canonical bytes, in hex.'),
});
export type EntryRow = Readonly<z.infer<typeof entrySchema>>;

export const entryModel = defineModel('entry', entrySchema, 'id', [
  { name: 'history', fields: ['account', 'at', 'seq'], unique: false },
  { name: 'actor', fields: ['actor', 'account', 'at', 'seq'], unique: false },
  { name: 'idempotency', fields: ['scopedKey'], unique: true },
  { name: 'reverses', fields: ['reverses', 'seq'], unique: false },
  { name: 'operation', fields: ['operationId', 'seq'], unique: false },
  { name: 'correlation', fields: ['correlationId', 'at'], unique: false },
  { name: 'time', fields: ['at', 'seq'], unique: false },
]);

/**
 * The text in which a key is unique: it holds operation, account and key. The account's length is part of it, and the
 * operation holds no slash, so two different keys never make the same text.
 */
export function scopedKeyOf(account: string, operation: string, key: string): string {
  return `${operation}/${account.length}/${account}/${key}`;
}
