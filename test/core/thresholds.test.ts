/** Several thresholds, each crossed by itself, with a hysteresis on the way back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replay } from '../../src/core/replay.js';
import { createCreditManagement, InMemoryNotificationQueue } from '../../src/index.js';
import { codeOf } from '../support/codes.js';
import { describeBackends, memoryWorld, type World } from '../support/plan-world.js';
import { DEFAULTS, Ledger } from './ledger.js';

/** `low 20 (1)`: the threshold and its level. */
function crossings(events: World['events']): string[] {
  return events.flatMap((event) => {
    if (event.type !== 'credits.low_balance_reached' && event.type !== 'credits.balance_restored') return [];
    const { threshold, level } = event.data;
    return `${event.type === 'credits.balance_restored' ? 'restored' : 'low'} ${threshold} (${level})`;
  });
}

await describeBackends('several thresholds', (open) => {
  test('are crossed each by itself, of the service and of an account, in credits and in percent', async () => {
    const world = await open({ defaults: { lowCreditThresholds: ['10%', 20, '50%', 20] } });
    const { credits } = world.manager;
    const moves = async (user: string) => {
      world.events.length = 0;
      await credits.deductCredits(user, 45);
      await credits.deductCredits(user, 10);
      await credits.deductCredits(user, 36);
      await credits.addCredits(user, 6, { source: 'refund' });
      await credits.addCredits(user, 60, { source: 'refund' });
      return crossings(world.events);
    };
    await credits.addCredits('u', 100, { source: 'purchase' });
    const all = ['low 50 (1)', 'low 20 (2)', 'low 10 (3)', 'restored 10 (3)', 'restored 20 (2)', 'restored 50 (1)'];
    expect(await moves('u')).toEqual(all);
    await credits.createAccount('v', { lowCreditThresholds: [30, '5'] });
    await credits.addCredits('v', 100);
    expect(await moves('v')).toEqual(['low 30 (1)', 'restored 30 (1)']);
    await credits.updateAccount('v', { lowCreditThresholds: null });
    await credits.updateAccount('u', { lowCreditThreshold: 52 });
    world.events.length = 0;
    await credits.deductCredits('u', 30);
    await credits.deductCredits('v', 30);
    expect(crossings(world.events)).toEqual(['low 52 (1)', 'low 50 (1)']);
    await credits.updateAccount('u', { lowCreditThresholds: [] });
    world.events.length = 0;
    await credits.deductCredits('u', 40);
    expect(crossings(world.events)).toEqual([]);
    await world.expectSound();
  });

  test('with a hysteresis come back beyond it, and warn no second time before', async () => {
    const world = await open({ defaults: { lowCreditThreshold: 20, lowCreditHysteresis: 5 } });
    const { credits, jobs } = world.manager;
    await credits.addCredits('u', 30);
    const row = async () => (await world.host.getMany('account', ['credits/u']))[0]?.state as { low?: number[] };
    const steps = async (...deltas: number[]) => {
      world.events.length = 0;
      for (const delta of deltas) await credits.adjustCredits('u', delta, { actor: 'test', reason: 'step' });
      return crossings(world.events);
    };
    expect(await steps(-10, 5)).toEqual(['low 20 (1)']);
    expect((await row()).low).toEqual([20_000_000]);
    expect(await steps(-3, 2, -4)).toEqual([]);
    expect('low' in (await row())).toBe(false);
    expect(await steps(5)).toEqual([]);
    await world.expectSound();
    expect(await steps('0.000001' as never)).toEqual(['restored 20 (1)']);
    expect(await steps(-6, 1)).toEqual(['low 20 (1)']);
    // The clock crosses as calls do, and each instant is judged.
    await credits.addCredits('u', 3, { effectiveAt: '2026-01-02T00:00:00Z', expiresAt: '2026-01-03T00:00:00Z' });
    await credits.addCredits('u', 9, { effectiveAt: '2026-01-04T00:00:00Z' });
    world.events.length = 0;
    world.clock.set('2026-01-05T00:00:00Z');
    await jobs.runExpiration();
    expect(crossings(world.events)).toEqual(['restored 20 (1)']);
    await credits.updateAccount('u', { lowCreditHysteresis: 0 });
    expect(await steps(-15, 10)).toEqual(['low 20 (1)', 'restored 20 (1)']);
    await world.expectSound();
  });

  test('that differ from those of another process are told, as lists', async () => {
    const world = await open({ defaults: { lowCreditThresholds: [20, '5%'] } });
    expect((await world.manager.health()).differingSettings).toEqual([]);
    const same = world.open({ defaults: { lowCreditThresholds: [20, '5%'] } });
    await same.init();
    expect((await same.health()).differingSettings).toEqual([]);
  });
});

test('each level has a notification, and the account is low until it is above the highest', async () => {
  const queue = new InMemoryNotificationQueue();
  const world = memoryWorld({ queue, defaults: { lowCreditThresholds: [20, 10] } });
  const { credits, notifications, jobs } = world.manager;
  await credits.addCredits('u', 30);
  await credits.deductCredits('u', 12);
  await credits.deductCredits('u', 12);
  await credits.addCredits('u', 9);
  // Back between the two: it is still low, and the user was told.
  expect(await notifications.notifyLowCredits('u')).toBe(false);
  await jobs.runOutbox();
  expect(queue.messages).toHaveLength(2);
  await credits.addCredits('u', 9);
  await credits.deductCredits('u', 9);
  await jobs.runOutbox();
  expect(queue.messages).toHaveLength(3);
});

describe('a wrong list', () => {
  test.each([
    [{ lowCreditThresholds: [20, 'none'] }],
    [{ lowCreditThresholds: [null] }],
    [{ lowCreditThresholds: ['120%'] }],
    [{ lowCreditThresholds: [0.5] }],
    [{ lowCreditThresholds: 20 }],
    [{ lowCreditThresholds: Array(11).fill(1) }],
    [{ lowCreditThresholds: [20], lowCreditThreshold: 20 }],
    [{ lowCreditHysteresis: -1 }],
  ])('%j is refused by every call that takes one', async (wrong) => {
    const { credits } = memoryWorld().manager;
    const options = wrong as object;
    const codes = [
      await codeOf(credits.createAccount('u', options)),
      await codeOf(credits.updateAccount('u', options)),
    ];
    const expected = 'lowCreditHysteresis' in wrong ? 'INVALID_AMOUNT' : 'INVALID_ARGUMENT';
    expect(codes).toEqual([expected, expected]);
    const open = () => createCreditManagement({ defaults: options });
    expect(open).toThrowError(expect.objectContaining({ code: 'CONFIGURATION' }));
  });
});

/** Said in another way: a level is low from its fall until credits are above it by more than the hysteresis. */
test('any way of the balance tells what the rule says, and the entries rebuild the account', () => {
  const steps = fc.array(fc.integer({ min: -30, max: 30 }), { maxLength: 30 });
  const levels = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(steps, levels, fc.nat(12), (deltas, lowCreditThreshold, lowCreditHysteresis) => {
      const ledger = new Ledger();
      ledger.defaults = { ...DEFAULTS, lowCreditThreshold, lowCreditHysteresis };
      ledger.add(30);
      const low = new Set(lowCreditThreshold.filter((level) => level >= 30));
      const wanted: string[] = [];
      const order = lowCreditThreshold.toSorted((a, b) => b - a);
      const tell = (what: string, level: number) => wanted.push(`${what} ${level} (${order.indexOf(level) + 1})`);
      let available = 30;
      for (const delta of deltas) {
        if (delta === 0) continue;
        available += delta;
        if (delta > 0) ledger.add(delta);
        else ledger.owe(-delta);
        for (const level of order) {
          if (available > level || low.has(level)) continue;
          low.add(level);
          tell('low', level);
        }
        for (const level of order.toReversed()) {
          if (available <= level + lowCreditHysteresis || !low.has(level)) continue;
          low.delete(level);
          tell('restored', level);
        }
      }
      expect(crossings(ledger.events)).toEqual(wanted);
      expect(replay(ledger.entries).low).toEqual(ledger.account().low);
      const between = order.filter((level) => low.has(level) && available > level);
      expect([...(ledger.account().low ?? [])].sort((a, b) => b - a)).toEqual(between);
    }),
  );
});
