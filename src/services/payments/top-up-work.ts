/**
 * The work that automatic top-ups leave: a charge or a link for a payment that an operation began, and another look at
 * one that a limit kept from buying. Any process may do it, at any time and again: the payment's id is the key of the
 * request, so the provider charges once.
 */

import { toCredits } from '../../core/amounts.js';
import { accountRef } from '../../models/account.js';
import type { ReadOptions } from '../../models/inputs/credits.js';
import type { PaymentRow } from '../../models/payment.js';
import type { ProviderEvent } from '../../models/provider-event.js';
import type { TopUpRow } from '../../models/top-up.js';
import type { PaymentProvider } from '../../ports/payment-provider.js';
import { answered } from '../pipeline/operation.js';
import type { Inbox } from './inbox.js';
import { type Links, noteFailure } from './links.js';
import { inboxMessage, placeOf, sentMessage } from './messages.js';
import { REMEMBERED_MS } from './providers.js';

type Options = Pick<ReadOptions, 'signal' | 'timeoutMs'>;

export class TopUpWork<S> {
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(
    readonly inbox: Inbox<S>,
    readonly links: Links<S>,
  ) {}

  /** Works on a top-up that was just begun in this process. What fails is left to the job. */
  begin({ creditType, userId }: { readonly creditType: string; readonly userId: string }): void {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    const { logger } = this.inbox.payments.engine;
    const running: Promise<unknown> = this.run(accountRef(creditType, userId).key, { signal })
      .catch((err: unknown) => {
        if (!signal.aborted) logger.warn({ err }, 'An automatic top-up failed; the job of payments tries again');
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Ends what runs here. The job of another process, or a later one, goes on with it. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  /** The keys of the accounts that have something to do now. */
  async *due({ signal }: Options): AsyncIterable<readonly string[]> {
    const { payments } = this.inbox;
    const along = { index: 'due', range: { field: 'dueAt', lte: payments.now() } } as const;
    for await (const rows of payments.reads.pages('top_up', along, { signal })) yield rows.map(({ id }) => id);
  }

  /** Does what there is to do for one account; whether something changed. */
  async run(key: string, options: Options): Promise<boolean> {
    const { payments } = this.inbox;
    const row = await this.#row(key, options);
    if (!row?.dueAt || row.dueAt > payments.now()) return false;
    if (!row.inFlight) return this.#look(row, options);
    const payment = await payments.get(row.inFlight.paymentId, { fresh: true, ...options } as ReadOptions<S>);
    if (!payment) return false;
    const provider = payments.providers.get(payment.provider);
    const isOld = payments.now().getTime() - payment.createdAt.getTime() > REMEMBERED_MS;
    if (!row.isOn || isOld) return this.#giveUp(row, payment, provider, options);
    if (provider.charge && row.inFlight.customerId !== null) {
      return this.#charge(payment, row.inFlight.customerId, provider.charge.bind(provider), options);
    }
    await this.links.link(payment, provider, options);
    return true;
  }

  async #charge(
    payment: PaymentRow,
    customerId: string,
    charge: NonNullable<PaymentProvider['charge']>,
    options: Options,
  ): Promise<boolean> {
    const { payments } = this.inbox;
    const { id: reference, userId, amountMinor, currency, description } = payment;
    const creditsToAdd = toCredits(payment.creditsToAdd, payments.engine.scale);
    const signal = options.signal ?? new AbortController().signal;
    const sum = { amountMinor, currency, creditsToAdd };
    const answer = await charge({
      ...{ customerId, reference, userId, ...sum, description: description ?? '', signal },
    }).catch(async (error: unknown) => {
      if (!signal.aborted) await noteFailure(payments, payment, error, 'charge');
      throw error;
    });
    const { event, traffic } = answer;
    const changed = await this.#take(payment, event, 'charged', options);
    const id = `${payment.provider}/charge.${reference}`;
    const about = { id, provider: payment.provider, type: 'charge', status: 'sent' } as const;
    const { providerPaymentId } = event;
    await payments.write(sentMessage(about, payment, traffic, payments.now(), { providerPaymentId }), {});
    return changed;
  }

  /**
   * Ends a payment that must not be asked for any more: its top-up is off, or nobody answered for so long that the
   * provider may have forgotten its key. What the provider knows of it counts; it knows nothing of one never asked for.
   */
  async #giveUp(row: TopUpRow, payment: PaymentRow, provider: PaymentProvider, options: Options): Promise<boolean> {
    const signal = options.signal ?? new AbortController().signal;
    const { id: reference, providerLinkId, providerPaymentIds } = payment;
    const named = { reference, providerLinkId, providerPaymentId: providerPaymentIds[0] ?? null };
    for (const event of await provider.fetchPayment({ ...named, signal })) {
      await this.#take(payment, { ...event, eventId: null }, 'fetched', options);
    }
    const after = await this.#row(row.id, options);
    if (after?.inFlight?.paymentId !== payment.id || after.dueAt === null) return true;
    return this.#take(payment, givenUp(reference, payment.createdAt), 'given_up', options);
  }

  async #take({ provider }: PaymentRow, event: ProviderEvent, kind: string, options: Options): Promise<boolean> {
    const { payments } = this.inbox;
    const about = { place: placeOf(kind, event), payload: {}, at: payments.now() };
    const { changed, result } = await this.inbox.receive(inboxMessage(provider, event, about), options);
    return changed && result.error === null;
  }

  /** Judges the account again, where a limit that kept it from buying may be over. */
  async #look({ creditType, userId }: TopUpRow, options: Options): Promise<boolean> {
    const { engine } = this.inbox.payments;
    const { entry } = answered(
      await engine.mutate({
        ...{ operation: 'auto_top_up', given: {}, options, accounts: [accountRef(creditType, userId)] },
        command: () => ({ type: 'change_top_up', settings: 'look', seed: '' }),
      }),
    );
    return entry !== null;
  }

  #row(key: string, options: Options): Promise<TopUpRow | null> {
    return this.inbox.payments.reads.get('top_up', key, { fresh: true, ...options } as ReadOptions<S>);
  }
}

function givenUp(reference: string, occurredAt: Date): ProviderEvent {
  return {
    ...{ eventId: null, type: 'top_up.given_up', kind: 'cancelled', occurredAt, reference, userId: null },
    ...{ providerLinkId: null, providerPaymentId: null, providerOrderId: null, asked: null, paid: null },
    ...{ arrived: null, refund: null, dispute: null, subscription: null, method: null, reason: null },
  };
}
