/** A user's page: usage by day, month, type and model, and transactions with source and reference. */
import { expect, test } from 'vitest';
import type { UsageSummary } from '../../src/index.js';
import { bench } from '../backends/gated-db.js';
import { codeOf } from '../support/codes.js';
import { describeBackends } from '../support/plan-world.js';
import { QUIET } from '../support/quiet.js';

const YEAR = { from: '2026-01-01', to: '2027-01-01' };
const row = (key: string | null, numbers: Partial<UsageSummary>): UsageSummary => ({
  ...{ key, spent: 0, added: 0, expired: 0, calls: 0 },
  ...numbers,
});

await describeBackends('the usage of an account', (open) => {
  test('by day, month and type: exact sums, whose difference is the change of the balance', async () => {
    const world = await open();
    const { credits } = world.manager;
    // The clock stands at the first of January.
    await credits.addCredits('u', '0.3', { expiresAt: '2026-01-20T00:00:00Z' });
    await credits.addCredits('u', 100, { effectiveAt: '2026-01-02T12:00:00Z' });
    for (let i = 0; i < 2; i++) await credits.deductCredits('u', '0.1');
    world.clock.set('2026-01-03T23:00:00Z');
    const hold = await credits.reserveCredits('u', 10);
    await credits.commitReservedCredits(hold, { amount: 12, overage: 'charge' });
    const spent = await credits.deductCredits('u', 5);
    world.clock.set('2026-02-01T00:00:00Z');
    await credits.reverseTransaction(spent.id, { amount: 2 });
    await credits.transferCredits({ from: 'u', to: 'v', amount: 4 });
    await credits.addCredits('other', 9);

    // The first grant has 0.1 left; the hold and the charges took it before it lapsed, as it ends soonest.
    const first = { added: 0.3, spent: 0.2, calls: 2 };
    const third = { spent: 17, calls: 2 };
    expect(await credits.getUsageSummary('u', { ...YEAR, by: 'day' })).toEqual([
      row('2026-01-01', first),
      row('2026-01-02', { added: 100 }),
      row('2026-01-03', third),
      row('2026-02-01', { spent: 2, calls: 0 }),
    ]);
    const months = await credits.getUsageSummary('u', { ...YEAR, by: 'month' });
    expect(months).toEqual([
      row('2026-01', { added: 100.3, spent: 17.2, calls: 4 }),
      row('2026-02', { spent: 2, calls: 0 }),
    ]);
    expect(await credits.getUsageSummary('u', { ...YEAR, by: 'type' })).toEqual([
      row('activate', { added: 100 }),
      row('add', { added: 0.3 }),
      row('commit_reserved', { spent: 10, calls: 1 }),
      row('deduct', { spent: 7.2, calls: 4 }),
      row('reverse', { spent: -2 }),
      row('transfer_out', { spent: 4 }),
    ]);
    const { balance } = await credits.getUserCreditsInfo('u');
    expect(balance).toBe(81.1);
    const zoned = await credits.getUsageSummary('u', { ...YEAR, by: 'day', timeZone: 'Asia/Kolkata' });
    expect(zoned.map(({ key, spent }) => [key, spent])).toEqual([
      ['2026-01-01', 0.2],
      ['2026-01-02', 0],
      ['2026-01-04', 17],
      ['2026-02-01', 2],
    ]);
  });

  test('counts what has lapsed although nobody has written it, and nothing twice once somebody does', async () => {
    const world = await open();
    const { credits } = world.manager;
    await credits.addCredits('u', 5, { expiresAt: '2026-01-02T06:00:00Z' });
    world.clock.set('2026-01-05T00:00:00Z');
    const days = [row('2026-01-01', { added: 5 }), row('2026-01-02', { expired: 5 })];
    expect(await credits.getUsageSummary('u', { ...YEAR, by: 'day' })).toEqual(days);
    expect(await credits.expireCredits('u')).toBe(5);
    expect(await credits.getUsageSummary('u', { ...YEAR, by: 'day' })).toEqual(days);
    expect(await credits.getUsageSummary('u', { from: '2026-01-02', to: '2026-01-03', by: 'type' })).toEqual([
      row('expire', { expired: 5 }),
    ]);
    expect(await credits.getUsageSummary('nobody', { ...YEAR, by: 'day' })).toEqual([]);
  });

  test('from is included and to is not, so that periods side by side add up', async () => {
    const world = await open();
    const { credits } = world.manager;
    const from = '2026-01-10T00:00:00Z';
    for (const at of ['2026-01-09T23:59:59.999Z', from, '2026-01-11T00:00:00Z']) {
      world.clock.set(at);
      await credits.addCredits('u', 1);
    }
    const added = async (range: object) =>
      (await credits.getUsageSummary('u', { from, by: 'type', ...range }))[0]?.added ?? 0;
    expect(await added({ to: '2026-01-11' })).toBe(1);
    expect(await added({ from: '2026-01-09', to: from })).toBe(1);
    expect(await added({})).toBe(2);
  });

  test('by model: what was recorded, what was not, and one charge with an excess counts once', async () => {
    const world = await open();
    const { credits } = world.manager;
    await credits.addCredits('u', 100);
    await credits.withCredits({ userId: 'u', estimate: 2 }, async (meter) => {
      meter.addUsage({ model: 'big', provider: 'p', cost: 1.0000001 });
      meter.addUsage({ model: 'small', provider: 'p', cost: 0.1 });
      meter.addUsage({ model: 'big', provider: 'p', cost: 0.2000003 });
      meter.addUsage({ model: 'small', provider: 'p', cost: 0.7 });
      meter.add(0.5);
    });
    const meter = await credits.openMeter({ userId: 'u', estimate: 1 });
    meter.addUsage({ model: 'small', provider: 'p', cost: 3 });
    await meter.settle();
    await credits.deductCredits('u', 5);
    for (const usage of [{ model: 'big', cost: 1 }, [{ model: 5, cost: 1 }], [{ model: 'big', cost: -1 }, null]]) {
      await credits.deductCredits('u', 1, { metadata: { usage } });
    }
    const models = await credits.getUsageSummary('u', { ...YEAR, by: 'model' });
    expect(models).toEqual([
      row('big', { spent: 1.200001, calls: 2 }),
      row('small', { spent: 3.8, calls: 3 }),
      row(null, { spent: 8.5, added: 100, calls: 4 }),
    ]);
    const { balance } = await credits.getUserCreditsInfo('u');
    expect(balance).toBe(86.499999);
  });

  test('refuses what it cannot answer, and says what to write', async () => {
    const world = await open();
    const { credits } = world.manager;
    const refused = (options: object) => codeOf(credits.getUsageSummary('u', { ...YEAR, by: 'day', ...options }));
    for (const options of [{ by: 'week' }, { from: undefined }, { to: '2025-12-31' }, { timeZone: 'Mars/North' }]) {
      expect(await refused(options), JSON.stringify(options)).toBe('INVALID_ARGUMENT');
    }
    await credits.addCredits('u', 2_000);
    const usage = (from: number) => Array.from({ length: 100 }, (_, i) => ({ model: `m${from + i}`, cost: 1 }));
    for (let i = 0; i < 11; i++) await credits.deductCredits('u', 100, { metadata: { usage: usage(100 * i) } });
    expect(await credits.getUsageSummary('u', { from: YEAR.from, by: 'type' })).toHaveLength(2);
    expect(await refused({ by: 'model' })).toBe('LIMIT_EXCEEDED');
  });

  test('is read in pages, and shows one state while others write', async () => {
    const world = await open();
    const { credits } = world.manager;
    await credits.addCredits('u', 10_000);
    const writers = Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 90; i++) await credits.deductCredits('u', 1);
    });
    let isDone = false;
    const writing = Promise.all(writers).then(() => {
      isDone = true;
    });
    while (!isDone) {
      const [one] = await credits.getUsageSummary('u', { from: YEAR.from, by: 'month' });
      expect(one).toEqual(row('2026-01', { added: 10_000, spent: one?.spent ?? -1, calls: one?.spent ?? -1 }));
    }
    await writing;
    const [all] = await credits.getUsageSummary('u', { from: YEAR.from, by: 'month', fresh: true });
    expect(all).toEqual(row('2026-01', { added: 10_000, spent: 720, calls: 720 }));
  });
});

await describeBackends('a transaction', (open) => {
  test('tells source and reference of the credits that it added', async () => {
    const world = await open();
    const { credits } = world.manager;
    const added = await credits.addCredits('u', 5, { source: 'purchase', reference: 'order-7' });
    expect(added).toMatchObject({ source: 'purchase', reference: 'order-7' });
    await credits.addCredits('u', 5, { source: 'promo', effectiveAt: '2026-01-02T00:00:00Z' });
    world.clock.advance({ days: 2 });
    await credits.deductCredits('u', 6);
    const { items } = await credits.getCreditHistory('u', { order: 'oldest' });
    expect(items.map(({ type, source, reference }) => [type, source, reference])).toEqual([
      ['add', 'purchase', 'order-7'],
      ['add', 'promo', null],
      ['activate', 'promo', null],
      ['deduct', null, null],
    ]);
    expect(await credits.getTransaction(added.id)).toMatchObject({ source: 'purchase', reference: 'order-7' });
  });
});

test('a usage summary shows no entry that is newer than the account it was read with', async () => {
  const { db, credits, clock } = bench({ logger: QUIET });
  await credits.addCredits('u', 5, { expiresAt: new Date(clock.now().getTime() + 1_000) });
  clock.advance({ hours: 1 });
  let isWritten = false;
  db.methods.find = async (model, ...rest) => {
    // Somebody writes what has lapsed, after the account was read and before its entries are.
    if (model === 'entry' && !isWritten) {
      isWritten = true;
      await credits.expireCredits('u');
    }
    return db.inner.find(model, ...rest);
  };
  const lines = await credits.getUsageSummary('u', { from: '2000-01-01', by: 'type' });
  expect([isWritten, lines]).toEqual([true, [row('add', { added: 5 }), row('expire', { expired: 5 })]]);
});
