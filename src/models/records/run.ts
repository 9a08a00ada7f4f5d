/** The fields that the reports of jobs, of walks and of the relay share. */
import { z } from 'zod';
import type { CreditErrorCode } from '../../errors.js';
import { strictObject } from '../strict-object.js';
import { count } from './fields.js';

const errorCodeSchema = z.custom<CreditErrorCode>(
  (value) => typeof value === 'string' && /^[A-Z]+(_[A-Z]+)*$/.test(value),
  { error: 'a code of CreditError' },
);

export const runStatusSchema = z
  .enum(['completed', 'stopped'])
  .describe('`stopped` by the signal, by time, or by a database that did not answer: run it again.');

export const skippedCountSchema = count.describe('The number of all that were left out, also beyond the first 100.');

export const skippedSchema = z
  .array(
    strictObject({
      /** The id of the one left out; empty where the whole run met the error. */
      id: z.string().describe('The id of the one left out; empty where the whole run met the error.'),
      /** The code of the error it met. */
      code: errorCodeSchema.describe('The code of the error it met.'),
      /** A text for people: the reason. */
      message: z.string().describe('A text for people: the reason.'),
    }).readonly(),
  )
  .max(100)
  .readonly();
/** A row that a list or a job passed over, with the reason. */
export type Skipped = z.infer<typeof skippedSchema>[number];
