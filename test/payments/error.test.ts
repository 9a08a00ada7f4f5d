/** An error of a provider says itself whether a retry may help. */
import { expect, test } from 'vitest';
import { ledHome } from '../../src/errors.js';
import { type CreditError, creditError } from '../../src/index.js';

test('an error that is refused for good is not retryable, also after it was handed to another caller', () => {
  const details = { provider: 'stripe' };
  expect(creditError('PROVIDER_ERROR', 'away', details).retryable).toBe(true);
  const refused = creditError('PROVIDER_ERROR', 'refused', details, { retryable: false });
  expect(refused.retryable).toBe(false);
  expect((ledHome(refused) as CreditError).retryable).toBe(false);
});
