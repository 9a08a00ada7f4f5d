/** The conformance suite of the `PaymentProvider` port: tests that every provider must pass. */
import type { Awaitable } from '../models/values.js';
import type { PaymentProvider } from '../ports/payment-provider.js';
import { askingTests } from './payment-provider-asking.js';
import { linkTests } from './payment-provider-links.js';
import { webhookTests } from './payment-provider-webhooks.js';
import { registerTests, type SkippedTests, type TestApi } from './test-api.js';

/** A webhook as the provider sends it. */
export interface SignedWebhook {
  /** The body, byte for byte. */
  readonly body: Uint8Array;
  /** The headers that carry the signature. */
  readonly headers: Headers;
}

/** A provider, and the hands on the other side of it: somebody who pays, and somebody who signs. */
export interface PaymentProviderUnderTest {
  readonly provider: PaymentProvider;
  /** The instant at which webhooks are read. */
  readonly now: Date;
  /** Pays the link of this reference in full, and answers the webhook that tells so. */
  readonly pay: (reference: string) => Awaitable<SignedWebhook>;
  /** Answers the headers of a body, rightly signed at `now`, whatever the body is. */
  readonly sign: (body: Uint8Array) => Awaitable<Headers>;
  /** Makes the provider answer the next request with an error of its own, for good. Without it nothing is refused. */
  readonly refuseNext?: () => void;
  /** A customer with a method of payment that is kept, for providers with `charge`. */
  readonly customerId?: string;
  /** Texts that no error may contain: keys and secrets. */
  readonly secrets: readonly string[];
  /** Frees what the test opened. */
  readonly close?: () => Awaitable<void>;
}

/** The settings of the suite. */
export interface PaymentProviderTests {
  /** Tests that this provider cannot pass, with the reason. */
  readonly skip?: readonly SkippedTests[];
}

/** One test of the suite, with a provider of its own. */
export type ProviderTest = (given: PaymentProviderUnderTest) => Promise<void>;

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
