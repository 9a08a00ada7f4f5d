/** Calls inside a host's own transaction: they live and die with it, and leave nothing behind in the process. */
import { describe, expect, test } from 'vitest';
import type { MemorySession } from '../../src/index.js';
import { audit } from '../support/audit.js';
import { endOf } from '../support/codes.js';
import { dump } from '../support/dump.js';
import { gate } from '../support/wait.js';
import { host, RollBack } from './host.js';

/** One of everything, in one transaction. */
async function everything(credits: ReturnType<typeof host>['credits'], session: MemorySession): Promise<string> {
  const added = await credits.addCredits('u', 100, { session, idempotencyKey: 'add' });
  await credits.addCredits('u', 5, { session, effectiveAt: '2030-03-01T00:00:00Z' });
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

describe('a host transaction', () => {
  test('that commits has every effect, with a sound chain', async () => {
    const { db, credits, begin } = host();
    const hold = await begin((session) => everything(credits, session));
    const infos = await credits.getUsersCreditsInfo(['u', 'v', 'w']);
    expect(infos.map(({ balance, reserved }) => [balance, reserved])).toEqual([
      [41, 10],
      [27, 0],
      [9, 0],
    ]);
    for (const user of ['u', 'v', 'w']) expect(await audit(db.inner, `credits/${user}`)).toEqual([]);
    expect((await credits.commitReservedCredits(hold)).balanceAfter).toBe(31);
    expect((await credits.addCredits('u', 100, { idempotencyKey: 'add' })).replayed).toBe(true);
  });

  test('that rolls back has none: rows, holds and keys are as before', async () => {
    const { db, credits, begin, rolledBack } = host();
    await credits.addCredits('u', 1);
    const existing = await credits.reserveCredits('u', 1);
    // Accounts that are touched for the first time stay behind, empty and invisible.
    for (const user of ['v', 'w']) await endOf(credits.deductCredits(user, 1));
    const before = await dump(db.inner);
    let hold = '';
    await rolledBack(async (session) => {
      hold = await everything(credits, session);
      await credits.releaseReservedCredits(existing.id, { session });
    });
    expect(await dump(db.inner)).toEqual(before);
    expect(await endOf(credits.commitReservedCredits(hold))).toBe('RESERVATION_NOT_FOUND not_applied');
    expect(await credits.getReservation(hold)).toBeNull();
    expect((await credits.getReservation(existing.id))?.status).toBe('active');
    expect((await credits.addCredits('u', 100, { idempotencyKey: 'add' })).replayed).toBe(false);
    expect((await credits.commitReservedCredits(existing.id)).balanceAfter).toBe(100);
    await begin((session) => credits.deductCredits('u', 10, { session, idempotencyKey: 'deduct' }));
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(90);
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  test('that rolls back a first write leaves the trial grant to be made by the next', async () => {
    const { manager, rolledBack } = host();
    const trial = manager.creditType('trial' as never);
    await rolledBack((session) => trial.deductCredits('u', 5, { session }));
    // Reads count the trial that the next one will make.
    expect(await trial.getUserCreditsInfo('u')).toMatchObject({ balance: 20, available: 20 });
    expect((await trial.getCreditHistory('u')).items).toEqual([]);
    expect((await trial.deductCredits('u', 7)).balanceAfter).toBe(13);
  });

  test('sees its own writes, and nobody else does before the end', async () => {
    const { credits, begin, open } = host();
    await credits.addCredits('u', 100);
    const outside = open().credits;
    await begin(async (session) => {
      const { id } = await credits.deductCredits('u', 30, { session });
      const hold = await credits.reserveCredits('u', 20, { session });
      expect(await credits.getUserCreditsInfo('u', { session })).toMatchObject({ balance: 70, available: 50 });
      expect(await credits.canAfford('u', 51, { session })).toBe(false);
      expect((await credits.getTransaction(id, { session }))?.balanceAfter).toBe(70);
      expect((await credits.getReservation(hold.id, { session }))?.remaining).toBe(20);
      expect((await credits.getActiveReservations('u', { session })).items).toHaveLength(1);
      expect((await credits.getCreditHistory('u', { session })).items).toHaveLength(2);
      for (const service of [credits, outside]) {
        expect(await service.getUserCreditsInfo('u')).toMatchObject({ balance: 100, available: 100 });
        expect(await service.getTransaction(id)).toBeNull();
        expect(await service.getReservation(hold.id)).toBeNull();
        expect((await service.getCreditHistory('u')).items).toHaveLength(1);
      }
    });
    expect(await outside.getUserCreditsInfo('u')).toMatchObject({ balance: 70, available: 50 });
  });

  test('runs parallel calls one after another, each on what the one before left', async () => {
    const { db, credits, begin } = host();
    await credits.addCredits('u', 10);
    const codes = await begin((session) =>
      Promise.all(Array.from({ length: 20 }, () => endOf(credits.deductCredits('u', 1, { session })))),
    );
    expect(codes.filter((code) => code === 'resolved')).toHaveLength(10);
    expect(codes.filter((code) => code === 'INSUFFICIENT_CREDITS not_applied')).toHaveLength(10);
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  test('keeps the entry of a refusal if it commits, and no trace of it if it rolls back', async () => {
    const { db, credits, begin, rolledBack } = host();
    await credits.addCredits('u', 10);
    const before = await dump(db.inner);
    const refused = async (session: MemorySession) => {
      expect(await endOf(credits.deductCredits('u', 11, { session }))).toBe('INSUFFICIENT_CREDITS not_applied');
      expect((await credits.deductCredits('u', 4, { session })).balanceAfter).toBe(6);
    };
    await rolledBack(refused);
    expect(await dump(db.inner)).toEqual(before);
    await begin(refused);
    const { rows } = await db.inner.find('entry', { index: 'history', equals: { account: 'credits/u' }, limit: 10 });
    expect(rows.map((row) => row.type).sort()).toEqual(['add', 'deduct', 'error']);
  });

  test('replays a key of before and of its own, and refuses it with other input', async () => {
    const { credits, begin } = host();
    const first = await credits.addCredits('u', 10, { idempotencyKey: 'k' });
    await begin(async (session) => {
      expect(await credits.addCredits('u', 10, { session, idempotencyKey: 'k' })).toEqual({ ...first, replayed: true });
      const own = await credits.deductCredits('u', 2, { session, idempotencyKey: 'own' });
      const again = credits.deductCredits('u', 2, { session, idempotencyKey: 'own' });
      expect(await again).toEqual({ ...own, replayed: true });
      const other = credits.deductCredits('u', 3, { session, idempotencyKey: 'own' });
      expect(await endOf(other)).toBe('IDEMPOTENCY_CONFLICT not_applied');
    });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(8);
  });

  test('announces nothing itself: its events are rows of the commit, or gone with the rollback', async () => {
    const { db, manager, credits, begin, rolledBack } = host();
    await manager.init();
    const heard: string[] = [];
    manager.on('*', (event) => {
      heard.push(event.type);
    });
    const pending = () => db.inner.count('outbox', { index: 'queue', equals: { sink: 'sink', status: 'pending' } });
    await rolledBack((session) => credits.addCredits('u', 10, { session }));
    expect(await pending()).toBe(0);
    await begin((session) => credits.addCredits('u', 10, { session }));
    expect(await pending()).toBeGreaterThan(0);
    expect(heard).toEqual([]);
  });
});

describe('a call without the session', () => {
  test('on the account that the transaction has locked meets its deadline, and says what to do', async () => {
    const { credits, begin } = host();
    await credits.addCredits('u', 100);
    await begin(async (session) => {
      await credits.deductCredits('u', 1, { session });
      const waiting = credits.deductCredits('u', 50, { timeoutMs: 80 });
      const error: unknown = await waiting.catch((reason) => reason);
      expect(error).toMatchObject({ code: 'CONTENTION', outcome: 'not_applied' });
      expect((error as Error).message).toContain('session');
    });
    expect((await credits.deductCredits('u', 1)).balanceAfter).toBe(98);
  });

  test.each(['commits', 'rolls back'])('goes on when the transaction %s', async (how) => {
    const { db, credits, begin, open } = host();
    await credits.addCredits('u', 100);
    const [locked, mayEnd] = [gate(), gate()];
    const transaction = begin(async (session) => {
      await credits.deductCredits('u', 30, { session, idempotencyKey: 'k' });
      locked.open();
      await mayEnd.opened;
      if (how === 'rolls back') throw new RollBack();
    }).catch(() => {});
    await locked.opened;
    const twin = open().credits.deductCredits('u', 30, { idempotencyKey: 'k' });
    const deducting = credits.deductCredits('u', 5);
    const elsewhere = await credits.addCredits('v', 1);
    expect(elsewhere.balanceAfter).toBe(1);
    mayEnd.open();
    await transaction;
    await deducting;
    expect((await twin).replayed).toBe(how === 'commits');
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(65);
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  test('decides on the stored state after a rollback, in every service that took part', async () => {
    const { db, credits, rolledBack, open } = host();
    await credits.addCredits('u', 100);
    for (let round = 0; round < 5; round++) {
      await rolledBack(async (session) => {
        await credits.deductCreditsAfterService('u', 500, { session });
        await credits.getUserCreditsInfo('u', { session });
      });
      expect((await credits.deductCredits('u', 10)).balanceAfter).toBe(90 - round * 20);
      expect((await open().credits.deductCredits('u', 10)).balanceAfter).toBe(80 - round * 20);
    }
    expect(await endOf(credits.deductCredits('u', 1))).toBe('INSUFFICIENT_CREDITS not_applied');
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });
});
