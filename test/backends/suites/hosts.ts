/** The order of the host and the credits in one transaction, in each way that a host may have one. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CacheBackend, InMemoryCache } from '../../../src/index.js';
import { endOf } from '../../support/codes.js';
import { sleep } from '../../support/wait.js';
import { expectSound, type Host, type HostedAdapter, type HostedStore, type Service, untilWritten } from '../hosted.js';

/** A cache that counts what is done to it. */
class CountingCache implements CacheBackend {
  readonly #inner = new InMemoryCache();
  touched = 0;
  get: CacheBackend['get'] = (key) => this.#inner.get(key);
  set: CacheBackend['set'] = (...args) => {
    this.touched++;
    return this.#inner.set(...args);
  };
  delete: CacheBackend['delete'] = (key) => {
    this.touched++;
    return this.#inner.delete(key);
  };
}

/** One of everything that a host may want in a transaction of its own. */
async function everything(credits: Service, session: unknown): Promise<string> {
  const added = await credits.addCredits('u', 100, { session, idempotencyKey: 'add' });
  await credits.addCredits('u', 5, { session, effectiveAt: new Date(Date.now() + 86_400_000) });
  await credits.deductCredits('u', 10, { session, idempotencyKey: 'deduct' });
  await credits.deductCreditsAfterService('v', 3, { session });
  await credits.adjustCredits('u', 4, { session, actor: 'a', reason: 'r' });
  const first = await credits.reserveCredits('u', 20, { session });
  const second = await credits.reserveCredits('u', 10, { session });
  await credits.commitReservedCredits(first, { session, amount: 5, final: false });
  await credits.commitReservedCredits(first.id, { session, amount: 16, overage: 'charge' });
  await credits.extendReservation(second, { session, ttlSeconds: 3_000 });
  await credits.transferCredits({ from: 'u', to: 'v', amount: 30 }, { session });
  await credits.updateAccount('v', { session, overdraftLimit: 5 });
  await credits.createAccount('w', { session, trialCredits: 9 });
  await credits.reverseTransaction(added.id, { session, amount: 2 });
  return second.id;
}

export function testHosts(adapter: HostedAdapter): Promise<void> {
  return adapter.describeDatabase(`hosts on ${adapter.title}`, (database) => {
    const withStore = (body: (store: HostedStore) => Promise<void>) => adapter.withStore(database.url, body);
    describe.each(adapter.hosts)('%s', (kind) => {
      test('the order and the credits it takes are one commit', () =>
        withStore(async (store) => {
          const manager = store.open();
          await manager.credits.addCredits('u', 10);
          await store.host(kind)(async ({ session, order }) => {
            await order('order-1');
            const taken = await manager.credits.deductCredits('u', 4, { session });
            expect(taken.balanceAfter).toBe(6);
            expect((await manager.credits.getUserCreditsInfo('u', { session })).balance).toBe(6);
            expect((await manager.credits.getUserCreditsInfo('u')).balance).toBe(10);
          });
          expect(await store.orders()).toEqual(['order-1']);
          expect((await manager.credits.getUserCreditsInfo('u')).balance).toBe(6);
          await expectSound(manager);
        }));

      test('one of every verb in one transaction has every effect', () =>
        withStore(async (store) => {
          const manager = store.open({ sinks: [{ name: 'sink', publish: async () => {} }] });
          const { credits } = manager;
          const hold = await store.host(kind)(({ session }) => everything(credits, session));
          const infos = await credits.getUsersCreditsInfo(['u', 'v', 'w']);
          expect(infos.map(({ balance, reserved }) => [balance, reserved])).toEqual([
            [41, 10],
            [27, 0],
            [9, 0],
          ]);
          expect((await credits.commitReservedCredits(hold)).balanceAfter).toBe(31);
          expect((await credits.addCredits('u', 100, { idempotencyKey: 'add' })).replayed).toBe(true);
          await expectSound(manager);
        }));

      test('a rollback leaves nothing: no row, line, cache entry, key or memory of it', () =>
        withStore(async (store) => {
          const folder = mkdtempSync(join(tmpdir(), 'credit-hosts-'));
          const filePath = join(folder, 'ledger.jsonl');
          const cache = new CountingCache();
          const manager = store.open({ ledger: { filePath }, cache });
          const { credits } = manager;
          const heard: string[] = [];
          manager.on('*', ({ type }) => void heard.push(type));
          try {
            await credits.addCredits('u', 50);
            const held = await credits.reserveCredits('u', 1);
            await credits.getUserCreditsInfo('u');
            await untilWritten(manager);
            const [rows, lines] = [await store.dump(), readFileSync(filePath, 'utf8')];
            const [touched, events] = [cache.touched, heard.length];
            let hold = '';
            await store.rolledBack(store.host(kind), async ({ session, order }) => {
              await order('order-2');
              hold = await everything(credits, session);
              await credits.releaseReservedCredits(held, { session });
              expect(await endOf(credits.deductCredits('v', 1_000, { session }))).toMatch(/INSUFFICIENT_CREDITS/);
            });
            expect(await store.dump()).toEqual(rows);
            expect(await store.orders()).toEqual([]);
            await sleep(30);
            expect(readFileSync(filePath, 'utf8')).toBe(lines);
            expect([cache.touched, heard.length]).toEqual([touched, events]);
            expect(await manager.ledger.reconcile()).toEqual({ added: 0 });
            // What the process remembers is what the store says, of the account, the hold and the keys.
            expect(await credits.getReservation(hold)).toBeNull();
            expect(await endOf(credits.commitReservedCredits(hold))).toBe('RESERVATION_NOT_FOUND not_applied');
            expect((await credits.commitReservedCredits(held)).balanceAfter).toBe(49);
            expect(await credits.addCredits('u', 100, { idempotencyKey: 'add' })).toMatchObject({
              replayed: false,
              balanceAfter: 149,
            });
            expect((await credits.deductCredits('u', 10, { idempotencyKey: 'deduct' })).balanceAfter).toBe(139);
            expect((await credits.createAccount('w', { trialCredits: 3 })).balance).toBe(3);
            await expectSound(manager);
          } finally {
            rmSync(folder, { recursive: true, force: true });
          }
        }));

      test('nothing is decided on a state that was rolled back, whoever writes that version next', () =>
        withStore(async (store) => {
          const [here, there] = [store.open(), store.open()];
          await here.credits.addCredits('u', 100);
          for (let round = 0; round < 5; round++) {
            await store.rolledBack(store.host(kind), async ({ session }) => {
              // Version n in this process's eyes, if it were to remember.
              await here.credits.addCredits('u', 1_000, { session });
              await here.credits.getUserCreditsInfo('u', { session });
            });
            if (round % 2 === 0) await there.credits.deductCredits('u', 10); // another version n
            const now = (await there.credits.getUserCreditsInfo('u')).balance;
            expect(await endOf(here.credits.deductCredits('u', now + 1))).toBe('INSUFFICIENT_CREDITS not_applied');
            expect((await here.credits.deductCredits('u', 5)).balanceAfter).toBe(now - 5);
            await expectSound(here);
          }
        }));

      test('a call that waits for the host decides on what the host leaves, committed or rolled back', () =>
        withStore(async (store) => {
          const [here, there] = [store.open(), store.open()];
          await here.credits.addCredits('u', 100);
          await there.credits.addCredits('u', 1);
          for (const end of ['commit', 'rollback'] as const) {
            const run: Host = (work) => store.host(kind)(work);
            const waiting: Promise<string>[] = [];
            const transaction = run(async ({ session }) => {
              await here.credits.deductCreditsAfterService('u', 90, { session, idempotencyKey: `after ${end}` });
              for (const { credits } of [here, there]) waiting.push(endOf(credits.deductCredits('u', 20)));
              await sleep(150);
              if (end === 'rollback') throw new Error('undo');
            });
            await transaction.catch((error: Error) => expect(error.message).toBe('undo'));
            const codes = await Promise.all(waiting);
            if (end === 'commit') {
              expect(codes).toEqual(Array(2).fill('INSUFFICIENT_CREDITS not_applied'));
              await here.credits.addCredits('u', 90);
            } else expect(codes).toEqual(['resolved', 'resolved']);
          }
          expect((await there.credits.getUserCreditsInfo('u')).balance).toBe(61);
          await expectSound(there);
        }));

      test('a refusal, a replay and a conflict of keys leave the transaction of the host as it was', () =>
        withStore(async (store) => {
          const manager = store.open();
          const { credits } = manager;
          const first = await credits.addCredits('u', 10, { idempotencyKey: 'k' });
          const refused: [string, (session: unknown) => Promise<unknown>][] = [
            ['INSUFFICIENT_CREDITS', (session) => credits.deductCredits('u', 11, { session })],
            ['IDEMPOTENCY_CONFLICT', (session) => credits.addCredits('u', 11, { session, idempotencyKey: 'k' })],
            ['RESERVATION_NOT_FOUND', (session) => credits.commitReservedCredits('none', { session })],
            ['TRANSACTION_NOT_FOUND', (session) => credits.reverseTransaction('none', { session })],
            ['INVALID_AMOUNT', (session) => credits.deductCredits('u', 0, { session })],
            ['INVALID_ARGUMENT', (session) => credits.deductCredits('', 1, { session })],
            ['ABORTED', (session) => credits.deductCredits('u', 1, { session, signal: AbortSignal.abort() })],
          ];
          await store.host(kind)(async ({ session, order }) => {
            for (const [i, [code, call]] of refused.entries()) {
              expect(await endOf(call(session))).toBe(`${code} not_applied`);
              await order(`after ${i}`);
            }
            const again = await credits.addCredits('u', 10, { session, idempotencyKey: 'k' });
            expect(again).toEqual({ ...first, replayed: true });
            await order('after replay');
            const own = await credits.deductCredits('u', 2, { session, idempotencyKey: 'own' });
            const replay = await credits.deductCredits('u', 2, { session, idempotencyKey: 'own' });
            expect(replay).toEqual({ ...own, replayed: true });
          });
          expect(await store.orders()).toHaveLength(refused.length + 1);
          expect((await credits.getUserCreditsInfo('u')).balance).toBe(8);
          const { items } = await manager.ledger.list({ types: ['error'] });
          expect(items.map(({ details }) => details.code)).toEqual(['INSUFFICIENT_CREDITS']);
          await expectSound(manager);
        }));

      test('calls of one session at the same time lose nothing, of one instance and of two', () =>
        withStore(async (store) => {
          const [here, there] = [store.open(), store.open()];
          await here.credits.addCredits('u', 10);
          const codes = await store.host(kind)(async ({ session }) => {
            const pair = [here.credits.addCredits('v', 1, { session }), here.credits.addCredits('v', 2, { session })];
            expect((await Promise.all(pair)).map(({ balanceAfter }) => balanceAfter)).toEqual([1, 3]);
            const calls = Array.from({ length: 12 }, () => endOf(here.credits.deductCredits('u', 1, { session })));
            const reads = Array.from({ length: 4 }, () => here.credits.getUserCreditsInfo('u', { session }));
            await Promise.all(reads);
            return Promise.all(calls);
          });
          expect(codes.filter((code) => code === 'resolved')).toHaveLength(10);
          expect(codes.filter((code) => code === 'INSUFFICIENT_CREDITS not_applied')).toHaveLength(2);
          const infos = await there.credits.getUsersCreditsInfo(['u', 'v']);
          expect(infos.map(({ balance }) => balance)).toEqual([0, 3]);
          await expectSound(there);
        }));
    });
  });
}
