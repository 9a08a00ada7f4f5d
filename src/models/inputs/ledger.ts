/** Schemas for the input of the ledger. */
import { z } from 'zod';
import { type EntryType, entryTypeSchema } from '../entry.js';
import { strictObject } from '../strict-object.js';
import { abortSignalSchema, type ListOptions, listShape, timeoutSchema } from './credits.js';
import { boundSchema, identifierSchema } from './values.js';

export const verifySchema = strictObject({
  /** Limits the audit to this user's accounts, of every credit type, and to this user's lines. */
  userId: identifierSchema.optional(),
  /** Ends the audit between two pages. */
  signal: abortSignalSchema.optional(),
  /** Called after every page with the number of entries checked so far. */
  onProgress: z
    .custom<(done: number) => void>((value) => typeof value === 'function', { error: 'a function' })
    .optional(),
});
export interface VerifyOptions extends z.input<typeof verifySchema> {}

export const reconcileSchema = strictObject({ signal: abortSignalSchema.optional() });
export const rebuildSchema = strictObject({
  signal: abortSignalSchema.optional(),
  /** Called after every page with the number of lines written so far. */
  onProgress: verifySchema.shape.onProgress,
});

export const ledgerQuerySchema = strictObject({
  ...listShape,
  /** Entries of this user alone. */
  userId: identifierSchema.optional(),
  /** With `userId`; default `credits`. */
  creditType: identifierSchema.optional(),
  /** Entries of one request alone. */
  correlationId: identifierSchema.optional(),
  /** Entries of one call alone. */
  operationId: identifierSchema.optional(),
  /** An instant, inclusive; a day such as `2030-01-31` is its midnight in UTC. Not with `operationId`. */
  from: boundSchema.optional(),
  /** The same; a day is left out but for its midnight. Not with `operationId`. */
  to: boundSchema.optional(),
  /** Entries of these types alone. */
  types: (z.array(entryTypeSchema).max(32) as z.ZodType<EntryType[], readonly EntryType[]>).optional(),
  /** Ends the waiting. */
  signal: abortSignalSchema.optional(),
  /** Milliseconds until the call must have answered. */
  timeoutMs: timeoutSchema.optional(),
})
  .refine(({ creditType, userId }) => creditType === undefined || userId !== undefined, {
    error: 'with userId only',
    path: ['creditType'],
  })
  .refine(({ userId, correlationId }) => userId === undefined || correlationId === undefined, {
    error: 'not with userId',
    path: ['correlationId'],
  })
  .refine(({ userId, correlationId, operationId }) => operationId === undefined || !(userId ?? correlationId), {
    error: 'not with userId or correlationId',
    path: ['operationId'],
  })
  .refine(({ operationId, from }) => operationId === undefined || from === undefined, {
    error: 'not with operationId',
    path: ['from'],
  })
  .refine(({ operationId, to }) => operationId === undefined || to === undefined, {
    error: 'not with operationId',
    path: ['to'],
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from <= to, {
    error: 'an instant not later than to',
    path: ['from'],
  });
export const auditTrailSchema = strictObject({
  /** 1–100, default 20. */
  limit: listShape.limit,
  /** `nextCursor` of the page before. */
  cursor: listShape.cursor,
  /** Default `credits`. */
  creditType: identifierSchema.optional(),
  /** An instant, inclusive; a day such as `2030-01-31` is its midnight in UTC. */
  from: boundSchema.optional(),
  /** The same; a day is left out but for its midnight. */
  to: boundSchema.optional(),
  /** Ends the waiting. */
  signal: abortSignalSchema.optional(),
  /** Milliseconds that the call may take. */
  timeoutMs: timeoutSchema.optional(),
}).refine(({ from, to }) => from === undefined || to === undefined || from <= to, {
  error: 'an instant not later than to',
  path: ['from'],
});
export interface AuditTrailOptions extends z.input<typeof auditTrailSchema> {}

/** One of user, correlation id and operation id, or none; a period and types narrow any of them. */
export interface LedgerQuery extends ListOptions, Omit<z.input<typeof ledgerQuerySchema>, keyof ListOptions> {}
