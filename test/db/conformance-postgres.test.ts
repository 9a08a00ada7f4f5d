/** The conformance suite of the `DbManager` port on a real PostgreSQL. */
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, describe, test } from 'vitest';
import { SqlDbManager } from '../../src/entries/sql.js';
import { testDbManager } from '../../src/testing/db-manager/index.js';
import { describePostgres } from '../backends/postgres.js';

await describePostgres('SqlDbManager on PostgreSQL', (database) => {
  describe('with a pool of the host', () => {
    const pool: { made?: pg.Pool } = {};
    testDbManager({ describe, test }, () => {
      pool.made ??= new pg.Pool({ connectionString: database.url, max: 20 });
      return new SqlDbManager({ pool: pool.made });
    });
    afterAll(() => pool.made?.end());
  });

  describe('with a Kysely of the host', () => {
    const kysely: { made?: Kysely<unknown> } = {};
    testDbManager({ describe, test }, () => {
      kysely.made ??= new Kysely({
        dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url, max: 20 }) }),
      });
      return new SqlDbManager({ kysely: kysely.made, poolSize: 20 });
    });
    afterAll(() => kysely.made?.destroy());
  });

  describe('with a URL', () => testDbManager({ describe, test }, () => new SqlDbManager({ url: database.url })));
});
