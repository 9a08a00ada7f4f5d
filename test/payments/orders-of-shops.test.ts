/** Orders of shops: what they earn, and what their refunds take back, in every order and number of events. */
import { expect, test } from 'vitest';
import { orderUnits } from '../../src/core/order-credits.js';
import { createCreditManagement } from '../../src/index.js';
import { describeBackends } from '../support/plan-world.js';
import { QUIET } from '../support/quiet.js';
import { plainProvider } from './plain-provider.js';
import { eventsOf, paymentWorld } from './world.js';

const RULES = { fixed: 10_000_000, share: 10_000, minimum: 1_000_000 };
const PAID = { userId: 'shop', orderId: '1001', total: '2000.00' } as const;
const refund = (refundId: string, amount: string | number) => ({ userId: 'shop', orderId: '1001', refundId, amount });

test.each([
  ['the fixed amount, where the share is less', 999_990_000, RULES, 10_000_000],
  ['the share, where it is more', 1_000_500_000, RULES, 10_010_000],
  ['rounded half up to a hundredth', 1_000_500_000 + 499_999, { ...RULES, fixed: 0 }, 10_010_000],
  ['rounded half up at the half', 1_001_500_000, { ...RULES, fixed: 0 }, 10_020_000],
  ['the minimum', 1, { ...RULES, fixed: 0 }, 1_000_000],
  ['nothing of nothing, without fixed amount and minimum', 0, { fixed: 0, share: 10_000, minimum: 0 }, 0],
  ['the largest total exactly', 2 ** 51, { ...RULES, share: 1_000_000 }, 2_251_799_813_690_000],
])('an order earns %s', (_, total, rules, units) => {
  expect(orderUnits(BigInt(total), rules)).toBe(units);
});

await describeBackends('orders of shops', (openWorld) => {
  test('every order and number of one paid and three refunded ends alike: all is taken back, and no more', async () => {
    const world = await openWorld({});
    const steps = ['paid', 'r-1', 'r-2', 'r-3'];
    const orders = permutations(steps);
    for (const [i, order] of orders.entries()) {
      const userId = `shop-${i}`;
      const tell = (step: string, { orders: service } = world.manager) =>
        step === 'paid'
          ? service.orderPaid({ ...PAID, userId })
          : service.orderRefunded({ ...refund(step, '800'), userId });
      for (const [at, step] of order.entries()) {
        await tell(step);
        if ((i + at) % 3 === 0) await tell(order[at % (at + 1)] as string);
      }
      const { items } = await world.manager.credits.getTransactionPage(userId);
      const kinds = items.map(({ type, delta, referenceType }) => `${type} ${delta} ${referenceType}`);
      expect(kinds.filter((kind) => kind.startsWith('add'))).toEqual(['add 20 order_paid']);
      const taken = kinds.filter((kind) => kind.startsWith('claw_back'));
      expect(taken.every((kind) => kind.endsWith('order_refund'))).toBe(true);
      expect(await world.manager.credits.getUserCreditsInfo(userId)).toMatchObject({ balance: 0, debt: 0 });
    }
    await world.expectSound();
    await world.close();
  });

  test('a refund that races its order says that it is one of an order', async () => {
    const world = await openWorld({});
    const { orders, credits } = world.manager;
    const users = Array.from({ length: 30 }, (_, i) => `racer-${i}`);
    await Promise.all(
      users.flatMap((userId, i) => {
        const paid = () => orders.orderPaid({ ...PAID, userId });
        const refunded = () => orders.orderRefunded({ ...refund('r-1', 1000), userId });
        return (i % 2 === 0 ? [paid, refunded] : [refunded, paid]).map((tell) => tell());
      }),
    );
    for (const userId of users) {
      const { items } = await credits.getTransactionPage(userId);
      const kinds = items.map(({ type, referenceType }) => `${type} ${referenceType}`);
      expect(kinds.toSorted()).toEqual(['add order_paid', 'claw_back order_refund']);
    }
    await world.expectSound();
    await world.close();
  });

  test('spent credits become debt, and a refund counts in proportion, once for its id', async () => {
    const world = await openWorld({});
    const { orders, credits } = world.manager;
    expect(await orders.orderPaid({ ...PAID, shopDomain: 'shop.example' })).toMatchObject({
      ...{ creditsAdded: 20, provider: 'orders', status: 'paid', amount: 2000, currency: 'USD', replayed: false },
    });
    expect(await orders.orderPaid(PAID)).toMatchObject({ creditsAdded: 20, replayed: true });
    await credits.deductCredits('shop', 15);
    expect(await orders.orderRefunded(refund('r-1', 1000))).toMatchObject({ success: true, idempotent: false });
    expect(await orders.orderRefunded(refund('r-1', 1000))).toMatchObject({ success: true, idempotent: true });
    expect(await credits.getUserCreditsInfo('shop', { fresh: true })).toMatchObject({ balance: -5, debt: 5 });
    const { items } = await credits.getTransactionPage('shop', { referenceTypes: ['order_paid'] });
    expect(items).toMatchObject([
      { metadata: { order_id: '1001', order_total: '2000.00', shop_domain: 'shop.example' } },
    ]);
    await world.expectSound();
    await world.close();
  });

  test('an order of a merchant is its own, whatever another calls theirs; another total is a mismatch', async () => {
    const world = await openWorld({});
    const { orders, credits } = world.manager;
    for (const userId of ['shop', 'other']) await orders.orderPaid({ ...PAID, userId });
    await orders.orderPaid({ ...PAID, orderId: 'r-1' });
    await orders.orderRefunded({ ...refund('r-1', 2000), userId: 'other' });
    expect(await credits.getUserCreditsInfo('shop')).toMatchObject({ balance: 40 });
    expect(await credits.getUserCreditsInfo('other')).toMatchObject({ balance: 0 });
    await expect(orders.orderPaid({ ...PAID, total: 2001 })).rejects.toMatchObject({ code: 'PAYMENT_MISMATCH' });
    await expect(orders.orderPaid({ ...PAID, currency: 'EUR' })).rejects.toMatchObject({ code: 'PAYMENT_MISMATCH' });
    const inEuro = await orders.orderRefunded({ ...refund('r-9', 1), currency: 'EUR' });
    expect(inEuro).toMatchObject({ success: false, error: expect.stringContaining('PAYMENT_MISMATCH') });
    await world.expectSound();
    await world.close();
  });

  test('a payment of billing buys its amount once, and nothing where payments has it', async () => {
    const { world, manager, deliver } = await paymentWorld(openWorld, {}, { orders: { billingCreditsPerUnit: '2.5' } });
    const { orders, credits, payments } = manager;
    const told = { userId: 'shop', paymentId: 'inv-1', amount: '20.01' } as const;
    const bought = { provider: 'billing', status: 'paid', creditsAdded: 50.025, currency: 'USD', replayed: false };
    expect(await orders.billingPaid(told)).toMatchObject(bought);
    expect(await orders.billingPaid(told)).toMatchObject({ ...bought, replayed: true });
    expect(await orders.billingPaid({ ...told, userId: 'other' })).toMatchObject(bought);
    await expect(orders.billingPaid({ ...told, amount: 20 })).rejects.toMatchObject({ code: 'PAYMENT_MISMATCH' });
    // An order and a correction of the same name are others.
    await orders.orderPaid({ userId: 'shop', orderId: 'inv-1', total: 1 });
    await credits.adjustCredits('shop', -1, { actor: 'admin', reason: 'Goodwill', idempotencyKey: 'inv-1' });
    const { items } = await credits.getTransactionPage('shop', { referenceTypes: ['billing_payment'] });
    expect(items).toMatchObject([{ delta: 50.025, metadata: { payment_id: 'inv-1' } }]);

    const link = await payments.createPaymentLink({ userId: 'shop', amount: 500, currency: 'INR' });
    const rupees = { userId: 'shop', amount: 500, currency: 'INR' } as const;
    expect(await orders.billingPaid({ ...rupees, paymentId: link.id })).toMatchObject({ id: link.id, creditsAdded: 0 });
    await deliver(eventsOf(link).paid);
    for (const paymentId of [link.id, 'pay_1']) {
      const known = { id: link.id, creditsAdded: 500, replayed: true };
      expect(await orders.billingPaid({ ...rupees, paymentId })).toMatchObject(known);
    }
    expect(await credits.getUserCreditsInfo('shop')).toMatchObject({ balance: 50.025 + 10 - 1 + 500 });
    // The name is another's payment to this merchant.
    expect(await orders.billingPaid({ ...rupees, userId: 'other', paymentId: 'pay_1' })).toMatchObject({
      ...{ provider: 'billing', creditsAdded: 1250 },
    });
    await world.expectSound();
    await world.close();
  });

  test('told by two managers at once it counts once', async () => {
    const world = await openWorld({});
    const managers = [world.manager, world.open({})];
    const tells = Array.from({ length: 12 }, (_, i) => {
      const { orders } = managers[i % 2] as typeof world.manager;
      return i % 3 === 0 ? orders.orderRefunded(refund('r-1', 500)) : orders.orderPaid(PAID);
    });
    await Promise.all(tells);
    expect(await world.manager.credits.getUserCreditsInfo('shop', { fresh: true })).toMatchObject({ balance: 15 });
    await world.expectSound();
    await world.close();
  });
});

test('rules by configuration, an order of nothing, and orders that earn nothing', async () => {
  const orders = { fixedAmount: 0, percentage: '0.05', minimum: '0.5' };
  const { credits, orders: service } = createCreditManagement({ logger: QUIET, orders });
  expect(await service.orderPaid(PAID)).toMatchObject({ creditsAdded: 100 });
  expect(await service.orderPaid({ ...PAID, orderId: 'free', total: 0 })).toMatchObject({ creditsAdded: 0.5 });
  const none = createCreditManagement({ logger: QUIET, orders: { enabled: false } });
  expect(await none.orders.orderPaid(PAID)).toBe(null);
  expect(await none.credits.getAccount('shop')).toBe(null);
  expect(await credits.getUserCreditsInfo('shop')).toMatchObject({ balance: 100.5 });
});

test.each([
  ['JPY', 3_000_000_000, 30_000_000],
  ['KRW', '2251799813685248', 22_517_998_136_852.48],
  ['USD', '22517998136852.48', 225_179_981_368.52],
  ['KWD', '2251799813685.248', 22_517_998_136.85],
])('an order in %s earns its share, however large the total that money may have', async (currency, total, share) => {
  const { credits, orders: service } = createCreditManagement({ logger: QUIET, creditScale: 2 });
  const order = { ...PAID, currency, total };
  expect(await service.orderPaid(order)).toMatchObject({ creditsAdded: share, amount: Number(total) });
  expect(await service.orderRefunded({ ...refund('r-1', total), currency })).toMatchObject({ success: true });
  expect(await credits.getUserCreditsInfo('shop')).toMatchObject({ balance: 0, debt: 0 });
});

test('an order earns at most what an account may have; beyond it nothing is written', async () => {
  const orders = { percentage: '2251799813' };
  const { credits, orders: service } = createCreditManagement({ logger: QUIET, orders });
  for (const [currency, total] of [
    ['USD', 2],
    ['JPY', '2251799813685248'],
  ] as const) {
    const order = { ...PAID, orderId: currency, currency, total };
    await expect(service.orderPaid(order)).rejects.toMatchObject({ code: 'AMOUNT_TOO_LARGE' });
  }
  const beyond = { ...PAID, currency: 'JPY', total: '2251799813685249' };
  await expect(service.orderPaid(beyond)).rejects.toMatchObject({ code: 'AMOUNT_TOO_LARGE' });
  expect(await credits.getAccount('shop')).toBe(null);
});

test('an order that cost nothing is not the one that cost the smallest money', async () => {
  const { credits, orders: service } = createCreditManagement({ logger: QUIET });
  const free = { ...PAID, total: 0 };
  await service.orderPaid(free);
  expect(await service.orderPaid({ ...free, total: '0.00' })).toMatchObject({ creditsAdded: 10, replayed: true });
  const smallest = { ...PAID, total: '0.01' };
  await expect(service.orderPaid(smallest)).rejects.toMatchObject({ code: 'PAYMENT_MISMATCH' });
  await service.orderPaid({ ...smallest, orderId: '1002' });
  await expect(service.orderPaid({ ...free, orderId: '1002' })).rejects.toMatchObject({ code: 'PAYMENT_MISMATCH' });
  expect(await credits.getUserCreditsInfo('shop')).toMatchObject({ balance: 20 });
});

test('wrong input is refused, and nothing is written', async () => {
  const { orders, credits, payments } = createCreditManagement({ logger: QUIET });
  for (const total of [-1, Number.NaN, '1e3', '0.0000001', null]) {
    await expect(orders.orderPaid({ ...PAID, total: total as never })).rejects.toMatchObject({
      code: expect.stringMatching(/^INVALID_/),
    });
  }
  for (const amount of [0, -1, '0.001', '1e400']) {
    await expect(orders.billingPaid({ userId: 'shop', paymentId: 'p', amount })).rejects.toMatchObject({
      code: expect.stringMatching(/^INVALID_|TOO_LARGE/),
    });
  }
  for (const wrong of [{ amount: 0 }, { amount: -1 }, { currency: 'usd' }, { refundId: '' }, { orderId: undefined }]) {
    await expect(orders.orderRefunded({ ...refund('r-1', 1), ...wrong } as never)).rejects.toMatchObject({
      code: expect.stringMatching(/^INVALID_/),
    });
  }
  expect(await credits.getAccount('shop')).toBe(null);
  for (const name of ['orders', 'billing']) {
    expect(() => payments.registerProvider(plainProvider(name))).toThrow(`another name than ${name}`);
  }
  for (const wrong of [{ orders: { percentage: -1 } }, { creditScale: 0, orders: { fixedAmount: '0.4' } }]) {
    expect(() => createCreditManagement(wrong)).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }));
  }
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}
