/** Who may do what: every route, with every kind of caller and every kind of account. */
import { describe, expect, test } from 'vitest';
import { createAdminApi, createCreditsApi, createUserApi } from '../../src/entries/http.js';
import { createTestCredits } from '../../src/entries/testing.js';
import type { Route } from '../../src/http/route.js';
import { MEMORY, onDatabases, type Store } from './stores.js';
import { type Answer, again, authenticate, type HttpWorld, isAdmin, ROUTES, requestOf } from './world.js';

const admin = ROUTES.filter(({ who }) => who === 'admin');
const user = ROUTES.filter(({ who }) => who === 'user');
/** Routes about one account, which the caller names or which a transaction or a hold belongs to. */
const personal = user.filter(({ args, accounts }) => 'userId' in args || accounts);
const labelled = (routes: readonly Route[]) => routes.map((route) => [`${route.method} ${route.path}`, route] as const);

/** What a stranger could tell apart. */
const seen = ({ status, body }: Answer) => ({ status, ...body, request_id: '' });

test('there are routes of each kind', () => {
  expect([admin.length, user.length, personal.length].every((count) => count > 15)).toBe(true);
});

function suite(store: Store): void {
  /** Those who are nobody change nothing, so one world is enough for all of them. */
  let standing: Promise<HttpWorld> | undefined;

  test.each(store.some(labelled([...admin, ...user])))('%s needs somebody', async (_, route) => {
    standing ??= store.open();
    const world = await standing;
    for (const who of [null, 'nobody-has-this-token']) {
      const answer = await world.example(who, route, {}, { 'x-user-id': 'user-1' });
      expect(answer).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  test.each(store.some(labelled(admin)))(
    '%s is for those whom authorize allows, and for nobody else',
    async (_, route) => {
      const world = await store.open();
      const before = await world.manager.ledger.list();
      expect(await world.example('user', route)).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
      const answers: unknown[] = [false, undefined, null, 1, 'true', {}, Promise.resolve(false)];
      for (const answer of [...answers, new Error('no')]) {
        const authorize = () => {
          if (answer instanceof Error) throw answer;
          return answer as boolean;
        };
        const refused = await (await again(world, { authorize })).example('admin', route);
        expect(refused).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
      }
      expect(await world.manager.ledger.list()).toEqual(before);
      const asked: unknown[] = [];
      const open = await again(world, { authorize: (who, action) => asked.push([who.userId, action]) > 0 });
      expect(await open.example('admin', route)).toMatchObject({ status: 200 });
      expect(asked.length).toBeGreaterThan(0);
      for (const [who, action] of asked as [string, { name: string }][]) {
        expect([who, action.name]).toEqual(['ops', route.name]);
      }
    },
  );

  test('authorize is told of every account that a step is about', async () => {
    const asked: (string | null)[] = [];
    const world = await store.open({ authorize: (_, { userId }) => asked.push(userId) > 0 });
    const told = async (path: string, body?: object) => {
      asked.length = 0;
      await world.send('admin', body ? 'POST' : 'GET', path, body);
      return [...asked];
    };
    expect(await told('/admin/credits/add', { user_id: 'user-2', amount: 1 })).toEqual(['user-2']);
    expect(await told('/admin/credits/transfer', { from: 'user-1', to: 'user-2', amount: 1 })).toEqual([
      'user-1',
      'user-2',
    ]);
    const { 't-1': id, 'r-1': hold } = world.ids;
    expect(await told(`/admin/credits/transactions/${id}`)).toEqual(['user-1']);
    expect(await told(`/admin/credits/reservations/${hold}/release`, {})).toEqual(['user-1']);
    expect(await told('/admin/credits/transactions/unknown')).toEqual([null]);
    expect(await told('/admin/credits/accounts')).toEqual([null]);
  });

  test.each(store.some(labelled(personal)))('%s shows nothing of the account of somebody else', async (_, route) => {
    const world = await store.open();
    expect(await world.example('user', route)).toMatchObject({ status: 200 });
    // The account of an organisation is as one's own.
    const member = route.self ? { user_id: 'user-1' } : {};
    expect(await world.example('member', route, member)).toMatchObject({ status: 200 });
    if (route.accounts) {
      const other = await world.example('other', route);
      const [name = ''] = Object.keys(route.example ?? {});
      const unknown = await world.example('other', route, { [name]: 'unknown' });
      expect(other).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
      expect(seen(other)).toEqual(seen(unknown));
      return;
    }
    const other = await world.example('other', route, { user_id: 'user-1' });
    const unknown = await world.example('other', route, { user_id: 'unknown' });
    expect(other).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect(seen(other)).toEqual(seen(unknown));
    // An administrator has no more rights on the routes of users.
    expect(await world.example('admin', route, { user_id: 'user-1' })).toMatchObject({ status: 404 });
  });

  test.each(store.some(labelled([...admin, ...user])))(
    '%s does not believe a header, a query or a field',
    async (_, route) => {
      const world = await store.open();
      const spoofed = { 'x-user-id': 'ops', 'x-forwarded-user': 'ops', 'x-credits-amount': '9' };
      const answer = await world.example('other', route, {}, spoofed);
      const isOpen = route.who === 'user' && !personal.includes(route);
      const own = route.self && !route.example?.user_id;
      expect(answer.status).toBe(isOpen || own ? 200 : route.who === 'admin' ? 403 : 404);
      const unknown = ['userId', 'actor', 'role', 'isAdmin', 'credits_added', 'created_at'];
      for (const field of unknown.filter((name) => !(name in route.input.shape))) {
        const { path, body } = requestOf(route, { ...route.example, [field]: 'ops' }, world.ids);
        const refused = await world.send(route.who === 'admin' ? 'admin' : 'user', route.method, path, body);
        expect(refused).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT', details: { path: field } } });
      }
    },
  );

  test('a use of a grant of somebody else looks like that of a grant that nobody has', async () => {
    const world = await store.open();
    const at = (grant: string) => world.send('other', 'GET', `/credits/grants/user-9/${grant}/usage`);
    const other = await at(world.ids['g-1'] as string);
    expect(other).toMatchObject({ status: 200, body: { items: [], next_cursor: null } });
    expect(seen(other)).toEqual(seen(await at('unknown')));
  });

  test("one's own account without a transaction answers zeros", async () => {
    const world = await store.open();
    const answer = await world.send('other', 'GET', '/credits/balance/user-9');
    expect(answer).toMatchObject({ status: 200, body: { user_id: 'user-9', credits: 0, balance: 0 } });
  });

  test('numbers of a balance are told to the owner alone', async () => {
    const world = await store.open({ authorize: () => true });
    const body = { user_id: 'user-1', amount: 1e6 };
    const own = await world.send('user', 'POST', '/admin/credits/deduct', body);
    expect(own).toMatchObject({ status: 402, body: { details: { requested: 1e6, available: expect.any(Number) } } });
    const other = await world.send('admin', 'POST', '/admin/credits/deduct', body);
    expect(other.status).toBe(402);
    expect(other.body.details).toEqual({ requested: 1e6 });
  });
}

describe('in memory', () => suite(MEMORY));
await onDatabases(suite);

test('the admin API is not made without authorize, and the joint one has no admin routes then', async () => {
  const manager = createTestCredits();
  for (const authorize of [undefined, true, 'admin']) {
    const make = () => createAdminApi({ manager, authenticate, authorize } as never);
    expect(make).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }));
  }
  const paths = (api: { openapi(): object }) => Object.keys((api.openapi() as { paths: object }).paths);
  const isOfAdmins = (path: string) => path.startsWith('/admin') || /\/(add|deduct)$/.test(path);
  expect(paths(createCreditsApi({ manager, authenticate })).filter(isOfAdmins)).toEqual([]);
  expect(paths(createUserApi({ manager, authenticate })).filter(isOfAdmins)).toEqual([]);
  const admins = createAdminApi({ manager, authenticate, authorize: isAdmin });
  expect(paths(admins).filter((path) => !isOfAdmins(path))).toEqual(['/credits/plans', '/health']);
});

test.each([
  [{ authenticate: 'no' }],
  [{ basePath: 'billing' }],
  [{ basePath: '/a?b' }],
  [{ rateLimit: 5 }],
  [{ manager: {} }],
  [{ authorise: isAdmin }],
])('a wrong option is told: %j', (wrong) => {
  const make = () => createCreditsApi({ manager: createTestCredits(), authenticate, ...wrong } as never);
  expect(make).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }));
});
