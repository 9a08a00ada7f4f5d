/** The fields of a plan: from the caller's input to the stored row, and the rules for the row as a whole. */
import type { z } from 'zod';
import { parseAmount } from '../../core/amounts.js';
import { parseMoney } from '../../core/money.js';
import { addDays, type TemporalLike } from '../../core/periods.js';
import { termsOf } from '../../core/subscription-row.js';
import { creditError } from '../../errors.js';
import type { planInputSchema } from '../../models/inputs/plans.js';
import { type BillingPeriod, billingPeriods, type PlanRow } from '../../models/plan.js';
import { definedFields, type Loose } from '../input/given-fields.js';
import { refuseField } from '../pipeline/definitions.js';

/** The fields that a caller gives. */
export type PlanFields = Omit<PlanRow, NotGiven>;

type NotGiven = 'id' | 'version' | 'renewalTerms' | 'isActive' | 'deactivatedAt' | 'createdAt' | 'updatedAt';

/** The fields that an input may leave out. */
export const PLAN_DEFAULTS = {
  ...{ code: null, description: null, creditType: 'credits', alsoGrants: [], currency: null },
  ...{ allocationPeriod: null, validityDays: null },
  ...{ trialDays: 0, rolloverCap: null, timeZone: null, creditDecimals: null },
  ...{ renewOn: null, graceDays: null, providerPrices: null, metadata: {} },
  renewalTerms: null,
} satisfies Partial<PlanRow>;

/** The given fields, amounts in units, prices in minor units. */
export function planFieldsOf(input: Loose<z.infer<typeof planInputSchema>>, scale: number): Partial<PlanFields> {
  const { creditLimit, price, rolloverCap, alsoGrants, currency, ...rest } = input;
  return definedFields({
    ...rest,
    // A plan that renews by the clock waits for no payment.
    ...(rest.renewOn === 'clock' && rest.graceDays === undefined && { graceDays: null }),
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

export interface PlanRules {
  /** The declared credit types. */
  readonly creditTypes: readonly string[];
  readonly temporal: TemporalLike | null;
  readonly scale: number;
}

/** How many changes for renewals a plan remembers: a renewal that is late begins on the terms of its own instant. */
const RENEWAL_TERMS_MAX = 100;

/** The plan with its present terms for the renewals of subscriptions that have older ones. */
export function forRenewals(plan: PlanRow, from: Date): PlanRow {
  const latest = { from: from.getTime(), terms: termsOf(plan) };
  return { ...plan, renewalTerms: [...(plan.renewalTerms ?? []), latest].slice(-RENEWAL_TERMS_MAX) };
}

/** @throws INVALID_ARGUMENT where a change brings a credit type: subscribers have no account of it that renews. */
export function checkTypesStay(before: PlanRow, after: PlanRow): void {
  const typesOf = ({ creditType, alsoGrants }: PlanRow) => [creditType, ...alsoGrants.map((grant) => grant.creditType)];
  const known = typesOf(before);
  const added = typesOf(after).find((type) => !known.includes(type));
  if (added === undefined) return;
  const why = `${added} is new: make another plan, and move subscribers to it with changeUserSubscriptionPlan`;
  refuseField('applyTo', "'new' where a credit type is added", why);
}

/** @throws INVALID_ARGUMENT where two fields do not go together, CONFIGURATION for a time zone without `Temporal` */
export function checkPlan(plan: PlanRow, { creditTypes, temporal, scale }: PlanRules): void {
  const { creditType, alsoGrants, allocationPeriod, billingPeriod, validityDays, rolloverCap } = plan;
  const types = [creditType, ...alsoGrants.map((grant) => grant.creditType)];
  const unknown = types.find((type) => !creditTypes.includes(type));
  if (unknown !== undefined) refuse('creditType', creditTypes.join(' | '), `${unknown} is not declared`);
  if (new Set(types).size < types.length) refuse('alsoGrants', 'each credit type once', 'a type is named twice');
  const length = (period: BillingPeriod) => billingPeriods.indexOf(period);
  if (allocationPeriod !== null && length(allocationPeriod) > length(billingPeriod)) {
    refuse('allocationPeriod', `${billingPeriod} or more often`, 'credits are granted within each billing period');
  }
  if (validityDays !== null && rolloverCap !== null) {
    refuse('rolloverCap', 'a plan without validityDays', 'what expires by validityDays cannot roll over');
  }
  const { creditDecimals } = plan;
  if (creditDecimals !== null) {
    if (creditDecimals > scale) refuse('creditDecimals', `0 to ${scale}`, 'credits have fewer decimals here');
    const limits = [plan.creditLimit, ...alsoGrants.map(({ creditLimit }) => creditLimit)];
    if (limits.some((limit) => limit % 10 ** (scale - creditDecimals) !== 0)) {
      refuse('creditDecimals', 'the decimals of the limits, or more', 'a limit has more decimals');
    }
  }
  if (plan.graceDays !== null && plan.renewOn !== 'payment') {
    refuse('graceDays', "a plan with renewOn: 'payment'", 'a plan that renews by the clock waits for no payment');
  }
  checkTimeZone(plan, temporal);
}

function checkTimeZone({ timeZone, trialDays }: PlanRow, temporal: TemporalLike | null): void {
  if (timeZone === null) return;
  try {
    // A wrong name is a mistake of the caller, also where no zone can be used.
    new Intl.DateTimeFormat('en', { timeZone });
    if (temporal !== null) addDays(0, trialDays, { timeZone, temporal });
  } catch {
    refuse('timeZone', 'an IANA time zone', 'it is not known');
  }
  if (temporal === null) {
    const problem = 'a plan names a time zone and there is no Temporal: npm install temporal-polyfill';
    throw creditError('CONFIGURATION', `${problem}, and give it as the option temporal.`, { problems: [problem] });
  }
}

/** A new currency alone would give the stored price another value. @throws INVALID_ARGUMENT */
export function refuseCurrencyAlone(): never {
  refuse('price', 'the price in the new currency', 'a currency is changed together with the price');
}

function refuse(field: keyof PlanFields, expected: string, why: string): never {
  refuseField(`plan.${field}`, expected, why);
}
