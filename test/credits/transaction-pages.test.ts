/** Numbered pages: any page of a history, in a few reads; with a filter, walked and counted up to a bound. */
import { expect, test } from 'vitest';
import { createCreditManagement, type DbManager, type MemorySession } from '../../src/index.js';
import { testClock } from '../../src/testing/clock.js';
import { GatedDb } from '../backends/gated-db.js';
import { Chance, SEED } from '../support/chance.js';
import { describeBackends } from '../support/plan-world.js';
import { QUIET } from '../support/quiet.js';

await describeBackends('numbered pages', (openWorld) => {
  test('together they are the history, whatever was written in one instant, and refusals in between', async () => {
    const world = await openWorld({});
    const { credits } = world.manager;
    const chance = new Chance(SEED);
    for (let i = 0; i < 120; i++) {
      if (chance.below(3) === 0) world.clock.advance({ seconds: [0.001, 1, 86_400][chance.below(3)] as number });
      const steps = [
        () => credits.addCredits('u', 5),
        () => credits.deductCredits('u', 3).catch(() => null),
        () => credits.reserveCredits('u', 1, { ttlSeconds: 60 }).catch(() => null),
        () => credits.deductCredits('u', 1_000_000).catch(() => null),
        () => credits.addCredits('other', 5),
      ];
      await chance.pick(steps)();
    }
    const all = [];
    for (let cursor: string | undefined, first = true; first || cursor; first = false) {
      const page = await credits.getCreditHistory('u', { includeHolds: true, limit: 100, ...(cursor && { cursor }) });
      all.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    }
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, i) => all.length - i));
    for (const limit of [1, 7, 50, 1_000]) {
      const pages = Math.ceil(all.length / limit);
      for (let page = 1; page <= pages + 1; page += limit === 1 ? 5 : 1) {
        expect(await credits.getTransactionPage('u', { page, limit })).toEqual({
          items: all.slice((page - 1) * limit, page * limit),
          ...{ page, limit, total: all.length, isTotalCapped: false },
        });
      }
    }
    const nobody = { items: [], page: 1, limit: 50, total: 0, isTotalCapped: false };
    expect(await credits.getTransactionPage('nobody')).toEqual(nobody);
    await world.close();
  });

  test('with a filter they are the history that fits it', async () => {
    const world = await openWorld({ defaults: { trialCredits: 10 } });
    const { credits } = world.manager;
    const adjusted = { actor: 'ann', reason: 'goodwill' };
    await credits.addCredits('u', 5, { source: 'purchase' });
    world.clock.advance({ days: 1 });
    await credits.deductCredits('u', 1);
    await credits.adjustCredits('u', 2, adjusted);
    await credits.adjustCredits('u', -1, adjusted);
    await credits.addCredits('u', 5, { metadata: { reference_type: 'order_paid' } });
    await credits.addCredits('u', 5, { metadata: { reference_type: 'whatever' } });
    const kinds = async (options: Parameters<typeof credits.getTransactionPage>[1]) => {
      const { items, total } = await credits.getTransactionPage('u', options);
      return [total, ...items.map(({ type, referenceType }) => `${type} ${referenceType}`)];
    };
    expect(await kinds({ limit: 1 })).toEqual([7, 'add null']);
    expect(await kinds({ types: ['deduct'] })).toEqual([2, 'deduct manual', 'deduct null']);
    expect(await kinds({ referenceTypes: ['manual'] })).toEqual([2, 'deduct manual', 'add manual']);
    expect(await kinds({ referenceTypes: ['order_paid', 'trial'] })).toEqual([2, 'add order_paid', 'add trial']);
    expect(await kinds({ types: ['add'], limit: 2, page: 2 })).toEqual([5, 'add manual', 'add billing_payment']);
    expect(await kinds({ to: '2026-01-01' })).toEqual([2, 'add billing_payment', 'add trial']);
    expect(await kinds({ from: '2026-01-02', referenceTypes: ['trial'] })).toEqual([0]);
    const wrong = [
      { page: 0 },
      { page: 1.5 },
      { limit: 0 },
      { limit: 1_001 },
      { from: '2026-02-01', to: '2026-01-01' },
    ];
    for (const options of wrong) {
      await expect(credits.getTransactionPage('u', options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    await world.close();
  });
});

test('a page in the middle of a long history costs a few reads, however its entries lie in time', async () => {
  const db = new GatedDb();
  const clock = testClock('2026-01-01T00:00:00Z');
  const { credits } = createCreditManagement<DbManager<MemorySession>>({ db, clock, logger: QUIET });
  const chance = new Chance(SEED);
  const COUNT = 3_000;
  for (let i = 0; i < COUNT; i++) {
    // Long silences, bursts, and many in one instant.
    if (chance.below(100) === 0) clock.advance({ days: chance.below(400) });
    else if (chance.below(4) === 0) clock.advance({ seconds: chance.below(1_000) / 1_000 });
    await credits.deductCreditsAfterService('u', 1);
  }
  let reads = 0;
  db.methods.find = (...args) => {
    reads++;
    return db.inner.find(...args);
  };
  let most = 0;
  for (let page = 1; page <= COUNT / 10; page += 7) {
    reads = 0;
    const { items, total } = await credits.getTransactionPage('u', { page, limit: 10 });
    most = Math.max(most, reads);
    expect(total).toBe(COUNT);
    const newest = COUNT - (page - 1) * 10;
    expect(items.map(({ seq }) => seq)).toEqual(Array.from({ length: 10 }, (_, i) => newest - i));
  }
  expect(most).toBeLessThan(75);
  console.log(`pages of ${COUNT} transactions over years: at most ${most} reads`);
});

test('the walk of a filter ends at its bound and says so', async () => {
  const db = new GatedDb();
  const { credits } = createCreditManagement<DbManager<MemorySession>>({ db, logger: QUIET });
  const COUNT = 10_010;
  for (let i = 0; i < COUNT; i += 1_001) {
    await Promise.all(Array.from({ length: 1_001 }, () => credits.deductCreditsAfterService('u', 1)));
  }
  const first = await credits.getTransactionPage('u', { types: ['deduct'], limit: 10 });
  expect(first).toMatchObject({ total: 10_000, isTotalCapped: true });
  expect(first.items.map(({ seq }) => seq)).toEqual(Array.from({ length: 10 }, (_, i) => COUNT - i));
  const last = await credits.getTransactionPage('u', { types: ['deduct'], limit: 10, page: 1_001 });
  expect(last).toMatchObject({ items: [], total: 10_000, isTotalCapped: true });
  expect(await credits.getTransactionPage('u', { types: ['add'] })).toMatchObject({
    total: 0,
    isTotalCapped: false,
  });
});
