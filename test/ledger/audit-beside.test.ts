/** What is written beside an account's chain: subscriptions, cycles, promo codes, refusals. No change goes unseen. */
import { expect, test } from 'vitest';
import type { Row } from '../../src/index.js';
import { describeBackends, MONTHLY, type World } from '../support/plan-world.js';
import { sleep } from '../support/wait.js';

/** Runs `run` while a row is another one, or gone; every key field is the one of the row before. */
async function whileChanged(world: World, model: string, key: string, fields: object | null): Promise<string[]> {
  const [before] = (await world.host.getMany(model, [key])) as [Row];
  const { version } = before;
  const after = { ...before, ...fields } as Row;
  const gone = { op: 'delete', model, key, expectedVersion: version } as const;
  const commit = async (...unit: Parameters<typeof world.host.commit>[0][number][]) =>
    expect(await world.host.commit(unit)).toMatchObject([{ status: 'committed' }]);
  await commit([fields === null ? gone : { op: 'replace', model, row: after, expectedVersion: version }]);
  const { problems } = await world.manager.ledger.verify();
  const back = { op: 'replace', model, row: before, expectedVersion: version } as const;
  await commit([fields === null ? { op: 'insert', model, row: before } : back]);
  return problems.map(({ kind, id }) => `${kind} ${id}`);
}

await describeBackends('beside the chain', (open) => {
  test('a change of a subscription, a cycle, a claim or the counter of a promo code is found', async () => {
    const world = await open();
    const { subscriptions, promos, credits } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    await subscriptions.setUserSubscriptionPlan('u', plan);
    const cycle = await subscriptions.startCycle('u', { amount: 5, days: 3, recurring: true });
    await promos.createPromo({ code: 'TWICE', credits: 5, maxUsesPerUser: 2 });
    await promos.createPromo({ code: 'NEVER', credits: 5 });
    for (const user of ['u', 'v', 'u']) await promos.claimPromo(user, 'TWICE');
    await promos.createPromo({ code: 'REFERS', credits: 5, referrerId: 'v', referrerCredits: 7 });
    await promos.claimPromo('u', 'REFERS');
    await credits.deductCredits('u', 1);
    await world.expectSound();
    const granted = { granted: { credits: 1 } };
    const changes: readonly [string, string, object | null, string][] = [
      ['subscription', 'u', granted, 'subscription u'],
      ['subscription', 'u', { autoRenew: false }, 'subscription u'],
      ['subscription', 'u', null, 'subscription u'],
      ['cycle', cycle.id, { amount: 500_000_000 }, `cycle ${cycle.id}`],
      ['promo', 'TWICE', { claims: 2 }, 'promo TWICE'],
      ['promo', 'TWICE', { claims: 4 }, 'promo TWICE'],
      ['promo', 'NEVER', { claims: 1 }, 'promo NEVER'],
      ['promo', 'TWICE', { claimsOfDay: 2 }, 'promo TWICE'],
      ['promo', 'TWICE', { claimsOfDay: 4 }, 'promo TWICE'],
      ['promo', 'TWICE', { claimsDay: '2030-01-01', claimsOfDay: 0 }, 'promo TWICE'],
      ['promo', 'TWICE', { claimsDay: '2020-01-01', claimsOfDay: 0 }, 'promo TWICE'],
      ['promo', 'TWICE', { claimsDay: null, claimsOfDay: null }, 'promo TWICE'],
      ['promo', 'NEVER', { claimsDay: '2026-01-01', claimsOfDay: 1 }, 'promo NEVER'],
      ['promo_claim', 'TWICE/1/u', { uses: 1 }, 'promo TWICE/1/u'],
      ['promo_claim', 'TWICE/1/u', { usesOfDay: 1 }, 'promo TWICE/1/u'],
      ['promo_claim', 'TWICE/1/u', { usesDay: '2020-01-01' }, 'promo TWICE/1/u'],
      ['promo_claim', 'TWICE/1/u', null, 'promo TWICE/1/u'],
      ['promo_claim', 'TWICE/2/u', { creditsAwarded: 1 }, 'promo TWICE/2/u'],
      ['promo_claim', 'TWICE/2/u', { referrerId: 'v' }, 'promo TWICE/2/u'],
      ['promo_claim', 'TWICE/2/u', { referrerCreditsAwarded: 0 }, 'promo TWICE/2/u'],
      ['promo_claim', 'TWICE/2/u', { referrerTransactionId: 'x' }, 'promo TWICE/2/u'],
    ];
    for (const [model, key, fields, problem] of changes) {
      const found = await whileChanged(world, model, key, fields);
      expect([model, key, fields, found]).toEqual([model, key, fields, [problem]]);
    }
    // The entries of both users tell of a claim that grants both.
    const refers = 'promo referral/1/u';
    for (const fields of [null, { referrerId: null }, { referrerCreditsAwarded: 6 }, { promoCode: 'TWICE' }]) {
      expect(await whileChanged(world, 'promo_claim', 'referral/1/u', fields)).toEqual([refers, refers]);
    }
    expect(await whileChanged(world, 'promo_claim', 'referral/1/u', { referrerTransactionId: 'x' })).toEqual([refers]);
    // It goes on, period by period, and stays sound.
    world.clock.advance({ days: 40 });
    await world.manager.jobs.runAllocation();
    await subscriptions.pauseUserSubscription('u');
    await subscriptions.stopCycle(cycle);
    await world.expectSound();
  });

  test('an error entry that is gone is missed, also where an account has nothing else', async () => {
    const world = await open();
    const { credits, ledger } = world.manager;
    await credits.addCredits('u', 1);
    for (const user of ['u', 'u', 'nobody', 'refused']) {
      await expect(credits.deductCredits(user, 5)).rejects.toMatchObject({ code: 'INSUFFICIENT_CREDITS' });
    }
    await world.expectSound();
    const { items } = await ledger.list({ types: ['error'] });
    expect(items).toHaveLength(4);
    for (const { id, userId } of items) {
      expect(await whileChanged(world, 'entry', id, null)).toEqual([`account credits/${userId}`]);
    }
    await world.expectSound();
  });

  test('claims and refusals that happen meanwhile are no problems', async () => {
    const world = await open();
    const { promos, subscriptions, credits, ledger } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    await promos.createPromo({ code: 'MANY', credits: 1, maxUsesPerUser: 1_000 });
    const problems: unknown[] = [];
    let isOver = false;
    const audits = (async () => {
      while (!isOver) {
        problems.push(...(await ledger.verify()).problems);
        await sleep(1);
      }
    })();
    for (let round = 0; round < 15; round++) {
      await Promise.all(
        ['a', 'b', 'c', 'd'].map(async (user) => {
          await promos.claimPromo(user, 'MANY');
          await credits.deductCredits(user, 1_000).catch(() => {});
          await subscriptions.setUserSubscriptionPlan(user, plan);
        }),
      );
    }
    isOver = true;
    await audits;
    expect(problems).toEqual([]);
    await world.expectSound();
  });
});
