/** Subscriptions that a provider bills: the grants of a year, each once, in every order that retries can make. */
import { expect, test } from 'vitest';
import { amount } from '../support/amounts.js';
import { Chance, SEED } from '../support/chance.js';
import { describeBackends, type Manager, type OpenWorld, type World } from '../support/plan-world.js';
import { changed, GRANTS_OF_A_YEAR, type Happened, invoice, monthAt, START, yearOf } from './billed-year.js';
import { paymentWorld } from './world.js';

const DAY = 24 * 3600 * 1000;
const monthly = { billingPeriod: 'monthly', price: 1 } as const;

async function billedWorld(openWorld: OpenWorld) {
  const { world, manager, provider } = await paymentWorld(openWorld);
  const { subscriptions } = manager;
  const a = await subscriptions.addSubscriptionPlan({
    ...{ name: 'A', code: 'a', creditLimit: 100, ...monthly, providerPrices: { plain: ['price_a'] } },
  });
  const b = await subscriptions.addSubscriptionPlan({
    ...{ name: 'B', code: 'b', creditLimit: 300, ...monthly, providerPrices: { plain: ['price_b'] } },
  });
  const tell = (event: Happened) => manager.payments.handleWebhook('plain', JSON.stringify([event]), {});
  return { world, manager, provider, tell, a, b };
}

function goTo(world: World, at: number) {
  if (at > world.clock.now().getTime()) world.clock.set(new Date(at));
}

/** Amount and end of every grant of a user, the soonest end first. */
async function grantsOf({ credits }: Manager, userId = 'u') {
  const { items } = await credits.getGrants(userId, { includeClosed: true, limit: 100 });
  return items.map(({ amount, expiresAt }) => ({ amount, expiresAt: expiresAt?.getTime() ?? 0 })).sort(byEnd);
}

type Told = (typeof GRANTS_OF_A_YEAR)[number];
const byEnd = (one: Told, other: Told) => one.expiresAt - other.expiresAt || one.amount - other.amount;

await describeBackends('subscriptions that a provider bills', (openWorld, isMemory) => {
  test('a year of events grants each period once, in every order that retries make', async () => {
    const runs = amount('CREDIT_BILLED_YEARS', isMemory ? 1 : 0.15);
    for (let run = 0; run < runs; run++) {
      const chance = new Chance(SEED + run);
      const { world, manager, provider } = await billedWorld(openWorld);
      // Each event comes once or more often, up to three days after it happened.
      const late = () => (chance.below(2) === 0 ? 0 : chance.below(3 * DAY));
      const deliveries = yearOf().flatMap((event) =>
        Array.from({ length: 1 + chance.below(3) }, () => ({
          event,
          at: event.occurredAt.getTime() + late(),
        })),
      );
      deliveries.sort((one, other) => one.at - other.at || chance.below(3) - 1);
      const managers = [manager, world.open({ payments: { providers: [provider] } })] as const;
      while (deliveries.length > 0) {
        const together = deliveries.splice(0, 1 + chance.below(3));
        goTo(world, together.at(-1)?.at ?? 0);
        const told = together.map(({ event }, i) => {
          return managers[i % 2]?.payments.handleWebhook('plain', JSON.stringify([event]), {});
        });
        await Promise.all(told);
        if (chance.below(3) === 0) await manager.credits.deductCredits('u', 1).catch(() => null);
        if (chance.below(5) === 0) await manager.jobs.runAllocation();
      }
      await manager.payments.reconcilePayments({ since: new Date(START) });
      expect(await grantsOf(manager)).toEqual(GRANTS_OF_A_YEAR.toSorted(byEnd));
      goTo(world, monthAt(12) + 4 * DAY);
      expect(await manager.subscriptions.getUserSubscriptionPlan('u')).toMatchObject({
        planId: expect.any(String),
        status: expect.stringMatching(/^(ended|cancelled)$/),
      });
      expect((await manager.payments.listMessages({ status: 'waiting' })).items).toEqual([]);
      expect(await world.balance('u')).toBe(0);
      await world.expectSound();
      await world.close();
    }
  });

  test('the subscription of the user follows: paid, past due, changed, cancelled, ended', async () => {
    const { world, manager, tell, a, b } = await billedWorld(openWorld);
    const now = () => manager.subscriptions.getUserSubscriptionPlan('u');
    await tell({ ...invoice(0, 'price_a'), userId: 'u' });
    const january = { periodStart: new Date(monthAt(0)), periodEnd: new Date(monthAt(1)) };
    expect(await now()).toMatchObject({ planId: a.id, status: 'active', autoRenew: true, ...january });
    expect(await world.balance('u')).toBe(100);
    // A period that is not paid waits, and its failure says so; nothing is granted meanwhile.
    goTo(world, monthAt(1) + 1);
    expect(await now()).toMatchObject({ status: 'past_due', ...january });
    await tell(invoice(1, 'price_a', monthAt(1), 'invoice_failed'));
    expect(await now()).toMatchObject({ status: 'past_due' });
    expect(await world.balance('u')).toBe(0);
    // Paid after its grace was over, when the subscription had ended: the period is granted all the same.
    goTo(world, monthAt(1) + 10 * DAY);
    expect(await now()).toMatchObject({ status: 'ended' });
    expect(await tell(invoice(1, 'price_a', monthAt(1) + 10 * DAY))).toMatchObject({ success: true, userId: 'u' });
    expect(await now()).toMatchObject({ status: 'active', periodEnd: new Date(monthAt(2)) });
    expect(await world.balance('u')).toBe(100);
    // Half of the days of the period are left, of 200 credits more.
    goTo(world, monthAt(1) + 14 * DAY);
    await tell(changed(monthAt(1) + 14 * DAY, 1, 'price_b'));
    expect(await now()).toMatchObject({ planId: b.id, status: 'active', periodEnd: new Date(monthAt(2)) });
    expect(await world.balance('u')).toBe(200);
    // A lower plan begins with the next period, and takes nothing away.
    await tell(changed(monthAt(1) + 15 * DAY, 1, 'price_a'));
    expect(await now()).toMatchObject({ planId: b.id, nextPlanId: a.id });
    expect(await world.balance('u')).toBe(200);
    await tell(changed(monthAt(1) + 16 * DAY, 1, 'price_a', { cancelsAtPeriodEnd: true }));
    expect(await now()).toMatchObject({ autoRenew: false, validUntil: new Date(monthAt(2)) });
    await tell(changed(monthAt(1) + 17 * DAY, 1, 'price_a'));
    expect(await now()).toMatchObject({ autoRenew: true, validUntil: null });
    await tell({ ...changed(monthAt(1) + 18 * DAY, 1, 'price_a'), kind: 'subscription_ended', type: 'ended' });
    expect(await now()).toMatchObject({ status: 'cancelled' });
    expect(await world.balance('u')).toBe(200);
    const types = (await manager.subscriptions.getSubscriptionHistory('u', { limit: 50 })).items.map(
      (one) => one.message,
    );
    expect(types.toReversed()).toEqual([
      ...['Period paid at the provider', 'User subscription past due', 'User subscription ended'],
      ...[
        'Period paid at the provider',
        'Subscription changed at the provider',
        'Subscription changed at the provider',
      ],
      ...['Subscription changed at the provider', 'Subscription changed at the provider'],
      'Subscription ended at the provider',
    ]);
    await world.expectSound();
  });

  test('events wait for their user, for their plan, and for the day on which their period begins', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    expect(await tell(invoice(0, 'price_a'))).toMatchObject({ success: false, status: 'waiting', userId: null });
    expect(await tell(changed(START, 0, 'price_x'))).toMatchObject({ status: 'waiting', userId: null });
    const other = {
      ...changed(START, 0, 'price_x'),
      userId: 'w',
      subscription: { ...changed(START, 0, 'x').subscription! },
    };
    const foreign = { ...other, subscription: { ...other.subscription, id: 'sub_9', customerId: 'cus_9' } };
    expect(await tell(foreign)).toMatchObject({ success: true, status: 'ignored' });
    await tell({ ...invoice(1, 'price_a'), userId: 'u' });
    expect((await manager.payments.listMessages({ status: 'waiting' })).items).toHaveLength(3);
    const [page] = yearOf() as [Happened];
    expect(await tell(page)).toMatchObject({ success: true, userId: 'u' });
    expect(await world.balance('u')).toBe(100);
    expect(await tell({ ...changed(START, 0, 'price_a'), type: 'x', userId: 'v' })).toMatchObject({
      success: false,
      error: 'PAYMENT_MISMATCH: userId',
    });
    // The customer is known now, also to another subscription.
    const second = invoice(0, 'price_y');
    const ofSecond = { ...second, subscription: { ...second.subscription!, id: 'sub_2', invoiceId: 'in_y' } };
    expect(await tell(ofSecond)).toMatchObject({
      status: 'waiting',
      userId: 'u',
      error: expect.stringContaining('price_y'),
    });
    await manager.subscriptions.addSubscriptionPlan({
      ...{ name: 'Y', creditLimit: 7, ...monthly, providerPrices: { plain: ['price_y'] } },
    });
    expect(await manager.payments.reconcilePayments()).toMatchObject({ changed: 1 });
    expect(await world.balance('u')).toBe(107);
    goTo(world, monthAt(1));
    await manager.payments.reconcilePayments();
    expect(await world.balance('u')).toBe(100);
    await world.expectSound();
  });

  test('a year that is paid at once grants every month, and what is left rolls over', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    await manager.subscriptions.addSubscriptionPlan({
      ...{
        name: 'Y',
        creditLimit: 60,
        price: 1,
        billingPeriod: 'yearly',
        allocationPeriod: 'monthly',
        rolloverCap: 20,
      },
      providerPrices: { plain: ['price_y'] },
    });
    const first = invoice(0, 'price_y');
    const year = { ...first.subscription!, periodEnd: new Date(monthAt(12)) };
    goTo(world, monthAt(1) + DAY);
    await tell({ ...first, userId: 'u', subscription: year });
    expect(await grantsOf(manager)).toEqual([
      { amount: 60, expiresAt: monthAt(1) },
      { amount: 60, expiresAt: monthAt(2) },
    ]);
    expect(await world.balance('u')).toBe(60);
    goTo(world, monthAt(2) + DAY);
    expect(await world.balance('u')).toBe(80);
    expect(await manager.subscriptions.getUserSubscriptionPlan('u')).toMatchObject({
      periodEnd: new Date(monthAt(12)),
      status: 'active',
    });
    await world.expectSound();
  });

  test('checkout makes the page of a plan, whose subscription then grants', async () => {
    const { world, manager, provider, a } = await billedWorld(openWorld);
    const key = { idempotencyKey: 'k' };
    const page = await manager.payments.checkout({ userId: 'u', plan: 'a' }, key);
    expect(page).toMatchObject({ provider: 'plain', planId: a.id, priceId: 'price_a', url: expect.any(String) });
    await manager.payments.checkout({ userId: 'u', plan: a.id }, key);
    await manager.payments.checkout({ userId: 'v', plan: 'a' }, key);
    const [first, again, other] = provider.links;
    expect(first).toMatchObject({
      priceId: 'price_a',
      userId: 'u',
      reference: expect.stringMatching(/^sub_[0-9a-f]{32}$/),
    });
    expect(again?.reference).toBe(first?.reference);
    expect(other?.reference).not.toBe(first?.reference);
    const { items } = await manager.payments.listMessages({ userId: 'u' });
    expect(items).toMatchObject([{ type: 'checkout', status: 'sent', paymentId: null }]);
    await manager.subscriptions.addSubscriptionPlan({ name: 'F', code: 'free', creditLimit: 1, ...monthly });
    const code = async (plan: string) =>
      manager.payments.checkout({ userId: 'u', plan }).catch((error: { code: string }) => error.code);
    expect(await code('free')).toBe('INVALID_ARGUMENT');
    expect(await code('none')).toBe('PLAN_NOT_FOUND');
    await manager.subscriptions.deactivateSubscriptionPlan('a');
    expect(await code('a')).toBe('PLAN_INACTIVE');
    await world.expectSound();
  });

  test('an invoice that two events tell of grants once', async () => {
    const { world, tell } = await billedWorld(openWorld);
    const paid = { ...invoice(0, 'price_a'), userId: 'u' };
    await tell({ ...paid, eventId: 'evt_1' });
    await tell({ ...paid, eventId: 'evt_2', type: 'invoice.payment_succeeded' });
    expect(await world.balance('u')).toBe(100);
    await world.expectSound();
  });

  test('an invoice that comes late grants its period and leaves the later one', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    goTo(world, monthAt(1) + DAY);
    await tell({ ...invoice(1, 'price_b'), userId: 'u' });
    await tell(invoice(0, 'price_a'));
    expect(await grantsOf(manager)).toEqual([
      { amount: 100, expiresAt: monthAt(1) },
      { amount: 300, expiresAt: monthAt(2) },
    ]);
    const now = await manager.subscriptions.getUserSubscriptionPlan('u');
    expect(now).toMatchObject({ planName: 'B', periodEnd: new Date(monthAt(2)) });
    expect(await world.balance('u')).toBe(300);
    await world.expectSound();
  });

  test('going up, down and up again within a period adds the difference once', async () => {
    const { world, tell } = await billedWorld(openWorld);
    await tell({ ...invoice(0, 'price_a'), userId: 'u' });
    goTo(world, monthAt(0) + 30 * DAY);
    const changes = ['price_b', 'price_a', 'price_b'].map((price, i) =>
      changed(monthAt(0) + (i + 1) * 5 * DAY, 0, price),
    );
    for (const change of changes.toReversed()) await tell({ ...change, type: change.occurredAt.toISOString() });
    // 26 of 31 days, of 200 more.
    expect(await world.balance('u')).toBe(100 + Math.floor((200 * 26) / 31));
    await world.expectSound();
  });

  test('an older event changes nothing that a later one said', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    await tell({ ...invoice(0, 'price_a'), userId: 'u' });
    goTo(world, monthAt(0) + 20 * DAY);
    await tell(changed(monthAt(0) + 9 * DAY, 0, 'price_a', { cancelsAtPeriodEnd: true }));
    await tell({ ...changed(monthAt(0) + 8 * DAY, 0, 'price_a'), type: 'older' });
    expect(await manager.subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ autoRenew: false });
    await world.expectSound();
  });

  test('a plan that is edited changes nothing of earlier periods, and a freeze ends with a paid period', async () => {
    const { world, manager, tell, b } = await billedWorld(openWorld);
    await tell({ ...invoice(0, 'price_a'), userId: 'u' });
    goTo(world, monthAt(0) + 16 * DAY);
    await tell(changed(monthAt(0) + 15 * DAY + DAY / 2, 0, 'price_b'));
    expect(await world.balance('u')).toBe(200);
    await manager.subscriptions.updateSubscriptionPlan({ id: b.id, creditLimit: 900 });
    await manager.subscriptions.pauseUserSubscription('u', { freezeCredits: true });
    goTo(world, monthAt(1) + DAY);
    await tell(invoice(1, 'price_a'));
    // 15 days of the first period were left.
    const ends = (await grantsOf(manager)).map(({ amount, expiresAt }) => [amount, expiresAt]);
    const thawed = monthAt(1) + DAY + (monthAt(1) - (monthAt(0) + 16 * DAY));
    expect(ends).toEqual([
      [100, thawed],
      [100, thawed],
      [100, monthAt(2)],
    ]);
    expect(await manager.subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'active' });
    await world.expectSound();
  });
});
