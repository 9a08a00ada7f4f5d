/** Every change is heard of: once, at its own instant, and in order for each account. */
import { expect, test } from 'vitest';
import { type CreditEvent, CreditEventSchema } from '../../src/index.js';
import { type Manager, onEveryBackend, outboxRows, Recorder, type World } from '../support/outbox-world.js';

const SINK = { sinks: [new Recorder()] };
const PRO = { name: 'Pro', creditLimit: 100, price: 10, currency: 'USD', billingPeriod: 'monthly' } as const;
const BASIC = { ...PRO, name: 'Basic', creditLimit: 40 } as const;

type Data = Readonly<Record<string, unknown>>;

/** The stored events of a user's account, in the order in which they are delivered. */
async function eventsOf(world: World, userId: string, creditType = 'credits'): Promise<readonly CreditEvent[]> {
  const rows = await outboxRows(world);
  const events = rows.map(({ payload }) => CreditEventSchema.parse(payload));
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  const own = events.filter((event) => event.userId === userId && event.creditType === creditType);
  const instants = own.map(({ occurredAt }) => occurredAt);
  expect(instants).toEqual(instants.toSorted());
  return own;
}

/** What a test wants to see: type, day and some of the numbers, of the types that begin so. */
async function told(world: World, userId: string, prefix: string, ...fields: string[]): Promise<string[]> {
  const events = (await eventsOf(world, userId)).filter(({ type }) => type.startsWith(prefix));
  return events.map(({ type, occurredAt, data }) => {
    const shown = fields.map((field) => String((data as Data)[field]));
    return [type.slice(prefix.length), occurredAt.slice(0, 10), ...shown].join(' ');
  });
}

const plans = async ({ subscriptions }: Manager) =>
  [await subscriptions.addSubscriptionPlan(PRO), await subscriptions.addSubscriptionPlan(BASIC)] as const;

await onEveryBackend('every change is heard of', (withWorld) => {
  test('a subscription tells of its life, at the instants at which things became so', async () => {
    await withWorld(async (world) => {
      const manager = world.open(SINK);
      const { subscriptions } = manager;
      const [pro, basic] = await plans(manager);
      await subscriptions.setUserSubscriptionPlan('u', basic);
      world.clock.set('2030-01-10T00:00:00Z');
      await subscriptions.changeUserSubscriptionPlan('u', pro, { proration: 'time' });
      await subscriptions.changeUserSubscriptionPlan('u', basic, { when: 'period_end' });
      world.clock.set('2030-02-10T00:00:00Z');
      await subscriptions.pauseUserSubscription('u');
      world.clock.set('2030-02-20T00:00:00Z');
      await subscriptions.resumeUserSubscription('u');
      await subscriptions.cancelUserSubscription('u', { reason: 'too dear' });
      world.clock.set('2030-04-01T00:00:00Z');
      await manager.credits.addCredits('u', 1);
      await subscriptions.setUserSubscriptionPlan('u', pro);
      await subscriptions.setUserSubscriptionPlan('u', basic);
      await subscriptions.deleteUserSubscriptionPlan('u');
      expect(await told(world, 'u', 'subscription.', 'planName', 'status')).toEqual([
        'assigned 2030-01-01 Basic active',
        'allocated 2030-01-01 undefined undefined',
        'changed 2030-01-10 Pro active',
        'allocated 2030-01-10 undefined undefined',
        'changed 2030-01-10 Pro active',
        'renewed 2030-02-01 Basic active',
        'allocated 2030-02-01 undefined undefined',
        'paused 2030-02-10 Basic paused',
        'resumed 2030-02-20 Basic active',
        'cancelled 2030-02-20 Basic active',
        'ended 2030-03-11 Basic ended',
        'assigned 2030-04-01 Pro active',
        'allocated 2030-04-01 undefined undefined',
        'assigned 2030-04-01 Basic active',
        'cancelled 2030-04-01 Basic cancelled',
        'ended 2030-04-01 Basic cancelled',
      ]);
      const events = (await eventsOf(world, 'u')).filter(({ type }) => /^subscription\.(?!alloc)/.test(type));
      const of = (place: number) => events[place]?.data;
      const [forBasic, forPro] = [basic.id, pro.id];
      expect(of(0)).toMatchObject({ previousPlanId: null, planId: forBasic, nextPlanId: null, autoRenew: true });
      expect(of(1)).toMatchObject({ previousPlanId: forBasic, planId: forPro, nextPlanId: null });
      expect(of(2)).toMatchObject({ previousPlanId: forPro, planId: forPro, nextPlanId: forBasic });
      expect(of(3)).toMatchObject({ previousPlanId: forPro, planId: forBasic, nextPlanId: null });
      expect(of(6)).toMatchObject({ autoRenew: false, reason: 'too dear', validUntil: '2030-03-11T00:00:00.000Z' });
      expect(of(8)).toMatchObject({ previousPlanId: null });
      expect(of(9)).toMatchObject({ previousPlanId: forPro });
    });
  });

  test('a period that is not paid is told, and so are the payment and the end of the wait', async () => {
    await withWorld(async (world) => {
      const manager = world.open(SINK);
      const { subscriptions, jobs } = manager;
      const plan = await subscriptions.addSubscriptionPlan({ ...PRO, renewOn: 'payment', graceDays: 5 });
      await subscriptions.setUserSubscriptionPlan('u', plan);
      world.clock.set('2030-02-02T00:00:00Z');
      await jobs.runAllocation();
      await subscriptions.renewSubscription('u', { paymentId: 'p-1' });
      world.clock.set('2030-03-20T00:00:00Z');
      await jobs.runAllocation();
      expect(await told(world, 'u', 'subscription.', 'status', 'periodStart')).toEqual([
        'assigned 2030-01-01 active 2030-01-01T00:00:00.000Z',
        'allocated 2030-01-01 undefined 2030-01-01T00:00:00.000Z',
        'past_due 2030-02-01 past_due 2030-01-01T00:00:00.000Z',
        'renewed 2030-02-02 active 2030-02-01T00:00:00.000Z',
        'allocated 2030-02-02 undefined 2030-02-01T00:00:00.000Z',
        'past_due 2030-03-01 past_due 2030-02-01T00:00:00.000Z',
        'ended 2030-03-06 ended 2030-02-01T00:00:00.000Z',
      ]);
    });
  });

  test('what the clock brings is told once, however many processes find it due at once', async () => {
    await withWorld(async (world) => {
      const managers = [world.open({ ...SINK, events: 'all' }), world.open(), world.open()] as const;
      const [manager] = managers;
      const plan = await manager.subscriptions.addSubscriptionPlan({
        ...{ ...PRO, creditType: 'image', creditLimit: 7 },
        alsoGrants: [{ creditType: 'credits', creditLimit: 5 }],
      });
      for (const other of managers) await other.init();
      await manager.subscriptions.setUserSubscriptionPlan('u', plan);
      await manager.credits.addCredits('u', 20, { effectiveAt: '2030-02-15T00:00:00Z' });
      await manager.credits.reserveCredits('u', 2, { ttlSeconds: 3600 });
      await manager.subscriptions.cancelUserSubscription('u');
      await manager.subscriptions.changeUserSubscriptionPlan('u', plan, { proration: 'full' });
      world.clock.set('2030-04-10T00:00:00Z');
      await Promise.all(
        managers.flatMap(({ credits, creditType, jobs, subscriptions }) => [
          credits.deductCredits('u', 1),
          creditType('image').deductCredits('u', 1),
          credits.expireCredits('u'),
          jobs.runAllocation(),
          jobs.runExpiration(),
          subscriptions.getUserSubscriptionPlan('u', { fresh: true }),
        ]),
      );
      const days = ['2030-02-01', '2030-03-01', '2030-04-01'];
      expect(await told(world, 'u', 'subscription.renewed')).toEqual(days.map((day) => ` ${day}`));
      const images = (await eventsOf(world, 'u', 'image')).filter(({ type }) => type === 'subscription.allocated');
      expect(images.map(({ occurredAt }) => occurredAt.slice(0, 10))).toEqual(['2030-01-01', ...days]);
      expect(await told(world, 'u', 'credits.reservation_expired')).toEqual([' 2030-01-01']);
      expect(await told(world, 'u', 'credits.grant_activated')).toEqual([' 2030-02-15']);
      // The end of one period, the renewal, and the credits of the next come in this order.
      const all = (await eventsOf(world, 'u')).map(({ type, occurredAt }) => `${type} ${occurredAt.slice(0, 10)}`);
      const from = all.indexOf('credits.expired 2030-02-01');
      expect(all.slice(from, from + 3)).toEqual(
        ['credits.expired', 'subscription.renewed', 'subscription.allocated'].map((type) => `${type} 2030-02-01`),
      );
      expect((await manager.ledger.verify()).problems).toEqual([]);
    });
  });

  test('periods that granted nothing on the account are told at their instants all the same', async () => {
    await withWorld(async (world) => {
      const manager = world.open(SINK);
      const plan = await manager.subscriptions.addSubscriptionPlan({ ...PRO, creditType: 'image' });
      await manager.subscriptions.setUserSubscriptionPlan('u', plan);
      await manager.credits.addCredits('u', 9, { expiresAt: '2030-03-05T00:00:00Z' });
      world.clock.set('2030-04-10T00:00:00Z');
      await manager.jobs.runAllocation();
      await manager.credits.addCredits('u', 1);
      const events = await eventsOf(world, 'u');
      expect(events.map(({ type, occurredAt }) => `${type} ${occurredAt.slice(0, 10)}`)).toEqual([
        'credits.account.created 2030-01-01',
        'subscription.assigned 2030-01-01',
        'credits.recharged 2030-01-01',
        'credits.plugin_status_changed 2030-01-01',
        'subscription.renewed 2030-02-01',
        'subscription.renewed 2030-03-01',
        'credits.balance_exhausted 2030-03-05',
        'credits.plugin_status_changed 2030-03-05',
        'subscription.renewed 2030-04-01',
        'credits.recharged 2030-04-10',
        'credits.plugin_status_changed 2030-04-10',
      ]);
    });
  });

  test('a scheduled grant is told when it takes effect, with the balance then', async () => {
    await withWorld(async (world) => {
      const manager = world.open(SINK);
      const effectiveAt = '2030-01-05T00:00:00Z';
      const { id } = await manager.credits.addCredits('u', 10, { effectiveAt, source: 'purchase', reference: 'o-1' });
      await manager.credits.addCredits('u', 4, { effectiveAt: '2030-01-06T00:00:00Z', source: 'refund' });
      await manager.credits.addCredits('u', 3);
      expect(await told(world, 'u', 'credits.re', 'amount', 'balance')).toEqual(['charged 2030-01-01 3 3']);
      world.clock.set('2030-01-08T00:00:00Z');
      await manager.credits.deductCredits('u', 1);
      expect(await told(world, 'u', 'credits.', 'amount', 'balance', 'source', 'reference')).toEqual([
        'account.created 2030-01-01 undefined 0 undefined undefined',
        'recharged 2030-01-01 3 3 other null',
        'plugin_status_changed 2030-01-01 undefined 3 undefined undefined',
        'grant_activated 2030-01-05 10 13 purchase o-1',
        'recharged 2030-01-05 10 13 purchase o-1',
        'grant_activated 2030-01-06 4 17 refund null',
        'refunded 2030-01-06 4 17 undefined null',
      ]);
      const activated = (await eventsOf(world, 'u')).find(({ type }) => type === 'credits.grant_activated');
      expect(activated?.data).toMatchObject({ grantId: `g-${id}` });
    });
  });

  test('a transfer is told on both accounts', async () => {
    await withWorld(async (world) => {
      const manager = world.open(SINK);
      await manager.credits.addCredits('a', 10);
      await manager.credits.transferCredits({ from: 'a', to: 'b', amount: 4 });
      const fields = ['amount', 'balance', 'from', 'to'];
      expect(await told(world, 'a', 'credits.transferred', ...fields)).toEqual([' 2030-01-01 -4 6 a b']);
      expect(await told(world, 'b', 'credits.transferred', ...fields)).toEqual([' 2030-01-01 4 4 a b']);
    });
  });

  test.each(['standard', 'all'] as const)('steps of reservations are told where all is told: %s', async (events) => {
    await withWorld(async (world) => {
      const { credits, jobs } = world.open({ ...SINK, events });
      await credits.addCredits('u', 100);
      const [first, second, third] = await Promise.all([10, 20, 30].map((n) => credits.reserveCredits('u', n)));
      await credits.commitReservedCredits(first?.id as string, { amount: 3, final: false });
      await credits.commitReservedCredits(first?.id as string, { amount: 5 });
      await credits.releaseReservedCredits(second?.id as string);
      world.clock.advance({ days: 1 });
      await jobs.runReservationExpiry();
      const fourth = await credits.reserveCredits('u', 40);
      await credits.commitReservedCredits(fourth.id, { amount: 0 });
      const types = ['reserved', 'committed', 'released', 'reservation_expired', 'deducted'];
      const all = (await eventsOf(world, 'u')).filter(({ type }) => types.includes(type.slice(8)));
      const seen = all.map(({ type, data }) => {
        const { amount, balance, available, released = '-', reservationId } = data as Data;
        const which = [first, second, third, fourth].findIndex((hold) => hold?.id === reservationId);
        return [type.slice(8), which, amount, balance, available, released].join(' ');
      });
      const wanted = [
        'reserved 0 10 100 90 -',
        'reserved 1 20 100 70 -',
        'reserved 2 30 100 40 -',
        'committed 0 3 97 40 0',
        'deducted -1 3 97 40 -',
        'committed 0 5 92 42 2',
        'deducted -1 5 92 42 -',
        'released 1 20 92 62 -',
        'reservation_expired 2 30 92 92 -',
        'reserved 3 40 92 52 -',
        'released 3 40 92 92 -',
      ];
      expect(seen).toEqual(events === 'all' ? wanted : []);
    });
  });

  test('movements carry reason, reference and its kind, and metadata where that is wanted', async () => {
    await withWorld(async (world) => {
      const manager = world.open({ ...SINK, eventMetadata: true, events: 'all' });
      await manager.init();
      // Another process writes them too: the setting is the database's.
      const { credits } = world.open();
      const metadata = { order: { total: '9.50' } };
      const paid = await credits.addCredits('u', 10, { source: 'purchase', reference: 'o-1', metadata });
      await credits.reverseTransaction(paid.id, { amount: 4, reason: 'broken', metadata: { by: 'support' } });
      await manager.credits.addCredits('u', 2, { source: 'refund', reference: 'r-1', reason: 'goodwill' });
      await credits.adjustCredits('u', 1, { actor: 'admin', reason: 'miscounted' });
      await credits.deductCredits('u', 9, { metadata: { call: 7 } });
      const moved = (await eventsOf(world, 'u')).filter(({ data }) => 'amount' in data);
      expect(
        moved.map(({ type, data }) => {
          const { reference, referenceType, reason, metadata: carried } = data as Data;
          return [type.slice(8), reference, referenceType, reason, carried];
        }),
      ).toEqual([
        ['recharged', 'o-1', 'purchase', undefined, metadata],
        ['refunded', paid.id, 'transaction', 'broken', { by: 'support' }],
        ['refunded', 'r-1', 'refund', 'goodwill', {}],
        ['adjusted', null, null, 'miscounted', {}],
        ['deducted', null, null, undefined, { call: 7 }],
      ]);
      const changed = (await eventsOf(world, 'u')).filter(({ type }) => type === 'credits.plugin_status_changed');
      expect(changed.map(({ data }) => (data as Data).reason)).toEqual(['Sufficient credits', 'Insufficient credits']);
      const states = world.open({ eventMetadata: false });
      await states.init();
      await states.credits.addCredits('v', 1, { metadata });
      expect((await eventsOf(world, 'v')).filter(({ data }) => 'metadata' in data)).toEqual([]);
    });
  });

  test('the creation of an account tells its balance by both names', async () => {
    await withWorld(async (world) => {
      const { credits } = world.open({ ...SINK, defaults: { trialCredits: 8 } });
      await credits.deductCredits('u', 3);
      const [created] = await eventsOf(world, 'u');
      expect(created).toMatchObject({ version: 1, data: { balance: 5, initial_balance: 5 } });
    });
  });
});
