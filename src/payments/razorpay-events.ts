/** Razorpay's events and entities in the words of the port. The table is above `razorpayProvider`. */
import type { Json, JsonObject } from '../models/values.js';
import type { MinorMoney, ProviderDispute, ProviderEvent, ProviderRefund } from '../ports/payment-provider.js';
import { at, eventOf, instantAt, moneyOf, notAnEvent, objectAt, textAt } from './reading.js';

/** The entities that an event or an answer is about. */
export interface Entities {
  readonly link?: JsonObject | null;
  readonly payment?: JsonObject | null;
  readonly order?: JsonObject | null;
  readonly invoice?: JsonObject | null;
  readonly refund?: JsonObject | null;
  readonly dispute?: JsonObject | null;
}

type Told = Pick<ProviderEvent, 'kind'> & Partial<ProviderEvent>;
/** Answers the message of an event, or the reason why it has none. */
type Reader = (about: Entities) => Told | string;

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['payment.authorized', (about) => attempt('authorized', about)],
  ['payment.captured', (about) => attempt('authorized', about)],
  ['payment.failed', (about) => attempt('failed', about)],
  ['payment_link.paid', (about) => arrived('paid', about.link, about)],
  ['payment_link.partially_paid', (about) => arrived('partially_paid', about.link, about)],
  ['payment_link.expired', ({ link }) => ended('expired', link)],
  ['payment_link.cancelled', ({ link }) => ended('cancelled', link)],
  ['order.paid', (about) => arrived('paid', about.order, about)],
  ['invoice.paid', (about) => arrived('paid', about.invoice, about)],
  ['invoice.partially_paid', (about) => arrived('partially_paid', about.invoice, about)],
  ['invoice.expired', ({ invoice }) => ended('expired', invoice)],
  ['refund.created', (about) => refunded(about, null)],
  ['refund.speed_changed', (about) => refunded(about, null)],
  ['refund.processed', (about) => refunded(about, 'done')],
  ['refund.failed', (about) => refunded(about, 'failed')],
  ['payment.dispute.created', (about) => disputed(about, 'open')],
  ['payment.dispute.under_review', (about) => disputed(about, 'open')],
  ['payment.dispute.action_required', (about) => disputed(about, 'open')],
  ['payment.dispute.won', (about) => disputed(about, 'won')],
  ['payment.dispute.lost', (about) => disputed(about, 'lost')],
  ['payment.dispute.closed', (about) => disputed(about, null)],
]);

/**
 * The event of a webhook's body.
 *
 * @throws INVALID_ARGUMENT for a body without the name of an event.
 */
export function razorpayEvent(body: JsonObject, now: Date): ProviderEvent {
  const type = textAt(body, 'event');
  if (type === null) throw notAnEvent('razorpay', 'the name of an event in "event"');
  const of = (name: string) => objectAt(body, 'payload', name, 'entity');
  const about = {
    link: of('payment_link'),
    payment: of('payment'),
    order: of('order'),
    invoice: of('invoice'),
    refund: of('refund'),
    dispute: of('dispute'),
  };
  return told(type, about, instantAt(body, 'created_at') ?? now);
}

/** The event of that name about these entities; `ignored` when it is unknown or cannot be read. */
export function told(type: string, about: Entities, occurredAt: Date): ProviderEvent {
  const said = READERS.get(type)?.(about) ?? 'an event without an effect';
  const kind = typeof said === 'string' ? 'ignored' : said.kind;
  const base = { type, occurredAt, ...idsOf(about, kind), ...namesOf(about, kind) };
  return typeof said === 'string' ? eventOf({ ...base, kind: 'ignored', reason: said }) : eventOf({ ...base, ...said });
}

/** Money counts for the link that the event is about: the description of a payment can be written by its payer. */
function idsOf({ link, payment, order, invoice, refund, dispute }: Entities, kind: ProviderEvent['kind']) {
  const paymentId = textAt(refund, 'payment_id') ?? textAt(dispute, 'payment_id') ?? textAt(payment, 'id');
  return {
    providerLinkId: textAt(link, 'id') ?? (isMoney(kind) ? null : linkIdOf(payment)),
    providerPaymentId: paymentId ?? textAt(link, 'payments', '0', 'payment_id') ?? textAt(invoice, 'payment_id'),
    providerOrderId: textAt(order, 'id') ?? textAt(payment, 'order_id') ?? textAt(link, 'order_id'),
    method: textAt(payment, 'method') ?? textAt(link, 'payments', '0', 'method'),
  };
}

/** Razorpay describes the payment of a link by the link's id: `#FOGqq3O6E5bkml` for `plink_FOGqq3O6E5bkml`. */
export function linkIdOf(payment: Json | undefined): string | null {
  const id = /^#([A-Za-z0-9]{14})$/.exec(textAt(payment, 'description') ?? '')?.[1];
  return id === undefined ? null : `plink_${id}`;
}

/**
 * The reference and the user. The notes of a payment can be written by whoever pays, in the browser, also for another
 * product: money counts for the reference of a link, an order or an invoice alone, which only the host can make, and
 * so does money that goes back.
 */
function namesOf({ link, payment, order, invoice, refund }: Entities, kind: ProviderEvent['kind']) {
  const isBack = kind === 'refunded' || kind === 'disputed';
  const trusted = isBack ? [link, order, invoice, refund] : [link, order, invoice];
  const holders = isMoney(kind) || isBack ? trusted : [...trusted, payment];
  const noted = (name: string) => holders.map((holder) => textAt(holder, 'notes', name)).find((text) => text !== null);
  return {
    reference: textAt(link, 'reference_id') ?? noted('reference_id') ?? null,
    userId: noted('user_id') ?? null,
  };
}

function isMoney(kind: ProviderEvent['kind']): boolean {
  return kind === 'paid' || kind === 'partially_paid';
}

/** A payment is an attempt: the link or the order says when everything has arrived. */
function attempt(kind: 'authorized' | 'failed', { payment }: Entities): Told | string {
  const asked = moneyIn(payment, 'amount');
  if (asked === null) return 'the payment has no amount that can be read';
  return { kind, asked, reason: textAt(payment, 'error_reason') ?? textAt(payment, 'error_code') };
}

function arrived(
  kind: 'paid' | 'partially_paid',
  holder: JsonObject | null | undefined,
  { payment, link }: Entities,
): Told | string {
  const [asked, paid] = [moneyIn(holder, 'amount'), moneyIn(holder, 'amount_paid')];
  if (asked === null || paid === null) return 'it has no amounts that can be read';
  // The payments of a link name no currency of their own.
  const part = moneyIn(payment, 'amount') ?? moneyOf(at(link, 'payments', '0', 'amount'), asked.currency);
  return { kind: paid.amountMinor < asked.amountMinor ? 'partially_paid' : kind, asked, paid, arrived: part };
}

function ended(kind: 'expired' | 'cancelled', holder: JsonObject | null | undefined): Told | string {
  if (!holder) return 'it does not say what ended';
  return { kind, asked: moneyIn(holder, 'amount') };
}

function refunded({ refund, payment }: Entities, status: ProviderRefund['status'] | null): Told | string {
  const [id, money] = [textAt(refund, 'id'), moneyIn(refund, 'amount')];
  if (id === null || money === null) return 'the refund has no id or no amount that can be read';
  // Razorpay gives back by itself what was authorized and never captured. It paid for nothing.
  if (at(payment, 'captured') === false) return 'the refund of a payment that was never captured';
  const stated = textAt(refund, 'status');
  const known = stated === 'processed' ? 'done' : stated === 'failed' ? 'failed' : 'open';
  return { kind: 'refunded', refund: { ...money, id, status: status ?? known } };
}

function disputed({ dispute }: Entities, status: ProviderDispute['status'] | null): Told | string {
  const [id, money] = [textAt(dispute, 'id'), moneyIn(dispute, 'amount')];
  if (id === null || money === null) return 'the dispute has no id or no amount that can be read';
  // One that was closed is neither won nor lost by its name: it was lost if money was taken.
  const closed = (moneyIn(dispute, 'amount_deducted')?.amountMinor ?? 0) > 0 ? 'lost' : 'won';
  const reason = textAt(dispute, 'reason_code');
  return { kind: 'disputed', dispute: { ...money, id, status: status ?? closed }, reason };
}

function moneyIn(holder: JsonObject | null | undefined, field: string): MinorMoney | null {
  return moneyOf(at(holder, field), at(holder, 'currency'));
}
