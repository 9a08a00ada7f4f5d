/** Plans: made, changed, offered or not, deleted, read. */

import { parseAmount } from '../../core/amounts.js';
import { parseMoney } from '../../core/money.js';
import type { TemporalLike } from '../../core/periods.js';
import { creditError } from '../../errors.js';
import type { ListOptions, MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import {
  type PlanInput,
  planInputSchema,
  plansSchema,
  planUpdateOptionsSchema,
  planUpdateSchema,
  type UpdatePlanOptions,
} from '../../models/inputs/plans.js';
import type { PlanRow } from '../../models/plan.js';
import type { Applied } from '../../models/records/applied.js';
import type { Page, Ref } from '../../models/values.js';
import { ListCursors } from '../input/page.js';
import { parse, parseMutationOptions, parseOptions, parseReadOptions } from '../input/parse.js';
import { type DefinitionWrite, writeDefinition } from '../pipeline/definition-writes.js';
import { Definitions, refuseField } from '../pipeline/definitions.js';
import type { Engine } from '../pipeline/engine.js';
import { parsePlanRef, readPlan } from '../pipeline/plan-refs.js';
import type { SubscriptionPlan } from './contract.js';
import { PlanCache } from './plan-cache.js';
import {
  checkPlan,
  checkTypesStay,
  forRenewals,
  PLAN_DEFAULTS,
  type PlanRules,
  planFieldsOf,
  refuseCurrencyAlone,
} from './plan-fields.js';
import { planFromJson, planToJson, toPlan } from './records.js';

/** Decimals of the most exact currency. */
const PRICE_SCALE_MAX = 4;

export type PlanListOptions<S> = ReadOptions<S> & ListOptions & { activeOnly?: boolean | undefined };

export class Plans<S> {
  readonly engine: Engine<S>;
  readonly #temporal: TemporalLike | null;
  readonly definitions: Definitions<S, 'plan', SubscriptionPlan>;
  readonly #cache = new PlanCache();

  constructor(engine: Engine<S>, temporal: TemporalLike | null) {
    this.engine = engine;
    this.#temporal = temporal;
    this.definitions = new Definitions(engine, {
      ...{ model: 'plan', toJson: planToJson, fromJson: planFromJson },
      toRecord: (row) => toPlan(row, engine.scale),
      missing: (id) => creditError('PLAN_NOT_FOUND', 'There is no plan with this id or code.', { id }),
    });
  }

  async add(plan: PlanInput, given: MutationOptions<S> | undefined): Promise<Applied<SubscriptionPlan>> {
    const { scale } = this.engine;
    const input = parse(planInputSchema, plan, 'plan');
    const { name, billingPeriod, currency = null } = input;
    const fields = {
      ...planFieldsOf(input, scale),
      ...{ name, billingPeriod, creditLimit: parseAmount(input.creditLimit, { scale }) },
      price: parseMoney(input.price, currency),
    };
    return this.#write({
      operation: 'add_plan',
      given: fields,
      options: parseMutationOptions(given),
      decide: async ({ at, id, rest }) => {
        const own = { id: `p-${id}`, version: 1, isActive: true, deactivatedAt: null, createdAt: at, updatedAt: at };
        const row: PlanRow = { ...PLAN_DEFAULTS, ...fields, ...own };
        this.check(row);
        await this.#refuseTaken(row, rest());
        return this.definitions.inserted('Plan created', row);
      },
    });
  }

  async update(
    plan: { id: string } & Partial<PlanInput>,
    given: UpdatePlanOptions<S> | undefined,
  ): Promise<Applied<SubscriptionPlan>> {
    const { id: named, price, ...changes } = parse(planUpdateSchema, plan, 'plan');
    const id = parsePlanRef(named);
    const { currency } = changes;
    if (currency !== undefined && price === undefined) refuseCurrencyAlone();
    const { applyTo, ...rest } = parseOptions(planUpdateOptionsSchema, given);
    const options = rest as MutationOptions<S>;
    const fields = planFieldsOf(changes, this.engine.scale);
    if (currency !== undefined) parseMoney(price, currency);
    // A price in minor units depends on the stored plan; the input of the call does not.
    const exact = price === undefined ? {} : { price: parseAmount(price, { scale: PRICE_SCALE_MAX, zero: true }) };
    return this.#write({
      operation: 'update_plan',
      given: { id, ...fields, ...exact, ...(applyTo && { applyTo }) },
      options,
      decide: async ({ at, rest }) => {
        const row = await this.#existing(id, rest());
        const minor = price === undefined ? {} : { price: parseMoney(price, currency ?? row.currency) };
        const next = { ...row, ...fields, ...minor, version: row.version + 1, updatedAt: at };
        this.check(next);
        await this.#refuseTaken(next, rest());
        if (applyTo !== 'renewals') return this.definitions.replaced('Plan updated', next);
        checkTypesStay(row, next);
        return this.definitions.replaced('Plan updated for renewals', forRenewals(next, at));
      },
    });
  }

  async setActive(
    isActive: boolean,
    plan: Ref,
    given: MutationOptions<S> | undefined,
  ): Promise<Applied<SubscriptionPlan>> {
    const id = parsePlanRef(plan);
    return this.#write({
      operation: isActive ? 'activate_plan' : 'deactivate_plan',
      given: { id },
      options: parseMutationOptions(given),
      decide: async ({ at, rest }) => {
        const row = await this.#existing(id, rest());
        const endedAt = row.isActive ? at : row.deactivatedAt;
        const deactivatedAt = isActive ? null : endedAt;
        const next = { ...row, version: row.version + 1, isActive, deactivatedAt, updatedAt: at };
        return this.definitions.replaced(isActive ? 'Plan activated' : 'Plan deactivated', next);
      },
    });
  }

  async delete(plan: Ref, given: MutationOptions<S> | undefined): Promise<boolean> {
    const id = parsePlanRef(plan);
    const { details } = await writeDefinition(this.engine, {
      operation: 'delete_plan',
      given: { id },
      options: parseMutationOptions(given),
      decide: async ({ rest }) => {
        const row = await this.read(id, rest());
        if (!row) return { changes: [], message: 'No plan to delete', details: { plan: null } };
        await this.#refuseInUse(row.id, rest());
        const change = { op: 'delete', model: 'plan', key: row.id, expectedVersion: row.version } as const;
        return this.definitions.act('Plan deleted', row, change);
      },
    });
    if (details.plan !== null) this.forget((details.plan as { id: string }).id);
    return details.plan !== null;
  }

  async get(plan: Ref, given: ReadOptions<S> | undefined): Promise<SubscriptionPlan | null> {
    const id = parsePlanRef(plan);
    const options = parseReadOptions(given);
    const mayBeKnown = !options.fresh && options.session === undefined;
    const known = mayBeKnown ? this.#cache.get(id) : null;
    if (known) return known;
    const { changes } = this.#cache;
    const row = await this.read(id, options);
    if (!row) return null;
    const found = toPlan(row, this.engine.scale);
    if (mayBeKnown) this.#cache.keep(found, changes);
    return found;
  }

  async list(given: PlanListOptions<S> | undefined): Promise<Page<SubscriptionPlan>> {
    const options = parseOptions(plansSchema, given) as PlanListOptions<S>;
    const { activeOnly = false } = options;
    const along = activeOnly ? { index: 'active', equals: { isActive: true } } : { index: 'created' };
    const cursors = new ListCursors('listSubscriptionPlans', { activeOnly });
    const { rows, nextCursor } = await this.definitions.reads.page('plan', along, options, cursors);
    return { items: rows.map((row) => toPlan(row, this.engine.scale)), nextCursor };
  }

  /** The row of a plan by its id or its code, or null. */
  read(ref: string, options: ReadOptions<S>): Promise<PlanRow | null> {
    return readPlan(this.definitions.reads, ref, options);
  }

  /** Tells the cache that a plan was changed. */
  forget(id: string): void {
    this.#cache.forget(id);
  }

  /** @throws PLAN_NOT_FOUND */
  async #existing(ref: string, options: MutationOptions<S>): Promise<PlanRow> {
    return (await this.read(ref, options)) ?? this.definitions.existing(ref, options);
  }

  /** @throws INVALID_ARGUMENT where another plan has the code */
  async #refuseTaken({ id, code }: PlanRow, options: MutationOptions<S>): Promise<void> {
    const other = code === null ? null : await this.read(code, options);
    if (other !== null && other.id !== id) refuseField('plan.code', 'a code that no other plan has');
  }

  async #write(write: DefinitionWrite<S>): Promise<Applied<SubscriptionPlan>> {
    const plan = await this.definitions.write(write);
    this.#cache.forget(plan.id);
    return plan;
  }

  /** @throws PLAN_IN_USE while a subscription that has not ended is on the plan, or will be with its next period */
  async #refuseInUse(id: string, options: MutationOptions<S>): Promise<void> {
    const anyOf = { field: 'status', values: ['trialing', 'active', 'past_due', 'paused'] };
    const now = { index: 'plan', equals: { planId: id }, anyOf };
    const next = { index: 'nextPlan', equals: { nextPlanId: id }, anyOf };
    for (const along of [now, next]) {
      const found = await this.definitions.reads.findOne('subscription', along, options);
      if (found) throw creditError('PLAN_IN_USE', 'The plan has subscribers. Deactivate it instead.', { id });
    }
  }

  /** @throws INVALID_ARGUMENT, CONFIGURATION where its fields do not go together */
  check(plan: PlanRow): void {
    const { store, scale } = this.engine;
    const rules: PlanRules = { creditTypes: store.creditTypes, temporal: this.#temporal, scale };
    checkPlan(plan, rules);
  }
}
