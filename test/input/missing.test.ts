/** An amount that was not given. */
import { expect, test } from 'vitest';
import { createCreditManagement } from '../../src/index.js';

test.each([
  ['plan.price', { name: 'Basic', creditLimit: 5, billingPeriod: 'daily' }],
  ['plan.creditLimit', { name: 'Basic', price: 5, currency: 'USD', billingPeriod: 'daily' }],
])('%s is told in plain words', async (path, plan) => {
  const { subscriptions } = createCreditManagement();
  const call = subscriptions.addSubscriptionPlan(plan as never);
  await expect(call).rejects.toMatchObject({
    message: `${path} is not valid: an amount; none was given.`,
    details: { path },
  });
});
