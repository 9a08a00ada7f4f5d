/** A refund comes to wait in the very moment in which its payment gets the name that the refund knows it by. */
import { expect, test } from 'vitest';
import { createCreditManagement, type DbManager, InMemoryDbManager, type MemorySession } from '../../src/index.js';
import { GatedDb } from '../backends/gated-db.js';
import { QUIET } from '../support/quiet.js';
import { gate } from '../support/wait.js';
import { invoice, START, yearOf } from './billed-year.js';
import { plainProvider } from './plain-provider.js';
import { bodyOf, eventsOf } from './world.js';

type Manager = ReturnType<typeof createCreditManagement>;

test('a message that comes to wait between the look and the commit is applied all the same', async () => {
  const db = new GatedDb();
  const payments = { providers: [plainProvider()] };
  const managers = [0, 1].map(() =>
    createCreditManagement<DbManager<MemorySession>>({ db, logger: QUIET, payments }),
  ) as [ReturnType<typeof createCreditManagement>, ReturnType<typeof createCreditManagement>];
  const [one, other] = managers;
  const made = await one.payments.createPaymentLink({ userId: 'u', amount: 500, currency: 'INR' });
  const { paid, refund } = eventsOf(made);
  // The refund names the payment at the provider alone.
  const unnamed = { ...refund(20_000, 're_1'), reference: null, asked: null };
  let refunded: unknown = null;
  db.methods.find = async (...args) => {
    const found = await db.inner.find(...args);
    const [model, { index }] = args;
    if (model === 'payment_message' && index === 'provider_payment' && refunded === null) {
      refunded = {};
      refunded = await other.payments.handleWebhook('plain', bodyOf(unnamed), {});
    }
    return found;
  };
  await one.payments.handleWebhook('plain', bodyOf(paid), {});
  expect(refunded).toMatchObject({ success: false, status: 'waiting' });
  expect((await one.credits.getUserCreditsInfo('u', { fresh: true })).balance).toBe(300);
  expect((await one.payments.listMessages({ status: 'waiting' })).items).toEqual([]);
  expect((await one.ledger.verify()).problems).toEqual([]);
});

test('a message that a process left waiting is applied when what named its payment comes again', async () => {
  const db = new GatedDb();
  const { payments, credits } = createCreditManagement({
    db,
    logger: QUIET,
    payments: { providers: [plainProvider()] },
  });
  const made = await payments.createPaymentLink({ userId: 'u', amount: 500, currency: 'INR' });
  const { paid, refund } = eventsOf(made);
  const unnamed = { ...refund(20_000, 're_1'), reference: null, asked: null };
  let looks = 0;
  db.methods.find = async (...args) => {
    const [model, { index }] = args;
    if (model !== 'payment_message' || index !== 'provider_payment') return db.inner.find(...args);
    // The process is killed after its commit, before it looks again.
    if (++looks === 2) throw new Error('killed');
    const found = await db.inner.find(...args);
    await payments.handleWebhook('plain', bodyOf(unnamed), {});
    return found;
  };
  await expect(payments.handleWebhook('plain', bodyOf(paid), {})).rejects.toMatchObject({
    code: 'STORAGE_UNAVAILABLE',
  });
  db.methods = {};
  expect((await payments.listMessages({ status: 'waiting' })).items).toHaveLength(1);
  expect(await payments.handleWebhook('plain', bodyOf(paid), {})).toMatchObject({ success: true, idempotent: true });
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(300);
});

test('an invoice that a process left waiting is paid when the event that names its user comes again', async () => {
  const db = new GatedDb();
  const clock = { now: () => new Date(START) };
  const providers = [plainProvider()];
  const manager = createCreditManagement({ db, clock, logger: QUIET, payments: { providers } });
  const { payments, credits, subscriptions } = manager;
  await subscriptions.addSubscriptionPlan({
    ...{ name: 'A', creditLimit: 100, billingPeriod: 'monthly', price: 1, providerPrices: { plain: ['price_a'] } },
  });
  expect(await payments.handleWebhook('plain', bodyOf(invoice(0, 'price_a')), {})).toMatchObject({ status: 'waiting' });
  const [page] = yearOf() as [ReturnType<typeof invoice>];
  db.methods.find = async (...args) => {
    const [model, { index }] = args;
    if (model === 'payment_message' && index === 'link') throw new Error('killed');
    return db.inner.find(...args);
  };
  await expect(payments.handleWebhook('plain', bodyOf(page), {})).rejects.toMatchObject({
    code: 'STORAGE_UNAVAILABLE',
  });
  db.methods = {};
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
  expect(await payments.handleWebhook('plain', bodyOf(page), {})).toMatchObject({ success: true, idempotent: true });
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(100);
  expect((await manager.ledger.verify()).problems).toEqual([]);
});

test('a refund that waits is applied by the call that was outrun, where the faster one is dead', async () => {
  const inner = new InMemoryDbManager();
  const dbs = [new GatedDb(inner), new GatedDb(inner)] as const;
  const [doomed, slow] = dbs.map((db) => createCreditManagement({ db, logger: QUIET })) as [Manager, Manager];
  const [waits, recorded] = [gate(), gate()];
  const atCommit = dbs.map((db, i) => {
    const reached = gate();
    db.onceInCommit(async (units) => {
      reached.open();
      await (i === 0 ? waits : recorded).opened;
      const outcomes = await inner.commit(units);
      recorded.open();
      // The first process is killed as soon as its order is recorded.
      return i === 0 ? new Promise(() => {}) : outcomes;
    });
    return reached.opened;
  });
  const order = { userId: 'u', orderId: '1', total: 3_000 };
  void doomed.orders.orderPaid(order).catch(() => {});
  const answer = slow.orders.orderPaid(order);
  await Promise.all(atCommit);
  const { orders } = createCreditManagement({ db: inner, logger: QUIET });
  const refund = await orders.orderRefunded({ userId: 'u', orderId: '1', refundId: 'r', amount: 750 });
  expect(refund).toMatchObject({ success: false, status: 'waiting' });
  waits.open();
  expect(await answer).toMatchObject({ replayed: true, status: 'partially_refunded' });
  expect((await slow.credits.getUserCreditsInfo('u', { fresh: true })).balance).toBe(22.5);
  expect((await slow.ledger.verify()).problems).toEqual([]);
});
