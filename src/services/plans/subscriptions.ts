/** Subscriptions: put a user on a plan, change that, end it, read it. */
import { isCreditError } from '../../errors.js';
import { type ListOptions, listSchema, type MutationOptions, type ReadOptions } from '../../models/inputs/credits.js';
import type {
  CancelOptions,
  GraceOptions,
  PauseOptions,
  RenewOptions,
  SetPlanOptions,
  SubscriptionListOptions,
  UpgradeOptions,
} from '../../models/inputs/plans.js';
import * as schemas from '../../models/inputs/plans.js';
import type { Applied } from '../../models/records/applied.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { JsonObject, Page, Ref } from '../../models/values.js';
import { ListCursors } from '../input/page.js';
import { parse, parseCall, parseId, parseMutationOptions, parseOptions, parseReadOptions } from '../input/parse.js';
import type { Engine, Mutation } from '../pipeline/engine.js';
import { answered } from '../pipeline/operation.js';
import { parsePlanRef, planIdOf } from '../pipeline/plan-refs.js';
import type { Along } from '../pipeline/row-reads.js';
import { dryRunOf } from '../pipeline/transaction-records.js';
import type { ChangePreview, CurrentSubscription, SubscriptionChange, UserSubscription } from './contract.js';
import { periodUsage } from './period-usage.js';
import { grantedBy, subscriptionOf, toSubscription } from './records.js';
import type { SubscriptionDirectory } from './subscription-directory.js';

/** A change of the subscription of one user. */
interface Change<S> {
  readonly operation: string;
  readonly userId: string;
  /** The plan that the subscription moves to, and what the caller named it with. */
  readonly planId?: string;
  readonly planRef?: string;
  /** The further arguments. */
  readonly given?: JsonObject;
  readonly options: MutationOptions<S>;
  readonly command: Mutation<S>['command'];
}

/** How a user gets a plan. */
interface Terms {
  readonly upgrade: boolean;
  readonly autoRenew?: boolean | undefined;
  readonly allocate?: boolean | undefined;
  readonly when?: UpgradeOptions['when'];
  readonly proration?: UpgradeOptions['proration'];
  readonly credit?: UpgradeOptions['credit'];
}

const SWITCHES = { resumed: 'resume_plan', removed: 'delete_plan_of_user' } as const;

export class Subscriptions<S> {
  readonly #directory: SubscriptionDirectory<S>;
  readonly #engine: Engine<S>;

  constructor(directory: SubscriptionDirectory<S>) {
    this.#directory = directory;
    this.#engine = directory.engine;
  }

  async set(userId: string, plan: Ref, given: SetPlanOptions<S> | undefined): Promise<Applied<UserSubscription>> {
    const fields = parseOptions(schemas.setPlanSchema, given);
    const options = fields as MutationOptions<S>;
    const change = await this.#subscribe('set_plan', plan, { ...fields, upgrade: false }, options);
    return this.#change({ ...change, userId });
  }

  async upgrade(userId: string, plan: Ref, given: UpgradeOptions<S> | undefined): Promise<Applied<UserSubscription>> {
    const fields = parseOptions(schemas.upgradeSchema, given);
    const options = fields as MutationOptions<S>;
    const change = await this.#subscribe('upgrade_plan', plan, { ...fields, upgrade: true }, options);
    return this.#change({ ...change, userId });
  }

  async preview(
    userId: string,
    plan: Ref,
    given: ReadOptions<S> & Pick<UpgradeOptions, 'when' | 'proration' | 'credit'> = {},
  ): Promise<ChangePreview> {
    const directory = this.#directory;
    const { when, proration, credit, ...read } = parse(schemas.previewSchema, given);
    const options = read as ReadOptions<S>;
    const user = parseId(userId, 'userId');
    const planId = await planIdOf(directory.reads, parsePlanRef(plan), options);
    const current = await directory.read(user, options);
    const accounts = await directory.accounts({ userId: user, current, planId }, options);
    const own = { planId, subscriptionId: 's-preview', autoRenew: null, allocate: true, upgrade: true } as const;
    const command = { type: 'subscribe', ...own, ...howOf({ when, proration, credit }) } as const;
    const entry = await this.#engine.preview(accounts, options, command);
    return { granted: grantedBy(entry, this.#engine.scale), subscription: subscriptionOf(entry) };
  }

  async renew(userId: string, given: RenewOptions<S>): Promise<Applied<UserSubscription>> {
    const { paymentId, periodStart = null, ...fields } = parse(schemas.renewSchema, given, 'options');
    return this.#change({
      ...{ operation: 'renew_subscription', userId, given: periodStart === null ? {} : { periodStart } },
      options: { ...(fields as MutationOptions<S>), idempotencyKey: paymentId },
      command: () => ({ type: 'pay_period', paymentId, periodStart }),
    });
  }

  async cancel(userId: string, given: CancelOptions<S> | undefined): Promise<Applied<UserSubscription>> {
    const fields = parseOptions(schemas.cancelSchema, given);
    const to = fields.when === 'now' ? 'cancelled' : 'cancelled at the end of the period';
    return this.#change({
      ...{ operation: 'cancel_plan', userId, options: fields as MutationOptions<S> },
      command: () => ({ type: 'change_subscription', to }),
    });
  }

  async wait(userId: string, given: GraceOptions<S>): Promise<Applied<UserSubscription>> {
    const { until, ...fields } = parse(schemas.graceSchema, given, 'options');
    return this.#change({
      ...{ operation: 'set_grace', userId, given: { until }, options: fields as MutationOptions<S> },
      command: () => ({ type: 'change_subscription', to: 'waited for', until }),
    });
  }

  async pause(userId: string, given: PauseOptions<S> | undefined): Promise<Applied<UserSubscription>> {
    const fields = parseOptions(schemas.pauseSchema, given);
    const { freezeCredits = false } = fields;
    return this.#change({
      ...{ operation: 'pause_plan', userId, options: fields as MutationOptions<S> },
      command: () => ({ type: 'change_subscription', to: 'paused', freezeCredits }),
    });
  }

  async switchTo(
    to: keyof typeof SWITCHES,
    userId: string,
    given: MutationOptions<S> | undefined,
  ): Promise<Applied<UserSubscription>> {
    return this.#change({
      ...{ operation: SWITCHES[to], userId, options: parseMutationOptions(given) },
      command: () => ({ type: 'change_subscription', to }),
    });
  }

  /** Whether the user had a subscription. */
  async remove(userId: string, given: MutationOptions<S> | undefined): Promise<boolean> {
    try {
      await this.switchTo('removed', userId, given);
      return true;
    } catch (error) {
      if (isCreditError(error, 'SUBSCRIPTION_NOT_FOUND')) return false;
      throw error;
    }
  }

  async get(userId: string, given: ReadOptions<S> | undefined): Promise<UserSubscription | null> {
    return this.#view(parseId(userId, 'userId'), parseReadOptions(given));
  }

  /** The subscription with what was used of its current period. */
  async withUsage(userId: string, given: ReadOptions<S> | undefined): Promise<CurrentSubscription | null> {
    const user = parseId(userId, 'userId');
    const rest = this.#engine.startDeadline<ReadOptions<S>>(parseReadOptions(given));
    const used = await periodUsage(this.#engine, user, rest());
    const view = used && toSubscription(used.row, used.asOf);
    return view && { ...view, usage: used.usage };
  }

  /** Subscriptions of all users, as they were last written. */
  async list(given: SubscriptionListOptions<S> | undefined): Promise<Page<UserSubscription>> {
    const { reads } = this.#directory;
    const options = parseCall<ListFields, S>(schemas.subscriptionsSchema, given);
    const { planId: ref, status, dueBefore, order = dueBefore === undefined ? 'newest' : 'oldest' } = options;
    const cursors = new ListCursors('listSubscriptions', { planId: ref, status, dueBefore, order });
    const rest = this.#engine.startDeadline(options);
    const planId = ref === undefined ? undefined : await planIdOf(reads, parsePlanRef(ref), rest());
    await this.#engine.read(rest(), () => null);
    const now = this.#engine.now();
    const keeps = (row: SubscriptionRow) => {
      const view = toSubscription(row, now);
      return view !== null && (planId ?? view.planId) === view.planId && (status ?? view.status) === view.status;
    };
    const along = alongOf(planId, dueBefore);
    const page = await reads.chosenPage('subscription', along, { ...rest(), order }, cursors, keeps);
    const items = page.rows.flatMap((row) => toSubscription(row, now) ?? []);
    return { items, nextCursor: page.nextCursor };
  }

  /** Every change, newest first. */
  async history(userId: string, given: (ReadOptions<S> & ListOptions) | undefined): Promise<Page<SubscriptionChange>> {
    const { key: account } = this.#engine.account('credits', parseId(userId, 'userId'));
    const options = parseOptions(listSchema, given) as ReadOptions<S> & ListOptions;
    const anyOf = { field: 'type', values: ['plan_changed'] };
    const along = { index: 'history', equals: { account }, anyOf };
    const cursors = new ListCursors('getSubscriptionHistory', { account });
    const { rows, nextCursor } = await this.#directory.reads.page('entry', along, options, cursors);
    const entries = rows.filter(({ details }) => details.subscription !== undefined);
    const items = entries.map((entry) => {
      const { id, at, message } = entry;
      return { id, at: new Date(at), message, subscription: subscriptionOf(entry) };
    });
    return { items, nextCursor };
  }

  /** The operation that puts a user on a plan. */
  async #subscribe(
    operation: string,
    plan: Ref,
    terms: Terms,
    options: MutationOptions<S>,
  ): Promise<Pick<Change<S>, 'operation' | 'command' | 'options'> & { planId: string; planRef: string }> {
    const planRef = parsePlanRef(plan);
    const planId = await planIdOf(this.#directory.reads, planRef, options);
    const { autoRenew = null, allocate = true, upgrade } = terms;
    const command: Change<S>['command'] = (operationId) => ({
      ...{ type: 'subscribe', planId, subscriptionId: `s-${operationId}` },
      ...{ autoRenew, allocate, upgrade, ...howOf(terms) },
    });
    return { operation, planId, planRef, options, command };
  }

  async #change({
    operation,
    userId,
    planId,
    given: more,
    planRef,
    options,
    command,
  }: Change<S>): Promise<Applied<UserSubscription>> {
    const user = parseId(userId, 'userId');
    const rest = this.#engine.startDeadline(options);
    const before = await this.#directory.read(user, options);
    const given = planRef === undefined ? { ...more } : { planId: planRef };
    const answer = await this.#directory.onAccounts({
      // A renewal that comes first needs the accounts of the next period, which this row names too.
      ...{ userId: user, planId, current: before, rest },
      run: async (accounts, left) =>
        answered(await this.#engine.mutate({ operation, accounts, given, options: left, command })),
    });
    const { entry, replayed } = answer;
    if (entry) return { ...subscriptionOf(entry), replayed, ...dryRunOf(answer, this.#engine.scale) };
    // There was nothing to do: the subscription is as the caller wants it.
    return { ...((await this.#view(user, rest())) as UserSubscription), replayed: true };
  }

  async #view(userId: string, options: ReadOptions<S>): Promise<UserSubscription | null> {
    const stored = await this.#directory.read(userId, options);
    if (!stored) return null;
    // Only a subscription that time changes depends on the time of its accounts.
    const now = stored.dueAt === null ? this.#engine.now() : await this.#directory.now(stored, options);
    const isDue = stored.dueAt !== null && stored.dueAt.getTime() <= now;
    const row = isDue ? await this.#directory.renewed(userId, now, options) : stored;
    return row && toSubscription(row, now);
  }
}

/** How a change comes about. An option that only a change now can have says that it is meant now. */
function howOf({ when, proration, credit, autoRenew }: Pick<Terms, 'when' | 'proration' | 'credit' | 'autoRenew'>) {
  const isNow = proration !== undefined || credit !== undefined || autoRenew === false;
  return {
    when: when ?? (isNow ? ('now' as const) : null),
    ...{ proration: proration ?? ('none' as const), credit: credit ?? ('deduct' as const) },
  };
}

type ListFields = ReturnType<typeof schemas.subscriptionsSchema.parse>;

function alongOf(planId: string | undefined, dueBefore: number | undefined): Along {
  if (dueBefore !== undefined) return { index: 'due', range: { field: 'dueAt', lt: new Date(dueBefore) } };
  return planId === undefined ? { index: 'started' } : { index: 'planStarted', equals: { planId } };
}
