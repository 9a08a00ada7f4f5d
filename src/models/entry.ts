/**
 * A ledger entry, which is the stored record of a transaction (there is no second row). Refusals are entries of event
 * type `error`, the library's own acts of type `system`. Both stand outside sequence and chain: `seq` is 0, and the
 * hash is of the entry alone.
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
  id: z.string(),
  version: z.int(),
  eventType: ledgerEventTypeSchema,
  type: entryTypeSchema,
  /** The call that wrote it, e.g. `deduct`; entries of the clock carry the call that found them due. */
  operation: z.string(),
  operationId: z.string(),
  /** Empty strings for system entries. */
  account: z.string(),
  userId: z.string(),
  creditType: z.string(),
  seq: z.int(),
  /** The instant it took effect. */
  at: z.date(),
  /** What the call asked for or the clock moved, never negative; `delta` is what the balance changed by. */
  amount: z.int(),
  delta: z.int(),
  reservedDelta: z.int(),
  balanceAfter: z.int(),
  availableAfter: z.int(),
  debtAfter: z.int(),
  draws: z.array(drawSchema).readonly(),
  /** Parts of grants that repaid debt in this entry. */
  repaid: z.array(drawSchema).readonly(),
  grantId: z.string().nullable(),
  reservationId: z.string().nullable(),
  reverses: z.string().nullable(),
  message: z.string(),
  description: z.string().nullable(),
  actor: z.string().nullable(),
  reason: z.string().nullable(),
  correlationId: z.string().nullable(),
  idempotencyKey: z.string().nullable(),
  /** Account, operation and key in one string: unique for ever. Null where no key was given. */
  scopedKey: z.string().nullable(),
  /** SHA-256 of the canonical input of a keyed call. */
  fingerprint: z.string().nullable(),
  metadata: jsonObject,
  /** What replaying needs beyond the columns: terms of grants and holds, options; for errors the code and numbers. */
  details: jsonObject,
  prev: z.string().nullable(),
  hash: z.string().nullable(),
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

/** The text that a key is unique as: the account's length is part of it, and the operation holds no slash. */
export function scopedKeyOf(account: string, operation: string, key: string): string {
  return `${operation}/${account.length}/${account}/${key}`;
}
