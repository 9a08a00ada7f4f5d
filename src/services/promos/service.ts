/** Promo codes: made, changed, claimed. */
import type { z } from 'zod';
import { parseAmount, toCredits } from '../../core/amounts.js';
import { ineligible, promoFacts } from '../../core/promo.js';
import { creditError, isCreditError } from '../../errors.js';
import type { EntryRow } from '../../models/entry.js';
import type { ListOptions, MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import * as schemas from '../../models/inputs/promos.js';
import type { PromoClaimRow, PromoRow } from '../../models/promo.js';
import type { JsonObject } from '../../models/values.js';
import type { Change, FindQuery, Row } from '../../ports/db-manager.js';
import type { Applied } from '../credits/records.js';
import { stepsOf } from '../input/page.js';
import { parse, parseId, parseMutationOptions, parseReadOptions, parseRef } from '../input/parse.js';
import { type Act, carryOut } from '../pipeline/definition-writes.js';
import type { Engine } from '../pipeline/engine.js';
import { FactSheet } from '../pipeline/facts.js';
import type { Promo, PromoClaim, PromoService } from './contract.js';

type Fields = { -readonly [K in keyof PromoRow]?: PromoRow[K] };

export function promoService<S>(engine: Engine<S>, creditTypes: readonly string[]): PromoService<S> {
  const { scale } = engine;
  const { db } = engine.store;

  async function read(code: string, options: ReadOptions<S>): Promise<PromoRow | null> {
    const { session, fresh } = options;
    return engine.read(options, async (timeoutMs) => {
      const [row] = await db.getMany('promo', [code], { session, fresh, timeoutMs });
      return row as unknown as PromoRow | null;
    });
  }

  async function existing(code: string, options: MutationOptions<S>): Promise<PromoRow> {
    const row = await read(code, options);
    if (row) return row;
    throw creditError('PROMO_NOT_FOUND', 'There is no promo with this code.', { code });
  }

  async function write(
    operation: string,
    given: JsonObject,
    options: MutationOptions<S>,
    decide: (at: Date, id: string, rest: () => MutationOptions<S>) => Promise<Act>,
  ): Promise<Applied<Promo>> {
    const { details, replayed } = await carryOut(engine, { operation, given, options }, decide);
    return { ...toPromo(promoFromJson(details.promo as JsonObject)), replayed };
  }

  return {
    async createPromo(promo, given) {
      const { code, ...input } = parse(schemas.promoInputSchema, promo, 'promo');
      const fields = fieldsOf(input);
      const options = parseMutationOptions(given);
      return write('create_promo', jsonOf({ code, ...fields }), options, async (at, id, rest) => {
        const row = { ...DEFAULTS, validFrom: at, ...fields, id: `promo-${id}`, code, version: 1, claims: 0 };
        const full = { ...row, createdAt: at, updatedAt: at } as PromoRow;
        check(full);
        if (await read(code, rest()))
          throw creditError('PROMO_EXISTS', `Promo code '${code}' already exists`, { code });
        return actOf({ op: 'insert', model: 'promo', row: full as unknown as Row }, 'Promo created', full);
      });
    },

    async updatePromo(promo, given) {
      const { code, ...input } = parse(schemas.promoUpdateSchema, promo, 'promo');
      const fields = fieldsOf(input);
      return write('update_promo', jsonOf({ code, ...fields }), parseMutationOptions(given), async (at, _, rest) => {
        const row = await existing(code, rest());
        const next = { ...row, ...fields, version: row.version + 1, updatedAt: at };
        check(next);
        // A repeated claim is looked for on the account of the first one.
        if (row.claims > 0 && next.creditType !== row.creditType) {
          refuseField('creditType', `${row.creditType}, which was claimed already`);
        }
        return actOf(replaceOf(next), 'Promo updated', next);
      });
    },

    async togglePromo(ref, given) {
      const options = parseMutationOptions(given);
      const code = await codeOf(parseRef(ref, 'promo'), options);
      return write('toggle_promo', { code }, options, async (at, _, rest) => {
        const row = await existing(code, rest());
        const next = { ...row, isActive: !row.isActive, version: row.version + 1, updatedAt: at };
        return actOf(replaceOf(next), next.isActive ? 'Promo activated' : 'Promo deactivated', next);
      });
    },

    async getPromo(code, given) {
      const row = await read(parseCode(code), parseReadOptions(given));
      return row && toPromo(row);
    },

    async listPromos(given) {
      const options = (given === undefined ? {} : parse(schemas.promosSchema, given)) as ReadOptions<S> &
        ListOptions & { activeOnly?: boolean };
      const index =
        options.activeOnly === false ? { index: 'created' } : { index: 'active', equals: { isActive: true } };
      const page = await find('promo', index, options);
      return { items: (page.rows as unknown as PromoRow[]).map(toPromo), nextCursor: page.nextCursor };
    },

    async checkEligibility(userId, code, given) {
      const user = parseId(userId, 'userId');
      const promoCode = parseCode(code);
      const options = parseReadOptions(given);
      const { session, fresh } = options;
      return engine.read(options, async (timeoutMs) => {
        const facts = new FactSheet(db, { session, fresh, timeoutMs });
        const ask = () => promoFacts(facts as unknown as Parameters<typeof promoFacts>[0], promoCode, user);
        if (!ask()) await facts.fetch();
        const { promo = null, first = null } = ask() ?? {};
        const reason = ineligible(promo, first?.uses ?? 0, user, engine.now());
        if (reason !== null || promo === null) return { eligible: false, promoCode, reason: reason ?? '' } as const;
        const { credits, description } = promo;
        return { eligible: true, promoCode, credits: toCredits(credits, scale), description } as const;
      });
    },

    async claimPromo(userId, code, given) {
      const user = parseId(userId, 'userId');
      const promoCode = parseCode(code);
      const options = parseMutationOptions(given);
      const rest = engine.startDeadline(options);
      const creditType = (await read(promoCode, options))?.creditType ?? 'credits';
      const {
        description = `Promo: ${promoCode}`,
        correlationId = `promo_${promoCode}_${user}`.slice(0, 255).toWellFormed(),
        ...others
      } = rest();
      try {
        const { entry } = await engine.mutate({
          operation: 'claim_promo',
          accounts: [engine.account(creditType, user)],
          // Claims of one code in this process go one after another instead of into one another's way.
          // No account is named like this: the name of a credit type holds no colon.
          documents: [`promo:${promoCode}`],
          given: { code: promoCode },
          options: { description, correlationId, ...others },
          command: () => ({ type: 'claim_promo', code: promoCode, creditType }),
        });
        const { amount, id } = entry as EntryRow;
        const creditsAwarded = toCredits(amount, scale);
        const message = `Successfully claimed ${creditsAwarded} credits!`;
        return { success: true, creditsAwarded, promoCode, message, transactionId: id };
      } catch (error) {
        if (!isCreditError(error, 'PROMO_NOT_ELIGIBLE')) throw error;
        return { success: false, creditsAwarded: 0, promoCode, message: error.details.reason };
      }
    },

    async listClaims(given) {
      const { code, userId, ...options } = parse(schemas.claimsSchema, given);
      if ((code === undefined) === (userId === undefined)) {
        throw creditError('INVALID_ARGUMENT', 'Claims are listed by code or by user.', {
          path: 'code',
          expected: 'one of code and userId',
        });
      }
      const along =
        code === undefined ? { index: 'user', equals: { userId } } : { index: 'code', equals: { promoCode: code } };
      const page = await find('promo_claim', along, options as ReadOptions<S> & ListOptions);
      return { items: (page.rows as unknown as PromoClaimRow[]).map(toClaim), nextCursor: page.nextCursor };
    },
  };

  function find(model: string, along: object, options: ReadOptions<S> & ListOptions) {
    const { session, fresh } = options;
    const query = { ...along, ...stepsOf(options) } as FindQuery;
    return engine.read(options, (timeoutMs) => db.find(model, query, { session, fresh, timeoutMs }));
  }

  /** The code of a promo that is named by its code or by its id. */
  async function codeOf(ref: string, options: MutationOptions<S>): Promise<string> {
    const query = { index: 'id', equals: { id: ref }, limit: 1 };
    const { session } = options;
    const page = await engine.read(options, (timeoutMs) => db.find('promo', query, { session, timeoutMs }));
    const [row] = page.rows as unknown as PromoRow[];
    return row?.code ?? parseCode(ref);
  }

  function fieldsOf(input: Omit<z.infer<typeof schemas.promoUpdateSchema>, 'code'>): Fields {
    const { credits, validFrom, validUntil, ...rest } = input;
    const fields = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as Fields;
    if (credits !== undefined) fields.credits = parseAmount(credits, { scale });
    if (validFrom !== undefined) fields.validFrom = new Date(validFrom);
    if (validUntil !== undefined) fields.validUntil = validUntil === null ? null : new Date(validUntil);
    return fields;
  }

  function check(promo: PromoRow): void {
    const { creditType, targetType, targetUserIds, validFrom, validUntil } = promo;
    if (!creditTypes.includes(creditType)) refuseField('creditType', creditTypes.join(' | '));
    if (targetType === 'specific_users' && targetUserIds.length === 0) {
      const expected = "target_user_ids must be provided when target_type is 'specific_users'";
      refuseField('targetUserIds', expected);
    }
    if (validUntil !== null && validUntil < validFrom) refuseField('validUntil', 'an instant after validFrom');
  }

  function toPromo({ version: _, claims, ...row }: PromoRow): Promo {
    const { metadata, targetUserIds } = structuredClone({ metadata: row.metadata, targetUserIds: row.targetUserIds });
    return { ...row, credits: toCredits(row.credits, scale), metadata, targetUserIds, totalClaims: claims };
  }

  function toClaim({ id: _, version: __, uses: ___, ...row }: PromoClaimRow): PromoClaim {
    const creditsAwarded = toCredits(row.creditsAwarded, scale);
    return { ...row, creditsAwarded, metadata: structuredClone(row.metadata) };
  }
}

const DEFAULTS = {
  ...{ creditType: 'credits', description: null, targetType: 'all_users', targetUserIds: [], maxUses: null },
  ...{ maxUsesPerUser: 1, validUntil: null, isActive: true, metadata: {} },
};

/** A code that no promo can have is the code of no promo, not a mistake of the caller's. */
function parseCode(code: unknown): string {
  const result = schemas.promoCodeSchema.safeParse(code);
  if (result.success) return result.data;
  if (typeof code !== 'string') return parse(schemas.promoCodeSchema, code, 'code');
  return parseId(code.trim().toUpperCase() || ' ', 'code')
    .slice(0, 64)
    .toWellFormed();
}

function refuseField(path: string, expected: string): never {
  throw creditError('INVALID_ARGUMENT', `promo.${path} is not valid: ${expected}.`, {
    path: `promo.${path}`,
    expected,
  });
}

function actOf(change: Change, message: string, promo: PromoRow): Act {
  return { changes: [change], message, details: { promo: jsonOf(promo) } };
}

function replaceOf(row: PromoRow): Change {
  return { op: 'replace', model: 'promo', row: row as unknown as Row, expectedVersion: row.version - 1 };
}

function jsonOf(fields: Fields): JsonObject {
  return JSON.parse(JSON.stringify(fields)) as JsonObject;
}

function promoFromJson(json: JsonObject): PromoRow {
  const row = json as unknown as Record<'validFrom' | 'validUntil' | 'createdAt' | 'updatedAt', string>;
  const dates = {
    validFrom: new Date(row.validFrom),
    validUntil: row.validUntil === null ? null : new Date(row.validUntil),
    ...{ createdAt: new Date(row.createdAt), updatedAt: new Date(row.updatedAt) },
  };
  return { ...(json as unknown as PromoRow), ...dates };
}
