/** Usage that is told late draws on grants that could be spent when it happened. */
import { describe, expect, test } from 'vitest';
import { bench } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { codeOf } from '../support/codes.js';

/** 100 credits lapse at 10:00 and 50 never; now it is 10:30, the usage was at 09:30. */
async function lapsed(options: { written?: boolean; graceSeconds?: number } = {}) {
  const { written = true, graceSeconds = 3_600 } = options;
  const world = bench({ limits: { lateUsageSeconds: graceSeconds } });
  const { credits, clock, manager, db } = world;
  clock.set('2030-01-01T09:00:00Z');
  const old = (await credits.addCredits('u', 100, { expiresAt: '2030-01-01T10:00:00Z' })).grantId as string;
  const kept = (await credits.addCredits('u', 50)).grantId as string;
  clock.set('2030-01-01T10:30:00Z');
  if (written) await credits.expireCredits('u');
  const occurredAt = '2030-01-01T09:30:00Z';
  const info = async () => {
    const { balance, reserved, debt } = await credits.getUserCreditsInfo('u');
    return [balance, reserved, debt];
  };
  const expectSound = async () => {
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
    expect(await manager.ledger.verify()).toMatchObject({ ok: true, problems: [] });
  };
  return { ...world, old, kept, occurredAt, info, expectSound };
}

describe('late usage', () => {
  test.each([true, false])('draws on what has lapsed since (lapse written: %j)', async (written) => {
    const { credits, old, kept, occurredAt, info, expectSound } = await lapsed({ written });
    const entry = await credits.deductCredits('u', 120, { occurredAt });
    expect(entry).toMatchObject({
      ...{ type: 'deduct', delta: -120, balanceAfter: 30, occurredAt: new Date(occurredAt) },
      createdAt: new Date('2030-01-01T10:30:00Z'),
      draws: [
        { grantId: old, amount: 100 },
        { grantId: kept, amount: 20 },
      ],
    });
    const { items } = await credits.getCreditHistory('u', { order: 'oldest' });
    expect(items.slice(-3)).toMatchObject([
      { type: 'expire', delta: -100 },
      { type: 'reinstate', delta: 100, balanceAfter: 150, draws: [{ grantId: old, amount: 100 }] },
      { type: 'deduct', delta: -120 },
    ]);
    expect(await info()).toEqual([30, 0, 0]);
    await expectSound();
  });

  test('brings back no more than it needs, and the next usage finds the rest', async () => {
    const { credits, old, occurredAt, info, expectSound } = await lapsed();
    await Promise.all([1, 2, 3].map(() => credits.deductCredits('u', 30, { occurredAt })));
    expect(await info()).toEqual([50, 0, 0]);
    expect((await credits.deductCredits('u', 20, { occurredAt })).draws).toMatchObject([
      { grantId: old, amount: 10 },
      { amount: 10 },
    ]);
    expect(await info()).toEqual([40, 0, 0]);
    const closed = (await credits.getGrants('u', { includeClosed: true })).items.find(({ id }) => id === old);
    expect(closed).toMatchObject({ remaining: 0 });
    const uses = (await credits.getGrantUsage(old)).items.map(({ type, amount }) => [type, amount]);
    expect(uses).toContainEqual(['expire', 100]);
    expect(uses).toContainEqual(['reinstate', -10]);
    expect(uses.reduce((sum, [, amount]) => sum + Number(amount), 0)).toBe(100);
    await expectSound();
  });

  test('is refused with the numbers of the grants that may pay, and then nothing comes back', async () => {
    const { credits, occurredAt, info, expectSound } = await lapsed();
    await expect(credits.deductCredits('u', 151, { occurredAt })).rejects.toMatchObject({
      ...{ code: 'INSUFFICIENT_CREDITS', details: { available: 150, balance: 50 } },
    });
    expect(await info()).toEqual([50, 0, 0]);
    await expectSound();
  });

  test('beyond the grace, and without one, it pays with the grants of today', async () => {
    const { credits, clock, occurredAt, info } = await lapsed();
    clock.set('2030-01-01T10:30:00.001Z');
    expect(await codeOf(credits.deductCredits('u', 60, { occurredAt }))).toBe('INSUFFICIENT_CREDITS');
    expect(await credits.deductCredits('u', 10, { occurredAt })).toMatchObject({ occurredAt: new Date(occurredAt) });
    expect(await info()).toEqual([40, 0, 0]);
    const other = await lapsed({ graceSeconds: 0 });
    expect(await codeOf(other.credits.deductCredits('u', 60, { occurredAt }))).toBe('INSUFFICIENT_CREDITS');
  });

  test('usage after the end of a grant does not draw on it, and a future instant counts as now', async () => {
    const { credits, kept } = await lapsed();
    for (const occurredAt of ['2030-01-01T10:00:00Z', '2031-01-01T00:00:00Z']) {
      expect((await credits.deductCredits('u', 1, { occurredAt })).draws).toEqual([{ grantId: kept, amount: 1 }]);
    }
    const [last] = (await credits.getCreditHistory('u')).items;
    expect(last?.occurredAt).toEqual(new Date('2030-01-01T10:30:00Z'));
  });

  test('a charge after service takes it before it makes debt', async () => {
    const { credits, occurredAt, info, expectSound } = await lapsed();
    await credits.deductCreditsAfterService('u', 170, { occurredAt });
    expect(await info()).toEqual([-20, 0, 20]);
    expect(await codeOf(credits.deductCredits('u', 1, { occurredAt }))).toBe('INSUFFICIENT_CREDITS');
    await expectSound();
  });

  test('together with named grants, lapsed ones among them pay alone', async () => {
    const { credits, old, occurredAt, expectSound } = await lapsed();
    const from = { grantIds: [old] };
    const entry = await credits.deductCredits('u', 60, { occurredAt, from });
    expect(entry.draws).toEqual([{ grantId: old, amount: 60 }]);
    expect((await credits.explainTransaction(entry.id))?.draws).toMatchObject([{ grantId: old, because: 'only' }]);
    await expect(credits.deductCredits('u', 41, { occurredAt, from })).rejects.toMatchObject({
      details: { available: 40 },
    });
    await expectSound();
  });

  test('a commit beyond its hold, and one after its end, draw on it too', async () => {
    const { credits, clock, occurredAt, info, expectSound } = await lapsed();
    const hold = await credits.reserveCredits('u', 20, { ttlSeconds: 60 });
    const late = await credits.reserveCredits('u', 30, { ttlSeconds: 60 });
    await credits.commitReservedCredits(hold, { amount: 50, overage: 'charge', occurredAt });
    expect(await info()).toEqual([30, 30, 0]);
    clock.set('2030-01-01T10:29:00Z');
    clock.advance({ minutes: 2 });
    const usage = { ifExpired: 'cap', overage: 'cap', amount: 120, occurredAt: '2030-01-01T09:59:00Z' } as const;
    const entry = await credits.commitReservedCredits(late, usage);
    expect(entry).toMatchObject({ delta: -120, shortfall: 0, occurredAt: new Date(usage.occurredAt) });
    expect(await info()).toEqual([-20, 0, 20]);
    await expectSound();
  });

  test('a reversal of it returns to the lapsed grant, and lapses again', async () => {
    const { credits, occurredAt, info, expectSound } = await lapsed();
    const entry = await credits.deductCredits('u', 120, { occurredAt });
    await credits.reverseTransaction(entry);
    expect(await info()).toEqual([50, 0, 0]);
    await credits.deductCredits('u', 110, { occurredAt });
    expect(await info()).toEqual([40, 0, 0]);
    await expectSound();
  });

  test('what a hold kept beyond the end of its grant comes back too', async () => {
    const { credits, clock, info, expectSound } = await lapsed();
    clock.set('2030-01-01T10:30:00Z');
    await credits.addCredits('u', 40, { expiresAt: '2030-01-01T10:40:00Z', priority: 1 });
    const hold = await credits.reserveCredits('u', 40);
    clock.set('2030-01-01T10:41:00Z');
    await credits.releaseReservedCredits(hold);
    expect(await info()).toEqual([50, 0, 0]);
    const entry = await credits.deductCredits('u', 70, { occurredAt: '2030-01-01T10:35:00Z' });
    expect(entry.draws).toMatchObject([{ amount: 40 }, { amount: 30 }]);
    await expectSound();
  });

  test('what rolled over into the next period pays from there, and does not come back too', async () => {
    const { manager, credits, clock, db } = bench({ limits: { lateUsageSeconds: 3_600 } });
    clock.set('2030-01-01T00:00:00Z');
    const plan = { name: 'Daily', price: 0, creditLimit: 10, billingPeriod: 'daily', rolloverCap: 4 } as const;
    await manager.subscriptions.setUserSubscriptionPlan('u', await manager.subscriptions.addSubscriptionPlan(plan));
    clock.set('2030-01-02T00:10:00Z');
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(14);
    const occurredAt = '2030-01-01T23:50:00Z';
    const from = { sources: ['subscription'] } as const;
    await expect(credits.deductCredits('u', 15, { occurredAt, from })).rejects.toMatchObject({
      details: { available: 14 },
    });
    await credits.deductCredits('u', 14, { occurredAt });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  test('lapses that the same batch writes are seen', async () => {
    const { credits, occurredAt, info, expectSound } = await lapsed({ written: false });
    await Promise.all([credits.addCredits('u', 1), credits.deductCredits('u', 149, { occurredAt })]);
    expect(await info()).toEqual([2, 0, 0]);
    await expectSound();
  });

  test('many at once never take a lapsed credit twice', async () => {
    const { credits, occurredAt, info, open, expectSound } = await lapsed();
    const others = [credits, open().credits, open().credits];
    const calls = Array.from({ length: 30 }, (_, i) =>
      (others[i % 3] ?? credits).deductCredits('u', 10, { occurredAt }),
    );
    const done = await Promise.allSettled(calls);
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(15);
    expect(await info()).toEqual([0, 0, 0]);
    await expectSound();
  });
});
