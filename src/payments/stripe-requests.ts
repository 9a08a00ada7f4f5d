/** The parameters of requests to Stripe. */
import type { JsonObject } from '../models/values.js';
import type { MinorMoney, NewPaymentLink } from '../ports/payment-provider.js';
import { providerError } from './exchange.js';
import { toStripe } from './stripe-money.js';

/** A session of Checkout, which is one page for one payment. */
export function sessionParams(link: NewPaymentLink): JsonObject {
  const metadata = metadataOf(link);
  const renews = link.priceId !== null;
  return {
    mode: renews ? 'subscription' : 'payment',
    client_reference_id: link.reference,
    ...(link.customerEmail !== null && { customer_email: link.customerEmail }),
    success_url: link.callbackUrl,
    cancel_url: link.callbackUrl,
    line_items: itemsOf(link),
    metadata,
    [renews ? 'subscription_data' : 'payment_intent_data']: { metadata },
  };
}

/** A payment link that takes one payment. */
export function linkParams(link: NewPaymentLink): JsonObject {
  const metadata = metadataOf(link);
  return {
    line_items: itemsOf(link),
    metadata,
    [link.priceId !== null ? 'subscription_data' : 'payment_intent_data']: { metadata },
    restrictions: { completed_sessions: { limit: 1 } },
    after_completion: { type: 'redirect', redirect: { url: link.callbackUrl } },
  };
}

function itemsOf(link: NewPaymentLink): JsonObject[] {
  if (link.priceId !== null) return [{ price: link.priceId, quantity: 1 }];
  const price = { currency: link.currency.toLowerCase(), unit_amount: amountOf(link) };
  return [{ price_data: { ...price, product_data: { name: link.description } }, quantity: 1 }];
}

/** The amount as Stripe counts it. */
export function amountOf(money: MinorMoney): number {
  const amount = toStripe(money);
  if (amount !== null) return amount;
  const what = `stripe cannot take ${money.amountMinor} minor units of ${money.currency}`;
  throw providerError('stripe', what, { retryable: false });
}

type Named = Pick<NewPaymentLink, 'reference' | 'userId' | 'creditsToAdd'> & { readonly metadata?: JsonObject };

/** Values of Stripe's metadata are texts. Ours win over the host's of the same name. */
export function metadataOf({ reference, userId, creditsToAdd, metadata = {} }: Named): JsonObject {
  const told = Object.entries(metadata).map(([key, value]) => {
    return [key, typeof value === 'string' ? value : JSON.stringify(value)] as const;
  });
  const own = { reference, user_id: userId, purpose: 'credit_topup', credits_to_add: String(creditsToAdd) };
  return { ...Object.fromEntries(told), ...own };
}
