/** The state of an account is written when it changes, and stays in the row as it is while numbers alone do. */
import { expect, test } from 'vitest';
import type { Row } from '../../src/index.js';
import { describeBackends, type Manager, type World } from '../support/plan-world.js';
import { earlierRow } from '../support/stored-grants.js';

type AccountRow = Row & { readonly state: object; readonly numbers: object | null };

const accountOf = async ({ host }: World, user = 'u') =>
  ((await host.getMany('account', [`credits/${user}`])) as unknown as [AccountRow])[0];

interface Watched {
  readonly manager: Manager;
  /** Whether each commit left the state of the account `u` as it was. */
  readonly kept: boolean[];
  /** Fields that a commit named as unchanged, and the database had otherwise. */
  readonly wrong: string[];
}

function watched(world: World): Watched {
  const db = world.adapter();
  const [kept, wrong]: [boolean[], string[]] = [[], []];
  const { commit } = db;
  db.commit = async (units, options) => {
    for (const change of units.flat()) {
      if (change.op !== 'replace' || change.model !== 'account') continue;
      const { row, unchanged = [], expectedVersion } = change;
      if (row.id === 'credits/u') kept.push(unchanged.includes('state'));
      const [stored] = await world.host.getMany('account', [row.id as string]);
      if (stored?.version !== expectedVersion) continue;
      const isOther = (field: string) => JSON.stringify(stored[field]) !== JSON.stringify(row[field]);
      wrong.push(...unchanged.filter(isOther).map((field) => `${row.id} ${field}`));
    }
    return commit.call(db, units, options);
  };
  return { manager: world.open({ db }), kept, wrong };
}

/** As many as an adapter may need to find that a statement that leaves the state alone is worth its while. */
async function warmUp({ credits }: Manager): Promise<void> {
  await credits.addCredits('warm', 100);
  for (let i = 0; i < 40; i++) await credits.deductCredits('warm', 1);
}

await describeBackends('the state of an account', (open) => {
  test('is written by what changes it alone, and another process reads the same', async () => {
    const world = await open();
    const { manager, kept, wrong } = watched(world);
    const { credits, jobs } = manager;
    await warmUp(manager);
    const story: readonly [kept: boolean, call: () => Promise<unknown>][] = [
      [false, () => credits.addCredits('u', 10, { expiresAt: '2026-02-03T00:00:00Z' })],
      [false, () => credits.addCredits('u', 5, { source: 'purchase' })],
      [true, () => credits.deductCredits('u', 4)],
      [true, () => credits.deductCredits('u', 100).catch(() => 'refused')],
      [true, async () => credits.commitReservedCredits(await credits.reserveCredits('u', 2))],
      // The first grant is spent.
      [false, () => credits.deductCredits('u', 5)],
      [true, () => credits.deductCredits('u', 1)],
      [false, () => credits.updateAccount('u', { overdraftLimit: 50, lowCreditThreshold: 3 })],
      [true, () => credits.deductCredits('u', 2)],
      // The last grant is spent, and credits are owed.
      [false, () => credits.deductCreditsAfterService('u', 7)],
      [true, () => credits.deductCreditsAfterService('u', 7)],
      [false, () => credits.addCredits('u', 30, { expiresAt: '2026-02-04T00:00:00Z' })],
      [true, () => credits.deductCredits('u', 1)],
    ];
    for (const [i, [isKept, call]] of story.entries()) {
      kept.length = 0;
      await call();
      expect([i, ...new Set(kept)]).toEqual([i, isKept]);
      const told = await credits.getUserCreditsInfo('u', { fresh: true });
      expect([i, await world.open().credits.getUserCreditsInfo('u', { fresh: true })]).toEqual([i, told]);
    }
    expect((await manager.ledger.verify()).problems).toEqual([]);
    world.clock.advance({ days: 60 });
    kept.length = 0;
    await jobs.runExpiration();
    expect([kept, (await accountOf(world)).state]).toMatchObject([[false], { facts: [] }]);
    expect(wrong).toEqual([]);
    await world.expectSound();
  });

  test('that an earlier version wrote is replaced whole, whatever comes first', async () => {
    const world = await open({ defaults: { overdraftLimit: 100 } });
    const firsts: readonly [name: string, first: (manager: Manager, user: string) => Promise<unknown>][] = [
      ['spending', ({ credits }, user) => credits.deductCreditsAfterService(user, 1)],
      ['adding', ({ credits }, user) => credits.addCredits(user, 1)],
      ['refused', ({ credits }, user) => credits.deductCredits(user, 1_000).catch(() => 'refused')],
      ['options', ({ credits }, user) => credits.updateAccount(user, { lowCreditThreshold: 2 })],
    ];
    const users: [user: string, first: (manager: Manager, user: string) => Promise<unknown>][] = [];
    for (const [name, first] of firsts) {
      for (const left of ['some', 'none', 'debt'] as const) {
        const user = `${name}-${left}`;
        const { credits } = world.manager;
        await credits.addCredits(user, 10);
        await credits.deductCreditsAfterService(user, { some: 3, none: 10, debt: 12 }[left]);
        await credits.deductCredits(user, 500).catch(() => 'refused');
        if (left === 'some') await credits.reserveCredits(user, 2);
        const row = await accountOf(world, user);
        const after = { ...earlierRow(row), version: row.version + 1 } as Row;
        const change = { op: 'replace', model: 'account', row: after, expectedVersion: row.version } as const;
        expect(await world.host.commit([[change]])).toMatchObject([{ status: 'committed' }]);
        users.push([user, first]);
      }
    }
    const before = world.open();
    expect((await before.ledger.verify()).problems).toEqual([]);
    await Promise.all(users.map(([user, first]) => first(before, user)));
    for (const [user] of users) {
      const { state, numbers } = await accountOf(world, user);
      expect([user, Object.keys(state)]).toEqual([user, expect.arrayContaining(['facts', 'options'])]);
      expect([user, Object.keys(state)]).toEqual([user, expect.not.arrayContaining(['grants', 'holds', 'totals'])]);
      expect([user, numbers]).toMatchObject([user, { totals: expect.any(Object), refusals: expect.any(Number) }]);
      const told = await before.credits.getUserCreditsInfo(user, { fresh: true });
      expect(await world.open().credits.getUserCreditsInfo(user, { fresh: true })).toEqual(told);
    }
    await world.expectSound();
  });

  test('is written whole where an earlier version wrote in place of a commit that was lost', async () => {
    const world = await open();
    const put = async (row: Row, expectedVersion: number) => {
      const change = { op: 'replace', model: 'account', row, expectedVersion } as const;
      expect(await world.host.commit([[change]])).toMatchObject([{ status: 'committed' }]);
    };
    await world.manager.credits.addCredits('u', 10);
    const first = await accountOf(world);
    await put({ ...earlierRow(first), version: first.version + 1 }, first.version);
    const fresh = world.open();
    await warmUp(fresh);
    await fresh.credits.deductCredits('u', 1_000).catch(() => 'refused');
    const lost = await accountOf(world);
    // The refusal as the earlier version counts it, after the same entries.
    const step = (Number.parseInt((lost.hash as string).slice(0, 8), 16) + 1) % 2 ** 20;
    await put({ ...earlierRow(lost), version: first.version + 2 + step }, lost.version);
    await fresh.credits.deductCredits('u', 1);
    expect(Object.keys((await accountOf(world)).state)).toContain('facts');
    expect(await world.open().credits.getUserCreditsInfo('u', { fresh: true })).toMatchObject({ balance: 9 });
  });

  test('is right for each account of a batch of which some change it', async () => {
    const world = await open();
    const users = Array.from({ length: 60 }, (_, i) => `u${i}`);
    const { credits } = world.manager;
    await Promise.all(users.map((user) => credits.addCredits(user, 100)));
    for (let round = 1; round <= 12; round++) {
      await Promise.all(
        users.map((user, i) => (i % 7 === round % 7 ? credits.addCredits(user, 1) : credits.deductCredits(user, 1))),
      );
    }
    const fresh = world.open().credits;
    for (const [i, user] of users.entries()) {
      const added = Array.from({ length: 12 }, (_, round) => round + 1).filter((round) => i % 7 === round % 7).length;
      expect(await fresh.getUserCreditsInfo(user, { fresh: true })).toMatchObject({
        balance: 100 + added - (12 - added),
      });
    }
    await world.expectSound();
  });
});
