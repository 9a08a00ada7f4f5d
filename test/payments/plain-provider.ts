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
    ...{
      providerPaymentId: null,
      providerOrderId: null,
      userId: null,
      asked: null,
      paid: null,
      arrived: null,
      refund: null,
    },
    ...{ dispute: null, subscription: null, method: null, reason: null },
    ...told,
  };
}

const dateOf = (given: Date | null) => given && new Date(given);

export interface PlainProvider extends PaymentProvider {
  readonly links: NewPaymentLink[];
  readonly refunds: (MinorMoney & { idempotencyKey: string; providerPaymentId: string })[];
  /** Forgets the keys of refunds: one that is repeated is made again. */
  readonly forget: () => void;
  /** The currency that refunds are answered in, where it is not the right one. */
  answersIn: string | null;
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
  const keys = new Map<string, number>();
  const traffic = { request: {}, response: {}, httpStatus: 200 };
  const provider: PlainProvider = {
    name,
    links: [],
    refunds: [],
    forget: () => keys.clear(),
    answersIn: null,
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
        events: events.map((event) => ({
          ...event,
          occurredAt: new Date(event.occurredAt),
          subscription: event.subscription && {
            ...event.subscription,
            periodStart: dateOf(event.subscription.periodStart),
            periodEnd: dateOf(event.subscription.periodEnd),
          },
        })),
        payload: { events: events.length },
      };
    },
    async fetchPayment({ reference }: ProviderPaymentRef) {
      await fail();
      return provider.told.get(reference) ?? [];
    },
    async refund({ amountMinor, currency, idempotencyKey, providerPaymentId, reference }) {
      await fail();
      const made = keys.get(idempotencyKey) ?? provider.refunds.length + 1;
      if (!keys.has(idempotencyKey)) {
        provider.refunds.push({ amountMinor, currency, idempotencyKey, providerPaymentId });
        keys.set(idempotencyKey, made);
      }
      const refund = {
        id: `re_${made}`,
        status: 'done',
        amountMinor,
        currency: provider.answersIn ?? currency,
      } as const;
      return { event: eventOf({ kind: 'refunded', reference, providerPaymentId, refund }), traffic };
    },
    async *listSince() {
      await fail();
      yield* provider.listed;
    },
  };
  return provider;
}
