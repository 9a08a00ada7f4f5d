/** The credits that the current period of a subscription was granted, and what became of them. */
import { dueDraft } from '../../core/advance.js';
import { toCredits } from '../../core/amounts.js';
import type { OpenGrant } from '../../models/account.js';
import type { GrantRow } from '../../models/grant.js';
import type { ReadOptions } from '../../models/inputs/credits.js';
import type { PeriodUsage } from '../../models/records/subscription.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { Engine } from '../pipeline/engine.js';
import { typesOf } from '../pipeline/renewals.js';

type Parts = Pick<OpenGrant | GrantRow, 'amount' | 'remaining' | 'expired' | 'revoked'>;

/** A subscription as it is now, and one line for each credit type of its plan. */
export interface UsedSubscription {
  readonly row: SubscriptionRow;
  readonly usage: readonly PeriodUsage[];
  /** The instant: time never moves backwards on an account. */
  readonly asOf: number;
}

/** Null for a user who has no subscription. */
export function periodUsage<S>(
  engine: Engine<S>,
  userId: string,
  { session, fresh, ...options }: ReadOptions<S>,
): Promise<UsedSubscription | null> {
  return engine.read({ session, ...options }, async (timeoutMs) => {
    const how = { session, fresh, timeoutMs };
    const now = engine.now();
    const own = engine.account('credits', userId);
    const { subscription: row, accounts, grants } = await engine.renewedAt(own, now, how);
    if (row === null) return null;
    const asOf = Math.max(now, ...accounts.map(({ at }) => at));
    const ids = Object.values(row.lots).flat();
    const stored = await engine.store.getMany('grant', ids, how);
    const closed = new Map([...stored.map((grant) => [grant?.id, grant] as const), ...grants]);
    const usage = [...new Set(typesOf(row))].map((creditType) => {
      const account = accounts.find((one) => one.creditType === creditType);
      const open = account ? dueDraft(account, asOf, engine.readingContext(creditType)).account.grants : [];
      const lots = (row.lots[creditType] ?? []).flatMap(
        (id) => open.find((lot) => lot.id === id) ?? closed.get(id) ?? [],
      );
      return usageOf(creditType, lots, engine.scale);
    });
    return { row, usage, asOf };
  });
}

function usageOf(creditType: string, lots: readonly Parts[], scale: number): PeriodUsage {
  const sum = (unitsOf: (lot: Parts) => number) =>
    toCredits(
      lots.reduce((all, lot) => all + unitsOf(lot), 0),
      scale,
    );
  return {
    creditType,
    granted: sum(({ amount, revoked }) => amount - revoked),
    used: sum(({ amount, remaining, expired, revoked }) => amount - remaining - expired - revoked),
    remaining: sum(({ remaining }) => remaining),
  };
}
