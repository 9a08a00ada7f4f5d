/**
 * Plans, codes and cycles in a host's `withTransaction`: a write conflict is the driver's own, and ends in one effect.
 */
import { expect, test } from 'vitest';
import type { Manager } from '../../backends/hosted.js';
import { describeMongo } from '../../backends/mongo.js';
import { type MongoStore, withStore } from '../../backends/mongodb-store.js';

const MONTHLY = { name: 'Pro', creditLimit: 100, price: 5, currency: 'USD', billingPeriod: 'monthly' } as const;

interface Made {
  readonly plan: string;
  readonly big: string;
}

/** The call inside the transaction, and what somebody else writes after its snapshot was taken. */
type Rival = readonly [
  inside: (manager: Manager, session: unknown, made: Made) => Promise<unknown>,
  outside: (manager: Manager, made: Made) => Promise<unknown>,
];

const RIVALS: Readonly<Record<string, Rival>> = {
  'a code claimed by another user': [
    ({ promos }, session) => promos.claimPromo('u', 'code', { session }),
    ({ promos }) => promos.claimPromo('v', 'code'),
  ],
  'a code of the same name': [
    ({ promos }, session) =>
      promos.createPromo({ code: 'NEW', credits: 1 }, { session }).catch((error) => {
        if (error.code !== 'PROMO_EXISTS') throw error;
      }),
    ({ promos }) => promos.createPromo({ code: 'NEW', credits: 1 }),
  ],
  'a code that is switched': [
    ({ promos }, session) => promos.togglePromo('code', { session }),
    ({ promos }) => promos.togglePromo('code'),
  ],
  'a plan that is changed': [
    ({ subscriptions }, session, { plan }) => subscriptions.updateSubscriptionPlan({ id: plan, price: 7 }, { session }),
    ({ subscriptions }, { plan }) => subscriptions.updateSubscriptionPlan({ id: plan, creditLimit: 120 }),
  ],
  'a plan set by another': [
    ({ subscriptions }, session, { big }) => subscriptions.setUserSubscriptionPlan('u', big, { session }),
    ({ subscriptions }, { plan }) => subscriptions.setUserSubscriptionPlan('u', plan),
  ],
  'the same key, used outside': [
    ({ subscriptions }, session) =>
      subscriptions.addSubscriptionPlan(MONTHLY, { session, idempotencyKey: 'k' } as never),
    ({ subscriptions }) => subscriptions.addSubscriptionPlan(MONTHLY, { idempotencyKey: 'k' }),
  ],
  'a cycle of the same user': [
    ({ subscriptions }, session) =>
      subscriptions.startCycle('u', { amount: 5, recurring: true, session }).catch((error) => {
        if (error.code !== 'CYCLE_ACTIVE') throw error;
      }),
    ({ subscriptions }) => subscriptions.startCycle('u', { amount: 5, recurring: true }),
  ],
};

/** What there is of everything, without ids. */
async function state({ subscriptions, promos, credits }: Manager, { big }: Made) {
  const plans = (await subscriptions.listSubscriptionPlans()).items;
  return {
    plans: plans.map(({ creditLimit, price }) => [creditLimit, price]).sort(),
    codes: (await promos.listPromos({ activeOnly: false })).items.map(({ code, totalClaims, isActive }) => [
      ...[code, totalClaims, isActive],
    ]),
    claims: (await promos.listClaims({ code: 'code' })).items.map(({ userId }) => userId).sort(),
    isBig: (await subscriptions.getUserSubscriptionPlan('u'))?.planId === big,
    cycles: (await subscriptions.listCycles('u')).items.length,
    balances: (await credits.getUsersCreditsInfo(['u', 'v'])).map(({ balance }) => balance),
  };
}

async function made({ subscriptions, promos, credits }: Manager): Promise<Made> {
  await promos.createPromo({ code: 'code', credits: 5, maxUses: 2 });
  await credits.addCredits('u', 1);
  const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
  const big = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 300 });
  return { plan: plan.id, big: big.id };
}

await describeMongo('plans in the transactions of hosts on MongoDB', (database) => {
  const onEmpty = (body: (store: MongoStore, manager: Manager) => Promise<void>) =>
    withStore(database.url, (store) => body(store, store.open()));

  test.each(Object.entries(RIVALS))('%s: the transaction is repeated, and ends as one after the other', (_, rival) =>
    onEmpty(async (store, manager) => {
      const [inside, outside] = rival;
      const before = await made(manager);
      const other = store.open();
      let runs = 0;
      await store.host()(async ({ session, order }) => {
        // The snapshot is of now.
        await order(`order-${++runs}`);
        if (runs === 1) await outside(other, before);
        await inside(manager, session, before);
      });
      expect(runs).toBe(2);
      expect(await store.orders()).toEqual(['order-2']);
      const inTurn = await state(manager, before);
      expect((await manager.ledger.verify()).problems).toEqual([]);
      await withStore(database.url, async (again) => {
        const alone = again.open();
        const same = await made(alone);
        await outside(alone, same);
        await again.host()(({ session }) => inside(alone, session, same));
        expect(inTurn).toEqual(await state(alone, same));
      });
    }),
  );
});
