/**
 * Schemas for the input of the credit operations. They are strict, so that a misspelt option is an error, not a loss.
 */
import { z } from 'zod';
import { grantSourceSchema, overageSchema, type TransactionType, transactionTypeSchema } from '../enums.js';
import { strictObject } from '../strict-object.js';
import type { Amount } from '../values.js';
import {
  amountSchema as amount,
  boundSchema,
  identifierSchema,
  instantSchema,
  metadataSchema,
  textSchema,
} from './values.js';

const DAY_SECONDS = 24 * 3600;

export const abortSignalSchema = z.custom<AbortSignal>(
  (value) => value instanceof AbortSignal && typeof value.aborted === 'boolean',
  { error: 'an AbortSignal' },
);
export const timeoutSchema = z.number().min(1).max(3_600_000, { error: 'milliseconds from 1 to 3,600,000' });
const ttl = z
  .number()
  .int()
  .min(1)
  .max(7 * DAY_SECONDS, { error: 'whole seconds from 1 to 604,800 (7 days)' });

const callShape = {
  session: z.unknown().optional(),
  /** Ends the waiting. A call that was not sent yet is refused as `ABORTED`. */
  signal: abortSignalSchema.optional(),
  /** Milliseconds until the call must have answered; 10,000 unless the service sets another default. */
  timeoutMs: timeoutSchema.optional(),
  /** Names the request that the call belongs to; it is stored with everything the call writes. */
  correlationId: identifierSchema.optional(),
};
export const mutationShape = {
  ...callShape,
  /** 1–255 characters, scoped to account and operation, remembered for ever. */
  idempotencyKey: identifierSchema.optional(),
  /** A text for people, at most 1,024 characters. */
  description: textSchema.optional(),
  /** A plain JSON object of your own, at most 16 KiB. */
  metadata: metadataSchema.optional(),
  /** The one who makes the call, such as an administrator. */
  actor: identifierSchema.optional(),
  /** The reason for the call. */
  reason: textSchema.optional(),
  /** Whether to write nothing, and only to answer as the call would be answered now. */
  dryRun: z.boolean().optional(),
};
export const readShape = {
  ...callShape,
  /** Linearizable: sees every commit acknowledged before the call. */
  fresh: z.boolean().optional(),
};
export const listShape = {
  /** 1–100, default 20. */
  limit: z.number().int().min(1).max(100, { error: 'a whole number from 1 to 100' }).optional(),
  /** `nextCursor` of the page before. */
  cursor: z.string().max(4096).optional(),
  /** Which come first; default `newest`. */
  order: z.enum(['newest', 'oldest']).optional(),
};

export const mutationSchema = strictObject(mutationShape);
export const addSchema = strictObject({
  ...mutationShape,
  /** Where the credits come from; default `other`. Free ones (`promo`, `trial`) are spent first. */
  source: grantSourceSchema.optional(),
  /** The instant at which what is left lapses; without it the credits never expire. */
  expiresAt: instantSchema.optional(),
  /** The instant from which the credits count; default now. */
  effectiveAt: instantSchema.optional(),
  /** 0–100, default 50; lower is spent first. */
  priority: z.number().int().min(0).max(100).optional(),
  /** A label: the plan that the credits belong to. */
  planId: identifierSchema.optional(),
  /** The payment that paid for the credits: they can be found by it, and so can the transaction. */
  paymentId: identifierSchema.optional(),
  /** A name of your own for what was bought, such as an order; events carry it. */
  reference: identifierSchema.optional(),
});
const lateShape = {
  /**
   * The instant of usage that is told late. Within `limits.lateUsageSeconds` of it, grants that could be spent then and
   * have lapsed since pay too, as if they had not. An instant in the future counts as now.
   */
  occurredAt: instantSchema.optional(),
};
/** The grants that a deduction may draw on: those that meet every condition that is named. */
export const drawnFromSchema = strictObject({
  /** These grants alone, 1–100 ids. */
  grantIds: z.array(identifierSchema).min(1).max(100, { error: '1 to 100 ids of grants' }).readonly().optional(),
  /** Grants of these sources. */
  sources: z.array(grantSourceSchema).min(1).max(7).readonly().optional(),
  /** Grants of this plan. */
  planId: identifierSchema.optional(),
}).refine((from) => Object.values(from).some((value) => value !== undefined), {
  error: 'at least one of grantIds, sources and planId',
});
export const deductSchema = strictObject({
  ...mutationShape,
  /** The grants that may pay, and no others; default all. */
  from: drawnFromSchema.optional(),
  ...lateShape,
});
export const deductAfterServiceSchema = strictObject({ ...mutationShape, ...lateShape });
export const updateGrantSchema = strictObject({
  /** The new instant at which what is left lapses, later than now; null: it never expires. */
  expiresAt: instantSchema.nullable().optional(),
  /** 0–100; lower is spent first. */
  priority: z.number().int().min(0).max(100).optional(),
}).refine(({ expiresAt, priority }) => expiresAt !== undefined || priority !== undefined, {
  error: 'expiresAt, priority, or both',
});
export const adjustSchema = strictObject({ ...mutationShape, actor: identifierSchema, reason: textSchema.min(1) });
export const voidSchema = strictObject({
  ...mutationShape,
  /** Credits to take back; default all that is free of the grant. */
  amount: amount.optional(),
  /** The one who takes them back, such as an administrator. */
  actor: identifierSchema,
  /** The reason, at most 1,024 characters. */
  reason: textSchema.min(1),
});
export const reserveSchema = strictObject({
  ...mutationShape,
  /** Seconds, 1–604,800; 900 unless the service sets another default. */
  ttlSeconds: ttl.optional(),
  /** A label: the plan that the hold belongs to. */
  planId: identifierSchema.optional(),
});
/**
 * The options are checked as a whole before anything is held: an invalid one would keep the hold from being settled
 * after the work.
 */
export const meterSchema = strictObject({
  /** The user who pays for the work. */
  userId: identifierSchema,
  /** Credits put on hold before the work begins; a number is rounded up to the scale. */
  estimate: amount.optional(),
  /**
   * Key of the hold; the settlement uses it too. A repeated call is refused with `RESERVATION_NOT_ACTIVE` before the
   * work runs, so keep the result of the work under the key too.
   */
  idempotencyKey: identifierSchema.optional(),
  /** Whether a repeated call runs the work again on the hold of the first one, where that is still active. */
  resume: z.boolean().optional(),
  /**
   * Seconds, 1–604,800; 900 unless the service sets another default. The hold is prolonged while the work goes on, so
   * this is how long credits stay on hold after a crash.
   */
  ttlSeconds: ttl.optional(),
  /**
   * The treatment of cost above the estimate. Default `'cap'`: the work was done, so what the account has and may owe
   * is charged, and the rest is recorded as a shortfall.
   */
  overage: overageSchema.optional(),
  /** The charge when the work throws: the metered cost (default), nothing, or at least the estimate. */
  chargeOnError: z.enum(['metered', 'none', 'estimate']).optional(),
  /** The one who makes the call. */
  actor: identifierSchema.optional(),
  /** The reason for the work, at most 1,024 characters. */
  reason: textSchema.optional(),
  /** A text for people, at most 1,024 characters. */
  description: textSchema.optional(),
  /** Milliseconds that the hold, and later the settlement, may each take. */
  timeoutMs: timeoutSchema.optional(),
  /** A plain JSON object of your own; the settlement adds the usage records to it, as `llm_usage`. */
  metadata: metadataSchema.optional(),
  /** Names the request that the work belongs to. */
  correlationId: identifierSchema.optional(),
  /** Ends the waiting; the meter hands it on to the work. */
  signal: abortSignalSchema.optional(),
});
export const commitSchema = strictObject({
  ...mutationShape,
  /** Credits to commit; default everything left. With `final`, a smaller amount frees the rest and 0 frees all. */
  amount: amount.optional(),
  /** Whether the hold ends, default true. A call with `false` that is repeated without a key captures again. */
  final: z.boolean().optional(),
  /**
   * The treatment of credits above the hold: refuse them (default), deduct them, deduct them into debt, or (`cap`)
   * deduct what there is and tell the rest as `shortfall`.
   */
  overage: overageSchema.optional(),
  /** The same for a hold whose time has passed; default refuse. */
  ifExpired: overageSchema.optional(),
  /** The same as of a deduction, for what is charged beyond the hold. */
  ...lateShape,
});
export const extendSchema = strictObject({ ...mutationShape, ttlSeconds: ttl });
export const reverseSchema = strictObject({ ...mutationShape, amount: amount.optional() });
export const transferSchema = strictObject({ from: identifierSchema, to: identifierSchema, amount });
export const expireSchema = strictObject({ ...mutationShape, asOf: instantSchema.optional() });

/** Credits at or below which an account is low, or a percentage; `'none'` for no threshold, null for the default. */
export type LowCreditThreshold = number | `${number}` | `${number}%` | 'none' | null;
/** Several thresholds, each in credits or as a percentage. */
export type LowCreditThresholds = readonly Exclude<LowCreditThreshold, 'none' | null>[];
/** Credits that debt may reach; `'unlimited'` for any number, null for the default. */
export type OverdraftLimit = Amount | 'unlimited' | null;
const limit = z.unknown() as z.ZodType<OverdraftLimit, OverdraftLimit>;
const PERCENTAGE = /^(\d{1,15})(\.(\d{1,100}))?%$/;
/** Text that ends in a percent sign must be a percentage; anything else is parsed as an amount later. */
const threshold = z.unknown().superRefine((value, context) => {
  const message = typeof value === 'string' && value.endsWith('%') ? percentageProblem(value) : null;
  if (message !== null) context.addIssue({ code: 'custom', message });
}) as z.ZodType<LowCreditThreshold, LowCreditThreshold>;

/** Null for a percentage of at most 100, with at most four decimals. */
function percentageProblem(text: string): string | null {
  const [, whole = '', , decimals = ''] = PERCENTAGE.exec(text) ?? [];
  if (whole === '') return "a percentage such as '20%', an amount, 'none' or null";
  if (decimals.length > 4) return `a percentage with at most four decimals, and ${text} has ${decimals.length}`;
  const isAbove = Number(whole) > 100 || (Number(whole) === 100 && /[1-9]/.test(decimals));
  return isAbove ? `a percentage of at most 100%, and ${text} is above` : null;
}
const thresholdShape = {
  /**
   * Credits, or a percentage such as `'20%'`: of the plan's credit limit, else of the trial grant, else of the last
   * purchase (an addition of the source `purchase` or `other`, or a cycle). A change of it tells nobody anything. Less
   * than one credit is written as text, `'0.5'`. Without a threshold nobody is warned.
   */
  lowCreditThreshold: threshold.optional(),
  /** The same for several thresholds, at most 10; each warns alone. Null for the default, an empty list for none. */
  lowCreditThresholds: (z.array(threshold).max(10) as unknown as z.ZodType<LowCreditThresholds, LowCreditThresholds>)
    .nullable()
    .optional(),
  /** Credits above a threshold from which on the balance counts as restored; default 0, null for the default. */
  lowCreditHysteresis: amount.nullable().optional(),
};

/** Options of accounts, for one account or as the service's defaults. */
export const accountDefaultsShape = {
  /** Credits granted with the account's first write, once for ever; default 0. */
  trialCredits: amount.optional(),
  /** Credits that debt may reach; default `'unlimited'`. */
  overdraftLimit: limit.optional(),
  ...thresholdShape,
};
export const accountDefaultsSchema = strictObject(accountDefaultsShape);
export const accountSchema = strictObject({ ...mutationShape, ...accountDefaultsShape });
export const updateAccountSchema = strictObject({
  ...mutationShape,
  overdraftLimit: limit.optional(),
  ...thresholdShape,
});

export const defineSchema = strictObject({
  signal: callShape.signal,
  /** Milliseconds until each definition must have been written. */
  timeoutMs: callShape.timeoutMs,
  correlationId: callShape.correlationId,
  actor: mutationShape.actor,
  reason: mutationShape.reason,
  dryRun: mutationShape.dryRun,
  /** Whether active ones that the list does not have are deactivated. Default false: they are told as missing. */
  deactivateMissing: z.boolean().optional(),
});
export const readSchema = strictObject(readShape);
export const listSchema = strictObject({ ...readShape, ...listShape });
const soughtShape = {
  /** Those of grants with this source alone. */
  source: grantSourceSchema.optional(),
  /** Those of grants with this reference alone. */
  reference: identifierSchema.optional(),
};
export const grantsSchema = strictObject({
  ...readShape,
  ...listShape,
  ...soughtShape,
  /** Grants that this payment paid for alone. */
  paymentId: identifierSchema.optional(),
  /** Grants of this plan alone. */
  planId: identifierSchema.optional(),
  /** Whether grants that are used up, lapsed or taken back are listed too, newest first; default false. */
  includeClosed: z.boolean().optional(),
});
export const holdsSchema = strictObject({
  ...readShape,
  ...listShape,
  /** Reservations with this label alone. */
  planId: identifierSchema.optional(),
});
export const accountsSchema = strictObject({ ...readShape, ...listShape, maxAvailable: amount.optional() });
export const historySchema = strictObject({
  ...readShape,
  ...listShape,
  /** An instant, inclusive; a day such as `2030-01-31` is its midnight in UTC. */
  from: boundSchema.optional(),
  /** An instant, inclusive; a day is its midnight in UTC, so that the day itself is left out. */
  to: boundSchema.optional(),
  /** Transactions of these types alone. */
  types: (
    z.array(transactionTypeSchema).max(32) as z.ZodType<TransactionType[], readonly TransactionType[]>
  ).optional(),
  /** Transactions of this actor alone. */
  actor: identifierSchema.optional(),
  ...soughtShape,
  /** Transactions of this request alone. */
  correlationId: identifierSchema.optional(),
  /** Whether entries that never move the balance are listed too; default false. */
  includeHolds: z.boolean().optional(),
});
export const usageSchema = strictObject({
  ...readShape,
  /** An instant, inclusive; a day such as `2030-01-31` is its midnight in UTC. */
  from: boundSchema,
  /** An instant, exclusive, so that times side by side add up; a day is its midnight in UTC. Default: until now. */
  to: boundSchema.optional(),
  /** One line for each day, month, type of transaction, or model of metered work. */
  by: z.enum(['day', 'month', 'type', 'model']),
  /** The IANA time zone of days and months, default UTC. */
  timeZone: identifierSchema.optional(),
});
export const userIdsSchema = z.array(identifierSchema).max(100, { error: 'at most 100 user ids' });
export const daysSchema = z.number().min(0).max(36_500, { error: 'days from 0 to 36,500' });

// ---- the same as types; `session` belongs to the host's own database ---------------------------------------------

export interface CallOptions<S = never> extends Omit<z.input<z.ZodObject<typeof callShape>>, 'session'> {
  /** A transaction of the host's own on the same database; the call joins it. */
  session?: S | undefined;
}
export interface ReadOptions<S = never> extends CallOptions<S>, Omit<z.input<typeof readSchema>, keyof CallOptions> {}
export interface MutationOptions<S = never>
  extends CallOptions<S>,
    Omit<z.input<typeof mutationSchema>, keyof CallOptions> {}
export interface ListOptions extends z.input<z.ZodObject<typeof listShape>> {}
export interface AddOptions<S = never>
  extends MutationOptions<S>,
    Omit<z.input<typeof addSchema>, keyof MutationOptions> {}
export interface DeductOptions<S = never>
  extends MutationOptions<S>,
    Omit<z.input<typeof deductSchema>, keyof MutationOptions> {}
export interface DeductAfterServiceOptions<S = never>
  extends MutationOptions<S>,
    Omit<z.input<typeof deductAfterServiceSchema>, keyof MutationOptions> {}
export interface DrawnFromInput extends z.input<typeof drawnFromSchema> {}
export interface GrantUpdate extends z.input<typeof updateGrantSchema> {}
export interface ReserveOptions<S = never>
  extends MutationOptions<S>,
    Omit<z.input<typeof reserveSchema>, keyof MutationOptions> {}
export interface VoidOptions<S = never>
  extends Omit<MutationOptions<S>, 'actor' | 'reason'>,
    Omit<z.input<typeof voidSchema>, Exclude<keyof MutationOptions, 'actor' | 'reason'>> {}
export interface CommitOptions<S = never>
  extends MutationOptions<S>,
    Omit<z.input<typeof commitSchema>, keyof MutationOptions> {}
export interface HistoryOptions<S = never>
  extends ReadOptions<S>,
    ListOptions,
    Omit<z.input<typeof historySchema>, keyof (ReadOptions & ListOptions)> {
  /** Transactions of this request alone. */
  correlationId?: string | undefined;
}
export interface GrantListOptions<S = never>
  extends ReadOptions<S>,
    ListOptions,
    Omit<z.input<typeof grantsSchema>, keyof (ReadOptions & ListOptions)> {}
export interface HoldListOptions<S = never>
  extends ReadOptions<S>,
    ListOptions,
    Omit<z.input<typeof holdsSchema>, keyof (ReadOptions & ListOptions)> {}
export interface UsageOptions<S = never> extends ReadOptions<S>, Omit<z.input<typeof usageSchema>, keyof ReadOptions> {}
/** The lines of a summary of usage. */
export type UsageBy = UsageOptions['by'];
export interface DefineOptions
  extends Pick<MutationOptions, 'signal' | 'timeoutMs' | 'correlationId' | 'actor' | 'reason' | 'dryRun'>,
    Pick<z.input<typeof defineSchema>, 'deactivateMissing'> {}
export interface AccountDefaults extends z.input<typeof accountDefaultsSchema> {}
export interface MeterOptions extends Omit<z.input<typeof meterSchema>, 'estimate'> {
  /** Credits put on hold before the work begins; a number is rounded up to the scale. */
  estimate: Amount;
}
