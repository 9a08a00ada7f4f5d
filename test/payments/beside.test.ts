/** Payments beside everything else that happens to credits: each was found as a counterexample, and mended. */
import { expect, test } from 'vitest';
import { describeBackends, memoryWorld, type OpenWorld } from '../support/plan-world.js';
import type { PlainProvider } from './plain-provider.js';
import { eventsOf, PAID, paymentWorld } from './world.js';

const link = { userId: 'u', amount: 500, currency: 'INR' } as const;
const by = { actor: 'ann', reason: 'bug' } as const;
const packs = { short: { price: { amount: 500, currency: 'INR' }, credits: 500, validityDays: 1 } };

await describeBackends('payments beside all else', (openWorld) => {
  const open = () => paymentWorld(openWorld, { packs });

  test('a dispute that was opened and won leaves the balance as it was, after credits were taken by hand', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    const { paid, refund, dispute } = eventsOf(payment);
    await deliver(paid);
    await deliver(refund(20_000, 're_1'));
    const { transactionId } = (await manager.payments.getPayment(payment.id, 'u')) ?? {};
    await manager.credits.reverseTransaction(transactionId as string);
    expect(await world.balance('u')).toBe(0);
    await deliver(dispute('open'));
    await deliver(dispute('won'));
    expect(await world.balance('u')).toBe(0);
    await world.expectSound();
  });

  test('a refund of a recorded payment that names the reference of a link takes its part back', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    await manager.payments.recordPayment({ ...link, provider: 'plain', providerPaymentId: 'pay_1' });
    const { paid, refund } = eventsOf(payment);
    expect(await deliver(paid)).toMatchObject({ success: false });
    expect(await world.balance('u')).toBe(500);
    await deliver(refund(50_000, 're_1'));
    expect(await world.balance('u')).toBe(0);
    await world.expectSound();
  });

  test('a refund of a recorded payment that carries a reference of the host takes its part back', async () => {
    const { world, manager, deliver } = await open();
    await manager.payments.recordPayment({ ...link, provider: 'plain', providerPaymentId: 'pay_1' });
    const refund = { id: 're_1', status: 'done', ...PAID } as const;
    await deliver({ kind: 'refunded', reference: 'order-77', providerPaymentId: 'pay_1', refund });
    expect(await world.balance('u')).toBe(0);
    await world.expectSound();
  });

  test('credits that lapse when their hold ends, after the refund took them, are not taken twice', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink({ userId: 'u', pack: 'short' });
    const { paid, refund } = eventsOf(payment);
    await deliver(paid);
    const hold = await manager.credits.reserveCredits('u', 500, { ttlSeconds: 3 * 24 * 3600 });
    await deliver(refund(50_000, 're_1'));
    world.clock.advance({ days: 2 });
    await manager.credits.releaseReservedCredits(hold);
    expect(await world.balance('u')).toBe(0);
    await world.expectSound();
  });

  test('credits that lapse when their deduction is reversed, after a refund, are not taken twice', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink({ userId: 'u', pack: 'short' });
    const { paid, refund } = eventsOf(payment);
    await deliver(paid);
    const spent = await manager.credits.deductCredits('u', 500);
    await deliver(refund(50_000, 're_1'));
    expect(await world.balance('u')).toBe(-500);
    world.clock.advance({ days: 2 });
    await manager.credits.reverseTransaction(spent);
    expect(await world.balance('u')).toBe(0);
    await world.expectSound();
  });

  test('a refund of a payment whose event named no id at the provider takes its part back', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    const { paid, refund } = eventsOf(payment);
    await deliver({ ...paid, providerPaymentId: null });
    expect(await world.balance('u')).toBe(500);
    await deliver(refund(50_000, 're_1'));
    expect(await world.balance('u')).toBe(0);
    await world.expectSound();
  });

  test('a refund of all that is left leaves out what another key has asked for', async () => {
    const { world, manager, deliver, provider } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    await deliver(eventsOf(payment).paid);
    const refund = provider.refund as NonNullable<PlainProvider['refund']>;
    // The provider makes the refund, and its answer is lost.
    provider.refund = async (given) => {
      await refund(given);
      throw new Error('cut');
    };
    await expect(manager.payments.refundPayment(payment.id, {}, { ...by, idempotencyKey: 'a' })).rejects.toThrow('cut');
    provider.refund = refund;
    await manager.payments.refundPayment(payment.id, {}, { ...by, idempotencyKey: 'b' }).catch(() => {});
    // Only a provider that refuses more than it took keeps this at 500.
    expect(provider.refunds.reduce((sum, { amountMinor }) => sum + amountMinor, 0)).toBe(50_000);
    await world.expectSound();
  });

  test('a bought grant of which a refund took the part from others cannot be voided once more', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    const { paid, refund } = eventsOf(payment);
    await deliver(paid);
    const hold = await manager.credits.reserveCredits('u', 500);
    await manager.credits.addCredits('u', 500);
    await deliver(refund(50_000, 're_1'));
    await manager.credits.releaseReservedCredits(hold);
    const { items } = await manager.credits.getGrants('u');
    const bought = items.find(({ paymentId }) => paymentId === payment.id);
    // `reverseTransaction` refuses this with ALREADY_REVERSED.
    await manager.credits.voidGrant(bought?.id as string, by).catch(() => {});
    expect(await world.balance('u')).toBe(500);
    await world.expectSound();
  });

  test('a second payment of a link buys nothing by being recorded after its webhook, and says so', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    const { paid } = eventsOf(payment);
    await deliver(paid);
    await deliver({ ...paid, providerPaymentId: 'pay_2' });
    const recorded = manager.payments.recordPayment({ ...link, provider: 'plain', providerPaymentId: 'pay_2' });
    await expect(recorded).rejects.toMatchObject({
      ...{ code: 'PAYMENT_MISMATCH', details: { field: 'providerPaymentId' } },
      message: expect.stringContaining(payment.id),
    });
    expect(await world.balance('u')).toBe(500);
    await world.expectSound();
  });

  test('a fee that the customer paid on top does not keep credits of a whole refund', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    const { paid, refund } = eventsOf(payment);
    await deliver({ ...paid, arrived: { amountMinor: 51_180, currency: 'INR' } });
    await deliver(refund(50_000, 're_1'));
    expect(await world.balance('u')).toBe(0);
    await world.expectSound();
  });

  test('a dispute that was opened and won makes no credits of those that lapsed', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink({ userId: 'u', pack: 'short' });
    const { paid, refund, dispute } = eventsOf(payment);
    await deliver(paid);
    const hold = await manager.credits.reserveCredits('u', 500);
    await deliver(refund(20_000, 're_1'));
    await manager.credits.releaseReservedCredits(hold);
    expect(await world.balance('u')).toBe(300);
    world.clock.advance({ days: 2 });
    await deliver(dispute('open'));
    expect(await world.balance('u')).toBe(0);
    await deliver(dispute('won'));
    expect(await world.balance('u')).toBe(0);
    await world.expectSound();
  });

  test('credits that lapsed, were refunded, and were then used by usage told late, are taken back', async () => {
    const { world, manager, deliver } = await paymentWorld(
      openWorld,
      { packs },
      { limits: { lateUsageSeconds: 24 * 3600 } },
    );
    const payment = await manager.payments.createPaymentLink({ userId: 'u', pack: 'short' });
    const { paid, refund } = eventsOf(payment);
    await deliver(paid);
    world.clock.advance({ hours: 25 });
    await deliver(refund(50_000, 're_1'));
    const occurredAt = new Date('2026-01-01T20:00:00Z');
    await manager.credits.deductCredits('u', 500, { occurredAt }).catch(() => {});
    const { creditsTakenBack } = (await manager.payments.getPayment(payment.id, 'u')) ?? {};
    const [spent] = (await manager.credits.getCreditHistory('u', { types: ['deduct'] })).items;
    // Either the usage is refused, or it makes debt.
    expect({ spent: spent?.amount ?? 0, creditsTakenBack }).not.toEqual({ spent: 500, creditsTakenBack: 0 });
    await world.expectSound();
  });

  test('a refund whose id has characters that we do not keep is no success without an effect', async () => {
    const { world, manager, deliver, provider } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    await deliver(eventsOf(payment).paid);
    const refund = provider.refund as NonNullable<PlainProvider['refund']>;
    provider.refund = async (given) => {
      const { event, traffic } = await refund(given);
      return { traffic, event: { ...event, refund: event.refund && { ...event.refund, id: '{4A2-1}/7' } } };
    };
    const call = manager.payments.refundPayment(payment.id, {}, { ...by, idempotencyKey: 'a' });
    const answer = await call.then(
      ({ status }) => status,
      () => 'error',
    );
    expect({ answer, balance: await world.balance('u') }).not.toEqual({ answer: 'paid', balance: 500 });
    await world.expectSound();
  });

  test('a key that was used for a part is no key for all that is left', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    await deliver(eventsOf(payment).paid);
    const refund = (given: { amount?: number }) =>
      manager.payments.refundPayment(payment.id, given, { ...by, idempotencyKey: 'k' });
    await refund({ amount: 100 });
    await expect(refund({})).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    await world.expectSound();
  });

  test('a refund that is told of two payments at the provider ends the same in both orders', async () => {
    const balances: number[] = [];
    for (const isFirst of [true, false]) {
      const { world, manager, deliver } = await open();
      const payment = await manager.payments.createPaymentLink(link);
      const { paid, refund } = eventsOf(payment);
      await deliver(paid);
      const told = [refund(50_000, 're_1'), { ...refund(50_000, 're_1'), providerPaymentId: 'ch_1' }];
      for (const one of isFirst ? told : told.reverse()) await deliver(one);
      balances.push(await world.balance('u'));
      await world.expectSound();
      await world.close();
    }
    expect(balances[0]).toBe(balances[1]);
  });
});

test('a refund that takes from more grants than one ledger line holds takes its part back', async () => {
  const open: OpenWorld = async (options) => memoryWorld(options);
  const { world, manager, deliver } = await paymentWorld(open, {}, { limits: { openGrants: 10_000 } });
  const payment = await manager.payments.createPaymentLink(link);
  const { paid, refund } = eventsOf(payment);
  await deliver(paid);
  await manager.credits.deductCredits('u', 500);
  for (let i = 0; i < 4_200; i++) await manager.credits.addCredits('u', '0.1');
  await deliver(refund(50_000, 're_1'));
  await manager.payments.reconcilePayments();
  expect(await world.balance('u')).toBe(-80);
  await world.expectSound();
});
