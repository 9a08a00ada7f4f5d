/** Checks the units of the port for what the port forbids, and translates them for their database. */
import { creditError } from '../../errors.js';
import type { Change, Row, Unit, UnitOutcome } from '../../ports/db-manager.js';

/** The place where the rows of one model are: a table, a collection. */
export interface RowStore {
  keyOf(row: Row): string;
}

/** Units as an adapter sends them. */
export interface TranslatedUnits<C> {
  /** The changes of each unit that is worth sending. */
  readonly sent: readonly (readonly C[])[];
  /** The place of each of them among the units of the call. */
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

/** The reason for which a unit is rejected that changes one document more than once. */
export function namedTwice(): Error {
  return new Error('A unit names one document twice.');
}

/**
 * Translates units. A unit is `rejected` and not sent when it names a document twice, or when `translate` throws for
 * it. A unit without changes is committed as it is.
 *
 * @throws INVALID_ARGUMENT for two units that share a document: only one of them could be told the truth.
 */
export function translatedUnits<S extends RowStore, C>(
  units: readonly Unit[],
  storeOf: (model: string) => S,
  translate: (change: Change, store: S, key: string) => C,
): TranslatedUnits<C> {
  const sent: C[][] = [];
  const places: number[] = [];
  const settled = new Map<number, UnitOutcome>();
  const owners = new Map<S, Map<string, number>>();
  for (let place = 0; place < units.length; place++) {
    let cause: unknown = null;
    const unit = units[place] as Unit;
    // A list that grows keeps room for seventeen.
    const changes: C[] = new Array(unit.length);
    for (let i = 0; i < unit.length; i++) {
      const change = unit[i] as Change;
      const store = storeOf(change.model);
      const key = keyOf(change, store);
      if (!claim(owners, store, key, place)) cause ??= namedTwice();
      try {
        changes[i] = translate(change, store, key);
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

/**
 * Notes the unit that changes a document. False when the unit names the document already; throws when another one does.
 */
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
