/** The models of the `DbManager` suite, and rows of them. */
import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { defineModel } from '../../models/define-model.js';
import type { Row, StoredModel, StoredValue } from '../../ports/db-manager.js';

const json = z.record(z.string(), z.json());

/** Declared as the library declares its own. */
const itemSchema = z.object({
  id: z.string(),
  version: z.int(),
  account: z.string(),
  label: z.string().nullable(),
  amount: z.int(),
  rank: z.int().nullable(),
  isOpen: z.boolean(),
  isHidden: z.boolean().nullable(),
  madeAt: z.date(),
  dueAt: z.date().nullable(),
  data: json,
  extra: json.nullable(),
  code: z.string().nullable(),
  slug: z.string().nullable(),
});
const entrySchema = z.object({
  id: z.string(),
  version: z.int(),
  account: z.string(),
  at: z.date(),
  seq: z.int(),
  kind: z.string(),
  ref: z.string().nullable(),
});

export interface TestModels {
  /** Every kind of field, nullable and not; unique indexes with a nullable field. */
  readonly item: StoredModel;
  /** Ordered by (account, at, seq), as a ledger is. */
  readonly entry: StoredModel;
}

type Values = Readonly<Record<string, StoredValue>>;

/** Makes the models of the suite. The random suffix separates suites that run on one server at the same time. */
export function testModels(): TestModels {
  const suffix = randomBytes(5).toString('hex');
  const itemModel = defineModel(`item_${suffix}`, itemSchema, 'id', [
    { name: 'by_account', fields: ['account'], unique: false },
    { name: 'by_rank', fields: ['account', 'rank'], unique: false },
    { name: 'by_label', fields: ['account', 'label'], unique: false },
    { name: 'by_due', fields: ['dueAt'], unique: false },
    { name: 'by_open', fields: ['account', 'isOpen', 'rank'], unique: false },
    { name: 'by_code', fields: ['code'], unique: true },
    { name: 'by_slug', fields: ['account', 'slug'], unique: true },
  ]);
  const entryModel = defineModel(`entry_${suffix}`, entrySchema, 'id', [
    { name: 'by_time', fields: ['account', 'at', 'seq'], unique: false },
    { name: 'by_kind', fields: ['account', 'kind', 'seq'], unique: false },
    { name: 'by_ref', fields: ['ref'], unique: true },
  ]);
  return { item: itemModel, entry: entryModel };
}

export function freshKey(prefix = 'k'): string {
  return `${prefix}-${randomUUID()}`;
}

/** A row of `item` in which every nullable field is null. */
export function item(values: Values = {}): Row {
  const empty = { label: null, rank: null, isHidden: null, dueAt: null, extra: null, code: null, slug: null };
  const id = freshKey();
  const full = { amount: 0, isOpen: true, madeAt: new Date('2024-02-29T12:00:00.000Z'), data: {} };
  return { version: 1, id, account: id, ...full, ...empty, ...values };
}

/** A row of `entry`. */
export function entry(values: Values = {}): Row {
  const id = freshKey();
  const at = new Date('2024-02-29T12:00:00.000Z');
  return { version: 1, id, account: id, at, seq: 0, kind: 'added', ref: null, ...values };
}

export function keyOf(row: Row | null | undefined): string {
  return String(row?.id);
}
