/** Refunds that the host asks for. */
import { sha256 } from '../../core/canonical-json.js';
import { toMajor } from '../../core/money.js';
import { isPaid, refundedMinor } from '../../core/payment-state.js';
import { creditError } from '../../errors.js';
import { type RefundInput, type RefundOptions, refundCallSchema, refundSchema } from '../../models/inputs/payments.js';
import type { PaymentRow } from '../../models/payment.js';
import { parse, parseId } from '../input/parse.js';
import type { Payment } from './contract.js';
import type { Inbox } from './inbox.js';
import { inboxMessage, placeOf, sentMessage } from './messages.js';
import type { Payments } from './payments.js';
import { moneyOf } from './pricing.js';
import { toPayment } from './records.js';

export class Refunds<S> {
  constructor(
    readonly payments: Payments<S>,
    readonly inbox: Inbox<S>,
  ) {}

  async refund(givenId: string, input: RefundInput, given: RefundOptions): Promise<Payment> {
    const id = parseId(givenId, 'id');
    const { amount } = parse(refundSchema, input, 'refund');
    const { idempotencyKey, actor, reason, description, signal, timeoutMs } = parse(refundCallSchema, given);
    const { payments } = this;
    const row = await payments.get(id, { fresh: true, signal, timeoutMs });
    if (!row) throw creditError('PAYMENT_NOT_FOUND', 'There is no such payment.', { id });
    const provider = payments.providers.get(row.provider);
    const [providerPaymentId] = row.providerPaymentIds;
    if (!provider.refund) throw notRefundable(`The provider ${row.provider} makes no refunds. Make it there.`);
    if (!isPaid(row) || providerPaymentId === undefined)
      throw notRefundable('Nothing was paid yet that could be refunded.');
    const asked = amount === undefined ? null : moneyOf(amount, row.currency);
    const intent = `${row.provider}/refund.${id}.${sha256(idempotencyKey)}`;
    const amountMinor = await this.#intend(intent, row, asked, { actor, reason });
    const { event, traffic } = await provider.refund({
      ...{ amountMinor, currency: row.currency, reference: id, providerPaymentId },
      ...{ idempotencyKey: intent, reason, signal: signal ?? new AbortController().signal },
    });
    const at = payments.now();
    const answered = { id: `${intent}.answer`, provider: row.provider, type: 'refund', status: 'sent' } as const;
    await payments.write(sentMessage(answered, row, traffic, at, { providerPaymentId }), {});
    const place = placeOf('refund', event);
    const message = inboxMessage(row.provider, event, { place, payload: {}, at });
    await this.inbox.receive(message, { actor, reason, description, signal, timeoutMs });
    const after = await payments.get(id, { fresh: true });
    return toPayment(after ?? row, payments.engine.scale);
  }

  /**
   * Writes down what is about to be refunded, before the provider is asked: a call that is repeated with its key asks
   * for the same money again, whatever is left by then.
   */
  async #intend(
    id: string,
    row: PaymentRow,
    asked: number | null,
    by: { readonly actor: string; readonly reason: string },
  ): Promise<number> {
    const { payments } = this;
    const left = row.amountMinor - refundedMinor(row);
    const amountMinor = asked ?? left;
    const known = await payments.reads.get('payment_message', id, { fresh: true });
    if (known) return this.#intended(known.payload.request as { amountMinor: number }, asked);
    if (amountMinor <= 0 || amountMinor > left) {
      const most = toMajor(Math.max(0, left), row.currency);
      const expected = `at most ${most} ${row.currency}, which is left of the payment`;
      throw creditError('INVALID_ARGUMENT', `refund.amount is not valid: ${expected}.`, {
        path: 'refund.amount',
        expected,
      });
    }
    const about = { id, provider: row.provider, type: 'refund_intended', status: 'sent' } as const;
    const request = { amountMinor, currency: row.currency, ...by };
    const intent = sentMessage(about, row, { request, response: null, httpStatus: null }, payments.now());
    if (await payments.write(intent, {})) return amountMinor;
    const other = await payments.reads.get('payment_message', id, { fresh: true });
    return this.#intended((other?.payload.request ?? request) as { amountMinor: number }, asked);
  }

  #intended({ amountMinor }: { readonly amountMinor: number }, asked: number | null): number {
    if (asked === null || asked === amountMinor) return amountMinor;
    const message = 'The idempotency key was used before for a refund of another amount. Use a new key.';
    throw creditError('IDEMPOTENCY_CONFLICT', message, { key: 'idempotencyKey', operation: 'refund_payment' });
  }
}

function notRefundable(message: string) {
  return creditError('INVALID_ARGUMENT', message, { path: 'id', expected: 'a payment that was paid' });
}
