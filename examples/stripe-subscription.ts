/**
 * A subscription at Stripe that renews credits: `npx tsx examples/stripe-subscription.ts`. The first part is the
 * webhook of a host, without Stripe's package. The second part plays Stripe: it signs events and sends them, early,
 * late, twice, in the wrong order, and in the end no more.
 */
import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { isCreditError } from 'credit-management';
import { createTestCredits } from 'credit-management/testing';

// Yours is createCreditManagement({ db }), with the time of your database.
const { clock, credits, subscriptions, ledger, close } = createTestCredits({ now: '2030-01-01T00:00:05Z' });

// Stripe collects a renewal about an hour after its period has begun. Meanwhile the user spends what is left of the
// period before: its credits last 33 days. Without validityDays they end with their period.
const pro = { code: 'pro', name: 'Pro', creditLimit: 1000, price: 19, currency: 'USD', validityDays: 33 } as const;
await subscriptions.definePlans([{ ...pro, billingPeriod: 'monthly', renewOn: 'payment', graceDays: 7 }]);

/** Your table of users: `stripe_subscription_id`, written when the checkout is done. */
const userOf = new Map([['sub_1', 'ada']]);

interface Invoice {
  id: string;
  billing_reason: string;
  /** Before version 2025-03-31 of Stripe's API: `subscription`. */
  parent: { subscription_details: { subscription: string } };
  /** In seconds. The `period_start` of the invoice itself is that of the period before. */
  lines: { data: { period: { start: number; end: number } }[] };
}
type StripeEvent =
  | { id: string; type: 'invoice.paid'; data: { object: Invoice } }
  | { id: string; type: 'customer.subscription.deleted'; data: { object: { id: string } } };

/** Every change names the event or the invoice, so an event that comes again changes nothing. */
async function apply({ id, type, data }: StripeEvent): Promise<number> {
  const subscription = type === 'invoice.paid' ? data.object.parent.subscription_details.subscription : data.object.id;
  const user = userOf.get(subscription);
  if (!user) return 404; // not written yet: Stripe sends it again
  if (type === 'customer.subscription.deleted') {
    await subscriptions.cancelUserSubscription(user, { when: 'now', idempotencyKey: id }).catch((error) => {
      if (!isCreditError(error, 'SUBSCRIPTION_NOT_FOUND')) throw error; // unpaid for too long, it has ended by itself
    });
  } else if (data.object.billing_reason === 'subscription_create') {
    await subscriptions.setUserSubscriptionPlan(user, 'pro', { idempotencyKey: data.object.id });
  } else if (data.object.billing_reason === 'subscription_cycle') {
    // Lines for what was used before have earlier periods.
    const start = Math.max(...data.object.lines.data.map(({ period }) => period.start));
    const paid = { paymentId: data.object.id, periodStart: new Date(start * 1000) };
    await subscriptions.renewSubscription(user, paid);
  }
  return 200;
}

/** Whether Stripe signed these bytes within the last five minutes: `t=SECONDS,v1=HEX`, maybe with several `v1`. */
function isSigned(body: Buffer, header: string, secret: string): boolean {
  const parts = header.split(',').map((part) => part.split('=', 2) as [string, string]);
  const seconds = parts.find(([name]) => name === 't')?.[1];
  const expected = createHmac('sha256', secret).update(`${seconds}.`).update(body).digest();
  const isNow = Math.abs(clock.now().getTime() / 1000 - Number(seconds)) <= 300;
  const given = parts.filter(([name]) => name === 'v1').map(([, hex]) => Buffer.from(hex ?? '', 'hex'));
  return isNow && given.some((sent) => sent.length === expected.length && timingSafeEqual(sent, expected));
}

const secret = 'whsec_of_the_stripe_dashboard';
async function receive(request: IncomingMessage): Promise<number> {
  const body = await buffer(request); // the bytes as they came
  if (!isSigned(body, String(request.headers['stripe-signature']), secret)) return 400;
  try {
    return await apply(JSON.parse(body.toString('utf8')));
  } catch (error) {
    // Such as an older payment that has not come yet. Stripe tries again for three days.
    return isCreditError(error) ? 409 : 500;
  }
}
const server = createServer(async (request, response) => {
  response.writeHead(await receive(request)).end();
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/stripe`;

// --- From here on: Stripe, and the story. ---

async function send(event: object, at = clock.now(), key = secret): Promise<number> {
  const body = JSON.stringify(event);
  const t = Math.floor(at.getTime() / 1000);
  const v1 = createHmac('sha256', key).update(`${t}.${body}`).digest('hex');
  const headers = { 'stripe-signature': `t=${t},v1=${v1}` };
  return (await fetch(url, { method: 'POST', headers, body })).status;
}

const seconds = (month: number) => Date.UTC(2030, month - 1) / 1000;

/** The paid invoice of a month, counted from 1. */
function paid(month: number, { subscription = 'sub_1', reason = 'subscription_cycle' } = {}): object {
  const period = { start: seconds(month), end: seconds(month + 1) };
  const parent = { type: 'subscription_details', subscription_details: { subscription } };
  const invoice = { id: `in_${subscription}_${month}`, object: 'invoice', billing_reason: reason, parent };
  const object = { ...invoice, lines: { object: 'list', data: [{ object: 'line_item', period }] } };
  return { id: `evt_${invoice.id}`, object: 'event', type: 'invoice.paid', data: { object } };
}
const deleted = (id: string) => ({
  ...{ id: `evt_deleted_${id}`, object: 'event', type: 'customer.subscription.deleted' },
  data: { object: { id, object: 'subscription', status: 'canceled' } },
});

async function tell(what: string, status: number | null, expected: [string, number]): Promise<void> {
  const { available } = await credits.getUserCreditsInfo('ada');
  const own = await subscriptions.getUserSubscriptionPlan('ada');
  const instant = clock.now().toISOString().slice(0, 16);
  console.log(`${instant}  ${status ?? '   '}  ${own?.status.padEnd(9)} ${String(available).padStart(4)}  ${what}`);
  assert.deepEqual([own?.status, available], expected);
}

try {
  const first = paid(1, { reason: 'subscription_create' });
  await tell('the first invoice', await send(first), ['active', 1000]);
  await tell('the same event again', await send(first), ['active', 1000]);
  const old = new Date(clock.now().getTime() - 600_000);
  await tell('an event that was signed ten minutes ago', await send(paid(2), old), ['active', 1000]);
  await tell('an event that somebody else signed', await send(paid(2), clock.now(), 'guess'), ['active', 1000]);
  await credits.deductCredits('ada', 900);
  await tell('900 are spent', null, ['active', 100]);

  clock.set('2030-01-31T23:58:00Z');
  await tell('early: the clock of Stripe is ahead', await send(paid(2)), ['active', 100]);
  clock.set('2030-02-01T00:00:05Z');
  await tell('February begins, paid; the rest of January stays until the 3rd', null, ['active', 1100]);
  clock.set('2030-03-01T00:00:05Z');
  await tell('March begins, not paid yet; the rest of February stays', null, ['past_due', 1000]);
  clock.set('2030-03-01T01:00:00Z');
  await tell('late: Stripe has collected', await send(paid(3)), ['active', 2000]);

  clock.set('2030-03-31T12:00:00Z');
  await tell('out of order: May is paid, and April not yet', await send(paid(5)), ['active', 1000]);
  await tell('April is paid', await send(paid(4)), ['active', 1000]);
  await tell('May is sent again', await send(paid(5)), ['active', 1000]);
  clock.set('2030-05-31T00:00:00Z');
  await tell('the last day of May, paid in March', null, ['active', 1000]);

  clock.set('2030-06-07T00:00:00Z');
  await tell('June is not paid', null, ['past_due', 0]);
  clock.set('2030-06-08T00:00:05Z');
  await tell('nor within seven days', null, ['ended', 0]);
  await tell('Stripe ends it too', await send(deleted('sub_1')), ['ended', 0]);

  // ada subscribes once more; events of the old subscription find nobody.
  userOf.delete('sub_1');
  userOf.set('sub_2', 'ada');
  const second = paid(6, { subscription: 'sub_2', reason: 'subscription_create' });
  await tell('a new subscription', await send(second), ['active', 1000]);
  await tell('an old event', await send(paid(4)), ['active', 1000]);
  await tell('cancelled at Stripe', await send(deleted('sub_2')), ['cancelled', 1000]);
  await tell('told again', await send(deleted('sub_2')), ['cancelled', 1000]);
  clock.set('2030-08-01T00:00:00Z');
  await tell('what was paid for has expired', null, ['cancelled', 0]);
  assert.equal((await ledger.verify()).ok, true);
} finally {
  server.close();
  await close();
}
