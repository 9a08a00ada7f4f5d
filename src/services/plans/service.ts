/** The service of subscriptions: the verbs of plans, of subscriptions and of cycles, put together. */
import type { TemporalLike } from '../../core/periods.js';
import { named } from '../input/named.js';
import type { Engine } from '../pipeline/engine.js';
import type { SubscriptionService } from './contract.js';
import { Cycles } from './cycles.js';
import { definePlans } from './define-plans.js';
import { Plans } from './plans.js';
import { SubscriptionDirectory } from './subscription-directory.js';
import { Subscriptions } from './subscriptions.js';

export function subscriptionService<S>(engine: Engine<S>, temporal: TemporalLike | null): SubscriptionService<S> {
  const directory = new SubscriptionDirectory(engine);
  const plans = new Plans(engine, temporal);
  const subscriptions = new Subscriptions(directory);
  const cycles = new Cycles(directory);
  return named({
    addSubscriptionPlan: (plan, options) => plans.add(plan, options),
    updateSubscriptionPlan: (plan, options) => plans.update(plan, options),
    activateSubscriptionPlan: (plan, options) => plans.setActive(true, plan, options),
    deactivateSubscriptionPlan: (plan, options) => plans.setActive(false, plan, options),
    deleteSubscriptionPlan: (plan, options) => plans.delete(plan, options),
    getSubscriptionPlan: (plan, options) => plans.get(plan, options),
    definePlans: (list, options) => definePlans(plans, list, options),
    listSubscriptionPlans: (options) => plans.list(options),

    setUserSubscriptionPlan: (userId, plan, options) => subscriptions.set(userId, plan, options),
    changeUserSubscriptionPlan: (userId, plan, options) => subscriptions.upgrade(userId, plan, options),
    upgradeUserSubscriptionPlan: (userId, plan, options) => subscriptions.upgrade(userId, plan, options),
    previewChange: (userId, plan, options) => subscriptions.preview(userId, plan, options),
    renewSubscription: (userId, options) => subscriptions.renew(userId, options),
    setGracePeriod: (userId, options) => subscriptions.wait(userId, options),
    cancelUserSubscription: (userId, options) => subscriptions.cancel(userId, options),
    pauseUserSubscription: (userId, options) => subscriptions.pause(userId, options),
    resumeUserSubscription: (userId, options) => subscriptions.switchTo('resumed', userId, options),
    deleteUserSubscriptionPlan: (userId, options) => subscriptions.remove(userId, options),
    getUserSubscriptionPlan: (userId, options) => subscriptions.get(userId, options),
    getUserSubscription: (userId, options) => subscriptions.withUsage(userId, options),
    listSubscriptions: (options) => subscriptions.list(options),
    getSubscriptionHistory: (userId, options) => subscriptions.history(userId, options),

    startCycle: (userId, options) => cycles.start(userId, options),
    stopCycle: (cycle, options) => cycles.stop(cycle, options),
    getCycle: (id, options) => cycles.get(id, options),
    listCycles: (userId, options) => cycles.list(userId, options),
  });
}
