/** Plans, subscriptions and cycles. */
import { listSchema, mutationSchema, mutationShape, readSchema } from '../../models/inputs/credits.js';
import {
  cancelSchema,
  cycleInputSchema,
  pauseSchema,
  planInputSchema,
  plansSchema,
  planUpdateSchema,
  previewSchema,
  renewSchema,
  setPlanSchema,
  subscriptionsSchema,
  upgradeSchema,
} from '../../models/inputs/plans.js';
import { identifierSchema } from '../../models/inputs/values.js';
import { strictObject } from '../../models/strict-object.js';
import type { SubscriptionPlan } from '../../services/plans/contract.js';
import { alsoAt, type Route, route } from '../route.js';

const admin = { method: 'POST', who: 'admin' } as const;
const { idempotencyKey, reason, actor, correlationId, dryRun } = mutationShape;
/** The options of a change whose other fields are those of the thing itself. */
export const byShape = { idempotencyKey, reason, actor, correlationId, dryRun };

/** Those options, and the other fields. */
export function splitBy(given: Readonly<Record<string, unknown>>): { by: never; fields: never } {
  const isBy = ([name]: readonly [string, unknown]) => name in byShape;
  const entries = Object.entries(given);
  const [by, fields] = [entries.filter(isBy), entries.filter((entry) => !isBy(entry))];
  return { by: Object.fromEntries(by) as never, fields: Object.fromEntries(fields) as never };
}

/** The days of a period, for clients that need a number. */
const DAYS = { daily: 1, weekly: 7, monthly: 30, yearly: 365 } as const;

function planOnWire(plan: SubscriptionPlan) {
  return { ...plan, validityDays: plan.validityDays ?? DAYS[plan.billingPeriod] };
}

const planId = { planId: identifierSchema };
const addPlan = route({
  ...{ ...admin, name: 'addSubscriptionPlan', path: '/admin/credits/plans', tag: 'Plans', summary: 'Make a plan' },
  ...{ options: strictObject({ ...planInputSchema.shape, ...byShape }), answer: 'Plan', errors: ['CONFIGURATION'] },
  example: { name: 'Pro', credit_limit: 500, price: 9.99, billing_period: 'monthly', validity_days: 30 },
  async run({ manager }, _, options) {
    const { by, fields } = splitBy(options);
    return planOnWire(await manager.subscriptions.addSubscriptionPlan(fields, by));
  },
});

const planRoutes: readonly Route[] = [
  route({
    ...{ name: 'listOfferedPlans', method: 'GET', path: '/credits/plans', who: 'user', tag: 'Plans' },
    ...{ summary: 'The plans that are offered, newest first', options: listSchema, answer: 'Plans' },
    example: { limit: '10' },
    async run({ manager }, _, options: object) {
      const page = await manager.subscriptions.listSubscriptionPlans({ ...options, activeOnly: true });
      return { ...page, items: page.items.map(planOnWire) };
    },
  }),
  addPlan,
  alsoAt('/credits/plans', addPlan),
  route({
    ...{ name: 'listPlans', method: 'GET', path: '/admin/credits/plans', who: 'admin', tag: 'Plans' },
    ...{ summary: 'All plans, newest first', options: plansSchema, answer: 'Plans', example: { active_only: 'true' } },
    async run({ manager }, _, options) {
      const page = await manager.subscriptions.listSubscriptionPlans(options);
      return { ...page, items: page.items.map(planOnWire) };
    },
  }),
  route({
    ...{ name: 'getPlan', method: 'GET', path: '/admin/credits/plans/{plan_id}', who: 'admin', tag: 'Plans' },
    ...{ summary: 'One plan, by its id or its code', args: planId, options: readSchema, answer: 'Plan' },
    example: { plan_id: 'pro' },
    async run({ manager }, args, options) {
      const plan = await manager.subscriptions.getSubscriptionPlan(args.planId, options);
      return plan && planOnWire(plan);
    },
  }),
  route({
    ...{ ...admin, method: 'PATCH', name: 'updateSubscriptionPlan', path: '/admin/credits/plans/{plan_id}' },
    ...{ tag: 'Plans', summary: 'Change a plan, for subscriptions made from now on', args: planId },
    ...{ options: strictObject({ ...withoutId(planUpdateSchema.shape), ...byShape }), answer: 'Plan' },
    ...{ errors: ['PLAN_NOT_FOUND'], example: { plan_id: 'pro', description: 'For teams' } },
    async run({ manager }, args, options) {
      const { by, fields } = splitBy(options);
      const plan = { ...(fields as object), id: args.planId as string };
      return planOnWire(await manager.subscriptions.updateSubscriptionPlan(plan, by));
    },
  }),
  route({
    ...{ ...admin, name: 'deactivatePlan', path: '/admin/credits/plans/{plan_id}/deactivate', tag: 'Plans' },
    ...{ summary: 'Offer a plan no more', args: planId, options: mutationSchema, answer: 'Plan' },
    ...{ errors: ['PLAN_NOT_FOUND'], example: { plan_id: 'pro' } },
    run: async ({ manager }, args, options) =>
      planOnWire(await manager.subscriptions.deactivateSubscriptionPlan(args.planId, options)),
  }),
  route({
    ...{ ...admin, name: 'activatePlan', path: '/admin/credits/plans/{plan_id}/activate', tag: 'Plans' },
    ...{ summary: 'Offer a plan again', args: planId, options: mutationSchema, answer: 'Plan' },
    ...{ errors: ['PLAN_NOT_FOUND'], example: { plan_id: 'pro' } },
    run: async ({ manager }, args, options) =>
      planOnWire(await manager.subscriptions.activateSubscriptionPlan(args.planId, options)),
  }),
  route({
    ...{ name: 'deletePlan', method: 'DELETE', path: '/admin/credits/plans/{plan_id}', who: 'admin', tag: 'Plans' },
    ...{ summary: 'Delete a plan that nobody is on', args: planId, options: mutationSchema, answer: 'Deleted' },
    ...{ errors: ['PLAN_IN_USE'], example: { plan_id: 'unused' } },
    run: async ({ manager }, args, options) => ({
      deleted: await manager.subscriptions.deleteSubscriptionPlan(args.planId, options),
    }),
  }),
];

const tag = 'Subscriptions';
const userId = { userId: identifierSchema };
const ofUser = { args: userId, example: { user_id: 'user-1' } };

/** Reads of one's own subscription. */
export const subscriptionReads: readonly Route[] = [
  route({
    ...{ name: 'getSubscription', method: 'GET', path: '/credits/subscription/{user_id}', who: 'user', tag },
    ...{ summary: 'The subscription of a user, with what was used of its period' },
    ...{ ...ofUser, options: readSchema, answer: 'CurrentSubscription' },
    run: ({ manager }, args, options) => manager.subscriptions.getUserSubscription(args.userId, options),
  }),
  route({
    ...{ name: 'getSubscriptionHistory', method: 'GET', path: '/credits/subscription/{user_id}/history', who: 'user' },
    ...{ tag, summary: 'The changes of the subscriptions of a user, newest first' },
    ...{ ...ofUser, options: listSchema, answer: 'SubscriptionChanges' },
    run: ({ manager }, args, options) => manager.subscriptions.getSubscriptionHistory(args.userId, options),
  }),
  route({
    ...{ name: 'previewChange', method: 'GET', path: '/credits/subscription/{user_id}/preview', who: 'user', tag },
    ...{ summary: 'What a change of the plan would grant, without making it' },
    ...{ args: { ...userId, ...planId }, options: previewSchema, answer: 'ChangePreview' },
    ...{ errors: ['PLAN_NOT_FOUND', 'PLAN_INACTIVE', 'SUBSCRIPTION_NOT_FOUND'] },
    example: { user_id: 'user-1', plan_id: 'team' },
    run: ({ manager }, args, options) => manager.subscriptions.previewChange(args.userId, args.planId, options),
  }),
  route({
    ...{ name: 'listCycles', method: 'GET', path: '/credits/cycles/{user_id}', who: 'user', tag: 'Cycles' },
    ...{ summary: 'The cycles of a user, newest first', ...ofUser, options: listSchema, answer: 'Cycles' },
    run: ({ manager }, args, options) => manager.subscriptions.listCycles(args.userId, options),
  }),
];

const none = ['SUBSCRIPTION_NOT_FOUND'] as const;
const planned = ['PLAN_NOT_FOUND', 'PLAN_INACTIVE'] as const;

const subscriptionRoutes: readonly Route[] = [
  route({
    ...{ name: 'listSubscriptions', method: 'GET', path: '/admin/credits/subscriptions', who: 'admin', tag },
    ...{ summary: 'All subscriptions', options: subscriptionsSchema, answer: 'Subscriptions' },
    example: { plan_id: 'pro' },
    run: ({ manager }, _, options) => manager.subscriptions.listSubscriptions(options),
  }),
  route({
    ...{ ...admin, name: 'setUserSubscriptionPlan', path: '/admin/credits/subscriptions', tag },
    ...{ summary: 'Put a user on a plan, and grant its first period', args: { ...userId, ...planId } },
    ...{ options: setPlanSchema, answer: 'Subscription', errors: planned },
    example: { user_id: 'user-2', plan_id: 'pro' },
    run: ({ manager }, args, options) =>
      manager.subscriptions.setUserSubscriptionPlan(args.userId, args.planId, options),
  }),
  route({
    ...{ ...admin, name: 'upgradeUserSubscriptionPlan', path: '/admin/credits/subscriptions/{user_id}/upgrade', tag },
    ...{ summary: 'Change the plan of a user, up or down', args: { ...userId, ...planId } },
    ...{ options: upgradeSchema, answer: 'Subscription', errors: [...planned, ...none] },
    example: { user_id: 'user-1', plan_id: 'team' },
    run: ({ manager }, args, options) =>
      manager.subscriptions.upgradeUserSubscriptionPlan(args.userId, args.planId, options),
  }),
  route({
    ...{ ...admin, name: 'renewSubscription', path: '/admin/credits/subscriptions/{user_id}/renew', tag },
    ...{ summary: 'Say that a period was paid', args: userId, options: renewSchema, answer: 'Subscription' },
    ...{ errors: none, example: { user_id: 'payer', payment_id: 'payment-7' } },
    run: ({ manager }, args, options) => manager.subscriptions.renewSubscription(args.userId, options),
  }),
  route({
    ...{ ...admin, name: 'cancelUserSubscription', path: '/admin/credits/subscriptions/{user_id}/cancel', tag },
    ...{ summary: 'End a subscription, with its period or now', options: cancelSchema, answer: 'Subscription' },
    ...{ ...ofUser, errors: none },
    run: ({ manager }, args, options) => manager.subscriptions.cancelUserSubscription(args.userId, options),
  }),
  route({
    ...{ ...admin, name: 'pauseUserSubscription', path: '/admin/credits/subscriptions/{user_id}/pause', tag },
    ...{ summary: 'Stop the clock of a subscription', options: pauseSchema, answer: 'Subscription' },
    ...{ ...ofUser, errors: none },
    run: ({ manager }, args, options) => manager.subscriptions.pauseUserSubscription(args.userId, options),
  }),
  route({
    ...{ ...admin, name: 'resumeUserSubscription', path: '/admin/credits/subscriptions/{user_id}/resume', tag },
    ...{ summary: 'Go on with a paused subscription', options: mutationSchema, answer: 'Subscription' },
    ...{ args: userId, errors: none, example: { user_id: 'paused' } },
    run: ({ manager }, args, options) => manager.subscriptions.resumeUserSubscription(args.userId, options),
  }),
  route({
    ...{ name: 'deleteUserSubscriptionPlan', method: 'DELETE', path: '/admin/credits/subscriptions/{user_id}' },
    ...{ who: 'admin', tag, summary: 'Remove a subscription', options: mutationSchema, answer: 'Deleted' },
    ...{ args: userId, example: { user_id: 'payer' } },
    run: async ({ manager }, args, options) => ({
      deleted: await manager.subscriptions.deleteUserSubscriptionPlan(args.userId, options),
    }),
  }),
];

const cycleId = { cycleId: identifierSchema };

const cycleRoutes: readonly Route[] = [
  route({
    ...{ ...admin, name: 'startCycle', path: '/admin/credits/cycles', tag: 'Cycles' },
    ...{ summary: 'Grant credits for some days, once or again and again', args: userId },
    ...{ options: cycleInputSchema, answer: 'Cycle', errors: ['CYCLE_ACTIVE'] },
    example: { user_id: 'user-2', amount: 50, days: 30, recurring: true },
    run: ({ manager }, args, options) => manager.subscriptions.startCycle(args.userId, options),
  }),
  route({
    ...{ ...admin, name: 'stopCycle', path: '/admin/credits/cycles/{cycle_id}/stop', tag: 'Cycles' },
    ...{ summary: 'End the renewal of a cycle', args: cycleId, options: mutationSchema, answer: 'Cycle' },
    example: { cycle_id: 'c-1' },
    accounts: async ({ manager }, args) => [(await manager.subscriptions.getCycle(args.cycleId))?.userId ?? null],
    run: ({ manager }, args, options) => manager.subscriptions.stopCycle(args.cycleId, options),
  }),
];

export const planTable: readonly Route[] = [...planRoutes, ...subscriptionRoutes, ...cycleRoutes];

function withoutId<Shape extends { id: unknown }>({ id: _, ...shape }: Shape): Omit<Shape, 'id'> {
  return shape;
}
