/** Schemas of what callers give to the ledger. */
import { z } from 'zod';
import { entryTypeSchema } from './entry.js';
import { identifierSchema, instantSchema } from './input-values.js';
import { abortSignalSchema, listShape, timeoutSchema } from './inputs.js';

export const verifySchema = z.strictObject({
  userId: identifierSchema.optional(),
  signal: abortSignalSchema.optional(),
  onProgress: z.custom<unknown>((value) => typeof value === 'function', { error: 'a function' }).optional(),
});

export const reconcileSchema = z.strictObject({ signal: abortSignalSchema.optional() });

export const ledgerQuerySchema = z
  .strictObject({
    ...listShape,
    userId: identifierSchema.optional(),
    creditType: identifierSchema.optional(),
    correlationId: identifierSchema.optional(),
    operationId: identifierSchema.optional(),
    from: instantSchema.optional(),
    to: instantSchema.optional(),
    types: z.array(entryTypeSchema).max(32).optional(),
    signal: abortSignalSchema.optional(),
    timeoutMs: timeoutSchema.optional(),
  })
  .refine(
    (query) => [query.userId, query.correlationId, query.operationId].filter((by) => by !== undefined).length <= 1,
    {
      error: 'one of userId, correlationId and operationId',
    },
  )
  .refine(({ operationId, from, to }) => operationId === undefined || (from === undefined && to === undefined), {
    error: 'an operationId without from and to',
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from <= to, { error: 'from not later than to' });
