/**
 * A store as the version of commit 49aba6a wrote it: before lifetime totals, limits of a day, referral codes, payments
 * of grants and closed sets. It has grants of every source, holds in every state, debt, plans, cycles, claims,
 * transfers, reversals, refusals and events that wait.
 */
import { readFileSync } from 'node:fs';
import type pg from 'pg';
import type { DbManager, Row, StoredField, StoredModel } from '../../src/ports/db-manager.js';

interface Balance {
  readonly balance: number;
  readonly reserved: number;
  readonly available: number;
}

/** The instant of its last change. */
export let NOW = new Date(0);
/** By the key of the account. */
export const BALANCES = new Map<string, Balance>();
export const MODELS: StoredModel[] = [];
export const ROWS: [model: string, row: Row][] = [];
const POSTGRES: string[] = [];

const TAKERS: Readonly<Record<string, (value: never) => unknown>> = {
  about: ({ now }: { now: string }) => {
    NOW = new Date(now);
  },
  balance: ([key, balance]: [string, Balance]) => BALANCES.set(key, balance),
  model: ({ fields, ...model }: StoredModel) => MODELS.push({ ...model, fields: anyValue(fields) }),
  postgres: (statement: string) => POSTGRES.push(statement),
  row: (named: [string, Row]) => ROWS.push(named),
};
for (const line of readFileSync(new URL('./older-store.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')) {
  const [kind, value] = JSON.parse(line) as [string, never];
  TAKERS[kind]?.(value);
}

/** That version enforced no closed set. */
function anyValue(fields: StoredModel['fields']): StoredModel['fields'] {
  return Object.fromEntries(
    Object.entries<StoredField>(fields).map(([name, { kind, nullable }]) => [name, { kind, nullable }]),
  );
}

/** Writes the store through an adapter that knows these models, by default those of that version alone. */
export async function writeOlder(db: DbManager<never>, models: readonly StoredModel[] = MODELS): Promise<void> {
  await db.init(models);
  const units = ROWS.map(([name, row]) => {
    const { fields } = models.find((model) => model.name === name) as StoredModel;
    const absent = Object.fromEntries(Object.keys(fields).map((field) => [field, null]));
    return [{ op: 'insert', model: name, row: { ...absent, ...withDates(name, row) } }] as const;
  });
  const outcomes = await db.commit(units);
  if (outcomes.some(({ status }) => status !== 'committed')) throw new Error(JSON.stringify(outcomes));
}

function withDates(name: string, row: Row): Row {
  const { fields } = MODELS.find((model) => model.name === name) as StoredModel;
  const dated = Object.entries(row).map(([field, value]) => {
    const isInstant = fields[field]?.kind === 'instant' && value !== null;
    return [field, isInstant ? new Date(value as string) : value] as const;
  });
  return Object.fromEntries(dated) as Row;
}

/** Makes the tables by the text that version printed, and fills them without the library. */
export async function writeOlderTables(client: pg.Client): Promise<void> {
  for (const statement of POSTGRES) await client.query(statement);
  for (const { name } of MODELS) {
    const rows = ROWS.flatMap(([model, row]) => (model === name ? [snakeCased(row)] : []));
    const text = `insert into credit_${name} select * from json_populate_recordset(null::credit_${name}, $1)`;
    await client.query(text, [JSON.stringify(rows)]);
  }
}

function snakeCased(row: Row): object {
  return Object.fromEntries(
    Object.entries(row).map(([field, value]) => [field.replace(/[A-Z]/g, (one) => `_${one.toLowerCase()}`), value]),
  );
}
