/** Refunds that the host asks for. */
import type { z } from 'zod';
import { sha256 } from '../../core/canonical-json.js';
import { toMajor } from '../../core/money.js';
import { isPaid, refundable } from '../../core/payment-state.js';
import { creditError, isCreditError } from '../../errors.js';
import { type RefundInput, type RefundOptions, refundCallSchema, refundSchema } from '../../models/inputs/payments.js';
import type { PaymentMessageRow, PaymentRow } from '../../models/payment.js';
import type { PaymentProvider } from '../../ports/payment-provider.js';
import { parse, parseId } from '../input/parse.js';
import type { Payment } from './contract.js';
import type { Inbox } from './inbox.js';
import { inboxMessage, placeOf, sentMessage } from './messages.js';
import type { Payments } from './payments.js';
import { moneyOf } from './pricing.js';
import { REMEMBERED_MS } from './providers.js';
import { toPayment } from './records.js';

/** A part of a refund: money that goes back of one payment at the provider. */
type Part = ReturnType<typeof refundable>[number];

/** How the call was made. */
type Call = Omit<z.output<typeof refundCallSchema>, 'idempotencyKey'>;

export class Refunds<S> {
  constructor(
    readonly payments: Payments<S>,
    readonly inbox: Inbox<S>,
  ) {}

  async refund(givenId: string, input: RefundInput, given: RefundOptions): Promise<Payment> {
    const id = parseId(givenId, 'id');
    const { amount } = parse(refundSchema, input, 'refund');
    const { idempotencyKey, ...call } = parse(refundCallSchema, given);
    const { signal, timeoutMs } = call;
    const { payments } = this;
    const row = await payments.get(id, { fresh: true, signal, timeoutMs });
    if (!row) throw creditError('PAYMENT_NOT_FOUND', 'There is no such payment.', { id });
    const provider = payments.providers.get(row.provider);
    if (!provider.refund) throw notRefundable(`The provider ${row.provider} makes no refunds. Make it there.`);
    if (!isPaid(row) || row.providerPaymentIds.length === 0) {
      throw notRefundable('Nothing was paid yet that could be refunded.');
    }
    const asked = amount === undefined ? null : moneyOf(amount, row.currency);
    const intent = `${row.provider}/refund.${id}.${sha256(idempotencyKey)}`;
    const parts = await this.#intend(intent, row, asked, call);
    for (const [i, part] of parts.entries()) await this.#refundPart(`${intent}.${i}`, intent, part, row, call);
    const after = await payments.get(id, { fresh: true });
    return toPayment(after ?? row, payments.engine.scale);
  }

  /** Asks the provider for one part, unless its answer is known, and takes the answer as an event. */
  async #refundPart(key: string, intent: string, part: Part, row: PaymentRow, call: Call): Promise<void> {
    const { payments } = this;
    const { signal, timeoutMs, reason, actor, description } = call;
    const reading = () => ({ fresh: true, signal, timeoutMs });
    const answerId = `${key}.answer`;
    if (await payments.reads.get('payment_message', answerId, reading())) return;
    const intended = await payments.reads.get('payment_message', intent, reading());
    const now = payments.now();
    if (intended && now.getTime() - intended.createdAt.getTime() > REMEMBERED_MS) {
      const message = `Nobody knows whether ${row.provider} made this refund, which was asked for too long ago.`;
      const details = { provider: row.provider };
      throw creditError('PROVIDER_ERROR', `${message} Look for it there, then use a new key.`, details, {
        retryable: false,
      });
    }
    const { event, traffic } = await (payments.providers.get(row.provider).refund as Refund)({
      ...{ ...part, currency: row.currency, reference: row.id },
      ...{ idempotencyKey: key, reason, signal: signal ?? new AbortController().signal },
    }).catch(async (error: unknown) => {
      // A refusal for good gives no money back: what was asked for is free for another key.
      const isRefused = isCreditError(error, 'PROVIDER_ERROR') && !error.retryable;
      if (isRefused && intended) await this.#giveUp(intended, error.message);
      throw error;
    });
    const message = inboxMessage(row.provider, event, { place: placeOf('refund', event), payload: {}, at: now });
    const { result } = await this.inbox.receive(message, { actor, reason, description, signal, timeoutMs });
    // Credits that cannot be taken back now are taken back by `reconcilePayments`.
    const isLater = /^(LIMIT_EXCEEDED|AMOUNT_TOO_LARGE)/.test(result.error ?? '');
    if ((!result.success && !isLater) || message.event.kind !== 'refunded') {
      const why = result.error ?? message.event.reason;
      const text = `${row.provider} made the refund, and its answer does not fit the payment: ${why}.`;
      throw creditError('PAYMENT_MISMATCH', `${text} No credits were taken back. See listMessages().`, {
        field: 'refund',
      });
    }
    const { providerPaymentId } = part;
    // From here on the provider is not asked again with this key.
    const about = { id: answerId, provider: row.provider, type: 'refund', status: 'sent' } as const;
    await payments.write(sentMessage(about, row, traffic, now, { providerPaymentId }), reading());
  }

  /** Parts of other keys that the provider was asked for, and has not answered as far as anybody knows. */
  async #unanswered(row: PaymentRow, { signal, timeoutMs }: Call): Promise<Part[]> {
    const along = { index: 'payment', equals: { paymentId: row.id } } as const;
    const reading = { fresh: true, signal, timeoutMs };
    const intents: PaymentMessageRow[] = [];
    const answers = new Set<string>();
    for await (const messages of this.payments.reads.pages('payment_message', along, reading)) {
      for (const message of messages) {
        if (message.type === 'refund_intended' && message.status === 'sent') intents.push(message);
        else if (message.type === 'refund') answers.add(message.id);
      }
    }
    return intents.flatMap(({ id, payload }) => {
      const { parts } = payload.request as unknown as Intent;
      return parts.filter((_, i) => !answers.has(`${id}.${i}.answer`));
    });
  }

  async #giveUp(intent: PaymentMessageRow, reason: string): Promise<void> {
    const row = { ...intent, version: intent.version + 1, status: 'failed', reason: reason.slice(0, 1_000) } as const;
    await this.payments.write(row, {}).catch((err: unknown) => {
      this.payments.engine.logger.warn({ err }, 'A refund that the provider refused could not be noted');
    });
  }

  /**
   * Writes down what is about to be refunded, before the provider is asked: a call that is repeated with its key asks
   * for the same money again, whatever is left by then.
   */
  async #intend(id: string, row: PaymentRow, asked: number | null, call: Call): Promise<readonly Part[]> {
    const { payments } = this;
    const { actor, reason, signal, timeoutMs } = call;
    const reading = () => ({ fresh: true, signal, timeoutMs });
    const known = await payments.reads.get('payment_message', id, reading());
    if (known) return intended(known, asked);
    const left = withoutParts(refundable(row), await this.#unanswered(row, call));
    const most = left.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
    const amountMinor = asked ?? most;
    if (amountMinor <= 0 || amountMinor > most) {
      const expected = `at most ${toMajor(most, row.currency)} ${row.currency}, which is left of the payment`;
      throw creditError('INVALID_ARGUMENT', `refund.amount is not valid: ${expected}.`, {
        path: 'refund.amount',
        expected,
      });
    }
    const about = { id, provider: row.provider, type: 'refund_intended', status: 'sent' } as const;
    const request = { amountMinor, asked, currency: row.currency, parts: partsOf(left, amountMinor), actor, reason };
    const intent = sentMessage(about, row, { request, response: null, httpStatus: null }, payments.now());
    if (await payments.write(intent, reading())) return intended(intent, asked);
    return intended((await payments.reads.get('payment_message', id, reading())) ?? intent, asked);
  }
}

type Refund = NonNullable<PaymentProvider['refund']>;

function partsOf(left: readonly Part[], amountMinor: number): Part[] {
  const parts: Part[] = [];
  let rest = amountMinor;
  for (const { providerPaymentId, amountMinor: most } of left) {
    const part = Math.min(rest, most);
    if (part > 0) parts.push({ providerPaymentId, amountMinor: part });
    rest -= part;
  }
  return parts;
}

/** The request of an intent. */
interface Intent {
  /** Minor units that the call named; null for all that was left. */
  readonly asked: number | null;
  readonly parts: readonly Part[];
}

/** The parts less those that are asked for already. */
function withoutParts(left: readonly Part[], taken: readonly Part[]): Part[] {
  return left.flatMap(({ providerPaymentId, amountMinor }) => {
    const others = taken.filter((part) => part.providerPaymentId === providerPaymentId);
    const rest = others.reduce((sum, part) => sum - part.amountMinor, amountMinor);
    return rest > 0 ? [{ providerPaymentId, amountMinor: rest }] : [];
  });
}

/** The parts of an intent. @throws IDEMPOTENCY_CONFLICT where it was of another amount */
function intended({ payload }: PaymentMessageRow, asked: number | null): readonly Part[] {
  const { asked: before, parts } = payload.request as unknown as Intent;
  if (asked === before) return parts;
  const message = 'The idempotency key was used before for a refund of another amount. Use a new key.';
  throw creditError('IDEMPOTENCY_CONFLICT', message, { key: 'idempotencyKey', operation: 'refund_payment' });
}

function notRefundable(message: string) {
  return creditError('INVALID_ARGUMENT', message, { path: 'id', expected: 'a payment that was paid' });
}
