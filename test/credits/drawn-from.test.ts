/** Deductions on which only some grants may pay. */
import { describe, expect, test } from 'vitest';
import { bench } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { codeOf } from '../support/codes.js';

async function granted() {
  const world = bench();
  const { credits } = world;
  const promo = (await credits.addCredits('u', 10, { source: 'promo' })).grantId as string;
  const bought = (await credits.addCredits('u', 20, { source: 'purchase' })).grantId as string;
  const plan = (await credits.addCredits('u', 40, { source: 'subscription', planId: 'pro' })).grantId as string;
  return { ...world, promo, bought, plan };
}

describe('deductCredits from some grants alone', () => {
  test('draws on the grants that meet every condition, in burn-down order', async () => {
    const { credits, db, promo, bought, plan } = await granted();
    const draws = async (amount: number, from: object) => (await credits.deductCredits('u', amount, { from })).draws;
    expect(await draws(5, { sources: ['purchase'] })).toEqual([{ grantId: bought, amount: 5 }]);
    expect(await draws(7, { planId: 'pro' })).toEqual([{ grantId: plan, amount: 7 }]);
    expect(await draws(12, { grantIds: [bought, promo] })).toEqual([
      { grantId: promo, amount: 10 },
      { grantId: bought, amount: 2 },
    ]);
    expect(await draws(3, { grantIds: [bought, plan], sources: ['subscription'] })).toEqual([
      { grantId: plan, amount: 3 },
    ]);
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 43, debt: 0 });
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  test('is refused where these have too little, and says what they have', async () => {
    const { credits, promo } = await granted();
    await credits.reserveCredits('u', 4);
    const refused = credits.deductCredits('u', 7, { from: { grantIds: [promo, 'g-none'] } });
    await expect(refused).rejects.toMatchObject({
      ...{ code: 'INSUFFICIENT_CREDITS', details: { requested: 7, available: 6, balance: 70, reserved: 4 } },
      message: expect.stringContaining('the grants that may pay have 6 available'),
    });
    const [error] = (await credits.getCreditHistory('u')).items;
    expect(error?.type).not.toBe('deduct');
    await credits.deductCredits('u', 6, { from: { grantIds: [promo] } });
  });

  test('a reversal gives back to the grants that paid, and the explanation names the key among them', async () => {
    const { credits, bought, plan } = await granted();
    const entry = await credits.deductCredits('u', 25, { from: { grantIds: [bought, plan] } });
    const { draws } = (await credits.explainTransaction(entry.id))!;
    expect(draws).toMatchObject([
      { grantId: bought, amount: 20, because: 'oldest' },
      { grantId: plan, amount: 5, because: 'only' },
    ]);
    await credits.reverseTransaction(entry);
    expect((await credits.getGrants('u')).items.map(({ remaining }) => remaining)).toEqual([10, 20, 40]);
  });

  test('is part of the input of a key', async () => {
    const { credits } = await granted();
    const pay = (sources: ('promo' | 'purchase')[]) =>
      credits.deductCredits('u', 5, { idempotencyKey: 'k', from: { sources } });
    await pay(['promo']);
    expect(await pay(['promo'])).toMatchObject({ replayed: true });
    expect(await codeOf(pay(['purchase']))).toBe('IDEMPOTENCY_CONFLICT');
  });

  test.each([{}, { sources: [] }, { grantIds: [7] }, { sources: ['gift'] }, { plan: 'pro' }, [], 'promo'])(
    'refuses %j',
    async (from) => {
      const { credits } = await granted();
      expect(await codeOf(credits.deductCredits('u', 1, { from: from as object }))).toBe('INVALID_ARGUMENT');
      expect(await codeOf(credits.deductCreditsAfterService('u', 1, { from } as object))).toBe('INVALID_ARGUMENT');
    },
  );
});
