/** Making payments: with a link of a provider, or of what was paid elsewhere. */
import { randomBytes } from 'node:crypto';
import { parseAmount, toCredits } from '../../core/amounts.js';
import type { CommandOf, NewPayment } from '../../core/command.js';
import { creditError } from '../../errors.js';
import type { MutationOptions } from '../../models/inputs/credits.js';
import {
  type NewPaymentInput,
  newPaymentSchema,
  type PaymentCallOptions,
  paymentCallSchema,
  type RecordedPaymentInput,
  recordedPaymentSchema,
} from '../../models/inputs/payments.js';
import { type PaymentRow, providerKey } from '../../models/payment.js';
import type { Applied } from '../../models/records/applied.js';
import type { JsonObject } from '../../models/values.js';
import type { PaymentLink, PaymentProvider } from '../../ports/payment-provider.js';
import { definedFields } from '../input/given-fields.js';
import { notValid, parse, parseOptions } from '../input/parse.js';
import type { Payment } from './contract.js';
import type { Inbox } from './inbox.js';
import { sentMessage } from './messages.js';
import type { Payments } from './payments.js';
import { moneyOf } from './pricing.js';
import { toPayment } from './records.js';

const DESCRIPTION = 'Credit top-up';

/** At least 128 random bits: nobody guesses the reference of a payment. */
const newPaymentId = () => `pay_${randomBytes(16).toString('hex')}`;

/** Money that came, with its name at the provider. */
interface Paid {
  readonly provider: string;
  readonly paidAs: string;
  readonly userId: string;
  readonly creditType: string | undefined;
  readonly amountMinor: number;
  readonly currency: string;
  readonly creditsToAdd: number;
}

export class Links<S> {
  constructor(
    readonly payments: Payments<S>,
    readonly inbox: Inbox<S>,
  ) {}

  async create(input: NewPaymentInput, given: PaymentCallOptions | undefined): Promise<Applied<Payment>> {
    const {
      userId,
      provider: named,
      customerEmail,
      customerPhone,
      ...wanted
    } = parse(newPaymentSchema, input, 'payment');
    const options = parseOptions(paymentCallSchema, given) as MutationOptions<S>;
    const { prices, providers } = this.payments;
    const provider = providers.chosen(named);
    const { creditType: ofPack, ...priced } = prices.of(wanted);
    const opened: NewPayment = {
      ...{ provider: provider.name, ...priced, callbackUrl: prices.callback(wanted.callbackUrl) },
      ...{ customerEmail: customerEmail ?? null, customerPhone: customerPhone ?? null, paidAs: null },
    };
    const { description = DESCRIPTION, ...others } = options;
    const { row, replayed } = await this.#open({
      ...{ operation: 'create_payment', opened, options: { description, ...others } },
      account: { userId, creditType: this.#creditType(wanted.creditType ?? ofPack ?? 'credits') },
      given: definedFields({ ...wanted, amount: undefined, userId, provider: named, customerEmail, customerPhone }),
    });
    const isOpen = row.url === null && row.status === 'pending';
    const linked = isOpen ? await this.link(row, provider, options) : row;
    return { ...toPayment(linked, this.payments.engine.scale), replayed };
  }

  async record(input: RecordedPaymentInput, given: PaymentCallOptions | undefined): Promise<Applied<Payment>> {
    const wanted = parse(recordedPaymentSchema, input, 'payment');
    const options = parseOptions(paymentCallSchema, given) as MutationOptions<S>;
    const { prices, providers, engine } = this.payments;
    const { scale } = engine;
    const { name: provider } = providers.get(wanted.provider);
    const { userId, currency, creditType, providerPaymentId: paidAs } = wanted;
    const amountMinor = moneyOf(wanted.amount, currency);
    const creditsToAdd =
      wanted.credits === undefined ? prices.creditsFor(amountMinor, currency) : parseAmount(wanted.credits, { scale });
    return this.recordPaid({ provider, paidAs, userId, currency, creditType, amountMinor, creditsToAdd }, options);
  }

  /**
   * Records money that came, once for each name of it at the provider. Its reads are plain ones, of what a majority
   * has: a commit that they miss makes this one conflict, and after this one they see it.
   */
  async recordPaid({ userId, creditType, ...paid }: Paid, options: MutationOptions<S>): Promise<Applied<Payment>> {
    const { provider, paidAs, currency } = paid;
    const terms = { priority: 50, validityDays: null };
    const none = { callbackUrl: null, customerEmail: null, customerPhone: null };
    const opened = { ...paid, pack: null, terms, ...none };
    const account = { userId, creditType: this.#creditType(creditType ?? 'credits') };
    const key = providerKey(provider, 'payment', paidAs);
    const known = await this.payments.named([key], {});
    if (known) return this.#again(known, opened, account);
    try {
      const { row, replayed } = await this.#open({
        ...{ operation: 'record_payment', opened, account, options },
        given: definedFields({ provider, providerPaymentId: paidAs, currency, creditType }),
      });
      const now = await this.#applyWaiting(row, paidAs);
      return { ...toPayment(now, this.payments.engine.scale), replayed };
    } catch (error) {
      const other = await this.payments.named([key], {}).catch(() => null);
      if (other) return this.#again(other, opened, account);
      throw error;
    }
  }

  /** Applies messages that came to wait while the payment was written. Answers the payment after them. */
  async #applyWaiting(row: PaymentRow, paidAs: string): Promise<PaymentRow> {
    const count = await this.inbox.applyWaiting(row.provider, paidAs, () => ({}));
    return (count > 0 ? await this.payments.get(row.id) : row) ?? row;
  }

  /** The answer for a payment that is recorded already. @throws PAYMENT_MISMATCH where it says something else */
  async #again(
    known: PaymentRow,
    opened: NewPayment & { readonly paidAs: string },
    account: { userId: string; creditType: string },
  ): Promise<Applied<Payment>> {
    // Whoever recorded it may have died before it looked for messages that came to wait meanwhile.
    const row = await this.#applyWaiting(known, opened.paidAs);
    if (row.providerPaymentIds.length > 0 && !row.providerPaymentIds.includes(opened.paidAs)) {
      const message = `This money came for the payment ${row.id}, which was paid already: it bought nothing.`;
      throw creditError('PAYMENT_MISMATCH', `${message} Refund it, or add credits with addCredits.`, {
        field: 'providerPaymentId',
      });
    }
    const differs = { ...account, amountMinor: opened.amountMinor, currency: opened.currency };
    const field = (Object.keys(differs) as (keyof typeof differs)[]).find((name) => row[name] !== differs[name]);
    if (field === undefined) return { ...toPayment(row, this.payments.engine.scale), replayed: true };
    const message = `This payment of ${row.provider} is recorded already, with another ${field}.`;
    throw creditError('PAYMENT_MISMATCH', `${message} Nothing was written.`, { field });
  }

  /** Writes the payment. A repeated call has the payment of the first one. */
  async #open(call: {
    readonly operation: string;
    readonly opened: NewPayment;
    readonly account: { readonly userId: string; readonly creditType: string };
    readonly given: JsonObject;
    readonly options: MutationOptions<S>;
  }): Promise<{ row: PaymentRow; replayed: boolean }> {
    const { opened, account, operation, options } = call;
    const { payments } = this;
    const messages = opened.paidAs === null ? [] : await payments.waitingFor(opened.provider, opened.paidAs, {});
    const id = newPaymentId();
    const { amountMinor, creditsToAdd } = opened;
    const given = { ...call.given, userId: account.userId, amountMinor, creditsToAdd };
    const change: Partial<CommandOf<'change_payment'>> = { opened, messages };
    const { entry, replayed } = await payments.change(id, change, { operation, given, options, account });
    const told = entry?.details.payment as { id?: string } | undefined;
    const row = await payments.get(told?.id ?? id);
    if (!row) throw creditError('PAYMENT_NOT_FOUND', 'The payment of this key is not there any more.', { id });
    return { row, replayed };
  }

  /** Asks the provider for the link, and keeps it with what was sent and answered. */
  async link(
    row: PaymentRow,
    provider: PaymentProvider,
    { signal, timeoutMs }: Pick<MutationOptions<S>, 'signal' | 'timeoutMs'>,
  ): Promise<PaymentRow> {
    const { payments } = this;
    const { id, userId } = row;
    const { description, customerEmail, customerPhone, amountMinor, currency, metadata } = row;
    let link: PaymentLink;
    try {
      link = await provider.createPaymentLink({
        ...{ reference: id, userId, amountMinor, currency, description: description ?? DESCRIPTION },
        ...{ customerEmail, customerPhone, callbackUrl: row.callbackUrl ?? payments.prices.callbackUrl, metadata },
        creditsToAdd: toCredits(row.creditsToAdd, payments.engine.scale),
        ...{ priceId: null, signal: signal ?? new AbortController().signal },
      });
    } catch (error) {
      await noteFailure(payments, row, error, 'link');
      throw error;
    }
    const { url, providerLinkId, traffic } = link;
    const about = {
      id: `${row.provider}/link.${id}`,
      provider: row.provider,
      type: 'create_payment_link',
      status: 'sent',
    } as const;
    const sent = [sentMessage(about, row, traffic, payments.now(), { providerLinkId })];
    await payments.change(
      id,
      { link: { provider: row.provider, url, id: providerLinkId }, sent },
      { operation: 'link_payment', given: {}, options: { signal, timeoutMs, correlationId: id }, account: row },
    );
    return (await payments.get(id, { fresh: true })) ?? row;
  }

  #creditType(name: string): string {
    const { creditTypes } = this.payments.engine.store;
    if (creditTypes.includes(name)) return name;
    throw notValid('payment.creditType', creditTypes.join(' | '));
  }
}

/** Keeps a request that failed, in the log of the traffic; a failure of that changes nothing. */
export async function noteFailure<S>(
  payments: Payments<S>,
  row: PaymentRow,
  error: unknown,
  kind: 'link' | 'charge',
): Promise<void> {
  const at = payments.now();
  const reason = error instanceof Error ? error.message : String(error);
  const id = `${row.provider}/${kind}.${row.id}.failed.${payments.engine.newId()}`;
  const about = { id, provider: row.provider, type: REQUESTS[kind], status: 'failed', reason } as const;
  const { amountMinor, currency } = row;
  const request = { reference: row.id, amountMinor, currency };
  const message = sentMessage(about, row, { request, response: null, httpStatus: null }, at);
  await payments.write(message, {}).catch((err: unknown) => {
    payments.engine.logger.warn({ err }, 'A failed request to a payment provider could not be logged');
  });
}

const REQUESTS = { link: 'create_payment_link', charge: 'charge' } as const;
