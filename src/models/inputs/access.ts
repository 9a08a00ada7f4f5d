/** Schemas for the input of the access status. */
import type { z } from 'zod';
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
