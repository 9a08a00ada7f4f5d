/** Shows an account: its options in force and its own, and its lifetime totals. */
import type { Account } from '../../core/account.js';
import { toCredits } from '../../core/amounts.js';
import type { Defaults } from '../../core/decision.js';
import { type Totals, totalCredits, withEntry } from '../../core/totals.js';
import type { AccountOptions } from '../../models/account.js';
import type { AccountInfo } from '../../models/records/account.js';
import { parseId, parseReadOptions } from '../input/parse.js';
import type { AccountsNow } from './accounts-now.js';
import type { CreditReads } from './contract.js';
import { countedTotals } from './lifetime.js';
import type { Verbs } from './verbs.js';

export function accountInfo<S>(
  { engine, scale }: Verbs<S>,
  accounts: AccountsNow<S>,
): Pick<CreditReads<S>, 'getAccount'> {
  return {
    async getAccount(userId, given) {
      const user = parseId(userId, 'userId');
      const options = parseReadOptions<S>(given);
      const { session, fresh } = options;
      const rest = engine.startDeadline(options);
      const { stored, due } = await accounts.withDue(user, rest());
      if (stored.seq === 0) return null;
      const find: Parameters<typeof countedTotals>[1] = (query) =>
        engine.read(rest(), (timeoutMs) => engine.store.find('entry', query, { session, fresh, timeoutMs }));
      let totals = stored.totals ?? (await countedTotals(stored, find));
      for (const entry of due) totals = withEntry(totals, entry);
      return infoOf(stored, accounts.context.defaults, totals, scale);
    },
  };
}

function infoOf(account: Account, defaults: Defaults, totals: Totals, scale: number): AccountInfo {
  const { userId, creditType, createdAt } = account;
  const { overdraftLimit, lowCreditThreshold, metadata } = account.options;
  return {
    userId,
    creditType,
    options: {
      overdraftLimit: limitOf(overdraftLimit ?? defaults.overdraftLimit ?? 'unlimited', scale),
      lowCreditThresholds: thresholdsOf(lowCreditThreshold ?? defaults.lowCreditThreshold ?? 'none', scale),
    },
    ownOptions: {
      ...(overdraftLimit !== null && { overdraftLimit: limitOf(overdraftLimit, scale) }),
      ...(lowCreditThreshold !== null && { lowCreditThresholds: thresholdsOf(lowCreditThreshold, scale) }),
    },
    metadata: metadata && structuredClone(metadata),
    createdAt: new Date(createdAt),
    updatedAt: new Date(account.at),
    lifetimeAdded: totalCredits(totals.added, scale),
    lifetimeSpent: totalCredits(totals.spent, scale),
    lastRechargeAt: totals.rechargedAt === null ? null : new Date(totals.rechargedAt),
  };
}

function limitOf(limit: NonNullable<AccountOptions['overdraftLimit']>, scale: number): number | 'unlimited' {
  return limit === 'unlimited' ? limit : toCredits(limit, scale);
}

function thresholdsOf(
  threshold: NonNullable<AccountOptions['lowCreditThreshold']>,
  scale: number,
): AccountInfo['options']['lowCreditThresholds'] {
  if (threshold === 'none') return [];
  return [threshold].flat().map((one) => (typeof one === 'number' ? toCredits(one, scale) : one));
}
