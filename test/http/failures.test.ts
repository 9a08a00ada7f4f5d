/** Failures on our side, and what is told of them: nothing of the inside. */
import { expect, test } from 'vitest';
import { createCreditsApi } from '../../src/entries/http.js';
import { createTestCredits } from '../../src/entries/testing.js';
import { ANSWERS } from '../../src/http/answers.js';
import { PROBLEMS, problemOf } from '../../src/http/problems.js';
import { toWire } from '../../src/http/wire.js';
import { creditError } from '../../src/index.js';
import { optionsOf } from '../package/declared-options.js';
import { QUIET } from '../support/quiet.js';
import { answerOf, authenticate, httpWorld, isAdmin } from './world.js';

const ADD = '/admin/credits/add';
const BODY = { user_id: 'user-1', amount: 5 };

test('a body that ends before its time is answered with 408', async () => {
  const api = createCreditsApi({ manager: createTestCredits(), authenticate, authorize: isAdmin, logger: QUIET });
  const request = (body: ReadableStream) =>
    new Request(`http://localhost${ADD}`, {
      ...{ method: 'POST', body, duplex: 'half' },
      headers: { authorization: 'Bearer admin', 'content-type': 'application/json' },
    });
  const broken = new ReadableStream({ start: (controller) => controller.error(new Error('gone')) });
  expect(await answerOf(await api.fetch(request(broken)))).toMatchObject({ status: 408, body: { code: 'ABORTED' } });
});

test('every code has one status and a sentence, and no message of an error goes out', () => {
  const codes = [...new Set(optionsOf('CreditErrorDetails').map((path) => path.split('.')[0] ?? ''))];
  expect(Object.keys(PROBLEMS).sort()).toEqual(codes.sort());
  const secret = 'select * from credit_entry -- postgres://user:secret@db:5432';
  for (const code of codes as (keyof typeof PROBLEMS)[]) {
    const details = {
      id: 'x',
      path: 'a',
      expected: 'b',
      userId: 'u',
      problems: [secret],
      remedy: secret,
      given: secret,
    };
    const error = creditError(code, secret, details as never, { cause: new Error(secret) });
    const { status, body } = problemOf(error, 'req', true) as NonNullable<ReturnType<typeof problemOf>>;
    expect(status).toBeGreaterThanOrEqual(400);
    if (!['INSUFFICIENT_CREDITS', 'OVERDRAFT_LIMIT'].includes(code))
      expect(JSON.stringify(body)).not.toContain('secret');
    expect(body).toMatchObject({ code, request_id: 'req', detail: expect.stringMatching(/\.$/) });
  }
});

test('a failure of ours is logged and told to nobody', async () => {
  const logged: object[] = [];
  const world = await httpWorld({ logger: { ...QUIET, error: (o) => logged.push(o) } });
  world.manager.credits.getUserCreditsInfo = () => Promise.reject(new Error('at /srv/secret.ts'));
  const answer = await world.send('user', 'GET', '/credits/balance/user-1');
  expect(answer).toMatchObject({ status: 500, body: { code: 'INVARIANT_VIOLATION' } });
  expect(JSON.stringify(answer.body)).not.toContain('secret');
  expect(logged).toMatchObject([{ route: '/credits/balance/{user_id}', err: { message: 'at /srv/secret.ts' } }]);
});

test('an authenticator that throws, reads the body or names nobody lets nobody in', async () => {
  const request = ['user', 'POST', ADD, BODY] as const;
  const fails = await httpWorld({ authenticate: () => Promise.reject(new Error('down')) });
  expect(await fails.send(...request)).toMatchObject({ status: 401 });
  const reads = await httpWorld({ authenticate: async (it) => ({ userId: String(await it.text()) }) });
  expect(await reads.send(...request)).toMatchObject({ status: 500, body: { code: 'CONFIGURATION' } });
  for (const userId of ['', 5, undefined]) {
    const world = await httpWorld({ authenticate: () => ({ userId }) as never });
    expect(await world.send(...request)).toMatchObject({ status: 500, body: { code: 'CONFIGURATION' } });
  }
  // A text has an `includes` too: 'user-12' must not open user-1.
  const text = await httpWorld({ authenticate: () => ({ userId: 'x', accounts: 'user-12' }) as never });
  expect(await text.send('user', 'GET', '/credits/balance/user-1')).toMatchObject({ status: 500 });
  const told = await httpWorld({
    authenticate: () => {
      throw creditError('STORAGE_UNAVAILABLE', 'The provider is down.', {});
    },
  });
  const answer = await told.send(...request);
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
});

test('a database that is away is 503 with a time to wait, and unhealthy', async () => {
  const manager = createTestCredits();
  const world = await httpWorld({}, manager as never);
  manager.failNext('before_commit', 100);
  const answer = await world.send('admin', 'POST', ADD, BODY);
  expect(answer).toMatchObject({ status: 503, body: { code: 'STORAGE_UNAVAILABLE' } });
  expect(answer.headers.get('retry-after')).toBe('5');
  await manager.close();
  expect(await world.send(null, 'GET', '/health')).toMatchObject({ status: 503, body: { status: 'unhealthy' } });
  expect(await world.send('admin', 'POST', ADD, BODY)).toMatchObject({ status: 503, body: { code: 'CLOSED' } });
});

test('an answer has the fields of its schema alone', () => {
  const subscription = { deleted: true, secret: 1, replayed: false };
  expect(toWire(ANSWERS.Deleted, subscription)).toEqual({ deleted: true });
});
