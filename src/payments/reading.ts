/**
 * Reading what a provider sent. A signature says who sent it, not that it has the expected shape: every value is
 * looked at before it is used, and only an object's own fields are read.
 */
import { creditError } from '../errors.js';
import { isIdentifier } from '../models/inputs/values.js';
import type { Json, JsonObject } from '../models/values.js';
import type { MinorMoney, ProviderEvent } from '../ports/payment-provider.js';

/** Follows own fields; undefined where one is missing. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined;
    here = (here as Record<string, unknown>)[key];
  }
  return here;
}

/** The object at the path; null where there is none. An array is none. */
export function objectAt(value: unknown, ...path: readonly string[]): JsonObject | null {
  const found = at(value, ...path);
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as JsonObject) : null;
}

/** The entries of the list at the path; none where there is no list. */
export function listAt(value: unknown, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The objects of the list at the path. */
export function objectsAt(value: unknown, ...path: readonly string[]): readonly JsonObject[] {
  return listAt(value, ...path)
    .map((entry) => objectAt(entry))
    .filter((entry) => entry !== null);
}

/** The text at the path, if it can be an id or a name: 1 to 255 characters, none of them a control character. */
export function textAt(value: unknown, ...path: readonly string[]): string | null {
  const found = at(value, ...path);
  return isIdentifier(found) ? found : null;
}

/** The address of a page at the path. */
export function urlAt(value: unknown, ...path: readonly string[]): string | null {
  const found = at(value, ...path);
  const isUrl = typeof found === 'string' && found.length <= 4_096 && /^https?:\/\//.test(found);
  return isUrl && URL.canParse(found) ? found : null;
}

/** The instant at the path, in seconds since 1970 and of the years to 9999. */
export function instantAt(value: unknown, ...path: readonly string[]): Date | null {
  const found = at(value, ...path);
  const isInstant = Number.isSafeInteger(found) && (found as number) > 0 && (found as number) < 253_402_300_800;
  return isInstant ? new Date((found as number) * 1000) : null;
}

/** Money as the library counts it; null of an amount or a currency that cannot be one. */
export function moneyOf(amount: unknown, currency: unknown): MinorMoney | null {
  if (!Number.isSafeInteger(amount) || (amount as number) < 0) return null;
  if (typeof currency !== 'string' || !/^[A-Za-z]{3}$/.test(currency)) return null;
  // `+ 0` turns the negative zero, which JSON has, into zero.
  return { amountMinor: (amount as number) + 0, currency: currency.toUpperCase() };
}

const EMPTY = {
  eventId: null,
  reference: null,
  providerLinkId: null,
  providerPaymentId: null,
  providerOrderId: null,
  userId: null,
  asked: null,
  paid: null,
  arrived: null,
  refund: null,
  dispute: null,
  subscription: null,
  method: null,
  reason: null,
};

/** An event with null in every field that is not given. */
export function eventOf(
  event: Pick<ProviderEvent, 'type' | 'kind' | 'occurredAt'> & Partial<ProviderEvent>,
): ProviderEvent {
  return { ...EMPTY, ...event };
}

/**
 * The JSON object of a body whose signature was found right.
 *
 * @throws INVALID_ARGUMENT for anything else: no UTF-8, no JSON, no object.
 */
export function signedObject(rawBody: Uint8Array, provider: string): JsonObject {
  try {
    // A byte order mark is kept, which JSON.parse then refuses.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(rawBody);
    const value = objectAt(JSON.parse(text));
    if (value !== null) return value;
  } catch {
    // Said below.
  }
  throw notAnEvent(provider, 'a JSON object in UTF-8');
}

export function notAnEvent(provider: string, expected: string) {
  const message = `The body is signed, and no event of ${provider}: expected ${expected}.`;
  return creditError('INVALID_ARGUMENT', message, { path: 'rawBody', expected });
}

/** @throws INVALID_ARGUMENT for a parsed body: a signature is over bytes. */
export function requireBytes(rawBody: unknown): void {
  if (rawBody instanceof Uint8Array) return;
  const expected = 'the bytes of the body, as they came';
  throw creditError('INVALID_ARGUMENT', `rawBody must be ${expected}.`, { path: 'rawBody', expected });
}
