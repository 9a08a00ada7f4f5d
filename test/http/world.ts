/** A manager with something of each kind in it, and requests as they stand in the examples of the document. */

import { createHash } from 'node:crypto';
import {
  type ApiOptions,
  type Authorize,
  bearerTokens,
  createCreditsApi,
  type Identity,
} from '../../src/entries/http.js';
import { createTestCredits } from '../../src/entries/testing.js';
import type { Route } from '../../src/http/route.js';
import { adminRoutes, userRoutes } from '../../src/http/routes/table.js';
import type { CreditManagement, JsonObject } from '../../src/index.js';
import { plainProvider } from '../payments/plain-provider.js';
import { bodyOf, eventsOf } from '../payments/world.js';
import { QUIET } from '../support/quiet.js';

// biome-ignore lint/suspicious/noExplicitAny: what a test reads of an answer is checked by the document
export type Answer = { status: number; body: any; headers: Headers };

/** Every route there is, each once. */
export const ROUTES: readonly Route[] = [...new Set([...userRoutes, ...adminRoutes])];

/** Those who send requests, by their tokens. */
export const PEOPLE: Readonly<Record<string, Identity>> = {
  user: { userId: 'user-1' },
  other: { userId: 'user-9' },
  /** May use the account of user-1 as one of an organisation. */
  member: { userId: 'member', accounts: ['user-1'], actor: 'member@example' },
  admin: { userId: 'ops', roles: ['admin'] },
};
export const isAdmin: Authorize = (who) => who.roles?.includes('admin') === true;

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
export const authenticate = bearerTokens(
  Object.fromEntries(Object.entries(PEOPLE).map(([token, identity]) => [sha256(token), identity])),
);

export interface HttpWorld {
  readonly manager: CreditManagement<never, never>;
  readonly api: ReturnType<typeof createCreditsApi>;
  /** The real ids behind those of the examples. */
  readonly ids: Readonly<Record<string, string>>;
  /** Sends a request as one of `PEOPLE`. */
  send(
    who: string | null,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /** Sends the example of a route; `change` replaces fields of it. */
  example(who: string | null, route: Route, change?: JsonObject, headers?: Record<string, string>): Promise<Answer>;
}

/** Something of each kind, so that every example has what it is about. */
export async function fill(manager: CreditManagement<never, never>): Promise<Record<string, string>> {
  const { credits, subscriptions, promos, payments } = manager;
  for (const [code, creditLimit] of [
    ['pro', 500],
    ['team', 900],
    ['unused', 5],
  ] as const) {
    const providerPrices = { razorpay: [`plan_${code}`] };
    const plan = { code, name: code, creditLimit, price: 9.99, providerPrices } as const;
    await subscriptions.addSubscriptionPlan({ ...plan, billingPeriod: 'monthly' });
  }
  const paid = { name: 'Paid', creditLimit: 10, price: 1, billingPeriod: 'monthly', renewOn: 'payment' } as const;
  const { id: paidPlan } = await subscriptions.addSubscriptionPlan(paid);
  await promos.createPromo({ code: 'LAUNCH100', credits: 100 });
  const added = await credits.addCredits('user-1', 1000, { source: 'purchase' });
  await credits.addCredits('user-2', 1000);
  const hold = await credits.reserveCredits('user-1', 40);
  await subscriptions.setUserSubscriptionPlan('user-1', 'pro');
  await subscriptions.setUserSubscriptionPlan('payer', paidPlan);
  await subscriptions.setUserSubscriptionPlan('paused', 'pro');
  await subscriptions.pauseUserSubscription('paused');
  const cycle = await subscriptions.startCycle('user-1', { amount: 5, recurring: true });
  const deducted = await credits.deductCredits('user-1', 7);
  payments.registerProvider(plainProvider('razorpay'));
  const payment = await payments.createPaymentLink({ userId: 'user-1', amount: 500, currency: 'INR' });
  await payments.handleWebhook('razorpay', bodyOf(eventsOf(payment).paid), {});
  await payments.setAutoTopUp('user-1', { threshold: 1, amount: 500, currency: 'INR', maxAmount: 5_000 });
  const subject = 'evt.merchant.created';
  const { deadLetterId } = await manager.inbox.receive({ subject, body: '{' });
  const created = { event_id: 'event-1', event_type: subject, timestamp: '2030-01-01T00:00:00Z' };
  await manager.inbox.receive({ subject, body: JSON.stringify({ ...created, payload: { merchant_id: 'shop-1' } }) });
  return {
    dl_0123456789abcdef0123456789abcdef01234567: deadLetterId as string,
    pay_0123456789abcdef0123456789abcdef: payment.id,
    ...{ 't-1': deducted.id, 'g-1': added.grantId as string, 'r-1': hold.id, 'c-1': cycle.id },
  };
}

export type WorldOptions = Partial<ApiOptions> & { authorize?: Authorize };

/** `filled` are the real ids of a manager that was filled before. */
export async function httpWorld(
  options: WorldOptions = {},
  manager = createTestCredits() as unknown as CreditManagement<never, never>,
  filled?: HttpWorld['ids'],
): Promise<HttpWorld> {
  const ids = filled ?? (await fill(manager));
  const api = createCreditsApi({ manager, authenticate, authorize: isAdmin, logger: QUIET, ...options });
  const send = senderOf(api.fetch);
  return {
    ...{ manager, api, ids, send },
    example(who, route, change = {}, headers = {}) {
      const { path, body } = requestOf(route, { ...route.example, ...change }, ids);
      return send(who, route.method, path, body, headers);
    },
  };
}

/** Sends requests by way of a function such as `fetch`. */
export function senderOf(reach: (request: Request) => Promise<Response>): HttpWorld['send'] {
  return async (who, method, path, body, headers) => {
    const all = new Headers(headers);
    if (who !== null) all.set('authorization', `Bearer ${who}`);
    const isBare = body === undefined;
    if (!isBare && !all.has('content-type')) all.set('content-type', 'application/json');
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const init = { method, headers: all, ...(isBare ? {} : { body: text }) };
    return answerOf(await reach(new Request(`http://localhost${path}`, init)));
  };
}

/** The same credits behind an API with other options. */
export function again({ manager, ids }: HttpWorld, options: WorldOptions): Promise<HttpWorld> {
  return httpWorld(options, manager, ids);
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

/** The path with its query, and the body, of a request with these fields. */
export function requestOf(
  { path, method }: Pick<Route, 'path' | 'method'>,
  fields: JsonObject,
  ids: Readonly<Record<string, string>> = {},
): { path: string; body: JsonObject | undefined } {
  const rest = new Map(Object.entries(fields));
  const full = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = textOf(rest.get(name));
    rest.delete(name);
    return encodeURIComponent(Object.hasOwn(ids, value) ? String(ids[value]) : value);
  });
  if (method === 'POST' || method === 'PATCH') return { path: full, body: Object.fromEntries(rest) };
  const pairs = [...rest].map(([name, value]): [string, string] => [name, textOf(value)]);
  const query = new URLSearchParams(pairs).toString();
  return { path: query === '' ? full : `${full}?${query}`, body: undefined };
}

/** A value as it stands in a URL. */
function textOf(value: unknown): string {
  return (typeof value === 'string' ? value : String(JSON.stringify(value))).toWellFormed();
}
