/** Shared by the tests of the `PaymentProvider` suite: links to make, and checks of events and errors. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type CreditErrorCode, isCreditError } from '../errors.js';
import type { Json } from '../models/values.js';
import type { MinorMoney, NewPaymentLink, ProviderEvent } from '../ports/payment-provider.js';
import type { PaymentProviderUnderTest, SignedWebhook } from './payment-provider-contract.js';

/** A signal that nobody aborts. */
export const calm = (): AbortSignal => new AbortController().signal;

export function newLink(more: Partial<NewPaymentLink> = {}): NewPaymentLink {
  return {
    // 128 random bits in 36 characters: providers take no more than 40.
    reference: `pay_${randomUUID().replaceAll('-', '')}`,
    userId: `user-${randomUUID().slice(0, 8)}`,
    amountMinor: 49_900,
    currency: 'INR',
    description: 'Credits',
    customerEmail: 'somebody@example.com',
    customerPhone: '+919876543210',
    callbackUrl: 'https://shop.example.com/paid',
    creditsToAdd: 499,
    metadata: { campaign: 'spring' },
    priceId: null,
    signal: calm(),
    ...more,
  };
}

export function moneyOf({ amountMinor, currency }: MinorMoney): MinorMoney {
  return { amountMinor, currency };
}

/** The events of a webhook, read at the time of the test. */
export async function read({ provider, now }: PaymentProviderUnderTest, { body, headers }: SignedWebhook) {
  const { events, payload } = await provider.readWebhook(body, headers, now);
  assert.ok(events.length > 0, 'a webhook tells at least one event');
  for (const event of events) checkEvent(event);
  checkJson(payload);
  return { events, payload };
}

/** Asserts that a call rejects with an error of the library, of one of these codes, without a secret in its text. */
export async function refused(
  call: () => Promise<unknown> | unknown,
  codes: readonly CreditErrorCode[],
  secrets: readonly string[],
): Promise<void> {
  let error: unknown;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(isCreditError(error), `an error of the library, not ${String(error)}`);
  assert.ok(codes.includes(error.code), `${codes.join(' or ')}, not ${error.code}: ${error.message}`);
  for (const secret of secrets) assert.ok(!error.message.includes(secret), 'no secret in the message');
}

const KINDS: ReadonlySet<string> = new Set([
  ...['authorized', 'failed', 'partially_paid', 'paid', 'expired', 'cancelled', 'refunded', 'disputed'],
  ...['invoice_paid', 'invoice_failed', 'subscription_changed', 'subscription_ended', 'ignored'],
]);

/** Asserts that an event is of the shape that the port promises, whatever the provider had sent. */
export function checkEvent(event: ProviderEvent): void {
  assert.ok(KINDS.has(event.kind), `a known kind, not ${event.kind}`);
  assert.ok(event.type.length > 0 && event.type.length <= 255, 'a type of 1 to 255 characters');
  assert.ok(event.occurredAt instanceof Date && !Number.isNaN(event.occurredAt.getTime()), 'an instant');
  const texts = ['eventId', 'reference', 'providerLinkId', 'providerPaymentId', 'providerOrderId', 'userId'] as const;
  for (const name of [...texts, 'method', 'reason'] as const) checkText(event[name], name);
  for (const name of ['asked', 'paid', 'refund', 'dispute'] as const) checkMoney(event[name], name);
  if (event.kind === 'paid' || event.kind === 'partially_paid') assert.ok(event.paid !== null, 'money that arrived');
  if (event.kind === 'refunded') assert.ok(event.refund !== null, 'a refund');
  if (event.kind === 'disputed') assert.ok(event.dispute !== null, 'a dispute');
  if (/^(invoice|subscription)_/.test(event.kind)) assert.ok(event.subscription !== null, 'a subscription');
  for (const part of [event.refund, event.dispute, event.subscription]) if (part) checkText(part.id, 'id');
}

function checkText(value: string | null, name: string): void {
  if (value === null) return;
  assert.ok(typeof value === 'string' && value.length > 0 && value.length <= 255, `${name} is null or a text`);
  assert.ok(value.isWellFormed(), `${name} is well-formed`);
}

function checkMoney(money: MinorMoney | null, name: string): void {
  if (money === null) return;
  assert.ok(Number.isSafeInteger(money.amountMinor) && money.amountMinor >= 0, `${name} is a whole amount`);
  assert.match(money.currency, /^[A-Z]{3}$/);
}

/** Asserts that a value can be stored: finite numbers, well-formed texts without NUL. */
export function checkJson(value: Json | undefined): void {
  if (typeof value === 'number') assert.ok(Number.isFinite(value), 'finite numbers');
  if (typeof value === 'string') assert.ok(value.isWellFormed() && !value.includes('\0'), 'texts that can be stored');
  if (typeof value !== 'object' || value === null) return;
  for (const [key, field] of Object.entries(value)) {
    checkJson(key);
    checkJson(field as Json);
  }
}
