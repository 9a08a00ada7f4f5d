/** The one error class of the library, its codes, and how callers recognise them. */

/** The details of an error for want of credits. */
export type FundsDetails = {
  /** The user of the account. */
  userId: string;
  /** The credit type of the account. */
  creditType: string;
  /** Credits that the call asked for. */
  requested: number;
  /** Credits of the account, held ones included. */
  balance: number;
  /** Credits on hold. */
  reserved: number;
  /** Credits that can be spent. */
  available: number;
};
/** The details of an error that has none. */
export type NoDetails = Record<string, never>;

/**
 * The details of an error, by code. All amounts are credits. None of them is named `code`: what is stored of a refusal
 * has the error's own code under that name.
 */
export interface CreditErrorDetails {
  INVALID_ARGUMENT: { path: string; expected: string };
  INVALID_AMOUNT: { given: string; roundedUp?: number };
  AMOUNT_TOO_LARGE: { max: number };
  LIMIT_EXCEEDED: { what: string; limit: number };
  INSUFFICIENT_CREDITS: FundsDetails;
  OVERDRAFT_LIMIT: FundsDetails & { limit: number };
  RESERVATION_NOT_FOUND: { id: string };
  RESERVATION_NOT_ACTIVE: {
    id: string;
    status: 'active' | 'committed' | 'released' | 'expired';
    transactionId?: string | null;
  };
  COMMIT_EXCEEDS_RESERVATION: { id: string; requested: number; remaining: number };
  TRANSACTION_NOT_FOUND: { id: string };
  ALREADY_REVERSED: { id: string; reversible: number };
  IDEMPOTENCY_CONFLICT: { key: string; operation: string };
  PLAN_NOT_FOUND: { id: string };
  PLAN_INACTIVE: { id: string };
  PLAN_IN_USE: { id: string };
  SUBSCRIPTION_NOT_FOUND: { userId: string };
  CYCLE_ACTIVE: { userId: string };
  PROMO_NOT_FOUND: { promoCode: string };
  PROMO_EXISTS: { promoCode: string };
  PROMO_NOT_ELIGIBLE: { promoCode: string; reason: string };
  PAYMENT_NOT_FOUND: { id: string };
  PAYMENT_MISMATCH: { field: string };
  PROVIDER_NOT_FOUND: { provider: string; available: string[] };
  PROVIDER_ERROR: { provider: string };
  WEBHOOK_SIGNATURE_INVALID: { provider: string };
  UNAUTHENTICATED: NoDetails;
  FORBIDDEN: NoDetails;
  NOT_FOUND: NoDetails;
  METHOD_NOT_ALLOWED: { instead?: string };
  UNSUPPORTED_MEDIA_TYPE: NoDetails;
  PAYLOAD_TOO_LARGE: { maxBytes: number };
  RATE_LIMITED: { retryAfterSeconds: number };
  CONTENTION: { attempts: number };
  OUTCOME_UNKNOWN: { idempotencyKey: string };
  STORAGE_UNAVAILABLE: NoDetails;
  TRANSACTIONS_UNSUPPORTED: { remedy: string };
  LEDGER_FILE_UNAVAILABLE: { path: string };
  LEDGER_CORRUPT: { id: string };
  LEASE_LOST: { job: string };
  /** `creditScale`: the scale of the database, where another one was given. */
  CONFIGURATION: { problems: string[]; creditScale?: number };
  TIMEOUT: { timeoutMs: number };
  ABORTED: NoDetails;
  CLOSED: NoDetails;
  INVARIANT_VIOLATION: NoDetails;
}

export type CreditErrorCode = keyof CreditErrorDetails;

/** The effect of *this* call; an earlier call with the same key does not count. */
export type Outcome = 'not_applied' | 'applied' | 'unknown';

const RETRYABLE: ReadonlySet<CreditErrorCode> = new Set<CreditErrorCode>([
  'CONTENTION',
  'OUTCOME_UNKNOWN',
  'STORAGE_UNAVAILABLE',
  'LEDGER_FILE_UNAVAILABLE',
  'LEASE_LOST',
  'PROVIDER_ERROR',
  'RATE_LIMITED',
  'TIMEOUT',
]);

// Two copies of the package (ESM and CJS, or two versions) share this symbol, so they recognise each other's errors.
const BRAND = Symbol.for('credit-management.CreditError');

/** Parts of an error beside its details. */
export interface CreditErrorOptions {
  /** The failure behind it. */
  cause?: unknown;
  /** Given by who knows better than the code: a provider that refused a request for good, for one. */
  retryable?: boolean;
}

type Construct = <C extends CreditErrorCode>(
  code: C,
  message: string,
  details: CreditErrorDetails[C],
  options?: CreditErrorOptions,
) => CreditError<C>;

let construct: Construct;

/**
 * Every error that leaves the library. Test `code` with {@link isCreditError}, never the message and never
 * `instanceof`.
 *
 * `retryable`: the same call may succeed later; with an idempotency key the retry is always safe.
 * `outcome`: `not_applied` (nothing was written), or `unknown` (the commit was sent and no answer came: retry with
 * `details.idempotencyKey`).
 */
export class CreditError<C extends CreditErrorCode = CreditErrorCode> extends Error {
  /** Names the problem; the table in README.md says when each is thrown. */
  readonly code: C;
  /** The numbers and names of the problem, by its code. */
  readonly details: CreditErrorDetails[C];
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Whether this call wrote anything. */
  readonly outcome: Outcome;

  private constructor(code: C, message: string, details: CreditErrorDetails[C], options?: CreditErrorOptions) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CreditError';
    this.code = code;
    this.details = details;
    this.retryable = options?.retryable ?? RETRYABLE.has(code);
    this.outcome = code === 'OUTCOME_UNKNOWN' ? 'unknown' : 'not_applied';
    Object.defineProperty(this, BRAND, { value: true });
  }

  static {
    construct = (code, message, details, options) => new CreditError(code, message, details, options);
  }
}

/**
 * Makes an error of the library; for adapters, providers and sinks written by others.
 *
 * @param message what happened, the numbers, what to do. Never a secret, SQL, a URI or a driver's text.
 * @param details typed by the code; amounts in credits.
 * @example throw creditError('STORAGE_UNAVAILABLE', 'The database did not answer. Try again.', {}, { cause });
 */
export function creditError<C extends CreditErrorCode>(
  code: C,
  message: string,
  details: CreditErrorDetails[C],
  options?: CreditErrorOptions,
): CreditError<C> {
  return construct(code, message, details, options);
}

/** An error of this library, told apart by its `code`. */
export type AnyCreditError = { [C in CreditErrorCode]: CreditError<C> }[CreditErrorCode];

/**
 * The same error with the stack of whoever awaits it. One that a batch made knows only the batch, and several callers
 * may get it; so each gets one of its own, without the frames from `above` on. Any other error stays as it is.
 */
export function ledHome(error: unknown, above: (...given: never[]) => unknown = ledHome): unknown {
  if (!isCreditError(error)) return error;
  const { code, message, details, cause, retryable } = error as CreditError;
  const own = construct(code, message, details, { cause, retryable });
  Error.captureStackTrace?.(own, above);
  return own;
}

/**
 * The code by which the system, a driver or a server names a failure (`ECONNREFUSED`, `57P01`, `Unauthorized`); null
 * where there is none. A code may be told; a text may not, because it may hold an address, a statement or a secret.
 */
export function driverCodeOf(error: unknown): string | null {
  for (let at = error, depth = 0; depth < 4 && typeof at === 'object' && at !== null; depth++) {
    const { code, codeName, cause } = at as { code?: unknown; codeName?: unknown; cause?: unknown };
    if (!isCreditError(at) && typeof code === 'string' && /^([A-Z][A-Z0-9_]{2,60}|[0-9A-Z]{5})$/.test(code))
      return code;
    if (typeof codeName === 'string' && /^[A-Za-z]{3,60}$/.test(codeName)) return codeName;
    at = cause;
  }
  return null;
}

/** The sentence about a database that failed: what it did, and the code of the failure, where there is one. */
export function databaseFailed(what: string, cause: unknown): string {
  const code = driverCodeOf(cause);
  return `${what}${code === null ? '' : ` (${code})`}. Nothing was written; try again.`;
}

/**
 * Tells whether `e` is an error of this library, and, with codes given, one of these. Works across copies of the
 * package.
 *
 * @example
 * try { await credits.deductCredits('user-1', 5); } catch (e) {
 *   if (!isCreditError(e, 'INSUFFICIENT_CREDITS')) throw e;
 *   console.log(`needs ${e.details.requested}, has ${e.details.available}`);
 * }
 */
export function isCreditError(e: unknown): e is AnyCreditError;
export function isCreditError<C extends CreditErrorCode>(
  e: unknown,
  ...codes: [C, ...C[]]
): e is { [K in C]: CreditError<K> }[C];
export function isCreditError(e: unknown, ...codes: CreditErrorCode[]): boolean {
  if (typeof e !== 'object' || e === null || (e as { [BRAND]?: unknown })[BRAND] !== true) return false;
  return codes.length === 0 || codes.includes((e as { code: CreditErrorCode }).code);
}
