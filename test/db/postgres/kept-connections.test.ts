/** Connections of a pool of ours are kept between calls, as long as nobody else wants them. */
import pg from 'pg';
import { expect, test } from 'vitest';
import { PgSource } from '../../../src/db/sql/drivers/pg.js';
import { describePostgres } from '../../backends/postgres.js';
import { until } from '../../support/wait.js';

const NEVER = new AbortController().signal;

await describePostgres('connections that are kept', (database) => {
  async function withSource(max: number, body: (source: PgSource, pool: pg.Pool) => Promise<void>): Promise<void> {
    const pool = new pg.Pool({ connectionString: database.url, max, allowExitOnIdle: true });
    const timeouts = { statementMs: 10_000, lockMs: 1_000 };
    const source = new PgSource(pool, { timeouts, prepare: true, owned: true });
    try {
      await body(source, pool);
    } catch (error) {
      // It would wait for what a failed test has not released.
      void source.close();
      throw error;
    }
    await source.close();
  }

  const pidOf = async (lease: Awaited<ReturnType<PgSource['lease']>>) =>
    ((await lease.query('select pg_backend_pid() as pid')).rows[0] as { pid: number }).pid;

  test('serve the next call at once, and go back to the pool when nobody used them for a while', () =>
    withSource(5, async (source, pool) => {
      expect(source.leaseNow()).toBeNull();
      const first = await source.lease(NEVER);
      const pid = await pidOf(first);
      first.release();
      first.release();
      const second = source.leaseNow();
      expect(second && (await pidOf(second))).toBe(pid);
      expect(source.leaseNow(), 'it is handed out once').toBeNull();
      // Released by its first holder once more, who has it no longer.
      first.release();
      expect(source.leaseNow()).toBeNull();
      second?.release();
      expect(pool.idleCount).toBe(0);
      await until(() => pool.idleCount === 1, 'the pool has it again');
      expect(source.leaseNow()).toBeNull();
    }));

  test('are given to whoever waits for one', () =>
    withSource(1, async (source) => {
      const first = await source.lease(NEVER);
      const waiting = source.lease(NEVER);
      first.release();
      expect(source.leaseNow()).toBeNull();
      const second = await waiting;
      second.release();
      const third = await source.lease(NEVER);
      await pidOf(third);
      third.release();
    }));

  test('are not handed out once the server has ended them', () =>
    withSource(5, async (source, pool) => {
      const ended = new Promise((resolve) => pool.once('connect', (client) => client.once('end', resolve)));
      const lease = await source.lease(NEVER);
      const pid = await pidOf(lease);
      lease.release();
      const killer = new pg.Client({ connectionString: database.url });
      await killer.connect();
      await killer.query('select pg_terminate_backend($1)', [pid]);
      await killer.end();
      await ended;
      expect(source.leaseNow()).toBeNull();
      const next = await source.lease(NEVER);
      expect(await pidOf(next)).not.toBe(pid);
      next.release();
    }));

  test('go to nobody who has given up before they were there', () =>
    withSource(2, async (source, pool) => {
      const giveUp = new AbortController();
      const leasing = source.lease(giveUp.signal);
      giveUp.abort();
      await expect(leasing).rejects.toThrow('given up');
      expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]);
      const leases = await Promise.all([source.lease(NEVER), source.lease(NEVER)]);
      expect(new Set(await Promise.all(leases.map(pidOf))).size, 'each has its own').toBe(2);
      for (const lease of leases) lease.release();
    }));

  test('send the values of statements that wait for each other', () =>
    withSource(1, async (source) => {
      const lease = await source.lease(NEVER);
      const text = 'select $1::text as a';
      const answers = await Promise.all(['x', 'y', 'z'].map((value) => lease.query(text, [value], true)));
      expect(answers.map(({ rows }) => rows)).toEqual([[{ a: 'x' }], [{ a: 'y' }], [{ a: 'z' }]]);
      lease.release();
    }));
});
