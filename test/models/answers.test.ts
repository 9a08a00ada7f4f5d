/** What the library hands out is what the exported schemas say, verb by verb, event by event. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { z } from 'zod';
import { createTestCredits } from '../../src/entries/testing.js';
import type { Payment } from '../../src/index.js';
import {
  type CreditEvent,
  CreditEventSchema,
  creditEventSchemas,
  type EventSink,
  InMemoryCache,
  JobProgressSchema,
  NotificationMessageSchema,
} from '../../src/index.js';
import { plainProvider } from '../payments/plain-provider.js';
import { bodyOf, eventsOf } from '../payments/world.js';
import { ANSWERS, checked, checkedManager, type Heard } from '../support/checked-manager.js';

const PLAN = { name: 'Pro', creditLimit: 100, price: '19.99', currency: 'USD', billingPeriod: 'monthly' } as const;
const DAY = { days: 1 };

/** Every answer that a checked manager gave, by verb. */
class Answers {
  readonly byVerb = new Map<string, { answer: unknown; check: z.ZodType | ((answer: unknown) => unknown) }[]>();
  readonly heard: Heard = (verb, answer, check) => {
    this.byVerb.set(verb, [...(this.byVerb.get(verb) ?? []), { answer, check }]);
  };
}

async function open(answers: Answers) {
  const folder = await mkdtemp(join(tmpdir(), 'answers-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const delivered: CreditEvent[] = [];
  const sink: EventSink = {
    name: 'sink',
    publish: async (event) => void delivered.push(checked('sink', CreditEventSchema, event)),
  };
  const manager = createTestCredits({
    ...{ now: '2030-01-01T00:00:00Z', creditTypes: { image: {} }, events: 'all', notifyErrors: true },
    ...{ sinks: [sink], cache: new InMemoryCache(), ledger: { filePath: join(folder, 'ledger.jsonl') } },
  });
  return { manager: checkedManager(manager, answers.heard), services: manager, delivered };
}

type World = Awaited<ReturnType<typeof open>>;

async function credit({ manager }: World): Promise<void> {
  const { credits, clock } = manager;
  await credits.createAccount('u', { trialCredits: 5, lowCreditThreshold: 50 });
  await credits.updateAccount('u', { overdraftLimit: 'unlimited' });
  const added = await credits.addCredits('u', '100.5', {
    ...{ source: 'purchase', expiresAt: '2030-01-08T00:00:00Z', reference: 'order-1', planId: 'p', priority: 10 },
    ...{
      idempotencyKey: 'k',
      correlationId: 'c',
      description: 'd',
      actor: 'a',
      reason: 'r',
      metadata: { a: [1, null] },
    },
  });
  await credits.addCredits('u', 7, { effectiveAt: '2030-01-03T00:00:00Z' });
  const spent = await credits.deductCredits('u', 60);
  await credits.deductCredits('u', 1_000).catch(() => 'refused');
  await credits.deductCreditsAfterService('v', 3);
  await credits.adjustCredits('u', -1, { actor: 'admin', reason: 'import' });
  const hold = await credits.reserveCredits('u', 20, { reason: 'chat', metadata: { model: 'm' } });
  await credits.extendReservation(hold, { ttlSeconds: 3_600 });
  await credits.commitReservedCredits(hold, { amount: 5, final: false });
  await credits.getActiveReservations('u');
  await credits.getReservedCredits('u');
  await credits.commitReservedCredits(hold, { amount: 1 });
  await credits.releaseReservedCredits(await credits.reserveCredits('u', 1));
  await credits.unreserveCredits(await credits.reserveCredits('u', 1));
  await credits.reserveCredits('u', 1, { ttlSeconds: 1 });
  await credits.reverseTransaction(spent.id, { amount: 2 });
  await credits.voidGrant((await credits.addCredits('v', 5)).grantId as string, {
    actor: 'a',
    reason: 'Granted twice',
  });
  await credits.updateGrant((await credits.addCredits('v', 5)).grantId as string, { priority: 1 });
  await credits.deductCredits('v', 1, { occurredAt: '2030-01-01T00:00:00Z' });
  await credits.transferCredits({ from: 'u', to: 'w', amount: 3 });
  await credits.withCredits({ userId: 'u', estimate: 1 }, async (meter) => meter.add(0.1 + 0.2));
  await credits.createAccount('poor', { overdraftLimit: 0, trialCredits: 1 });
  await credits.withCredits({ userId: 'poor', estimate: 1 }, async (meter) => meter.add(3));
  const meter = await credits.openMeter({ userId: 'u', estimate: 1 });
  meter.addUsage({ model: 'm', provider: 'p', cost: 0.05 });
  await meter.settle();
  await credits.getUsageSummary('u', { from: '2030-01-01', by: 'model' });
  await credits.getForecast('u');
  await credits.getTransaction(added.id);
  await credits.getTransaction('none');
  await credits.getReservation(hold.id);
  await credits.getReservation('none');
  await credits.getExpiringCreditsInDays('u', 10);
  await credits.previewDeduction('u', 20);
  await credits.previewDeduction('u', 2_000);
  await credits.canAfford('u', 20);
  await credits.getBalanceAt('u', '2030-02-01T00:00:00Z');
  clock.advance(DAY);
  for (const user of ['u', 'nobody']) await credits.getAccount(user);
  await credits.getBalanceBreakdown('u');
  for (const id of [spent.id, added.id, 'none']) await credits.explainTransaction(id);
  await credits.getGrantUsage(added.grantId as string);
  for (const user of ['u', 'v', 'nobody']) await credits.getUserCreditsInfo(user);
  await credits.getUsersCreditsInfo(['u', 'nobody']);
  await credits.getCreditHistory('u', { includeHolds: true, limit: 100 });
  await credits.getTransactionPage('u', { limit: 100 });
  await credits.getGrants('u', { includeClosed: true });
  await credits.listAccounts();
  await manager.creditType('image').addCredits('u', 1);
}

async function plans({ manager }: World): Promise<void> {
  const { subscriptions, expiration, clock } = manager;
  const plan = await subscriptions.addSubscriptionPlan({
    ...{ ...PLAN, alsoGrants: [{ creditType: 'image', creditLimit: 5 }], description: 'd', metadata: { tier: 1 } },
    ...{ trialDays: 0, rolloverCap: 10 },
  });
  const paid = await subscriptions.addSubscriptionPlan({ ...PLAN, renewOn: 'payment' });
  await subscriptions.setUserSubscriptionPlan('late', paid);
  await subscriptions.setUserSubscriptionPlan('pays', paid);
  await subscriptions.setGracePeriod('pays', { until: '2100-01-01T00:00:00Z' });
  await subscriptions.renewSubscription('pays', { paymentId: 'p-1' });
  const big = await subscriptions.addSubscriptionPlan({ ...PLAN, name: 'Big', creditLimit: 200, validityDays: 7 });
  const { id } = await subscriptions.addSubscriptionPlan({ ...PLAN, billingPeriod: 'YEARLY' });
  await subscriptions.updateSubscriptionPlan({ id, price: 5 });
  await subscriptions.deactivateSubscriptionPlan(id);
  await subscriptions.activateSubscriptionPlan(id);
  await subscriptions.deleteSubscriptionPlan(id);
  await subscriptions.getSubscriptionPlan(id);
  await subscriptions.definePlans([{ ...PLAN, code: 'pro' }]);
  await subscriptions.definePlans([{ ...PLAN, code: 'pro', price: 7 }]);
  await subscriptions.definePlans([], { deactivateMissing: true });
  await subscriptions.getSubscriptionPlan(plan);
  await subscriptions.listSubscriptionPlans();
  await subscriptions.getUserSubscriptionPlan('s');
  await subscriptions.getUserSubscription('s');
  const subscription = await subscriptions.setUserSubscriptionPlan('s', plan, { allocate: false });
  await expiration.allocateSubscriptionCredits(subscription, plan);
  await subscriptions.previewChange('s', big);
  await subscriptions.upgradeUserSubscriptionPlan('s', big);
  await subscriptions.changeUserSubscriptionPlan('s', plan, { proration: 'full' });
  await subscriptions.changeUserSubscriptionPlan('s', big, { credit: 'keep' });
  await subscriptions.pauseUserSubscription('s');
  await subscriptions.resumeUserSubscription('s');
  await subscriptions.cancelUserSubscription('s');
  await subscriptions.getUserSubscriptionPlan('s');
  await subscriptions.getSubscriptionHistory('s');
  await subscriptions.listSubscriptions();
  await subscriptions.deleteUserSubscriptionPlan('s');
  await subscriptions.setUserSubscriptionPlan('renews', plan);
  const cycle = await subscriptions.startCycle('s', { amount: 9, recurring: true });
  await subscriptions.startCycle(null, { amount: 0 });
  await subscriptions.stopCycle(cycle);
  await subscriptions.getCycle(cycle.id);
  await subscriptions.listCycles('s');
  clock.advance(DAY);
  await expiration.checkCreditExpiration('s');
}

async function payments({ manager: { payments, subscriptions } }: World): Promise<void> {
  const provider = plainProvider();
  payments.registerProvider(provider);
  payments.listProviders();
  payments.getProvider('plain');
  const made = await payments.createPaymentLink({ userId: 'u', amount: 500, currency: 'INR' });
  const { paid, part, failed, expired, refund, dispute } = eventsOf(made);
  const all = [failed, part, expired, paid, { ...paid, userId: 'v' }, refund(100, 're_1'), dispute('open')];
  for (const event of all) await payments.handleWebhook('plain', bodyOf(event), {});
  const other = await payments.createPaymentLink({ userId: 'u', amount: 500, currency: 'INR' });
  await payments.handleWebhook('plain', bodyOf(eventsOf(other).expired, eventsOf(other).cancelled), {});
  await payments.refundPayment(made.id, { amount: 1 }, { idempotencyKey: 'k', actor: 'a', reason: 'r' });
  const paidElsewhere = { userId: 'u', amount: 5, currency: 'INR', provider: 'plain', providerPaymentId: 'pay_9' };
  await payments.recordPayment(paidElsewhere);
  const billed = { name: 'B', code: 'billed', creditLimit: 5, price: 1, billingPeriod: 'monthly' } as const;
  await subscriptions.addSubscriptionPlan({ ...billed, providerPrices: { plain: ['price_1'] } });
  await payments.checkout({ userId: 'u', plan: 'billed' });
  await payments.getPayment(made.id, 'u');
  await payments.getPaymentHistory('u');
  await payments.listMessages();
  await payments.reconcilePayments();
}

async function topUps({ manager: { credits, payments } }: World): Promise<void> {
  for (const kind of ['paid', 'expired'] as const) {
    const userId = `tops-${kind}`;
    await credits.addCredits(userId, 150);
    const settings = { threshold: 100, amount: 500, currency: 'INR', maxAmount: 900, offAfter: 1 } as const;
    await payments.setAutoTopUp(userId, settings);
    await credits.deductCredits(userId, 60);
    await payments.reconcilePayments();
    const [made] = (await payments.getPaymentHistory(userId, { fresh: true })).payments;
    const providerPaymentId = kind === 'paid' ? 'pay_top_up' : null;
    const told = { ...eventsOf(made as Payment)[kind], providerPaymentId };
    await payments.handleWebhook('plain', bodyOf(told), {});
    await credits.deductCredits(userId, 60);
    await credits.deductCreditsAfterService(userId, 520);
    await payments.getAutoTopUp(userId);
    await payments.setAutoTopUp(userId, null);
  }
}

async function promos({ manager: { promos } }: World): Promise<void> {
  const promo = await promos.createPromo({ code: 'hello', credits: 5, maxUses: 9, validUntil: '2031-01-01T00:00:00Z' });
  await promos.updatePromo({ code: 'HELLO', description: 'd', metadata: { a: 1 } });
  for (const code of ['hello', 'none']) {
    await promos.checkEligibility('u', code);
    await promos.claimPromo('u', code);
    await promos.getPromo(code);
  }
  const { code } = await promos.createPromo({ credits: 5, validityDays: 3, referrerId: 'r', referrerCredits: 2 });
  await promos.claimPromo('u', code);
  await promos.listPromos();
  await promos.listClaims({ userId: 'u' });
  await promos.definePromos([{ code: 'DEFINED', credits: 1 }]);
  await promos.togglePromo(promo);
}

async function rest({ manager, services, delivered }: World): Promise<void> {
  const { notifications, ledger, jobs, outbox, clock, credits } = manager;
  await manager.access.getStatus('u');
  await manager.orders.orderPaid({ userId: 'u', orderId: 'o-1', total: 5 });
  await manager.orders.orderRefunded({ userId: 'u', orderId: 'o-1', refundId: 'r-1', amount: 5 });
  await manager.orders.billingPaid({ userId: 'u', paymentId: 'p-1', amount: 5 });
  await manager.access.getStatuses(['u', 'nobody']);
  manager.access.watch(['u'], () => {})();
  await manager.access.countStatuses();
  await notifications.notifyLowCredits('u');
  await notifications.notifyExpiringCredits('u', 30);
  await notifications.notifyExpiringForAll(300);
  await notifications.notifyTransactionError('u', 'Card declined', { payment: 'p-7' });
  clock.advance({ days: 40 });
  await credits.expireCredits('u');
  const heard: unknown[] = [];
  await jobs.runAllocation({ onProgress: (progress) => void heard.push(progress) });
  expect(heard.length).toBeGreaterThan(0);
  for (const progress of heard) checked('onProgress', JobProgressSchema, progress);
  for (const run of [jobs.runExpiration, jobs.runReservationExpiry, jobs.runExpiringNotifications, jobs.runOutbox]) {
    await run();
  }
  await jobs.runPayments();
  await jobs.runAll();
  await notifications.listNotifications({ limit: 100 });
  await ledger.verify();
  await ledger.reconcile();
  await ledger.rebuildFile();
  for (let cursor: string | null | undefined; cursor !== null; ) {
    cursor = (await ledger.list({ limit: 100, cursor })).nextCursor;
  }
  const { inbox } = manager;
  const subject = 'evt.merchant.created';
  inbox.onSubject(() => {})();
  inbox.on('other', { safeParse: (data) => ({ success: true, data }) }, () => {});
  const created = { event_id: 'e-1', event_type: subject, timestamp: '2030-01-01T00:00:00Z' };
  const body = JSON.stringify({ ...created, payload: { merchant_id: 'new' } });
  for (let i = 0; i < 2; i++) await inbox.receive({ subject, body });
  const { deadLetterId } = await inbox.receive({ subject, body: '{' });
  await inbox.getReceipt(subject, 'e-1');
  await inbox.listDeadLetters();
  await inbox.getDeadLetter(deadLetterId as string);
  await inbox.dropDeadLetter(deadLetterId as string);
  await inbox.replayDeadLetter(deadLetterId as string, { body });
  await ledger.auditTrail('new');
  await ledger.countEntries();
  await outbox.listSinks();
  await outbox.retryFailed();
  const [{ name } = { name: '' }] = await outbox.listSinks();
  await outbox.replay(name, { since: new Date(0) });
  await outbox.removeSink('sink');
  await manager.health();
  manager.start();
  expect(delivered.length).toBeGreaterThan(20);
  expect(services.messages.length).toBeGreaterThan(3);
  for (const message of services.messages) checked('queue', NotificationMessageSchema, message);
  expect(new Set(services.messages.map(({ type }) => type)).size).toBe(3);
}

describe('every answer', () => {
  test('of every verb that the services have is what its schema says', async () => {
    const answers = new Answers();
    const world = await open(answers);
    await world.manager.init();
    const types = new Set<string>();
    world.manager.on('*', ({ type }) => void types.add(type));
    for (const part of [credit, plans, promos, payments, topUps, rest]) await part(world);
    await world.manager.close();
    expect(world.services.events.length).toBeGreaterThan(20);
    // The verbs are those of the objects themselves: a new one is missing here until somebody calls it above.
    const verbs = Object.keys(ANSWERS).flatMap((name) => {
      const service = (name === 'manager' ? ANSWERS.manager : Reflect.get(world.services, name)) as object;
      return Object.keys(service).map((verb) => `${name}.${verb}`);
    });
    expect(verbs.length).toBeGreaterThan(75);
    expect(verbs.filter((verb) => !answers.byVerb.has(verb))).toEqual([]);
    expect(answers.byVerb.get('manager.on')?.length).toBeGreaterThan(20);
    const missing = Object.keys(creditEventSchemas).filter((type) => !types.has(type));
    expect(missing).toEqual([]);
    expectRefusals(answers);
  });

  test('of every service that a manager has', () => {
    const { db: _, clock: __, events: ___, messages: ____, ...services } = createTestCredits();
    const own = ['creditType', 'on', 'advance', 'failNext'];
    const names = Object.keys(services).filter((name) => !own.includes(name));
    expect(names.filter((name) => !(name in ANSWERS) && !(name in (ANSWERS.manager ?? {})))).toEqual([]);
  });
});

/** Each answer with a field more or a field less is none. */
function expectRefusals(answers: Answers): void {
  let refused = 0;
  for (const [verb, all] of answers.byVerb) {
    for (const { answer, check } of all) {
      if (typeof check === 'function' || typeof answer !== 'object' || answer === null || Array.isArray(answer))
        continue;
      const known = answer as Readonly<Record<string, unknown>>;
      expect(() => checked(verb, check, { ...known, more: 1 }), verb).toThrow(verb);
      for (const field of Object.keys(known)) {
        const { [field]: _, ...less } = known;
        expect(() => checked(verb, check, less), `${verb} without ${field}`).toThrow(verb);
      }
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(100);
}

describe('a wrong answer is found', () => {
  const right = {
    ...{ userId: 'u', creditType: 'credits', balance: 5, reserved: 0, available: 5, debt: 0 },
    asOf: new Date('2030-01-01T00:00:00Z'),
  };
  const wrong: readonly [what: string, answer: unknown][] = [
    ['nothing', undefined],
    ['a number as text', { ...right, balance: '5' }],
    ['a binary fraction', { ...right, balance: 0.1 + 0.2 }],
    ['a negative zero', { ...right, reserved: -0 }],
    ['an instant as text', { ...right, asOf: '2030-01-01T00:00:00.000Z' }],
    ['an invalid instant', { ...right, asOf: new Date(Number.NaN) }],
    ['a stored row', { ...right, version: 3 }],
  ];

  const answering = (answer: unknown) => {
    const credits = { ...createTestCredits().credits, getUserCreditsInfo: async () => answer };
    return checkedManager({ credits } as unknown as ReturnType<typeof createTestCredits>);
  };

  test.each(wrong)('%s', async (_, answer) => {
    await expect(answering(answer).credits.getUserCreditsInfo('u')).rejects.toThrow('credits.getUserCreditsInfo');
  });

  test('and a right one is handed on', async () => {
    expect(await answering(right).credits.getUserCreditsInfo('u')).toBe(right);
  });

  test('a verb that has no schema is not handed out', () => {
    const credits = { ...createTestCredits().credits, giveCredits: async () => 5 };
    expect(() => checkedManager({ credits }).credits).toThrow('credits.giveCredits has no schema');
  });

  test('a wrong event is an error of its handler', () => {
    const told: unknown[] = [];
    const manager = { on: (_: string, handler: (event: unknown) => void) => told.push(handler) };
    checkedManager(manager).on('*', () => expect.unreachable());
    const [handler] = told as ((event: unknown) => void)[];
    expect(() => handler?.({ type: 'credits.deducted' })).toThrow('manager.on');
  });
});
