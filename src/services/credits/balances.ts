/** Reads a user's totals, and previews deductions. */
import { availableOf, emptyAccount } from '../../core/account.js';
import { toCredits } from '../../core/amounts.js';
import { freePart, isSpendable } from '../../core/burn-down.js';
import { previewDebit } from '../../core/deduction-preview.js';
import { transactionTypes } from '../../models/enums.js';
import type { ReadOptions } from '../../models/inputs/credits.js';
import * as schemas from '../../models/inputs/credits.js';
import { instantSchema } from '../../models/inputs/values.js';
import { parse, parseId, parseReadOptions } from '../input/parse.js';
import type { AccountsNow } from './accounts-now.js';
import type { CreditReads } from './contract.js';
import { infoAfter, infoOf, toGrant } from './records.js';
import type { Verbs } from './verbs.js';

const DAY_MS = 24 * 3600 * 1000;

type Balances<S> = Pick<
  CreditReads<S>,
  | 'getUserCreditsInfo'
  | 'getUsersCreditsInfo'
  | 'getReservedCredits'
  | 'getBalanceAt'
  | 'getExpiringCreditsInDays'
  | 'previewDeduction'
  | 'canAfford'
>;

export function balances<S>(verbs: Verbs<S>, accounts: AccountsNow<S>): Balances<S> {
  const { engine, scale, creditType } = verbs;

  const reads: Balances<S> = {
    async getUserCreditsInfo(userId, given) {
      const user = parseId(userId, 'userId');
      const account = await accounts.balance(user, parseReadOptions(given));
      return infoOf(account, account.at, scale);
    },

    async getUsersCreditsInfo(userIds, given) {
      const users = parse(schemas.userIdsSchema, userIds, 'userIds');
      const options: ReadOptions<S> = parseReadOptions(given);
      const found = await Promise.all(users.map((user) => accounts.balance(user, options)));
      return found.map((account) => infoOf(account, account.at, scale));
    },

    async getReservedCredits(userId, given) {
      return (await reads.getUserCreditsInfo(userId, given)).reserved;
    },

    async getBalanceAt(userId, instant, given) {
      const user = parseId(userId, 'userId');
      const at = parse(instantSchema, instant, 'instant');
      const options: ReadOptions<S> = parseReadOptions(given);
      const { session, fresh } = options;
      return engine.read(options, async (timeoutMs) => {
        const how = { session, fresh, timeoutMs };
        const account = await accounts.storedAtOnce(user, how);
        if (at >= account.at) {
          const then = await accounts.at(account, at, how);
          // No first write makes a trial grant in the past.
          return infoOf(at < engine.now() ? then : accounts.withTrial(then), at, scale);
        }
        const query = {
          index: 'history',
          equals: { account: account.key },
          range: { field: 'at', lte: new Date(at) },
          anyOf: { field: 'type', values: transactionTypes },
          direction: 'desc',
        } as const;
        const entry = await engine.store.findOne('entry', query, how);
        return entry ? infoAfter(entry, new Date(at), scale) : infoOf(emptyAccount(creditType, user), at, scale);
      });
    },

    async getExpiringCreditsInDays(userId, days, given) {
      const user = parseId(userId, 'userId');
      const within = parse(schemas.daysSchema, days, 'days') * DAY_MS;
      const account = await accounts.now(user, parseReadOptions(given));
      return account.grants
        .filter((grant) => grant.expiresAt !== null && grant.expiresAt <= account.at + within)
        .filter((grant) => isSpendable(grant, account.at) && freePart(grant) > 0)
        .sort((a, b) => (a.expiresAt as number) - (b.expiresAt as number))
        .map((grant) => toGrant(account, grant, scale));
    },

    async previewDeduction(userId, amount, given) {
      const user = parseId(userId, 'userId');
      const units = verbs.units(amount);
      const account = await accounts.now(user, parseReadOptions(given));
      const { shortfall, draws } = previewDebit(account, units);
      return {
        sufficient: shortfall === 0,
        shortfall: toCredits(shortfall, scale),
        draws: draws.map((draw) => ({ grantId: draw.grantId, amount: toCredits(draw.amount, scale) })),
      };
    },

    async canAfford(userId, amount, given) {
      const user = parseId(userId, 'userId');
      const units = verbs.units(amount);
      const account = await accounts.balance(user, parseReadOptions(given));
      return availableOf(account) >= units;
    },
  };
  return reads;
}
