/** The draws that a deduction would make, counting the trial grant that a first write would make. */
import type { Draw } from '../models/values.js';
import { type Account, availableOf } from './account.js';
import { freePart, isSpendable } from './burn-down.js';
import type { Context } from './decision.js';

/**
 * Takes an account that was advanced to now. The shortfall counts debt, which new credits would repay first. `draws`
 * cover the credits that are there; the trial grant to be made is named `trial`.
 */
export function previewDebit(
  account: Account,
  amount: number,
  { defaults }: Context,
): { shortfall: number; draws: readonly Draw[] } {
  const trial = account.seq === 0 && account.trialAmount === null ? defaults.trialCredits : 0;
  const available = availableOf(account) + trial;
  const draws: Draw[] = [];
  let left = Math.min(amount, Math.max(0, available));
  for (const grant of account.grants) {
    const part = isSpendable(grant, account.at) ? Math.min(freePart(grant), left) : 0;
    if (part > 0) draws.push({ grantId: grant.id, amount: part });
    left -= part;
  }
  if (left > 0) draws.push({ grantId: 'trial', amount: left });
  return { shortfall: Math.max(0, amount - available), draws };
}
