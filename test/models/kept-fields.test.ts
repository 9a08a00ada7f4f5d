/** What a caller gives is kept: in the entry, in the answer to a repetition, in what tells two calls apart. */
import { Temporal } from 'temporal-polyfill';
import { describe, expect, test } from 'vitest';
import type { GrantTerms } from '../../src/core/command.js';
import { PLAIN_TERMS, termsOf } from '../../src/core/grants.js';
import { createTestCredits } from '../../src/entries/testing.js';
import * as library from '../../src/index.js';
import type { EntryRow } from '../../src/models/entry.js';
import { planSchema } from '../../src/models/plan.js';
import { promoSchema } from '../../src/models/promo.js';
import type { Operation } from '../../src/services/pipeline/operation.js';
import { sameInput } from '../../src/services/pipeline/same-input.js';

const NOW = Date.UTC(2030, 0, 1);

describe('every term of a grant', () => {
  const other: { [K in keyof GrantTerms]: GrantTerms[K] } = {
    ...{ source: 'purchase', priority: 7, effectiveAt: NOW + 1, expiresAt: NOW + 2, planId: 'p', reference: 'r' },
    paymentId: 'pay',
  };
  const entryFor = (terms: GrantTerms) => {
    const grant = termsOf({ ...terms, effectiveAt: terms.effectiveAt ?? NOW });
    return { amount: 5, details: { grant }, metadata: {}, account: 'a', operation: 'add' } as unknown as EntryRow;
  };
  const callOf = (terms: GrantTerms) => {
    const call = { operation: 'add', metadata: {} };
    return { call, command: { type: 'add', amount: 5, terms }, accounts: [{ key: 'a' }] } as unknown as Operation;
  };

  test.each(Object.keys(PLAIN_TERMS) as (keyof GrantTerms)[])('%s: is kept by its entry', (term) => {
    expect(termsOf({ ...other, effectiveAt: NOW }), 'termsOf in src/core/grants.ts').toHaveProperty(term);
  });

  test.each(Object.keys(PLAIN_TERMS) as (keyof GrantTerms)[])('%s: tells two calls apart', (term) => {
    const changed = { ...other, [term]: PLAIN_TERMS[term] ?? (typeof other[term] === 'number' ? 1 : 'else') };
    expect(sameInput(callOf(other), entryFor(other))).toBe(true);
    const where = `sameTerms in src/services/pipeline/same-input.ts says nothing of ${term}`;
    expect(sameInput(callOf(changed), entryFor(other)), where).toBe(false);
  });
});

describe('a field of a definition', () => {
  const own = ['id', 'version', 'createdAt', 'updatedAt'];
  test.each([
    [
      'a plan',
      planSchema,
      library.PlanInputSchema,
      'src/models/inputs/plans.ts',
      [...own, 'isActive', 'deactivatedAt', 'renewalTerms'],
    ],
    [
      'a promo code',
      promoSchema,
      library.PromoInputSchema,
      'src/models/inputs/promos.ts',
      [...own, 'claims', 'claimsDay', 'claimsOfDay'],
    ],
  ])("of %s can be given, or is the library's own", (_, { shape }, input, file, ofLibrary) => {
    const given = Object.keys(input.shape);
    const left = Object.keys(shape).filter((field) => !given.includes(field));
    expect(left.sort(), `fields that ${file} lacks`).toEqual(ofLibrary.sort());
  });
});

describe('a call that is repeated', () => {
  const KEYED = { idempotencyKey: 'k' };
  const open = () => createTestCredits({ now: new Date(NOW), creditTypes: { image: {} }, temporal: Temporal });

  /** Asks twice; the second answer comes from the ledger alone. */
  async function twice<T extends { readonly replayed: boolean }>(call: () => Promise<T>) {
    const { replayed, ...first } = await call();
    const { replayed: again, ...second } = await call();
    expect([replayed, again]).toEqual([false, true]);
    expect(second).toStrictEqual(first);
    return first;
  }

  const plan = {
    ...{ code: 'c', name: 'n', description: 'd', metadata: { a: 1 }, creditType: 'image', creditLimit: 5 },
    ...{ timeZone: 'Asia/Tokyo' },
    ...{ price: 20, currency: 'JPY', billingPeriod: 'weekly', validityDays: 4, trialDays: 3, rolloverCap: 6 },
    ...{
      allocationPeriod: 'daily',
      renewOn: 'payment',
      graceDays: 2,
      providerPrices: { stripe: ['price_1'] },
      creditDecimals: 1,
    },
    alsoGrants: [{ creditType: 'credits', creditLimit: 2 }],
  } as const satisfies Required<library.PlanInput>;
  const { validityDays: _, ...rolling } = plan;
  const { rolloverCap: __, ...ending } = plan;

  // The two fields exclude each other.
  test.each([rolling, ending])('answers a plan as it was given, with every field', async (given) => {
    const { subscriptions } = open();
    expect(await twice(() => subscriptions.addSubscriptionPlan(given, KEYED))).toMatchObject(given);
  });

  test.each([rolling, ending])('answers a plan as it was changed, in every field', async (given) => {
    const { subscriptions } = open();
    const before = { name: 'x', price: 1, creditLimit: 1, billingPeriod: 'daily' } as const;
    const { id } = await subscriptions.addSubscriptionPlan(before);
    expect(await twice(() => subscriptions.updateSubscriptionPlan({ id, ...given }, KEYED))).toMatchObject(given);
  });

  const promo = {
    ...{ code: 'A', credits: 5, creditType: 'image', description: 'd', metadata: { a: 1 }, isActive: false },
    ...{ targetType: 'specific_users', targetUserIds: ['u'], maxUses: 9, maxUsesPerUser: 2 },
    ...{ maxUsesPerDay: 8, maxUsesPerUserPerDay: 1, validityDays: 7, referrerId: 'r', referrerCredits: 3 },
    ...{ validFrom: new Date(NOW + 1), validUntil: new Date(NOW + 2) },
  } as const satisfies Required<library.PromoInput>;

  test('answers a promo code as it was given, and as it was changed, with every field', async () => {
    const { promos } = open();
    expect(await twice(() => promos.createPromo(promo, KEYED))).toMatchObject(promo);
    await promos.createPromo({ code: 'B', credits: 1 });
    expect(await twice(() => promos.updatePromo({ ...promo, code: 'B' }, KEYED))).toMatchObject({
      ...promo,
      code: 'B',
    });
  });

  test('answers a reservation, a subscription and a cycle as they were', async () => {
    const { credits, subscriptions } = open();
    await credits.addCredits('u', 50);
    await twice(() => credits.reserveCredits('u', 5, { ...KEYED, reason: 'r', metadata: { a: 1 } }));
    const given = { name: 'x', price: 1, creditLimit: 1, billingPeriod: 'daily' } as const;
    const { id } = await subscriptions.addSubscriptionPlan(given);
    await twice(() => subscriptions.setUserSubscriptionPlan('u', id, { ...KEYED, autoRenew: false }));
    await twice(() => subscriptions.startCycle('u', { ...KEYED, amount: 5, recurring: true }));
  });
});
