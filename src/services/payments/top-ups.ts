/** The settings of automatic top-ups: how they are set, turned off and shown. */
import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { parseAmount } from '../../core/amounts.js';
import type { CommandOf } from '../../core/command.js';
import { decimalsOf } from '../../core/money.js';
import { accountRef } from '../../models/account.js';
import type { CallOptions, MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import {
  type AutoTopUpCallOptions,
  type AutoTopUpInput,
  autoTopUpCallSchema,
  autoTopUpReadSchema,
  autoTopUpSchema,
} from '../../models/inputs/payments.js';
import type { TopUpSettings } from '../../models/top-up.js';
import type { JsonObject } from '../../models/values.js';
import { definedFields } from '../input/given-fields.js';
import { notValid, parse, parseId, parseOptions } from '../input/parse.js';
import { answered } from '../pipeline/operation.js';
import type { AutoTopUp, AutoTopUpReadOptions } from './contract.js';
import type { Payments } from './payments.js';
import { moneyOf } from './pricing.js';
import { toAutoTopUp } from './records.js';

const MAX_COUNT = 10;
const WINDOW_DAYS = 30;
const COOL_DOWN_SECONDS = 60;
const OFF_AFTER = 3;

type Given = z.output<typeof autoTopUpSchema>;
type Purchase = Pick<
  TopUpSettings,
  'pack' | 'amountMinor' | 'currency' | 'creditsToAdd' | 'target' | 'rate' | 'terms'
> & { readonly creditType: string | null };

export class TopUps<S> {
  constructor(readonly payments: Payments<S>) {}

  async set(
    givenId: string,
    input: AutoTopUpInput | null,
    given: AutoTopUpCallOptions | undefined,
  ): Promise<AutoTopUp | null> {
    const userId = parseId(givenId, 'userId');
    const { creditType: named, ...call } = parseOptions(autoTopUpCallSchema, given);
    const wanted = input === null ? null : parse(autoTopUpSchema, input, 'settings');
    const settled = wanted && this.#settingsOf(wanted);
    const creditType = this.#creditType(named, settled?.creditType ?? null);
    const { scale } = this.payments.engine;
    const settings = settled?.settings ?? null;
    const command: CommandOf<'change_top_up'> = {
      ...{ type: 'change_top_up', settings },
      seed: randomBytes(16).toString('hex'),
    };
    const sums = settings && {
      ...{ threshold: settings.threshold, target: settings.target ?? undefined },
      ...{
        amount: wanted?.amount === undefined ? undefined : settings.amountMinor,
        maxAmount: settings.maxAmountMinor,
      },
    };
    const options = call as MutationOptions<S>;
    const account = accountRef(creditType, userId);
    answered(
      await this.payments.engine.mutate({
        ...{ operation: 'set_auto_top_up', accounts: [account], options },
        given: definedFields({ ...wanted, ...sums }) as JsonObject,
        command: () => command,
      }),
    );
    const { signal, timeoutMs } = options;
    const row = await this.payments.reads.get('top_up', account.key, { fresh: true, signal, timeoutMs });
    return row && toAutoTopUp(row, scale);
  }

  async get(givenId: string, given: AutoTopUpReadOptions<S> | undefined): Promise<AutoTopUp | null> {
    const userId = parseId(givenId, 'userId');
    const { creditType, ...options } = parseOptions(autoTopUpReadSchema, given);
    const { key } = accountRef(this.#creditType(creditType, null), userId);
    const row = await this.payments.reads.get('top_up', key, options as ReadOptions<S> & CallOptions<S>);
    return row && toAutoTopUp(row, this.payments.engine.scale);
  }

  #settingsOf(given: Given): { readonly settings: TopUpSettings; readonly creditType: string | null } {
    const { providers, engine } = this.payments;
    const { scale } = engine;
    const threshold = parseAmount(given.threshold, { scale });
    const { creditType, ...purchase } = this.#purchaseOf(given, threshold);
    const maxAmountMinor = moneyOf(given.maxAmount, purchase.currency);
    if (maxAmountMinor < (purchase.amountMinor ?? 0)) {
      throw notValid('settings.maxAmount', 'at least the money of one purchase');
    }
    const { customerId = null, customerEmail = null, customerPhone = null } = given;
    const { maxCount = MAX_COUNT, windowDays = WINDOW_DAYS, offAfter = OFF_AFTER } = given;
    const coolDownMs = (given.coolDownSeconds ?? COOL_DOWN_SECONDS) * 1000;
    const provider = providers.chosen(given.provider).name;
    const guards = { maxCount, maxAmountMinor, windowDays, coolDownMs, offAfter };
    const settings = { threshold, provider, customerId, customerEmail, customerPhone, ...purchase, ...guards };
    return { settings, creditType };
  }

  /** What is bought each time, at the prices of now. */
  #purchaseOf({ pack, amount, target, currency }: Given, threshold: number): Purchase {
    const { prices, engine } = this.payments;
    if ([pack, amount, target].filter((one) => one !== undefined).length !== 1) {
      throw notValid('settings', 'one of pack, amount and target');
    }
    if (pack !== undefined) return { ...prices.of({ pack, currency }), target: null, rate: null };
    const [only, ...others] = prices.currencies;
    const chosen = currency ?? (others.length === 0 ? only : undefined);
    if (chosen === undefined) throw notValid('settings.currency', `one of ${prices.currencies.join(', ')}`);
    if (target === undefined) return { ...prices.of({ amount, currency: chosen }), target: null, rate: null };
    const units = parseAmount(target, { scale: engine.scale });
    if (units <= threshold) throw notValid('settings.target', 'more credits than the threshold');
    return {
      ...{ pack: null, amountMinor: null, creditsToAdd: null, creditType: null, currency: chosen, target: units },
      rate: { ...prices.rate(chosen), decimals: decimalsOf(chosen) },
      terms: { priority: 50, validityDays: null },
    };
  }

  #creditType(named: string | undefined, ofPack: string | null): string {
    const { creditTypes } = this.payments.engine.store;
    const chosen = named ?? ofPack ?? 'credits';
    if (!creditTypes.includes(chosen)) throw notValid('creditType', creditTypes.join(' | '));
    if (ofPack !== null && chosen !== ofPack) throw notValid('creditType', `${ofPack}, which the pack grants`);
    return chosen;
  }
}
