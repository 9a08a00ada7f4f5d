/** Units of the port, checked for what the port rules out, and translated for where they go. */
import { creditError } from '../../errors.js';
import type { Change, Row, Unit, UnitOutcome } from '../../ports/db-manager.js';

/** Where the rows of one model are: a table, a collection. */
export interface RowStore {
  keyOf(row: Row): string;
}

/** Units as an adapter sends them. */
export interface PlannedUnits<C> {
  /** The changes of each unit that is worth sending. */
  readonly sent: readonly (readonly C[])[];
  /** For each of them, its place among the units of the call. */
  readonly places: readonly number[];
  /** The outcomes of units that need not be sent, by place. */
  readonly settled: Map<number, UnitOutcome>;
}

/** The key of the document that a change is about. */
export function keyOf(
  change: { readonly op: 'delete'; readonly key: string } | { readonly op: 'insert' | 'replace'; readonly row: Row },
  store: RowStore,
): string {
  return change.op === 'delete' ? change.key : store.keyOf(change.row);
}

/** Why a unit is rejected that changes one document more than once. */
export function namedTwice(): Error {
  return new Error('A unit names one document twice.');
}

/**
 * Translates units. One that names a document twice, or that `translate` throws for, is `rejected` and not sent; one
 * without changes is committed as it is.
 *
 * @throws INVALID_ARGUMENT for two units that share a document: only one of them could be told the truth.
 */
export function plannedUnits<S extends RowStore, C>(
  units: readonly Unit[],
  storeOf: (model: string) => S,
  translate: (change: Change, store: S, key: string) => C,
): PlannedUnits<C> {
  const sent: C[][] = [];
  const places: number[] = [];
  const settled = new Map<number, UnitOutcome>();
  const owners = new Map<S, Map<string, number>>();
  for (let place = 0; place < units.length; place++) {
    let cause: unknown = null;
    const changes: C[] = [];
    for (const change of units[place] as Unit) {
      const store = storeOf(change.model);
      const key = keyOf(change, store);
      if (!claim(owners, store, key, place)) cause ??= namedTwice();
      try {
        changes.push(translate(change, store, key));
      } catch (error) {
        cause ??= error;
      }
    }
    if (cause !== null) settled.set(place, { status: 'rejected', cause });
    else if (changes.length === 0) settled.set(place, { status: 'committed' });
    else {
      sent.push(changes);
      places.push(place);
    }
  }
  return { sent, places, settled };
}

/** Whether nobody but this unit, and it only once, names the document. */
function claim<S>(owners: Map<S, Map<string, number>>, store: S, key: string, place: number): boolean {
  let keys = owners.get(store);
  if (!keys) {
    keys = new Map();
    owners.set(store, keys);
  }
  const owner = keys.get(key);
  if (owner === undefined) keys.set(key, place);
  else if (owner !== place) {
    const details = { path: 'units', expected: 'units that share no document' };
    throw creditError('INVALID_ARGUMENT', 'Two units of one call change the same document.', details);
  }
  return owner === undefined;
}

/** @throws INVALID_ARGUMENT for several units in a transaction that is open already. */
export function checkAlone(units: readonly unknown[]): void {
  if (units.length <= 1) return;
  const details = { path: 'units', expected: 'one unit' };
  throw creditError('INVALID_ARGUMENT', 'In a transaction units are written one by one.', details);
}
