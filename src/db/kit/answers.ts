/** The answers of calls: outcomes in the order of units, rows in the order of keys, pages with their cursor. */
import { encodeCursor } from '../../ports/cursor.js';
import type { FindQuery, Row, StoredModel, UnitOutcome } from '../../ports/db-manager.js';
import type { RowStore } from './units.js';

export const COMMITTED: UnitOutcome = { status: 'committed' };
export const LOCKED: UnitOutcome = { status: 'locked' };

/**
 * Answers one outcome for each unit of the call.
 *
 * @param settled the outcomes of units that were not sent, by the places of these units.
 * @param places the places of the units that were sent, in the order of their `answers`.
 */
export function outcomesOf(
  settled: ReadonlyMap<number, UnitOutcome>,
  places: readonly number[],
  answers: readonly UnitOutcome[],
): readonly UnitOutcome[] {
  // As a rule all units were sent.
  if (settled.size === 0) return answers;
  const outcomes: UnitOutcome[] = new Array(settled.size + places.length);
  for (const [place, outcome] of settled) outcomes[place] = outcome;
  for (const [i, place] of places.entries()) outcomes[place] = answers[i] as UnitOutcome;
  return outcomes;
}

/** Puts the found rows into the order of the keys. A key that is asked for again gets a row of its own. */
export function rowsByKey(keys: readonly string[], found: readonly Row[], store: RowStore): (Row | null)[] {
  const rows = new Map(found.map((row) => [store.keyOf(row), row]));
  const answered = new Set<Row>();
  return keys.map((key) => {
    const row = rows.get(key) ?? null;
    if (row && answered.has(row)) return structuredClone(row);
    if (row) answered.add(row);
    return row;
  });
}

/** Makes a page of rows that were found with a limit of one row more: that row tells that there is another page. */
export function pageOf(
  model: StoredModel,
  query: FindQuery,
  found: readonly Row[],
): { rows: readonly Row[]; nextCursor: string | null } {
  const rows = found.slice(0, query.limit);
  const isLast = found.length <= rows.length;
  return { rows, nextCursor: isLast ? null : encodeCursor(model, query, rows.at(-1) as Row) };
}
