/** The conformance suite of the `PaymentProvider` port: tests that every provider must pass. */
import type { Awaitable } from '../models/values.js';
import { askingTests } from './payment-provider-asking.js';
import type { PaymentProviderUnderTest, ProviderTest } from './payment-provider-contract.js';
import { linkTests } from './payment-provider-links.js';
import { webhookTests } from './payment-provider-webhooks.js';
import { registerTests, type SkippedTests, type TestApi } from './test-api.js';

/** The settings of the suite. */
export interface PaymentProviderTests {
  /** Tests that this provider cannot pass, with the reason. */
  readonly skip?: readonly SkippedTests[];
}

/**
 * Registers the conformance suite of the `PaymentProvider` port with your test runner. Each test makes its own
 * provider and closes it. Point the provider at a local server that plays the API, or at the test mode of the real one.
 *
 * @param make answers a provider that is ready for use, beside somebody who pays.
 * @param more `skip` names tests that this provider cannot pass, with the reason.
 * @example
 * import { describe, test } from 'vitest';
 * import { testPaymentProvider } from 'credit-management/testing';
 *
 * describe('MyProvider', () => testPaymentProvider({ describe, test }, async () => startMyProvider()));
 */
export function testPaymentProvider(
  t: TestApi,
  make: () => Awaitable<PaymentProviderUnderTest>,
  { skip = [] }: PaymentProviderTests = {},
): void {
  const run = (body: ProviderTest) => async () => {
    const given = await make();
    try {
      await body(given);
    } finally {
      await given.close?.();
    }
  };
  const group = (name: string, tests: Readonly<Record<string, ProviderTest>>) => {
    const bodies = Object.entries(tests).map(([title, body]) => [title, run(body)] as const);
    return { name, tests: Object.fromEntries(bodies) };
  };
  const groups = [
    group('payment links', linkTests),
    group('webhooks', webhookTests),
    group('asking the provider', askingTests),
  ];
  registerTests(t, groups, skip);
}
