/**
 * Writes the units of one call and finds the true outcome of each. All go in one statement. When that is refused as a
 * whole, nothing of it was written; then its halves are sent, down to the unit that was the cause.
 */
import { isCreditError } from '../../errors.js';
import type { Row, UnitOutcome } from '../../ports/db-manager.js';
import { COMMITTED, LOCKED } from '../kit/answers.js';
import { isOfValue } from '../kit/failures.js';
import { keyOf } from '../kit/units.js';
import type { Dialect, Failure, Statement, TableUnit } from './dialect.js';
import { storageFailure } from './failures.js';

/** How often a unit is sent whose unique value is taken between its look and its write. */
const LOOKS_MAX = 3;

/** The way to send statements. */
export interface Sender {
  /** Sends a statement and answers its row. */
  send(statement: Statement): Promise<unknown>;
  /** The mark of the only transaction that may be written in; null for any. */
  readonly mark: string | null;
  /** Whether its connection keeps statements for the next call. */
  readonly isKept: boolean;
  /** Called when a lock was waited for in vain: the statements that follow wait for a shorter time. */
  beImpatient?(): void;
  /**
   * Whether an error ends the transaction around all this. Such an error is thrown as it is. A sender with this method
   * takes no risk of one: nothing is written blind.
   */
  endsAll?(error: unknown): boolean;
}

/** @throws an error of the library when nothing was applied, and every error for which `endsAll` holds. */
export async function writeUnits(
  dialect: Dialect,
  sender: Sender,
  units: readonly TableUnit[],
): Promise<readonly UnitOutcome[]> {
  const outcomes: UnitOutcome[] = new Array(units.length);
  const open: [from: number, to: number][] = [[0, units.length]];
  let looks = 0;
  let mayBeBlind = units.length === 1 && !sender.endsAll;
  for (let range = open.pop(); range; range = open.pop()) {
    const [from, to] = range;
    const part = units.slice(from, to);
    let failure: Failure;
    let cause: unknown;
    try {
      if (mayBeBlind && to - from === 1) {
        // Most often nothing is in the way. Otherwise the next look tells the obstacle.
        mayBeBlind = false;
        if (dialect.isWritten(await sender.send(dialect.writeBlind(part[0] as TableUnit)))) {
          outcomes[from] = COMMITTED;
          continue;
        }
      }
      const row = await sender.send(dialect.write(part, sender));
      settle(outcomes, from, part, dialect, row);
      looks = 0;
      continue;
    } catch (error) {
      if (isCreditError(error) || sender.endsAll?.(error)) throw error;
      cause = error;
      failure = isOfValue(error) ? 'rejected' : dialect.failureOf(error);
    }
    if (failure === 'lost' || failure === 'failed') {
      // The call may throw as long as nothing was applied. Otherwise it has to answer: the rest is unknown.
      if (failure === 'failed' && !outcomes.some((outcome) => outcome?.status === 'committed'))
        throw storageFailure(dialect, cause);
      for (let i = 0; i < units.length; i++) outcomes[i] ??= { status: 'unknown', cause };
      break;
    }
    if (to - from > 1) {
      if (failure === 'locked') sender.beImpatient?.();
      const middle = (from + to) >> 1;
      open.push([middle, to], [from, middle]);
    } else if (failure === 'taken' && ++looks < LOOKS_MAX) open.push(range);
    else {
      outcomes[from] = alone(part[0] as TableUnit, failure, dialect.indexOf(cause), cause);
      looks = 0;
    }
  }
  return outcomes;
}

function settle(
  outcomes: UnitOutcome[],
  from: number,
  part: readonly TableUnit[],
  dialect: Dialect,
  row: unknown,
): void {
  const refusals = dialect.refusals(row, part);
  for (let i = 0; i < part.length; i++) outcomes[from + i] = COMMITTED;
  for (const unit of refusals.units) {
    const found = refusals.found.filter((each) => each.unit === unit);
    outcomes[from + unit] = refused(part[unit] as TableUnit, found);
  }
}

type Found = { readonly model: string; readonly index: string | null; readonly key: string };

/** Taken values are named before stale documents: the writer that took a value has moved the document on as well. */
function refused(unit: TableUnit, found: readonly Found[]): UnitOutcome {
  const taken = new Map<string, { model: string; index: string; key: string }>();
  for (const { model, index, key } of found) {
    if (index !== null) taken.set(`${model}\n${index}\n${key}`, { model, index, key });
  }
  if (taken.size > 0) return { status: 'duplicate', found: [...taken.values()] };
  const stale = unit.find((change) =>
    found.some(({ model, key }) => model === change.table.model.name && key === keyOf(change, change.table)),
  );
  return stale ? { status: 'conflict', model: stale.table.model.name, key: keyOf(stale, stale.table) } : LOCKED;
}

/** The outcome of a unit that failed by itself. */
function alone(
  unit: TableUnit,
  failure: 'rejected' | 'taken' | 'locked',
  index: string | null,
  cause: unknown,
): UnitOutcome {
  if (failure === 'rejected') return { status: 'rejected', cause };
  if (failure === 'locked') return LOCKED;
  for (const { table } of unit) {
    const taken = table.indexes.find(({ name }) => name === index);
    if (taken) {
      // No other row has the value, or it would have been found: two rows of this unit want it.
      const rows = unit.flatMap((change) => (change.op !== 'delete' && change.table === table ? [change.row] : []));
      const key = table.keyOf(
        (twice(
          rows,
          taken.columns.map(({ field }) => field),
        ) ?? rows[0]) as Row,
      );
      return { status: 'duplicate', found: [{ model: table.model.name, index: taken.index, key }] };
    }
  }
  // Another transaction keeps inserting this key and taking it back.
  return LOCKED;
}

/** The first row that has the same values as a later one. */
function twice(rows: readonly Row[], fields: readonly string[]): Row | undefined {
  return rows.find((row, i) =>
    rows.slice(i + 1).some((other) => fields.every((field) => same(row[field], other[field]))),
  );
}

function same(a: unknown, b: unknown): boolean {
  return a instanceof Date && b instanceof Date ? a.getTime() === b.getTime() : a === b;
}
