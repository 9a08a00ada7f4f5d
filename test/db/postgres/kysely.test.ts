/** A Kysely of the host as the source of connections. */
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { expect, test } from 'vitest';
import { SqlDbManager } from '../../../src/entries/sql.js';
import { createCreditManagement } from '../../../src/index.js';
import { describePostgres } from '../../backends/postgres.js';
import { codeOf } from '../../support/codes.js';
import { paced } from '../../support/pace.js';
import { QUIET } from '../../support/quiet.js';
import { eventually } from '../../support/wait.js';

const POOL = 2;
const SETTINGS = sql<{ value: string }>`select current_setting(name) as value from unnest(
  array['jit', 'enable_seqscan', 'statement_timeout', 'lock_timeout', 'plan_cache_mode']) as name`;

await describePostgres('a Kysely of the host', (database) => {
  test('has its own settings behind calls, and those in transactions of ours and of the host join them', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: POOL });
    pool.on('error', () => {});
    const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
    const settings = async () => (await SETTINGS.execute(kysely)).rows;
    const before = await settings();
    const db = new SqlDbManager({ kysely, poolSize: POOL });
    const { credits, close } = createCreditManagement({ db, logger: QUIET });
    await Promise.all(Array.from({ length: 10 }, (_, i) => credits.addCredits(`user-${i}`, 5)));
    await kysely.transaction().execute(async (session) => {
      await credits.deductCredits('user-0', 1, { session });
    });
    await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        db.transaction((session) => credits.deductCredits(`user-${i}`, 2, { session })),
      ),
    );
    const infos = await credits.getUsersCreditsInfo(['user-0', 'user-1', 'user-9']);
    expect(infos.map(({ balance }) => balance)).toEqual([2, 3, 5]);
    await eventually(async () => {
      for (let i = 0; i < 2 * POOL; i++) expect(await settings()).toEqual(before);
    });
    await close();
    expect(await settings()).toEqual(before);
    await kysely.destroy();
  });

  test('a transaction that cannot commit, or is late, leaves nothing, and its connection is as before', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    pool.on('error', () => {});
    const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
    const db = new SqlDbManager({ kysely, poolSize: 1, prefix: 'late_' });
    const { credits, init, close } = createCreditManagement({ db, logger: QUIET });
    await init();
    const query = (session: object, text: string) => (session as { query(text: string): Promise<unknown> }).query(text);
    const failed = db.transaction(async (session) => {
      await credits.addCredits('ada', 5, { session });
      await query(session, 'select 1 / 0').catch(() => {});
    });
    expect(await codeOf(failed)).toBe('STORAGE_UNAVAILABLE');
    const late = db.transaction(
      async (session) => {
        await credits.addCredits('ada', 5, { session });
        await new Promise(() => {});
      },
      { timeoutMs: paced(500) },
    );
    expect(await codeOf(late)).toBe('TIMEOUT');
    expect((await credits.getUserCreditsInfo('ada')).balance).toBe(0);
    expect((await credits.addCredits('ada', 7)).balanceAfter).toBe(7);
    await close();
    await kysely.destroy();
  });

  test('a transaction of one is no source of connections', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    pool.on('error', () => {});
    const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
    await kysely.transaction().execute(async (transaction) => {
      expect(() => new SqlDbManager({ kysely: transaction })).toThrow('is a transaction of one');
    });
    await kysely.destroy();
  });
});
