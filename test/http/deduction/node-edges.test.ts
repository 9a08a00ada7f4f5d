/** Handlers of Node.js that do what they should not, and the paths of its servers that few take. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { RequestHandler } from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { creditDeduction, type NodeRequest } from '../../../src/entries/express.js';
import { eventually, gate } from '../../support/wait.js';
import { call, creditsOf, express, listen, rawAnswer } from './node-world.js';

const GET = 'GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';

describe('a handler of Express', () => {
  async function serve(handler: RequestHandler) {
    const world = await creditsOf();
    const app = express();
    app.use(creditDeduction(world.options), handler);
    app.use((_error: unknown, _request: unknown, response: ServerResponse, next: (e: unknown) => void) => {
      if (response.headersSent) return next(_error);
      response.statusCode = 500;
      response.setHeader('x-failed', '1');
      response.end('failed');
    });
    const port = await listen(createServer(app));
    return { ...world, ask: () => fetch(`http://127.0.0.1:${port}/x`) };
  }

  test('that throws after it answered has its answer sent and charged', async () => {
    const { ask, left } = await serve((_request, response) => {
      call(2);
      response.set('x-own', '1').json({ ok: true });
      throw new Error('too late');
    });
    const answer = await ask();
    expect([answer.status, answer.headers.get('x-own'), answer.headers.get('x-failed')]).toEqual([200, '1', null]);
    expect(await answer.json()).toEqual({ ok: true });
    expect(await left()).toEqual({ balance: 98, reserved: 0 });
  });

  test('that throws after it answered, with a body to come, does no harm when the body comes', async () => {
    const { options, left } = await creditsOf();
    const app = express();
    app.use(creditDeduction(options), (_request: IncomingMessage, response: ServerResponse) => {
      call(2);
      response.end('ok');
      throw new Error('too late');
    });
    const port = await listen(createServer(app));
    const request = httpRequest({ port, path: '/x', method: 'POST', headers: { 'content-length': 4 }, agent: false });
    request.write('bo');
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    expect([answer.statusCode, answer.headers['x-credits-deducted']]).toEqual([200, '2']);
    // The error handler of Express waits for the rest. An error there is one that nobody can catch.
    request.end('dy');
    for await (const chunk of answer) expect(String(chunk)).toBe('ok');
    expect(await (await fetch(`http://127.0.0.1:${port}/x`)).text()).toBe('ok');
    expect(await left()).toEqual({ balance: 96, reserved: 0 });
  });

  test('that answers twice has its first answer sent', async () => {
    const { ask, left } = await serve((_request, response) => {
      call(2);
      response.json({ first: true });
      response.status(404).json({ second: true });
    });
    const answer = await ask();
    expect([answer.status, await answer.json()]).toEqual([200, { first: true }]);
    expect(await left()).toEqual({ balance: 98, reserved: 0 });
  });

  test('that never answers holds credits until its client leaves', async () => {
    const began = gate();
    const { options, left } = await creditsOf();
    const app = express();
    app.use(creditDeduction(options), () => {
      call(3);
      began.open();
    });
    const port = await listen(createServer(app));
    const request = httpRequest({ port, path: '/x' }).on('error', () => {});
    request.end();
    await began.opened;
    expect(await left()).toEqual({ balance: 100, reserved: 10 });
    request.destroy();
    await eventually(async () => expect(await left()).toEqual({ balance: 97, reserved: 0 }));
  });

  test('that takes the socket for itself is charged when the socket closes', async () => {
    const { options, left } = await creditsOf();
    const app = express();
    app.use(creditDeduction(options), (request: IncomingMessage, response: ServerResponse) => {
      call(4);
      const { socket } = request;
      response.detachSocket(socket);
      socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nraw');
    });
    const port = await listen(createServer(app));
    expect(await rawAnswer(port, GET)).toContain('raw');
    await eventually(async () => expect(await left()).toEqual({ balance: 96, reserved: 0 }));
  });

  test('that records usage in listeners of the request is charged its own', async () => {
    const listening = gate();
    const { options, left } = await creditsOf();
    const app = express();
    app.use(creditDeduction(options), (request: IncomingMessage, response: ServerResponse) => {
      request.on('data', () => call(1));
      request.on('end', () => response.end());
      response.on('finish', () => call(0.5));
      listening.open();
    });
    const port = await listen(createServer(app));
    const request = httpRequest({ port, path: '/x', method: 'POST', agent: false });
    const answered = new Promise<IncomingMessage>((resolve) => request.once('response', resolve));
    request.flushHeaders();
    // The body comes when the handler is done, out of the connection.
    await listening.opened;
    request.end('body');
    expect((await answered).headers['x-credits-deducted']).toBe('1');
    await eventually(async () => expect(await left()).toEqual({ balance: 98.5, reserved: 0 }));
  });
});

describe('the bytes of Node.js', () => {
  async function both(handle: (request: IncomingMessage, response: ServerResponse) => void, text = GET) {
    const { options } = await creditsOf();
    const guard = creditDeduction({ ...options, skipPaths: ['/free'] });
    const port = await listen(
      createServer((request, response) => guard(request, response, () => handle(request, response))),
    );
    const plain = (answer: string) => answer.replace(/\r\n(X-Credits-Deducted|Date): [^\r]*/gi, '');
    const [guarded, free] = [await rawAnswer(port, text), await rawAnswer(port, text.replace('/x', '/free'))];
    return { guarded: plain(guarded), free: plain(free) };
  }

  test.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['writeHead and end', (_q, s) => void s.writeHead(201, 'Made', { 'X-A': ['1', '2'], 'x-b': '3' }).end('body')],
    [
      'a list of headers',
      (_q, s) => void s.writeHead(200, ['X-A', '1', 'Set-Cookie', 'a', 'Set-Cookie', 'b']).end('body'),
    ],
    ['headers behind no message', (_q, s) => void s.writeHead(201, undefined, { 'X-A': '1' }).end('body')],
    ['parts', (_q, s) => [s.write('one'), s.write(Buffer.from('two')), s.end('three')]],
    ['a length', (_q, s) => [s.setHeader('content-length', 6), s.write('one'), s.end('two')]],
    ['flushed headers', (_q, s) => [s.flushHeaders(), s.end('late')]],
    [
      'trailers',
      (_q, s) => {
        s.writeHead(200, { Trailer: 'X-Sum' });
        s.write('body');
        s.addTrailers({ 'X-Sum': '7' });
        s.end();
      },
    ],
    ['an encoding', (_q, s) => void s.end('c3a4', 'hex')],
    ['a callback', (_q, s) => void s.end('x', () => {})],
    ['early hints', (_q, s) => [s.writeEarlyHints({ link: '</a.css>; rel=preload' }), s.end('x')]],
    ['nothing', (_q, s) => void s.end()],
  ])('are the same with %s', async (_name, handle) => {
    const { guarded, free } = await both(handle);
    expect(free).toContain('HTTP/1.1 2');
    expect(guarded).toBe(free);
  });

  test('an error before the handler is 500 where nobody takes it, and the handler does not run', async () => {
    const { options, left } = await creditsOf();
    const estimate = (request: NodeRequest) => JSON.parse(String(request.headers['x-tokens']));
    const guard = creditDeduction({ ...options, estimate });
    const server = createServer((request, response) => guard(request, response, () => response.end('work')));
    const answer = await rawAnswer(await listen(server), GET.replace('Host', 'X-Tokens: {\r\nHost'));
    expect(answer).toMatch(/^HTTP\/1.1 500 /);
    expect(answer).not.toContain('work');
    expect(await left()).toEqual({ balance: 100, reserved: 0 });
  });

  test('a path that new URL reads as one with the prefix costs credits', async () => {
    const { options } = await creditsOf();
    const guard = creditDeduction({ ...options, authenticate: () => null, pathPrefix: '/api' });
    const server = createServer((request, response) =>
      guard(request, response, () => response.end(new URL(request.url as string, 'http://h').pathname)),
    );
    const port = await listen(server);
    for (const path of ['/y/../api/x', '/y/%2e%2e/api/x', '//h/api/x', '/./api/x', '/\\h/api/x', '/y\\..\\api\\x']) {
      const answer = await rawAnswer(port, GET.replace('/x', path));
      expect([path, answer.split('\r\n')[0]]).toEqual([path, 'HTTP/1.1 401 Unauthorized']);
    }
    expect(await rawAnswer(port, GET.replace('/x', '/api/../y'))).toMatch(/^HTTP\/1.1 401 /);
    expect(await rawAnswer(port, GET.replace('/x', '/y'))).toMatch(/\/y$/);
  });

  test.each<[string, (response: ServerResponse) => unknown, string]>([
    ['a header', (s) => s.writeHead(200, { 'bad header': '1' }), 'ERR_INVALID_HTTP_TOKEN'],
    ['a status', (s) => s.writeHead(1000), 'ERR_HTTP_INVALID_STATUS_CODE'],
    ['a message', (s) => s.writeHead(200, 'a\nb'), 'ERR_INVALID_CHAR'],
    ['no status', (s) => [Reflect.set(s, 'statusCode', undefined), s.end('x')], 'ERR_HTTP_INVALID_STATUS_CODE'],
    ['an object', (s) => s.end({}), 'ERR_INVALID_ARG_TYPE'],
  ])('%s that Node.js refuses is refused at once', async (_name, answer, code) => {
    const { options, left } = await creditsOf();
    const guard = creditDeduction(options);
    let refused: unknown;
    const server = createServer((request, response) =>
      guard(request, response, () => {
        call(1);
        try {
          answer(response);
        } catch (error) {
          refused = error;
          response.statusCode = 500;
          response.statusMessage = '';
          response.end('mended');
        }
      }),
    );
    expect(await rawAnswer(await listen(server), GET)).toContain('mended');
    expect(refused).toMatchObject({ code });
    expect(await left()).toEqual({ balance: 100, reserved: 0 });
  });

  test('two requests at once on one connection are charged their own', async () => {
    const { options, left } = await creditsOf();
    const guard = creditDeduction(options);
    const server = createServer((request, response) =>
      guard(request, response, () => {
        call(Number(request.url?.slice(1)));
        response.end('ok');
      }),
    );
    const first = 'GET /1 HTTP/1.1\r\nHost: h\r\n\r\n';
    const answer = await rawAnswer(await listen(server), first + GET.replace('/x', '/2'));
    expect([...answer.matchAll(/X-Credits-Deducted: (\d)/gi)].map(([, cost]) => cost)).toEqual(['1', '2']);
    await eventually(async () => expect(await left()).toEqual({ balance: 97, reserved: 0 }));
  });

  test('many requests at once on one connection listen to it once', async () => {
    const { options, left } = await creditsOf();
    const guard = creditDeduction({ ...options, defaultEstimatedTokens: 1 });
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on('warning', warned);
    onTestFinished(() => void process.off('warning', warned));
    const server = createServer((request, response) =>
      guard(request, response, () => {
        call(0.1);
        response.end('ok');
      }),
    );
    const pipelined = 'GET /1 HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(20) + GET;
    const answer = await rawAnswer(await listen(server), pipelined);
    expect(answer.match(/X-Credits-Deducted: 0.1/gi)).toHaveLength(21);
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings).toEqual([]);
    await eventually(async () => expect((await left()).reserved).toBe(0));
  });

  test('HTTP/2 works, in one piece and as a stream that is cut off', async () => {
    const { options, left } = await creditsOf();
    const guard = creditDeduction(options as never);
    const server = createHttp2Server((request, response) =>
      guard(request, response, () => {
        call(1);
        if (request.url === '/whole') response.end('whole');
        else response.write('part');
      }),
    );
    const client = connectHttp2(`http://127.0.0.1:${await listen(server)}`);
    onTestFinished(() => client.destroy());
    const whole = client.request({ ':path': '/whole' });
    const headers = await new Promise<Record<string, unknown>>((resolve) => whole.on('response', resolve));
    expect(headers).toMatchObject({ ':status': 200, 'x-credits-deducted': '1' });
    const part = client.request({ ':path': '/part' });
    await new Promise((resolve) => part.on('data', resolve));
    part.close();
    await eventually(async () => expect(await left()).toEqual({ balance: 98, reserved: 0 }));
  });
});
