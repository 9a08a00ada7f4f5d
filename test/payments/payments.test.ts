/** Payments: the link, the events in any order, the grant, refunds and disputes; on every backend. */
import { expect, test } from 'vitest';
import { codeOf } from '../support/codes.js';
import { describeBackends } from '../support/plan-world.js';
import { eventOf } from './plain-provider.js';
import { eventsOf, PAID, paymentWorld } from './world.js';

await describeBackends('payments', (openWorld) => {
  const open = () => paymentWorld(openWorld);
  const link = { userId: 'u', amount: 500, currency: 'INR' } as const;

  test('a paid link grants its credits once, however often it is told', async () => {
    const { world, manager, provider, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link, { idempotencyKey: 'k', metadata: { order: 7 } });
    expect(payment).toMatchObject({ status: 'pending', amount: 500, amountMinor: 50_000, creditsToAdd: 500 });
    expect(payment).toMatchObject({ url: `https://pay.example/${payment.id}`, creditsAdded: 0, replayed: false });
    expect(payment.id).toMatch(/^pay_[0-9a-f]{32}$/);
    expect(provider.links).toMatchObject([{ reference: payment.id, ...PAID, userId: 'u', metadata: { order: 7 } }]);
    const { paid, captured } = eventsOf(payment);
    const first = {
      success: true,
      idempotent: false,
      status: 'paid',
      paymentId: payment.id,
      creditsAdded: 500,
      error: null,
    };
    expect(await deliver(paid)).toMatchObject(first);
    expect(await deliver(paid)).toMatchObject({ ...first, idempotent: true });
    expect(await deliver(captured)).toMatchObject({ success: true, status: 'paid', creditsAdded: 500 });
    await Promise.all(Array.from({ length: 20 }, () => deliver(paid)));
    expect(await world.balance('u')).toBe(500);
    const after = await manager.payments.getPayment(payment.id, 'u');
    expect(after).toMatchObject({ status: 'paid', creditsAdded: 500, paid: 500, paymentMethod: 'card' });
    expect(after).toMatchObject({ providerPaymentId: 'pay_1', completedAt: expect.any(Date) });
    const { items } = await manager.credits.getGrants('u');
    expect(items).toMatchObject([{ source: 'purchase', paymentId: payment.id, amount: 500 }]);
    await world.expectSound();
  });

  test('the same key makes the same payment and no second link; other input is refused', async () => {
    const { world, manager, provider } = await open();
    const make = (amount: number) => manager.payments.createPaymentLink({ ...link, amount }, { idempotencyKey: 'k' });
    const [first, second] = await Promise.all([make(500), make(500)]);
    expect(second?.id).toBe(first?.id);
    expect(await make(500)).toMatchObject({ id: first?.id, url: first?.url, replayed: true });
    expect(new Set(provider.links.map(({ reference }) => reference)).size).toBe(1);
    expect(await codeOf(make(501))).toBe('IDEMPOTENCY_CONFLICT');
    await world.expectSound();
  });

  test('a provider that failed is asked again with the same key, and the payment is one', async () => {
    const { world, manager, provider } = await open();
    provider.fails = () => new Error('away');
    await expect(manager.payments.createPaymentLink(link, { idempotencyKey: 'k' })).rejects.toThrow('away');
    provider.fails = () => null;
    const { id, url } = await manager.payments.createPaymentLink(link, { idempotencyKey: 'k' });
    expect(url).not.toBe(null);
    const { payments, total } = await manager.payments.getPaymentHistory('u');
    expect({ ids: payments.map((payment) => payment.id), total }).toEqual({ ids: [id], total: 1 });
    const { items } = await manager.payments.listMessages({ paymentId: id });
    expect(items.map(({ status, direction }) => `${direction} ${status}`).sort()).toEqual([
      'outbound failed',
      'outbound sent',
    ]);
    await world.expectSound();
  });

  test('a part grants nothing; the whole grants everything, also after the link expired', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    const { part, expired, cancelled, paid, failed } = eventsOf(payment);
    expect(await deliver(part)).toMatchObject({ status: 'partially_paid', creditsAdded: 0 });
    expect(await deliver(failed)).toMatchObject({ status: 'partially_paid', creditsAdded: 0 });
    expect(await deliver(expired)).toMatchObject({ status: 'partially_paid', creditsAdded: 0 });
    expect(await deliver(cancelled)).toMatchObject({ creditsAdded: 0 });
    expect(await world.balance('u')).toBe(0);
    expect(await deliver(paid)).toMatchObject({ status: 'paid', creditsAdded: 500 });
    expect(await deliver({ ...expired, type: 'again' })).toMatchObject({ status: 'paid' });
    expect(await world.balance('u')).toBe(500);
    await world.expectSound();
  });

  test('events that differ from their payment change nothing, and are kept with the reason', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    const { paid } = eventsOf(payment);
    const wrong = [
      ['amount', { paid: { ...PAID, amountMinor: 49_999 } }],
      ['amount', { paid: { ...PAID, amountMinor: 50_001 } }],
      ['amount', { asked: { ...PAID, amountMinor: 50_001 } }],
      ['currency', { paid: { ...PAID, currency: 'USD' } }],
      ['userId', { userId: 'v' }],
      ['reference', { reference: 'pay_of_others', providerLinkId: `link_${payment.id.slice(4)}` }],
    ] as const;
    for (const [field, change] of wrong) {
      const refused = { success: false, status: 'pending', creditsAdded: 0, error: `PAYMENT_MISMATCH: ${field}` };
      expect(await deliver({ ...paid, ...change }), field).toMatchObject(refused);
    }
    expect(await world.balance('u')).toBe(0);
    const { items } = await manager.payments.listMessages({ status: 'refused' });
    expect(items).toHaveLength(wrong.length);
    expect(await manager.payments.getPayment(payment.id, 'u')).toMatchObject({ mismatch: 'reference of paid' });
    expect(await deliver(paid)).toMatchObject({ success: true, creditsAdded: 500 });
    // Somebody pays a second time.
    const second = { ...paid, providerPaymentId: 'pay_2' };
    expect(await deliver(second)).toMatchObject({ success: false, error: 'PAYMENT_MISMATCH: providerPaymentId' });
    const { refund } = eventsOf(payment);
    await deliver({ ...refund(50_000, 're_2'), providerPaymentId: 'pay_2' });
    expect(await world.balance('u')).toBe(500);
    await world.expectSound();
  });

  test('refunds take back their part, never more than was granted; spent credits become debt', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    const { paid, refund } = eventsOf(payment);
    await deliver(refund(20_000, 're_1'));
    expect(await world.balance('u')).toBe(0);
    expect(await deliver(paid)).toMatchObject({ status: 'partially_refunded', creditsAdded: 500 });
    expect(await world.balance('u')).toBe(300);
    await manager.credits.deductCredits('u', 250);
    await deliver(refund(20_000, 're_2'));
    await deliver(refund(20_000, 're_2', 'open'));
    expect(await world.balance('u')).toBe(-150);
    await deliver(refund(35_000, 're_3'));
    expect(await manager.payments.getPayment(payment.id, 'u')).toMatchObject({
      status: 'refunded',
      creditsTakenBack: 500,
    });
    expect(await world.balance('u')).toBe(-250);
    expect(await manager.credits.getUserCreditsInfo('u')).toMatchObject({ debt: 250 });
    await world.expectSound();
  });

  test('a refund that fails and a dispute that is won give the credits back', async () => {
    const { world, manager, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    const { paid, refund, dispute } = eventsOf(payment);
    await deliver(paid);
    await deliver(refund(10_000, 're_1', 'open'));
    expect(await world.balance('u')).toBe(400);
    await deliver(refund(10_000, 're_1', 'failed'));
    expect(await world.balance('u')).toBe(500);
    await deliver(refund(10_000, 're_1', 'done'));
    expect(await world.balance('u')).toBe(500);
    expect(await deliver(dispute('open'))).toMatchObject({ status: 'disputed' });
    expect(await world.balance('u')).toBe(0);
    expect(await deliver(dispute('won'))).toMatchObject({ status: 'paid' });
    expect(await deliver(dispute('open', 50_000))).toMatchObject({ status: 'paid' });
    expect(await world.balance('u')).toBe(500);
    expect(await manager.payments.getPayment(payment.id, 'u')).toMatchObject({
      creditsTakenBack: 0,
      creditsAdded: 500,
    });
    await world.expectSound();
  });

  test('a payment recorded by hand takes the refunds that waited for it, and is recorded once', async () => {
    const { world, manager, deliver } = await open();
    const refund = { id: 're_1', status: 'done', amountMinor: 20_000, currency: 'INR' } as const;
    expect(await deliver({ kind: 'refunded', providerPaymentId: 'pay_9', refund })).toMatchObject({
      status: 'waiting',
    });
    expect((await manager.payments.listMessages({ status: 'waiting' })).items).toHaveLength(1);
    const given = { ...link, provider: 'plain', providerPaymentId: 'pay_9' };
    const payment = await manager.payments.recordPayment(given);
    expect(payment).toMatchObject({ status: 'partially_refunded', creditsAdded: 500, creditsTakenBack: 200 });
    expect(await world.balance('u')).toBe(300);
    const again = await Promise.all([manager.payments.recordPayment(given), manager.payments.recordPayment(given)]);
    for (const one of again) expect(one).toMatchObject({ id: payment.id, replayed: true });
    expect(await codeOf(manager.payments.recordPayment({ ...given, userId: 'v' }))).toBe('PAYMENT_MISMATCH');
    expect(await codeOf(manager.payments.recordPayment({ ...given, amount: '500.01' }))).toBe('PAYMENT_MISMATCH');
    expect((await manager.payments.listMessages({ status: 'waiting' })).items).toEqual([]);
    expect(await world.balance('u')).toBe(300);
    await world.expectSound();
  });

  test('the host refunds through the provider, once for a key', async () => {
    const { world, manager, provider, deliver } = await open();
    const payment = await manager.payments.createPaymentLink(link);
    const { paid } = eventsOf(payment);
    const by = { idempotencyKey: 'r', actor: 'ann', reason: 'bug' };
    expect(await codeOf(manager.payments.refundPayment(payment.id, {}, by))).toBe('INVALID_ARGUMENT');
    await deliver(paid);
    const part = { amount: 200 };
    const refunded = await manager.payments.refundPayment(payment.id, part, by);
    expect(refunded).toMatchObject({ status: 'partially_refunded', refunded: 200, creditsTakenBack: 200 });
    await manager.payments.refundPayment(payment.id, part, by);
    expect(await codeOf(manager.payments.refundPayment(payment.id, { amount: 201 }, by))).toBe('IDEMPOTENCY_CONFLICT');
    const tooMuch = manager.payments.refundPayment(payment.id, { amount: '300.01' }, { ...by, idempotencyKey: 's' });
    expect(await codeOf(tooMuch)).toBe('INVALID_ARGUMENT');
    expect(await codeOf(manager.payments.refundPayment('nobody', {}, by))).toBe('PAYMENT_NOT_FOUND');
    await manager.payments.refundPayment(payment.id, {}, { ...by, idempotencyKey: 't' });
    expect(provider.refunds).toMatchObject([{ amountMinor: 20_000 }, { amountMinor: 30_000 }]);
    expect(await world.balance('u')).toBe(0);
    const { items } = await manager.credits.getCreditHistory('u', { types: ['claw_back'] });
    expect(items).toMatchObject([{ actor: 'ann', reason: 'bug' }, { actor: 'ann' }]);
    await world.expectSound();
  });

  test('reconciling finds what webhooks missed, once', async () => {
    const { world, manager, provider, deliver } = await open();
    const missed = await manager.payments.createPaymentLink(link);
    const listed = await manager.payments.createPaymentLink(link);
    const { paid } = eventsOf(missed);
    const other = { ...eventsOf(listed).paid, eventId: 'evt_1', providerPaymentId: 'pay_2' };
    provider.told.set(missed.id, [eventOf(paid)]);
    provider.listed.push(eventOf(other));
    const both = [
      manager.payments.reconcilePayments(),
      manager.payments.reconcilePayments(),
      deliver(paid),
      deliver(other),
    ];
    await Promise.all(both);
    expect(await world.balance('u')).toBe(1_000);
    expect(await manager.payments.reconcilePayments()).toMatchObject({ changed: 0, waiting: 0, skippedCount: 0 });
    expect(await manager.jobs.runPayments()).toMatchObject({ status: 'completed', changed: 0 });
    expect(await world.balance('u')).toBe(1_000);
    await world.expectSound();
  });

  test('history has pages, a total, and nothing of others', async () => {
    const { world, manager } = await open();
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) {
      ids.unshift((await manager.payments.createPaymentLink(link)).id);
      world.clock.advance({ seconds: 1 });
    }
    await manager.payments.createPaymentLink({ ...link, userId: 'v' });
    const { payments, total } = await manager.payments.getPaymentHistory('u', { limit: 2, skip: 1 });
    expect({ ids: payments.map(({ id }) => id), total }).toEqual({ ids: ids.slice(1, 3), total: 4 });
    const first = await manager.payments.getPaymentHistory('u', { limit: 3 });
    const second = await manager.payments.getPaymentHistory('u', { limit: 3, cursor: first.nextCursor as string });
    expect([...first.payments, ...second.payments].map(({ id }) => id)).toEqual(ids);
    expect(await manager.payments.getPayment(ids[0] as string, 'v')).toBe(null);
    expect(await manager.payments.getPayment(ids[0] as string, null)).toMatchObject({ id: ids[0] });
  });
});
