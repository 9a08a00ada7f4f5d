/** What went through an account in all: exact under concurrency, audited, filled in where older versions wrote. */
import { expect, test } from 'vitest';
import type { Row } from '../../src/index.js';
import { describeBackends, type World } from '../support/plan-world.js';

type Totals = { readonly seq: number; readonly added: number; readonly spent: number };
type AccountRow = Row & { readonly numbers: { readonly totals?: Totals } };

async function accountRows({ host }: World): Promise<readonly AccountRow[]> {
  const { rows } = await host.find('account', { index: 'created', limit: 1_000 });
  return rows as unknown as readonly AccountRow[];
}

async function replaceRow({ host }: World, model: string, row: Row, changed: object): Promise<void> {
  const after = { ...row, ...changed, version: row.version + 1 } as Row;
  const unit = [{ op: 'replace', model, row: after, expectedVersion: row.version } as const];
  expect(await host.commit([unit])).toEqual([{ status: 'committed' }]);
}

/** Makes the store one that a version without totals has written. */
async function makeOlder(world: World): Promise<void> {
  for (const row of await accountRows(world)) {
    const { totals: _, ...numbers } = row.numbers;
    await replaceRow(world, 'account', row, { numbers });
  }
  const [settings] = (await world.host.getMany('system', ['settings'])) as [Row];
  const { totals: _, ...value } = settings.value as { totals?: string };
  await replaceRow(world, 'system', settings, { value });
}

const isFilled = ({ seq, numbers }: AccountRow) => numbers?.totals?.seq === seq;

async function manyAccounts(world: World, users: number): Promise<readonly string[]> {
  const { credits } = world.manager;
  const names = Array.from({ length: users }, (_, i) => `user-${i}`);
  for (const [i, name] of names.entries()) {
    await credits.addCredits(name, 10 + i, { source: 'purchase' });
    await credits.deductCredits(name, i + 1);
  }
  return names;
}

const numbersOf = async (world: World, names: readonly string[], manager = world.manager) => {
  const infos = await Promise.all(names.map((name) => manager.credits.getAccount(name, { fresh: true })));
  return infos.map((info) => [info?.lifetimeAdded, info?.lifetimeSpent, info?.lastRechargeAt?.getTime()]);
};

await describeBackends('lifetime totals', (open) => {
  test('an account tells its options in force and its own, its metadata and what went through it', async () => {
    const world = await open({ defaults: { overdraftLimit: 30, lowCreditThreshold: '10%' } });
    const { credits } = world.manager;
    expect(await credits.getAccount('nobody')).toBe(null);
    await credits.deductCredits('nobody', 5).catch(() => 'refused');
    expect(await credits.getAccount('nobody')).toBe(null);
    await credits.createAccount('u', { trialCredits: 5, lowCreditThreshold: 2, metadata: { tier: ['gold'] } });
    await credits.addCredits('u', '20.5', { source: 'purchase', effectiveAt: '2026-01-03T00:00:00Z' });
    expect(await credits.getAccount('u')).toEqual({
      ...{ userId: 'u', creditType: 'credits', metadata: { tier: ['gold'] }, createdAt: world.clock.now() },
      updatedAt: world.clock.now(),
      options: { overdraftLimit: 30, lowCreditThresholds: [2] },
      ownOptions: { lowCreditThresholds: [2] },
      ...{ lifetimeAdded: 5, lifetimeSpent: 0, lastRechargeAt: null },
    });
    await credits.updateAccount('u', { overdraftLimit: 'unlimited', lowCreditThreshold: null });
    world.clock.advance({ days: 3 });
    expect(await credits.getAccount('u')).toMatchObject({
      options: { overdraftLimit: 'unlimited', lowCreditThresholds: ['10%'] },
      ownOptions: { overdraftLimit: 'unlimited' },
      ...{ lifetimeAdded: 25.5, lifetimeSpent: 0, lastRechargeAt: new Date('2026-01-03T00:00:00Z') },
    });
    await credits.updateAccount('u', { lowCreditThreshold: 'none' });
    expect(await credits.getAccount('u')).toMatchObject({ options: { lowCreditThresholds: [] }, lifetimeAdded: 25.5 });
  });

  test('two processes at once lose nothing of them', async () => {
    const world = await open();
    const services = [world.manager, world.open()].map(({ credits }) => credits);
    await services[0]?.addCredits('u', 1_000, { source: 'purchase' });
    const calls = services.flatMap((credits) =>
      Array.from({ length: 15 }, async (_, i) => {
        const spent = await credits.deductCredits('u', 3);
        if (i % 3 === 0) await credits.reverseTransaction(spent, { amount: 1 });
        if (i % 5 === 0) await credits.addCredits('u', 2);
        if (i % 4 === 0) await credits.commitReservedCredits(await credits.reserveCredits('u', 6), { amount: 4 });
      }),
    );
    await Promise.all(calls);
    const spent = 30 * 3 - 10 * 1 + 8 * 4;
    expect(await numbersOf(world, ['u'])).toEqual([[1_012, spent, world.clock.now().getTime()]]);
    await world.expectSound();
  });

  test('a total that is off by one unit is found', async () => {
    const world = await open();
    const [name] = (await manyAccounts(world, 1)) as [string];
    for (const wrong of [{ added: 10_000_001 }, { spent: 999_999 }, { rechargedAt: 1 }, { rechargedAt: null }]) {
      const [row] = (await accountRows(world)) as [AccountRow];
      const numbers = { ...row.numbers, totals: { ...row.numbers.totals, ...wrong } };
      await replaceRow(world, 'account', row, { numbers });
      const { problems } = await world.manager.ledger.verify({ userId: name });
      expect(problems).toMatchObject([{ kind: 'account', id: `credits/${name}` }]);
      await replaceRow(world, 'account', { ...row, version: row.version + 1 }, { numbers: row.numbers });
    }
    await world.expectSound();
  });

  test('accounts of an older version tell the same, and are filled in by two processes at once', async () => {
    const world = await open();
    const names = await manyAccounts(world, 9);
    const before = await numbersOf(world, names);
    await makeOlder(world);
    const managers = [world.open(), world.open()];
    await world.expectSound();
    expect(await numbersOf(world, names, managers[0])).toEqual(before);
    await managers[0]?.credits.deductCredits('user-0', 2);
    expect((await numbersOf(world, ['user-0'], managers[1]))[0]?.[1]).toBe(3);
    expect((await accountRows(world)).filter(isFilled)).toEqual([]);
    await Promise.all([
      ...managers.map(({ jobs }) => jobs.runExpiration()),
      ...names.map((name) => managers[1]?.credits.deductCredits(name, 1)),
    ]);
    // A process that lost the lease did nothing, and an account that was written meanwhile is counted on.
    const { status, skipped } = (await managers[0]?.jobs.runExpiration()) ?? {};
    expect({ status, skipped }).toEqual({ status: 'completed', skipped: [] });
    const rows = await accountRows(world);
    expect(rows.filter(isFilled)).toHaveLength(9);
    const after = before.map(([added, spent, at], i) => [added, Number(spent) + (i === 0 ? 3 : 1), at]);
    expect(await numbersOf(world, names, managers[1])).toEqual(after);
    await world.expectSound();
    await managers[1]?.jobs.runExpiration();
    expect(await accountRows(world)).toEqual(rows);
  });

  test('filling in goes on where it was stopped, and once all accounts have totals nobody looks again', async () => {
    const world = await open();
    const names = await manyAccounts(world, 9);
    const before = await numbersOf(world, names);
    await makeOlder(world);
    const stop = new AbortController();
    let batches = 0;
    const onProgress = () => {
      if (++batches === 3) stop.abort();
    };
    const first = world.open();
    expect(await first.jobs.runExpiration({ batchSize: 2, signal: stop.signal, onProgress })).toMatchObject({
      status: 'stopped',
    });
    const done = (await accountRows(world)).filter(isFilled).length;
    expect([done > 0, done < 9]).toEqual([true, true]);
    const second = world.open();
    expect(await second.jobs.runExpiration()).toMatchObject({ status: 'completed', processed: 9 - done });
    expect((await accountRows(world)).filter(isFilled)).toHaveLength(9);
    expect(await numbersOf(world, names, second)).toEqual(before);
    await world.expectSound();
    const [{ value }] = (await world.host.getMany('system', ['settings'])) as [Row];
    expect(value).toMatchObject({ totals: 'kept' });
    await makeOlder(world);
    // This process knows that it is done; a new one reads the settings again.
    expect(await second.jobs.runExpiration()).toMatchObject({ processed: 0 });
    expect(await world.open().jobs.runExpiration()).toMatchObject({ processed: 9 });
  });

  test('an account that is written while it is filled in is counted on', async () => {
    const world = await open();
    await manyAccounts(world, 1);
    await makeOlder(world);
    const [one, other] = [world.open(), world.adapter()];
    let writes = 0;
    const { commit } = other;
    other.commit = async (units, options) => {
      const isFill = units[0]?.length === 1 && units[0]?.[0]?.model === 'account';
      if (isFill && ++writes <= 2) await one.credits.deductCredits('user-0', 1);
      return commit.call(other, units, options);
    };
    expect(await world.open({ db: other }).jobs.runExpiration()).toMatchObject({ processed: 1, skipped: [] });
    expect(writes).toBe(3);
    expect((await accountRows(world)).filter(isFilled)).toHaveLength(1);
    expect((await numbersOf(world, ['user-0'], one))[0]).toEqual([10, 3, world.clock.now().getTime()]);
    await world.expectSound();
  });

  test('totals that an older version has left behind are counted again', async () => {
    const world = await open();
    await manyAccounts(world, 1);
    const [row] = (await accountRows(world)) as [AccountRow];
    await world.manager.credits.deductCredits('user-0', 4);
    const [now] = (await accountRows(world)) as [AccountRow];
    await replaceRow(world, 'account', now, { numbers: { ...now.numbers, totals: row.numbers.totals } });
    await world.expectSound();
    const other = world.open();
    expect((await numbersOf(world, ['user-0'], other))[0]).toEqual([10, 5, world.clock.now().getTime()]);
    await other.credits.deductCredits('user-0', 1);
    expect((await numbersOf(world, ['user-0'], other))[0]).toEqual([10, 6, world.clock.now().getTime()]);
    await world.expectSound();
  });
});
