/** Promo codes: made, changed, switched on and off, read. */
import { parseAmount } from '../../core/amounts.js';
import { creditError } from '../../errors.js';
import type { ListOptions, MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import { newPromoSchema, type PromoInput, promosSchema, promoUpdateSchema } from '../../models/inputs/promos.js';
import { type PromoRow, UNCLAIMED } from '../../models/promo.js';
import type { Applied } from '../../models/records/applied.js';
import type { Page, Ref } from '../../models/values.js';
import { definedFields } from '../input/given-fields.js';
import { ListCursors } from '../input/page.js';
import { parse, parseMutationOptions, parseOptions, parseReadOptions, parseRef } from '../input/parse.js';
import { Definitions } from '../pipeline/definitions.js';
import type { Engine } from '../pipeline/engine.js';
import type { Promo } from './contract.js';
import { checkClaimed, checkPromo, codeOf, PROMO_DEFAULTS, parseCode, promoFieldsOf } from './promo-fields.js';
import { promoFromJson, promoToJson, toPromo } from './records.js';

export type PromoListOptions<S> = ReadOptions<S> &
  ListOptions & { activeOnly?: boolean | undefined; referrerId?: string | undefined };

export type NewPromo = Omit<PromoInput, 'code'> & { code?: string | undefined };

export class Promos<S> {
  readonly definitions: Definitions<S, 'promo', Promo>;
  readonly #scale: number;

  constructor(readonly engine: Engine<S>) {
    this.#scale = engine.scale;
    this.definitions = new Definitions(engine, {
      ...{ model: 'promo', toJson: promoToJson, fromJson: promoFromJson },
      toRecord: (row) => toPromo(row, engine.scale),
      missing: (promoCode) => creditError('PROMO_NOT_FOUND', 'There is no promo with this code.', { promoCode }),
    });
  }

  async create(promo: NewPromo, given: MutationOptions<S> | undefined): Promise<Applied<Promo>> {
    const { code: ownCode, ...input } = parse(newPromoSchema, promo, 'promo');
    const scale = this.#scale;
    const fields = { ...promoFieldsOf(input, scale), credits: parseAmount(input.credits, { scale }) };
    return this.definitions.write({
      operation: 'create_promo',
      options: parseMutationOptions(given),
      given: promoToJson({ ...definedFields({ code: ownCode }), ...fields }),
      decide: async ({ at, id, rest }) => {
        const code = ownCode ?? codeOf(id);
        const own = { id: `promo-${id}`, code, version: 1, ...UNCLAIMED, createdAt: at, updatedAt: at };
        const row: PromoRow = { ...PROMO_DEFAULTS, validFrom: at, ...fields, ...own };
        checkPromo(row, this.engine.store.creditTypes);
        const other = await this.read(code, rest());
        if (other) throw creditError('PROMO_EXISTS', `Promo code '${code}' already exists`, { promoCode: code });
        return this.definitions.inserted('Promo created', row);
      },
    });
  }

  async update(
    promo: { code: string } & Partial<Omit<PromoInput, 'code'>>,
    given: MutationOptions<S> | undefined,
  ): Promise<Applied<Promo>> {
    const { code, ...input } = parse(promoUpdateSchema, promo, 'promo');
    const fields = promoFieldsOf(input, this.#scale);
    return this.definitions.write({
      operation: 'update_promo',
      given: promoToJson({ code, ...fields }),
      options: parseMutationOptions(given),
      decide: async ({ at, rest }) => {
        const row = await this.definitions.existing(code, rest());
        const next = { ...row, ...fields, version: row.version + 1, updatedAt: at };
        checkPromo(next, this.engine.store.creditTypes);
        checkClaimed(row, next);
        return this.definitions.replaced('Promo updated', next);
      },
    });
  }

  async toggle(promo: Ref, given: MutationOptions<S> | undefined): Promise<Applied<Promo>> {
    const options = parseMutationOptions(given);
    const code = await this.#codeOf(parseRef(promo, 'promo'), options);
    return this.#switch('toggle_promo', code, ({ isActive }) => !isActive, options);
  }

  /** Switches a code to this state; one that has it already is written all the same. */
  setActive(isActive: boolean, code: string, options: MutationOptions<S>): Promise<Applied<Promo>> {
    return this.#switch('toggle_promo', code, () => isActive, options);
  }

  #switch(
    operation: string,
    code: string,
    isActive: (row: PromoRow) => boolean,
    options: MutationOptions<S>,
  ): Promise<Applied<Promo>> {
    return this.definitions.write({
      operation,
      given: { code },
      options,
      decide: async ({ at, rest }) => {
        const row = await this.definitions.existing(code, rest());
        const next = { ...row, isActive: isActive(row), version: row.version + 1, updatedAt: at };
        return this.definitions.replaced(next.isActive ? 'Promo activated' : 'Promo deactivated', next);
      },
    });
  }

  read(code: string, options: ReadOptions<S>): Promise<PromoRow | null> {
    return this.definitions.read(code, options);
  }

  async get(code: string, given: ReadOptions<S> | undefined): Promise<Promo | null> {
    const row = await this.read(parseCode(code), parseReadOptions(given));
    return row && toPromo(row, this.#scale);
  }

  async list(given: PromoListOptions<S> | undefined): Promise<Page<Promo>> {
    const options = parseOptions(promosSchema, given) as PromoListOptions<S>;
    const { activeOnly = true, referrerId } = options;
    const all = activeOnly ? { index: 'active', equals: { isActive: true } } : { index: 'created' };
    const along = referrerId === undefined ? all : { index: 'referrer', equals: { referrerId } };
    const keeps = referrerId !== undefined && activeOnly ? ({ isActive }: PromoRow) => isActive : null;
    const cursors = new ListCursors('listPromos', { activeOnly, referrerId });
    const { rows, nextCursor } = await this.definitions.reads.chosenPage('promo', along, options, cursors, keeps);
    return { items: rows.map((row) => toPromo(row, this.#scale)), nextCursor };
  }

  /** The code of a promo that is named by its code or by its id. */
  async #codeOf(ref: string, options: MutationOptions<S>): Promise<string> {
    const row = await this.definitions.reads.findOne('promo', { index: 'id', equals: { id: ref } }, options);
    return row?.code ?? parseCode(ref);
  }
}
