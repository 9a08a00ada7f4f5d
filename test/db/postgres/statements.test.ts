/** What connections cost the server: prepared statements, and the memory of its backends. */
import pg from 'pg';
import { expect, test } from 'vitest';
import { SqlDbManager } from '../../../src/entries/sql.js';
import { createCreditManagement, storedModels } from '../../../src/index.js';
import { describePostgres } from '../../backends/postgres.js';
import { amount } from '../../support/amounts.js';
import { SEED } from '../../support/chance.js';
import { mixedLoad } from '../../support/mixed-load.js';
import { PATIENT_MS } from '../../support/pace.js';
import { QUIET } from '../../support/quiet.js';

const POOL = 2;
const STATEMENTS_MAX = 40;
const MEMORY_MAX = 40 * 2 ** 20;

await describePostgres('the backends of PostgreSQL', (database) => {
  test('keep few statements and little memory, whatever was called', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: POOL });
    const sink = { name: 'sink', publish: async () => {} };
    const manager = createCreditManagement({
      ...{ db: new SqlDbManager({ pool, timeoutMs: PATIENT_MS }), sinks: [sink], events: 'all' },
      ...{ logger: QUIET, timeoutMs: PATIENT_MS },
    });
    await manager.init();
    const { calls, refused } = await mixedLoad(manager, amount('CREDIT_LOAD'), 100, SEED);
    // Refusals are part of the load; it is none where all are refused.
    expect(refused).toBeLessThan(calls / 2);
    const clients = await Promise.all(Array.from({ length: POOL }, () => pool.connect()));
    const version = (await clients[0]?.query('show server_version_num'))?.rows[0].server_version_num;
    for (const client of clients) {
      const { rows } = await client.query('select count(*)::int as n from pg_prepared_statements');
      expect(rows[0].n).toBeGreaterThan(10);
      expect(rows[0].n).toBeLessThanOrEqual(STATEMENTS_MAX);
      // The view is newer than the oldest server that is supported.
      if (Number(version) < 140_000) continue;
      const used = await client.query('select sum(total_bytes)::int as bytes from pg_backend_memory_contexts');
      expect(used.rows[0].bytes).toBeLessThanOrEqual(MEMORY_MAX);
    }
    for (const client of clients) client.release();
    await manager.close();
    await pool.end();
  });

  test('a statement that was given up is prepared again when it is wanted', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    const db = new SqlDbManager({ pool, prefix: 'again_' });
    const { credits, init, close } = createCreditManagement({ db, logger: QUIET });
    await init();
    await credits.addCredits('ada', 5);
    const walks = storedModels.flatMap(({ name, indexes }) =>
      indexes.flatMap(({ name: index }) => (['asc', 'desc'] as const).map((direction) => ({ name, index, direction }))),
    );
    expect(walks.length).toBeGreaterThan(STATEMENTS_MAX);
    for (let round = 0; round < 2; round++) {
      for (const { name, ...walk } of walks) await db.find(name, { ...walk, limit: 1 });
      const { rows } = await pool.query('select count(*)::int as n from pg_prepared_statements');
      expect(rows[0].n).toBe(STATEMENTS_MAX);
      await credits.addCredits('ada', 5);
    }
    expect((await credits.getUserCreditsInfo('ada')).balance).toBe(15);
    await close();
    await pool.end();
  });
});
