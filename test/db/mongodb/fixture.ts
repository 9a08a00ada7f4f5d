/** What the tests of the MongoDB adapter share: managers, a client and rows on one database. */
import assert from 'node:assert/strict';
import { type ClientSession, type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import { MongoDbManager, type MongoOptions } from '../../../src/entries/mongodb.js';
import type { Row, StoredModel, UnitOutcome } from '../../../src/ports/db-manager.js';
import { type TestModels, testModels } from '../../../src/testing/db-manager/models.js';
import type { Database } from '../../backends/find.js';
import { databaseOf } from '../../backends/mongo-uri.js';

export interface Bench {
  readonly db: MongoDbManager;
  readonly models: TestModels;
  readonly client: MongoClient;
  /** The database, beside the adapter. */
  readonly raw: Db;
  collection(model: StoredModel): ReturnType<Db['collection']>;
  /** A transaction that has been begun, and is rolled back in the end if it is open then. */
  begin(): ClientSession;
}

/** Runs a test with a manager, models and a client of its own. */
export async function withBench(
  { url }: Database,
  body: (bench: Bench) => Promise<void>,
  options: Partial<MongoOptions> & { readonly clientOptions?: MongoClientOptions } = {},
): Promise<void> {
  const { clientOptions, ...rest } = options;
  const client = new MongoClient(url, clientOptions);
  const raw = client.db(databaseOf(url));
  const db = new MongoDbManager({ client, dbName: raw.databaseName, ...rest });
  const models = testModels();
  const sessions: ClientSession[] = [];
  try {
    await db.init(Object.values(models));
    await body({
      ...{ db, models, client, raw },
      collection: (model) => raw.collection(`credit_${model.name}`),
      begin() {
        const session = client.startSession();
        sessions.push(session);
        session.startTransaction();
        return session;
      },
    });
  } finally {
    for (const session of sessions) await session.endSession();
    await db.close();
    await client.close();
  }
}

export function only(outcomes: readonly UnitOutcome[]): UnitOutcome {
  assert.equal(outcomes.length, 1);
  return outcomes[0] as UnitOutcome;
}

export function statuses(outcomes: readonly UnitOutcome[]): string[] {
  return outcomes.map(({ status }) => status);
}

export const bumped = (row: Row, values: Partial<Row> = {}): Row => ({ ...row, ...values, version: row.version + 1 });

/** The error of a call that must fail. */
export async function errorOf(call: Promise<unknown>): Promise<Error & { code?: number | string }> {
  return call.then(
    () => assert.fail('it did not fail'),
    (error: Error & { code?: number | string }) => error,
  );
}

export const hasLabel = (error: unknown, label: string): boolean =>
  (error as { hasErrorLabel?: (label: string) => boolean }).hasErrorLabel?.(label) === true;
