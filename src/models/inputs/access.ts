/** Schemas for the input of the access status. */
import { z } from 'zod';
import { strictObject } from '../strict-object.js';
import { abortSignalSchema, readShape, timeoutSchema } from './credits.js';

export const accessSchema = strictObject({
  /** Linearizable: asks the database, and sees every commit acknowledged before the call. */
  fresh: readShape.fresh,
  /** Ends the waiting. A call that was not sent yet is refused as `ABORTED`. */
  signal: abortSignalSchema.optional(),
  /** Milliseconds until it must have answered; default `access.timeoutMs`. */
  timeoutMs: timeoutSchema.optional(),
});
export interface AccessOptions extends z.input<typeof accessSchema> {}

const callbackSchema = z.custom<() => void>((value) => typeof value === 'function', { error: 'a function' });
export const watchSchema = strictObject({
  /** Called once when the manager is closed, and nothing more will be told. */
  onEnd: callbackSchema.optional(),
});
export interface WatchOptions extends z.input<typeof watchSchema> {}

/** Options of a count. */
export const countSchema = strictObject({
  /** Ends the waiting. */
  signal: accessSchema.shape.signal,
  /** Milliseconds that the call may take. */
  timeoutMs: timeoutSchema.optional(),
});
export interface CountOptions extends z.input<typeof countSchema> {}
