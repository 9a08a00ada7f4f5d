/** The public promise of plans, subscriptions and cycles: the verbs, and the errors of each. */
import type { DefineOptions, ListOptions, MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import type {
  CancelOptions,
  CycleOptions,
  GraceOptions,
  PauseOptions,
  PlanDefinition,
  PlanInput,
  RenewOptions,
  SetPlanOptions,
  SubscriptionListOptions,
  UpdatePlanOptions,
  UpgradeOptions,
} from '../../models/inputs/plans.js';
import type { Applied } from '../../models/records/applied.js';
import type { Cycle } from '../../models/records/cycle.js';
import type { DefinitionReport } from '../../models/records/definition.js';
import type { SubscriptionPlan } from '../../models/records/plan.js';
import type {
  ChangePreview,
  CurrentSubscription,
  SubscriptionChange,
  UserSubscription,
} from '../../models/records/subscription.js';
import type { Page, Ref } from '../../models/values.js';

export type { ChangePreview, CurrentSubscription, Cycle, SubscriptionChange, SubscriptionPlan, UserSubscription };

/**
 * Plans, and the subscriptions of users to them. Every call takes a plan by its id, or by the `code` that you gave it.
 * A user has one subscription at a time. Its grants are written together with the user's `credits` account, whose
 * version guards them: a period is allocated once, in however many processes and however often somebody asks for it. A
 * subscription keeps the terms of its plan: a change of the plan is for later subscriptions, unless it names renewals.
 *
 * Errors of every mutation, besides those named: `INVALID_ARGUMENT` and `INVALID_AMOUNT` (nothing is written),
 * `IDEMPOTENCY_CONFLICT`, `CONTENTION`, `STORAGE_UNAVAILABLE` (not applied, safe to repeat) and `OUTCOME_UNKNOWN`
 * (repeat with `details.idempotencyKey`).
 */
export interface SubscriptionService<S = unknown> {
  /**
   * Makes a plan. @throws CONFIGURATION for a time zone without `Temporal`.
   *
   * @example
   * const plan = await manager.subscriptions.addSubscriptionPlan({
   *   name: 'Pro', creditLimit: 1000, price: 19, currency: 'USD', billingPeriod: 'monthly',
   * });
   */
  addSubscriptionPlan(plan: PlanInput, options?: MutationOptions<S>): Promise<Applied<SubscriptionPlan>>;

  /**
   * Brings the plans with codes to what this list says, at every start of a host: makes those that are not there,
   * changes those that differ, and offers again those that were deactivated. A field that is left out is as if a new
   * plan left it out. Plans without a code are left alone. The same list again changes nothing, and any number of
   * processes may call this at once: one of them makes each change. Each plan is a commit of its own, so after an error
   * the call is repeated. Subscriptions keep the terms they have.
   *
   * @throws INVALID_ARGUMENT, INVALID_AMOUNT for a wrong field, or a code that stands twice; these are found before
   * anything of the list is written. CONFIGURATION for a time zone without `Temporal`.
   * @example
   * const { created, missing } = await manager.subscriptions.definePlans([
   *   { code: 'free', name: 'Free', creditLimit: 100, price: 0, billingPeriod: 'monthly' },
   *   { code: 'pro', name: 'Pro', creditLimit: 1000, price: 19, currency: 'USD', billingPeriod: 'monthly' },
   * ]);
   * await manager.subscriptions.setUserSubscriptionPlan('user-1', 'pro');
   */
  definePlans(plans: readonly PlanDefinition[], options?: DefineOptions): Promise<DefinitionReport>;

  /**
   * Changes fields of a plan, for subscriptions made from now on; with `applyTo: 'renewals'` present subscribers follow
   * with the period that begins next, in all its terms. Another length of the period is counted from that start; by
   * payment, the period waits for one. The period that runs stays as it is, and so does one that was due before the
   * call, however late it is written. A call without fields brings subscribers to the terms that the plan has.
   *
   * @throws PLAN_NOT_FOUND; INVALID_ARGUMENT for `renewals` with a credit type that the plan did not grant before. A
   * subscription whose own terms grant fewer types keeps them.
   * @example
   * await manager.subscriptions.updateSubscriptionPlan({ id: 'pro', creditLimit: 1200 }, { applyTo: 'renewals' });
   */
  updateSubscriptionPlan(
    plan: { id: string } & Partial<PlanInput>,
    options?: UpdatePlanOptions<S>,
  ): Promise<Applied<SubscriptionPlan>>;

  /** Offers the plan no more: nobody gets it, and its users keep it to the period's end. @throws PLAN_NOT_FOUND */
  deactivateSubscriptionPlan(plan: Ref, options?: MutationOptions<S>): Promise<Applied<SubscriptionPlan>>;

  /** Offers the plan again. @throws PLAN_NOT_FOUND */
  activateSubscriptionPlan(plan: Ref, options?: MutationOptions<S>): Promise<Applied<SubscriptionPlan>>;

  /**
   * Deletes a plan that nobody has; false where there was none. @throws PLAN_IN_USE while a subscription that has not
   * ended is on it: deactivate it instead. A subscription made in the same instant keeps its terms and is not renewed.
   */
  deleteSubscriptionPlan(plan: Ref, options?: MutationOptions<S>): Promise<boolean>;

  /** A plan, or null. Other processes' changes are seen within five minutes, or at once with `fresh`. */
  getSubscriptionPlan(plan: Ref, options?: ReadOptions<S>): Promise<SubscriptionPlan | null>;

  /** Plans, newest first. */
  listSubscriptionPlans(
    options?: ReadOptions<S> & ListOptions & { activeOnly?: boolean | undefined },
  ): Promise<Page<SubscriptionPlan>>;

  /**
   * Puts a user on a plan, in place of any other, and grants the current period: the limit less what plans granted the
   * user for a period that has not ended. @throws PLAN_NOT_FOUND, PLAN_INACTIVE
   */
  setUserSubscriptionPlan(userId: string, plan: Ref, options?: SetPlanOptions<S>): Promise<Applied<UserSubscription>>;

  /**
   * Moves the user's subscription to another plan, now or when the period ends; a user without one gets the plan. A
   * change to a lower limit waits for the period's end unless `when` says otherwise. Each
   * share of a limit is rounded down to the plan's `creditDecimals`: to whole credits where the limit is whole.
   * @throws PLAN_NOT_FOUND, PLAN_INACTIVE
   *
   * @example
   * // The rest of the larger limit at once, in the period that runs.
   * await manager.subscriptions.changeUserSubscriptionPlan('user-1', 'pro', { proration: 'full' });
   */
  changeUserSubscriptionPlan(
    userId: string,
    plan: Ref,
    options?: UpgradeOptions<S>,
  ): Promise<Applied<UserSubscription>>;

  /** The same as `changeUserSubscriptionPlan`: both names share their idempotency keys. */
  upgradeUserSubscriptionPlan(
    userId: string,
    plan: Ref,
    options?: UpgradeOptions<S>,
  ): Promise<Applied<UserSubscription>>;

  /** Computes what a change would grant and change now. Writes nothing; the next call may answer otherwise. */
  previewChange(
    userId: string,
    plan: Ref,
    options?: ReadOptions<S> & Pick<UpgradeOptions, 'when' | 'proration' | 'credit'>,
  ): Promise<ChangePreview>;

  /**
   * Tells that a period is paid, of a plan with `renewOn: 'payment'`. A period that has begun is granted at once, one
   * that is paid early when it begins. `paymentId` is the key of the call: a repeated one pays nothing more, and a
   * period that another payment paid is left as it is. Without `periodStart` it is the next period that is not paid;
   * with it, the one that starts nearest to that instant, so the clock of a payment provider may differ from yours.
   *
   * A current period that was set with `allocate: false` is the first to be paid. A paid period stays paid when the
   * plan changes before it begins, and a subscription cancelled at its end goes on to the end of the last one; one that
   * is removed or cancelled at once loses them: `paidAhead` names the payments that it did not use.
   *
   * Unpaid at the end of a period, the subscription is `past_due` and grants nothing; after the plan's `graceDays` it
   * ends. @throws SUBSCRIPTION_NOT_FOUND where none goes on; INVALID_ARGUMENT for a plan that renews by the clock, and
   * for a period beyond the next one that is not paid: then `details.path` is `periodStart`, and the payment is taken
   * once those before it have come; and for a first period that is over and was never paid; LIMIT_EXCEEDED for more
   * than 100 periods ahead.
   *
   * @example
   * const { id: paymentId, periodStart } = invoice;
   * await manager.subscriptions.renewSubscription('user-1', { paymentId, periodStart });
   */
  renewSubscription(userId: string, options: RenewOptions<S>): Promise<Applied<UserSubscription>>;

  /**
   * Says how long a subscription waits for the payment of its next period, in place of the plan's `graceDays`: until
   * your provider's next attempt, for example. Nothing is granted while it waits; a payment ends the grace, and so does
   * a pause. Called again it moves the end. @throws SUBSCRIPTION_NOT_FOUND where none waits for a payment;
   * INVALID_ARGUMENT for an instant that is not later than now and than the end of the period.
   *
   * @example
   * await manager.subscriptions.setGracePeriod('user-1', { until: new Date(invoice.next_payment_attempt * 1000) });
   */
  setGracePeriod(userId: string, options: GraceOptions<S>): Promise<Applied<UserSubscription>>;

  /** Ends renewal (default) or the subscription. Credits that were granted stay. @throws SUBSCRIPTION_NOT_FOUND */
  cancelUserSubscription(userId: string, options?: CancelOptions<S>): Promise<Applied<UserSubscription>>;

  /**
   * Stops the clock of the period; nothing is granted until it is resumed. Credits that were granted lapse as planned,
   * unless `freezeCredits` keeps those of the running period: they have no end until the subscription is resumed, ended
   * or changed, and last longer by the time of the pause then. Of frozen credits that are transferred the receiver gets
   * the time that they had left. @throws SUBSCRIPTION_NOT_FOUND
   *
   * @example
   * await manager.subscriptions.pauseUserSubscription('user-1', { freezeCredits: true });
   */
  pauseUserSubscription(userId: string, options?: PauseOptions<S>): Promise<Applied<UserSubscription>>;

  /** Goes on with the rest of the period. @throws SUBSCRIPTION_NOT_FOUND unless it is paused. */
  resumeUserSubscription(userId: string, options?: MutationOptions<S>): Promise<Applied<UserSubscription>>;

  /** Removes the subscription; false where there was none. Credits that were granted stay. */
  deleteUserSubscriptionPlan(userId: string, options?: MutationOptions<S>): Promise<boolean>;

  /** The user's subscription, or the one that ended last; null where there is none. */
  getUserSubscriptionPlan(userId: string, options?: ReadOptions<S>): Promise<UserSubscription | null>;

  /**
   * The same subscription with `usage`: for each credit type, how many credits the current period was granted, how many
   * of them were used, and how many are left. Credits of other grants do not count. It costs two reads more.
   *
   * @example
   * const [own] = (await manager.subscriptions.getUserSubscription('user-1'))?.usage ?? [];
   * if (own) console.log(`used ${own.used} of ${own.granted} this period`);
   */
  getUserSubscription(userId: string, options?: ReadOptions<S>): Promise<CurrentSubscription | null>;

  /**
   * Subscriptions of all users, newest first; with `dueBefore` soonest due first. They are as they were last written:
   * one that is due shows the period before, until a call or a job renews it; one that is over shows as ended. `status`
   * and `planId` choose by what is shown. A cursor belongs to the choice that it was made for.
   * @example const { items } = await manager.subscriptions.listSubscriptions({ planId: 'pro', status: 'past_due' });
   */
  listSubscriptions(options?: SubscriptionListOptions<S>): Promise<Page<UserSubscription>>;

  /** Every change of the user's subscriptions, newest first. */
  getSubscriptionHistory(userId: string, options?: ReadOptions<S> & ListOptions): Promise<Page<SubscriptionChange>>;

  /**
   * Starts a cycle: credits that last for some days. Amount 0 opens a cycle without a grant; a call without a user
   * (null) makes an account under a new id. @throws CYCLE_ACTIVE for a second recurring one.
   *
   * @example const cycle = await manager.subscriptions.startCycle('user-1', { amount: 100, recurring: true });
   */
  startCycle(userId: string | null | undefined, options: CycleOptions<S>): Promise<Applied<Cycle>>;

  /** Ends the renewal of a cycle; its credits stay until it ends. @throws NOT_FOUND */
  stopCycle(cycle: Ref, options?: MutationOptions<S>): Promise<Applied<Cycle>>;

  /** A cycle, or null. */
  getCycle(id: string, options?: ReadOptions<S>): Promise<Cycle | null>;

  /** A user's cycles, newest first. */
  listCycles(userId: string, options?: ReadOptions<S> & ListOptions): Promise<Page<Cycle>>;
}
