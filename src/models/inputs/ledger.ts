/** Schemas of what callers give to the ledger. */
import { z } from 'zod';
import { entryTypeSchema } from '../entry.js';
import { abortSignalSchema, listShape, timeoutSchema } from './credits.js';
import { identifierSchema, instantSchema } from './values.js';

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
