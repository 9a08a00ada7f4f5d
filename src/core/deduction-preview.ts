/** The draws that a deduction would make. */
import type { Draw } from '../models/values.js';
import { type Account, availableOf } from './account.js';
import { freePart, isSpendable } from './burn-down.js';

/** Takes an account as it is now. The shortfall counts debt, which new credits would repay first. */
export function previewDebit(account: Account, amount: number): { shortfall: number; draws: readonly Draw[] } {
  const available = availableOf(account);
  const draws: Draw[] = [];
  let left = Math.min(amount, Math.max(0, available));
  for (const grant of account.grants) {
    const part = isSpendable(grant, account.at) ? Math.min(freePart(grant), left) : 0;
    if (part > 0) draws.push({ grantId: grant.id, amount: part });
    left -= part;
  }
  return { shortfall: Math.max(0, amount - available), draws };
}
