/** Makes up for the periods of a subscription that have begun. */
import { creditError, isCreditError } from '../../errors.js';
import type { MutationOptions } from '../../models/inputs/credits.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { Engine } from '../pipeline/engine.js';
import { accountsOf, type SubscriptionDirectory, typesOf } from './subscription-directory.js';

/** Operations that one subscription may need: each makes up for a hundred periods. */
export const ROUNDS_MAX = 50;

/** Units that were allocated by credit type, the plan's own type, and the end of the last period. */
export interface Renewal {
  readonly granted: Readonly<Record<string, number>>;
  readonly ownType: string;
  readonly until: number;
}

/** Allocates what is due of a subscription; null where nothing was. */
export async function renew<S>(
  engine: Engine<S>,
  row: SubscriptionRow,
  options: MutationOptions<S>,
): Promise<Renewal | null> {
  const { entry } = await engine.mutate({
    operation: 'allocate',
    accounts: accountsOf(engine, row.userId, typesOf(row)),
    given: { subscriptionId: row.id },
    options,
    command: () => ({ type: 'renew', subscriptionId: row.id }),
  });
  if (!entry) return null;
  const details = entry.details as Partial<Renewal> & { subscription?: { periodEnd: string } };
  const { granted = {}, ownType = 'credits', subscription } = details;
  return { granted, ownType, until: Date.parse(subscription?.periodEnd ?? '') };
}

/**
 * The same before another change of the subscription: whether the job was late is nothing to the user, and the change
 * is one of the period that runs by now.
 *
 * @throws what says that this call was not applied: the outcome of the change is the caller's matter, not this one's.
 */
export async function renewIfLate<S>(
  directory: SubscriptionDirectory<S>,
  operation: string,
  row: SubscriptionRow | null,
  rest: () => MutationOptions<S>,
): Promise<void> {
  if (row?.dueAt == null || row.dueAt.getTime() > (await directory.now(row, rest()))) return;
  if (await directory.isRepeated(operation, row.userId, rest())) return;
  try {
    // One operation makes up for so many periods and no more.
    for (let granted: unknown = row, round = 0; granted !== null && round < ROUNDS_MAX; round++) {
      const { session, signal, timeoutMs } = rest();
      granted = await renew(directory.engine, row, { session, signal, timeoutMs });
    }
  } catch (error) {
    if (!isCreditError(error)) throw error;
    if (error.code === 'OUTCOME_UNKNOWN') {
      const message = 'A period that has begun could not be allocated for certain. Nothing was changed; try again.';
      throw creditError('STORAGE_UNAVAILABLE', message, {}, { cause: error });
    }
    // Who cannot be granted to may leave all the same.
    if (error.retryable) throw error;
  }
}
