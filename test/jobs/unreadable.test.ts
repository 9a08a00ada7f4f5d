/** Due rows that decisions cannot read: a job names them in every report, and does the others. */
import { expect, test } from 'vitest';
import type { JobReport, Row } from '../../src/index.js';
import { MONTHLY, memoryWorld, type World } from '../support/plan-world.js';
import { earlierRow, openGrantsOf } from '../support/stored-grants.js';

/** Writes a row behind the library's back. */
async function damage(world: World, model: string, key: string, fields: (row: Row) => object): Promise<void> {
  const [row] = (await world.host.getMany(model, [key])) as [Row];
  const after = { ...row, ...fields(row), version: row.version + 1 } as Row;
  const change = { op: 'replace', model, row: after, expectedVersion: row.version } as const;
  expect(await world.host.commit([[change]])).toMatchObject([{ status: 'committed' }]);
}

const grantsWith = (fields: object) => (row: Row) => {
  return { state: { ...(row.state as object), facts: openGrantsOf(row).map((grant) => ({ ...grant, ...fields })) } };
};

const grantStored =
  (facts: unknown, ...numbers: readonly unknown[]) =>
  (row: Row) => ({
    state: { ...(row.state as object), facts: [facts] },
    numbers: { ...(row.numbers as object), grants: [numbers.length > 0 ? numbers : null] },
  });
const earlier = (grant: unknown) => (row: Row) => earlierRow(row, [grant]);
const FACTS = ['g-1', 'other', 5_000_000, 50, 1, null, 1, 0, 1, null, null];

const ACCOUNTS: readonly [string, (row: Row) => object][] = [
  ['a negative remaining', grantsWith({ remaining: -5 })],
  ['a text for an instant', grantsWith({ expiresAt: '2026-01-02' })],
  ['a text for a number', grantsWith({ held: '0' })],
  ['no JSON where the facts of a grant belong', grantStored('g-1')],
  ['facts without the last one', grantStored(JSON.stringify(FACTS))],
  ['facts with one more', grantStored(JSON.stringify([...FACTS, null, 'x']))],
  ['facts without a number of theirs', grantStored(JSON.stringify([...FACTS, null]), 5_000_000, 0, 0, 0)],
  ['a number that is none', grantStored(JSON.stringify([...FACTS, null]), 5_000_000, '0', 0, 0, 1)],
  [
    'numbers of more grants than there are',
    (row) => ({ numbers: { ...(row.numbers as object), grants: [null, null] } }),
  ],
  ['numbers without a list', (row) => ({ numbers: { ...(row.numbers as object), grants: null } })],
  ['no grants of an earlier version', () => ({ numbers: null })],
  ['earlier facts that are no JSON', earlier('g-1')],
  ['earlier facts without a number of theirs', earlier([JSON.stringify([...FACTS, null]), 5_000_000, 0, 0, 0])],
  ['an empty user', () => ({ userId: '' })],
  ['an unknown credit type', () => ({ creditType: 'nonsense' })],
  ['debt below zero', () => ({ debt: -1 })],
];

function expectNamed(report: JobReport, ids: readonly string[]): void {
  const codes = report.skipped.map(({ id, code }) => [id, code]);
  expect(codes.sort()).toEqual([...ids].sort().map((id) => [id, 'INVARIANT_VIOLATION']));
  expect(report).toMatchObject({ status: 'completed', skippedCount: ids.length });
}

test('accounts that cannot be read are skipped by every run, and never counted as processed', async () => {
  const world = memoryWorld();
  const { credits } = world.manager;
  const users = ACCOUNTS.map((_, i) => `u${i}`);
  for (const user of [...users, 'sound']) {
    await credits.addCredits(user, 5, { expiresAt: '2026-01-02T00:00:00Z' });
  }
  for (const [i, [, fields]] of ACCOUNTS.entries()) await damage(world, 'account', `credits/u${i}`, fields);
  world.clock.advance({ days: 3 });
  const { jobs } = world.open();
  const ids = users.map((user) => `credits/${user}`);
  const first = await jobs.runExpiration();
  expectNamed(first, ids);
  expect(first).toMatchObject({ processed: 1, expired: 5 });
  const again = await jobs.runExpiration();
  expectNamed(again, ids);
  expect(again).toMatchObject({ processed: 0, expired: 0 });
});

test('a due instant that the grants know nothing of is corrected, and an audit names the account', async () => {
  const world = memoryWorld();
  await world.manager.credits.addCredits('u', 5, { expiresAt: '2026-01-02T00:00:00Z' });
  await damage(world, 'account', 'credits/u', grantsWith({ expiresAt: null }));
  world.clock.advance({ days: 3 });
  const { jobs, ledger } = world.open();
  expect(await jobs.runExpiration()).toMatchObject({ status: 'completed', processed: 1, expired: 0, skippedCount: 0 });
  expect(await jobs.runExpiration()).toMatchObject({ processed: 0 });
  expect((await ledger.verify()).problems).toMatchObject([{ kind: 'account', id: 'credits/u' }]);
});

test('so are subscriptions and cycles, while those of others are renewed', async () => {
  const world = memoryWorld();
  const { subscriptions } = world.manager;
  const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
  for (const user of ['a', 'b', 'sound']) await subscriptions.setUserSubscriptionPlan(user, plan);
  const cycles: string[] = [];
  for (const user of ['c', 'd', 'sound']) {
    cycles.push((await subscriptions.startCycle(user, { amount: 5, days: 3, recurring: true })).id);
  }
  await damage(world, 'subscription', 'a', () => ({ periodEnd: 'soon' }));
  await damage(world, 'subscription', 'b', () => ({ status: 'ended' }));
  await damage(world, 'cycle', cycles[0] as string, () => ({ userId: '' }));
  await damage(world, 'cycle', cycles[1] as string, () => ({ status: 'ended' }));
  world.clock.advance({ days: 40 });
  const { jobs } = world.open();
  for (const processed of [2, 0]) {
    const report = await jobs.runAllocation();
    expect(report.processed).toBe(processed);
    expect(report.skipped.map(({ code }) => code)).toEqual(Array(4).fill('INVARIANT_VIOLATION'));
  }
});
