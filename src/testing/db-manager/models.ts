/** The models that the `DbManager` suite stores, and rows of them. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Row, StoredModel, StoredValue } from '../../ports/db-manager.js';

export interface TestModels {
  /** Every kind of field, nullable and not; unique indexes with a nullable field. */
  readonly item: StoredModel;
  /** Ordered by (account, at, seq), as a ledger is. */
  readonly entry: StoredModel;
}

type Values = Readonly<Record<string, StoredValue>>;

/** Models of the suite. The random suffix keeps suites that run at once on one server apart. */
export function testModels(): TestModels {
  const suffix = randomBytes(5).toString('hex');
  const string = { kind: 'string', nullable: false } as const;
  const integer = { kind: 'integer', nullable: false } as const;
  const instant = { kind: 'instant', nullable: false } as const;
  const item: StoredModel = {
    name: `item_${suffix}`,
    key: 'id',
    fields: {
      id: string,
      account: string,
      label: { kind: 'string', nullable: true },
      amount: integer,
      rank: { kind: 'integer', nullable: true },
      isOpen: { kind: 'boolean', nullable: false },
      isHidden: { kind: 'boolean', nullable: true },
      madeAt: instant,
      dueAt: { kind: 'instant', nullable: true },
      data: { kind: 'json', nullable: false },
      extra: { kind: 'json', nullable: true },
      code: { kind: 'string', nullable: true },
      slug: { kind: 'string', nullable: true },
    },
    indexes: [
      { name: 'by_account', fields: ['account'], unique: false },
      { name: 'by_rank', fields: ['account', 'rank'], unique: false },
      { name: 'by_label', fields: ['account', 'label'], unique: false },
      { name: 'by_due', fields: ['dueAt'], unique: false },
      { name: 'by_open', fields: ['account', 'isOpen', 'rank'], unique: false },
      { name: 'by_code', fields: ['code'], unique: true },
      { name: 'by_slug', fields: ['account', 'slug'], unique: true },
    ],
  };
  const entry: StoredModel = {
    name: `entry_${suffix}`,
    key: 'id',
    fields: {
      id: string,
      account: string,
      at: instant,
      seq: integer,
      kind: string,
      ref: { ...string, nullable: true },
    },
    indexes: [
      { name: 'by_time', fields: ['account', 'at', 'seq'], unique: false },
      { name: 'by_kind', fields: ['account', 'kind', 'seq'], unique: false },
      { name: 'by_ref', fields: ['ref'], unique: true },
    ],
  };
  return { item, entry };
}

export function freshKey(prefix = 'k'): string {
  return `${prefix}-${randomUUID()}`;
}

/** A row of `item`, every nullable field null. */
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
