/** Usage: sums over the transactions of an account, for the page of a user. */
import { z } from 'zod';
import { strictObject } from '../strict-object.js';
import { count, credits } from './fields.js';

export const UsageSummarySchema = strictObject({
  /** The day (`2030-01-31`), the month (`2030-01`), the type or the model; null for what no model was recorded of. */
  key: z
    .string()
    .nullable()
    .describe(
      'The day (`2030-01-31`), the month (`2030-01`), the type or the model; null for what no model was recorded of.',
    ),
  /** Credits that were spent or sent to others, less what reversals gave back; negative where that is more. */
  spent: credits.describe(
    'Credits that were spent or sent to others, less what reversals gave back; negative where that is more.',
  ),
  /** Credits that came into effect, less additions that were taken back. */
  added: credits.describe('Credits that came into effect, less additions that were taken back.'),
  /** Credits that expired unspent. */
  expired: credits.min(0).describe('Credits that expired unspent.'),
  /** Charges; by model the calls that were recorded of it. */
  calls: count.describe('Charges; by model the calls that were recorded of it.'),
});
/** One line of a usage summary. `added` − `spent` − `expired` is the change of the balance. */
export interface UsageSummary extends Readonly<z.infer<typeof UsageSummarySchema>> {}
