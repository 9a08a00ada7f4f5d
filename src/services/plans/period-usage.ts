/** The credits that the current period of a subscription was granted, and what became of them. */
import { dueDraft } from '../../core/advance.js';
import { toCredits } from '../../core/amounts.js';
import { accountFromRow } from '../../core/rows.js';
import type { AccountRow, OpenGrant } from '../../models/account.js';
import type { GrantRow } from '../../models/grant.js';
import type { ReadOptions } from '../../models/inputs/credits.js';
import type { PeriodUsage } from '../../models/records/subscription.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { Engine } from '../pipeline/engine.js';
import { typesOf } from './subscription-directory.js';

type Parts = Pick<OpenGrant | GrantRow, 'amount' | 'remaining' | 'expired' | 'revoked'>;

/** One line for each credit type of the plan, at `asOf`: time never moves backwards on an account. */
export async function periodUsage<S>(
  engine: Engine<S>,
  row: SubscriptionRow,
  { session, fresh, ...options }: ReadOptions<S>,
): Promise<{ readonly usage: readonly PeriodUsage[]; readonly asOf: number }> {
  const types = [...new Set(typesOf(row))];
  const ids = types.flatMap((creditType) => row.lots[creditType] ?? []);
  const [accounts, grants] = await engine.read({ session, ...options }, (timeoutMs) => {
    const { store } = engine;
    const how = { session, fresh, timeoutMs };
    const keys = types.map((creditType) => engine.account(creditType, row.userId).key);
    return Promise.all([store.getMany('account', keys, how), store.getMany('grant', ids, how)]);
  });
  const asOf = Math.max(engine.now(), ...accounts.map((account) => account?.at.getTime() ?? 0));
  const closed = new Map(grants.map((grant) => [grant?.id, grant]));
  const usage = types.map((creditType, i) => {
    const open = openGrants(engine, accounts[i] ?? null, asOf);
    const lots = (row.lots[creditType] ?? []).flatMap((id) => open.get(id) ?? closed.get(id) ?? []);
    return usageOf(creditType, lots, engine.scale);
  });
  return { usage, asOf };
}

/** The grants that were open when the account was last written, as they are at `asOf`. */
function openGrants<S>(engine: Engine<S>, row: AccountRow | null, asOf: number): ReadonlyMap<string, OpenGrant> {
  if (row === null) return new Map();
  const { account } = dueDraft(accountFromRow(row), asOf, engine.readingContext(row.creditType));
  return new Map(account.grants.map((grant) => [grant.id, grant]));
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
