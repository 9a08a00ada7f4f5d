/** Cursors: a list takes its own, and refuses those of other lists, of other users and of other filters. */
import { expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';
import { codeOf } from '../support/codes.js';

interface Listed {
  readonly items: readonly object[];
  readonly nextCursor: string | null;
}
type List = (page: { limit: number; cursor?: string | undefined }) => Promise<Listed>;

/** The terms of every addition. */
const OF = { reference: 'r', paymentId: 'pay', planId: 'p' };

async function world() {
  const manager = createTestCredits({ creditTypes: { image: {} }, queue: { enqueue: () => Promise.resolve() } });
  const { subscriptions, promos, notifications } = manager;
  const plans = [];
  for (const name of ['P', 'Q', 'R']) {
    plans.push(await subscriptions.addSubscriptionPlan({ name, creditLimit: 10, price: 0, billingPeriod: 'daily' }));
    await promos.createPromo({ code: name, credits: 1 });
  }
  for (const user of ['u', 'v', 'w']) {
    for (const service of [manager.credits, manager.creditType('image')]) {
      for (let i = 0; i < 3; i++) await service.addCredits(user, 5, { actor: 'a', correlationId: 'c', ...OF });
      for (let i = 0; i < 3; i++) await service.reserveCredits(user, 1, { planId: OF.planId });
    }
    for (const code of ['P', 'Q', 'R']) await promos.claimPromo(user, code);
    for (const text of ['1', '2', '3']) await notifications.notifyTransactionError(user, text, {});
    for (const days of [1, 2, 3]) await subscriptions.startCycle(user, { amount: 5, days });
    for (const plan of plans) await subscriptions.setUserSubscriptionPlan(user, plan);
  }
  return manager;
}

function listsOf(manager: Awaited<ReturnType<typeof world>>): Readonly<Record<string, List>> {
  const { subscriptions, promos, notifications, ledger } = manager;
  const all = { includeClosed: true };
  const ofUsers: [string, List][] = ['u', 'v'].flatMap((user) => [
    ...[manager.credits, manager.creditType('image')].flatMap((credits, i): [string, List][] => [
      [`history ${user} ${i}`, (page) => credits.getCreditHistory(user, page)],
      [`history by actor ${user} ${i}`, (page) => credits.getCreditHistory(user, { ...page, actor: 'a' })],
      [`history of a type ${user} ${i}`, (page) => credits.getCreditHistory(user, { ...page, types: ['add'] })],
      [`history from ${user} ${i}`, (page) => credits.getCreditHistory(user, { ...page, from: new Date(0) })],
      [`history with holds ${user} ${i}`, (page) => credits.getCreditHistory(user, { ...page, includeHolds: true })],
      [`grants ${user} ${i}`, (page) => credits.getGrants(user, page)],
      [`all grants ${user} ${i}`, (page) => credits.getGrants(user, { ...page, includeClosed: true })],
      [`history of a source ${user} ${i}`, (page) => credits.getCreditHistory(user, { ...page, source: 'other' })],
      [`history of a request ${user} ${i}`, (page) => credits.getCreditHistory(user, { ...page, correlationId: 'c' })],
      [`grants of a payment ${user} ${i}`, (page) => credits.getGrants(user, { ...page, paymentId: 'pay' })],
      [`all grants of a plan ${user} ${i}`, (page) => credits.getGrants(user, { ...all, ...page, planId: 'p' })],
      [`reservations of a plan ${user} ${i}`, (page) => credits.getActiveReservations(user, { ...page, planId: 'p' })],
      [`reservations ${user} ${i}`, (page) => credits.getActiveReservations(user, page)],
    ]),
    [`changes ${user}`, (page) => subscriptions.getSubscriptionHistory(user, page)],
    [
      `plan changes in the history ${user}`,
      (page) => manager.credits.getCreditHistory(user, { ...page, types: ['plan_changed'] }),
    ],
    [`cycles ${user}`, (page) => subscriptions.listCycles(user, page)],
    [`claims ${user}`, (page) => promos.listClaims({ userId: user, ...page })],
    [`notifications ${user}`, (page) => notifications.listNotifications({ userId: user, ...page })],
    [`ledger ${user}`, (page) => ledger.list({ userId: user, ...page })],
  ]);
  return {
    ...Object.fromEntries(ofUsers),
    accounts: (page) => manager.credits.listAccounts(page),
    'accounts with little': (page) => manager.credits.listAccounts({ maxAvailable: 1000, ...page }),
    'accounts with less': (page) => manager.credits.listAccounts({ maxAvailable: 999, ...page }),
    'accounts of images': (page) => manager.creditType('image').listAccounts(page),
    subscriptions: (page) => subscriptions.listSubscriptions(page),
    'active subscriptions': (page) => subscriptions.listSubscriptions({ ...page, status: 'active' }),
    'subscriptions that are due': (page) => subscriptions.listSubscriptions({ ...page, dueBefore: '2040-01-01' }),
    plans: (page) => subscriptions.listSubscriptionPlans(page),
    'active plans': (page) => subscriptions.listSubscriptionPlans({ activeOnly: true, ...page }),
    promos: (page) => promos.listPromos({ activeOnly: false, ...page }),
    'active promos': (page) => promos.listPromos(page),
    'claims of a code': (page) => promos.listClaims({ code: 'P', ...page }),
    notifications: (page) => notifications.listNotifications(page),
    'sent notifications': (page) => notifications.listNotifications({ status: 'sent', ...page }),
    ledger: (page) => ledger.list(page),
    'ledger of a correlation': (page) => ledger.list({ correlationId: 'c', ...page }),
    'ledger of a type': (page) => ledger.list({ types: ['add'], ...page }),
  };
}

test('a cursor goes on in the list that handed it out, and is INVALID_ARGUMENT in every other one', async () => {
  const lists = listsOf(await world());
  const first = new Map<string, Listed>();
  for (const [name, list] of Object.entries(lists)) first.set(name, await list({ limit: 1 }));
  for (const [name, list] of Object.entries(lists)) {
    const { items, nextCursor } = first.get(name) as Listed;
    expect([name, items.length, typeof nextCursor]).toEqual([name, 1, 'string']);
    const both = await list({ limit: 2 });
    const cursor = nextCursor as string;
    expect([name, [...items, ...(await list({ limit: 1, cursor })).items]]).toEqual([name, both.items]);
    const taken = [];
    for (const [other, { nextCursor: foreign }] of first) {
      if (other !== name && (await codeOf(list({ limit: 1, cursor: foreign as string }))) !== 'INVALID_ARGUMENT') {
        taken.push(other);
      }
    }
    expect([name, taken]).toEqual([name, []]);
    for (const broken of [cursor.slice(0, -3), cursor.slice(0, 16), cursor.slice(16), 'x', '']) {
      const code = await codeOf(list({ limit: 1, cursor: broken }));
      expect([name, broken, code]).toEqual([name, broken, 'INVALID_ARGUMENT']);
    }
  }
});

test('the walk over all users goes on with its own window of days alone', async () => {
  const { notifications, credits, clock } = await world();
  const expiresAt = new Date(clock.now().getTime() + 3_600_000);
  for (const user of ['x', 'y', 'z']) await credits.addCredits(user, 1, { expiresAt });
  const stop = new AbortController();
  const once = { batchSize: 1, signal: stop.signal, onProgress: () => stop.abort() };
  const stopped = await notifications.notifyExpiringForAll(1, once);
  expect(stopped).toMatchObject({ status: 'stopped', cursor: expect.any(String) as string });
  const cursor = stopped.cursor as string;
  expect(await codeOf(notifications.notifyExpiringForAll(2, { cursor }))).toBe('INVALID_ARGUMENT');
  expect(await notifications.notifyExpiringForAll(1, { cursor })).toMatchObject({ status: 'completed' });
});
