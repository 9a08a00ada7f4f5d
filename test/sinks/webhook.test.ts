/** Signed webhooks: what goes over the wire, and what is made of the answer. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type CreditEvent, createCreditManagement, webhookSink } from '../../src/index.js';
import { testClock } from '../../src/testing/clock.js';
import { QUIET } from '../support/quiet.js';

const secretOf = (byte: number, length = 32) => `whsec_${Buffer.alloc(length, byte).toString('base64')}`;
const [OLD, NEW] = [secretOf(1), secretOf(2)];

const event: CreditEvent = {
  id: 'e-0190-7.3',
  version: 1,
  type: 'credits.balance_exhausted',
  userId: 'ü-1',
  creditType: 'credits',
  sequence: 4,
  occurredAt: '2030-01-01T00:00:00.000Z',
  correlationId: null,
  data: { previousBalance: 1, balance: -0.5, available: -0.5, transactionId: 't-1' },
};

interface Request {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Runs `body` against a server that writes down what it gets. */
async function withServer(answer: RequestListener, body: (url: string, requests: Request[]) => Promise<void>) {
  const requests: Request[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      requests.push({ headers: request.headers, body: Buffer.concat(parts).toString('utf8') });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, requests);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const status = (code: number, text = '', headers = {}): RequestListener => {
  return (_, response) => response.writeHead(code, headers).end(text);
};

/** What a receiver does, by the specification alone. */
function verify({ headers, body }: Request, secret: string): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = createHmac('sha256', key).update(signed).digest('base64');
  const given = String(headers['webhook-signature']).split(' ');
  const age = Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp']));
  return age < 300 && given.includes(`v1,${expected}`);
}

describe('a webhook', () => {
  test('signs as the example of the specification does', async () => {
    // Computed with the key and the content of the reference implementations' own test.
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
    const content = 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}';
    const signature = createHmac('sha256', key).update(content).digest('base64');
    expect(signature).toBe('g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
    expect(() => webhookSink({ name: 'hook', url: 'https://example.com', secret })).not.toThrow();
  });

  test('is a POST of JSON with id, timestamp and one signature a secret; every receiver accepts it', async () => {
    await withServer(status(204), async (url, requests) => {
      const sink = webhookSink({ name: 'hook', url, secret: [NEW, OLD] });
      expect(sink.name).toBe('hook');
      expect(await sink.publish(event)).toBeUndefined();
      const [request] = requests as [Request];
      expect(request.headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': event.id });
      expect(request.headers['webhook-timestamp']).toMatch(/^\d{10}$/);
      expect(verify(request, OLD) && verify(request, NEW)).toBe(true);
      expect(verify(request, secretOf(3))).toBe(false);
      expect(verify({ ...request, body: `${request.body} ` }, NEW)).toBe(false);
      expect(JSON.parse(request.body)).toEqual({ ...event, timestamp: event.occurredAt });
    });
  });

  test('has the same id and bytes at every delivery, in whatever order a database gives keys back', async () => {
    await withServer(status(500), async (url, requests) => {
      const sink = webhookSink({ name: 'hook', url, secret: NEW });
      const metadata = { b: [{ d: 1, c: 2 }], a: null };
      const given = { ...event, data: { ...event.data, metadata } } as CreditEvent;
      const turned = JSON.parse(JSON.stringify(given), (_, value) =>
        value?.constructor === Object ? Object.fromEntries(Object.entries(value).reverse()) : value,
      );
      expect(JSON.stringify(turned.data)).toContain('{"c":2,"d":1}');
      await expect(sink.publish(given)).rejects.toThrow('HTTP 500');
      await expect(sink.publish(turned)).rejects.toThrow('HTTP 500');
      expect(requests[1]?.body).toBe(requests[0]?.body);
      expect(requests[1]?.headers['webhook-id']).toBe(requests[0]?.headers['webhook-id']);
    });
  });

  test.each([200, 201, 204, 299])('%i is a delivery', async (code) => {
    await withServer(status(code), async (url) => {
      expect(await webhookSink({ name: 'hook', url, secret: NEW }).publish(event)).toBeUndefined();
    });
  });

  test.each([400, 401, 404, 410, 422])('%i is a refusal with its reason', async (code) => {
    await withServer(status(code, '  no such schema '), async (url) => {
      const answer = await webhookSink({ name: 'hook', url, secret: NEW }).publish(event);
      expect(answer).toEqual({ rejected: `HTTP ${code}: no such schema` });
    });
  });

  test.each([301, 302, 307, 408, 425, 429, 500, 502, 503])('%i is tried again', async (code) => {
    await withServer(status(code, '', { location: '/elsewhere' }), async (url, requests) => {
      const sink = webhookSink({ name: 'hook', url, secret: NEW });
      await expect(sink.publish(event)).rejects.toThrow(`HTTP ${code}`);
      expect(requests.length).toBe(1);
    });
  });

  test('nobody there, a hanging receiver and an endless answer are waited for only so long', async () => {
    const gone = webhookSink({ name: 'hook', url: 'http://127.0.0.1:9/', secret: NEW });
    await expect(gone.publish(event)).rejects.toThrow();
    await withServer(
      () => {},
      async (url) => {
        const sink = webhookSink({ name: 'hook', url, secret: NEW, timeoutMs: 50 });
        await expect(sink.publish(event)).rejects.toThrow();
      },
    );
    let sent = 0;
    const endless =
      (code: number): RequestListener =>
      (_, response) => {
        response.writeHead(code);
        const more = () => {
          if (response.destroyed) return;
          sent += 1_000;
          response.write('x'.repeat(1_000), () => setTimeout(more, 1));
        };
        more();
      };
    for (const code of [200, 400]) {
      sent = 0;
      await withServer(endless(code), async (url) => {
        const answer = await webhookSink({ name: 'hook', url, secret: NEW, timeoutMs: 5_000 }).publish(event);
        expect(answer).toEqual(code === 200 ? undefined : { rejected: `HTTP 400: ${'x'.repeat(500)}` });
        expect(sent).toBeLessThan(1_000_000);
      });
    }
  });

  test.each([
    [{ url: 'http://example.com/hook' }, 'https'],
    [{ url: 'ftp://example.com/hook' }, 'https'],
    [{ url: 'https://user:hunter2@example.com/' }, 'password'],
    [{ url: 'nowhere' }, 'URL'],
    [{ secret: 'hunter2' }, 'whsec_'],
    [{ secret: secretOf(1, 23) }, 'whsec_'],
    [{ secret: secretOf(1, 65) }, 'whsec_'],
    [{ secret: 'whsec_hunter2 hunter2 hunter2 hunter2 hunter2 !' }, 'whsec_'],
    [{ secret: [] }, 'secret'],
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ timeoutMs: 1_500.5 }, 'timeoutMs'],
    [{ timeoutMs: 2 ** 31 }, 'timeoutMs'],
  ])('%j is a CONFIGURATION error that names what is wrong and no secret', (wrong, names) => {
    const make = () => webhookSink({ name: 'hook', url: 'https://example.com/hook', secret: NEW, ...wrong });
    expect(make).toThrowError(
      expect.objectContaining({ code: 'CONFIGURATION', message: expect.stringContaining(names) }),
    );
    expect(make).not.toThrowError(/hunter2/);
  });

  test.each(['http://localhost:80/', 'http://[::1]/', 'https://example.com'])('%s is a fine address', (url) => {
    expect(() => webhookSink({ name: 'hook', url, secret: NEW })).not.toThrow();
    expect(() => webhookSink({ name: 'hook', url: 'http://example.com', secret: NEW, allowHttp: true })).not.toThrow();
  });

  test('as a sink of a manager: tried again with the same id and bytes until it is taken', async () => {
    let answers = 0;
    const flaky: RequestListener = (_, response) => response.writeHead(++answers % 3 === 0 ? 200 : 503).end();
    await withServer(flaky, async (url, requests) => {
      const clock = testClock();
      const sinks = [webhookSink({ name: 'hook', url, secret: NEW })];
      const manager = createCreditManagement({ sinks, clock, logger: QUIET });
      await manager.credits.addCredits('u', 5);
      for (let i = 0; i < 9; i++) {
        await manager.jobs.runOutbox();
        clock.advance({ minutes: 6 });
      }
      const ids = requests.map(({ headers }) => headers['webhook-id']);
      expect(ids.length).toBe(9);
      expect(new Set(ids).size).toBe(3);
      expect(new Set(requests.map(({ body }) => body)).size).toBe(3);
      expect(requests.every((request) => verify(request, NEW))).toBe(true);
      await manager.close();
    });
  });
});
