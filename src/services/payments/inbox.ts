/**
 * The inbox: every event of a provider passes it, from webhooks, from reconciling and from answers. A message is stored
 * with what it does, in one commit; it is stored by itself where it does nothing, or waits.
 */
import { randomInt } from 'node:crypto';
import { toCredits } from '../../core/amounts.js';
import type { InboxMessage } from '../../core/command.js';
import { keysOf } from '../../core/payment.js';
import { bringsBack, bringsMoney, mismatchOf, type Payment, takeEvent } from '../../core/payment-state.js';
import { creditError, isCreditError } from '../../errors.js';
import type { MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import { type MessageStatus, type PaymentMessageRow, type PaymentRow, providerKey } from '../../models/payment.js';
import type { JsonObject } from '../../models/values.js';
import { sleep } from '../../timers.js';
import { Billing, isBilling } from './billing.js';
import type { WebhookResult } from './contract.js';
import type { Payments } from './payments.js';
import { ORDERS } from './providers.js';

/** Our references: a payment's id. Any other reference is of somebody else's product. */
export const REFERENCE = /^pay_[0-9a-f]{32}$/;

const UNKNOWN = 'No payment of ours is known by what the event names.';

export interface Received {
  readonly result: WebhookResult;
  /** Whether this call changed something. */
  readonly changed: boolean;
}

/** How a call runs: its limits, and who made it. */
export type InboxOptions = Pick<
  MutationOptions,
  'signal' | 'timeoutMs' | 'actor' | 'reason' | 'description' | 'correlationId' | 'metadata'
>;

/** A refund of an order says so, also where it came before its order and another call applies it. */
function metadataOf({ provider, payload }: InboxMessage): Pick<InboxOptions, 'metadata'> {
  return provider === ORDERS ? { metadata: { reference_type: 'order_refund', ...payload } } : {};
}

export class Inbox<S> {
  readonly billing: Billing<S>;

  constructor(readonly payments: Payments<S>) {
    this.billing = new Billing(payments);
  }

  /** Applies a message once, whoever brings it and however often; or stores that it waits, and why. */
  async receive(message: InboxMessage, options: InboxOptions): Promise<Received> {
    const { engine } = this.payments;
    const rest = engine.startDeadline(options);
    for (let attempt = 0; ; attempt++) {
      const received = await this.#attempt(message, rest);
      if (received !== null) return received;
      if ((rest().timeoutMs ?? 0) <= 1) {
        throw creditError('CONTENTION', 'Others kept changing the message. Nothing was written.', {
          attempts: attempt,
        });
      }
      await sleep(randomInt(2, 10 * Math.min(attempt + 1, 20)));
    }
  }

  /**
   * One look and one write; null where somebody else wrote meanwhile. The look is a plain one, of what a majority has:
   * a commit that it misses makes the write conflict.
   */
  async #attempt(message: InboxMessage, rest: () => InboxOptions): Promise<Received | null> {
    const { payments } = this;
    const plain = () => ({ signal: rest().signal, timeoutMs: rest().timeoutMs }) as ReadOptions<S>;
    const known = await payments.reads.get('payment_message', message.id, plain());
    if (known && known.status !== 'waiting') {
      // Whoever applied it may have died before it looked for messages that came to wait meanwhile.
      if (known.status === 'applied') await this.#applyLate(message, rest);
      return this.#answer(known, false, plain());
    }
    const version = (known?.version ?? 0) + 1;
    const event = message.event as unknown as JsonObject;
    const row: PaymentMessageRow = { ...message, event, version, createdAt: known?.createdAt ?? message.createdAt };
    if (isBilling(message)) return this.#bill(message, row, rest);
    const payment = await this.#find(message, plain());
    const processedAt = payments.now();
    if (!PAYMENT_KINDS.has(message.event.kind)) {
      const { reason } = message.event;
      const about = payment && { paymentId: payment.id, userId: payment.userId };
      return this.#store({ ...row, ...about, status: 'ignored', reason, processedAt }, plain());
    }
    if (!payment) {
      if (known) return this.#answer(known, false, plain());
      const waiting = await this.#store({ ...row, reason: UNKNOWN }, plain());
      // Its payment may have been made meanwhile, by somebody who saw no message that waits.
      return waiting && (await this.#find(message, plain())) ? null : waiting;
    }
    if (changesNothing(payment, message)) {
      const about = { paymentId: payment.id, userId: payment.userId, processedAt };
      return this.#store({ ...row, ...about, status: 'applied', reason: null }, plain());
    }
    return this.#apply(payment, message, row, rest);
  }

  /** The payment that a message is about. */
  async #find({ event, ...message }: InboxMessage, options: ReadOptions<S>): Promise<PaymentRow | null> {
    const { reference, providerPaymentId } = event;
    // Money that goes back is of the payment that it came for, whatever the event says beside that.
    const key = providerPaymentId === null ? [] : [providerKey(message.provider, 'payment', providerPaymentId)];
    const paidFor = bringsBack(event) ? await this.payments.named(key, options) : null;
    if (paidFor) return paidFor;
    const own = reference !== null && REFERENCE.test(reference) ? await this.payments.get(reference, options) : null;
    return own ?? this.payments.named(keysOf({ ...message, event }), options);
  }

  async #apply(
    payment: PaymentRow,
    message: InboxMessage,
    row: PaymentMessageRow,
    rest: () => InboxOptions,
  ): Promise<Received | null> {
    const plain = { signal: rest().signal, timeoutMs: rest().timeoutMs };
    const { provider, event } = message;
    const { providerPaymentId } = event;
    const isNew =
      providerPaymentId !== null && bringsMoney(event) && !payment.providerPaymentIds.includes(providerPaymentId);
    const waiting = isNew ? await this.payments.waitingFor(provider, providerPaymentId, plain) : [];
    const messages = [message, ...waiting.filter(({ id }) => id !== message.id)];
    const options = { correlationId: payment.id, ...metadataOf(message), ...rest() };
    try {
      const call = { operation: 'payment_event', given: {}, options, account: payment };
      await this.payments.change(payment.id, { messages }, call);
    } catch (error) {
      // The credits do not fit the account now: the message waits, and `reconcilePayments` tries again.
      if (!isCreditError(error, 'LIMIT_EXCEEDED', 'AMOUNT_TOO_LARGE')) throw error;
      const about = { paymentId: payment.id, userId: payment.userId };
      return this.#store({ ...row, ...about, reason: `${error.code}: ${error.message}`.slice(0, 1_000) }, plain);
    }
    // One may have come to wait after the look above, and before the payment had this name.
    if (isNew) await this.applyWaiting(provider, providerPaymentId, rest);
    const after = await this.payments.reads.get('payment_message', message.id, {
      ...plain,
      timeoutMs: rest().timeoutMs,
    });
    return after && this.#answer(after, true, plain);
  }

  /** An event of a subscription that the provider bills. */
  async #bill(message: InboxMessage, row: PaymentMessageRow, rest: () => InboxOptions): Promise<Received | null> {
    const { payments, billing } = this;
    const plain = () => ({ signal: rest().signal, timeoutMs: rest().timeoutMs }) as ReadOptions<S>;
    const billed = await billing.apply(message, () => rest() as MutationOptions<S>);
    if (billed.kind !== 'applied') {
      const { kind: status, reason, userId } = billed;
      const isSame = row.version > 1 && status === 'waiting';
      if (isSame) return this.#answer({ ...row, status, reason, userId }, false, plain());
      const processedAt = status === 'waiting' ? null : payments.now();
      return this.#store({ ...row, status, reason, userId, processedAt }, plain());
    }
    await this.#applyLate(message, rest);
    const after = await payments.reads.get('payment_message', message.id, plain());
    return after && this.#answer(after, true, plain());
  }

  /**
   * Applies messages that came to wait for a payment of a provider before it was known by this name. Answers how many
   * there were.
   */
  async applyWaiting(provider: string, providerPaymentId: string, rest: () => InboxOptions): Promise<number> {
    const { signal, timeoutMs } = rest();
    const late = await this.payments.waitingFor(provider, providerPaymentId, { signal, timeoutMs });
    for (const message of late) await this.receive(message, rest());
    return late.length;
  }

  /** Applies messages that came to wait before a message that is applied now named what they are about. */
  async #applyLate(message: InboxMessage, rest: () => InboxOptions): Promise<void> {
    const { id, provider, event } = message;
    if (isBilling(message)) {
      const late = await this.billing.waitingFor(provider, event.subscription?.id ?? '', rest());
      const options = () => rest() as MutationOptions<S>;
      // One that names no user yet goes on waiting.
      for (const other of late) if (other.id !== id) await this.billing.apply(other, options);
    } else if (event.providerPaymentId !== null && bringsMoney(event)) {
      await this.applyWaiting(provider, event.providerPaymentId, rest);
    }
  }

  async #store(row: PaymentMessageRow, options: ReadOptions<S>): Promise<Received | null> {
    return (await this.payments.write(row, options)) ? this.#answer(row, true, options) : null;
  }

  async #answer(row: PaymentMessageRow, changed: boolean, options: ReadOptions<S>): Promise<Received> {
    const payment = row.paymentId === null ? null : await this.payments.get(row.paymentId, options);
    const { status, paymentId, userId, reason } = row;
    const isDone = DONE.has(status);
    const result = {
      success: isDone,
      idempotent: !changed && status !== 'waiting',
      status: payment?.status ?? status,
      ...{ paymentId, userId },
      creditsAdded: toCredits(payment?.creditsAdded ?? 0, this.payments.engine.scale),
      error: isDone ? null : reason,
    };
    return { result, changed };
  }
}

/** Kinds of events that are about a payment. */
const PAYMENT_KINDS: ReadonlySet<string> = new Set([
  ...['authorized', 'failed', 'partially_paid', 'paid', 'expired', 'cancelled', 'refunded', 'disputed'],
]);
const DONE: ReadonlySet<MessageStatus> = new Set<MessageStatus>(['applied', 'ignored']);

/**
 * Whether a message that fits would leave the payment as it is. As payments only go forward, it then never changes
 * anything, whatever else is written meanwhile.
 */
function changesNothing(payment: PaymentRow, { event, provider }: InboxMessage): boolean {
  if (mismatchOf(payment, event, provider) !== null) return false;
  const after: Payment = { ...payment };
  takeEvent(after, event, 0);
  return JSON.stringify(after) === JSON.stringify(payment);
}
