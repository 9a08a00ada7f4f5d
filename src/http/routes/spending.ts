/** Changes of the credits of an account: additions, deductions, transfers, reversals, holds, and its options. */
import { z } from 'zod';
import {
  accountSchema,
  accountsSchema,
  addSchema,
  adjustSchema,
  commitSchema,
  deductAfterServiceSchema,
  deductSchema,
  expireSchema,
  extendSchema,
  mutationSchema,
  mutationShape,
  reserveSchema,
  reverseSchema,
  updateAccountSchema,
  updateGrantSchema,
  voidSchema,
} from '../../models/inputs/credits.js';
import { amountSchema, identifierSchema } from '../../models/inputs/values.js';
import type { Applied } from '../../models/records/applied.js';
import type { Transaction } from '../../models/records/transaction.js';
import { strictObject } from '../../models/strict-object.js';
import { alsoAt, type Route, route, type Services } from '../route.js';
import { ownerOfReservation, ownerOfTransaction } from './reads.js';

const FUNDS = ['INSUFFICIENT_CREDITS', 'OVERDRAFT_LIMIT'] as const;
const admin = { method: 'POST', who: 'admin', typed: true } as const;
const account = { userId: identifierSchema, amount: amountSchema };
const example = { user_id: 'user-1', amount: 10, reason: 'Storage overage' };

/** The answer that clients of the original expect of a change: the credits that can be spent after it. */
function changed(transaction: Applied<Transaction>) {
  const { userId, availableAfter, replayed, dryRun } = transaction;
  return { userId, credits: availableAfter, transaction, replayed, dryRun };
}

const addCredits = route({
  ...{ ...admin, name: 'addCredits', path: '/admin/credits/add', tag: 'Credits', summary: 'Add credits' },
  ...{ args: account, options: addSchema, answer: 'BalanceChange', errors: ['LIMIT_EXCEEDED'] },
  example: { user_id: 'user-1', amount: 100, description: 'Welcome bonus', source: 'purchase' },
  run: async ({ credits }, args, options) => changed(await credits.addCredits(args.userId, args.amount, options)),
});
const deductCredits = route({
  ...{ ...admin, name: 'deductCredits', path: '/admin/credits/deduct', tag: 'Credits', summary: 'Deduct credits' },
  ...{ args: account, options: deductSchema, answer: 'BalanceChange', errors: ['INSUFFICIENT_CREDITS'] },
  example: { user_id: 'user-1', amount: 10, description: 'Storage overage' },
  run: async ({ credits }, args, options) => changed(await credits.deductCredits(args.userId, args.amount, options)),
});

const creditRoutes: readonly Route[] = [
  addCredits,
  alsoAt('/credits/add', addCredits),
  deductCredits,
  alsoAt('/credits/deduct', deductCredits),
  route({
    ...{ ...admin, name: 'deductCreditsAfterService', path: '/admin/credits/deduct-after-service', tag: 'Credits' },
    summary: 'Deduct credits for work that was done; what is missing becomes debt',
    ...{
      args: account,
      options: deductAfterServiceSchema,
      answer: 'BalanceChange',
      errors: ['OVERDRAFT_LIMIT'],
      example,
    },
    run: async ({ credits }, args, options) =>
      changed(await credits.deductCreditsAfterService(args.userId, args.amount, options)),
  }),
  route({
    ...{ ...admin, name: 'adjustCredits', path: '/admin/credits/adjust', tag: 'Credits' },
    summary: 'Correct a balance up or down',
    ...{ args: { userId: identifierSchema, delta: z.union([z.number(), z.string()]) }, options: adjustSchema },
    ...{ answer: 'BalanceChange', errors: ['INSUFFICIENT_CREDITS'] },
    example: { user_id: 'user-1', delta: -1, reason: 'Counted twice' },
    run: async ({ credits }, args, options) => changed(await credits.adjustCredits(args.userId, args.delta, options)),
  }),
  route({
    ...{ ...admin, name: 'transferCredits', path: '/admin/credits/transfer', tag: 'Credits' },
    summary: 'Move credits from one account to another',
    args: { from: identifierSchema, to: identifierSchema, amount: amountSchema },
    ...{ options: mutationSchema, answer: 'Transfer', errors: ['INSUFFICIENT_CREDITS', 'LIMIT_EXCEEDED'] },
    example: { from: 'user-1', to: 'user-2', amount: 5 },
    accounts: async (_, { from, to }) => [from ?? null, to ?? null],
    async run({ credits }, args, options) {
      const moved = await credits.transferCredits(args, options);
      return { ...moved, replayed: moved.out.replayed, dryRun: moved.out.dryRun };
    },
  }),
  route({
    ...{ ...admin, name: 'reverseTransaction', path: '/admin/credits/transactions/{transaction_id}/reverse' },
    ...{ tag: 'Credits', summary: 'Undo a transaction, all of it or a part' },
    ...{ args: { transactionId: identifierSchema }, options: reverseSchema, answer: 'BalanceChange' },
    ...{ errors: ['TRANSACTION_NOT_FOUND', 'ALREADY_REVERSED'], example: { transaction_id: 't-1', amount: 1 } },
    accounts: ownerOfTransaction,
    run: async ({ credits }, args, options) => changed(await credits.reverseTransaction(args.transactionId, options)),
  }),
  route({
    ...{ ...admin, name: 'voidGrant', path: '/admin/credits/grants/{grant_id}/void', tag: 'Grants' },
    summary: 'Take back what is left of a grant',
    ...{ args: { grantId: identifierSchema }, options: voidSchema, answer: 'BalanceChange' },
    ...{
      errors: ['TRANSACTION_NOT_FOUND', 'ALREADY_REVERSED'],
      example: { grant_id: 'g-1', amount: 1, reason: 'Refunded' },
    },
    run: async ({ credits }, args, options) => changed(await credits.voidGrant(args.grantId, options)),
  }),
  route({
    ...{ ...admin, method: 'PATCH', name: 'updateGrant', path: '/admin/credits/grants/{grant_id}', tag: 'Grants' },
    ...{ summary: 'Change when a grant lapses, or its priority', args: { grantId: identifierSchema } },
    ...{ options: strictObject({ ...updateGrantSchema.shape, ...mutationShape }), answer: 'BalanceChange' },
    ...{ errors: ['TRANSACTION_NOT_FOUND'], example: { grant_id: 'g-1', priority: 10, reason: 'Goodwill' } },
    async run({ credits }, args, { expiresAt, priority, ...by }: z.infer<typeof updateGrantSchema>) {
      return changed(await credits.updateGrant(args.grantId, { expiresAt, priority } as never, by));
    },
  }),
  route({
    ...{ ...admin, name: 'expireCredits', path: '/admin/credits/expire', tag: 'Credits' },
    summary: 'Write down what has expired on an account',
    ...{ args: { userId: identifierSchema }, options: expireSchema, answer: 'Expired' },
    example: { user_id: 'user-1' },
    async run({ credits }, args: { userId: never }, options) {
      return { userId: args.userId as string, expired: await credits.expireCredits(args.userId, options) };
    },
  }),
];

const reservationId = { reservationId: identifierSchema };
const hold = { ...admin, tag: 'Reservations', accounts: ownerOfReservation } as const;
const holdExample = { reservation_id: 'r-1' };

const reservationRoutes: readonly Route[] = [
  route({
    ...{ ...admin, name: 'reserveCredits', path: '/admin/credits/reservations', tag: 'Reservations' },
    summary: 'Put credits on hold before work whose cost is not known yet',
    ...{ args: account, options: reserveSchema, answer: 'Reservation' },
    ...{ errors: ['INSUFFICIENT_CREDITS', 'LIMIT_EXCEEDED'] },
    example: { user_id: 'user-1', amount: 30, ttl_seconds: 900, reason: 'api-call' },
    run: ({ credits }, args, options) => credits.reserveCredits(args.userId, args.amount, options),
  }),
  route({
    ...{ ...hold, name: 'commitReservedCredits', path: '/admin/credits/reservations/{reservation_id}/commit' },
    summary: 'Charge what the work cost, and free the rest',
    ...{ args: reservationId, options: commitSchema, answer: 'BalanceChange' },
    errors: ['RESERVATION_NOT_FOUND', 'RESERVATION_NOT_ACTIVE', 'COMMIT_EXCEEDS_RESERVATION', ...FUNDS],
    example: { ...holdExample, amount: 25 },
    run: async ({ credits }, args, options) =>
      changed(await credits.commitReservedCredits(args.reservationId, options)),
  }),
  route({
    ...{ ...hold, name: 'releaseReservedCredits', path: '/admin/credits/reservations/{reservation_id}/release' },
    summary: 'Free a hold without a charge',
    ...{ args: reservationId, options: mutationSchema, answer: 'Reservation', example: holdExample },
    errors: ['RESERVATION_NOT_FOUND', 'RESERVATION_NOT_ACTIVE'],
    run: ({ credits }, args, options) => credits.releaseReservedCredits(args.reservationId, options),
  }),
  route({
    ...{ ...hold, name: 'extendReservation', path: '/admin/credits/reservations/{reservation_id}/extend' },
    summary: 'Keep a hold for longer',
    ...{ args: reservationId, options: extendSchema, answer: 'Reservation' },
    example: { ...holdExample, ttl_seconds: 900 },
    errors: ['RESERVATION_NOT_FOUND', 'RESERVATION_NOT_ACTIVE'],
    run: ({ credits }, args, options) => credits.extendReservation(args.reservationId, options),
  }),
];

const balanceOf = ({ available, ...info }: Awaited<ReturnType<Services['credits']['createAccount']>>) => {
  return { ...info, available, credits: available };
};

const accountRoutes: readonly Route[] = [
  route({
    ...{ ...admin, method: 'GET', name: 'listAccounts', path: '/admin/credits/accounts', tag: 'Accounts' },
    ...{ summary: 'All accounts with their credits', options: accountsSchema, answer: 'Accounts' },
    example: { limit: '10', max_available: '1000000' },
    run: ({ credits }, _, options) => credits.listAccounts(options),
  }),
  route({
    ...{ ...admin, name: 'createAccount', path: '/admin/credits/accounts', tag: 'Accounts' },
    ...{ summary: 'Make an account with options of its own', args: { userId: identifierSchema } },
    ...{ options: accountSchema, answer: 'Balance' },
    example: { user_id: 'user-3', overdraft_limit: 0, low_credit_threshold: '20%' },
    run: async ({ credits }, args, options) => balanceOf(await credits.createAccount(args.userId, options)),
  }),
  route({
    ...{ ...admin, method: 'PATCH', name: 'updateAccount', path: '/admin/credits/accounts/{user_id}' },
    ...{ tag: 'Accounts', summary: 'Change the options of an account', args: { userId: identifierSchema } },
    ...{ options: updateAccountSchema, answer: 'Balance' },
    example: { user_id: 'user-1', overdraft_limit: 'unlimited' },
    run: async ({ credits }, args, options) => balanceOf(await credits.updateAccount(args.userId, options)),
  }),
];

export const spendingRoutes: readonly Route[] = [...creditRoutes, ...reservationRoutes, ...accountRoutes];
