/** One payment of the fake provider, and the events of what happens to it. */
import { eventOf } from '../payments/reading.js';
import type { Clock } from '../ports/clock.js';
import type { MinorMoney, ProviderDispute, ProviderEvent, ProviderRefund } from '../ports/payment-provider.js';

interface Facts {
  readonly reference: string;
  readonly userId: string;
  readonly linkId: string | null;
  readonly asked: MinorMoney;
}

export class FakePayment {
  readonly asked: MinorMoney;
  readonly linkId: string | null;
  /** Null until somebody has tried to pay. */
  paymentId: string | null = null;
  readonly #facts: Facts;
  readonly #clock: Clock;
  #paidMinor = 0;
  /** Where the payment itself stands. Refunds and disputes stand beside it. */
  #state: ProviderEvent | null = null;
  readonly #refunds = new Map<string, ProviderEvent>();
  readonly #refundsByKey = new Map<string, string>();
  readonly #disputes = new Map<string, ProviderEvent>();

  constructor(facts: Facts, clock: Clock) {
    this.asked = facts.asked;
    this.linkId = facts.linkId;
    this.#facts = facts;
    this.#clock = clock;
  }

  /** The payment as it stands now. */
  states(): readonly ProviderEvent[] {
    const state = this.#state === null ? [] : [this.#state];
    return [...state, ...this.#refunds.values(), ...this.#disputes.values()];
  }

  /** The last thing that happened to the payment itself. */
  get last(): ProviderEvent {
    return this.#state ?? this.#event({ kind: 'authorized' });
  }

  /** @param amount null: everything that is open. */
  pay(amount: number | null): ProviderEvent {
    this.#paidMinor += amount ?? this.asked.amountMinor - this.#paidMinor;
    const kind = this.#paidMinor < this.asked.amountMinor ? 'partially_paid' : 'paid';
    return this.#enter({ kind, paid: this.#money(this.#paidMinor), method: 'card' });
  }

  attempt(kind: 'authorized' | 'failed', reason: string | null): ProviderEvent {
    return this.#enter({ kind, reason, method: 'card' });
  }

  end(kind: 'expired' | 'cancelled'): ProviderEvent {
    return this.#enter({ kind });
  }

  /** The minor units that can still be given back. A refund that failed counts as none. */
  get refundable(): number {
    const given = [...this.#refunds.values()].map(({ refund }) => (refund?.status === 'failed' ? null : refund));
    return given.reduce((left, refund) => left - (refund?.amountMinor ?? 0), this.#paidMinor);
  }

  refundByKey(key: string): string | undefined {
    return this.#refundsByKey.get(key);
  }

  refundEvent(id: string): ProviderEvent {
    return this.#refunds.get(id) as ProviderEvent;
  }

  giveBack(amount: number, status: ProviderRefund['status'], key: string | null): ProviderEvent {
    const id = `refund_${this.#facts.reference}_${this.#refunds.size + 1}`;
    if (key !== null) this.#refundsByKey.set(key, id);
    return this.#put(this.#refunds, id, { kind: 'refunded', refund: { ...this.#money(amount), id, status } });
  }

  settleRefund(status: 'done' | 'failed', given?: string): ProviderEvent {
    const [id, { refund }] = this.#found(this.#refunds, given);
    return this.#put(this.#refunds, id, { kind: 'refunded', refund: { ...(refund as ProviderRefund), status } });
  }

  /** @param amount null: everything that was paid. */
  dispute(amount: number | null): ProviderEvent {
    const id = `dispute_${this.#facts.reference}_${this.#disputes.size + 1}`;
    const dispute: ProviderDispute = { ...this.#money(amount ?? this.#paidMinor), id, status: 'open' };
    return this.#put(this.#disputes, id, { kind: 'disputed', dispute });
  }

  settleDispute(status: 'won' | 'lost', given?: string): ProviderEvent {
    const [id, { dispute }] = this.#found(this.#disputes, given);
    return this.#put(this.#disputes, id, { kind: 'disputed', dispute: { ...(dispute as ProviderDispute), status } });
  }

  #enter(told: Pick<ProviderEvent, 'kind'> & Partial<ProviderEvent>): ProviderEvent {
    if (told.method) this.paymentId = `payment_${this.#facts.reference}`;
    const event = this.#event(told);
    // Money that arrived is not undone by an attempt, nor by the end of the link.
    const isUndone = this.#state?.kind === 'paid' || (this.#state?.kind === 'partially_paid' && !told.paid);
    if (!isUndone) this.#state = event;
    return event;
  }

  #put(
    map: Map<string, ProviderEvent>,
    id: string,
    told: Pick<ProviderEvent, 'kind'> & Partial<ProviderEvent>,
  ): ProviderEvent {
    const event = this.#event(told);
    map.set(id, event);
    return event;
  }

  #found(map: Map<string, ProviderEvent>, given: string | undefined): [string, ProviderEvent] {
    const id = given ?? [...map.keys()].at(-1);
    const event = id === undefined ? undefined : map.get(id);
    if (id === undefined || !event) throw new Error('The fake provider has none of this payment to settle.');
    return [id, event];
  }

  #event(told: Pick<ProviderEvent, 'kind'> & Partial<ProviderEvent>): ProviderEvent {
    const { reference, userId, linkId, asked } = this.#facts;
    const ids = { reference, userId, providerLinkId: linkId, providerPaymentId: this.paymentId };
    return eventOf({ type: `fake.${told.kind}`, occurredAt: this.#clock.now(), ...ids, asked, ...told });
  }

  #money(amountMinor: number): MinorMoney {
    return { amountMinor, currency: this.asked.currency };
  }
}
