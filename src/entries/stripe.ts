/**
 * credit-management/stripe: Stripe Checkout and payment links of Stripe.
 * @module
 */
export { setupStripeProvider } from '../payments/setup.js';
export { type StripeOptions, stripeProvider } from '../payments/stripe.js';
export type { StripeLike } from '../payments/stripe-api.js';
