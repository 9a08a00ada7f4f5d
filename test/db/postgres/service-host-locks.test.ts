/** What hosts hold, forget and get wrong: nobody else fails or hangs for it, and every error says what happened. */
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { SqlDbManager, type SqlSession } from '../../../src/entries/sql.js';
import { createCreditManagement, isCreditError } from '../../../src/index.js';
import { callsIn } from '../../backends/hosted.js';
import { describePostgres } from '../../backends/postgres.js';
import { expectSound, HOSTS, type Store, withStore } from '../../backends/postgres-store.js';
import { endOf } from '../../support/codes.js';
import { ownNow, paced } from '../../support/pace.js';
import { QUIET } from '../../support/quiet.js';
import { gate } from '../../support/wait.js';

const USERS = Array.from({ length: 30 }, (_, i) => `u${i}`);

/** Whether a call has ended. */
function watched(call: Promise<unknown>): () => boolean {
  let isOver = false;
  void call.finally(() => {
    isOver = true;
  });
  return () => isOver;
}

/** Both hosts lock their first account before either asks for its second. */
async function crossed(store: Store, kind: (typeof HOSTS)[number]) {
  const [here, there] = [store.open(), store.open()];
  await here.credits.addCredits('a', 10);
  await here.credits.addCredits('b', 10);
  let arrived = 0;
  const both = gate();
  const run = ({ credits }: typeof here, first: string, second: string) =>
    store.host(kind)(async ({ session }) => {
      await credits.deductCredits(first, 1, { session });
      if (++arrived === 2) both.open();
      await both.opened;
      await credits.deductCredits(second, 1, { session });
    });
  return { here, ends: await Promise.allSettled([run(here, 'a', 'b'), run(there, 'b', 'a')]) };
}

await describePostgres('what hosts hold on PostgreSQL', (database) => {
  test('accounts that a host holds, one of them new, hold up and fail no other of the batch, nor themselves', () =>
    withStore(database, async (store) => {
      const [manager, other] = [store.open(), store.open()];
      const { credits } = manager;
      for (const user of USERS) await credits.addCredits(user, 10);
      await other.init();
      const [locked, free] = [gate(), gate()];
      const host = store.host()(async ({ session }) => {
        await credits.deductCredits('u3', 1, { session });
        await credits.addCredits('new', 5, { session });
        locked.open();
        await free.opened;
      });
      await locked.opened;
      const held = [manager, other].flatMap(({ credits }) => [
        endOf(credits.deductCredits('u3', 1)),
        endOf(credits.addCredits('new', 7)),
      ]);
      const waiting = held.map(watched);
      const others = USERS.filter((user) => user !== 'u3').flatMap((user, i) => [
        (i % 2 === 0 ? manager : other).credits.deductCredits(user, 1),
        credits.addCredits(`fresh-${user}`, 1, { idempotencyKey: `key of ${user}` }),
      ]);
      // The host lets go only when all of these are answered.
      await Promise.all(others);
      // Reads of what is held wait for nobody either, and see what was committed.
      const reading = Promise.all([credits.getUserCreditsInfo('u3'), other.credits.getUserCreditsInfo('new')]);
      expect((await reading).map(({ balance }) => balance)).toEqual([10, 0]);
      // Once more, now that the process knows that they are held.
      await credits.deductCredits('u4', 1);
      expect(waiting.map((isOver) => isOver())).toEqual(Array(4).fill(false));
      free.open();
      await host;
      expect(await Promise.all(held)).toEqual(Array(4).fill('resolved'));
      const infos = await credits.getUsersCreditsInfo(['u3', 'new', 'u4']);
      expect(infos.map(({ balance }) => balance)).toEqual([7, 19, 8]);
      await expectSound(other);
    }));

  test('a transfer to a held account waits alone, and a host waits for the account of another', () =>
    withStore(database, async (store) => {
      const { credits, ledger } = store.open();
      for (const user of ['a', 'b', 'c']) await credits.addCredits(user, 10);
      const [locked, free] = [gate(), gate()];
      const host = store.host()(async ({ session }) => {
        await credits.deductCredits('b', 1, { session });
        locked.open();
        await free.opened;
      });
      await locked.opened;
      const transfer = credits.transferCredits({ from: 'a', to: 'b', amount: 1 });
      const second = store.host('kysely')(({ session }) => credits.deductCredits('b', 2, { session }));
      const waiting = [transfer, second].map(watched);
      await credits.deductCredits('c', 1);
      expect(waiting.map((isOver) => isOver())).toEqual([false, false]);
      free.open();
      await Promise.all([host, transfer, second]);
      const infos = await credits.getUsersCreditsInfo(['a', 'b', 'c']);
      expect(infos.map(({ balance }) => balance)).toEqual([9, 8, 9]);
      expect(await ledger.verify()).toMatchObject({ ok: true });
    }));

  describe.each(HOSTS)('%s', (kind) => {
    test('two hosts that lock in opposite order: one ends with 40P01 of the driver, the other commits', () =>
      withStore(database, async (store) => {
        const { here, ends } = await crossed(store, kind);
        const failed = ends.filter((end) => end.status === 'rejected');
        expect(failed).toHaveLength(1);
        const { reason } = failed[0] as PromiseRejectedResult;
        expect(isCreditError(reason)).toBe(false);
        expect((reason as { code: string }).code).toBe('40P01');
        const infos = await here.credits.getUsersCreditsInfo(['a', 'b']);
        expect(infos.map(({ balance }) => balance)).toEqual([9, 9]);
        expect((await here.credits.deductCredits('a', 1)).balanceAfter).toBe(8);
        await expectSound(here);
      }));

    test('after an error that ends the transaction the session takes no further call', () =>
      withStore(database, async (store) => {
        const { credits } = store.open();
        await credits.addCredits('u', 10);
        const run = store.host(kind)(async ({ session, query }) => {
          await query('set transaction isolation level repeatable read');
          await query('select 1');
          await credits.addCredits('u', 1);
          const error = await credits.deductCredits('u', 1, { session }).catch((thrown: unknown) => thrown);
          expect(isCreditError(error)).toBe(false);
          expect((error as { code: string }).code).toBe('40001');
          expect(await endOf(credits.deductCredits('u', 1, { session }))).toBe('INVALID_ARGUMENT not_applied');
          expect(await endOf(credits.addCredits('v', 1, { session }))).toBe('INVALID_ARGUMENT not_applied');
          throw new Error('redo');
        });
        await expect(run).rejects.toThrow('redo');
        await store.host(kind)(({ session }) => credits.deductCredits('u', 1, { session }));
        expect((await credits.getUserCreditsInfo('u')).balance).toBe(10);
      }));
  });

  test('an account made after the snapshot of the host is its own serialization error there', () =>
    withStore(database, async (store) => {
      const { credits } = store.open();
      await credits.addCredits('u', 10);
      const run = store.host()(async ({ session, query }) => {
        await query('set transaction isolation level repeatable read');
        await query('select 1');
        await credits.addCredits('never-seen', 1, { session });
      });
      const error = await run.catch((thrown: unknown) => thrown);
      expect(isCreditError(error), String(error)).toBe(false);
      expect((error as { code: string }).code).toBe('40001');
      await store.host()(({ session }) => credits.addCredits('never-seen', 1, { session }));
      expect((await credits.getUserCreditsInfo('never-seen')).balance).toBe(1);
    }));

  test('three hosts on a pool of three that forget the session meet the deadline, and the pool goes on', () =>
    withStore(database, async (store) => {
      const pool = new pg.Pool({ connectionString: database.url, max: 3 });
      const manager = createCreditManagement({ db: new SqlDbManager({ pool }), logger: QUIET });
      const { credits } = manager;
      for (const user of ['a', 'b', 'c']) await credits.addCredits(user, 10);
      const clients = await Promise.all(['a', 'b', 'c'].map(() => pool.connect()));
      for (const client of clients) await client.query('begin');
      const began = ownNow();
      const forgotten = ['a', 'b', 'c'].map((user) => endOf(credits.deductCredits(user, 1, { timeoutMs: 400 })));
      const codes = await Promise.all(forgotten);
      const read = await endOf(credits.getUserCreditsInfo('a', { timeoutMs: 200 }));
      const took = ownNow() - began;
      for (const client of clients) {
        await client.query('rollback');
        client.release();
      }
      const after = await endOf(credits.deductCredits('a', 1));
      const infos = await store.open().credits.getUsersCreditsInfo(['a', 'b', 'c'], { fresh: true });
      await manager.close();
      await pool.end();
      for (const code of [...codes, read])
        expect(code).toMatch(/^(CONTENTION|TIMEOUT|STORAGE_UNAVAILABLE) not_applied$/);
      expect(took).toBeLessThan(2_000);
      expect(after).toBe('resolved');
      expect(infos.map(({ balance }) => balance)).toEqual([9, 10, 10]);
    }));

  test('a host that forgets the session for an account it has locked meets the deadline, which says so', () =>
    withStore(database, async (store) => {
      const { credits } = store.open();
      await credits.addCredits('u', 10);
      const errors = await Promise.all(
        [1, 2, 3].map((amount) =>
          store.host()(async ({ session }) => {
            await credits.addCredits(`own-${amount}`, amount, { session });
            return credits
              .deductCredits(`own-${amount}`, 1, { timeoutMs: paced(300) })
              .catch((error: unknown) => error);
          }),
        ),
      );
      // A deadline that comes while an attempt is on its way can only say so; the attempts are short and far apart.
      const certain = errors.filter((error) => !isCreditError(error, 'OUTCOME_UNKNOWN'));
      expect(certain.length).toBeGreaterThan(0);
      for (const error of certain) {
        expect(error).toMatchObject({ code: 'CONTENTION', outcome: 'not_applied' });
        expect((error as Error).message).toContain('session');
      }
      const infos = await credits.getUsersCreditsInfo(['own-1', 'own-2', 'own-3']);
      expect(infos.map(({ balance }) => balance)).toEqual([1, 2, 3]);
    }));

  test('a pool, a client outside BEGIN, an ended and a failed transaction are INVALID_ARGUMENT for every call', () =>
    withStore(database, async (store) => {
      const { credits } = store.open();
      const entry = await credits.addCredits('u', 10);
      const hold = await credits.reserveCredits('u', 1);
      const free = await store.pool.connect();
      const failed = await store.pool.connect();
      let ended: SqlSession | undefined;
      await store.host('kysely')(async ({ session }) => {
        ended = session;
      });
      await failed.query('begin');
      await expect(failed.query('select 1 / 0')).rejects.toThrow();
      const before = await store.dump();
      for (const wrong of [store.pool, free, ended, failed, {}, [], null, 'begin', 7, () => {}]) {
        const session = wrong as SqlSession;
        const calls = callsIn(session, credits, entry, hold);
        const codes = await Promise.all(calls.map(endOf));
        expect(codes, String(wrong)).toEqual(Array(calls.length).fill('INVALID_ARGUMENT not_applied'));
      }
      expect(await store.dump()).toEqual(before);
      await failed.query('rollback');
      for (const client of [free, failed]) client.release();
      await store.host()(async ({ session }) => {
        expect((await credits.commitReservedCredits(hold, { session })).balanceAfter).toBe(9);
      });
    }));
});
