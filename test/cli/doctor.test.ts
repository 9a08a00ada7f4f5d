/** The self-check of the program on a real database: what it finds, and that it makes nothing. */
import pg from 'pg';
import { expect, test } from 'vitest';
import { EXIT } from '../../src/cli/command.js';
import { runCli } from '../../src/cli/main.js';
import { createCreditManagementFromEnv } from '../../src/env.js';
import { describePostgres } from '../backends/postgres.js';
import { QUIET } from '../support/quiet.js';

await describePostgres('doctor on PostgreSQL', (database) => {
  const doctor = async (url = database.url) => {
    const said = { out: '', err: '' };
    const io = {
      ...{ env: {}, isTerminal: false, ask: null, signal: new AbortController().signal },
      out: (text: string) => (said.out += text),
      err: (text: string) => (said.err += text),
    };
    const code = await runCli(['doctor', '--database-url', url], io, {
      open: (env, _, creditScale) => createCreditManagementFromEnv({ creditScale, logger: QUIET }, env),
      schemas: { postgres: () => '', mongodb: () => ({}) },
      openapi: () => ({}),
      serve: async () => ({ problems: [] }),
    });
    return { code, ...said };
  };
  const withClient = async <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    return work(client).finally(() => client.end());
  };
  const made = () =>
    withClient(async (client) => {
      const { rows } = await client.query(`select relname from pg_class where relnamespace = 'public'::regnamespace`);
      return rows.length;
    });

  test('leaves an empty database empty, and says what is missing', async () => {
    const { code, out } = await doctor();
    expect(code).toBe(EXIT.problems);
    expect(out).toMatch(/NOT OK tables and indexes: missing: table credit_account, .*table credit_payment_message[,;]/);
    expect(await made()).toBe(0);
  });

  test('names a column and an index that are missing, and makes neither', async () => {
    const manager = createCreditManagementFromEnv({ logger: QUIET }, { CREDIT_DATABASE_URL: database.url });
    await manager.credits.addCredits('u', 5);
    expect(await doctor()).toMatchObject({ code: EXIT.done, out: expect.stringContaining('ok  health: ') });
    const index = await withClient(async (client) => {
      await client.query('alter table credit_plan drop column name');
      const { rows } = await client.query(`select indexname from pg_indexes where tablename = 'credit_entry'
        and indexdef not like '%UNIQUE%' limit 1`);
      await client.query(`drop index ${rows[0].indexname}`);
      return rows[0].indexname;
    });
    const before = await made();
    const { code, out } = await doctor();
    expect(code).toBe(EXIT.problems);
    expect(out).toContain(`NOT OK tables and indexes: missing: index ${index}, column credit_plan.name;`);
    expect(out).not.toContain('health');
    expect(await made()).toBe(before);
    await manager.close();
  });

  test('tells the code of a server that is not there, and no address', async () => {
    const { code, out } = await doctor('postgres://nobody:secret@127.0.0.1:1/nowhere');
    expect(code).toBe(EXIT.problems);
    expect(out).toContain('NOT OK database: The database did not answer (ECONNREFUSED).');
    expect(out).not.toMatch(/127|secret|nobody|nowhere/);
  });
});
