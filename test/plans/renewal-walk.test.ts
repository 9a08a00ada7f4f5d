/** Every call of the store fails once, in every way, under calls that wait for a renewal. */
import { describe, expect, test } from 'vitest';
import { createCreditManagement, type DbManager, isCreditError, type MemorySession } from '../../src/index.js';
import { testClock } from '../../src/testing/clock.js';
import { FaultyDb } from '../backends/faulty-db.js';
import { amount, someOf } from '../support/amounts.js';
import { SEED } from '../support/chance.js';
import { MONTHLY } from '../support/plan-world.js';
import { QUIET } from '../support/quiet.js';
import { oneShots, pairs, type Shot } from '../support/shots.js';

type Options = { idempotencyKey?: string; timeoutMs?: number };

const STEP = amount('CREDIT_WALK_STEP');
const BOTH = { ...MONTHLY, alsoGrants: [{ creditType: 'image', creditLimit: 5 }] };
const PAID = { ...BOTH, renewOn: 'payment' } as const;

/** A store that fails, and managers on it: u and v have spent most of January, and it is February. */
async function due(plan: typeof BOTH | typeof PAID, isWarm: boolean) {
  const db = new FaultyDb();
  const clock = testClock('2026-01-01T00:00:00Z');
  const open = () =>
    createCreditManagement<DbManager<MemorySession>, 'image'>({
      ...{ db, clock, logger: QUIET, creditTypes: { image: {} } },
    });
  const first = open();
  await first.init();
  const { id } = await first.subscriptions.addSubscriptionPlan(plan);
  for (const user of ['u', 'v']) {
    await first.subscriptions.setUserSubscriptionPlan(user, id);
    await first.credits.deductCredits(user, 95);
    await first.creditType('image').deductCredits(user, 5);
  }
  clock.set('2026-02-01T00:00:00Z');
  const manager = isWarm ? first : open();
  await manager.init();
  return { db, open, manager };
}

type Manager = Awaited<ReturnType<typeof due>>['manager'];

interface Case {
  readonly name: string;
  readonly plan?: typeof PAID;
  run(manager: Manager, options: Options): Promise<unknown>;
  /** The balances of u, of u's images and of v afterwards. */
  readonly left: readonly [number, number, number];
}

const CASES: readonly Case[] = [
  { name: 'deduct', run: ({ credits }, o) => credits.deductCredits('u', 90, o), left: [10, 5, 100] },
  {
    name: 'deduct of another type',
    run: (manager, o) => manager.creditType('image').deductCredits('u', 4, o),
    left: [100, 1, 100],
  },
  {
    name: 'transfer between two who are due',
    run: ({ credits }, o) => credits.transferCredits({ from: 'u', to: 'v', amount: 90 }, o),
    left: [10, 5, 190],
  },
  {
    name: 'payment',
    plan: PAID,
    run: ({ subscriptions }, { timeoutMs }) => subscriptions.renewSubscription('u', { paymentId: 'in_2', timeoutMs }),
    left: [100, 5, 0],
  },
];

async function inject({ run, plan, left }: Case, options: Options, isWarm: boolean, { fault, landing }: Shot) {
  const { db, open, manager } = await due(plan ?? BOTH, isWarm);
  db.arm(fault);
  const answer = await run(manager, { ...options, timeoutMs: 60_000 }).catch((error: unknown) => error);
  db.heal();
  if (landing === 'before_retry') await db.land();
  if (answer instanceof Error) {
    if (!isCreditError(answer) || !answer.retryable) throw answer;
    if (answer.outcome !== 'not_applied') throw new Error(`${answer.code}: ${answer.outcome}`);
    await run(open(), options);
  }
  await db.land();
  const { credits, creditType, ledger } = open();
  const now = [
    (await credits.getUserCreditsInfo('u')).balance,
    (await creditType('image').getUserCreditsInfo('u')).balance,
    (await credits.getUserCreditsInfo('v')).balance,
  ];
  if (String(now) !== String(left)) throw new Error(`${now}, not ${left}`);
  const { problems } = await ledger.verify();
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
}

describe.each(CASES)('$name', (one) => {
  test.each([
    { how: 'any one call fails', shotsOf: oneShots },
    { how: 'a commit gets no answer and one of the next calls fails too', shotsOf: pairs },
  ])('is decided after the renewal when $how', async ({ shotsOf }) => {
    const failures: string[] = [];
    for (const isWarm of [true, false]) {
      const { db, manager } = await due(one.plan ?? BOTH, isWarm);
      db.arm(null);
      await one.run(manager, {});
      const calls = [...db.calls];
      const shots = calls.flatMap((method, i) => [...shotsOf(i + 1, method)]);
      for (const [i, shot] of someOf(shots, STEP, SEED).entries()) {
        const options = i % 2 === 0 ? { idempotencyKey: 'key-1' } : {};
        await inject(one, options, isWarm, shot).catch((error: Error) => {
          const fates = calls.map((_, n) => shot.fault.fateOf(n + 1) ?? '.').join(' ');
          failures.push(`${isWarm} [${fates}] ${shot.fault.landing}, ${shot.landing} of ${calls}: ${error.message}`);
        });
      }
    }
    expect(failures.slice(0, 4), `${failures.length} went wrong`).toEqual([]);
  });
});
