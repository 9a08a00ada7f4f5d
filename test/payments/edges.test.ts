/** Payments at their edges: accounts without room, credits that lapsed or were taken back, rows that were changed. */
import { expect, test } from 'vitest';
import type { Row } from '../../src/index.js';
import { describeBackends, memoryWorld, type OpenWorld } from '../support/plan-world.js';
import { eventOf } from './plain-provider.js';
import { eventsOf, paymentWorld } from './world.js';

const link = { userId: 'u', amount: 500, currency: 'INR' } as const;
const packs = { short: { price: { amount: 500, currency: 'INR' }, credits: 500, validityDays: 1, priority: 7 } };
const open: OpenWorld = async (options) => memoryWorld(options);

await describeBackends('payments at the edge', (openWorld) => {
  test('paid credits that do not fit the account wait until there is room', async () => {
    const { world, manager, deliver } = await paymentWorld(openWorld, {}, { limits: { openGrants: 1 } });
    const grant = await manager.credits.addCredits('u', 5);
    const payment = await manager.payments.createPaymentLink(link);
    const waits = {
      success: false,
      status: 'pending',
      creditsAdded: 0,
      error: expect.stringContaining('LIMIT_EXCEEDED'),
    };
    expect(await deliver(eventsOf(payment).paid)).toMatchObject(waits);
    expect(await manager.payments.reconcilePayments()).toMatchObject({ changed: 0, waiting: 1 });
    await manager.credits.voidGrant(grant.grantId as string, { actor: 'a', reason: 'room' });
    expect(await manager.payments.reconcilePayments()).toMatchObject({ changed: 1, waiting: 0 });
    expect(await world.balance('u')).toBe(500);
    await world.expectSound();
  });

  test('credits of a pack that have lapsed count as taken back', async () => {
    const { world, manager, deliver } = await paymentWorld(openWorld, { packs });
    const payment = await manager.payments.createPaymentLink({ userId: 'u', pack: 'short' });
    const { paid, refund } = eventsOf(payment);
    await deliver(paid);
    const { items } = await manager.credits.getGrants('u');
    expect(items).toMatchObject([{ priority: 7, expiresAt: new Date('2026-01-02T00:00:00Z'), paymentId: payment.id }]);
    await manager.credits.deductCredits('u', 200);
    world.clock.advance({ days: 2 });
    await deliver(refund(20_000, 're_1'));
    expect(await world.balance('u')).toBe(0);
    await deliver(refund(30_000, 're_2'));
    const after = await manager.payments.getPayment(payment.id, 'u');
    expect(after).toMatchObject({ status: 'refunded', creditsTakenBack: 200 });
    expect(await world.balance('u')).toBe(-200);
    await world.expectSound();
  });

  test('credits that were taken back by hand are not taken once more by the refund', async () => {
    const { world, manager, deliver } = await paymentWorld(openWorld);
    const payment = await manager.payments.createPaymentLink(link);
    const { paid, refund } = eventsOf(payment);
    await deliver(paid);
    const { transactionId } = (await manager.payments.getPayment(payment.id, 'u')) ?? {};
    await manager.credits.reverseTransaction(transactionId as string, { amount: 300 });
    await deliver(refund(50_000, 're_1'));
    expect(await world.balance('u')).toBe(0);
    expect(await manager.payments.getPayment(payment.id, 'u')).toMatchObject({ creditsTakenBack: 200 });
    await world.expectSound();
  });

  test('credits that refunds have taken back are not reversed by hand once more', async () => {
    const { world, manager, deliver } = await paymentWorld(openWorld);
    const payment = await manager.payments.createPaymentLink(link);
    const { paid, refund } = eventsOf(payment);
    await deliver(paid);
    await deliver(refund(20_000, 're_1'));
    const { transactionId } = (await manager.payments.getPayment(payment.id, 'u')) ?? {};
    const reverse = (amount?: number) =>
      manager.credits.reverseTransaction(transactionId as string, amount === undefined ? {} : { amount });
    await expect(reverse(301)).rejects.toMatchObject({ code: 'ALREADY_REVERSED', details: { reversible: 300 } });
    expect(await reverse()).toMatchObject({ amount: 300 });
    expect(await world.balance('u')).toBe(0);
    await deliver(refund(30_000, 're_2'));
    expect(await world.balance('u')).toBe(0);
    await world.expectSound();
  });

  test('credits given back have the terms of the grants that they were taken from', async () => {
    const { world, manager, deliver } = await paymentWorld(openWorld, { packs });
    const payment = await manager.payments.createPaymentLink({ userId: 'u', pack: 'short' });
    const { paid, dispute, refund } = eventsOf(payment);
    await deliver(paid);
    await manager.credits.deductCredits('u', 500);
    const kept = await manager.credits.addCredits('u', 300);
    await manager.credits.addCredits('u', 100, { expiresAt: new Date('2026-01-02T12:00:00Z') });
    await deliver(dispute('open'));
    expect(await world.balance('u')).toBe(-100);
    // Debt of the dispute that new credits pay is theirs when the dispute is won.
    await manager.credits.addCredits('u', 60);
    world.clock.advance({ days: 3 });
    expect(await deliver(dispute('won'))).toMatchObject({ status: 'paid' });
    const { items } = await manager.credits.getGrants('u');
    expect(items.map(({ remaining, expiresAt, source }) => ({ remaining, expiresAt, source }))).toEqual([
      { remaining: 300, expiresAt: null, source: 'other' },
      { remaining: 60, expiresAt: null, source: 'adjustment' },
    ]);
    expect(items[0]?.id).toBe(kept.grantId);
    expect(await world.balance('u')).toBe(360);
    expect(await manager.payments.getPayment(payment.id, 'u')).toMatchObject({ creditsTakenBack: 0 });
    await deliver(refund(50_000, 're_1'));
    expect(await world.balance('u')).toBe(-140);
    await world.expectSound();
  });

  test('credits given back, and then taken back by hand, are not taken once more by a refund', async () => {
    const { world, manager, deliver } = await paymentWorld(openWorld);
    const payment = await manager.payments.createPaymentLink(link);
    const { paid, dispute, refund } = eventsOf(payment);
    await deliver(paid);
    await manager.credits.deductCredits('u', 500);
    await deliver(dispute('open'));
    await manager.credits.addCredits('u', 500);
    await deliver(dispute('won'));
    expect(await world.balance('u')).toBe(500);
    const { items } = await manager.credits.getGrants('u');
    expect(items).toMatchObject([{ source: 'adjustment', remaining: 500 }]);
    await manager.credits.voidGrant(items[0]?.id as string, { actor: 'a', reason: 'theirs' });
    await deliver(refund(50_000, 're_1'));
    expect(await world.balance('u')).toBe(0);
    const { transactionId } = (await manager.payments.getPayment(payment.id, 'u')) ?? {};
    const reversed = manager.credits.reverseTransaction(transactionId as string);
    await expect(reversed).rejects.toMatchObject({ code: 'ALREADY_REVERSED', details: { reversible: 0 } });
    await world.expectSound();
  });

  test('of two payments of one link, either may go back: the credits stay', async () => {
    for (const first of ['pay_1', 'pay_2']) {
      const { world, manager, deliver, provider } = await paymentWorld(openWorld);
      const payment = await manager.payments.createPaymentLink(link);
      const { paid, refund } = eventsOf(payment);
      const second = first === 'pay_1' ? 'pay_2' : 'pay_1';
      for (const providerPaymentId of [first, second]) await deliver({ ...paid, providerPaymentId });
      await deliver({ ...refund(20_000, 're_a'), providerPaymentId: 'pay_2' });
      await deliver({ ...refund(30_000, 're_b'), reference: null, providerPaymentId: 'pay_2' });
      expect(await world.balance('u')).toBe(500);
      expect(await manager.payments.getPayment(payment.id, 'u')).toMatchObject({ status: 'paid', refunded: 0 });
      const by = { idempotencyKey: 'r', actor: 'ann', reason: 'bug' };
      await manager.payments.refundPayment(payment.id, { amount: 100 }, by);
      expect(await world.balance('u')).toBe(400);
      expect(provider.refunds).toMatchObject([{ amountMinor: 10_000, providerPaymentId: 'pay_1' }]);
      await world.expectSound();
      await world.close();
    }
  });

  test('a refund told before the second payment of a link gives its credits back with that', async () => {
    const { world, manager, deliver } = await paymentWorld(openWorld);
    const payment = await manager.payments.createPaymentLink(link);
    const { paid, refund } = eventsOf(payment);
    await deliver(paid);
    await deliver(refund(50_000, 're_1'));
    expect(await world.balance('u')).toBe(0);
    expect(await deliver({ ...paid, providerPaymentId: 'pay_2' })).toMatchObject({ success: false, status: 'paid' });
    expect(await world.balance('u')).toBe(500);
    await world.expectSound();
  });

  test('a payment of two parts is refunded by both', async () => {
    const { world, manager, deliver, provider } = await paymentWorld(openWorld);
    const payment = await manager.payments.createPaymentLink(link);
    const { part, paid } = eventsOf(payment);
    await deliver(part);
    const arrived = { amountMinor: 30_000, currency: 'INR' };
    expect(await deliver({ ...paid, providerPaymentId: 'pay_2', arrived })).toMatchObject({ creditsAdded: 500 });
    const by = { actor: 'ann', reason: 'bug' };
    await manager.payments.refundPayment(payment.id, { amount: 50 }, { ...by, idempotencyKey: 'r' });
    expect(await world.balance('u')).toBe(450);
    const all = await manager.payments.refundPayment(payment.id, {}, { ...by, idempotencyKey: 's' });
    expect(all).toMatchObject({ status: 'refunded', refunded: 500, creditsTakenBack: 500 });
    expect(provider.refunds).toMatchObject([
      { providerPaymentId: 'pay_1', amountMinor: 5_000 },
      { providerPaymentId: 'pay_1', amountMinor: 15_000 },
      { providerPaymentId: 'pay_2', amountMinor: 30_000 },
    ]);
    expect(await world.balance('u')).toBe(0);
    await world.expectSound();
  });

  test('a key gives money back once, also after the provider has forgotten it', async () => {
    const { world, manager, deliver, provider } = await paymentWorld(openWorld, { messageDays: 1 });
    const payment = await manager.payments.createPaymentLink(link);
    await deliver(eventsOf(payment).paid);
    const by = { idempotencyKey: 'r', actor: 'ann', reason: 'bug' };
    const refund = (key: string) =>
      manager.payments.refundPayment(payment.id, { amount: 100 }, { ...by, idempotencyKey: key });
    await refund('r');
    // Nobody knows whether the second one arrived: the answer was lost.
    provider.fails = () => Object.assign(new Error('cut'), { code: 'PROVIDER_ERROR' });
    await expect(refund('s')).rejects.toThrow('cut');
    provider.fails = () => null;
    world.clock.advance({ days: 3 });
    await manager.jobs.runPayments();
    provider.forget();
    expect(await refund('r')).toMatchObject({ refunded: 100 });
    await expect(refund('s')).rejects.toMatchObject({ code: 'PROVIDER_ERROR', retryable: false });
    expect(provider.refunds).toHaveLength(1);
    expect(await world.balance('u')).toBe(400);
    await world.expectSound();
  });

  test('a refund whose answer does not fit the payment is no success', async () => {
    const { world, manager, deliver, provider } = await paymentWorld(openWorld);
    const payment = await manager.payments.createPaymentLink(link);
    await deliver(eventsOf(payment).paid);
    provider.answersIn = 'USD';
    const by = { idempotencyKey: 'r', actor: 'ann', reason: 'bug' };
    const refused = manager.payments.refundPayment(payment.id, { amount: 100 }, by);
    await expect(refused).rejects.toMatchObject({ code: 'PAYMENT_MISMATCH', details: { field: 'refund' } });
    expect(await world.balance('u')).toBe(500);
    await world.expectSound();
  });

  test('parts that are told after the whole belong to the payment, and so do their refunds', async () => {
    const { world, manager, deliver } = await paymentWorld(openWorld);
    const payment = await manager.payments.createPaymentLink(link);
    const { paid, part, refund } = eventsOf(payment);
    const second = { providerPaymentId: 'pay_2' };
    await deliver({ ...paid, ...second, arrived: { amountMinor: 30_000, currency: 'INR' } });
    expect(await deliver(part)).toMatchObject({ success: true, status: 'paid' });
    await deliver(refund(20_000, 're_1'));
    await deliver({ ...refund(30_000, 're_2'), ...second });
    expect(await manager.payments.getPayment(payment.id, 'u')).toMatchObject({ status: 'refunded', mismatch: null });
    expect(await world.balance('u')).toBe(0);
    await world.expectSound();
  });

  test('one payment at the provider is recorded once, by however many at once', async () => {
    const { world, manager } = await paymentWorld(openWorld);
    const given = { ...link, provider: 'plain', providerPaymentId: 'pay_9' };
    const managers = [manager, world.open({ payments: { providers: [manager.payments.getProvider('plain')] } })];
    const all = await Promise.all(Array.from({ length: 8 }, (_, i) => managers[i % 2]?.payments.recordPayment(given)));
    expect(new Set(all.map((payment) => payment?.id)).size).toBe(1);
    expect(all.filter((payment) => payment?.replayed === false)).toHaveLength(1);
    expect(await world.balance('u')).toBe(500);
    await world.expectSound();
  });

  test('a link that was made twice at once is logged once', async () => {
    const { world, manager, provider } = await paymentWorld(openWorld);
    const other = world.open({ payments: { providers: [provider] } });
    const make = ({ payments }: typeof manager) =>
      payments.createPaymentLink(link, { idempotencyKey: 'k', timeoutMs: 5_000 });
    provider.fails = () => new Error('away');
    await expect(make(manager)).rejects.toThrow('away');
    provider.fails = () => null;
    const both = await Promise.all([make(manager), make(other)]);
    expect(both[1]).toMatchObject({ id: both[0]?.id, url: both[0]?.url });
    const { items } = await manager.payments.listMessages({ status: 'sent' });
    expect(items).toHaveLength(1);
  });

  test('messages that are done with go after their days, and their events then do nothing more', async () => {
    const { world, manager, provider, deliver } = await paymentWorld(openWorld, { messageDays: 5 });
    const payment = await manager.payments.createPaymentLink(link);
    const { paid, refund } = eventsOf(payment);
    await deliver(paid);
    await deliver(refund(20_000, 're_1'));
    await deliver({ kind: 'paid', providerPaymentId: 'pay_of_nobody' });
    world.clock.advance({ days: 6 });
    provider.listed.push(eventOf(paid));
    expect(await manager.jobs.runPayments()).toMatchObject({ status: 'completed', waiting: 1, deleted: 4 });
    expect((await manager.payments.listMessages({ status: 'waiting' })).items).toEqual([]);
    for (const again of [paid, refund(20_000, 're_1')]) expect(await deliver(again)).toMatchObject({ success: true });
    expect(await world.balance('u')).toBe(300);
    await world.expectSound();
  });
});

test('verify names a payment whose row was changed, taken away, or made beside the library', async () => {
  const { world, manager, deliver } = await paymentWorld(open);
  const payment = await manager.payments.createPaymentLink(link);
  await deliver(eventsOf(payment).paid);
  await manager.credits.addCredits('other', 1);
  const [row] = (await world.host.getMany('payment', [payment.id])) as [Row];
  const expectNamed = async (id: string) => {
    expect((await manager.ledger.verify()).problems).toMatchObject([{ kind: 'payment', id }]);
    expect((await manager.ledger.verify({ userId: 'u' })).problems).toMatchObject([{ kind: 'payment', id }]);
    expect((await manager.ledger.verify({ userId: 'other' })).problems).toEqual([]);
  };
  let { version } = row;
  const changes = [
    { creditsAdded: 0 },
    { creditsTakenBack: 1 },
    { status: 'refunded' },
    { userId: 'other' },
    { paidMinor: 0 },
  ];
  for (const change of changes) {
    const changed = { ...row, ...change, version: ++version } as Row;
    await world.host.commit([[{ op: 'replace', model: 'payment', row: changed, expectedVersion: version - 1 }]]);
    if (!('userId' in change)) await expectNamed(payment.id);
    else expect((await manager.ledger.verify()).ok).toBe(false);
  }
  await world.host.commit([[{ op: 'delete', model: 'payment', key: payment.id, expectedVersion: version }]]);
  await expectNamed(payment.id);
  const forged = { ...row, id: 'pay_forged', providerPaymentIds: [] } as Row;
  await world.host.commit([
    [
      { op: 'insert', model: 'payment', row },
      { op: 'insert', model: 'payment', row: forged },
    ],
  ]);
  await expectNamed('pay_forged');
});
