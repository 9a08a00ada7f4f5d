/** A trial that no write has made yet: every read counts it, so that all of them agree with the first call. */
import { expect, test } from 'vitest';
import { InMemoryCache } from '../../src/index.js';
import { describeBackends } from '../support/plan-world.js';

await describeBackends('a trial before the first write', (open) => {
  test('is counted by every read, alike, and nothing is written', async () => {
    const world = await open({ defaults: { trialCredits: 50 } });
    const { credits, creditType } = world.manager;
    const seen = { balance: 50, available: 50, reserved: 0, debt: 0 };
    expect(await credits.getUserCreditsInfo('new')).toMatchObject(seen);
    expect(await credits.getUserCreditsInfo('new', { fresh: true })).toMatchObject(seen);
    expect(await credits.getUsersCreditsInfo(['new', 'other'])).toMatchObject([seen, seen]);
    expect([await credits.canAfford('new', 50), await credits.canAfford('new', 51)]).toEqual([true, false]);
    expect(await credits.previewDeduction('new', 60)).toEqual({
      ...{ sufficient: false, shortfall: 10 },
      draws: [{ grantId: 'trial', amount: 50 }],
    });
    expect((await credits.getGrants('new')).items).toMatchObject([{ id: 'trial', source: 'trial', remaining: 50 }]);
    expect(await credits.getBalanceAt('new', '2027-01-01T00:00:00Z')).toMatchObject(seen);
    expect(await credits.getBalanceAt('new', '2025-01-01T00:00:00Z')).toMatchObject({ balance: 0 });
    expect((await creditType('image').getUserCreditsInfo('new')).balance).toBe(0);
    expect((await credits.getCreditHistory('new')).items).toEqual([]);
    expect((await credits.listAccounts()).items).toEqual([]);
    await world.expectSound();
  });

  test('is made by the first call with a description of its own', async () => {
    const world = await open({ defaults: { trialCredits: 50 } });
    const { credits } = world.manager;
    await credits.deductCredits('new', 20, { description: 'a picture', actor: 'ada' });
    const { items } = await credits.getCreditHistory('new');
    expect(items.map(({ type, description }) => [type, description])).toEqual([
      ['deduct', 'a picture'],
      ['add', 'Trial credits'],
    ]);
    expect(await credits.getUserCreditsInfo('new')).toMatchObject({ balance: 30 });
    await world.expectSound();
  });

  test('is no longer counted by a cached read once the first call has made it', async () => {
    const world = await open({ defaults: { trialCredits: 50 }, cache: new InMemoryCache() });
    const { credits } = world.manager;
    for (let i = 0; i < 2; i++) expect((await credits.getUserCreditsInfo('new')).balance).toBe(50);
    await credits.addCredits('new', 1);
    for (let i = 0; i < 2; i++) expect((await credits.getUserCreditsInfo('new')).balance).toBe(51);
  });
});
