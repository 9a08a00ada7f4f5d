/** Renewals: make up for the periods of a subscription that have begun. */
import { creditError, isCreditError } from '../../errors.js';
import type { MutationOptions } from '../../models/inputs/credits.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { Engine } from '../pipeline/engine.js';
import { accountsOf, type SubscriptionDirectory, typesOf } from './subscription-directory.js';

/** Operations that one subscription may need: each makes up for a hundred periods. */
export const ROUNDS_MAX = 50;

/** The units that were allocated, by credit type; the plan's own type; the end of the last period. */
export interface Renewal {
  readonly granted: Readonly<Record<string, number>>;
  readonly ownType: string;
  readonly until: number;
}

/** Allocates what is due of a subscription; null where nothing is due. */
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
 * Does the same before another change of the subscription, as often as something is due: the user is not to notice a
 * job that was late, and the change is one of the period that runs by now.
 *
 * @returns whether anything was tried, so that the row is an old one.
 * @throws errors that say for certain that this call was not applied: the outcome of the change itself is told by the
 * change.
 */
export async function renewIfLate<S>(
  directory: SubscriptionDirectory<S>,
  operation: string,
  row: SubscriptionRow | null,
  rest: () => MutationOptions<S>,
): Promise<boolean> {
  if (row?.dueAt == null || row.dueAt.getTime() > (await directory.now(row, rest()))) return false;
  if (await directory.isRepeated(operation, row.userId, rest())) return false;
  try {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const { session, signal, timeoutMs } = rest();
      if ((await renew(directory.engine, row, { session, signal, timeoutMs })) === null) break;
    }
  } catch (error) {
    if (!isCreditError(error)) throw error;
    if (error.code === 'OUTCOME_UNKNOWN') {
      const message = 'A period that has begun could not be allocated for certain. Nothing was changed; try again.';
      throw creditError('STORAGE_UNAVAILABLE', message, {}, { cause: error });
    }
    // A user who cannot be granted anything may leave the plan all the same.
    if (error.retryable) throw error;
  }
  return true;
}
