/** What hosts hold, forget and get wrong: nobody else fails or hangs for it, and every error says what happened. */
import { describe, expect, test } from 'vitest';
import { isCreditError } from '../../../src/index.js';
import { callsIn, expectSound } from '../../backends/hosted.js';
import { describeMongo } from '../../backends/mongo.js';
import { HOSTS, withStore } from '../../backends/mongodb-store.js';
import { endOf } from '../../support/codes.js';
import { gate } from '../../support/wait.js';

const USERS = Array.from({ length: 30 }, (_, i) => `u${i}`);

await describeMongo('what hosts hold on MongoDB', (database) => {
  test('held accounts, one of them new, hold up and fail no other of the batch, nor themselves', () =>
    withStore(database.url, async (store) => {
      const [manager, other] = [store.open(), store.open()];
      const { credits } = manager;
      for (const user of USERS) await credits.addCredits(user, 10);
      await other.init();
      const [locked, free] = [gate(), gate()];
      const host = store.host('by hand')(async ({ session }) => {
        await credits.deductCredits('u3', 1, { session });
        await credits.addCredits('new', 5, { session });
        locked.open();
        await free.opened;
      });
      await locked.opened;
      const waiting = [manager, other].flatMap(({ credits: service }) => [
        endOf(service.deductCredits('u3', 1)),
        endOf(service.addCredits('new', 7)),
      ]);
      // All of these end while the host holds what it holds.
      await Promise.all(
        USERS.filter((user) => user !== 'u3').flatMap((user, i) => [
          (i % 2 === 0 ? manager : other).credits.deductCredits(user, 1),
          credits.addCredits(`fresh-${user}`, 1, { idempotencyKey: `key of ${user}` }),
        ]),
      );
      const reads = [await credits.getUserCreditsInfo('u3'), await other.credits.getUserCreditsInfo('new')];
      expect(reads.map(({ balance }) => balance)).toEqual([10, 0]);
      // Once more, now that the process knows that they are held.
      await credits.deductCredits('u4', 1);
      free.open();
      await host;
      expect(await Promise.all(waiting)).toEqual(Array(4).fill('resolved'));
      const infos = await credits.getUsersCreditsInfo(['u3', 'new', 'u4']);
      expect(infos.map(({ balance }) => balance)).toEqual([7, 19, 8]);
      await expectSound(other);
    }));

  test('a transfer to a held account waits alone', () =>
    withStore(database.url, async (store) => {
      const manager = store.open();
      const { credits } = manager;
      for (const user of ['a', 'b', 'c']) await credits.addCredits(user, 10);
      const [locked, free] = [gate(), gate()];
      const host = store.host('by hand')(async ({ session }) => {
        await credits.deductCredits('b', 1, { session });
        locked.open();
        await free.opened;
      });
      await locked.opened;
      let isOver = false;
      const transfer = credits.transferCredits({ from: 'a', to: 'b', amount: 1 }).then(() => (isOver = true));
      await credits.deductCredits('c', 1);
      expect(isOver).toBe(false);
      free.open();
      await Promise.all([host, transfer]);
      const infos = await credits.getUsersCreditsInfo(['a', 'b', 'c']);
      expect(infos.map(({ balance }) => balance)).toEqual([9, 10, 9]);
      await expectSound(manager);
    }));

  describe.each(HOSTS)('%s', (kind) => {
    test('two hosts that take two accounts in opposite order: both end in one effect', () =>
      withStore(database.url, async (store) => {
        const [here, there] = [store.open(), store.open()];
        for (const user of ['a', 'b']) await here.credits.addCredits(user, 10);
        const run = ({ credits }: typeof here, first: string, second: string) =>
          store.host(kind)(async ({ session }) => {
            await credits.deductCredits(first, 1, { session });
            await credits.deductCredits(second, 1, { session });
          });
        await Promise.all(Array.from({ length: 5 }, () => [run(here, 'a', 'b'), run(there, 'b', 'a')]).flat());
        const infos = await here.credits.getUsersCreditsInfo(['a', 'b']);
        expect(infos.map(({ balance }) => balance)).toEqual([0, 0]);
        await expectSound(here);
      }));
  });

  test('a host that forgets the session for an account it has locked is told so', () =>
    withStore(database.url, async (store) => {
      const { credits } = store.open();
      await credits.addCredits('u', 10);
      const errors = await Promise.all(
        [1, 2, 3].map((amount) =>
          store.host('by hand')(async ({ session }) => {
            await credits.addCredits(`own-${amount}`, amount, { session });
            return credits.deductCredits(`own-${amount}`, 1, { timeoutMs: 1_000 }).catch((error: unknown) => error);
          }),
        ),
      );
      // A deadline that comes while an attempt is on its way can only say that; the attempts are short and far apart.
      const told = errors.filter((error) => isCreditError(error, 'CONTENTION'));
      expect(told.length).toBeGreaterThan(0);
      for (const error of told) {
        expect(error).toMatchObject({ outcome: 'not_applied' });
        expect((error as Error).message).toContain('session');
      }
      const infos = await credits.getUsersCreditsInfo(['own-1', 'own-2', 'own-3']);
      expect(infos.map(({ balance }) => balance)).toEqual([1, 2, 3]);
    }));

  test('a session outside a transaction, one that has ended, and things that are none are INVALID_ARGUMENT', () =>
    withStore(database.url, async (store) => {
      const { credits } = store.open();
      const entry = await credits.addCredits('u', 10);
      const hold = await credits.reserveCredits('u', 1);
      const idle = store.client.startSession();
      const ended = store.client.startSession();
      await ended.endSession();
      const before = await store.dump();
      for (const wrong of [idle, ended, store.client, {}, [], null, 'begin', 7, () => {}]) {
        const session = wrong as never;
        const calls = callsIn(session, credits, entry, hold);
        const codes = await Promise.all(calls.map(endOf));
        expect(codes, String(wrong)).toEqual(Array(calls.length).fill('INVALID_ARGUMENT not_applied'));
      }
      expect(await store.dump()).toEqual(before);
      await idle.endSession();
      await store.host()(async ({ session }) => {
        expect((await credits.commitReservedCredits(hold, { session })).balanceAfter).toBe(9);
      });
    }));
});
