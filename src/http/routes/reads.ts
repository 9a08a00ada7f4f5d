/** Reads of one account: its user's own under `/credits`, anybody's under `/admin/credits`. */
import {
  daysSchema,
  grantsSchema,
  historySchema,
  holdsSchema,
  listSchema,
  readSchema,
  usageSchema,
} from '../../models/inputs/credits.js';
import { amountSchema, boundSchema, identifierSchema } from '../../models/inputs/values.js';
import { type Route, route, type Services } from '../route.js';

const NO_ROWS = { items: [], nextCursor: null };
const userId = { userId: identifierSchema };
const example = { user_id: 'user-1' };
const tag = 'Balance';

const transactionId = { transactionId: identifierSchema };
/** The account of a transaction, where there is one. */
export const ownerOfTransaction = async ({ credits }: Services, { transactionId: id }: { transactionId: never }) => [
  (await credits.getTransaction(id))?.userId ?? null,
];
const reservationId = { reservationId: identifierSchema };
/** The account of a reservation, where there is one. */
export const ownerOfReservation = async ({ credits }: Services, { reservationId: id }: { reservationId: never }) => [
  (await credits.getReservation(id))?.userId ?? null,
];

const balanceRoutes: readonly Route[] = [
  route({
    ...{ name: 'getBalance', method: 'GET', path: '/credits/balance/{user_id}', who: 'user', tag, typed: true },
    summary: 'The credits of a user',
    ...{ args: userId, options: readSchema, answer: 'Balance', example },
    async run({ credits }, args, options) {
      const info = await credits.getUserCreditsInfo(args.userId, options);
      return { ...info, credits: info.available };
    },
  }),
  route({
    ...{ name: 'getBalanceAt', method: 'GET', path: '/credits/balance/{user_id}/at', who: 'user', tag, typed: true },
    summary: 'The credits that a user had at an instant',
    ...{ args: { ...userId, at: boundSchema }, options: readSchema, answer: 'BalanceAt' },
    example: { ...example, at: '2030-01-01T00:00:00Z' },
    run: ({ credits }, args, options) => credits.getBalanceAt(args.userId, args.at, options),
  }),
  route({
    ...{ name: 'getBreakdown', method: 'GET', path: '/credits/breakdown/{user_id}', who: 'user', tag, typed: true },
    summary: 'The credits of a user by expiry, by source and by period',
    ...{ args: userId, options: readSchema, answer: 'Breakdown', example },
    run: ({ credits }, args, options) => credits.getBalanceBreakdown(args.userId, options),
  }),
  route({
    ...{ name: 'getForecast', method: 'GET', path: '/credits/forecast/{user_id}', who: 'user', tag, typed: true },
    summary: 'How long the credits of a user last',
    ...{ args: userId, options: readSchema, answer: 'Forecast', example },
    run: ({ credits }, args, options) => credits.getForecast(args.userId, options),
  }),
  route({
    ...{ name: 'previewDeduction', method: 'GET', path: '/credits/preview/{user_id}', who: 'user', tag, typed: true },
    summary: 'What a deduction would take, without taking it',
    ...{ args: { ...userId, amount: amountSchema }, options: readSchema, answer: 'Preview' },
    example: { ...example, amount: '30' },
    run: ({ credits }, args, options) => credits.previewDeduction(args.userId, args.amount, options),
  }),
  route({
    ...{ name: 'getAccount', method: 'GET', path: '/credits/account/{user_id}', who: 'user', tag, typed: true },
    summary: 'The options of an account, and what went through it',
    ...{ args: userId, options: readSchema, answer: 'Account', example },
    run: ({ credits }, args, options) => credits.getAccount(args.userId, options),
  }),
];

const historyRoutes: readonly Route[] = [
  route({
    ...{ name: 'getHistory', method: 'GET', path: '/credits/history/{user_id}', who: 'user', tag: 'History' },
    summary: 'The transactions of a user, newest first',
    ...{ typed: true, args: userId, options: historySchema, answer: 'Transactions' },
    example: { ...example, types: 'add,deduct', limit: '10' },
    run: ({ credits }, args, options) => credits.getCreditHistory(args.userId, options),
  }),
  route({
    ...{ name: 'getUsage', method: 'GET', path: '/credits/usage/{user_id}', who: 'user', tag: 'History', typed: true },
    summary: 'Sums over the transactions of a user, by day, month, type or model',
    ...{ args: userId, options: usageSchema, answer: 'Usage' },
    example: { ...example, from: '2030-01-01', by: 'day' },
    run: async ({ credits }, args, options) => ({ items: await credits.getUsageSummary(args.userId, options) }),
  }),
  route({
    ...{ name: 'getTransaction', method: 'GET', path: '/credits/transactions/{transaction_id}', who: 'user' },
    ...{ tag: 'History', typed: true, summary: 'One transaction' },
    ...{ args: transactionId, options: readSchema, answer: 'Transaction' },
    example: { transaction_id: 't-1' },
    accounts: ownerOfTransaction,
    run: ({ credits }, args, options) => credits.getTransaction(args.transactionId, options),
  }),
  route({
    ...{ name: 'explainTransaction', method: 'GET', path: '/credits/transactions/{transaction_id}/explanation' },
    ...{ who: 'user', tag: 'History', typed: true, summary: 'Why a transaction took from these grants' },
    ...{ args: transactionId, options: readSchema, answer: 'Explanation' },
    example: { transaction_id: 't-1' },
    accounts: ownerOfTransaction,
    run: ({ credits }, args, options) => credits.explainTransaction(args.transactionId, options),
  }),
];

const grantRoutes: readonly Route[] = [
  route({
    ...{ name: 'listGrants', method: 'GET', path: '/credits/grants/{user_id}', who: 'user', tag: 'Grants' },
    summary: 'The grants of a user, in the order in which they are spent',
    ...{ typed: true, args: userId, options: grantsSchema, answer: 'Grants', example },
    run: ({ credits }, args, options) => credits.getGrants(args.userId, options),
  }),
  route({
    ...{ name: 'listExpiringGrants', method: 'GET', path: '/credits/expiring/{user_id}', who: 'user', tag: 'Grants' },
    summary: 'The grants of a user that expire within some days',
    ...{ typed: true, args: { ...userId, days: daysSchema }, options: readSchema, answer: 'Expiring' },
    example: { ...example, days: '30' },
    run: async ({ credits }, args, options) => ({
      items: await credits.getExpiringCreditsInDays(args.userId, args.days, options),
    }),
  }),
  route({
    ...{ name: 'getGrantUsage', method: 'GET', path: '/credits/grants/{user_id}/{grant_id}/usage', who: 'user' },
    ...{ tag: 'Grants', typed: true, summary: 'Where the credits of a grant went' },
    ...{ args: { ...userId, grantId: identifierSchema }, options: listSchema, answer: 'GrantUses' },
    example: { ...example, grant_id: 'g-1' },
    async run({ credits }, args, options) {
      const page = await credits.getGrantUsage(args.grantId, options);
      // A grant of somebody else looks like one that nobody has: each use names its transaction, and that its user.
      const first = page.items[0] && (await credits.getTransaction(page.items[0].transactionId));
      return !first || first.userId === args.userId ? page : NO_ROWS;
    },
  }),
  route({
    ...{ name: 'listReservations', method: 'GET', path: '/credits/holds/{user_id}', who: 'user' },
    ...{ tag: 'Reservations', typed: true, summary: 'The active reservations of a user' },
    ...{ args: userId, options: holdsSchema, answer: 'Reservations', example },
    run: ({ credits }, args, options) => credits.getActiveReservations(args.userId, options),
  }),
  route({
    ...{ name: 'getReservation', method: 'GET', path: '/credits/reservations/{reservation_id}', who: 'user' },
    ...{ tag: 'Reservations', typed: true, summary: 'One reservation, active or ended' },
    ...{ args: reservationId, options: readSchema, answer: 'Reservation' },
    example: { reservation_id: 'r-1' },
    accounts: ownerOfReservation,
    run: ({ credits }, args, options) => credits.getReservation(args.reservationId, options),
  }),
];

export const readRoutes: readonly Route[] = [...balanceRoutes, ...historyRoutes, ...grantRoutes];
