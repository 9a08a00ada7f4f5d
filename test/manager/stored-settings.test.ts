/** Settings that decide about credits are the database's: every process has the same, whatever it states itself. */
import { expect, test, vi } from 'vitest';
import { codeOf } from '../support/codes.js';
import { describeBackends } from '../support/plan-world.js';

/** Milliseconds that the monotonic clock of the library is ahead. */
const skipped = vi.hoisted(() => ({ ms: 0 }));

vi.mock('../../src/timers.js', async (original) => {
  const timers = await original<typeof import('../../src/timers.js')>();
  return { ...timers, monotonicNow: () => timers.monotonicNow() + skipped.ms };
});

const STATED = {
  defaults: { trialCredits: 50, overdraftLimit: 5, lowCreditThreshold: 20 },
  creditTypes: { image: { trialCredits: 3, overdraftLimit: 0 } },
  limits: { openGrants: 2 },
} as const;

await describeBackends('settings of a database', (open) => {
  test('a process that states nothing takes defaults, credit types and limits from the database', async () => {
    const world = await open({ creditTypes: undefined });
    await world.open(STATED).init();
    const worker = world.open();
    await worker.init();
    await worker.credits.addCredits('u', 1);
    expect(await worker.credits.getUserCreditsInfo('u')).toMatchObject({ balance: 51 });
    await worker.creditType('image').addCredits('u', 1);
    expect(await worker.creditType('image').getUserCreditsInfo('u')).toMatchObject({ balance: 4 });
    expect(await codeOf(worker.creditType('image').deductCreditsAfterService('u', 5))).toBe('OVERDRAFT_LIMIT');
    expect(await codeOf(worker.credits.deductCreditsAfterService('u', 57))).toBe('OVERDRAFT_LIMIT');
    await worker.credits.deductCredits('u', 31);
    expect(world.count('credits.low_balance_reached')).toBe(1);
    await worker.credits.addCredits('v', 1);
    expect(await codeOf(worker.credits.addCredits('v', 1))).toBe('LIMIT_EXCEEDED');
    expect((await worker.health()).differingSettings).toEqual([]);
    await world.expectSound();
  });

  test('what a process states is stored with an entry, once, and what it leaves out stays', async () => {
    const world = await open({ creditTypes: undefined });
    const changes = async () => {
      const { items } = await world.manager.ledger.list({ limit: 100 });
      return items.filter(({ message }) => message === 'Settings changed').length;
    };
    await world.manager.init();
    await world.open(STATED).init();
    expect(await changes()).toBe(1);
    await world.open(STATED).init();
    expect(await changes()).toBe(1);
    const other = world.open({ defaults: { trialCredits: 7 }, events: 'all' });
    await other.credits.addCredits('u', 1);
    expect(await changes()).toBe(2);
    expect(await other.credits.getUserCreditsInfo('u')).toMatchObject({ balance: 8 });
    expect(await codeOf(other.credits.deductCreditsAfterService('u', 14))).toBe('OVERDRAFT_LIMIT');
  });

  test('running processes learn within a minute, and those that state another value tell', async () => {
    const world = await open({ creditTypes: undefined });
    const warnings: object[] = [];
    const logger = { debug() {}, info() {}, warn: (entry: object) => warnings.push(entry), error() {} };
    const running = world.open({ ...STATED, logger });
    await running.init();
    await world.open({ defaults: { trialCredits: 10 }, events: 'all', limits: { openGrants: 9 } }).init();
    skipped.ms += 61_000;
    await running.credits.addCredits('u', 1);
    expect(await running.credits.getUserCreditsInfo('u')).toMatchObject({ balance: 11 });
    await running.credits.deductCredits('u', 1);
    expect(world.count('credits.deducted')).toBe(1);
    const differing = ['defaults.trialCredits', 'limits.openGrants'];
    expect(await running.health()).toMatchObject({ status: 'degraded', differingSettings: differing });
    expect(warnings.filter((entry) => 'settings' in entry)).toEqual([{ settings: differing }]);
    await world.expectSound();
  });
});
