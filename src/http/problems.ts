/** The errors of the API: the status of each code, and what of an error goes on the wire. */
import { type AnyCreditError, type CreditErrorCode, type CreditErrorDetails, isCreditError } from '../errors.js';
import type { Json, JsonObject } from '../models/values.js';
import { wireName, wirePath } from './wire.js';

type Told = Readonly<Record<string, unknown>>;

interface Problem<C extends CreditErrorCode> {
  readonly status: number;
  /** The sentence on the wire. The error's own message has numbers and names of the account. */
  readonly detail: string;
  /** Those of its details that go on the wire. */
  readonly tell?: (details: CreditErrorDetails[C], error: object, args: readonly string[]) => Told;
  /** Seconds after which a retry may succeed. */
  readonly retryAfter?: number;
}

const idOf = ({ id }: { id: string }): Told => ({ id });
const OUR_SIDE = 'Something is wrong on our side. Quote the request id when you report it.';
const LATER = 'The credits cannot be reached at the moment. Nothing was changed; try again.';

/** One line for each code. */
export const PROBLEMS: { readonly [C in CreditErrorCode]: Problem<C> } = {
  INVALID_ARGUMENT: {
    ...{ status: 400, detail: 'The request is not valid; details.path names the field.' },
    tell: ({ path, expected }, error, args) => ({ path: wirePath(error, path, args), expected }),
  },
  INVALID_AMOUNT: {
    ...{ status: 400, detail: 'The amount is not valid: a decimal number with few enough decimals is expected.' },
    tell: ({ roundedUp }) => ({ roundedUp }),
  },
  AMOUNT_TOO_LARGE: { status: 400, detail: 'The amount is too large.', tell: ({ max }) => ({ max }) },
  LIMIT_EXCEEDED: {
    ...{ status: 422, detail: 'The account has reached a limit.' },
    tell: ({ what, limit }) => ({ what, limit }),
  },
  INSUFFICIENT_CREDITS: { status: 402, detail: 'There are not enough credits.', tell: (funds) => funds },
  OVERDRAFT_LIMIT: { status: 402, detail: 'The debt would pass the limit of the account.', tell: (funds) => funds },
  RESERVATION_NOT_FOUND: { status: 404, detail: 'There is no such reservation.', tell: idOf },
  RESERVATION_NOT_ACTIVE: {
    ...{ status: 409, detail: 'The reservation is not active.' },
    tell: ({ id, status, transactionId }) => ({ id, status, transactionId }),
  },
  COMMIT_EXCEEDS_RESERVATION: {
    ...{ status: 422, detail: 'The amount is more than the reservation has left.' },
    tell: ({ id, requested, remaining }) => ({ id, requested, remaining }),
  },
  TRANSACTION_NOT_FOUND: { status: 404, detail: 'There is no such transaction.', tell: idOf },
  ALREADY_REVERSED: {
    ...{ status: 409, detail: 'The transaction has less left to reverse.' },
    tell: ({ id, reversible }) => ({ id, reversible }),
  },
  IDEMPOTENCY_CONFLICT: {
    ...{ status: 422, detail: 'The idempotency key was used before, with another request.' },
    tell: ({ key }) => ({ key }),
  },
  PLAN_NOT_FOUND: { status: 404, detail: 'There is no such plan.', tell: idOf },
  PLAN_INACTIVE: { status: 409, detail: 'The plan is not offered.', tell: idOf },
  PLAN_IN_USE: { status: 409, detail: 'The plan has subscribers: deactivate it instead.', tell: idOf },
  SUBSCRIPTION_NOT_FOUND: { status: 404, detail: 'The user has no such subscription.' },
  CYCLE_ACTIVE: { status: 409, detail: 'A recurring cycle runs already.' },
  PROMO_NOT_FOUND: {
    ...{ status: 404, detail: 'There is no such promo code.' },
    tell: ({ promoCode }) => ({ promoCode }),
  },
  PROMO_EXISTS: {
    ...{ status: 409, detail: 'The promo code exists already.' },
    tell: ({ promoCode }) => ({ promoCode }),
  },
  PROMO_NOT_ELIGIBLE: { status: 409, detail: 'The promo code cannot be claimed.' },
  PAYMENT_NOT_FOUND: { status: 404, detail: 'There is no such payment.', tell: idOf },
  PAYMENT_MISMATCH: { status: 409, detail: 'The payment differs from what was asked for.' },
  PROVIDER_NOT_FOUND: { status: 404, detail: 'There is no such payment provider.' },
  PROVIDER_ERROR: { status: 502, detail: 'The payment provider failed. Try again.', retryAfter: 5 },
  WEBHOOK_SIGNATURE_INVALID: { status: 401, detail: 'The signature is not valid.' },
  UNAUTHENTICATED: { status: 401, detail: 'Say who you are: the request has no valid credentials.' },
  FORBIDDEN: { status: 403, detail: 'You may not do this.' },
  NOT_FOUND: { status: 404, detail: 'There is nothing here.' },
  METHOD_NOT_ALLOWED: {
    ...{ status: 405, detail: 'This path does not take this method.' },
    tell: ({ instead }) => ({ instead }),
  },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, detail: 'The body must be JSON, with Content-Type: application/json.' },
  PAYLOAD_TOO_LARGE: {
    ...{ status: 413, detail: 'The request is too large.' },
    tell: ({ maxBytes }) => ({ maxBytes }),
  },
  RATE_LIMITED: {
    ...{ status: 429, detail: 'There were too many requests. Try again later.' },
    tell: ({ retryAfterSeconds }) => ({ retryAfterSeconds }),
  },
  CONTENTION: { status: 503, detail: 'The account is busy. Nothing was changed; try again.', retryAfter: 1 },
  OUTCOME_UNKNOWN: {
    ...{ status: 503, detail: 'No answer came. Repeat the request with details.idempotency_key: it counts once.' },
    tell: ({ idempotencyKey }) => ({ idempotencyKey, outcome: 'unknown' }),
    retryAfter: 1,
  },
  STORAGE_UNAVAILABLE: { status: 503, detail: LATER, retryAfter: 5 },
  TRANSACTIONS_UNSUPPORTED: { status: 500, detail: OUR_SIDE },
  LEDGER_FILE_UNAVAILABLE: { status: 503, detail: LATER, retryAfter: 5 },
  LEDGER_CORRUPT: { status: 500, detail: OUR_SIDE },
  LEASE_LOST: { status: 503, detail: 'Another process has taken over. Try again.', retryAfter: 5 },
  CONFIGURATION: { status: 500, detail: OUR_SIDE },
  TIMEOUT: { status: 504, detail: 'The time was over. Nothing was changed; try again.', retryAfter: 1 },
  ABORTED: { status: 408, detail: 'The request did not arrive in time. Nothing was changed.' },
  CLOSED: { status: 503, detail: 'The service is shutting down. Nothing was changed; try again.', retryAfter: 5 },
  INVARIANT_VIOLATION: { status: 500, detail: OUR_SIDE },
};

/** The details of these have numbers of an account; only its owner sees more than was asked for. */
const ABOUT_FUNDS: readonly CreditErrorCode[] = ['INSUFFICIENT_CREDITS', 'OVERDRAFT_LIMIT'];

/** The headers of every answer. */
export const HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

/** An error as it goes on the wire. */
export interface WireProblem {
  readonly status: number;
  readonly body: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The answer to an error; null for one that is not of this library. `own` tells whether the account is the caller's
 * own; `args` names the arguments of the route. Nothing of the error's message goes out.
 */
export function problemOf(
  error: unknown,
  requestId: string,
  own: boolean,
  args: readonly string[] = [],
): WireProblem | null {
  if (!isCreditError(error)) return null;
  const { status, retryAfter, detail } = PROBLEMS[error.code];
  const details = detailsOf(error, own, args);
  const seconds = error.code === 'RATE_LIMITED' ? error.details.retryAfterSeconds : retryAfter;
  return {
    status,
    body: { code: error.code, detail, request_id: requestId, ...(details && { details }) },
    headers: {
      ...(seconds !== undefined && { 'retry-after': String(seconds) }),
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    },
  };
}

function detailsOf(error: AnyCreditError, own: boolean, args: readonly string[]): JsonObject | null {
  const { tell } = PROBLEMS[error.code] as Problem<CreditErrorCode>;
  const isHidden = ABOUT_FUNDS.includes(error.code) && !own;
  const told = isHidden
    ? { requested: (error.details as { requested: number }).requested }
    : tell?.(error.details, error, args);
  const entries = Object.entries(told ?? {}).filter(([, value]) => value !== undefined);
  if (entries.length === 0) return null;
  return Object.fromEntries(entries.map(([name, value]) => [wireName(name), value as Json]));
}
