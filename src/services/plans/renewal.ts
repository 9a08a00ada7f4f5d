/** Renewals: make up for the periods of a subscription that have begun. */
import type { MutationOptions } from '../../models/inputs/credits.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { Engine } from '../pipeline/engine.js';
import { type Answer, answered } from '../pipeline/operation.js';
import { accountsOf, renewedUntil, typesOf } from '../pipeline/renewals.js';

/** The units that were allocated, by credit type; the plan's own type; the end of the last period; all of it. */
export interface Renewal {
  readonly granted: Readonly<Record<string, number>>;
  readonly ownType: string;
  readonly until: number;
  readonly answer: Answer;
}

/** Allocates what is due of a subscription; null where nothing is due. */
export async function renew<S>(
  engine: Engine<S>,
  row: SubscriptionRow,
  options: MutationOptions<S>,
): Promise<Renewal | null> {
  const answer = answered(
    await engine.mutate({
      operation: 'allocate',
      accounts: accountsOf(row.userId, typesOf(row)),
      given: { subscriptionId: row.id },
      options,
      command: () => ({ type: 'renew', subscriptionId: row.id }),
    }),
  );
  const { entry } = answer;
  if (!entry) return null;
  const { granted = {}, ownType = 'credits' } = entry.details as Partial<Renewal>;
  return { granted, ownType, until: renewedUntil(entry), answer };
}
