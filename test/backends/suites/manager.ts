/** A manager by its default options, with a ledger file and a cache: what a host gets untuned. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { InMemoryCache } from '../../../src/index.js';
import { endOf } from '../../support/codes.js';
import { paced } from '../../support/pace.js';
import { sleep } from '../../support/wait.js';
import type { Database } from '../find.js';
import { expectSound, type HostedAdapter, type HostedStore, type Manager, untilWritten } from '../hosted.js';

interface Bench {
  readonly store: HostedStore;
  readonly manager: Manager;
  readonly credits: Manager['credits'];
  readonly filePath: string;
  /** What a process has that only knows the database and the file. */
  another(): Manager;
  lines(): Record<string, unknown>[];
}

async function withManager(
  adapter: HostedAdapter,
  { url }: Database,
  body: (bench: Bench) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'credit-manager-'));
  const filePath = join(folder, 'ledger.jsonl');
  const lines = () =>
    readFileSync(filePath, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  try {
    await adapter.withStore(url, async (store) => {
      const open = () => store.open({ ledger: { filePath }, cache: new InMemoryCache() });
      const manager = open();
      await body({ store, manager, credits: manager.credits, filePath, another: open, lines });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function testManager(adapter: HostedAdapter): Promise<void> {
  const { title, hosts, describeDatabase } = adapter;
  await describeDatabase(`a manager on ${title} by default options`, (database) => {
    test('adds, deducts, holds, captures, releases, moves, reverses and refuses as the README says', () =>
      withManager(adapter, database, async ({ manager, credits }) => {
        const info = async (user = 'u') => {
          const { balance, reserved, available, debt } = await credits.getUserCreditsInfo(user);
          return [balance, reserved, available, debt];
        };
        expect(await info()).toEqual([0, 0, 0, 0]);
        const added = await credits.addCredits('u', 100, { source: 'purchase', idempotencyKey: 'order-1' });
        expect(added).toMatchObject({ type: 'add', balanceAfter: 100, replayed: false });
        const again = await credits.addCredits('u', 100, { source: 'purchase', idempotencyKey: 'order-1' });
        expect(again).toEqual({ ...added, replayed: true });
        const debit = await credits.deductCredits('u', 40);
        expect(debit.balanceAfter).toBe(60);
        expect(await info()).toEqual([60, 0, 60, 0]);
        const hold = await credits.reserveCredits('u', 50);
        expect(await info()).toEqual([60, 50, 10, 0]);
        await expect(credits.reserveCredits('u', 55)).rejects.toMatchObject({
          code: 'INSUFFICIENT_CREDITS',
          details: { requested: 55, balance: 60, reserved: 50, available: 10 },
        });
        await credits.commitReservedCredits(hold, { amount: 20 });
        expect(await info()).toEqual([40, 0, 40, 0]);
        expect(await endOf(credits.releaseReservedCredits(hold))).toBe('RESERVATION_NOT_ACTIVE not_applied');
        await credits.releaseReservedCredits(await credits.reserveCredits('u', 5));
        await credits.transferCredits({ from: 'u', to: 'v', amount: 15 });
        expect([await info(), await info('v')]).toEqual([
          [25, 0, 25, 0],
          [15, 0, 15, 0],
        ]);
        expect((await credits.reverseTransaction(debit.id)).delta).toBe(40);
        expect((await credits.deductCreditsAfterService('v', 20)).balanceAfter).toBe(-5);
        expect(await info('v')).toEqual([-5, 0, -5, 5]);
        expect((await credits.addCredits('v', 7)).balanceAfter).toBe(2);
        await credits.adjustCredits('v', '-0.5', { actor: 'ada', reason: 'a correction' });
        await credits.createAccount('w', { trialCredits: 3, lowCreditThreshold: '50%', metadata: { plan: 'x' } });
        await credits.updateAccount('w', { overdraftLimit: 1 });
        expect(await endOf(credits.deductCreditsAfterService('w', 5))).toBe('OVERDRAFT_LIMIT not_applied');
        const answer = await credits.withCredits({ userId: 'u', estimate: 10 }, async (meter) => {
          meter.add(4);
          return 'done';
        });
        expect(answer).toBe('done');
        expect(await info()).toEqual([61, 0, 61, 0]);
        const infos = await credits.getUsersCreditsInfo(['u', 'v', 'w', 'nobody'], { fresh: true });
        expect(infos.map(({ balance }) => balance)).toEqual([61, 1.5, 3, 0]);
        const { items } = await credits.listAccounts({ limit: 10 });
        expect(items.map(({ userId }) => userId).sort()).toEqual(['u', 'v', 'w']);
        await untilWritten(manager);
        await expectSound(manager);
      }));

    test('lots lapse and holds end by the database’s clock', () =>
      withManager(adapter, database, async ({ manager, credits }) => {
        const seconds = Math.ceil(paced(3_000) / 1_000);
        const soon = () => new Date(Date.now() + 1_000 * seconds);
        await credits.addCredits('u', 10, { expiresAt: soon() });
        await credits.addCredits('u', 5);
        await credits.addCredits('u', 2, { effectiveAt: soon() });
        const hold = await credits.reserveCredits('u', 3, { ttlSeconds: seconds });
        expect(await credits.getUserCreditsInfo('u', { fresh: true })).toMatchObject({ balance: 15, available: 12 });
        await sleep(1_000 * seconds + 200);
        expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 7, reserved: 0, available: 7 });
        expect(await endOf(credits.commitReservedCredits(hold))).toBe('RESERVATION_NOT_ACTIVE not_applied');
        expect(await credits.expireCredits('u')).toBeGreaterThanOrEqual(0);
        const history = await credits.getCreditHistory('u', { includeHolds: true, order: 'oldest' });
        const types = new Set(history.items.map(({ type }) => type));
        expect([...types].sort()).toEqual(['activate', 'add', 'expire', 'expire_reserved', 'reserve']);
        const lapsed = history.items.filter(({ type }) => type === 'expire').map(({ delta }) => delta);
        expect(lapsed.reduce((sum, delta) => sum + delta, 0)).toBe(-10);
        expect(history.items.at(-1)?.balanceAfter).toBe(7);
        await untilWritten(manager);
        await expectSound(manager);
      }));

    test('the file has a line for every entry, and two processes may write it', () =>
      withManager(adapter, database, async ({ manager, credits, another, lines }) => {
        const other = another();
        const work = Array.from({ length: 60 }, (_, i) => {
          const service = (i % 2 === 0 ? manager : other).credits;
          return i % 4 === 3
            ? endOf(service.deductCredits(`u${i % 5}`, 1_000))
            : service.addCredits(`u${i % 5}`, i + 1);
        });
        await Promise.all(work);
        for (const one of [manager, other]) await untilWritten(one);
        const report = await other.ledger.verify();
        expect(report).toMatchObject({ ok: true, problems: [], file: { foreign: 0, torn: 0 } });
        const ids = new Set(lines().map(({ id }) => id));
        expect(ids.size).toBe(lines().length);
        const entries = await credits.getCreditHistory('u0', { limit: 100 });
        for (const { id } of entries.items) expect(ids.has(id)).toBe(true);
        expect(lines().filter((line) => line.event_type === 'error')).toHaveLength(15);
        expect(await manager.ledger.reconcile()).toEqual({ added: 0 });
      }));

    test('what a host’s transaction wrote comes to the file by reconcile, and to the cache within its time', () =>
      withManager(adapter, database, async ({ store, manager, credits, lines }) => {
        await credits.addCredits('u', 10);
        await untilWritten(manager);
        const before = lines().length;
        for (const kind of hosts) {
          await store.host(kind)(async ({ session }) => {
            await credits.deductCredits('u', 1, { session });
            await credits.addCredits(`new-${kind}`, 5, { session });
            expect(await endOf(credits.deductCredits('u', 100, { session }))).toMatch(/^INSUFFICIENT_CREDITS/);
          });
          await store.rolledBack(store.host(kind), ({ session }) => credits.addCredits('u', 999, { session }));
        }
        await sleep(30);
        expect(lines()).toHaveLength(before);
        const missing = await manager.ledger.verify();
        expect(missing.ok).toBe(false);
        expect(missing.problemCount).toBe(3 * hosts.length);
        expect(await manager.ledger.reconcile()).toEqual({ added: 3 * hosts.length });
        expect(lines()).toHaveLength(before + 3 * hosts.length);
        await expectSound(manager);
        // The cache is as old as it may be (rule 42); a fresh read and every decision are not.
        expect((await credits.getUserCreditsInfo('u')).balance).toBe(10);
        const left = 10 - hosts.length;
        expect((await credits.getUserCreditsInfo('u', { fresh: true })).balance).toBe(left);
        expect(await endOf(credits.deductCredits('u', left + 1))).toBe('INSUFFICIENT_CREDITS not_applied');
        expect((await credits.deductCredits('u', left)).balanceAfter).toBe(0);
        expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
      }));

    test('verify finds a line and a row that somebody changed', () =>
      withManager(adapter, database, async ({ store, manager, credits, filePath }) => {
        const { id } = await credits.addCredits('u', 10);
        await credits.deductCredits('u', 3);
        await untilWritten(manager);
        await expectSound(manager);
        const text = readFileSync(filePath, 'utf8');
        writeFileSync(filePath, text.replace(id, `${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`));
        expect((await manager.ledger.verify()).ok).toBe(false);
        writeFileSync(filePath, text);
        await expectSound(manager);
        await store.damage(id);
        const { ok, problems } = await manager.ledger.verify();
        expect(ok).toBe(false);
        expect(problems.some((problem) => problem.id === id)).toBe(true);
      }));

    test('the balance at any instant is that of the last entry before it', () =>
      withManager(adapter, database, async ({ manager, credits }) => {
        const made = [];
        for (let i = 1; i <= 6; i++) {
          made.push(i % 3 === 0 ? await credits.deductCredits('u', i) : await credits.addCredits('u', i * 2));
          await sleep(5);
        }
        for (const { createdAt, balanceAfter, availableAfter } of made) {
          const past = await credits.getBalanceAt('u', createdAt);
          expect(past).toMatchObject({ balance: balanceAfter, available: availableAfter, asOf: createdAt });
        }
        const first = made[0]?.createdAt.getTime() as number;
        expect((await credits.getBalanceAt('u', new Date(first - 1))).balance).toBe(0);
        expect((await credits.getBalanceAt('u', new Date(first + 1))).balance).toBe(2);
        expect((await credits.getBalanceAt('nobody', new Date())).balance).toBe(0);
        await expectSound(manager);
      }));

    test('ledger.list pages through entries of every kind, by user, correlation, operation, type and period', () =>
      withManager(adapter, database, async ({ manager, credits }) => {
        await credits.addCredits('u', 50, { correlationId: 'trace-1', actor: 'ada' });
        const moved = await credits.transferCredits({ from: 'u', to: 'v', amount: 5 }, { correlationId: 'trace-1' });
        for (let i = 0; i < 8; i++) await credits.deductCredits('u', 1);
        expect(await endOf(credits.deductCredits('u', 1_000, { correlationId: 'trace-2' }))).toMatch(/^INSUFF/);
        const all = async (query: Parameters<typeof manager.ledger.list>[0]) => {
          const found: string[] = [];
          for (let cursor: string | null | undefined; cursor !== null; ) {
            const page = await manager.ledger.list({ limit: 3, ...query, ...(cursor !== undefined && { cursor }) });
            expect(page.items.length).toBeLessThanOrEqual(3);
            found.push(...page.items.map(({ eventType, type }) => (eventType === 'transaction' ? type : eventType)));
            cursor = page.nextCursor;
          }
          return found;
        };
        const ofUser = ['add', 'transfer_out', ...Array<string>(8).fill('deduct'), 'error'];
        expect(await all({ userId: 'u', order: 'oldest' })).toEqual(expect.arrayContaining(ofUser));
        expect(await all({ userId: 'u', order: 'oldest' })).toHaveLength(ofUser.length);
        expect((await all({ correlationId: 'trace-1', order: 'oldest' })).sort()).toEqual(
          ['add', 'transfer_in', 'transfer_out'].sort(),
        );
        expect((await all({ operationId: moved.out.operationId })).sort()).toEqual(['transfer_in', 'transfer_out']);
        expect(await all({ types: ['error'] })).toEqual(['error']);
        expect(await all({ userId: 'v' })).toEqual(['transfer_in']);
        const everything = await all({ order: 'newest' });
        expect(everything.filter((type) => type !== 'system')).toHaveLength(ofUser.length + 1);
        expect([...(await all({ order: 'oldest' }))].sort()).toEqual([...everything].sort());
        expect(await all({ to: '2020-01-01T00:00:00Z' })).toEqual([]);
      }));

    test('health tells of the database, the file and the cache; close ends everything', () =>
      withManager(adapter, database, async ({ manager, credits }) => {
        await credits.addCredits('u', 1);
        await untilWritten(manager);
        expect(await manager.health()).toMatchObject({
          status: 'healthy',
          components: { database: 'up', ledgerFile: 'up', cache: 'up' },
        });
        await manager.close();
        expect(await endOf(credits.addCredits('u', 1))).toBe('CLOSED not_applied');
      }));
  });
}
