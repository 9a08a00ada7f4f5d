/** The databases that the service tests run on, and what a test does there beside the library. */
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { MongoDbManager } from '../../src/entries/mongodb.js';
import { SqlDbManager } from '../../src/entries/sql.js';
import type { DbManager } from '../../src/index.js';
import type { Database } from './find.js';
import { describeMongo } from './mongo.js';
import { databaseOf } from './mongo-uri.js';
import { describePostgres } from './postgres.js';

/** A store of credits, told from others of the same database by the prefix of its names. */
export interface Place {
  readonly db: DbManager<unknown>;
  /** Deletes every row. Faster than making the store anew. */
  empty(): Promise<void>;
  /** Closes the manager too. */
  close(): Promise<void>;
}

export interface StoreAdapter {
  readonly name: string;
  readonly title: string;
  /** How much of a suite runs here where nobody says how much: every commit waits for the disk. */
  readonly share: number;
  /** Whether a transaction goes on seeing what was there at its beginning. */
  readonly hasSnapshots: boolean;
  /** Registers a suite with a database of its own, or as skipped, with the reason. */
  describeDatabase(name: string, body: (database: Database) => void): Promise<void>;
  open(url: string, prefix?: string): Place;
}

export const POSTGRES: StoreAdapter = {
  name: 'postgres',
  title: 'PostgreSQL',
  share: 1,
  hasSnapshots: false,
  describeDatabase: describePostgres,
  open(url, prefix = 'credit_') {
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    const db = new SqlDbManager({ pool, prefix }) as unknown as DbManager<unknown>;
    return {
      db,
      empty: () => emptyTables(pool, prefix),
      async close() {
        await db.close();
        await pool.end();
      },
    };
  },
};

export const MONGODB: StoreAdapter = {
  name: 'mongodb',
  title: 'MongoDB',
  share: 0.5,
  hasSnapshots: true,
  describeDatabase: describeMongo,
  open(url, prefix = 'credit_') {
    const client = new MongoClient(url);
    const dbName = databaseOf(url);
    const db = new MongoDbManager({ client, dbName, prefix }) as unknown as DbManager<unknown>;
    return {
      db,
      empty: () => emptyCollections(client, dbName, prefix),
      async close() {
        await db.close();
        await client.close();
      },
    };
  },
};

export async function tablesOf(pool: pg.Pool, prefix = 'credit_'): Promise<string[]> {
  const query = `select table_name as name from information_schema.tables
    where table_schema = current_schema() and left(table_name, length($1)) = $1 order by 1`;
  return (await pool.query(query, [prefix])).rows.map((row) => row.name as string);
}

export async function emptyTables(pool: pg.Pool, prefix = 'credit_'): Promise<void> {
  const tables = await tablesOf(pool, prefix);
  if (tables.length > 0) await pool.query(tables.map((name) => `delete from ${name}`).join('; '));
}

export async function collectionsOf(client: MongoClient, dbName: string, prefix = 'credit_'): Promise<string[]> {
  const found = await client.db(dbName).listCollections({}, { nameOnly: true }).toArray();
  return found
    .map(({ name }) => name)
    .filter((name) => name.startsWith(prefix))
    .sort();
}

export async function emptyCollections(client: MongoClient, dbName: string, prefix = 'credit_'): Promise<void> {
  for (const name of await collectionsOf(client, dbName, prefix))
    await client.db(dbName).collection(name).deleteMany({});
}
