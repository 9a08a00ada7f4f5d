/** Answers that come in parts, that are cut off, and that must arrive byte for byte, on every framework. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { addLlmUsage } from '../../../src/index.js';
import { eventually, gate, until } from '../../support/wait.js';
import { FRAMEWORKS, type Reply } from './frameworks.js';
import { left, type World, worldOf } from './world.js';

const call = (cost: number) => addLlmUsage({ model: 'gpt-4o', provider: 'openai', cost });
const EVENTS = [['content-type', 'text/event-stream']] as const;

/** Opens a request and hands on its chunks as they come. */
function open(world: World, path = '/api/x') {
  const { hostname, port } = new URL(world.url);
  const chunks: string[] = [];
  const request = httpRequest({ hostname, port, path, agent: false, headers: { 'x-user-id': 'u' } });
  const ended = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', (response) => {
      response.on('data', (chunk) => chunks.push(String(chunk)));
      response.on('end', () => resolve(response));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
  ended.catch(() => {});
  request.end();
  return { request, chunks, ended };
}

describe.each(FRAMEWORKS)('$name', (framework) => {
  test('a stream passes chunk by chunk, and its usage is charged at its end', async () => {
    const steps = Array.from({ length: 20 }, gate);
    let made = 0;
    const world = await worldOf(framework, {}, () => ({
      headers: EVENTS,
      async *stream() {
        for (const step of steps) {
          call(0.5);
          yield `data: ${++made}\n\n`;
          await step.opened;
        }
      },
    }));
    const { chunks, ended } = open(world);
    for (const [i, step] of steps.entries()) {
      await until(() => chunks.length === i + 1, `chunk ${i} arrives`);
      // The first reached the client before the second was made, and so on.
      expect(made).toBe(i + 1);
      expect(await left(world.credits)).toEqual({ balance: 1000, reserved: 100 });
      step.open();
    }
    const { headers, statusCode } = await ended;
    expect([statusCode, headers['x-credits-deducted']]).toEqual([200, undefined]);
    expect(chunks.join('')).toBe(steps.map((_, i) => `data: ${i + 1}\n\n`).join(''));
    expect(await left(world.credits)).toEqual({ balance: 990, reserved: 0 });
  });

  test('a client that leaves is charged what was recorded, and its hold is freed', async () => {
    let made = 0;
    const stopped = gate();
    const world = await worldOf(framework, {}, () => ({
      headers: EVENTS,
      async *stream() {
        try {
          for (;;) {
            call(0.5);
            yield `data: ${++made}\n\n`;
            if (made === 5) await stopped.opened;
          }
        } finally {
          stopped.open();
        }
      },
    }));
    const { chunks, request } = open(world);
    await until(() => chunks.join('').includes('data: 5'), 'five chunks arrive');
    request.destroy();
    await eventually(async () => expect(await left(world.credits)).toEqual({ balance: 997.5, reserved: 0 }));
    stopped.open();
  });

  test('a stream that fails is charged what was recorded', async () => {
    const world = await worldOf(framework, {}, () => ({
      headers: EVENTS,
      async *stream() {
        call(2);
        yield 'data: 1\n\n';
        throw new Error('the model failed');
      },
    }));
    const { ended } = open(world);
    await expect(ended).rejects.toThrow();
    await eventually(async () => expect(await left(world.credits)).toEqual({ balance: 998, reserved: 0 }));
  });

  test('usage in the body of a stream of JSON is charged', async () => {
    const headers = [['content-type', 'application/json; charset=utf-8']] as const;
    const options = { usage: 'body', responseUsageKey: 'total_token' } as const;
    const world = await worldOf(framework, options, () => ({
      headers,
      async *stream() {
        yield '{"text":"ä",';
        await Promise.resolve();
        yield '"total_token":42}';
      },
    }));
    const answer = await world.asUser('/api/x');
    expect(answer.text).toBe('{"text":"ä","total_token":42}');
    expect(await left(world.credits)).toEqual({ balance: 958, reserved: 0 });
  });

  test('a client that leaves before the answer frees the hold, and what comes later is charged', async () => {
    const [began, finish] = [gate(), gate()];
    const world = await worldOf(framework, {}, async () => {
      call(1);
      began.open();
      await finish.opened;
      call(2);
      return { json: 1 };
    });
    const { request } = open(world);
    await began.opened;
    request.destroy();
    await eventually(async () => expect(await left(world.credits)).toEqual({ balance: 999, reserved: 0 }));
    finish.open();
    await eventually(async () => expect(await left(world.credits)).toEqual({ balance: 997, reserved: 0 }));
  });

  const replies: Record<string, Reply> = {
    'JSON with letters of many bytes': { json: { text: 'ä€😀', list: [1, 2, 3] } },
    'two cookies': {
      headers: [
        ['set-cookie', 'a=1; Path=/'],
        ['set-cookie', 'b=2; Path=/'],
      ],
      json: {},
    },
    gzip: { headers: [['content-encoding', 'gzip']], body: gzipSync('hello'.repeat(1000)) },
    br: { headers: [['content-encoding', 'br']], body: brotliCompressSync('hello'.repeat(1000)) },
    'every byte': {
      headers: [['content-type', 'application/octet-stream']],
      body: Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    },
    'no content': { status: 204 },
    'not modified': { status: 304, headers: [['etag', '"1"']] },
    'a range': {
      status: 206,
      headers: [
        ['content-range', 'bytes 0-4/10'],
        ['content-type', 'text/plain'],
      ],
      body: 'hello',
    },
    'a redirect': { status: 302, headers: [['location', '/elsewhere']] },
    'a stream': {
      async *stream() {
        for (let i = 0; i < 100; i++) yield 'x'.repeat(i * 100);
      },
    },
    'an empty text': { headers: [['content-type', 'text/plain']], body: '' },
    'a large text': { headers: [['content-type', 'text/plain']], body: 'y'.repeat(3_000_000) },
  };
  test.each(Object.keys(replies))('%s arrives as without creditDeduction', async (name) => {
    const reply = replies[name] as Reply;
    const guarded = await worldOf(framework, { skipPaths: ['/free'] }, () => reply);
    for (const method of ['GET', 'HEAD']) {
      const [bare, charged] = [
        await guarded.send('/free', {}, undefined, method),
        await guarded.send('/api/x', { 'x-user-id': 'u' }, undefined, method),
      ];
      const { 'x-credits-deducted': _, date: _date, ...headers } = charged.headers;
      const { date: _bare, ...expected } = bare.headers;
      expect(charged.status).toBe(bare.status);
      expect(charged.bytes.equals(bare.bytes)).toBe(true);
      // Fetch servers count the bytes of an answer whose body they know.
      const framing = ['transfer-encoding', 'content-length'];
      for (const header of Object.keys({ ...headers, ...expected })) {
        if (framing.includes(header) && ['hono', 'fetch'].includes(framework.name)) continue;
        const plain = (value: unknown) => String(value).replace(/; /g, ';');
        expect([header, plain(headers[header])]).toEqual([header, plain(expected[header])]);
      }
    }
    await eventually(async () => expect(await left(guarded.credits)).toEqual({ balance: 1000, reserved: 0 }));
  });
});
