/** The message of one object of Stripe about a payment or a subscription. */
import type { ProviderEvent } from '../ports/payment-provider.js';

export type Told = Pick<ProviderEvent, 'kind'> & Partial<ProviderEvent>;
