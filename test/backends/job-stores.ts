/** The stores of the suites of many rows and of many processes, with what lies in them. */
import type { CreditManagement, CreditManagementOptions } from '../../src/index.js';
import { ADAPTER, describeDatabase } from './by-adapter.js';
import type { Database } from './find.js';
import { withStore as withMongo } from './mongodb-store.js';
import { withStore as withPostgres } from './postgres-store.js';

export type Manager = CreditManagement<unknown>;

export interface Store {
  /** One more instance of the library, as another process has it. */
  open(options?: CreditManagementOptions<unknown>): Manager;
  /** A field of every row of a model, or of those where another field has this value. */
  values(model: string, field: string, where?: Readonly<Record<string, string>>): Promise<readonly unknown[]>;
}

export interface Server {
  readonly database: Database;
  /** Runs a test on an empty store. */
  withStore(body: (store: Store) => Promise<void>): Promise<void>;
}

/** Registers a suite on the server of `ADAPTER`, or as skipped, with the reason. */
export async function describeStore(name: string, body: (server: Server) => void): Promise<void> {
  const withStore = ADAPTER === 'mongodb' ? onMongo : onPostgres;
  await describeDatabase(`${name}, on ${ADAPTER}`, (database) => {
    body({ database, withStore: (test) => withStore(database, test) });
  });
}

function onPostgres(database: Database, body: (store: Store) => Promise<void>): Promise<void> {
  return withPostgres(database, (store) =>
    body({
      open: (options) => store.open(options as never) as never,
      async values(model, field, where = {}) {
        const condition = Object.keys(where).map((name, i) => ` and ${column(name)} = $${i + 1}`);
        const query = `select ${column(field)} as value from credit_${model} where true${condition.join('')}`;
        return (await store.query(query, Object.values(where))).map(({ value }) => value);
      },
    }),
  );
}

function onMongo({ url }: Database, body: (store: Store) => Promise<void>): Promise<void> {
  return withMongo(url, (store) =>
    body({
      open: (options) => store.open(options),
      async values(model, field, where = {}) {
        const rows = await store.database.collection(`credit_${model}`).find(where).toArray();
        return rows.map((row) => row[field]);
      },
    }),
  );
}

const column = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
