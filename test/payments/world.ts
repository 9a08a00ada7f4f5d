/** A manager with payments on a backend, and short words for what its provider tells. */
import type { Payment, PaymentOptions, WebhookResult } from '../../src/index.js';
import type { Manager, OpenWorld, World } from '../support/plan-world.js';
import { eventOf, type PlainProvider, plainProvider, type Told } from './plain-provider.js';

export const PAID = { amountMinor: 50_000, currency: 'INR' } as const;

export interface PaymentWorld {
  readonly world: World;
  readonly manager: Manager;
  readonly provider: PlainProvider;
  /** Delivers events in one webhook. */
  readonly deliver: (...told: Told[]) => Promise<WebhookResult>;
}

/** A world whose managers all have one provider. */
export async function paymentWorld(
  open: OpenWorld,
  payments: PaymentOptions = {},
  options: Parameters<OpenWorld>[0] = {},
): Promise<PaymentWorld> {
  const provider = plainProvider();
  const world = await open({ ...options, payments: { providers: [provider], ...payments } });
  const { manager } = world;
  const deliver = (...told: Told[]) => manager.payments.handleWebhook('plain', bodyOf(...told), {});
  return { world, manager, provider, deliver };
}

export function bodyOf(...told: Told[]): string {
  return JSON.stringify(told.map((one) => eventOf(one)));
}

/** The events of one payment, of 500 rupees by `pay_1` unless they say otherwise. */
export function eventsOf({ id, userId }: Pick<Payment, 'id' | 'userId'>) {
  const own = { reference: id, userId, asked: PAID, providerPaymentId: 'pay_1' };
  const refund = (amountMinor: number, refundId: string, status: 'open' | 'done' | 'failed' = 'done') =>
    ({ ...own, kind: 'refunded', refund: { id: refundId, status, amountMinor, currency: 'INR' } }) as const;
  const dispute = (status: 'open' | 'won' | 'lost', amountMinor: number = PAID.amountMinor) =>
    ({ ...own, kind: 'disputed', dispute: { id: 'dp_1', status, amountMinor, currency: 'INR' } }) as const;
  return {
    authorized: { ...own, kind: 'authorized' },
    failed: { ...own, kind: 'failed', reason: 'card declined' },
    paid: { ...own, kind: 'paid', paid: PAID, method: 'card' },
    captured: { ...own, type: 'payment.captured', kind: 'paid', paid: PAID },
    part: { ...own, kind: 'partially_paid', paid: { amountMinor: 20_000, currency: 'INR' } },
    expired: { ...own, kind: 'expired', providerPaymentId: null },
    cancelled: { ...own, kind: 'cancelled', providerPaymentId: null },
    refund,
    dispute,
  } as const satisfies Record<string, Told | ((...given: never[]) => Told)>;
}
