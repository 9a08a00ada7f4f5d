/** Automatic deduction that is set up wrongly, and storage that fails under it. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { creditDeduction } from '../../../src/entries/express.js';
import { bearerTokens, creditDeduction as fetchDeduction } from '../../../src/entries/http.js';
import { createTestCredits } from '../../../src/entries/testing.js';
import { QUIET } from '../../support/quiet.js';
import { eventually, gate } from '../../support/wait.js';
import { call, creditsOf, type Express, express, listen } from './node-world.js';

describe('set-up', () => {
  const credits = createTestCredits().credits;
  const authenticate = () => null;
  test.each([
    [undefined, 'takes an object'],
    [{ authenticate }, 'needs credits'],
    [{ credits }, 'needs authenticate'],
    [{ credits, authenticate, userIdHeader: 'X-User-Id' }, 'not both'],
    [{ credits, userIdHeader: 'X User' }, 'userIdHeader'],
    [{ credits, authenticate: 'me' }, 'authenticate is not a function'],
    [{ credits, authenticate, estimate: 5 }, 'estimate is not a function'],
    [{ credits, authenticate, pathPrefix: 'api' }, 'pathPrefix'],
    [{ credits, authenticate, skipPaths: '/api' }, 'skipPaths'],
    [{ credits, authenticate, skipPaths: ['/'] }, 'skipPaths'],
    [{ credits, authenticate, defaultEstimatedTokens: 0 }, 'defaultEstimatedTokens'],
    [{ credits, authenticate, estimateRange: [5, 1] }, 'estimateRange'],
    [{ credits, authenticate, creditsPerUnit: '-1' }, 'creditsPerUnit'],
    [{ credits, authenticate, overage: 'none' }, 'overage'],
    [{ credits, authenticate, chargeOnError: 1 }, 'chargeOnError'],
    [{ credits, authenticate, holdSeconds: 0.5 }, 'holdSeconds'],
    [{ credits, authenticate, usage: 'cookie' }, 'usage'],
    [{ credits, authenticate, usage: 'body' }, 'needs responseUsageKey'],
    [{ credits, authenticate, usage: 'context', responseUsageKey: 'a' }, 'takes no responseUsageKey'],
    [{ credits, authenticate, path: '/api' }, 'no option path'],
  ])('%j is refused', (options, text) => {
    const make = () => creditDeduction(options as never);
    expect(make).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }));
    expect(make).toThrow(text);
  });

  async function failure(
    use: (app: ReturnType<Express>, options: Awaited<ReturnType<typeof creditsOf>>['options']) => void,
  ) {
    const { options, left } = await creditsOf();
    const app = express();
    use(app, options);
    app.use((_request: unknown, response: ServerResponse) => response.end('ok'));
    const errors: unknown[] = [];
    app.use((error: unknown, _request: unknown, response: ServerResponse, _next: unknown) => {
      errors.push(error);
      response.statusCode = 500;
      response.end();
    });
    const port = await listen(createServer(app));
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"max":20}' };
    const { status } = await fetch(`http://127.0.0.1:${port}/x`, init);
    await eventually(async () => expect(await left()).toEqual({ balance: 100, reserved: 0 }));
    return { status, error: errors[0] as { code?: string; message?: string } | undefined };
  }

  test('a second middleware on the way of a request is an error', async () => {
    const { status, error } = await failure((app, options) => {
      app.use(creditDeduction(options));
      app.use(creditDeduction(options));
    });
    expect([status, error?.code]).toEqual([500, 'CONFIGURATION']);
    expect(error?.message).toContain('mounted twice');
  });

  test('an estimate that finds no body names the line to move', async () => {
    const estimate = (request: IncomingMessage) => (request as unknown as { body: { max: number } }).body.max;
    const { status, error } = await failure((app, options) => {
      app.use(creditDeduction({ ...options, estimate }));
      app.use(express.json());
    });
    expect([status, error?.code]).toEqual([500, 'CONFIGURATION']);
    expect(error?.message).toContain('move app.use(express.json()) above');
    const right = await failure((app, options) => {
      app.use(express.json());
      app.use(creditDeduction({ ...options, estimate }));
    });
    expect(right).toEqual({ status: 200, error: undefined });
  });

  test('an account that is no id, and an error of the host, go to the framework', async () => {
    const wrong = await failure((app, options) => app.use(creditDeduction({ ...options, account: () => '' })));
    expect([wrong.status, wrong.error?.code]).toEqual([500, 'CONFIGURATION']);
    const failed = await failure((app, options) =>
      app.use(
        creditDeduction({
          ...options,
          estimate: () => {
            throw new Error('my own');
          },
        }),
      ),
    );
    expect([failed.status, failed.error?.message]).toEqual([500, 'my own']);
  });

  test('an error that nobody takes is 500, and the handler does not run', async () => {
    const { options, left } = await creditsOf();
    const account = () => {
      throw new Error('my own');
    };
    const guard = creditDeduction({ ...options, account });
    const server = createServer((q, s) => guard(q, s, () => s.end('free of charge')));
    const answer = await fetch(`http://127.0.0.1:${await listen(server)}/x`);
    expect([answer.status, await answer.json()]).toMatchObject([500, { code: 'INVARIANT_VIOLATION' }]);
    expect(await left()).toEqual({ balance: 100, reserved: 0 });
  });

  test('bearerTokens tells users to every framework', async () => {
    const key = createHash('sha256').update('secret').digest('hex');
    const authenticate = bearerTokens({ [key]: { userId: 'u' } });
    const headers = { authorization: 'Bearer secret' };
    expect(await authenticate({ headers })).toEqual({ userId: 'u' });
    expect(await authenticate(new Request('http://h', { headers }))).toEqual({ userId: 'u' });
    expect(await authenticate({ req: { raw: new Request('http://h', { headers }) } })).toEqual({ userId: 'u' });
    expect(await authenticate({ headers: {} })).toBeNull();
    const { options } = await creditsOf();
    const guard = creditDeduction({ ...options, authenticate });
    const url = `http://127.0.0.1:${await listen(createServer((q, s) => guard(q, s, () => s.end())))}/x`;
    expect([(await fetch(url, { headers })).status, (await fetch(url)).status]).toEqual([200, 401]);
  });

  test('an organisation pays for its members, who alone are told its numbers', async () => {
    const { manager, options, left } = await creditsOf();
    const people = { member: { userId: 'ada', accounts: ['org'] }, guest: { userId: 'bob' } };
    const authenticate = (request: IncomingMessage) => people[request.headers.from as keyof typeof people];
    const guard = creditDeduction({ ...options, authenticate, account: () => 'org' });
    const server = createServer((q, s) =>
      guard(q, s, () => {
        call(4);
        s.end();
      }),
    );
    const url = `http://127.0.0.1:${await listen(server)}/x`;
    const ask = (from: string) => fetch(url, { headers: { from } });
    const details = async (from: string) => ((await (await ask(from)).json()) as { details: object }).details;
    expect(await details('member')).toMatchObject({ user_id: 'org', requested: 10, available: 0 });
    expect(await details('guest')).toEqual({ requested: 10 });
    await manager.credits.addCredits('org', 50);
    expect((await ask('member')).headers.get('x-credits-deducted')).toBe('4');
    expect((await manager.credits.getUserCreditsInfo('org')).balance).toBe(46);
    expect(await left()).toEqual({ balance: 100, reserved: 0 });
  });

  test('a hold lives as long as its request', async () => {
    const [began, finish] = [gate(), gate()];
    const { manager, options, left } = await creditsOf();
    const guard = creditDeduction({ ...options, holdSeconds: 1 });
    const server = createServer((q, s) =>
      guard(q, s, () => {
        began.open();
        void finish.opened.then(() => {
          call(3);
          s.end();
        });
      }),
    );
    const answer = fetch(`http://127.0.0.1:${await listen(server)}/x`);
    await began.opened;
    const expiry = async () => (await manager.credits.getActiveReservations('u')).items[0]?.expiresAt.getTime() ?? 0;
    for (let times = 0; times < 3; times++) {
      const before = await expiry();
      manager.clock.set(new Date(manager.clock.now().getTime() + 600));
      await eventually(async () => expect(await expiry()).toBeGreaterThan(before));
    }
    finish.open();
    expect((await answer).headers.get('x-credits-deducted')).toBe('3');
    expect(await left()).toEqual({ balance: 97, reserved: 0 });
  });

  test('a trusted header is told of once', () => {
    const warnings: object[] = [];
    const logger = { ...QUIET, warn: (facts: object) => warnings.push(facts) };
    creditDeduction({ credits, userIdHeader: 'X-User-Id', logger });
    expect(warnings).toEqual([{ header: 'X-User-Id' }]);
  });
});

describe('storage that fails', () => {
  test('before the handler: 503, and it does not run', async () => {
    const { manager, options } = await creditsOf();
    let ran = false;
    const guard = creditDeduction(options);
    const server = createServer((q, s) =>
      guard(q, s, () => {
        ran = true;
        s.end();
      }),
    );
    const port = await listen(server);
    manager.failNext('before_commit', 5);
    const answer = await fetch(`http://127.0.0.1:${port}/x`);
    expect([answer.status, answer.headers.get('retry-after') !== null, ran]).toEqual([503, true, false]);
    expect(await answer.json()).toMatchObject({ code: 'STORAGE_UNAVAILABLE', detail: expect.any(String) });
  });

  test('after the handler: the client has its answer, and the charge is tried again', async () => {
    const told: string[] = [];
    const logger = { ...QUIET, error: (_facts: object, text?: string) => told.push(text ?? '') };
    const { manager, options, left } = await creditsOf(logger);
    const guard = creditDeduction(options);
    const server = createServer((q, s) =>
      guard(q, s, () => {
        call(5);
        manager.failNext('before_commit', 1);
        s.end('done');
      }),
    );
    const answer = await fetch(`http://127.0.0.1:${await listen(server)}/x`);
    expect([answer.status, answer.headers.get('x-credits-deducted'), await answer.text()]).toEqual([200, null, 'done']);
    expect(told).toEqual(['The usage of a request could not be charged']);
    expect(await left()).toEqual({ balance: 100, reserved: 10 });
    await eventually(async () => expect(await left()).toEqual({ balance: 95, reserved: 0 }));
  });

  test('a charge whose answer is lost is made once', async () => {
    const { manager, options, left } = await creditsOf();
    const guard = creditDeduction(options);
    const server = createServer((q, s) =>
      guard(q, s, () => {
        call(5);
        manager.failNext('after_commit', 1);
        s.end('done');
      }),
    );
    const answer = await fetch(`http://127.0.0.1:${await listen(server)}/x`);
    expect(answer.headers.get('x-credits-deducted')).toBe('5');
    expect(await left()).toEqual({ balance: 95, reserved: 0 });
  });

  test('a hold that the handler settled itself is left as it is', async () => {
    const { manager, options, left } = await creditsOf();
    const guard = creditDeduction(options);
    const server = createServer((q, s) =>
      guard(q, s, () => {
        const { creditReservation } = q as unknown as { creditReservation: { id: string } };
        void manager.credits.commitReservedCredits(creditReservation, { amount: 7 }).then(() => s.end('done'));
      }),
    );
    const answer = await fetch(`http://127.0.0.1:${await listen(server)}/x`);
    expect(answer.headers.get('x-credits-deducted')).toBe('0');
    expect(await left()).toEqual({ balance: 93, reserved: 0 });
  });
});

describe('a handler of Fetch whose answer cannot be sent', () => {
  const answers: Record<string, () => unknown> = {
    'no response': () => undefined,
    'one whose body was read': async () => {
      const response = new Response('x');
      await response.text();
      return response;
    },
  };
  test.each(Object.keys(answers))('frees its hold: %s', async (name) => {
    const { options, left } = await creditsOf();
    const guarded = fetchDeduction(options as never)(() => (answers[name] as () => never)());
    await expect(guarded(new Request('http://h/x'))).rejects.toThrow(TypeError);
    expect(await left()).toEqual({ balance: 100, reserved: 0 });
  });
});
