/** `createAccount` at every sign-in: an option that it does not name stays as it is. */
import { expect, test } from 'vitest';
import { codeOf } from '../support/codes.js';
import { describeBackends } from '../support/plan-world.js';

await describeBackends('an account that is created after its first write', (open) => {
  test('keeps the options that the call does not name', async () => {
    const world = await open();
    const { credits } = world.manager;
    const options = { overdraftLimit: 0, lowCreditThreshold: 5, metadata: { team: 'a' } };
    await credits.updateAccount('u', options);
    await credits.createAccount('u');
    await credits.addCredits('u', 10);
    expect(await codeOf(credits.deductCreditsAfterService('u', 50))).toBe('OVERDRAFT_LIMIT');
    expect(await world.balance('u')).toBe(10);
    await credits.deductCredits('u', 6);
    expect(world.count('credits.low_balance_reached')).toBe(1);
    await world.expectSound();
  });

  test('is given those that the call names', async () => {
    const world = await open();
    const { credits } = world.manager;
    await credits.updateAccount('u', { overdraftLimit: 0, lowCreditThreshold: 5 });
    await credits.createAccount('u', { overdraftLimit: 40 });
    await credits.addCredits('u', 10);
    await credits.deductCreditsAfterService('u', 50);
    expect(await world.balance('u')).toBe(-40);
    expect(world.count('credits.low_balance_reached')).toBe(1);
    expect(await codeOf(credits.deductCreditsAfterService('u', 1))).toBe('OVERDRAFT_LIMIT');
    await world.expectSound();
  });
});
