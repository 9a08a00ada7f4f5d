/** Commands on the subscriptions of users. */
import type { ListOptions, MutationOptions, ReadOptions } from '../models/inputs/credits.js';
import type {
  CancelOptions,
  GraceOptions,
  PauseOptions,
  RenewOptions,
  SetPlanOptions,
  SubscriptionListOptions,
  UpgradeOptions,
} from '../models/inputs/plans.js';
import { subscriptionStatusSchema } from '../models/subscription.js';
import type { CliCommand, Flags } from './command.js';
import { found, NOTES, ORDER } from './options.js';
import { changeCommand, listCommand, showCommand, type Typed } from './verbs.js';

const RENEW: Flags = { 'auto-renew': { value: 'yes|no', is: 'yes-no', help: 'whether it renews; default yes' } };
const WHEN = 'now|period_end';

const list: Flags = {
  'plan-id': { value: 'id', help: 'those on this plan, by its id or code' },
  status: { value: subscriptionStatusSchema.exclude(['removed']).options.join('|'), help: 'those with this status' },
  'due-before': { value: 'instant', help: 'those that renew or end before it, soonest first' },
};
const create: Flags = {
  ...RENEW,
  allocate: { value: 'yes|no', is: 'yes-no', help: 'whether the period is granted at once; default yes' },
  ...NOTES,
};
const change: Flags = {
  when: { value: WHEN, help: 'default now; period_end for a lower limit' },
  ...RENEW,
  proration: { value: 'none|time|full', help: 'the share of the new limit; default none: a new period' },
  credit: { value: 'deduct|keep', help: 'whether credits of the old period count; default deduct' },
  ...NOTES,
};
const pause: Flags = {
  'freeze-credits': { value: 'yes|no', is: 'yes-no', help: 'yes: credits of the period do not lapse; default no' },
  ...NOTES,
};
const renew: Flags = {
  'payment-id': { value: 'id', help: 'names the payment: one pays one period', needed: true },
  'period-start': { value: 'instant', help: 'of the period that was paid; default the next unpaid one' },
  ...NOTES,
};

type Changing = Typed<MutationOptions<unknown>>;

async function ownOf({ manager, args: [user] }: Pick<Typed, 'manager' | 'args'>) {
  const own = await manager.subscriptions.getUserSubscriptionPlan(user, { fresh: true });
  return found(own, `subscription of ${user}`);
}

/** The sentence of a change, with the subscription as it is. */
const ofOwn = (would: string) => async (typed: Pick<Typed, 'manager' | 'args'>) => {
  const { userId, planName, status, periodEnd } = await ownOf(typed);
  const now = `${planName}, ${status}, until ${periodEnd.toISOString()}`;
  return `This would ${would} the subscription of ${userId} (${now}).`;
};

async function previewOf(
  { manager, args: [user, plan] }: Typed<unknown>,
  given: Pick<UpgradeOptions, 'when' | 'proration' | 'credit'>,
): Promise<string> {
  const { granted, subscription } = await manager.subscriptions.previewChange(user, plan, { ...given, fresh: true });
  const credits = Object.entries(granted).map(([type, amount]) => `${amount} ${type}`);
  const end = subscription.periodEnd.toISOString();
  return `This would grant ${user} ${credits.join(', ') || 'nothing'} now; the period would end at ${end}.`;
}

export const subscriptionCommands: readonly CliCommand[] = [
  listCommand(
    { name: 'subscriptions list', args: [], help: 'list subscriptions of all users', flags: { ...list, ...ORDER } },
    ({ manager, options }: Typed<SubscriptionListOptions<unknown>>) => manager.subscriptions.listSubscriptions(options),
    ['userId', 'planId', 'planName', 'status', 'periodEnd', 'validUntil', 'autoRenew'],
  ),
  showCommand(
    { name: 'subscriptions show', args: ['user'], help: 'show the subscription of a user, and its usage' },
    ({ manager, args: [user] }) => manager.subscriptions.getUserSubscription(user, { fresh: true }),
  ),
  listCommand(
    { name: 'subscriptions history', args: ['user'], help: 'list the changes of it, newest first', flags: ORDER },
    ({ manager, args: [user], options }: Typed<ReadOptions<unknown> & ListOptions>) =>
      manager.subscriptions.getSubscriptionHistory(user, options),
    ['id', 'at', 'message'],
  ),
  changeCommand(
    { name: 'subscriptions create', args: ['user', 'plan'], help: 'put a user on a plan', flags: create },
    ({ manager, args: [user, plan], options }: Typed<SetPlanOptions<unknown>>) =>
      manager.subscriptions.setUserSubscriptionPlan(user, plan, options),
    ({ args: [user, plan] }) => `This would put ${user} on the plan ${plan}, in place of any other.`,
  ),
  changeCommand(
    { name: 'subscriptions change', args: ['user', 'plan'], help: 'move a user to another plan', flags: change },
    ({ manager, args: [user, plan], options }: Typed<UpgradeOptions<unknown>>) =>
      manager.subscriptions.changeUserSubscriptionPlan(user, plan, options),
    (typed) => {
      const { when, proration, credit } = typed.options;
      return previewOf(typed, { when, proration, credit });
    },
  ),
  changeCommand(
    { name: 'subscriptions renew', args: ['user'], help: 'tell that a period is paid', flags: renew, unkeyed: true },
    ({ manager, args: [user], options }: Typed<RenewOptions<unknown>>) =>
      manager.subscriptions.renewSubscription(user, options),
    ofOwn('count a period as paid of'),
  ),
  changeCommand(
    {
      ...{ name: 'subscriptions wait', args: ['user'], help: 'say how long it waits for its next payment' },
      flags: { until: { value: 'instant', help: 'when it ends unpaid', needed: true }, ...NOTES },
    },
    ({ manager, args: [user], options }: Typed<GraceOptions<unknown>>) =>
      manager.subscriptions.setGracePeriod(user, options),
    ofOwn('move the end of the grace of'),
  ),
  changeCommand(
    {
      ...{ name: 'subscriptions end', args: ['user'], help: 'end the renewal of a subscription, or all of it' },
      flags: { when: { value: WHEN, help: 'default period_end' }, ...NOTES },
    },
    ({ manager, args: [user], options }: Typed<CancelOptions<unknown>>) =>
      manager.subscriptions.cancelUserSubscription(user, options),
    (typed) => ofOwn(typed.options.when === 'now' ? 'end now' : 'end the renewal of')(typed),
  ),
  changeCommand(
    { name: 'subscriptions pause', args: ['user'], help: 'stop the clock of the period', flags: pause },
    ({ manager, args: [user], options }: Typed<PauseOptions<unknown>>) =>
      manager.subscriptions.pauseUserSubscription(user, options),
    ofOwn('pause'),
  ),
  changeCommand(
    { name: 'subscriptions resume', args: ['user'], help: 'go on with the rest of the period', flags: NOTES },
    ({ manager, args: [user], options }: Changing) => manager.subscriptions.resumeUserSubscription(user, options),
    ofOwn('resume'),
  ),
];
