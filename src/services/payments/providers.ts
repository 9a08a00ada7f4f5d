/** The providers of a manager, by name. */
import { creditError } from '../../errors.js';
import type { PaymentProvider } from '../../ports/payment-provider.js';
import { notValid } from '../input/parse.js';

/** The names under which orders of shops, and payments of another billing system, are kept: no provider's. */
export const ORDERS = 'orders';
export const BILLING = 'billing';
const METHODS = ['createPaymentLink', 'readWebhook', 'fetchPayment'] as const;
const EXPECTED = `a PaymentProvider: ${METHODS.join(', ')}, and a name of the form [a-z][a-z0-9_-]{0,31}`;

/** The time for which every provider remembers a key, with room: after it, a request could move money twice. */
export const REMEMBERED_MS = 20 * 3600 * 1000;

export class Providers {
  readonly #byName = new Map<string, PaymentProvider>();

  constructor(providers: readonly PaymentProvider[]) {
    for (const provider of providers) this.register(provider);
  }

  register(provider: PaymentProvider): void {
    const held = provider as Partial<PaymentProvider> | null | undefined;
    const isNamed = typeof held?.name === 'string' && /^[a-z][a-z0-9_-]{0,31}$/.test(held.name);
    if (!isNamed || METHODS.some((method) => typeof held?.[method] !== 'function')) {
      throw notValid('provider', EXPECTED);
    }
    if (provider.name === ORDERS || provider.name === BILLING) {
      throw notValid('provider.name', `another name than ${provider.name}, which the library uses`);
    }
    this.#byName.set(provider.name, provider);
  }

  /** @throws PROVIDER_NOT_FOUND */
  get(name: unknown): PaymentProvider {
    const provider = typeof name === 'string' ? this.#byName.get(name) : undefined;
    if (provider) return provider;
    const shown = typeof name === 'string' ? name.slice(0, 32) : typeof name;
    const available = this.names();
    const list = available.join(', ') || 'none';
    const message = `There is no payment provider ${JSON.stringify(shown)}. Available: ${list}.`;
    throw creditError('PROVIDER_NOT_FOUND', message, { provider: shown, available: [...available] });
  }

  /** The provider of a call that need not name it where there is one alone. */
  chosen(name: string | undefined): PaymentProvider {
    const names = this.names();
    if (name !== undefined || names.length === 0) return this.get(name ?? '');
    if (names.length === 1) return this.get(names[0]);
    throw notValid('payment.provider', `one of ${names.join(', ')}, as several are registered`);
  }

  names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  all(): Iterable<PaymentProvider> {
    return this.#byName.values();
  }
}
