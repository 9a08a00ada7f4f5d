/** Crossings of thresholds: what is told does not depend on who wrote what the clock brought, nor on new thresholds. */

import { expect, test } from 'vitest';
import { createCreditManagement } from '../../src/index.js';
import { memoryWorld } from '../support/plan-world.js';

test('the balance before a crossing is that of the instant before, whether or not a sweep wrote it', async () => {
  const seen = [];
  for (const isSwept of [false, true]) {
    const world = memoryWorld({ defaults: { lowCreditThreshold: 5 } });
    const { credits, jobs } = world.manager;
    // The hold outlives its grant: when it ends, balance and reserved credits fall alike, and what is available stays.
    await credits.addCredits('u', 30, { expiresAt: '2026-01-01T01:00:00Z' });
    await credits.reserveCredits('u', 30, { ttlSeconds: 7200 });
    await credits.addCredits('u', 40);
    world.events.length = 0;
    world.clock.advance({ days: 1 });
    if (isSwept) await jobs.runExpiration();
    await credits.deductCredits('u', 38);
    seen.push(
      world.events.map(({ type, data }) => [type, data]).filter(([type]) => type === 'credits.low_balance_reached'),
    );
  }
  expect(seen[0]).toHaveLength(1);
  expect(JSON.parse(JSON.stringify(seen[0], without))).toEqual(JSON.parse(JSON.stringify(seen[1], without)));
});

function without(name: string, value: unknown): unknown {
  return name === 'transactionId' ? undefined : value;
}

test('a threshold that is set as credits become effective restores nothing that was not low', async () => {
  const world = memoryWorld();
  const { credits, subscriptions } = world.manager;
  const effectiveAt = '2026-01-02T00:00:00Z';
  for (const user of ['u', 'v']) {
    await credits.addCredits(user, 10);
    await credits.addCredits(user, 100, { effectiveAt });
  }
  await credits.updateAccount('v', { lowCreditThreshold: '50%' });
  world.events.length = 0;
  world.clock.set(effectiveAt);
  await credits.updateAccount('u', { lowCreditThreshold: 50 });
  const plan = { name: 'P', creditLimit: 100, price: 0, billingPeriod: 'monthly' } as const;
  await subscriptions.setUserSubscriptionPlan('v', await subscriptions.addSubscriptionPlan(plan));
  expect(world.count('credits.balance_restored')).toBe(0);
  // From there on every crossing is told.
  await credits.deductCredits('u', 100);
  await credits.addCredits('u', 100);
  expect([world.count('credits.low_balance_reached'), world.count('credits.balance_restored')]).toEqual([1, 1]);
  await world.expectSound();
});

test.each([
  ['120%', /at most 100%/],
  [0.2, /'20%'.*'0\.2' as text/],
  [0.075, /'7\.5%'/],
  ['20 %', /'20%'/],
] as const)(
  'a threshold of %j is refused by every call that sets one, with what to write instead',
  async (wrong, message) => {
    const lowCreditThreshold = wrong as '20%';
    const { credits } = memoryWorld().manager;
    const refused = { code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) };
    await expect(credits.createAccount('u', { lowCreditThreshold })).rejects.toMatchObject(refused);
    await expect(credits.updateAccount('u', { lowCreditThreshold })).rejects.toMatchObject(refused);
    const open = () => createCreditManagement({ defaults: { lowCreditThreshold } });
    expect(open).toThrowError(expect.objectContaining({ ...refused, code: 'CONFIGURATION' }));
  },
);

test('a threshold below one credit is written as text', async () => {
  const world = memoryWorld();
  await world.manager.credits.createAccount('u', { lowCreditThreshold: '0.2' });
  await world.manager.credits.addCredits('u', 1);
  await world.manager.credits.deductCredits('u', '0.8');
  expect(world.count('credits.low_balance_reached')).toBe(1);
});
