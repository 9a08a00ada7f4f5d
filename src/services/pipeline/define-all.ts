/** Brings the definitions of one model to what a list says, by code: makes, changes, and deactivates if asked. */
import { fingerprintOf } from '../../core/canonical-json.js';
import type { DefineOptions, MutationOptions } from '../../models/inputs/credits.js';
import type { DefinitionReport } from '../../models/records/definition.js';
import type { Rows } from '../../models/rows.js';
import type { Json, JsonObject } from '../../models/values.js';
import type { Attempt } from './definition-call.js';
import { type Act, writeDefinition } from './definition-writes.js';
import type { Definitions } from './definitions.js';

type Model = 'plan' | 'promo';
type Row<M extends Model> = Rows[M] & { readonly code: string | null; readonly isActive: boolean };

/** How one model is defined. */
export interface Defining<S, M extends Model> {
  readonly definitions: Definitions<S, M, object>;
  /** The row as defined: a new one where there is none, else the next version of the stored one. */
  next(code: string, stored: Rows[M] | null, attempt: Attempt<S>): Rows[M];
  read(code: string, options: MutationOptions<S>): Promise<Rows[M] | null>;
  deactivate(row: Rows[M], options: MutationOptions<S>): Promise<unknown>;
  /** Told of every row that was written. */
  changed(row: Rows[M]): void;
}

/** The row is as defined already, so nothing is written. */
const UNCHANGED = new Error('The definition is stored already.');

/** Fields that every write changes. */
const WRITTEN: ReadonlySet<string> = new Set(['id', 'version', 'createdAt', 'updatedAt', 'deactivatedAt', 'claims']);

const PAGE = 100;

export async function defineAll<S, M extends Model>(
  defining: Defining<S, M>,
  codes: readonly string[],
  { deactivateMissing = false, ...options }: DefineOptions,
): Promise<DefinitionReport> {
  const created: string[] = [];
  const changed: { code: string; fields: readonly string[] }[] = [];
  const unchanged: string[] = [];
  for (const code of codes) {
    const fields = await defineOne(defining, code, options as MutationOptions<S>);
    if (fields === null) created.push(code);
    else if (fields.length > 0) changed.push({ code, fields });
    else unchanged.push(code);
  }
  const missing = await missingRows(defining, new Set(codes), options as MutationOptions<S>);
  const deactivated: string[] = [];
  for (const row of deactivateMissing ? missing : []) {
    await defining.deactivate(row, options as MutationOptions<S>);
    deactivated.push(row.code as string);
  }
  return { created, changed, unchanged, missing: missing.map(({ code }) => code as string), deactivated };
}

/** The names of the fields that this call changed; null where it made the row. */
async function defineOne<S, M extends Model>(
  defining: Defining<S, M>,
  code: string,
  options: MutationOptions<S>,
): Promise<readonly string[] | null> {
  const { definitions } = defining;
  const { model, toJson, fromJson } = definitions.parts;
  let fields: readonly string[] | null = [];
  const decide = async (attempt: Attempt<S>): Promise<Act> => {
    const stored = await defining.read(code, attempt.rest());
    const next = defining.next(code, stored, attempt);
    fields = stored && differing(toJson(stored), toJson(next));
    if (fields?.length === 0) throw UNCHANGED;
    const what = NAMES[model];
    return stored ? definitions.replaced(`${what} defined again`, next) : definitions.inserted(`${what} defined`, next);
  };
  try {
    const { details } = await writeDefinition(definitions.engine, {
      ...{ operation: `define_${model}`, given: { code }, options, decide },
    });
    defining.changed(fromJson(details[model] as JsonObject));
  } catch (error) {
    if (error !== UNCHANGED) throw error;
  }
  return fields;
}

const NAMES = { plan: 'Plan', promo: 'Promo' } as const;

function differing(stored: JsonObject, next: JsonObject): string[] {
  const names = new Set([...Object.keys(stored), ...Object.keys(next)]);
  const text = (value: Json | undefined) => fingerprintOf(value ?? null);
  return [...names].filter((name) => !WRITTEN.has(name) && text(stored[name]) !== text(next[name])).sort();
}

/** Active rows with a code that is not one of these. The codes of referrers are made while a host runs. */
async function missingRows<S, M extends Model>(
  { definitions }: Defining<S, M>,
  codes: ReadonlySet<string>,
  options: MutationOptions<S>,
): Promise<Row<M>[]> {
  const { engine, parts } = definitions;
  const missing: Row<M>[] = [];
  const active = { index: 'active', equals: { isActive: true }, limit: PAGE };
  for (let after: string | null | undefined; after !== null; ) {
    const query = after === undefined ? active : { ...active, after };
    const page = await engine.read(options, (timeoutMs) => engine.store.find(parts.model, query, { timeoutMs }));
    const rows = page.rows as unknown as readonly Row<M>[];
    const isDefined = (row: Row<M>) => row.code !== null && !('referrerId' in row && row.referrerId !== null);
    missing.push(...rows.filter((row) => isDefined(row) && !codes.has(row.code as string)));
    after = page.nextCursor;
  }
  return missing;
}
