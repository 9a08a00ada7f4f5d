/** Credits inside the host's own transaction. */
import assert from 'node:assert/strict';
import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import type pg from 'pg';
import { expectTypeOf, test } from 'vitest';
import type { SqlSession } from '../../../src/entries/sql.js';
import { isCreditError } from '../../../src/errors.js';
import { insert, insertAll, readOne, replace } from '../../../src/testing/db-manager/fixture.js';
import { entry, freshKey, item, keyOf } from '../../../src/testing/db-manager/models.js';
import { describePostgres } from '../../backends/postgres.js';
import { type Bench, bumped, codeBelow, statuses, withBench } from './fixture.js';

/** Calls `body` inside a transaction of the host, in each way that a host may have one. */
async function eachHost(
  { pool, client }: Bench,
  body: (session: SqlSession, run: (text: string) => Promise<unknown>, end: 'commit' | 'rollback') => Promise<void>,
): Promise<void> {
  for (const end of ['commit', 'rollback'] as const) {
    await client.query('begin');
    await body(client, (text) => client.query(text), end);
    await client.query(end);
    const wrapper = { query: (text: string, values?: unknown[]) => client.query(text, values) };
    await client.query('begin');
    await body(wrapper, (text) => client.query(text), end);
    await client.query(end);
    const kysely = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) });
    const undone = new Error('undo');
    await kysely
      .transaction()
      .execute(async (trx) => {
        const { CompiledQuery } = await import('kysely');
        await body(trx, (text) => trx.executeQuery(CompiledQuery.raw(text)), end);
        if (end === 'rollback') throw undone;
      })
      .catch((error: unknown) => assert.equal(error, undone));
  }
}

const rejectsAs = (call: Promise<unknown>, code: 'INVALID_ARGUMENT' | 'CONTENTION' | 'STORAGE_UNAVAILABLE') =>
  assert.rejects(call, (error) => isCreditError(error, code) || assert.fail(String(error)));

await describePostgres('sessions on PostgreSQL', (database) => {
  test('order and credits are one commit, and a rollback takes both back', () =>
    withBench(database, async (bench) => {
      const { db, models, client } = bench;
      await client.query('create table if not exists shop_order (id text primary key)');
      await eachHost(bench, async (session, run, end) => {
        const [row, made] = [item(), entry()];
        await insertAll(db, models.item, [row]);
        const order = freshKey();
        await run(`insert into shop_order values ('${order}')`);
        assert.deepEqual(await db.getMany(models.item.name, [keyOf(row)], { session, lock: true }), [row]);
        const unit = [replace(models.item, bumped(row), 1), insert(models.entry, made)];
        assert.deepEqual(await db.commit([unit], { session }), [{ status: 'committed' }]);
        assert.deepEqual(await db.getMany(models.item.name, [keyOf(row)], { session }), [bumped(row)]);
        assert.deepEqual(await readOne(db, models.item, keyOf(row)), row, 'nobody else sees it');
        setImmediate(() => {}).unref();
        after.push(async () => {
          const stored = end === 'commit' ? [bumped(row), made, 1] : [row, null, 0];
          const orders = await client.query('select from shop_order where id = $1', [order]);
          const found = [await readOne(db, models.item, keyOf(row)), await readOne(db, models.entry, keyOf(made))];
          assert.deepEqual([...found, orders.rowCount], stored);
        });
      });
      assert.equal(after.length, 6);
      for (const check of after.splice(0)) await check();
    }));

  test('a refused unit leaves the transaction of the host as it was', () =>
    withBench(database, async (bench) => {
      const { db, models, client, table } = bench;
      const taken = item({ code: freshKey() });
      await insertAll(db, models.item, [taken]);
      await eachHost(bench, async (session) => {
        const [row, made] = [item(), entry()];
        await insertAll(db, models.item, [row]);
        const commit = (...unit: ReturnType<typeof insert>[]) => db.commit([unit], { session });
        const refused = [
          await commit(replace(models.item, bumped(row), 9), insert(models.entry, entry())),
          await commit(insert(models.entry, entry()), insert(models.item, item({ code: taken.code as string }))),
          await commit(insert(models.entry, entry()), insert(models.item, item({ version: 0 }))),
          await commit(insert(models.entry, entry()), insert(models.item, item({ label: 'a\0' }))),
        ];
        assert.deepEqual(refused.flatMap(statuses), ['conflict', 'duplicate', 'rejected', 'rejected']);
        assert.equal(codeBelow(refused[2]?.[0]), '23514');
        await rejectsAs(
          db.find(models.item.name, { index: 'by_rank', equals: { account: 'a\0' }, limit: 1 }, { session }),
          'INVALID_ARGUMENT',
        );
        assert.deepEqual(await commit(insert(models.entry, made)), [{ status: 'committed' }]);
        assert.equal(
          await db.count(
            models.entry.name,
            { index: 'by_time', equals: { account: made.account as string } },
            { session },
          ),
          1,
        );
      });
      assert.equal((await client.query(`select from ${table(models.entry)}`)).rowCount, 3, 'what was committed');
    }));

  test('the timeouts of the host are its own again after a call', () =>
    withBench(database, async ({ db, models, client }) => {
      await client.query("begin; set local statement_timeout = '7s'; set local lock_timeout = '3s'");
      const timeouts = async () => {
        const shown = [await client.query('show statement_timeout'), await client.query('show lock_timeout')];
        return shown.map(({ rows }) => Object.values(rows[0])[0]);
      };
      await db.commit([[insert(models.item, item())]], { session: client, timeoutMs: 60_000 });
      assert.deepEqual(await timeouts(), ['7s', '3s']);
      await db.commit([[insert(models.item, item({ version: 0 }))]], { session: client, timeoutMs: 60_000 });
      await db.getMany(models.item.name, ['k'], { session: client, timeoutMs: 60_000 });
      assert.deepEqual(await timeouts(), ['7s', '3s']);
      await client.query('rollback');
    }));

  test('a pool, a client outside BEGIN, a kysely outside a transaction and an ended one are INVALID_ARGUMENT', () =>
    withBench(database, async (bench) => {
      const { db, models, client, pool } = bench;
      const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
      let ended: Transaction<unknown> | undefined;
      await kysely.transaction().execute(async (trx) => {
        ended = trx;
        await db.ping({ session: trx });
      });
      await client.query('begin');
      await assert.rejects(client.query('select 1 / 0'));
      const failed = { query: (text: string, values?: unknown[]) => client.query(text, values) };
      const free = await pool.connect();
      for (const wrong of [pool, free, kysely, ended, failed, () => {}]) {
        const session = wrong as SqlSession;
        const row = item();
        await rejectsAs(db.commit([[insert(models.item, row)]], { session }), 'INVALID_ARGUMENT');
        await rejectsAs(db.commit([], { session }), 'INVALID_ARGUMENT');
        await rejectsAs(db.getMany(models.item.name, [keyOf(row)], { session, lock: true }), 'INVALID_ARGUMENT');
        await rejectsAs(db.find(models.item.name, { index: 'by_account', limit: 1 }, { session }), 'INVALID_ARGUMENT');
        await rejectsAs(db.ping({ session }), 'INVALID_ARGUMENT');
        assert.equal(await readOne(db, models.item, keyOf(row)), null);
      }
      free.release();
      await client.query('rollback');
      expectTypeOf<pg.PoolClient>().toExtend<SqlSession>();
      expectTypeOf<pg.Client>().toExtend<SqlSession>();
      expectTypeOf<Transaction<unknown>>().toExtend<SqlSession>();
      expectTypeOf<pg.Pool>().not.toExtend<SqlSession>();
      expectTypeOf<Kysely<unknown>>().not.toExtend<SqlSession>();
    }));

  test('a wrapper that resolves to the rows alone is INVALID_ARGUMENT, and the transaction goes on', () =>
    withBench(database, async ({ db, models, client }) => {
      await client.query('begin');
      const row = item();
      const rowsAlone = { query: async (text: string, values?: unknown[]) => (await client.query(text, values)).rows };
      const session = rowsAlone as unknown as SqlSession;
      await rejectsAs(db.commit([[insert(models.item, row)]], { session }), 'INVALID_ARGUMENT');
      await rejectsAs(db.getMany(models.item.name, [keyOf(row)], { session }), 'INVALID_ARGUMENT');
      assert.deepEqual(await db.getMany(models.item.name, [keyOf(row)], { session: client }), [null]);
      await client.query('rollback');
    }));

  test('what a host has to repeat as a whole is thrown as the driver made it', () =>
    withBench(database, async ({ db, models, client }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      await client.query('begin isolation level repeatable read');
      await client.query('select 1');
      assert.deepEqual(await db.getMany(models.item.name, [keyOf(row)], { session: client }), [row]);
      await db.commit([[replace(models.item, bumped(row), 1)]]);
      const calls = [
        () => db.commit([[replace(models.item, bumped(row), 1)]], { session: client }),
        () => db.getMany(models.item.name, [keyOf(row)], { session: client, lock: true }),
      ];
      for (const call of calls) {
        const error = await call().catch((thrown: unknown) => thrown);
        assert.ok(!isCreditError(error));
        assert.equal((error as { code: string }).code, '40001');
        await client.query('rollback; begin isolation level repeatable read; select 1');
        await db.commit([[replace(models.item, bumped(row, { version: 2 }), 2)]]);
        if (call === calls[0]) {
          const [now] = await db.getMany(models.item.name, [keyOf(row)]);
          await db.commit([[replace(models.item, bumped(now as never), 2)]]);
        }
      }
      await client.query('rollback');
    }));

  test('a lock that another host holds is CONTENTION, and the transaction goes on', () =>
    withBench(database, async ({ db, models, client, pool, table }) => {
      const [held, free] = [item(), item()];
      await insertAll(db, models.item, [held, free]);
      await client.query('begin');
      await client.query(`select from ${table(models.item)} where id = $1 for update`, [held.id]);
      const host = await pool.connect();
      await host.query('begin');
      const lock = (key: string, options = {}) =>
        db.getMany(models.item.name, [key], { session: host, lock: true, ...options });
      await rejectsAs(lock(keyOf(held), { timeoutMs: 150 }), 'CONTENTION');
      assert.deepEqual(await lock(keyOf(free)), [free]);
      const outcome = await db.commit([[replace(models.item, bumped(held), 1)]], { session: host });
      assert.deepEqual(outcome, [{ status: 'locked' }]);
      await host.query('rollback');
      host.release();
      await client.query('rollback');
    }));

  test('calls of one session at the same time run one after another', () =>
    withBench(database, async ({ db, models, client }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      await client.query('begin');
      const units = Array.from({ length: 20 }, (_, i) => [
        i % 3 === 2
          ? insert(models.item, item({ version: 0 }))
          : insert(models.entry, entry({ seq: i, account: 'one' })),
      ]);
      const outcomes = await Promise.all(units.map((unit) => db.commit([unit], { session: client })));
      const expected = units.map((_, i) => (i % 3 === 2 ? 'rejected' : 'committed'));
      assert.deepEqual(outcomes.flatMap(statuses), expected);
      await client.query('commit');
      assert.equal(await db.count(models.entry.name, { index: 'by_time', equals: { account: 'one' } }), 14);
    }));

  test('the session of our own transaction writes for the caller too', () =>
    withBench(database, async ({ db, models, client }) => {
      await client.query('create table note (text text)');
      const made = entry();
      await db.transaction(async (session) => {
        assert.ok('query' in session);
        await session.query('insert into note values ($1)', ['with the credits']);
        await db.commit([[insert(models.entry, made)]], { session });
      });
      assert.deepEqual((await client.query('select * from note')).rows, [{ text: 'with the credits' }]);
      assert.deepEqual(await readOne(db, models.entry, keyOf(made)), made);
    }));
});

const after: (() => Promise<void>)[] = [];
