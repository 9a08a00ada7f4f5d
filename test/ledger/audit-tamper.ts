/** Changes stored rows behind the library's back, byte by byte or field by field, and puts them back. */
import type { Row, StoredValue, VerifyReport } from '../../src/index.js';
import { storedModels } from '../../src/models/stored-models.js';
import { amount, someOf } from '../support/amounts.js';
import { type AnyDb, rowsOf, type World } from '../support/audit-world.js';
import { SEED } from '../support/chance.js';

export type ModelName = 'entry' | 'account' | 'grant' | 'reservation';
export type Fields = { [field: string]: StoredValue };

export function modelOf(name: ModelName) {
  const model = storedModels.find((candidate) => candidate.name === name);
  if (!model) throw new Error(`no model ${name}`);
  return model;
}

/** Puts `after` in the place of `before`; null is no row. */
export async function write(db: AnyDb, model: ModelName, before: Row | null, after: Row | null): Promise<void> {
  const key = (row: Row) => row.id as string;
  const unit =
    before && after && key(before) === key(after)
      ? [{ op: 'replace', model, row: after, expectedVersion: before.version } as const]
      : [
          ...(before ? [{ op: 'delete', model, key: key(before), expectedVersion: before.version } as const] : []),
          ...(after ? [{ op: 'insert', model, row: after } as const] : []),
        ];
  const [outcome] = await db.commit([unit]);
  if (outcome?.status !== 'committed') throw new Error(`${model}: ${JSON.stringify(outcome)}`);
}

/** Runs `check` while rows are replaced: `[before, after]` each. */
export async function during<T>(
  db: AnyDb,
  model: ModelName,
  changes: readonly (readonly [Row | null, Row | null])[],
  check: () => Promise<T>,
): Promise<T> {
  for (const [before, after] of changes) await write(db, model, before, after);
  try {
    return await check();
  } finally {
    for (const [before, after] of changes.toReversed()) await write(db, model, after, before);
  }
}

/** A row as an adapter would read it from this JSON text, or null when it is none. */
function rowOf(name: ModelName, text: string): Row | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const row = value as Fields;
  for (const [field, { kind }] of Object.entries(modelOf(name).fields)) {
    const stored = row[field] ?? null;
    row[field] = kind === 'instant' && stored !== null ? new Date(stored as string) : stored;
  }
  return row as Row;
}

/** What a row says: its declared fields alone, absent and null being one. */
function meaningOf(name: ModelName, row: Row): string {
  const values = ['version', ...Object.keys(modelOf(name).fields)].map((field) => {
    const value = row[field] ?? null;
    return value instanceof Date ? String(value.getTime()) : value;
  });
  return JSON.stringify(values);
}

const isSound = (row: Row) =>
  Object.values(row).every((value) => !(value instanceof Date) || !Number.isNaN(value.getTime()));

const strict = new TextDecoder('utf-8', { fatal: true });
const ASCII = Buffer.from('109abzZ-_ "{}[],:.\\/eE');

/** Other bytes to put in a place: near ones first, so that digits become digits and letters letters. */
function* otherBytes(byte: number): Generator<number> {
  if (byte >= 0x80) for (let bit = 1; bit < 64; bit <<= 1) yield byte ^ bit;
  else {
    for (const near of [byte ^ 1, byte + 1, byte - 1]) if (near > 0x20 && near < 0x7f) yield near;
    for (const other of ASCII) if (other !== byte) yield other;
  }
}

export interface ByteChange {
  readonly at: number;
  readonly row: Row;
  readonly field: string;
}

interface ByteChanges {
  readonly changes: readonly ByteChange[];
  /** Places where no byte makes another row. */
  readonly fixed: number;
}

/**
 * For each byte of the row's JSON text the first other byte with which the text is still a row, and another one. Sound
 * rows are taken before those with an instant that is none; ids that other rows have (`taken`) are not.
 */
export function byteChanges(name: ModelName, original: Row, taken: ReadonlySet<unknown> = new Set()): ByteChanges {
  const text = Buffer.from(JSON.stringify(original));
  const meaning = meaningOf(name, original);
  const changes: ByteChange[] = [];
  let fixed = 0;
  for (let at = 0; at < text.length; at++) {
    let found: Row | null = null;
    for (const byte of otherBytes(text[at] as number)) {
      const bytes = Buffer.from(text);
      bytes[at] = byte;
      const row = decoded(name, bytes);
      if (!row || meaningOf(name, row) === meaning) continue;
      if (row.id !== original.id && taken.has(row.id)) continue;
      found ??= row;
      if (!isSound(row)) continue;
      found = row;
      break;
    }
    if (found) changes.push({ at, row: found, field: changedField(name, original, found) });
    else fixed++;
  }
  return { changes, fixed };
}

function decoded(name: ModelName, bytes: Buffer): Row | null {
  try {
    return rowOf(name, strict.decode(bytes));
  } catch {
    return null;
  }
}

function changedField(name: ModelName, a: Row, b: Row): string {
  const fields = ['version', ...Object.keys(modelOf(name).fields)];
  const text = (row: Row, field: string) => {
    const value = row[field] ?? null;
    return value instanceof Date ? value.getTime() : JSON.stringify(value);
  };
  return fields.find((field) => !Object.is(text(a, field), text(b, field))) ?? '?';
}

/** Another value of the same kind for a field, whatever it holds. */
export function otherValue(name: ModelName, row: Row, field: string): StoredValue {
  const value = row[field] ?? null;
  const kind = field === 'version' ? 'integer' : modelOf(name).fields[field]?.kind;
  if (kind === 'integer') return (value as number) + 1;
  if (kind === 'boolean') return !value;
  if (kind === 'instant') return new Date(((value as Date | null)?.getTime() ?? 1_900_000_000_000) + 1000);
  if (kind === 'string') return value === null ? 'x' : `${value}x`;
  if (Array.isArray(value)) return [...value, { grantId: 'g-none', amount: 1 }];
  return { ...(value as object), x: 1 };
}

/**
 * The user's part of the ledger, which is faster than the whole. The whole for acts of the library, and for an entry
 * that a change makes another account's: nothing of its own account tells of a refusal that is gone.
 */
export function partOf({ userId }: Row, field: string): { userId?: string } {
  return userId === '' || field === 'account' || field === 'creditType' ? {} : { userId: userId as string };
}

export interface Tally {
  checked: number;
  fixed: number;
  fields: Set<string>;
  silent: string[];
}

export const newTally = (): Tally => ({ checked: 0, fixed: 0, fields: new Set(), silent: [] });

/** Whether a report tells of one of these ids, and of nothing that is no text. */
export function names(report: VerifyReport, ids: readonly string[]): boolean {
  if (report.ok || report.problems.some(({ id }) => typeof id !== 'string')) return false;
  return report.problems.some(({ id }) => ids.includes(id));
}

/** One in CREDIT_BYTE_STEP of the bytes is tried. */
export const BYTE_STEP = amount('CREDIT_BYTE_STEP');

/** Changes bytes of a row in turn; what no report tells of one of the row's `ids` is noted as silent. */
export async function tamperBytes(
  { db, manager }: World,
  model: ModelName,
  original: Row,
  idsOf: (change: ByteChange) => readonly string[],
  tally: Tally,
  skip: (change: ByteChange) => boolean = () => false,
): Promise<void> {
  const others = await rowsOf(db, model, model === 'account' ? 'created' : model === 'entry' ? 'history' : 'account');
  const { changes, fixed } = byteChanges(model, original, new Set(others.map((row) => row.id)));
  tally.fixed += fixed;
  for (const change of someOf(changes, BYTE_STEP, SEED)) {
    if (skip(change)) continue;
    const options = tally.checked++ % 25 === 0 ? {} : partOf(original, change.field);
    tally.fields.add(change.field);
    const report = await during(db, model, [[original, change.row]], () => manager.ledger.verify(options)).catch(
      (error: unknown) => error as Error,
    );
    if (report instanceof Error) tally.silent.push(`${original.id} byte ${change.at} ${change.field}: ${report}`);
    else if (!names(report, idsOf(change))) {
      const found = report.problems.map(({ kind, id }) => `${kind} ${id}`).join(', ');
      tally.silent.push(`${original.id} byte ${change.at} ${change.field}: ${found || 'nothing'}`);
    }
  }
}
