/** Registers providers with what the environment says of them. */
import type { PaymentProvider } from '../ports/payment-provider.js';
import { wrongOption } from './options.js';
import { type RazorpayOptions, razorpayProvider } from './razorpay.js';
import { type StripeOptions, stripeProvider } from './stripe.js';

/**
 * Registers Razorpay. What `options` leave out is read from `RAZORPAY_KEY_ID`, `RAZORPAY_KEY_SECRET` and
 * `RAZORPAY_WEBHOOK_SECRET` (several secrets are separated by commas). Null where none of them is there: then nothing
 * is registered.
 *
 * @throws CONFIGURATION for a key without its webhook secret, and for the misspelt `RAZERPAY_…` of the original
 * @example const razorpay = setupRazorpayProvider(manager);
 */
export function setupRazorpayProvider(
  manager: { readonly payments: { registerProvider(provider: PaymentProvider): void } },
  options: Partial<RazorpayOptions> = {},
  env: Readonly<Record<string, string | undefined>> = process.env,
): PaymentProvider | null {
  const where = 'setupRazorpayProvider';
  if (env.RAZERPAY_TEST_KEY || env.RAZERPAY_TEST_SECRET) {
    throw wrongOption(where, 'RAZERPAY_TEST_KEY and RAZERPAY_TEST_SECRET are RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET');
  }
  const keyId = options.keyId ?? (env.RAZORPAY_KEY_ID || undefined);
  const keySecret = options.keySecret ?? (env.RAZORPAY_KEY_SECRET || undefined);
  const webhookSecret = options.webhookSecret ?? secretsIn(env.RAZORPAY_WEBHOOK_SECRET);
  if (keyId === undefined && keySecret === undefined && webhookSecret === undefined) return null;
  if (keyId === undefined) throw wrongOption(where, 'RAZORPAY_KEY_ID is not set');
  if (keySecret === undefined) throw wrongOption(where, 'RAZORPAY_KEY_SECRET is not set');
  if (webhookSecret === undefined) throw wrongOption(where, 'RAZORPAY_WEBHOOK_SECRET is not set');
  return registered(manager, razorpayProvider({ ...options, keyId, keySecret, webhookSecret }));
}

/**
 * Registers Stripe. What `options` leave out is read from `STRIPE_SECRET_KEY` and `STRIPE_WEBHOOK_SECRET` (several
 * secrets are separated by commas). Null where neither is there: then nothing is registered.
 *
 * @throws CONFIGURATION for a key without its webhook secret
 * @example const stripe = setupStripeProvider(manager);
 */
export function setupStripeProvider(
  manager: { readonly payments: { registerProvider(provider: PaymentProvider): void } },
  options: Partial<StripeOptions> = {},
  env: Readonly<Record<string, string | undefined>> = process.env,
): PaymentProvider | null {
  const where = 'setupStripeProvider';
  const { client, secretKey = client ? undefined : env.STRIPE_SECRET_KEY || undefined } = options;
  const webhookSecret = options.webhookSecret ?? secretsIn(env.STRIPE_WEBHOOK_SECRET);
  const hasKey = secretKey !== undefined || client !== undefined;
  if (!hasKey && webhookSecret === undefined) return null;
  if (!hasKey) throw wrongOption(where, 'STRIPE_SECRET_KEY is not set');
  if (webhookSecret === undefined) throw wrongOption(where, 'STRIPE_WEBHOOK_SECRET is not set');
  return registered(
    manager,
    stripeProvider({ ...options, ...(secretKey !== undefined && { secretKey }), webhookSecret }),
  );
}

function registered(
  { payments }: Parameters<typeof setupStripeProvider>[0],
  provider: PaymentProvider,
): PaymentProvider {
  payments.registerProvider(provider);
  return provider;
}

/** One secret, or several while one of them is replaced. */
function secretsIn(text: string | undefined): readonly string[] | undefined {
  return text ? text.split(',').map((secret) => secret.trim()) : undefined;
}
