/** Schemas of what callers give to the credit operations: strict, so that a misspelt option is an error, not a loss. */
import { z } from 'zod';
import { grantSourceSchema, overageSchema, transactionTypeSchema } from '../enums.js';
import type { Amount, JsonObject } from '../values.js';
import { identifierSchema, instantSchema, metadataSchema, textSchema } from './values.js';

const DAY_SECONDS = 24 * 3600;

/** Amounts are parsed with the database's scale, after the schema. */
const amount = z.unknown();
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
  timeoutMs: timeoutSchema.optional(),
  correlationId: identifierSchema.optional(),
};
export const mutationShape = {
  ...callShape,
  idempotencyKey: identifierSchema.optional(),
  description: textSchema.optional(),
  metadata: metadataSchema.optional(),
  actor: identifierSchema.optional(),
  reason: textSchema.optional(),
};
export const readShape = { ...callShape, fresh: z.boolean().optional() };
export const listShape = {
  limit: z.number().int().min(1).max(100, { error: 'a whole number from 1 to 100' }).optional(),
  cursor: z.string().max(4096).optional(),
  order: z.enum(['newest', 'oldest']).optional(),
};

export const mutationSchema = z.strictObject(mutationShape);
export const addSchema = z.strictObject({
  ...mutationShape,
  source: grantSourceSchema.optional(),
  expiresAt: instantSchema.optional(),
  effectiveAt: instantSchema.optional(),
  priority: z.number().int().min(0).max(100).optional(),
  planId: identifierSchema.optional(),
  reference: identifierSchema.optional(),
});
export const adjustSchema = z.strictObject({ ...mutationShape, actor: identifierSchema, reason: textSchema.min(1) });
export const reserveSchema = z.strictObject({
  ...mutationShape,
  ttlSeconds: ttl.optional(),
  planId: identifierSchema.optional(),
});
/** Whole before anything is held: what is wrong here would keep the hold from being settled after the work. */
export const meterSchema = z.strictObject({
  userId: identifierSchema,
  estimate: amount.optional(),
  idempotencyKey: identifierSchema.optional(),
  ttlSeconds: ttl.optional(),
  overage: overageSchema.optional(),
  chargeOnError: z.enum(['metered', 'none', 'estimate']).optional(),
  actor: identifierSchema.optional(),
  description: textSchema.optional(),
  metadata: metadataSchema.optional(),
  correlationId: identifierSchema.optional(),
  signal: abortSignalSchema.optional(),
});
export const commitSchema = z.strictObject({
  ...mutationShape,
  amount: amount.optional(),
  final: z.boolean().optional(),
  overage: overageSchema.optional(),
  ifExpired: overageSchema.optional(),
});
export const extendSchema = z.strictObject({ ...mutationShape, ttlSeconds: ttl });
export const reverseSchema = z.strictObject({ ...mutationShape, amount: amount.optional() });
export const transferSchema = z.strictObject({ from: identifierSchema, to: identifierSchema, amount });
export const expireSchema = z.strictObject({ ...mutationShape, asOf: instantSchema.optional() });

const PERCENTAGE = /^\d{1,3}(\.\d{1,4})?%$/;
/** Text that ends in a percent sign must be a percentage; anything else is parsed as an amount later. */
const threshold = z
  .unknown()
  .refine((value) => typeof value !== 'string' || !value.endsWith('%') || PERCENTAGE.test(value), {
    error: "a percentage such as '20%', an amount, 'none' or null",
  });
/** Options of accounts, of one account or as the service's defaults. */
export const accountDefaultsShape = {
  trialCredits: amount.optional(),
  overdraftLimit: amount.optional(),
  lowCreditThreshold: threshold.optional(),
};
export const accountSchema = z.strictObject({ ...mutationShape, ...accountDefaultsShape });
export const updateAccountSchema = z.strictObject({
  ...mutationShape,
  overdraftLimit: amount.optional(),
  lowCreditThreshold: threshold.optional(),
});

export const readSchema = z.strictObject(readShape);
export const listSchema = z.strictObject({ ...readShape, ...listShape });
export const grantsSchema = z.strictObject({ ...readShape, ...listShape, includeClosed: z.boolean().optional() });
export const accountsSchema = z.strictObject({ ...readShape, ...listShape, maxAvailable: amount.optional() });
export const historySchema = z.strictObject({
  ...readShape,
  ...listShape,
  from: instantSchema.optional(),
  to: instantSchema.optional(),
  types: z.array(transactionTypeSchema).max(32).optional(),
  actor: identifierSchema.optional(),
  includeHolds: z.boolean().optional(),
});
export const userIdsSchema = z.array(identifierSchema).max(100, { error: 'at most 100 user ids' });
export const daysSchema = z.number().min(0).max(36_500, { error: 'days from 0 to 36,500' });

// ---- the same as types, written out so that hosts with exactOptionalPropertyTypes can pass undefined ---------------

export interface CallOptions<S = never> {
  /** A transaction of the host's own on the same database; the call joins it. */
  session?: S | undefined;
  signal?: AbortSignal | undefined;
  /** Milliseconds until the call must have answered; 10,000 unless the service says otherwise. */
  timeoutMs?: number | undefined;
  correlationId?: string | undefined;
}
export interface ReadOptions<S = never> extends CallOptions<S> {
  /** Linearizable: sees every commit acknowledged before the call. */
  fresh?: boolean | undefined;
}
export interface MutationOptions<S = never> extends CallOptions<S> {
  /** 1–255 characters, scoped to account and operation, remembered for ever. */
  idempotencyKey?: string | undefined;
  description?: string | undefined;
  metadata?: JsonObject | undefined;
  actor?: string | undefined;
  reason?: string | undefined;
}
export interface ListOptions {
  /** 1–100, default 20. */
  limit?: number | undefined;
  cursor?: string | undefined;
  order?: 'newest' | 'oldest' | undefined;
}
export interface AddOptions<S = never> extends MutationOptions<S> {
  source?: z.infer<typeof grantSourceSchema> | undefined;
  expiresAt?: Date | string | undefined;
  effectiveAt?: Date | string | undefined;
  /** 0–100, default 50; lower is spent first. */
  priority?: number | undefined;
  planId?: string | undefined;
  reference?: string | undefined;
}
export interface ReserveOptions<S = never> extends MutationOptions<S> {
  /** Seconds, 1–604,800; 900 unless the service says otherwise. */
  ttlSeconds?: number | undefined;
  planId?: string | undefined;
}
export interface CommitOptions<S = never> extends MutationOptions<S> {
  /** Credits; default everything left. With `final`, less frees the rest and 0 frees all. */
  amount?: Amount | undefined;
  /** Whether the hold ends, default true. `false` repeated without a key captures again. */
  final?: boolean | undefined;
  /** For what is above the hold: refuse (default), deduct it, or deduct it into debt. */
  overage?: z.infer<typeof overageSchema> | undefined;
  /** The same for a hold whose time has passed; default refuse. */
  ifExpired?: z.infer<typeof overageSchema> | undefined;
}
export interface HistoryOptions<S = never> extends ReadOptions<S>, ListOptions {
  from?: Date | string | undefined;
  to?: Date | string | undefined;
  types?: readonly z.infer<typeof transactionTypeSchema>[] | undefined;
  actor?: string | undefined;
  includeHolds?: boolean | undefined;
}
export interface AccountDefaults {
  /** Credits granted with the account's first write, once for ever; default 0. */
  trialCredits?: Amount | undefined;
  /** Credits that debt may reach; default `'unlimited'`. */
  overdraftLimit?: Amount | 'unlimited' | null | undefined;
  /** Credits, or a percentage of the plan's credit limit, else of the trial grant. Without one nobody is warned. */
  lowCreditThreshold?: number | `${number}%` | 'none' | null | undefined;
}
