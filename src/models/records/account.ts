/** Accounts: their options, and what went through them since they were made. */
import { z } from 'zod';
import { strictObject } from '../strict-object.js';
import { credits, identifier, instant, jsonObject } from './fields.js';

const limit = z.union([credits.min(0), z.literal('unlimited')]);
const thresholds = z.array(z.union([credits.min(0), z.templateLiteral([z.number(), '%'])])).readonly();

const OptionsInForceSchema = strictObject({
  /** Credits that debt may reach. */
  overdraftLimit: limit.describe('Credits that debt may reach.'),
  /** Credits, or percentages, at or below which the account is low; [] for none. */
  lowCreditThresholds: thresholds.describe(
    'Credits, or percentages, at or below which the account is low; [] for none.',
  ),
});

const OwnOptionsSchema = strictObject({
  /** The limit of its debt; absent where that of the service applies. */
  overdraftLimit: limit.optional().describe('The limit of its debt; absent where that of the service applies.'),
  /** Its thresholds, [] for none; absent where that of the service applies. */
  lowCreditThresholds: thresholds
    .optional()
    .describe('Its thresholds, [] for none; absent where that of the service applies.'),
});

export const AccountInfoSchema = strictObject({
  /** The user whose account this is. */
  userId: identifier.describe('The user whose account this is.'),
  /** The credit type; an account is one user and one credit type. */
  creditType: identifier.describe('The credit type; an account is one user and one credit type.'),
  /** The options in force: the account's own, else those of the service. */
  options: OptionsInForceSchema.readonly().describe(
    "The options in force: the account's own, else those of the service.",
  ),
  /** The options that the account has of its own. */
  ownOptions: OwnOptionsSchema.readonly().describe('The options that the account has of its own.'),
  /** Data that the caller gave with the account; null without any. */
  metadata: jsonObject.nullable().describe('Data that the caller gave with the account; null without any.'),
  /** The instant of its first transaction. */
  createdAt: instant.describe('The instant of its first transaction.'),
  /** The instant of its last operation. */
  updatedAt: instant.describe('The instant of its last operation.'),
  /** Credits of every grant that became effective, those received from others included. It never falls. */
  lifetimeAdded: credits
    .min(0)
    .describe('Credits of every grant that became effective, those received from others included. It never falls.'),
  /** Credits that were deducted or captured, less those that reversals gave back. */
  lifetimeSpent: credits
    .min(0)
    .describe('Credits that were deducted or captured, less those that reversals gave back.'),
  /** The instant at which a grant of the source `purchase` or `subscription` last became effective. */
  lastRechargeAt: instant
    .nullable()
    .describe(
      'The instant at which a grant of the source `purchase` or `subscription` last became effective; null before one.',
    ),
});
/** An account as an operator sees it. Its totals follow from the transactions alone, and are exact up to 2^51 units. */
export interface AccountInfo extends Readonly<z.infer<typeof AccountInfoSchema>> {}
