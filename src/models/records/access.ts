/** The answer to "may this account be served now?". */
import { z } from 'zod';
import { strictObject } from '../strict-object.js';
import { count, credits, identifier, instant } from './fields.js';

export const AccessInfoSchema = strictObject({
  /** The user whose account it is. */
  userId: identifier.describe('The user whose account it is.'),
  /** `enabled` while credits are available, else `disabled`. */
  status: z.enum(['enabled', 'disabled']).describe('`enabled` while credits are available, else `disabled`.'),
  /** The reason, as a text for people. */
  reason: z
    .enum(['Sufficient credits', 'Insufficient credits', 'Account not found', 'Service error'])
    .describe('The reason, as a text for people.'),
  /** `not_found`: nobody ever wrote to it. `error`: the database did not tell. */
  accountStatus: z
    .enum(['active', 'not_found', 'error'])
    .describe('`not_found`: nobody ever wrote to it. `error`: the database did not tell.'),
  /** Credits that can be spent now, as the answer knows them; null where it knows none. */
  available: credits
    .nullable()
    .describe('Credits that can be spent now, as the answer knows them; null where it knows none.'),
  /** The instant at which time alone may change the answer; null for none. */
  validUntil: instant.nullable().describe('The instant at which time alone may change the answer; null for none.'),
});
export const AccessCountsSchema = strictObject({
  /** Accounts that somebody wrote to. */
  accounts: count.describe('Accounts that somebody wrote to.'),
  /** Those with credits available. */
  enabled: count.describe('Those with credits available.'),
  /** Those with nothing available. */
  disabled: count.describe('Those with nothing available.'),
});
export interface AccessCounts extends Readonly<z.infer<typeof AccessCountsSchema>> {}
export interface AccessInfo extends Readonly<z.infer<typeof AccessInfoSchema>> {}
