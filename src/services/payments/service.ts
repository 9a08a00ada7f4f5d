/** The service of payments: the verbs of links, webhooks, refunds and lists, put together. */
import { sha256 } from '../../core/canonical-json.js';
import { isCreditError } from '../../errors.js';
import type { ReadOptions } from '../../models/inputs/credits.js';
import { paymentHistorySchema, paymentMessagesSchema, webhookCallSchema } from '../../models/inputs/payments.js';
import type { PaymentRow } from '../../models/payment.js';
import type { Page } from '../../models/values.js';
import type { PaymentProvider, ProviderEvent } from '../../ports/payment-provider.js';
import { named } from '../input/named.js';
import { ListCursors, PAGE } from '../input/page.js';
import { notValid, parse, parseId, parseOptions, parseReadOptions } from '../input/parse.js';
import type { Engine } from '../pipeline/engine.js';
import { checkout } from './checkout.js';
import type {
  HeadersLike,
  PaymentHistory,
  PaymentListOptions,
  PaymentMessage,
  PaymentMessageOptions,
  PaymentService,
  WebhookResult,
} from './contract.js';
import { Inbox } from './inbox.js';
import { Links } from './links.js';
import { inboxMessage } from './messages.js';
import { orderService, type ParsedOrderRules } from './orders.js';
import type { OrderService } from './orders-contract.js';
import { Payments } from './payments.js';
import type { Prices } from './pricing.js';
import { Providers } from './providers.js';
import { Reconcile } from './reconcile.js';
import { toMessage, toPayment } from './records.js';
import { Refunds } from './refunds.js';
import { TopUpWork } from './top-up-work.js';
import { TopUps } from './top-ups.js';

export interface PaymentParts {
  readonly providers: readonly PaymentProvider[];
  readonly prices: Prices;
  readonly orders: ParsedOrderRules;
}

export function paymentService<S>(
  engine: Engine<S>,
  { providers, prices, orders }: PaymentParts,
): {
  readonly service: PaymentService<S>;
  readonly reconcile: Reconcile<S>;
  readonly topUpWork: TopUpWork<S>;
  readonly orders: OrderService;
  /** The same orders on another engine. */
  readonly ordersOn: (engine: Engine<S>) => OrderService;
} {
  const registered = new Providers(providers);
  const payments = new Payments(engine, registered, prices);
  const inbox = new Inbox(payments);
  const links = new Links(payments, inbox);
  const refunds = new Refunds(payments, inbox);
  const topUps = new TopUps(payments);
  const topUpWork = new TopUpWork(inbox, links);
  const reconcile = new Reconcile(payments, inbox, topUpWork);
  const verbs = named<Omit<PaymentService<S>, 'registerProvider' | 'getProvider' | 'listProviders'>>({
    createPaymentLink: (payment, options) => links.create(payment, options),
    checkout: (input, options) => checkout(payments, input, options),
    recordPayment: (payment, options) => links.record(payment, options),
    getPayment: (id, userId, options) => getPayment(payments, id, userId, options),
    getPaymentHistory: (userId, options) => history(payments, userId, options),
    handleWebhook: (provider, rawBody, headers, options) => webhook(inbox, provider, rawBody, headers, options),
    refundPayment: (id, refund, options) => refunds.refund(id, refund, options),
    setAutoTopUp: (userId, settings, options) => topUps.set(userId, settings, options),
    getAutoTopUp: (userId, options) => topUps.get(userId, options),
    reconcilePayments: (options) => reconcile.reconcile(options),
    listMessages: (options) => messages(payments, options),
  });
  const service: PaymentService<S> = {
    ...verbs,
    registerProvider: (provider) => registered.register(provider),
    getProvider: (name) => registered.get(name),
    listProviders: () => registered.names(),
  };
  const ordersOn = (other: Engine<S>) => {
    const theirs = new Inbox(new Payments(other, registered, prices));
    return orderService(new Links(theirs.payments, theirs), theirs, orders);
  };
  return { service, reconcile, topUpWork, orders: orderService(links, inbox, orders), ordersOn };
}

async function getPayment<S>(
  payments: Payments<S>,
  givenId: string,
  userId: string | null,
  options: ReadOptions<S> | undefined,
) {
  const id = parseId(givenId, 'id');
  const owner = userId === null ? null : parseId(userId, 'userId');
  const row = await payments.get(id, parseReadOptions(options));
  return row && (owner === null || row.userId === owner) ? toPayment(row, payments.engine.scale) : null;
}

async function history<S>(
  payments: Payments<S>,
  givenId: string,
  given: PaymentListOptions<S> | undefined,
): Promise<PaymentHistory> {
  const userId = parseId(givenId, 'userId');
  const { skip = 0, ...options } = parseOptions(paymentHistorySchema, given) as PaymentListOptions<S>;
  if (skip > 0 && options.cursor !== undefined) throw notValid('skip', 'none beside a cursor');
  const { reads, engine } = payments;
  const { session, fresh, limit = PAGE } = options;
  const along = { index: 'user', equals: { userId } };
  const cursors = new ListCursors('getPaymentHistory', { userId });
  const total = await engine.read(options, (timeoutMs) =>
    engine.store.count('payment', along, { session, fresh, timeoutMs }),
  );
  let left = skip;
  let { cursor } = options;
  // The rows before the page are walked over, a hundred at a time.
  while (left > 0) {
    const step = Math.min(left, 100);
    const page = await reads.page('payment', along, { ...options, limit: step, cursor }, cursors);
    left -= step;
    if (page.nextCursor === null) return { payments: [], total, nextCursor: null };
    cursor = page.nextCursor;
  }
  const { rows, nextCursor } = await reads.page('payment', along, { ...options, limit, cursor }, cursors);
  return { payments: rows.map((row: PaymentRow) => toPayment(row, engine.scale)), total, nextCursor };
}

async function webhook<S>(
  inbox: Inbox<S>,
  name: string,
  rawBody: Uint8Array | string,
  headers: HeadersLike,
  given: Parameters<PaymentService<S>['handleWebhook']>[3],
): Promise<WebhookResult> {
  const options = parseOptions(webhookCallSchema, given);
  const { payments } = inbox;
  const provider = payments.providers.get(name);
  const body = bytesOf(rawBody);
  const at = payments.now();
  const { events, payload } = await provider.readWebhook(body, headersOf(headers), at);
  const place = sha256(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1'));
  let result: WebhookResult | null = null;
  for (const [i, event] of events.entries()) {
    const own = { place: `${place}.${i}`, payload: i === 0 ? payload : {}, at };
    const message = inboxMessage(name, event, own, events.length > 1 ? partOf(event, i) : '');
    const received = await inbox.receive(message, options);
    result = result === null || result.error === null ? received.result : result;
  }
  const nothing = { success: true, idempotent: false, status: 'ignored', paymentId: null, userId: null };
  return result ?? { ...nothing, creditsAdded: 0, error: null };
}

/** Names one of several events of a body. A refund and a dispute have a name of their own, whatever their place. */
function partOf({ refund, dispute }: ProviderEvent, i: number): string {
  return `.${refund?.id ?? dispute?.id ?? i}`;
}

/** The bytes as they came. A parsed body cannot be verified: its bytes are gone. */
function bytesOf(rawBody: unknown): Uint8Array {
  if (rawBody instanceof Uint8Array) return rawBody;
  if (typeof rawBody === 'string') return Buffer.from(rawBody);
  const expected = 'the bytes of the request as they came, before any parser: express.raw(), request.text()';
  throw notValid('rawBody', expected);
}

function headersOf(given: unknown): Headers {
  if (given instanceof Headers) return given;
  const headers = new Headers();
  try {
    for (const [name, value] of Object.entries(given as Record<string, unknown>)) {
      const values = Array.isArray(value) ? value : [value];
      for (const one of values) if (typeof one === 'string') headers.append(name, one);
    }
  } catch (cause) {
    throw isCreditError(cause) ? cause : notValid('headers', 'a Headers, or a plain object of header values', cause);
  }
  return headers;
}

async function messages<S>(
  payments: Payments<S>,
  given: PaymentMessageOptions<S> | undefined,
): Promise<Page<PaymentMessage>> {
  const options = (given === undefined ? {} : parse(paymentMessagesSchema, given)) as PaymentMessageOptions<S>;
  const { paymentId, providerLinkId, userId, status, ...list } = options;
  const chosen = Object.entries({ paymentId, providerLinkId, userId }).filter(([, value]) => value !== undefined);
  if (chosen.length > 1) throw notValid('options', 'one of paymentId, providerLinkId and userId');
  const [by] = chosen as [string, string][];
  const cursors = new ListCursors('listMessages', { paymentId, providerLinkId, userId, status });
  const isStatus = (row: { status: string }) => row.status === status;
  if (by === undefined) {
    const along = status === undefined ? { index: 'created' } : { index: 'status', equals: { status } };
    const page = await payments.reads.page('payment_message', along, list, cursors);
    return { items: page.rows.map(toMessage), nextCursor: page.nextCursor };
  }
  const [field, value] = by;
  const along = { index: INDEXES[field] as string, equals: { [field]: value } };
  const keeps = status === undefined ? null : isStatus;
  const page = await payments.reads.chosenPage('payment_message', along, list, cursors, keeps);
  return { items: page.rows.map(toMessage), nextCursor: page.nextCursor };
}

const INDEXES: Readonly<Record<string, string>> = { paymentId: 'payment', providerLinkId: 'link', userId: 'user' };
