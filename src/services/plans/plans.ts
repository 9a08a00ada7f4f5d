/** Plans: made, changed, offered or not, deleted. */

import { z } from 'zod';
import { parseAmount } from '../../core/amounts.js';
import { parseMoney } from '../../core/money.js';
import { addDays, type TemporalLike } from '../../core/periods.js';
import { creditError } from '../../errors.js';
import type { ListOptions, MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import { listShape, readShape } from '../../models/inputs/credits.js';
import { planInputSchema, planUpdateSchema } from '../../models/inputs/plans.js';
import type { PlanRow } from '../../models/plan.js';
import type { Applied, Json, JsonObject, Ref } from '../../models/values.js';
import type { Change, FindQuery } from '../../ports/db-manager.js';
import { monotonicNow } from '../../timers.js';
import { definedFields, type Loose } from '../input/given-fields.js';
import { stepsOf } from '../input/page.js';
import { parse, parseMutationOptions, parseReadOptions, parseRef } from '../input/parse.js';
import { type Act, type Recorded, writeDefinition } from '../pipeline/definition-writes.js';
import type { Engine } from '../pipeline/engine.js';
import { insertOf, replaceOf } from '../store/tables.js';
import type { SubscriptionPlan, SubscriptionService } from './contract.js';
import { planFromJson, planToJson, toPlan } from './records.js';

const CACHED_MS = 300_000;
const CACHED_MAX = 1_000;
/** Decimals of the most exact currency. */
const PRICE_SCALE = 4;

/** Fields of a plan that a caller gives. */
type PlanFields = Omit<PlanRow, 'id' | 'version' | 'isActive' | 'createdAt' | 'updatedAt'>;

export type Plans<S> = Pick<
  SubscriptionService<S>,
  | 'addSubscriptionPlan'
  | 'updateSubscriptionPlan'
  | 'activateSubscriptionPlan'
  | 'deactivateSubscriptionPlan'
  | 'deleteSubscriptionPlan'
  | 'getSubscriptionPlan'
  | 'listSubscriptionPlans'
>;

const plansSchema = z.strictObject({ ...readShape, ...listShape, activeOnly: z.boolean().optional() });

export function planService<S>(
  engine: Engine<S>,
  creditTypes: readonly string[],
  temporal: TemporalLike | null,
): Plans<S> {
  const { scale } = engine;
  const cache = new Map<string, { plan: SubscriptionPlan; until: number }>();
  // Moved on by every change, so that a read that began before one is not kept.
  let changes = 0;

  async function read(id: string, options: ReadOptions<S>): Promise<PlanRow | null> {
    const { session, fresh } = options;
    return engine.read(options, (timeoutMs) => engine.store.get('plan', id, { session, fresh, timeoutMs }));
  }

  async function existing(id: string, options: MutationOptions<S>): Promise<PlanRow> {
    const row = await read(id, options);
    if (row) return row;
    throw creditError('PLAN_NOT_FOUND', 'There is no plan with this id.', { id });
  }

  async function write(
    operation: string,
    given: JsonObject,
    options: MutationOptions<S>,
    decide: (at: Date, id: string, rest: () => MutationOptions<S>) => Promise<Act>,
  ): Promise<Applied<SubscriptionPlan>> {
    return answer(await writeDefinition(engine, { operation, given, options }, decide));
  }

  function answer({ details, replayed }: Recorded): Applied<SubscriptionPlan> {
    const plan = toPlan(planFromJson(details.plan as JsonObject), scale);
    forget(plan.id);
    return { ...plan, replayed };
  }

  function forget(id: string): void {
    cache.delete(id);
    changes++;
  }

  const setActive = (operation: string, ref: Ref, isActive: boolean, given: MutationOptions<S> | undefined) => {
    const id = parseRef(ref, 'plan');
    const options = parseMutationOptions(given);
    return write(operation, { id }, options, async (at, _, rest) => {
      const row = await existing(id, rest());
      const next = { ...row, version: row.version + 1, isActive, updatedAt: at };
      return actOf(replaceOf('plan', next), isActive ? 'Plan activated' : 'Plan deactivated', next);
    });
  };

  return {
    async addSubscriptionPlan(plan, given) {
      const input = parse(planInputSchema, plan, 'plan');
      const { name, billingPeriod, currency = null } = input;
      const fields = {
        ...fieldsOf(input),
        ...{ name, billingPeriod, creditLimit: parseAmount(input.creditLimit, { scale }) },
        price: parseMoney(input.price, currency),
      };
      const options = parseMutationOptions(given);
      return write('add_plan', fields, options, async (at, id) => {
        const own = { id: `p-${id}`, version: 1, isActive: true, createdAt: at, updatedAt: at };
        const row: PlanRow = { ...DEFAULTS, ...fields, ...own };
        check(row);
        return actOf(insertOf('plan', row), 'Plan created', row);
      });
    },

    async updateSubscriptionPlan(plan, given) {
      const { id, price, ...changes } = parse(planUpdateSchema, plan, 'plan');
      const { currency } = changes;
      if (currency !== undefined && price === undefined) {
        refuseField('price', 'the price in the new currency', 'a currency is changed together with the price');
      }
      const options = parseMutationOptions(given);
      const fields = fieldsOf(changes);
      if (currency !== undefined) parseMoney(price, currency);
      // What a price is in minor units depends on the stored plan; the input of the call does not.
      const exact = price === undefined ? {} : { price: parseAmount(price, { scale: PRICE_SCALE, zero: true }) };
      return write('update_plan', { id, ...fields, ...exact }, options, async (at, _, rest) => {
        const row = await existing(id, rest());
        const minor = price === undefined ? {} : { price: parseMoney(price, currency ?? row.currency) };
        const next = { ...row, ...fields, ...minor, version: row.version + 1, updatedAt: at };
        check(next);
        return actOf(replaceOf('plan', next), 'Plan updated', next);
      });
    },

    activateSubscriptionPlan: async (plan, given) => setActive('activate_plan', plan, true, given),

    deactivateSubscriptionPlan: async (plan, given) => setActive('deactivate_plan', plan, false, given),

    async deleteSubscriptionPlan(plan, given) {
      const id = parseRef(plan, 'plan');
      const options = parseMutationOptions(given);
      const { details } = await writeDefinition(
        engine,
        { operation: 'delete_plan', given: { id }, options },
        async (_, __, rest) => {
          const row = await read(id, rest());
          if (!row) return { changes: [], message: 'No plan to delete', details: { plan: null } };
          await refuseInUse(id, rest());
          const gone = { op: 'delete', model: 'plan', key: id, expectedVersion: row.version } as const;
          return actOf(gone, 'Plan deleted', row);
        },
      );
      forget(id);
      return details.plan !== null;
    },

    async getSubscriptionPlan(plan, given) {
      const id = parseRef(plan, 'plan');
      const options = parseReadOptions(given);
      const known = cache.get(id);
      const mayBeKnown = !options.fresh && options.session === undefined;
      if (known && mayBeKnown && known.until > monotonicNow()) return structuredClone(known.plan);
      const before = changes;
      const row = await read(id, options);
      if (!row) return null;
      if (mayBeKnown && before === changes) {
        cache.delete(id);
        cache.set(id, { plan: toPlan(row, scale), until: monotonicNow() + CACHED_MS });
        if (cache.size > CACHED_MAX) cache.delete(cache.keys().next().value as string);
      }
      return toPlan(row, scale);
    },

    async listSubscriptionPlans(given) {
      const options = (given === undefined ? {} : parse(plansSchema, given)) as ReadOptions<S> &
        ListOptions & { activeOnly?: boolean };
      const { session, fresh, activeOnly } = options;
      const index = activeOnly ? { index: 'active', equals: { isActive: true } } : { index: 'created' };
      const query: FindQuery = { ...index, ...stepsOf(options) };
      return engine.read(options, async (timeoutMs) => {
        const page = await engine.store.find('plan', query, { session, fresh, timeoutMs });
        return { items: page.rows.map((row) => toPlan(row, scale)), nextCursor: page.nextCursor };
      });
    },
  };

  async function refuseInUse(id: string, options: MutationOptions<S>): Promise<void> {
    const anyOf = { field: 'status', values: ['trialing', 'active', 'paused'] };
    const { session } = options;
    const now = { index: 'plan', equals: { planId: id }, anyOf };
    const next = { index: 'nextPlan', equals: { nextPlanId: id }, anyOf };
    for (const query of [now, next]) {
      const found = await engine.read(options, (timeoutMs) =>
        engine.store.findOne('subscription', query, { session, timeoutMs }),
      );
      if (!found) continue;
      throw creditError('PLAN_IN_USE', 'The plan has subscribers. Deactivate it instead.', { id });
    }
  }

  /** The given fields, amounts in units, prices in minor units. */
  function fieldsOf(input: Loose<z.infer<typeof planInputSchema>>): Partial<PlanFields> {
    const { creditLimit, price, rolloverCap, alsoGrants, currency, ...rest } = input;
    return definedFields({
      ...rest,
      creditLimit: creditLimit === undefined ? undefined : parseAmount(creditLimit, { scale }),
      currency,
      price: price === undefined ? undefined : parseMoney(price, currency ?? null),
      rolloverCap: rolloverCap === undefined ? undefined : parseAmount(rolloverCap, { scale, zero: true }) || null,
      alsoGrants: alsoGrants?.map((grant) => ({
        creditType: grant.creditType,
        creditLimit: parseAmount(grant.creditLimit, { scale }),
      })),
    });
  }

  /** What must be true of a plan as a whole. */
  function check({ creditType, alsoGrants, validityDays, rolloverCap, timeZone, trialDays }: PlanRow): void {
    const types = [creditType, ...alsoGrants.map((grant) => grant.creditType)];
    const unknown = types.find((type) => !creditTypes.includes(type));
    if (unknown !== undefined) refuseField('creditType', creditTypes.join(' | '), `${unknown} is not declared`);
    if (new Set(types).size < types.length) refuseField('alsoGrants', 'each credit type once', 'a type is named twice');
    if (validityDays !== null && rolloverCap !== null) {
      refuseField('rolloverCap', 'a plan without validityDays', 'what expires by validityDays cannot roll over');
    }
    if (timeZone === null) return;
    if (temporal === null) {
      const problem = 'a plan names a time zone and there is no Temporal: npm install temporal-polyfill';
      throw creditError('CONFIGURATION', `${problem}, and give it as the option temporal.`, { problems: [problem] });
    }
    try {
      addDays(0, trialDays, { timeZone, temporal });
    } catch {
      refuseField('timeZone', 'an IANA time zone', 'it is not known');
    }
  }
}

/** The fields that an input may leave out. */
const DEFAULTS = {
  ...{ description: null, creditType: 'credits', alsoGrants: [], currency: null, validityDays: null },
  ...{ trialDays: 0, rolloverCap: null, timeZone: null, metadata: {} },
} satisfies Partial<PlanRow>;

function refuseField(path: string, expected: string, why: string): never {
  throw creditError('INVALID_ARGUMENT', `plan.${path} is not valid: ${why}.`, { path: `plan.${path}`, expected });
}

function actOf(change: Change, message: string, plan: PlanRow): Act {
  return { changes: [change], message, details: { plan: planToJson(plan) as Json } };
}
