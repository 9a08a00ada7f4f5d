/** The prices of a manager: credits for money, packs, and the pages that may follow a payment. */
import { parseAmount, tooLarge, UNITS_MAX } from '../../core/amounts.js';
import type { NewPayment } from '../../core/command.js';
import { decimalsOf, parseMoney } from '../../core/money.js';
import { type Rate, unitsFor } from '../../core/pricing.js';
import { creditError } from '../../errors.js';
import type { CreditPack, CreditRate, Money } from '../../models/inputs/payments.js';
import type { Amount } from '../../models/values.js';
import { notValid } from '../input/parse.js';

export interface PriceSettings {
  readonly pricing?: Readonly<Record<string, CreditRate>> | undefined;
  readonly packs?: Readonly<Record<string, CreditPack>> | undefined;
  readonly callbackUrl?: string | undefined;
  readonly callbackOrigins?: readonly string[] | undefined;
}

/** The part of a payment that its price fixes, and the credit type where it names one. */
export type Priced = Pick<NewPayment, 'amountMinor' | 'currency' | 'creditsToAdd' | 'pack' | 'terms'> & {
  readonly creditType: string | null;
};

interface Pack extends Omit<Priced, 'amountMinor' | 'currency'> {
  readonly prices: ReadonlyMap<string, number>;
}

const PRIORITY = 50;
const PLAIN_TERMS = { priority: PRIORITY, validityDays: null };
const PERCENT_DECIMALS = 4;
const CALLBACK_URL = 'http://localhost:8000/api/payments/success';

export class Prices {
  readonly callbackUrl: string;
  readonly #rates: ReadonlyMap<string, Rate>;
  readonly #packs: ReadonlyMap<string, Pack>;
  readonly #origins: ReadonlySet<string>;

  /** @throws an error for a price that is none: the caller makes it one of configuration */
  constructor(
    settings: PriceSettings,
    readonly scale: number,
  ) {
    const { pricing = { INR: { creditsPerUnit: 1 } }, packs = {}, callbackUrl = CALLBACK_URL } = settings;
    this.callbackUrl = callbackUrl;
    this.#origins = new Set([callbackUrl, ...(settings.callbackOrigins ?? [])].map((url) => new URL(url).origin));
    this.#rates = new Map(Object.entries(pricing).map(([currency, rate]) => [currency, rateOf(rate, currency, scale)]));
    this.#packs = new Map(Object.entries(packs).map(([name, pack]) => [name, packOf(name, pack, scale)]));
  }

  /** The names of the packs. */
  get packNames(): readonly string[] {
    return [...this.#packs.keys()];
  }

  /** The price of a call that names a pack, or money. */
  of(given: { pack?: string | undefined; amount?: Amount | undefined; currency?: string | undefined }): Priced {
    const { pack: name, amount, currency } = given;
    if (name !== undefined) {
      if (amount !== undefined) throw notValid('payment.amount', 'none beside a pack, which has its price');
      return this.#ofPack(name, currency);
    }
    if (currency === undefined) throw notValid('payment.currency', 'a currency code of three capital letters');
    const amountMinor = moneyOf(amount, currency);
    return { ...PLAIN, amountMinor, currency, creditsToAdd: this.creditsFor(amountMinor, currency) };
  }

  /** Units of credits for money. @throws INVALID_ARGUMENT for a currency without a price */
  creditsFor(amountMinor: number, currency: string, rate = this.rate(currency)): number {
    const units = unitsFor(amountMinor, decimalsOf(currency), rate);
    if (units > BigInt(UNITS_MAX)) throw tooLarge(this.scale);
    if (units > 0n) return Number(units);
    throw creditError('INVALID_AMOUNT', 'The amount buys less than the smallest part of a credit.', {
      given: String(amountMinor),
    });
  }

  /** The price of credits in a currency. @throws INVALID_ARGUMENT for a currency without one */
  rate(currency: string): Rate {
    const rate = this.#rates.get(currency);
    if (rate) return rate;
    throw notValid('payment.currency', `one that payments.pricing names: ${this.currencies.join(', ')}`);
  }

  /** The currencies that have a price. */
  get currencies(): readonly string[] {
    return [...this.#rates.keys()];
  }

  /** The page that follows a payment. @throws INVALID_ARGUMENT for one of another origin */
  callback(url: string | undefined): string {
    if (url === undefined) return this.callbackUrl;
    if (this.#origins.has(new URL(url).origin)) return url;
    throw notValid(
      'payment.callbackUrl',
      `a page of ${[...this.#origins].join(', ')}; payments.callbackOrigins adds more`,
    );
  }

  #ofPack(name: string, currency: string | undefined): Priced {
    const pack = this.#packs.get(name);
    if (!pack)
      throw notValid(
        'payment.pack',
        this.packNames.length > 0 ? this.packNames.join(' | ') : 'none, as there are no packs',
      );
    const { prices, ...priced } = pack;
    const [only] = prices.keys();
    const chosen = currency ?? (prices.size === 1 ? only : undefined);
    const amountMinor = chosen === undefined ? undefined : prices.get(chosen);
    if (chosen !== undefined && amountMinor !== undefined) return { ...priced, amountMinor, currency: chosen };
    throw notValid('payment.currency', `one of the pack's prices: ${[...prices.keys()].join(', ')}`);
  }
}

const PLAIN = { pack: null, terms: PLAIN_TERMS, creditType: null } as const;

/** Money of a payment, in minor units: more than nothing. */
export function moneyOf(amount: unknown, currency: string): number {
  return parseAmount(amount, { scale: decimalsOf(currency) });
}

export function rateOf({ creditsPerUnit, bonusTiers = [] }: CreditRate, currency: string, scale: number): Rate {
  return {
    unitsPerMajor: parseAmount(creditsPerUnit, { scale }),
    tiers: bonusTiers.map(({ from, bonusPercent }) => ({
      fromMinor: parseMoney(from, currency),
      bonusMillionths: parseAmount(bonusPercent, { scale: PERCENT_DECIMALS, zero: true }),
    })),
  };
}

function packOf(name: string, pack: CreditPack, scale: number): Pack {
  const { credits, creditType = null, validityDays = null, priority = PRIORITY } = pack;
  const prices = [pack.price].flat() as readonly Money[];
  return {
    ...{ pack: name, creditType, terms: { priority, validityDays } },
    creditsToAdd: parseAmount(credits, { scale }),
    prices: new Map(prices.map(({ amount, currency }) => [currency, moneyOf(amount, currency)])),
  };
}
