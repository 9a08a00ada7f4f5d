/** The work that a scheduler can do for one user: expiry, and the allocation of a subscription. */
import { toCredits } from '../../core/amounts.js';
import { creditError } from '../../errors.js';
import type { CreditService } from '../credits/contract.js';
import { parseMutationOptions, parseRef } from '../input/parse.js';
import type { Engine } from '../pipeline/engine.js';
import { ROUNDS_MAX } from '../pipeline/renewals.js';
import { renew } from '../plans/renewal.js';
import { SubscriptionDirectory } from '../plans/subscription-directory.js';
import type { ExpirationService } from './contract.js';

export function expirationService<S>(engine: Engine<S>, credits: CreditService<S>): ExpirationService<S> {
  const directory = new SubscriptionDirectory(engine);
  return {
    checkCreditExpiration: (userId, options) => credits.expireCredits(userId, options),

    async allocateSubscriptionCredits(subscription, plan, given) {
      const id = parseRef(subscription, 'subscription');
      if (plan !== undefined) parseRef(plan, 'plan');
      const options = parseMutationOptions(given);
      const rest = engine.startDeadline(options);
      const row = await directory.byId(id, options);
      const renewal = row && (await renew(engine, row, rest()));
      let units = renewal?.granted[renewal.ownType] ?? 0;
      // One operation makes up for a hundred periods. A key belongs to the first one, and so does a repeated answer.
      const { idempotencyKey, ...unkeyed } = options;
      let last = options.dryRun ? null : renewal;
      for (let round = 1; row && last && last.until <= engine.now() && round < ROUNDS_MAX; round++) {
        last = await renew(engine, row, { ...unkeyed, timeoutMs: rest().timeoutMs });
        if (idempotencyKey === undefined) units += last?.granted[last.ownType] ?? 0;
      }
      // A repeated call answers what the first one did, even if the subscription was removed since.
      if (!row || (renewal === null && row.status === 'removed')) {
        const message = 'There is no subscription with this id.';
        throw creditError('SUBSCRIPTION_NOT_FOUND', message, { userId: '' });
      }
      const { granted = {} } = renewal ?? {};
      return { granted: toCredits(units, engine.scale), alreadyAllocated: Object.keys(granted).length === 0 };
    },
  };
}
