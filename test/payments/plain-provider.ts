/** A provider without a network: its webhooks are lists of events as JSON, and it remembers what it was asked. */
import type {
  MinorMoney,
  NewPaymentLink,
  PaymentProvider,
  ProviderEvent,
  ProviderPaymentRef,
} from '../../src/index.js';

export type Told = Partial<Omit<ProviderEvent, 'occurredAt'>> & { readonly kind: ProviderEvent['kind'] };

/** An event with nothing in it but what is told. */
export function eventOf(told: Told): ProviderEvent {
  return {
    ...{ eventId: null, type: told.kind, occurredAt: new Date(0), reference: null, providerLinkId: null },
    ...{ providerPaymentId: null, providerOrderId: null, userId: null, asked: null, paid: null, refund: null },
    ...{ dispute: null, subscription: null, method: null, reason: null },
    ...told,
  };
}

export interface PlainProvider extends PaymentProvider {
  readonly links: NewPaymentLink[];
  readonly refunds: (MinorMoney & { idempotencyKey: string })[];
  /** The answers of `fetchPayment`, by reference. */
  readonly told: Map<string, ProviderEvent[]>;
  /** The events of `listSince`. */
  readonly listed: ProviderEvent[];
  /** Throws what this answers before each request, where it answers something. */
  fails: () => unknown;
}

export function plainProvider(name = 'plain'): PlainProvider {
  const fail = async () => {
    const error = provider.fails();
    if (error) throw error;
  };
  const traffic = { request: {}, response: {}, httpStatus: 200 };
  const provider: PlainProvider = {
    name,
    links: [],
    refunds: [],
    told: new Map(),
    listed: [],
    fails: () => null,
    async createPaymentLink(link) {
      await fail();
      provider.links.push(link);
      const providerLinkId = `link_${link.reference.slice(4)}`;
      return { url: `https://pay.example/${link.reference}`, providerLinkId, providerPaymentId: null, traffic };
    },
    readWebhook(body) {
      const events = JSON.parse(Buffer.from(body).toString()) as ProviderEvent[];
      return {
        events: events.map((event) => ({ ...event, occurredAt: new Date(event.occurredAt) })),
        payload: { events: events.length },
      };
    },
    async fetchPayment({ reference }: ProviderPaymentRef) {
      await fail();
      return provider.told.get(reference) ?? [];
    },
    async refund({ amountMinor, currency, idempotencyKey, providerPaymentId, reference }) {
      await fail();
      const known = provider.refunds.findIndex((refund) => refund.idempotencyKey === idempotencyKey);
      if (known < 0) provider.refunds.push({ amountMinor, currency, idempotencyKey });
      const id = `re_${known < 0 ? provider.refunds.length : known + 1}`;
      const refund = { id, status: 'done', amountMinor, currency } as const;
      return { event: eventOf({ kind: 'refunded', reference, providerPaymentId, refund }), traffic };
    },
    async *listSince() {
      await fail();
      yield* provider.listed;
    },
  };
  return provider;
}
