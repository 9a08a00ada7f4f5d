/** What becomes of automatic top-ups: declines, links, answers that come late or never, money that goes back. */
import { expect, test } from 'vitest';
import { describeBackends } from '../support/plan-world.js';
import { gate, until } from '../support/wait.js';
import { SETTINGS, topUpWorld } from './top-up-world.js';
import { bodyOf } from './world.js';

await describeBackends('outcomes of top-ups', (openWorld, isMemory) => {
  test('declines wait longer each time, then turn it off; to set it again turns it on', async () => {
    const { world, manager, provider, start, spend, told, settled, state, last } = await topUpWorld(openWorld);
    provider.usual = 'declined';
    await start();
    await spend(60);
    expect(await settled()).toMatchObject({ declines: 1, nextAt: new Date('2026-01-01T00:01:00Z') });
    await Promise.all(Array.from({ length: 20 }, () => spend(1)));
    expect(provider.asked).toBe(1);
    world.clock.advance({ seconds: 60 });
    await spend(1);
    expect(await settled()).toMatchObject({ declines: 2, nextAt: new Date('2026-01-01T00:03:00Z') });
    world.clock.advance({ seconds: 119 });
    await spend(1);
    expect(provider.asked).toBe(2);
    world.clock.advance({ seconds: 1 });
    await manager.jobs.runPayments();
    expect(await settled()).toMatchObject({ isOn: false, offReason: 'declines', declines: 3, dueAt: null });
    expect(told()).toEqual([
      ...['started: below_threshold', 'failed: card_declined', 'started: below_threshold', 'failed: card_declined'],
      ...['started: below_threshold', 'failed: card_declined', 'turned_off: declines'],
    ]);
    expect(last('top_up.turned_off')).toMatchObject({ declines: 3 });
    world.clock.advance({ days: 3 });
    await spend(1);
    await manager.jobs.runPayments();
    expect(provider.asked).toBe(3);
    provider.usual = 'paid';
    await manager.payments.setAutoTopUp('u', SETTINGS);
    expect(await settled()).toMatchObject({ isOn: true, declines: 0, attempts: [{}, {}, {}, { status: 'paid' }] });
    expect((await state()).attempts.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed', 'paid']);
    await world.expectSound();
  });

  test('without a customer a link is made, and its page is told; it may be paid late', async () => {
    const { world, manager, provider, start, spend, told, settled, last, state } = await topUpWorld(openWorld);
    await start({ customerId: null });
    await spend(60);
    await until(() => told().length === 2, 'the link was told');
    const { id, url } = (await manager.payments.getPaymentHistory('u')).payments[0] ?? {};
    expect(told()).toEqual(['started: below_threshold', 'link_made: no_customer']);
    expect(last('top_up.link_made')).toMatchObject({ paymentId: id, url: `https://pay.example/${id}` });
    expect(url).toBe(`https://pay.example/${id}`);
    expect([provider.asked, (await state()).dueAt]).toEqual([0, null]);
    const asked = { amountMinor: 50_000, currency: 'INR' };
    const own = { reference: id as string, asked };
    const deliver = (kind: 'failed' | 'expired' | 'paid') => {
      const paid = kind === 'paid' ? { paid: asked, providerPaymentId: 'pay_1' } : {};
      return manager.payments.handleWebhook('plain', bodyOf({ ...own, kind, ...paid }), {});
    };
    // At a link one attempt may fail and the next one pay.
    await deliver('failed');
    expect((await state()).inFlight).toBe(id);
    await deliver('expired');
    expect(await settled()).toMatchObject({ declines: 1, attempts: [{ status: 'failed' }] });
    for (let i = 0; i < 2; i++) await deliver('paid');
    expect(await state()).toMatchObject({ declines: 0, attempts: [{ status: 'paid' }] });
    expect(told().slice(2)).toEqual(['failed: expired', 'succeeded: paid_late']);
    expect(await world.balance('u')).toBe(590);
    await world.expectSound();
  });

  test('a provider that answers late, twice or never is charged once, and the credits come once', async () => {
    const { world, manager, provider, start, spend, settled, state } = await topUpWorld(openWorld);
    provider.next.push('away', 'lost');
    provider.tells = false;
    await start();
    await spend(60);
    await until(() => provider.asked === 1, 'it was asked');
    const { inFlight: id } = await state();
    // Away, then lost: it stays in flight, and the job asks again with the same reference.
    expect(await manager.jobs.runPayments()).toMatchObject({ skippedCount: 1 });
    expect((await state()).inFlight).toBe(id);
    provider.tells = true;
    const paid = provider.charges.get(id as string)?.event;
    const webhook = () => manager.payments.handleWebhook('plain', bodyOf({ ...paid, kind: 'paid' }), {});
    await Promise.all([manager.jobs.runPayments(), webhook(), manager.payments.reconcilePayments(), webhook()]);
    await settled();
    expect([...provider.charges.keys()]).toEqual([id]);
    expect(await world.balance('u')).toBe(590);
    const failed = await manager.payments.listMessages({ paymentId: id as string, status: 'failed' });
    expect(failed.items.map(({ type, reason }) => [type, reason]).sort()).toEqual([
      ['charge', 'away'],
      ['charge', 'lost'],
    ]);
    await world.expectSound();
  });

  test('a charge that nobody answers is not repeated when its key may be forgotten', async () => {
    const { world, manager, provider, start, spend, settled, told } = await topUpWorld(openWorld);
    provider.usual = 'away';
    await start();
    await spend(60);
    await until(() => provider.asked === 1, 'it was asked');
    world.clock.advance({ hours: 19 });
    await manager.jobs.runPayments();
    expect(provider.asked).toBe(2);
    world.clock.advance({ hours: 2 });
    await manager.jobs.runPayments();
    expect(provider.asked).toBe(2);
    expect(await settled()).toMatchObject({ declines: 1, attempts: [{ status: 'failed' }] });
    expect(told().slice(1)).toEqual(['failed: cancelled']);
    await world.expectSound();
  });

  test('what is turned off is charged no more, also where its payment had begun', async () => {
    const { world, manager, provider, start, spend, settled, told } = await topUpWorld(openWorld);
    provider.next.push('away');
    await start();
    await spend(60);
    await until(() => provider.asked === 1, 'it was asked');
    expect(await manager.payments.setAutoTopUp('u', null)).toMatchObject({ isOn: false, offReason: 'requested' });
    await manager.payments.setAutoTopUp('u', null);
    await manager.jobs.runPayments();
    expect(await settled()).toMatchObject({ isOn: false, attempts: [{ status: 'failed' }] });
    world.clock.advance({ days: 1 });
    await spend(1);
    await manager.jobs.runPayments();
    expect([provider.asked, provider.charges.size]).toEqual([1, 0]);
    expect(told().slice(1)).toEqual(['turned_off: requested', 'failed: cancelled']);
    expect(await manager.payments.setAutoTopUp('nobody', null)).toBeNull();
    expect(await manager.payments.getAutoTopUp('nobody')).toBeNull();
    await world.expectSound();
  });

  test('money that goes back turns it off, and buys nothing again', async () => {
    const { world, manager, provider, start, spend, settled, state, told } = await topUpWorld(openWorld);
    await start();
    await start({}, 'v');
    for (const userId of ['u', 'v']) {
      await spend(60, userId);
      await settled(userId);
    }
    world.clock.advance({ days: 1 });
    const [first, second] = [...provider.charges.keys()] as [string, string];
    const by = { idempotencyKey: 'r', actor: 'ann', reason: 'bug' };
    await manager.payments.refundPayment(first, {}, by);
    const dispute = { id: 'dp_1', status: 'open', amountMinor: 50_000, currency: 'INR' } as const;
    const told1 = { reference: second, kind: 'disputed', dispute } as const;
    await manager.payments.handleWebhook('plain', bodyOf(told1), {});
    expect([(await state('u')).offReason, (await state('v')).offReason]).toEqual(['refunded', 'disputed']);
    await spend(1);
    await manager.jobs.runPayments();
    expect(provider.charges.size).toBe(2);
    expect(told().slice(4)).toEqual(['turned_off: refunded', 'turned_off: disputed']);
    expect(await world.balance('u')).toBe(89);
    await world.expectSound();
  });

  test('it begins in a transaction of the host with that, and not when it is undone', async () => {
    const { world, manager, provider, start, settled, state } = await topUpWorld(openWorld);
    await start();
    await world.rolledBack((session) => manager.credits.deductCredits('u', 60, { session } as never));
    expect((await state()).inFlight).toBeNull();
    await world.begin((session) => manager.credits.deductCredits('u', 60, { session } as never));
    await manager.jobs.runPayments();
    await settled();
    expect(provider.charges.size).toBe(1);
    expect(await world.balance('u')).toBe(590);
    await world.expectSound();
  });

  test.skipIf(isMemory)('a process that closes lets its charge go, and another one goes on with it', async () => {
    const { world, manager, provider, start, settled } = await topUpWorld(openWorld);
    await start();
    const held = gate();
    provider.waits = () => held.opened;
    const other = world.open();
    await other.credits.deductCredits('u', 60);
    await until(() => provider.charges.size === 1, 'it was charged');
    const closing = other.close();
    held.open();
    await closing;
    expect(await manager.payments.getAutoTopUp('u')).toMatchObject({ attempts: [{ status: 'in_flight' }] });
    await manager.jobs.runPayments();
    expect(await settled()).toMatchObject({ attempts: [{ status: 'paid' }] });
    expect([await world.balance('u'), provider.charges.size]).toEqual([590, 1]);
    await world.expectSound();
  });
});
