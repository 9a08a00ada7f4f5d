/** The needs of the suite of the `PaymentProvider` port. */
import type { Awaitable } from '../models/values.js';
import type { PaymentProvider } from '../ports/payment-provider.js';

/** A webhook as the provider sends it. */
export interface SignedWebhook {
  /** The body, byte for byte. */
  readonly body: Uint8Array;
  /** The headers that carry the signature. */
  readonly headers: Headers;
}

/** A provider, and the hands on the other side of it: somebody who pays, and somebody who signs. */
export interface PaymentProviderUnderTest {
  /** The provider that is tested. */
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

/** One test of the suite, with a provider of its own. */
export type ProviderTest = (given: PaymentProviderUnderTest) => Promise<void>;
