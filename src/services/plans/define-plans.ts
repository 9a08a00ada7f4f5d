/** Plans as code: a list of plans, told from each other by their codes, that a deploy brings the database to. */
import { parseAmount } from '../../core/amounts.js';
import { parseMoney } from '../../core/money.js';
import { type DefineOptions, defineSchema } from '../../models/inputs/credits.js';
import { definedPlansSchema, type PlanDefinition } from '../../models/inputs/plans.js';
import type { DefinitionReport } from '../../models/records/definition.js';
import { parse, parseOptions } from '../input/parse.js';
import { type Defining, defineAll } from '../pipeline/define-all.js';
import { PLAN_DEFAULTS, planFieldsOf } from './plan-fields.js';
import type { Plans } from './plans.js';

export async function definePlans<S>(
  plans: Plans<S>,
  given: readonly PlanDefinition[],
  options: DefineOptions | undefined,
): Promise<DefinitionReport> {
  const { scale } = plans.engine;
  const definitions = parse(definedPlansSchema, given, 'plans').map((input) => ({
    ...PLAN_DEFAULTS,
    ...planFieldsOf(input, scale),
    ...{ name: input.name, billingPeriod: input.billingPeriod },
    creditLimit: parseAmount(input.creditLimit, { scale }),
    price: parseMoney(input.price, input.currency ?? null),
    ...{ code: input.code, isActive: true, deactivatedAt: null },
  }));
  const byCode = new Map(definitions.map((fields) => [fields.code, fields]));
  const defining: Defining<S, 'plan'> = {
    definitions: plans.definitions,
    read: (code, rest) => plans.read(code, rest),
    next(code, stored, { at, id }) {
      const fields = byCode.get(code) as (typeof definitions)[number];
      const own = stored ?? { id: `p-${id}`, version: 0, createdAt: at };
      const renewalTerms = stored?.renewalTerms ?? null;
      const next = {
        ...fields,
        renewalTerms,
        id: own.id,
        version: own.version + 1,
        createdAt: own.createdAt,
        updatedAt: at,
      };
      plans.check(next);
      return next;
    },
    deactivate: (row, rest) => plans.setActive(false, row, rest),
    changed: ({ id }) => plans.forget(id),
  };
  return defineAll(defining, [...byCode.keys()], parseOptions(defineSchema, options));
}
