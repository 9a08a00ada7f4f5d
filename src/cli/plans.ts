/** Commands on plans. */
import type { ListOptions, MutationOptions, ReadOptions } from '../models/inputs/credits.js';
import type { PlanInput, UpdatePlanOptions } from '../models/inputs/plans.js';
import { billingPeriods } from '../models/plan.js';
import type { CliCommand, Flags } from './command.js';
import { byOf, found, NOTES, needing, ORDER } from './options.js';
import { changeCommand, listCommand, showCommand, type Typed } from './verbs.js';

const FIELDS: Flags = {
  code: { value: 'code', help: 'names the plan in your code' },
  name: { value: 'text', help: 'a name for people' },
  'credit-limit': { value: 'credits', help: 'credits of one period' },
  price: { value: 'money', help: 'of one period, in major units, as 19.99' },
  currency: { value: 'code', help: 'ISO 4217, as USD' },
  'billing-period': { value: billingPeriods.join('|'), help: 'the length of a period' },
  'allocation-period': { value: billingPeriods.join('|'), help: 'how often credits are granted within a period' },
  'validity-days': { value: 'days', is: 'whole', help: 'until the credits of a period expire' },
  'credit-type': { value: 'name', help: 'default credits' },
  'also-grants': { value: 'json', is: 'json', help: 'of other types: [{"creditType": "image", "creditLimit": 5}]' },
  'trial-days': { value: 'days', is: 'whole', help: 'of a first period that is not billed' },
  'rollover-cap': { value: 'credits', help: 'the most that the next period takes over' },
  'credit-decimals': { value: '0-6', is: 'whole', help: 'decimals of the shares of a limit that changes grant' },
  'renew-on': { value: 'clock|payment', help: 'when a period is granted; default clock' },
  'grace-days': { value: 'days', is: 'whole', help: 'that a subscription waits for a payment' },
  'time-zone': { value: 'zone', help: 'IANA name; default UTC' },
  ...NOTES,
};

const APPLY_TO = {
  value: 'new|renewals',
  help: 'renewals: present subscribers follow with their next period; default new',
};

type Plan = { manager: Typed['manager']; args: Typed['args'] };

async function planOf({ manager, args: [plan] }: Plan) {
  return found(await manager.subscriptions.getSubscriptionPlan(plan, { fresh: true }), `plan ${plan}`);
}

async function ofPlan(typed: Plan, would: string): Promise<string> {
  const { name, id } = await planOf(typed);
  return `This would ${would} the plan ${name} (${id}).`;
}

export const planCommands: readonly CliCommand[] = [
  listCommand(
    {
      ...{ name: 'plans list', args: [], help: 'list plans' },
      flags: {
        'active-only': { value: 'yes|no', is: 'yes-no', help: 'yes: only those that are offered; default no' },
        ...ORDER,
      },
    },
    ({ manager, options }: Typed<ReadOptions<unknown> & ListOptions>) =>
      manager.subscriptions.listSubscriptionPlans({ ...options, fresh: true }),
    ['id', 'code', 'name', 'creditLimit', 'creditType', 'billingPeriod', 'price', 'currency', 'isActive'],
  ),
  showCommand({ name: 'plans show', args: ['plan'], help: 'show a plan, by its id or code' }, planOf),
  changeCommand(
    {
      ...{ name: 'plans create', args: [], help: 'make a plan' },
      flags: needing(FIELDS, ['name', 'credit-limit', 'price', 'billing-period']),
    },
    ({ manager, options }: Typed<MutationOptions<unknown> & PlanInput>) => {
      const [by, plan] = byOf(options);
      return manager.subscriptions.addSubscriptionPlan(plan, by);
    },
  ),
  changeCommand(
    {
      ...{ name: 'plans change', args: ['plan'], flags: { ...FIELDS, 'apply-to': APPLY_TO } },
      help: 'change fields of a plan, for later subscriptions',
    },
    async (typed: Typed<UpdatePlanOptions<unknown> & Partial<PlanInput>>) => {
      const [by, { applyTo, ...fields }] = byOf(typed.options);
      const { id } = await planOf(typed);
      return typed.manager.subscriptions.updateSubscriptionPlan({ ...fields, id }, { ...by, applyTo });
    },
  ),
  changeCommand(
    { name: 'plans end', args: ['plan'], help: 'offer a plan no more; it renews nobody' },
    ({ manager, args: [plan], options }: Typed<MutationOptions<unknown>>) =>
      manager.subscriptions.deactivateSubscriptionPlan(plan, options),
    (typed) => ofPlan(typed, 'stop offering and renewing'),
  ),
  changeCommand(
    { name: 'plans resume', args: ['plan'], help: 'offer a plan again' },
    ({ manager, args: [plan], options }: Typed<MutationOptions<unknown>>) =>
      manager.subscriptions.activateSubscriptionPlan(plan, options),
  ),
  changeCommand(
    { name: 'plans delete', args: ['plan'], help: 'delete a plan that nobody has' },
    async ({ manager, args: [plan], options }: Typed<MutationOptions<unknown>>) => ({
      deleted: await manager.subscriptions.deleteSubscriptionPlan(plan, options),
    }),
    (typed) => ofPlan(typed, 'delete'),
  ),
];
