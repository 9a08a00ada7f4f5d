/** Subscriptions and cycles: who has which plan, and what that grants. */
import { parseAmount } from '../../core/amounts.js';
import { sha256 } from '../../core/canonical-json.js';
import { recurringCycleId } from '../../core/cycle.js';
import type { TemporalLike } from '../../core/periods.js';
import { creditError } from '../../errors.js';
import type { CycleRow } from '../../models/cycle.js';
import type { EntryRow } from '../../models/entry.js';
import { type ListOptions, listSchema, type MutationOptions, type ReadOptions } from '../../models/inputs/credits.js';
import type { SetPlanOptions, UpgradeOptions } from '../../models/inputs/plans.js';
import * as schemas from '../../models/inputs/plans.js';
import type { Applied, JsonObject, Ref } from '../../models/values.js';
import type { FindQuery } from '../../ports/db-manager.js';
import { stepsOf } from '../input/page.js';
import { idOf, notValid, parse, parseId, parseMutationOptions, parseReadOptions, parseRef } from '../input/parse.js';
import type { Engine, Mutation } from '../pipeline/engine.js';
import type { Answer } from '../pipeline/operation.js';
import type { SubscriptionService, UserSubscription } from './contract.js';
import { planService } from './plans.js';
import { cycleOf, grantedBy, subscriptionOf, toCycle, toSubscription } from './records.js';
import { renewIfLate } from './renewal.js';
import { SubscriptionDirectory } from './subscription-directory.js';

export function subscriptionService<S>(
  engine: Engine<S>,
  creditTypes: readonly string[],
  temporal: TemporalLike | null,
): SubscriptionService<S> {
  const { scale } = engine;
  const { store } = engine;
  const directory = new SubscriptionDirectory(engine);

  async function change(
    operation: string,
    userId: unknown,
    planId: string | null,
    given: JsonObject,
    options: MutationOptions<S>,
    command: Mutation<S>['command'],
  ): Promise<Applied<UserSubscription>> {
    const user = parseId(userId, 'userId');
    const rest = engine.startDeadline(options);
    await renewIfLate(directory, operation, await directory.read(user, options), rest);
    const fields = planId === null ? given : { planId, ...given };
    const answer = await directory.onAccounts(user, planId, rest, (accounts, left) =>
      engine.mutate({ operation, accounts, given: fields, options: left, command }),
    );
    if (answer.entry) return { ...subscriptionOf(answer.entry), replayed: answer.replayed };
    // Nothing was to be done: it is so already.
    return { ...((await view(user, rest())) as UserSubscription), replayed: true };
  }

  async function view(userId: string, options: ReadOptions<S>): Promise<UserSubscription | null> {
    const row = await directory.read(userId, options);
    // Only where it ends does time tell.
    return row && toSubscription(row, row.validUntil === null ? engine.now() : await directory.now(row, options));
  }

  function subscribe(
    operation: string,
    userId: string,
    ref: Ref,
    options: MutationOptions<S>,
    fields: Pick<SetPlanOptions & UpgradeOptions, 'autoRenew' | 'allocate' | 'when' | 'proration'>,
    upgrade: boolean,
  ) {
    const planId = parseRef(ref, 'plan');
    const { autoRenew = null, allocate = true, when = 'now', proration = 'none' } = fields;
    return change(operation, userId, planId, {}, options, (operationId) => ({
      ...{ type: 'subscribe', planId, subscriptionId: `s-${operationId}` },
      ...{ autoRenew, allocate, upgrade, when, proration },
    }));
  }

  const service: SubscriptionService<S> = {
    ...planService(engine, creditTypes, temporal),

    async setUserSubscriptionPlan(userId, plan, given) {
      const fields = given === undefined ? {} : parse(schemas.setPlanSchema, given);
      return subscribe('set_plan', userId, plan, fields as MutationOptions<S>, fields, false);
    },

    async upgradeUserSubscriptionPlan(userId, plan, given) {
      const fields = given === undefined ? {} : parse(schemas.upgradeSchema, given);
      return subscribe('upgrade_plan', userId, plan, fields as MutationOptions<S>, fields, true);
    },

    async previewChange(userId, plan, given = {}) {
      const { when = 'now', proration = 'none', ...read } = parse(schemas.previewSchema, given);
      const options = read as ReadOptions<S>;
      const user = parseId(userId, 'userId');
      const planId = parseRef(plan, 'plan');
      const accounts = await directory.accounts(user, planId, options);
      const current = await directory.read(user, options);
      const own = { planId, subscriptionId: 's-preview', autoRenew: null, allocate: true, upgrade: true } as const;
      const command = { type: 'subscribe', ...own, when, proration } as const;
      // An upgrade makes up first for what no job has granted yet.
      const isLate = current?.dueAt != null && current.dueAt.getTime() <= (await directory.now(current, options));
      const renewal = isLate ? ({ type: 'renew', subscriptionId: current.id } as const) : null;
      const entry = await engine.preview(accounts, options, command, renewal);
      return { granted: grantedBy(entry, scale), subscription: subscriptionOf(entry) };
    },

    async cancelUserSubscription(userId, given) {
      const fields = given === undefined ? {} : parse(schemas.cancelSchema, given);
      const to = fields.when === 'now' ? 'cancelled' : 'cancelled at the end of the period';
      const command = () => ({ type: 'change_subscription', to }) as const;
      return change('cancel_plan', userId, null, {}, fields as MutationOptions<S>, command);
    },

    pauseUserSubscription: async (userId, given) => switchTo('pause_plan', userId, 'paused', given),

    resumeUserSubscription: async (userId, given) => switchTo('resume_plan', userId, 'resumed', given),

    async deleteUserSubscriptionPlan(userId, given) {
      try {
        await switchTo('delete_plan_of_user', userId, 'removed', given);
        return true;
      } catch (error) {
        if ((error as { code?: string }).code === 'SUBSCRIPTION_NOT_FOUND') return false;
        throw error;
      }
    },

    async getUserSubscriptionPlan(userId, given) {
      return view(parseId(userId, 'userId'), parseReadOptions(given));
    },

    async getSubscriptionHistory(userId, given) {
      const { key: account } = engine.account('credits', parseId(userId, 'userId'));
      const options = (given === undefined ? {} : parse(listSchema, given)) as ReadOptions<S> & ListOptions;
      const anyOf = { field: 'type', values: ['plan_changed'] };
      const page = await find('entry', { index: 'history', equals: { account }, anyOf }, options);
      const entries = page.rows.filter(({ details }) => details.subscription !== undefined);
      const items = entries.map((entry) => {
        const { id, at, message } = entry;
        return { id, at: new Date(at), message, subscription: subscriptionOf(entry) };
      });
      return { items, nextCursor: page.nextCursor };
    },

    async startCycle(userId, given) {
      const fields = parse(schemas.cycleInputSchema, given);
      const isNew = userId === null || userId === undefined;
      // A repeated call has to find the account of the first one, so the key names it.
      const key = fields.idempotencyKey ?? (isNew ? `op_${engine.newId()}` : undefined);
      const user = isNew ? newUserOf(key as string) : parseId(userId, 'userId');
      const options = { ...fields, ...(key !== undefined && { idempotencyKey: key }) } as MutationOptions<S>;
      const amount = parseAmount(fields.amount, { scale, zero: true });
      const { days = 30, recurring = false } = fields;
      const answer = await onCredits('start_cycle', user, { amount }, options, (operationId) => {
        const cycleId = recurring ? recurringCycleId('credits', user) : `c-${operationId}`;
        return { type: 'start_cycle', cycleId, amount, days, recurring };
      });
      // The library's own key is no repetition of the caller's.
      return cycleAnswer({ ...answer, replayed: answer.replayed && fields.idempotencyKey !== undefined });
    },

    async stopCycle(ref, given) {
      const options = parseMutationOptions(given);
      const id = parseCycleRef(ref);
      const rest = engine.startDeadline(options);
      const row = await readCycle(id, options);
      if (!row) throw creditError('NOT_FOUND', 'There is no cycle with this id.', {});
      const command = () => ({ type: 'stop_cycle', cycleId: id }) as const;
      const answer = await onCredits('stop_cycle', row.userId, { cycleId: id }, rest(), command);
      if (answer.entry) return cycleAnswer(answer);
      return { ...toCycle((await readCycle(id, rest())) as CycleRow, scale), replayed: true };
    },

    async getCycle(id, given) {
      const options = parseReadOptions(given);
      const row = await readCycle(parseCycleRef(id), options);
      return row && toCycle(row, scale, await nowOfCycles([row], options));
    },

    async listCycles(userId, given) {
      const user = parseId(userId, 'userId');
      const options = (given === undefined ? {} : parse(listSchema, given)) as ReadOptions<S> & ListOptions;
      const page = await find('cycle', { index: 'user', equals: { userId: user } }, options);
      const { rows } = page;
      const now = await nowOfCycles(rows, options);
      const items = rows.map((row) => toCycle(row, scale, now));
      return { items, nextCursor: page.nextCursor };
    },
  };
  return service;

  async function switchTo(
    operation: string,
    userId: string,
    to: 'paused' | 'resumed' | 'removed',
    given: MutationOptions<S> | undefined,
  ) {
    return change(operation, userId, null, {}, parseMutationOptions(given), () => ({
      type: 'change_subscription',
      to,
    }));
  }

  function onCredits(
    operation: string,
    userId: string,
    given: JsonObject,
    options: MutationOptions<S>,
    command: Mutation<S>['command'],
  ): Promise<Answer> {
    return engine.mutate({ operation, accounts: [engine.account('credits', userId)], given, options, command });
  }

  function cycleAnswer({ entry, replayed }: Answer) {
    return { ...cycleOf(entry as EntryRow, scale), replayed };
  }

  async function readCycle(id: string, options: ReadOptions<S>): Promise<CycleRow | null> {
    const { session, fresh } = options;
    return engine.read(options, (timeoutMs) => store.get('cycle', id, { session, fresh, timeoutMs }));
  }

  /** Only where one ends that has not by the clock does its account's time tell. */
  async function nowOfCycles(rows: readonly CycleRow[], options: ReadOptions<S>): Promise<number> {
    const now = engine.now();
    const open = rows.find(({ status, recurring, end }) => status === 'active' && !recurring && end.getTime() > now);
    return open ? directory.nowOf(open.userId, [open.creditType], options) : now;
  }

  function find<M extends 'entry' | 'cycle'>(model: M, query: object, options: ReadOptions<S> & ListOptions) {
    const { session, fresh } = options;
    const along = { ...query, ...stepsOf(options) } as FindQuery;
    return engine.read(options, (timeoutMs) => store.find(model, along, { session, fresh, timeoutMs }));
  }
}

/** The user that a call without one makes. Keys of the library's own are ids already. */
function newUserOf(key: string): string {
  return key.startsWith('op_') ? key.slice(3) : sha256(`start_cycle/${key}`).slice(0, 32);
}

/** Ids of recurring cycles hold the user's id, and so may be longer than other ids. */
function parseCycleRef(ref: unknown): string {
  const id = idOf(ref, 'cycle');
  if (typeof id === 'string' && id.length > 0 && id.length <= 320 && id.isWellFormed()) return id;
  throw notValid('cycle', 'the id of a cycle');
}
