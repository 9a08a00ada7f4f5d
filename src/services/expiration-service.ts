/** What a scheduler calls for one user: expiry, and the allocation of a subscription. */
import { toCredits } from '../core/amounts.js';
import { creditError } from '../errors.js';
import { type MutationOptions, mutationSchema } from '../models/inputs.js';
import type { SubscriptionRow } from '../models/subscription.js';
import type { CreditService } from './credit-service-types.js';
import type { Engine } from './engine.js';
import { parse, parseRef } from './input.js';
import { accountsOf, SubscriptionDirectory, typesOf } from './subscription-service.js';
import type { ExpirationService } from './subscription-types.js';

export function expirationService<S>(engine: Engine<S>, credits: CreditService<S>): ExpirationService<S> {
  const directory = new SubscriptionDirectory(engine);
  return {
    checkCreditExpiration: (userId, options) => credits.expireCredits(userId, options),

    async allocateSubscriptionCredits(subscription, plan, given) {
      const id = parseRef(subscription, 'subscription');
      if (plan !== undefined) parseRef(plan, 'plan');
      const options = given === undefined ? {} : (parse(mutationSchema, given) as MutationOptions<S>);
      const rest = engine.startDeadline(options);
      const row = await directory.byId(id, options);
      if (!row || row.status === 'removed') {
        const message = 'There is no subscription with this id.';
        throw creditError('SUBSCRIPTION_NOT_FOUND', message, { userId: '' });
      }
      const granted = await renew(engine, row, rest());
      const own = row.terms.grants[0]?.creditType ?? 'credits';
      return {
        granted: toCredits(granted[own] ?? 0, engine.scale),
        alreadyAllocated: Object.keys(granted).length === 0,
      };
    },
  };
}

/** Allocates what is due of a subscription, and answers the units granted by credit type. */
export async function renew<S>(
  engine: Engine<S>,
  row: SubscriptionRow,
  options: MutationOptions<S>,
): Promise<Readonly<Record<string, number>>> {
  const { entry } = await engine.mutate({
    operation: 'allocate',
    accounts: accountsOf(engine, row.userId, typesOf(row)),
    given: { subscriptionId: row.id },
    options,
    command: () => ({ type: 'renew', subscriptionId: row.id }),
  });
  return (entry?.details.granted ?? {}) as Readonly<Record<string, number>>;
}
