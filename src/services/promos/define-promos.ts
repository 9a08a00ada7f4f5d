/** Promo codes as code: a list of codes that a deploy brings the database to. */
import { parseAmount } from '../../core/amounts.js';
import { type DefineOptions, defineSchema } from '../../models/inputs/credits.js';
import { definedPromosSchema, type PromoInput } from '../../models/inputs/promos.js';
import { type PromoRow, UNCLAIMED } from '../../models/promo.js';
import type { DefinitionReport } from '../../models/records/definition.js';
import { parse, parseOptions } from '../input/parse.js';
import { type Defining, defineAll } from '../pipeline/define-all.js';
import { checkClaimed, checkPromo, PROMO_DEFAULTS, promoFieldsOf } from './promo-fields.js';
import type { Promos } from './promos.js';

export async function definePromos<S>(
  promos: Promos<S>,
  given: readonly PromoInput[],
  options: DefineOptions | undefined,
): Promise<DefinitionReport> {
  const { scale, store } = promos.engine;
  const definitions = parse(definedPromosSchema, given, 'promos').map(({ code, ...input }) => ({
    ...PROMO_DEFAULTS,
    ...promoFieldsOf(input, scale),
    ...{ code, credits: parseAmount(input.credits, { scale }) },
  }));
  const byCode = new Map(definitions.map((fields) => [fields.code, fields]));
  const defining: Defining<S, 'promo'> = {
    definitions: promos.definitions,
    read: (code, rest) => promos.read(code, rest),
    next(code, stored, { at, id }) {
      const own = stored ?? { id: `promo-${id}`, version: 0, ...UNCLAIMED, validFrom: at, createdAt: at };
      const { validFrom, claims, claimsDay, claimsOfDay, createdAt } = own;
      const fields = byCode.get(code) as (typeof definitions)[number];
      const next: PromoRow = {
        validFrom,
        ...fields,
        id: own.id,
        version: own.version + 1,
        ...{ claims, claimsDay, claimsOfDay },
        createdAt,
        updatedAt: at,
      };
      checkPromo(next, store.creditTypes);
      if (stored) checkClaimed(stored, next);
      return next;
    },
    deactivate: (row, rest) => promos.setActive(false, row.code, rest),
    changed: () => {},
  };
  return defineAll(defining, [...byCode.keys()], parseOptions(defineSchema, options));
}
