/** The schema of the tables where no option names it. */
import pg from 'pg';
import { expect, test } from 'vitest';
import { SqlDbManager, type SqlOptions } from '../../../src/entries/sql.js';
import { createCreditManagement } from '../../../src/index.js';
import { createDatabase, describePostgres, dropDatabase } from '../../backends/postgres.js';
import { codeOf } from '../../support/codes.js';
import { QUIET } from '../../support/quiet.js';

await describePostgres('a schema that appears earlier on the search_path', (database) => {
  const withDatabase = async (body: (url: string, client: pg.Client) => Promise<void>) => {
    const url = await createDatabase(database.url);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      await body(url, client);
    } finally {
      await client.end();
      await dropDatabase(database.url, url);
    }
  };
  const open = (url: string, options: Partial<SqlOptions> = {}) => {
    // As a role or a database would say it.
    const path = new URL(url);
    path.searchParams.set('options', '-c search_path=newer,older');
    return createCreditManagement({ db: new SqlDbManager({ url: String(path), ...options }), logger: QUIET });
  };

  test('does not begin a second ledger', () =>
    withDatabase(async (url, client) => {
      await client.query('create schema older');
      const first = open(url);
      await first.credits.addCredits('ada', 5);
      await client.query('create schema newer');
      const second = open(url);
      expect((await second.credits.getUserCreditsInfo('ada')).balance).toBe(5);
      await second.credits.deductCredits('ada', 2);
      expect((await first.credits.getUserCreditsInfo('ada')).balance).toBe(3);
      const { rows } = await client.query("select from pg_tables where schemaname = 'newer'");
      expect(rows).toEqual([]);
      for (const each of [first, second]) await each.close();
    }));

  test('is used where it is the first one when the tables are made, or is named', () =>
    withDatabase(async (url, client) => {
      await client.query('create schema older; create schema newer');
      const unnamed = open(url);
      await unnamed.credits.addCredits('ada', 5);
      const named = open(url, { schema: 'older' });
      expect((await named.credits.getUserCreditsInfo('ada')).balance).toBe(0);
      const tables = await client.query(
        "select schemaname from pg_tables where tablename = 'credit_account' order by 1",
      );
      expect(tables.rows.map(({ schemaname }) => schemaname)).toEqual(['newer', 'older']);
      // Now nobody knows which one an unnamed one means.
      const third = open(url);
      expect(await codeOf(third.init())).toBe('CONFIGURATION');
      await expect(third.init()).rejects.toThrow('(newer, older): give the option schema');
      for (const each of [unnamed, named, third]) await each.close();
    }));
});
