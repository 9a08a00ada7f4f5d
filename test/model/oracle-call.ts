/** A call as the oracle and the library both get it, and how a call ends. */
import type { Micro, Overage, Result, Source } from './oracle-state.js';

export type EntryRef = { user: string; seq: number };

type Keyed = {
  /** Unique in the sequence; a hold is known by the label of the call that made it. */
  label: string;
  key: string | null;
};

export type Call = Keyed &
  (
    | {
        op: 'add';
        user: string;
        amount: Micro;
        source?: Source;
        planId?: string;
        priority?: number;
        effectiveAt?: number;
        expiresAt?: number;
      }
    | { op: 'deduct'; user: string; amount: Micro; from?: From; occurredAt?: number }
    | { op: 'after'; user: string; amount: Micro; occurredAt?: number }
    | { op: 'adjust'; user: string; amount: Micro }
    | { op: 'reserve'; user: string; amount: Micro; ttlSeconds?: number }
    | {
        op: 'commit';
        hold: string;
        amount?: Micro;
        final?: boolean;
        overage?: Overage;
        ifExpired?: Overage;
        occurredAt?: number;
      }
    | { op: 'release'; hold: string }
    | { op: 'extend'; hold: string; ttlSeconds: number }
    | { op: 'reverse'; entry: EntryRef; amount?: Micro }
    /** Of the lot that the entry made. */
    | { op: 'void'; entry: EntryRef; amount?: Micro }
    /** New terms for the lot that the entry made. */
    | { op: 'amend'; entry: EntryRef; expiresAt?: number | null; priority?: number }
    | { op: 'transfer'; from: string; to: string; amount: Micro }
    | { op: 'expire'; user: string; asOf?: number }
    | { op: 'create'; user: string; trialCredits?: Micro; overdraftLimit?: Micro | 'unlimited' }
    | { op: 'update'; user: string; overdraftLimit: Micro | 'unlimited' | null }
    | { op: 'setPlan'; user: string; plan: string; autoRenew?: boolean; allocate?: boolean }
    | { op: 'upgrade'; user: string; plan: string; when?: When; autoRenew?: boolean; proration?: 'none' | 'time' }
    | { op: 'cancel'; user: string; when?: When }
    | { op: 'pause'; user: string; freezeCredits?: boolean }
    | { op: 'resume' | 'remove'; user: string }
    | { op: 'grace'; user: string; until: number }
    /** The key names the payment. */
    | { op: 'pay'; user: string; key: string; periodStart?: number }
    /** A subscription and a cycle are known by the label of the call that started them. */
    | { op: 'allocate'; subscription: string }
    | { op: 'startCycle'; user: string; amount: Micro; days?: number; recurring?: boolean }
    | { op: 'stopCycle'; cycle: string }
    | { op: 'claim'; user: string; code: string }
    /** The job of all users, and what it does to one cycle. */
    | { op: 'runAllocation'; asOf?: number }
    | { op: 'renewCycle'; cycle: string }
    /** Whether a plan is offered. */
    | { op: 'offer'; plan: string; isActive: boolean }
    /** Another limit of its own type. */
    | { op: 'revise'; plan: string; limit: Micro; applyTo?: 'new' | 'renewals' }
  );

/** The lots that may pay: of these sources, of this plan, or these alone. */
export type From = { sources?: Source[]; planId?: string; lots?: string[] };

type When = 'now' | 'period_end';

export type Op = Call['op'];
export type CallOf<O extends Op> = Extract<Call, { op: O }>;

export type Code =
  | 'INVALID_ARGUMENT'
  | 'INVALID_AMOUNT'
  | 'AMOUNT_TOO_LARGE'
  | 'LIMIT_EXCEEDED'
  | 'INSUFFICIENT_CREDITS'
  | 'OVERDRAFT_LIMIT'
  | 'RESERVATION_NOT_FOUND'
  | 'RESERVATION_NOT_ACTIVE'
  | 'COMMIT_EXCEEDS_RESERVATION'
  | 'TRANSACTION_NOT_FOUND'
  | 'ALREADY_REVERSED'
  | 'IDEMPOTENCY_CONFLICT'
  | 'NOT_FOUND'
  | 'PLAN_NOT_FOUND'
  | 'PLAN_INACTIVE'
  | 'SUBSCRIPTION_NOT_FOUND'
  | 'CYCLE_ACTIVE'
  | 'PROMO_NOT_ELIGIBLE';

/** Rule 26: these write an error entry and a fence. */
export const BUSINESS_REFUSALS: ReadonlySet<Code> = new Set<Code>([
  'INSUFFICIENT_CREDITS',
  'OVERDRAFT_LIMIT',
  'COMMIT_EXCEEDS_RESERVATION',
  'RESERVATION_NOT_ACTIVE',
  'ALREADY_REVERSED',
  'LIMIT_EXCEEDED',
  'PROMO_NOT_ELIGIBLE',
]);

export type Details = Readonly<Record<string, Micro | string>>;

export type Outcome =
  | { status: 'ok'; result: Result; replayed: boolean /** Something was written. */; applied: boolean }
  | { status: 'refused'; code: Code; details: Details };

/** Thrown and caught within the oracle: no error, because a stack for each of thousands is what takes most time. */
export class Refusal {
  readonly code: Code;
  readonly details: Details;

  constructor(code: Code, details: Details = {}) {
    this.code = code;
    this.details = details;
  }
}

/** There was nothing to write; `isRepeated` where it was so already, and the answer says so. */
export class Nothing {
  readonly result: Result;
  readonly isRepeated: boolean;

  constructor(result: Result, isRepeated = false) {
    this.result = result;
    this.isRepeated = isRepeated;
  }
}

/** The rules do not say what happens here: the runner leaves the command out. */
export class Unspecified extends Error {}

/** Rule 21: every field the caller gives, but the key. */
export function inputOf(call: Call): string {
  const { label: _label, key: _key, ...fields } = call;
  return JSON.stringify(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
    (_name, value: unknown) => (typeof value === 'bigint' ? `${value}µ` : value),
  );
}
