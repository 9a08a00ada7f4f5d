/** The answer of a dry run: everything that the call would write. */
import { z } from 'zod';
import { CreditEventSchema } from '../events.js';
import { strictObject } from '../strict-object.js';
import { CreditsTransactionSchema } from './transaction.js';

export const DryRunSchema = strictObject({
  /** The transactions that the call would write, on all its accounts; what the clock has brought comes first. */
  transactions: z
    .array(CreditsTransactionSchema.readonly())
    .readonly()
    .describe(
      'The transactions that the call would write, on all its accounts; what the clock has brought comes first.',
    ),
  /** The events that it would announce. */
  events: z.array(CreditEventSchema).readonly().describe('The events that it would announce.'),
});
/** What a call would write. Ids in it that are made of `preview` name nothing that is stored. */
export interface DryRun extends Readonly<z.infer<typeof DryRunSchema>> {}
