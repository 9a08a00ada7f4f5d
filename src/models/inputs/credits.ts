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
  signal: abortSignalSchema.optional(),
  /** Milliseconds until the call must have answered; 10,000 unless the service sets another default. */
  timeoutMs: timeoutSchema.optional(),
  correlationId: identifierSchema.optional(),
};
export const mutationShape = {
  ...callShape,
  /** 1–255 characters, scoped to account and operation, remembered for ever. */
  idempotencyKey: identifierSchema.optional(),
  description: textSchema.optional(),
  metadata: metadataSchema.optional(),
  actor: identifierSchema.optional(),
  reason: textSchema.optional(),
};
export const readShape = {
  ...callShape,
  /** Linearizable: sees every commit acknowledged before the call. */
  fresh: z.boolean().optional(),
};
export const listShape = {
  /** 1–100, default 20. */
  limit: z.number().int().min(1).max(100, { error: 'a whole number from 1 to 100' }).optional(),
  cursor: z.string().max(4096).optional(),
  order: z.enum(['newest', 'oldest']).optional(),
};

export const mutationSchema = strictObject(mutationShape);
export const addSchema = strictObject({
  ...mutationShape,
  source: grantSourceSchema.optional(),
  expiresAt: instantSchema.optional(),
  effectiveAt: instantSchema.optional(),
  /** 0–100, default 50; lower is spent first. */
  priority: z.number().int().min(0).max(100).optional(),
  planId: identifierSchema.optional(),
  reference: identifierSchema.optional(),
});
export const adjustSchema = strictObject({ ...mutationShape, actor: identifierSchema, reason: textSchema.min(1) });
export const reserveSchema = strictObject({
  ...mutationShape,
  /** Seconds, 1–604,800; 900 unless the service sets another default. */
  ttlSeconds: ttl.optional(),
  planId: identifierSchema.optional(),
});
/**
 * The options are checked as a whole before anything is held: an invalid one would keep the hold from being settled
 * after the work.
 */
export const meterSchema = strictObject({
  userId: identifierSchema,
  /** Credits put on hold before the work begins. */
  estimate: amount.optional(),
  /**
   * Key of the hold; the settlement uses it too. A repeated call runs the work again: with the same cost it is charged
   * once, with another cost the settlement is `IDEMPOTENCY_CONFLICT`. So keep the result of the work under the key too.
   */
  idempotencyKey: identifierSchema.optional(),
  /**
   * Seconds, 1–604,800; 900 unless the service sets another default. Work that takes longer is charged all the same.
   */
  ttlSeconds: ttl.optional(),
  /** The treatment of cost above the estimate; default `'overdraft'`: the work was done, so it is charged. */
  overage: overageSchema.optional(),
  /** The charge when the work throws: the metered cost (default), nothing, or at least the estimate. */
  chargeOnError: z.enum(['metered', 'none', 'estimate']).optional(),
  actor: identifierSchema.optional(),
  description: textSchema.optional(),
  metadata: metadataSchema.optional(),
  correlationId: identifierSchema.optional(),
  signal: abortSignalSchema.optional(),
});
export const commitSchema = strictObject({
  ...mutationShape,
  /** Credits to commit; default everything left. With `final`, a smaller amount frees the rest and 0 frees all. */
  amount: amount.optional(),
  /** Whether the hold ends, default true. A call with `false` that is repeated without a key captures again. */
  final: z.boolean().optional(),
  /** The treatment of credits above the hold: refuse them (default), deduct them, or deduct them into debt. */
  overage: overageSchema.optional(),
  /** The same for a hold whose time has passed; default refuse. */
  ifExpired: overageSchema.optional(),
});
export const extendSchema = strictObject({ ...mutationShape, ttlSeconds: ttl });
export const reverseSchema = strictObject({ ...mutationShape, amount: amount.optional() });
export const transferSchema = strictObject({ from: identifierSchema, to: identifierSchema, amount });
export const expireSchema = strictObject({ ...mutationShape, asOf: instantSchema.optional() });

type Threshold = number | `${number}` | `${number}%` | 'none' | null;
type Limit = Amount | 'unlimited' | null;
const limit = z.unknown() as z.ZodType<Limit, Limit>;
const PERCENTAGE = /^(\d{1,15})(\.(\d{1,100}))?%$/;
/** Text that ends in a percent sign must be a percentage; anything else is parsed as an amount later. */
const threshold = z.unknown().superRefine((value, context) => {
  const message = typeof value === 'string' && value.endsWith('%') ? percentageProblem(value) : null;
  if (message !== null) context.addIssue({ code: 'custom', message });
}) as z.ZodType<Threshold, Threshold>;

/** Null for a percentage of at most 100, with at most four decimals. */
function percentageProblem(text: string): string | null {
  const [, whole = '', , decimals = ''] = PERCENTAGE.exec(text) ?? [];
  if (whole === '') return "a percentage such as '20%', an amount, 'none' or null";
  if (decimals.length > 4) return `a percentage with at most four decimals, and ${text} has ${decimals.length}`;
  const isAbove = Number(whole) > 100 || (Number(whole) === 100 && /[1-9]/.test(decimals));
  return isAbove ? `a percentage of at most 100%, and ${text} is above` : null;
}
/** Options of accounts, for one account or as the service's defaults. */
export const accountDefaultsShape = {
  /** Credits granted with the account's first write, once for ever; default 0. */
  trialCredits: amount.optional(),
  /** Credits that debt may reach; default `'unlimited'`. */
  overdraftLimit: limit.optional(),
  /**
   * Credits, or a percentage such as `'20%'`: of the plan's credit limit, else of the trial grant, else of the last
   * purchase (an addition of the source `purchase` or `other`, or a cycle). A change of it tells nobody anything. Less
   * than one credit is written as text, `'0.5'`. Without a threshold nobody is warned.
   */
  lowCreditThreshold: threshold.optional(),
};
export const accountDefaultsSchema = strictObject(accountDefaultsShape);
export const accountSchema = strictObject({ ...mutationShape, ...accountDefaultsShape });
export const updateAccountSchema = strictObject({
  ...mutationShape,
  overdraftLimit: limit.optional(),
  lowCreditThreshold: threshold.optional(),
});

export const readSchema = strictObject(readShape);
export const listSchema = strictObject({ ...readShape, ...listShape });
export const grantsSchema = strictObject({ ...readShape, ...listShape, includeClosed: z.boolean().optional() });
export const accountsSchema = strictObject({ ...readShape, ...listShape, maxAvailable: amount.optional() });
export const historySchema = strictObject({
  ...readShape,
  ...listShape,
  /** An instant, inclusive; a day such as `2030-01-31` is its midnight in UTC. */
  from: boundSchema.optional(),
  /** An instant, inclusive; a day is its midnight in UTC, so that the day itself is left out. */
  to: boundSchema.optional(),
  types: (
    z.array(transactionTypeSchema).max(32) as z.ZodType<TransactionType[], readonly TransactionType[]>
  ).optional(),
  actor: identifierSchema.optional(),
  includeHolds: z.boolean().optional(),
});
export const usageSchema = strictObject({
  ...readShape,
  /** An instant, inclusive; a day such as `2030-01-31` is its midnight in UTC. */
  from: boundSchema,
  /** An instant, exclusive, so that times side by side add up; a day is its midnight in UTC. Default: until now. */
  to: boundSchema.optional(),
  by: z.enum(['day', 'month', 'type', 'model']),
  /** The IANA time zone of days and months, default UTC. */
  timeZone: identifierSchema.optional(),
});
export const userIdsSchema = z.array(identifierSchema).max(100, { error: 'at most 100 user ids' });
export const daysSchema = z.number().min(0).max(36_500, { error: 'days from 0 to 36,500' });

// ---- the same as types; `session` belongs to the host's own database ---------------------------------------------

type Own<Schema extends z.ZodType, Base> = Omit<z.input<Schema>, keyof Base>;

export interface CallOptions<S = never> extends Omit<z.input<z.ZodObject<typeof callShape>>, 'session'> {
  /** A transaction of the host's own on the same database; the call joins it. */
  session?: S | undefined;
}
export interface ReadOptions<S = never> extends CallOptions<S>, Own<typeof readSchema, CallOptions> {}
export interface MutationOptions<S = never> extends CallOptions<S>, Own<typeof mutationSchema, CallOptions> {}
export interface ListOptions extends z.input<z.ZodObject<typeof listShape>> {}
export interface AddOptions<S = never> extends MutationOptions<S>, Own<typeof addSchema, MutationOptions> {}
export interface ReserveOptions<S = never> extends MutationOptions<S>, Own<typeof reserveSchema, MutationOptions> {}
export interface CommitOptions<S = never> extends MutationOptions<S>, Own<typeof commitSchema, MutationOptions> {}
export interface HistoryOptions<S = never>
  extends ReadOptions<S>,
    ListOptions,
    Own<typeof historySchema, ReadOptions & ListOptions> {}
export interface UsageOptions<S = never> extends ReadOptions<S>, Own<typeof usageSchema, ReadOptions> {}
export type UsageBy = UsageOptions['by'];
export interface AccountDefaults extends z.input<typeof accountDefaultsSchema> {}
export interface MeterOptions extends Omit<z.input<typeof meterSchema>, 'estimate'> {
  /** Credits put on hold before the work begins. */
  estimate: Amount;
}
