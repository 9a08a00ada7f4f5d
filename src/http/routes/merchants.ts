/** The merchant API: access status, account and transactions of merchants, for reading alone. */
import { z } from 'zod';
import { accountKey } from '../../models/account.js';
import { referenceTypeSchema, type TransactionType } from '../../models/enums.js';
import { accessSchema, countSchema } from '../../models/inputs/access.js';
import { listSchema, readSchema, userIdsSchema } from '../../models/inputs/credits.js';
import { transactionPageSchema } from '../../models/inputs/transaction-page.js';
import { boundSchema, identifierSchema } from '../../models/inputs/values.js';
import type { AccessInfo } from '../../models/records/access.js';
import type { AccountInfo } from '../../models/records/account.js';
import type { Transaction } from '../../models/records/transaction.js';
import type { JsonObject } from '../../models/values.js';
import { parse, parseOptions } from '../../services/input/parse.js';
import type { Subscribe } from '../event-stream.js';
import { MERCHANT_ANSWERS } from '../merchant-answers.js';
import { type Route, route, type Services } from '../route.js';
import { invalid, toWire } from '../wire.js';
import { healthRoutes } from './health.js';
import { ownerOfTransaction } from './reads.js';

const CREDITS = '/api/v1/credits';
const merchantId = { merchantId: identifierSchema };
const tag = 'Merchants';
const example = { merchant_id: 'shop-7' };

const ofMerchant = async (_: Services, { merchantId }: { merchantId: never }): Promise<[string]> => [merchantId];
const read = { method: 'GET', who: 'merchant', tag } as const;
const ofOne = { ...read, args: merchantId, accounts: ofMerchant, example } as const;

/** Our types by the kinds that clients know. */
const TYPES = {
  RECHARGE: ['add', 'activate', 'transfer_in'],
  REFUND: ['claw_back', 'reverse'],
  ADJUSTMENT: undefined,
  USAGE: ['deduct', 'commit_reserved', 'transfer_out'],
  EXPIRY: ['expire'],
} as const satisfies Readonly<Record<string, readonly TransactionType[] | undefined>>;
type Kind = keyof typeof TYPES;

const { page, limit } = transactionPageSchema.shape;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const lastBound = z
  .unknown()
  .transform((value) => (typeof value === 'string' && DAY.test(value) ? `${value}T23:59:59.999Z` : value))
  .pipe(boundSchema) as z.ZodType<number, Date | string>;
const referenceTypes = referenceTypeSchema.options.map((type) => type.toUpperCase()) as [string, ...string[]];
const oneOf = <T extends string>(names: readonly [T, ...T[]]) => z.enum(names, { error: `one of ${names.join(', ')}` });
const transactionsSchema = z.strictObject({
  transactionType: oneOf(Object.keys(TYPES) as [Kind, ...Kind[]]).optional(),
  referenceType: oneOf(referenceTypes).optional(),
  startDate: boundSchema.optional(),
  endDate: lastBound.optional(),
  ...{ page, limit },
});

/** The routes of `createMerchantApi`. */
export const merchantRoutes: readonly Route[] = [
  ...healthRoutes,
  route({
    ...{ ...ofOne, name: 'getPluginStatus', path: `${CREDITS}/plugin-status/{merchant_id}`, answer: 'PluginStatus' },
    ...{ summary: 'Whether a merchant may be served now; always 200', options: accessSchema },
    run: async ({ manager }, args, options) => statusOf(await manager.access.getStatus(args.merchantId, options)),
  }),
  route({
    ...{ name: 'getPluginStatuses', method: 'POST', path: `${CREDITS}/plugin-status`, who: 'merchant', tag },
    ...{ summary: 'The same for up to 100 merchants', args: { merchantIds: userIdsSchema }, options: accessSchema },
    ...{ answer: 'PluginStatuses', example: { merchant_ids: ['shop-7'] } },
    // One that is no list of texts is refused by the verb; nobody's account is named by it.
    accounts: async (_, { merchantIds }) => userIdsSchema.safeParse(merchantIds).data ?? [],
    async run({ manager }, args, options) {
      const found = await manager.access.getStatuses(args.merchantIds, options);
      return { statuses: Object.fromEntries(found.map(({ userId, status }) => [userId, status])) };
    },
  }),
  route({
    ...{ ...read, name: 'watchPluginStatuses', path: `${CREDITS}/plugin-status-events`, isStream: true },
    ...{ summary: 'Server-sent events: the status of up to 100 merchants now, and whenever it changes' },
    ...{ args: { merchantIds: userIdsSchema }, answer: 'PluginStatusEvent', example: { merchant_ids: 'shop-7' } },
    accounts: async (_, { merchantIds }) => userIdsSchema.safeParse(merchantIds).data ?? [],
    async run({ manager }, { merchantIds }) {
      const users: readonly string[] = parse(userIdsSchema, merchantIds, 'merchantIds');
      const subscribe: Subscribe = (tell, onEnd) => {
        const told = (info: AccessInfo) => {
          const event = { merchantId: info.userId, ...statusOf(info) };
          tell('plugin_status', info.userId, toWire(MERCHANT_ANSWERS.PluginStatusEvent, event));
        };
        return manager.access.watch(users, told, { onEnd });
      };
      return { subscribe };
    },
  }),
  route({
    ...{ ...ofOne, name: 'getMerchantAccount', path: `${CREDITS}/accounts/{merchant_id}`, answer: 'MerchantAccount' },
    ...{ summary: 'The account of a merchant', options: readSchema },
    run: ({ credits }, args, options) => accountOf(credits, args.merchantId, options),
  }),
  route({
    ...{ ...ofOne, name: 'getMerchantBalance', path: `${CREDITS}/accounts/{merchant_id}/balance` },
    ...{ summary: 'The balance of a merchant', options: readSchema, answer: 'MerchantBalance' },
    run: ({ credits }, args, options) => accountOf(credits, args.merchantId, options),
  }),
  route({
    ...{ ...ofOne, name: 'getMerchantTransactions', path: `${CREDITS}/transactions`, answer: 'MerchantTransactions' },
    ...{ summary: 'A numbered page of the transactions of a merchant, newest first', options: transactionsSchema },
    example: { ...example, page: '1', limit: '50' },
    async run({ credits }, args, given) {
      const filter = filterOf(parseOptions(transactionsSchema, given));
      const found = await credits.getTransactionPage(args.merchantId, filter as never);
      const { items, page, limit, total, isTotalCapped } = found;
      const pages = Math.ceil(total / limit);
      const pagination = { page, limit, total, isTotalCapped, pages, hasNext: page < pages, hasPrevious: page > 1 };
      return { transactions: items.map(transactionOf), pagination };
    },
  }),
  route({
    ...{ ...read, name: 'getMerchantTransaction', path: `${CREDITS}/transactions/{transaction_id}` },
    ...{ summary: 'One transaction', args: { transactionId: identifierSchema }, accounts: ownerOfTransaction },
    ...{ options: readSchema, answer: 'MerchantTransaction', example: { transaction_id: 't-1' } },
    async run({ credits }, args, options) {
      const transaction = await credits.getTransaction(args.transactionId, options);
      return transaction && transactionOf(transaction);
    },
  }),
  route({
    ...{ ...ofOne, name: 'getMerchantStats', path: `${CREDITS}/accounts/{merchant_id}/stats`, answer: 'MerchantStats' },
    ...{ summary: 'What went through the account of a merchant', options: readSchema },
    async run({ credits }, args, options) {
      const account = await credits.getAccount(args.merchantId, options);
      if (!account) return null;
      const { total, items } = await credits.getTransactionPage(args.merchantId, { ...(options as object), limit: 1 });
      const { lifetimeAdded: totalIncreases, lifetimeSpent: totalDecreases, userId } = account;
      const last = items[0]?.createdAt ?? null;
      return { merchantId: userId, totalIncreases, totalDecreases, transactionCount: total, lastTransactionAt: last };
    },
  }),
  route({
    ...{ ...read, who: 'admin', name: 'getPluginStatusMetrics', path: `${CREDITS}/admin/plugin-status-metrics` },
    ...{ summary: 'How many merchants may be served', options: countSchema, answer: 'PluginStatusMetrics' },
    async run({ manager }, _, options) {
      const { accounts, enabled, disabled } = await manager.access.countStatuses(options);
      const enabledPercentage = accounts === 0 ? 0 : Math.round((enabled / accounts) * 10_000) / 100;
      const counts = { totalMerchants: accounts, enabledCount: enabled, disabledCount: disabled };
      return { ...counts, enabledPercentage, zeroBalanceCount: disabled };
    },
  }),
  route({
    ...{ ...read, who: 'admin', name: 'getZeroBalances', path: `${CREDITS}/admin/zero-balance` },
    ...{ summary: 'Merchants with nothing available', options: listSchema.omit({ order: true }) },
    ...{ answer: 'ZeroBalances', example: { limit: '100' } },
    async run({ credits }, _, options) {
      const { items, nextCursor } = await credits.listAccounts({ ...(options as object), maxAvailable: 0 });
      const accounts = items.map(({ userId, balance, available }) => ({ merchantId: userId, balance, available }));
      return { accounts, nextCursor };
    },
  }),
];

function statusOf({ status, reason, available, accountStatus }: AccessInfo): object {
  const text = reason === 'Account not found' ? 'Merchant not found' : reason;
  return { status, reason: text, balance: available, accountStatus };
}

async function accountOf({ getAccount, getUserCreditsInfo }: Services['credits'], userId: never, options: never) {
  const [account, totals] = await Promise.all([getAccount(userId, options), getUserCreditsInfo(userId, options)]);
  if (!account) return null;
  const { creditType, metadata, lifetimeAdded, lastRechargeAt, createdAt, updatedAt }: AccountInfo = account;
  const { balance, reserved, available } = totals;
  return {
    ...{ id: accountKey(creditType, userId), merchantId: userId, merchantDomain: textIn(metadata, 'shop_domain') },
    ...{ balance, reserved, available, lifetimeCredits: lifetimeAdded, lastRechargeAt, createdAt, updatedAt },
  };
}

function filterOf({
  transactionType,
  referenceType,
  startDate,
  endDate,
  ...paging
}: z.infer<typeof transactionsSchema>) {
  const types = transactionType === undefined ? undefined : TYPES[transactionType];
  const isAdjustment = transactionType === 'ADJUSTMENT';
  const named = referenceType === undefined ? undefined : [referenceType.toLowerCase()];
  // Everything manual is an adjustment, whatever its type.
  const [wanted, others] = isAdjustment ? [['manual'], undefined] : [named, types && ['manual']];
  if (startDate !== undefined && endDate !== undefined && startDate > endDate)
    throw invalid('start_date', 'an instant not later than end_date');
  const isNothing = isAdjustment && named !== undefined && named[0] !== 'manual';
  return {
    ...paging,
    ...(types && { types }),
    ...(wanted && { referenceTypes: isNothing ? [] : wanted }),
    ...(others && { notReferenceTypes: others }),
    ...(startDate !== undefined && { from: new Date(startDate) }),
    ...(endDate !== undefined && { to: new Date(endDate) }),
  };
}

function kindOf({ type, referenceType }: Transaction): Kind | 'OTHER' {
  if (referenceType === 'manual') return 'ADJUSTMENT';
  const kinds = Object.entries(TYPES) as [Kind, readonly TransactionType[] | undefined][];
  return kinds.find(([, types]) => types?.includes(type))?.[0] ?? 'OTHER';
}

function transactionOf(transaction: Transaction): object {
  const { userId, creditType, delta, balanceAfter, amount, referenceType, reference, paymentId, metadata } =
    transaction;
  return {
    ...transaction,
    ...{ accountId: accountKey(creditType, userId), merchantId: userId, transactionType: kindOf(transaction) },
    ...{ amount: delta === 0 ? amount : Math.abs(delta), balanceBefore: before(balanceAfter, delta) },
    ...{ referenceType: referenceType?.toUpperCase() ?? null, referenceId: reference ?? paymentId },
    ...{ ticketNumber: textIn(metadata, 'ticket_number'), currency: textIn(metadata, 'currency') },
    shopDomain: textIn(metadata, 'shop_domain'),
  };
}

/** The balance before a change, exact: counted in units of the last decimal that either has. */
function before(balanceAfter: number, delta: number): number {
  const decimals = [balanceAfter, delta].map((value) => String(value).split('.')[1]?.length ?? 0);
  const scale = 10 ** Math.max(...decimals);
  return (Math.round(balanceAfter * scale) - Math.round(delta * scale)) / scale;
}

function textIn(metadata: JsonObject | null, name: string): string | null {
  const value = metadata && Object.hasOwn(metadata, name) ? metadata[name] : null;
  return typeof value === 'string' ? value : null;
}
