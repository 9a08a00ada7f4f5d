/** Answers of the merchant API, by the names of its clients. */
import { z } from 'zod';
import { count, credits, identifier, instant, jsonObject } from '../models/records/fields.js';
import { HealthSchema } from '../models/records/health.js';

const status = z.enum(['enabled', 'disabled']);
const merchantId = identifier.describe('The merchant: the user whose account it is.');
const balance = credits.describe('Credits, those on hold included. May be negative.');
const lastRechargeAt = instant.nullable().describe('The instant of the last purchase or allocation; null before one.');

const PluginStatusSchema = z.strictObject({
  status: status.describe('`enabled` while credits are available.'),
  reason: z.string().describe('The reason, as a text for people.'),
  balance: credits.nullable().describe('Credits that are available; null where nobody knows.'),
  accountStatus: z.enum(['active', 'not_found', 'error']).describe('Whether there is such an account.'),
});

const PluginStatusEventSchema = z.strictObject({ merchantId, ...PluginStatusSchema.shape });

const PluginStatusMetricsSchema = z.strictObject({
  totalMerchants: count.describe('Accounts that somebody wrote to.'),
  enabledCount: count.describe('Those with credits available, as their last operations left them.'),
  disabledCount: count.describe('Those with nothing available.'),
  enabledPercentage: z.number().min(0).max(100).describe('The share of those with credits, with two decimals.'),
  zeroBalanceCount: count.describe('Those with nothing available, under the name that clients know.'),
});

const PluginStatusesSchema = z.strictObject({
  statuses: z.record(z.string(), status).describe('The status of each merchant.'),
});

const MerchantAccountSchema = z.strictObject({
  id: identifier.describe('Names the account.'),
  merchantId,
  merchantDomain: z.string().nullable().describe('The `shop_domain` of its metadata; null without one.'),
  balance,
  reserved: credits.min(0).describe('Credits on hold.'),
  available: credits.describe('Credits that can be spent now.'),
  lifetimeCredits: credits.min(0).describe('Credits of every grant that became effective. It never falls.'),
  lastRechargeAt,
  createdAt: instant.describe('The instant of its first transaction.'),
  updatedAt: instant.describe('The instant of its last operation.'),
});

const MerchantBalanceSchema = z.strictObject({ merchantId, balance, lastRechargeAt });

const MerchantTransactionSchema = z.strictObject({
  id: identifier.describe('Names the transaction.'),
  accountId: identifier.describe('Names the account.'),
  merchantId,
  transactionType: z
    .enum(['RECHARGE', 'REFUND', 'ADJUSTMENT', 'USAGE', 'EXPIRY', 'OTHER'])
    .describe('The kind of change; `type` has more of it.'),
  type: z.string().describe('The type of the transaction in the ledger.'),
  amount: credits.min(0).describe('Credits that it moved; never negative.'),
  delta: credits.describe('The change of the balance.'),
  balanceBefore: credits.describe('The balance before it.'),
  balanceAfter: credits.describe('The balance after it.'),
  referenceType: z.string().nullable().describe('The kind of business event, in capitals; null where it is of none.'),
  referenceId: z.string().nullable().describe('The business event: its reference or its payment; null without one.'),
  description: z.string().nullable().describe('A text from the caller; null without one.'),
  ticketNumber: z.string().nullable().describe('`ticket_number` of its metadata; null without one.'),
  currency: z.string().nullable().describe('`currency` of its metadata; null without one.'),
  shopDomain: z.string().nullable().describe('`shop_domain` of its metadata; null without one.'),
  metadata: jsonObject.describe('Data that the caller gave with the call.'),
  idempotencyKey: z.string().nullable().describe('The key of the call; null without one.'),
  createdAt: instant.describe('The instant it took effect.'),
});

const PaginationSchema = z.strictObject({
  page: count.describe('The number of this page, from 1.'),
  limit: count.describe('The most rows of a page.'),
  total: count.describe('The number of all rows; where it is capped, those that were counted.'),
  isTotalCapped: z.boolean().describe('Whether there are more than were counted.'),
  pages: count.describe('The number of pages of the total.'),
  hasNext: z.boolean().describe('Whether there is a page after this one.'),
  hasPrevious: z.boolean().describe('Whether there is a page before this one.'),
});

const MerchantTransactionsSchema = z.strictObject({
  transactions: z.array(MerchantTransactionSchema).describe('The transactions of the page, the newest first.'),
  pagination: PaginationSchema.describe('The place of the page.'),
});

const MerchantStatsSchema = z.strictObject({
  merchantId,
  totalIncreases: credits.min(0).describe('Credits of every grant that became effective.'),
  totalDecreases: credits.min(0).describe('Credits that were deducted or captured, less those given back.'),
  transactionCount: count.describe('The number of its transactions.'),
  lastTransactionAt: instant.nullable().describe('The instant of its last transaction; null before the first.'),
});

const ZeroBalancesSchema = z.strictObject({
  accounts: z
    .array(z.strictObject({ merchantId, balance, available: credits.describe('Credits that can be spent now.') }))
    .describe('Accounts with nothing available, the emptiest first.'),
  nextCursor: z.string().nullable().describe('The place of the next page; null after the last.'),
});

const part = HealthSchema.shape.components.unwrap().shape;
const total = count.nullable();
const DetailedHealthSchema = z.strictObject({
  status: HealthSchema.shape.status,
  components: z
    .strictObject({
      database: part.database,
      redis: part.cache,
      messaging: part.messaging,
      ledgerFile: part.ledgerFile,
    })
    .describe('The parts, one by one.'),
  metrics: z
    .strictObject({
      totalAccounts: total.describe('Accounts that somebody wrote to; null where they could not be counted.'),
      totalTransactions: total.describe('Entries of the ledger; null where they could not be counted.'),
      zeroBalanceAccounts: total.describe('Accounts with nothing available; null where they could not be counted.'),
    })
    .describe('Totals, at most 60 seconds old.'),
  problems: z.array(z.string()).describe('What to mend, one sentence each.'),
});

/** By the name of the answer. */
export const MERCHANT_ANSWERS = {
  PluginStatus: PluginStatusSchema,
  PluginStatuses: PluginStatusesSchema,
  PluginStatusEvent: PluginStatusEventSchema,
  PluginStatusMetrics: PluginStatusMetricsSchema,
  MerchantAccount: MerchantAccountSchema,
  MerchantBalance: MerchantBalanceSchema,
  MerchantTransaction: MerchantTransactionSchema,
  MerchantTransactions: MerchantTransactionsSchema,
  MerchantStats: MerchantStatsSchema,
  ZeroBalances: ZeroBalancesSchema,
  DetailedHealth: DetailedHealthSchema,
} as const;
