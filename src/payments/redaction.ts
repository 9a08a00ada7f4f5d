/**
 * Keeps the fields of a body that a list names. A field that a provider adds tomorrow is left out until
 * somebody has looked at it, because a body may hold a card, an address, a phone number or a secret.
 */
import type { Json, JsonObject } from '../models/values.js';

const DEPTH_MAX = 12;
const TEXT_MAX = 1_000;

const KEPT: ReadonlySet<string> = new Set(
  [
    // Both providers: the event, what it is about, and how much.
    'id entity object event type created created_at updated_at payload data items contains count has_more',
    'livemode mode status amount amount_paid amount_due amount_refunded amount_total amount_subtotal',
    'amount_received amount_remaining amount_capturable amount_captured amount_deducted currency method',
    'description reason failure_reason refund refunds payment order invoice dispute charge subscription metadata',
    'notes error code attempts quantity path idempotency_key request body',
    // Razorpay.
    'account_id payment_link payments payment_links payment_id order_id invoice_id plink_id refund_status',
    'captured accept_partial reference_id short_url receipt cancelled_at expired_at expire_by base_amount',
    'base_currency fee tax error_code error_reason error_source error_step speed_processed speed_requested speed',
    'batch_id reason_code respond_by phase international callback_url callback_method notify reminder_enable sms',
    // Stripe.
    'api_version pending_webhooks idempotency previous_attributes client_reference_id payment_status',
    'payment_intent customer success_url cancel_url url line_items price_data unit_amount product_data recurring',
    'price pricing price_details product restrictions completed_sessions limit payment_intent_data',
    'subscription_data after_completion redirect expires_at canceled_at cancellation_reason cancel_at',
    'cancel_at_period_end ended_at current_period_start current_period_end period start end period_start',
    'period_end billing_reason parent proration subscription_details subscription_item_details lines plan',
    'interval interval_count collection_method attempt_count next_payment_attempt latest_invoice latest_charge',
    'decline_code failure_code is_charge_refundable last_payment_error paid refunded disputed total subtotal',
    'start_date trial_end trial_start active confirm off_session payment_method_types status_transitions',
    'finalized_at paid_at voided_at marked_uncollectible_at application_fee',
  ].flatMap((line) => line.split(' ')),
);

/** Fields whose keys a host chose. All are kept but those that sound like what must not be. */
const OF_THE_HOST: ReadonlySet<string> = new Set(['notes', 'metadata']);
const SOUNDS_SECRET = /card|cvc|cvv|pan\b|secret|signature|token|passw|mail|phone|contact|address|iban|account/i;
const MAIL = /[^\s@<>"]{1,64}@[^\s@<>"]{1,190}\.[^\s@<>"]{2,20}/;
/** With its country. */
const PHONE = /\+\d[\d ()-]{6,18}\d/;
/** As long as the number of a card, with or without blanks. */
const LONG_NUMBER = /\b(?:\d[ -]?){12,18}\d\b/;
const PROVIDER_KEY = /\b(?:[sr]k|whsec|rzp)_\w+/;
const LOOKS_SECRET = new RegExp([MAIL, PHONE, LONG_NUMBER, PROVIDER_KEY].map(({ source }) => source).join('|'), 'g');
const REMOVED = '[removed]';

/** A copy that can be stored: only known fields, finite numbers, well-formed texts, a bounded depth. */
export function redacted(body: JsonObject, kept: ReadonlySet<string> = KEPT): JsonObject {
  return objectOf(body, kept, (key) => kept.has(key), 1);
}

type Keys = ReadonlySet<string>;

function objectOf(value: JsonObject, kept: Keys, isKept: (key: string) => boolean, depth: number): JsonObject {
  const fields: [string, Json][] = [];
  for (const [key, field] of Object.entries(value)) {
    if (isKept(key)) fields.push([clean(key), copyOf(field, kept, OF_THE_HOST.has(key), depth + 1)]);
  }
  return Object.fromEntries(fields);
}

function copyOf(value: Json, kept: Keys, isOfTheHost: boolean, depth: number): Json {
  if (typeof value === 'string') return clean(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEPTH_MAX) return REMOVED;
  if (Array.isArray(value)) return value.map((each: Json) => copyOf(each, kept, isOfTheHost, depth + 1));
  const isKept = isOfTheHost
    ? (key: string) => key !== '__proto__' && !SOUNDS_SECRET.test(key)
    : (key: string) => kept.has(key);
  return objectOf(value as JsonObject, kept, isKept, depth);
}

function clean(text: string): string {
  const storable = text.slice(0, TEXT_MAX).replaceAll('\0', '').toWellFormed();
  return storable.replaceAll(LOOKS_SECRET, REMOVED);
}
