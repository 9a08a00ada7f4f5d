/** Hosts that use Drizzle, Knex, TypeORM or Sequelize: the real packages, on the database of the credits. */
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import knexOf from 'knex';
import pg from 'pg';
import { Sequelize } from 'sequelize';
import { DataSource } from 'typeorm';
import { fromDrizzle, fromKnex, fromSequelize, fromTypeOrm, type SqlSession } from '../../src/entries/sql.js';
import type { Host, HostedAdapter } from './hosted.js';
import { describePostgres } from './postgres.js';
import { ORDER, withStore } from './postgres-store.js';

/** A transaction of a library: its session, and the library's own way to send a statement. */
interface LibraryTransaction {
  readonly session: SqlSession;
  query(text: string): Promise<unknown>;
}

/** A library that is connected to a database. */
export interface Library {
  /** Runs `work` in a transaction: commits, or rolls back and throws what it threw. */
  transaction<T>(work: (transaction: LibraryTransaction) => Promise<T>): Promise<T>;
  close(): Promise<unknown>;
}

const CONNECTIONS = 6;

export const LIBRARIES = {
  drizzle: async (url: string): Promise<Library> => {
    const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
    pool.on('error', () => {});
    return {
      transaction: (work) =>
        drizzle(pool).transaction((tx) =>
          work({ session: fromDrizzle(tx, sql), query: async (text) => tx.execute(sql.raw(text)) }),
        ),
      close: () => pool.end(),
    };
  },
  knex: async (url: string): Promise<Library> => {
    const knex = knexOf({ client: 'pg', connection: url, pool: { min: 0, max: CONNECTIONS } });
    return {
      transaction: (work) =>
        knex.transaction((trx) => work({ session: fromKnex(trx), query: async (text) => trx.raw(text) })),
      close: () => knex.destroy(),
    };
  },
  typeorm: async (url: string): Promise<Library> => {
    const source = new DataSource({ type: 'postgres', url, poolSize: CONNECTIONS });
    await source.initialize();
    return {
      transaction: (work) =>
        source.transaction((entities) =>
          work({ session: fromTypeOrm(entities), query: (text) => entities.query(text) }),
        ),
      close: () => source.destroy(),
    };
  },
  sequelize: async (url: string): Promise<Library> => {
    const sequelize = new Sequelize(url, { logging: false, pool: { max: CONNECTIONS } });
    return {
      transaction: (work) =>
        sequelize.transaction((transaction) =>
          work({
            session: fromSequelize(sequelize, transaction),
            query: (text) => sequelize.query(text, { transaction }),
          }),
        ),
      close: () => sequelize.close(),
    };
  },
} as const;

/** The stores of PostgreSQL, whose hosts have their transactions from these libraries. */
export const LIBRARY_HOSTS: HostedAdapter = {
  title: 'PostgreSQL with other libraries',
  hosts: Object.keys(LIBRARIES),
  describeDatabase: describePostgres,
  withStore: (url, body) =>
    withStore({ url }, async (store) => {
      const opened = new Map<string, Promise<Library>>();
      const host = (kind = 'knex'): Host => {
        const library = opened.get(kind) ?? LIBRARIES[kind as keyof typeof LIBRARIES](url);
        opened.set(kind, library);
        return async (work) => {
          const { transaction } = await library;
          return transaction(({ session, query }) => work({ session, order: (id) => query(ORDER(id)) }));
        };
      };
      try {
        await body(Object.assign(store, { host }) as never);
      } finally {
        for (const library of opened.values()) await (await library).close();
      }
    }),
};
