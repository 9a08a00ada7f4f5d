/** Shared by the tests of the `DbManager` suite: a manager for each test, and short forms of frequent calls. */
import assert from 'node:assert/strict';
import { type CreditErrorCode, isCreditError } from '../../errors.js';
import type { Awaitable } from '../../models/values.js';
import type { Change, DbManager, FindQuery, Row, StoredModel, UnitOutcome } from '../../ports/db-manager.js';
import { keyOf, type TestModels, testModels } from './models.js';

export interface Fixture<S> {
  readonly db: DbManager<S>;
  readonly models: TestModels;
  /** Another manager from `make()`. It is not initialised, and it is closed after the test. */
  another(): Promise<DbManager<S>>;
  /** Initialised models that no other test writes to, for tests that need an empty table or fixed keys. */
  own(): Promise<TestModels>;
}

export type Tests<S> = Readonly<Record<string, (f: Fixture<S>) => Promise<void>>>;

export interface TransactionalFixture<S> extends Fixture<S> {
  readonly db: DbManager<S> & Required<Pick<DbManager<S>, 'transaction'>>;
}

/** Runs one test on its own manager, and closes every manager that it made. */
export async function withFixture<S>(
  make: () => Awaitable<DbManager<S>>,
  models: TestModels,
  body: (f: Fixture<S>) => Promise<void>,
): Promise<void> {
  const opened: DbManager<S>[] = [];
  const another = async () => {
    const db = await make();
    opened.push(db);
    return db;
  };
  try {
    const db = await another();
    await db.init(Object.values(models));
    const own = async () => {
      const fresh = testModels();
      await db.init([...Object.values(models), ...Object.values(fresh)]);
      return fresh;
    };
    await body({ db, models, another, own });
  } finally {
    for (const db of opened) await db.close();
  }
}

/** Makes tests of `transaction` that do nothing when the adapter has no transactions. */
export function whereTransactions<S>(
  tests: Readonly<Record<string, (f: TransactionalFixture<S>) => Promise<void>>>,
): Tests<S> {
  const guarded = (body: (f: TransactionalFixture<S>) => Promise<void>) => async (f: Fixture<S>) => {
    if (f.db.transaction) await body(f as TransactionalFixture<S>);
  };
  return Object.fromEntries(Object.entries(tests).map(([name, body]) => [name, guarded(body)]));
}

export const insert = (model: StoredModel, row: Row): Change => ({ op: 'insert', model: model.name, row });

export const replace = (model: StoredModel, row: Row, expectedVersion: number): Change => ({
  op: 'replace',
  model: model.name,
  row,
  expectedVersion,
});

export const remove = (model: StoredModel, key: string, expectedVersion: number): Change => ({
  op: 'delete',
  model: model.name,
  key,
  expectedVersion,
});

/** Commits one unit. */
export async function commit<S>(db: DbManager<S>, ...changes: readonly Change[]): Promise<UnitOutcome> {
  const outcomes = await db.commit([changes]);
  assert.equal(outcomes.length, 1, 'one outcome a unit');
  return outcomes[0] as UnitOutcome;
}

/** Inserts rows, each in its own unit, and expects them all to be committed. */
export async function insertAll<S>(db: DbManager<S>, model: StoredModel, rows: readonly Row[]): Promise<void> {
  const outcomes = await db.commit(rows.map((row) => [insert(model, row)]));
  assert.deepEqual(
    outcomes,
    rows.map(() => COMMITTED),
  );
}

export async function readOne<S>(db: DbManager<S>, model: StoredModel, key: string): Promise<Row | null | undefined> {
  const rows = await db.getMany(model.name, [key]);
  assert.equal(rows.length, 1, 'one answer a key');
  return rows[0];
}

/** The keys that a query finds, in order. It checks that `count` agrees. */
export async function findKeys<S>(
  db: DbManager<S>,
  model: StoredModel,
  query: Omit<FindQuery, 'limit'>,
): Promise<string[]> {
  const { rows, nextCursor } = await db.find(model.name, { ...query, limit: 1000 });
  assert.equal(nextCursor, null, 'everything fits on one page');
  const { after: _, ...counted } = query;
  if (query.after === undefined) assert.equal(await db.count(model.name, counted), rows.length, 'count = rows found');
  return rows.map(keyOf);
}

export const COMMITTED: UnitOutcome = { status: 'committed' };
export const conflict = (model: StoredModel, key: string): UnitOutcome => ({
  status: 'conflict',
  model: model.name,
  key,
});

/** Expects a rejection with one of the library's codes. */
export async function rejectsWith(code: CreditErrorCode, call: () => Promise<unknown>): Promise<void> {
  const outcome = await call().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) assert.fail(`expected ${code}, but the call resolved`);
  if (!isCreditError(outcome.error)) {
    throw new assert.AssertionError({ message: `expected ${code}, not the error ${String(outcome.error)}` });
  }
  assert.equal(outcome.error.code, code, outcome.error.message);
}

/** The answer of a call, or null when none came in time, because an adapter may make a call wait for a lock. */
export async function answerWithin<T>(ms: number, call: Promise<T>): Promise<{ readonly value: T } | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, ms, null);
  });
  try {
    return await Promise.race([call.then((value) => ({ value })), late]);
  } finally {
    clearTimeout(timer);
  }
}
