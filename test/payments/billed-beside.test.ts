/** Subscriptions that a provider bills, beside the calls of the host: each was a counterexample, and is mended. */
import { expect, test } from 'vitest';
import type { PlanInput, ProviderEvent } from '../../src/index.js';
import { describeBackends, type Manager, type OpenWorld, type World } from '../support/plan-world.js';
import { changed, type Happened, invoice, monthAt } from './billed-year.js';
import { paymentWorld } from './world.js';

const DAY = 24 * 3600 * 1000;
type Subscription = NonNullable<ProviderEvent['subscription']>;

async function billedWorld(openWorld: OpenWorld, options: Parameters<OpenWorld>[0] = {}) {
  const { world, manager } = await paymentWorld(openWorld, {}, options);
  const plan = (code: string, creditLimit: number, more: Partial<PlanInput> = {}) =>
    manager.subscriptions.addSubscriptionPlan({
      ...{ name: code.toUpperCase(), code, creditLimit, billingPeriod: 'monthly', price: 1, ...more },
      providerPrices: { plain: [`price_${code}`] },
    });
  await plan('a', 100);
  await plan('b', 300);
  const tell = (event: Happened) => manager.payments.handleWebhook('plain', JSON.stringify([event]), {});
  const now = () => manager.subscriptions.getUserSubscriptionPlan('u');
  return { world, manager, tell, plan, now };
}

/** The event, of the user, with other fields of its subscription. */
function of(event: Happened, more: Partial<Subscription> = {}): Happened {
  return { ...event, userId: 'u', subscription: { ...(event.subscription as Subscription), ...more } };
}
const until = (start: number, end: number) => ({ periodStart: new Date(start), periodEnd: new Date(end) });

function goTo(world: World, at: number) {
  if (at > world.clock.now().getTime()) world.clock.set(new Date(at));
}

async function grantsOf({ credits }: Manager) {
  const { items } = await credits.getGrants('u', { includeClosed: true, limit: 100 });
  return items
    .map(({ amount, expiresAt }) => `${amount} until ${expiresAt?.toISOString().slice(0, 10) ?? 'ever'}`)
    .sort();
}

await describeBackends('billed subscriptions beside all else', (openWorld) => {
  test('a plan whose terms change for renewals waits for its invoice as before', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    await tell(of(invoice(0, 'price_a')));
    await manager.subscriptions.updateSubscriptionPlan({ id: 'a', creditLimit: 120 }, { applyTo: 'renewals' });
    goTo(world, monthAt(1));
    // Nothing is paid for February yet.
    expect(await world.balance('u')).toBe(0);
    await tell(invoice(1, 'price_a'));
    expect(await world.balance('u')).toBe(120);
    await world.expectSound();
  });

  test('a plan that a host changes to is not granted by the clock and by the invoice', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    await tell(of(invoice(0, 'price_a')));
    await manager.subscriptions.changeUserSubscriptionPlan('u', 'b', { proration: 'time' });
    goTo(world, monthAt(1));
    await tell(invoice(1, 'price_b'));
    expect(await world.balance('u')).toBe(300);
    await world.expectSound();
  });

  test('a change that a host puts off to the end of the period waits for the invoice', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    await tell(of(invoice(0, 'price_b')));
    await manager.subscriptions.changeUserSubscriptionPlan('u', 'a', { when: 'period_end' });
    goTo(world, monthAt(1));
    await tell(invoice(1, 'price_a'));
    expect(await world.balance('u')).toBe(100);
    await world.expectSound();
  });

  test('what a provider bills cannot be paid by hand, and is granted by its invoice', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    await tell(of(invoice(0, 'price_a')));
    const renewed = manager.subscriptions.renewSubscription('u', { paymentId: 'in_1' });
    await expect(renewed).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    goTo(world, monthAt(1));
    await tell(invoice(1, 'price_a'));
    expect(await world.balance('u')).toBe(100);
    await world.expectSound();
  });

  test('credits that were frozen in a pause end after the invoice that ends the pause', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    await tell(of(invoice(0, 'price_a')));
    goTo(world, monthAt(0) + 10 * DAY);
    await manager.subscriptions.pauseUserSubscription('u', { freezeCredits: true });
    goTo(world, monthAt(1));
    await tell(invoice(1, 'price_a'));
    expect((await grantsOf(manager)).filter((one) => one.includes('ever'))).toEqual([]);
    await world.expectSound();
  });

  test('credits that were frozen in a pause end after the provider has ended the subscription', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    await tell(of(invoice(0, 'price_a')));
    goTo(world, monthAt(0) + 10 * DAY);
    await manager.subscriptions.pauseUserSubscription('u', { freezeCredits: true });
    goTo(world, monthAt(0) + 12 * DAY);
    await tell({ ...changed(monthAt(0) + 12 * DAY, 0, 'price_a'), kind: 'subscription_ended', type: 'ended' });
    expect((await grantsOf(manager)).filter((one) => one.includes('ever'))).toEqual([]);
    await world.expectSound();
  });

  test('a change that begins a new period, which is paid in full, adds nothing to the old one', async () => {
    const { world, tell, plan } = await billedWorld(openWorld);
    await plan('y', 1200, { billingPeriod: 'yearly' });
    await tell(of(invoice(0, 'price_a')));
    const at = monthAt(0) + 15 * DAY;
    goTo(world, at);
    const year = until(at, Date.UTC(2027, 0, 16));
    await tell(of(changed(at, 0, 'price_y'), year));
    await tell(of({ ...invoice(0, 'price_y', at), type: 'y' }, { ...year, invoiceId: 'in_y' }));
    expect(await world.balance('u')).toBe(1300);
    await world.expectSound();
  });

  test('a plan that gets another limit adds nothing to a change that was granted', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    await tell(of(invoice(0, 'price_a')));
    const at = monthAt(0) + 15.5 * DAY;
    goTo(world, at);
    await tell(changed(at, 0, 'price_b'));
    expect(await world.balance('u')).toBe(200);
    await manager.subscriptions.updateSubscriptionPlan({ id: 'b', creditLimit: 900 });
    await tell(changed(at + DAY, 0, 'price_b', { cancelsAtPeriodEnd: true }));
    expect(await world.balance('u')).toBe(200);
    await world.expectSound();
  });

  test('a plan of an invoice that gets a lower limit adds nothing to a change that was granted', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    await tell(of(invoice(0, 'price_a')));
    const at = monthAt(0) + 15.5 * DAY;
    goTo(world, at);
    await tell(changed(at, 0, 'price_b'));
    await manager.subscriptions.updateSubscriptionPlan({ id: 'a', creditLimit: 10 });
    await tell(changed(at + DAY, 0, 'price_b', { cancelsAtPeriodEnd: true }));
    expect(await world.balance('u')).toBe(200);
    await world.expectSound();
  });

  test('a plan whose limit goes down and up again grants its change once', async () => {
    const { world, manager, tell } = await billedWorld(openWorld);
    await tell(of(invoice(0, 'price_a')));
    const at = monthAt(0) + 15.5 * DAY;
    goTo(world, at);
    await tell(changed(at, 0, 'price_b'));
    for (const [i, creditLimit] of [102, 300].entries()) {
      await manager.subscriptions.updateSubscriptionPlan({ id: 'b', creditLimit });
      await tell({ ...changed(at + i, 0, 'price_b', { cancelsAtPeriodEnd: true }), type: `t${i}` });
    }
    expect(await world.balance('u')).toBe(200);
    await world.expectSound();
  });

  test('a late invoice of an ended subscription leaves the one that came after it', async () => {
    const { world, tell, plan, now } = await billedWorld(openWorld);
    await plan('y', 60, { billingPeriod: 'yearly', allocationPeriod: 'monthly' });
    const at = monthAt(0) + 10 * DAY;
    goTo(world, at);
    const year = { id: 'sub_2', invoiceId: 'in_y', priceIds: ['price_y'], ...until(at, at + 365 * DAY) };
    const ended = { ...changed(at, 0, 'price_a'), kind: 'subscription_ended', type: 'ended' } as const;
    await tell(of(ended));
    await tell(of({ ...invoice(0, 'price_y', at), type: 'y' }, year));
    await tell(of(invoice(0, 'price_a')));
    expect(await world.balance('u')).toBe(160);
    expect(await now()).toMatchObject({ planName: 'Y', status: 'active' });
    goTo(world, monthAt(1) + 12 * DAY);
    expect(await world.balance('u')).toBe(60);
    await world.expectSound();
  });

  test('of two subscriptions of a user, a year that is granted by the month goes on', async () => {
    const { world, tell, plan } = await billedWorld(openWorld);
    await plan('y', 60, { billingPeriod: 'yearly', allocationPeriod: 'monthly' });
    const year = { id: 'sub_2', invoiceId: 'in_y', priceIds: ['price_y'], ...until(monthAt(0), monthAt(12)) };
    await tell(of({ ...invoice(0, 'price_y'), type: 'y' }, year));
    await tell(of(invoice(0, 'price_a')));
    expect(await world.balance('u')).toBe(160);
    goTo(world, monthAt(1) + DAY);
    await tell(of(invoice(1, 'price_a')));
    expect(await world.balance('u')).toBe(160);
    await world.expectSound();
  });

  test('a higher plan that is not paid yet grants no more by the month', async () => {
    const { world, tell, plan } = await billedWorld(openWorld);
    await plan('y', 60, { billingPeriod: 'yearly', allocationPeriod: 'monthly' });
    await plan('z', 120, { billingPeriod: 'yearly', allocationPeriod: 'monthly' });
    const year = until(monthAt(0), monthAt(12));
    await tell(of({ ...invoice(0, 'price_y'), type: 'y' }, { ...year, priceIds: ['price_y'] }));
    goTo(world, monthAt(0) + 15 * DAY);
    await tell({ ...of(changed(monthAt(0) + 15 * DAY, 0, 'price_z'), year), reason: 'past_due' });
    goTo(world, monthAt(1) + DAY);
    expect(await world.balance('u')).toBe(60);
    await world.expectSound();
  });

  test('what is left rolls over where our clock is a minute behind the provider', async () => {
    const { world, manager, tell, plan } = await billedWorld(openWorld);
    await plan('r', 60, { rolloverCap: 20 });
    await tell(of(invoice(0, 'price_r')));
    goTo(world, monthAt(1) - 60_000);
    await tell(invoice(1, 'price_r'));
    goTo(world, monthAt(1) + DAY);
    await manager.payments.reconcilePayments();
    expect(await world.balance('u')).toBe(80);
    await world.expectSound();
  });

  test('a pause that is over keeps the period of the provider and rolls over', async () => {
    const { world, manager, tell, plan } = await billedWorld(openWorld);
    await plan('r', 60, { rolloverCap: 20 });
    await tell(of(invoice(0, 'price_r')));
    goTo(world, monthAt(0) + 5 * DAY);
    await manager.subscriptions.pauseUserSubscription('u');
    goTo(world, monthAt(0) + 10 * DAY);
    await manager.subscriptions.resumeUserSubscription('u');
    goTo(world, monthAt(1));
    await tell(invoice(1, 'price_r'));
    expect(await world.balance('u')).toBe(80);
    await world.expectSound();
  });

  test('calls of a host between the events keep the ledger sound', async () => {
    const { world, manager, tell, plan, now } = await billedWorld(openWorld);
    const { subscriptions } = manager;
    await plan('i', 50, { alsoGrants: [{ creditType: 'image', creditLimit: 5 }] });
    await plan('j', 7, { creditType: 'image' });
    await tell(of(invoice(0, 'price_a')));
    goTo(world, monthAt(0) + 10 * DAY);
    await tell(changed(monthAt(0) + 10 * DAY, 0, 'price_i'));
    expect(await world.balance('u', 'image')).toBe(3);
    goTo(world, monthAt(0) + 11 * DAY);
    await tell(changed(monthAt(0) + 11 * DAY, 0, 'price_j'));
    await world.expectSound();
    goTo(world, monthAt(1));
    await tell(invoice(1, 'price_j'));
    expect(await world.balance('u', 'image')).toBe(7);
    await subscriptions.deleteUserSubscriptionPlan('u');
    await tell(changed(monthAt(1) + 1, 1, 'price_b'));
    expect(await now()).toBeNull();
    goTo(world, monthAt(2));
    await tell(invoice(2, 'price_b'));
    expect(await now()).toMatchObject({ planName: 'B' });
    await subscriptions.deleteSubscriptionPlan('j').catch(() => {});
    await tell(changed(monthAt(2) + 1, 2, 'price_a'));
    await world.expectSound();
  });
});
