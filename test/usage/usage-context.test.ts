/** Usage is recorded for the request or job that it belongs to, whatever asynchronous way the work takes. */
import { AsyncResource } from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import {
  addLlmUsage,
  clearUsageContext,
  formatPrettyJson,
  getLlmUsages,
  initUsageContext,
  type LlmUsage,
  runWithUsageContext,
  takeLlmUsagesAndClear,
} from '../../src/index.js';
import { codeOf } from '../support/codes.js';
import { sleep } from '../support/wait.js';

const call = (cost: number) => addLlmUsage({ model: 'm', provider: 'p', cost });
const costs = () => getLlmUsages().map(({ cost }) => cost);

test('records are kept in order, listed as copies, taken and cleared', () => {
  runWithUsageContext(() => {
    const metadata = { tokens: [1] };
    addLlmUsage({ model: 'm', provider: 'p', cost: 0.02, metadata });
    metadata.tokens.push(2);
    call(0.03);
    const listed = getLlmUsages();
    expect(listed).toEqual([
      { model: 'm', provider: 'p', cost: 0.02, metadata: { tokens: [1] } },
      { model: 'm', provider: 'p', cost: 0.03 },
    ]);
    (listed[0] as LlmUsage).cost = 9;
    expect(costs()).toEqual([0.02, 0.03]);
    expect(takeLlmUsagesAndClear()).toHaveLength(2);
    expect(takeLlmUsagesAndClear()).toEqual([]);
    call(1);
    clearUsageContext();
    expect(getLlmUsages()).toEqual([]);
  });
});

test.each([
  [{ cost: -1 }, 'INVALID_AMOUNT'],
  [{ cost: Number.NaN }, 'INVALID_AMOUNT'],
  [{ cost: '0.05' }, 'INVALID_AMOUNT'],
  [{ cost: 1e300 }, 'AMOUNT_TOO_LARGE'],
  [{ model: '' }, 'INVALID_ARGUMENT'],
  [{ provider: undefined }, 'INVALID_ARGUMENT'],
  [null, 'INVALID_ARGUMENT'],
])('%j is refused, and nothing is recorded', async (change, code) => {
  await runWithUsageContext(async () => {
    const usage = change && { model: 'm', provider: 'p', cost: 1, ...change };
    expect(await codeOf((async () => addLlmUsage(usage as LlmUsage))())).toBe(code);
    expect(getLlmUsages()).toEqual([]);
  });
});

test('metadata that is none is left out, and the cost counts', () => {
  runWithUsageContext(() => {
    addLlmUsage({ model: 'm', provider: 'p', cost: 1, metadata: { big: 'x'.repeat(20_000) } });
    expect(getLlmUsages()).toEqual([{ model: 'm', provider: 'p', cost: 1 }]);
  });
});

describe('the work is attributed through', () => {
  const ways: Record<string, () => Promise<unknown>> = {
    'awaited calls': async () => {
      await sleep(1);
      call(1);
    },
    timers: () => new Promise<void>((resolve) => setTimeout(() => resolve(call(1)), 1)),
    'a promise that is not awaited at once': async () => {
      const later = sleep(1).then(() => call(1));
      await sleep(1);
      await later;
    },
    microtasks: () => new Promise<void>((resolve) => queueMicrotask(() => resolve(call(1)))),
    ticks: () => new Promise<void>((resolve) => process.nextTick(() => resolve(call(1)))),
    'streams of Node.js': () =>
      pipeline(Readable.from([1]), async (source) => {
        for await (const cost of source) call(cost as number);
      }),
    'web streams': async () => {
      const stream = new ReadableStream({
        async pull(controller) {
          await sleep(1);
          call(1);
          controller.close();
        },
      });
      for await (const _ of stream);
    },
    'a pool of workers': async () => {
      const worker = new Worker("require('node:worker_threads').parentPort.postMessage(1)", { eval: true });
      const cost = await new Promise<number>((resolve) => worker.once('message', resolve));
      call(cost);
    },
    'a bound listener of an emitter of another request': async () => {
      const emitter = new EventEmitter();
      emitter.on('done', AsyncResource.bind(call));
      runWithUsageContext(() => emitter.emit('done', 1));
    },
  };
  test.each(Object.keys(ways))('%s', async (name) => {
    await Promise.all(
      [1, 2].map(() =>
        runWithUsageContext(async () => {
          await ways[name]?.();
          expect(costs()).toEqual([1]);
        }),
      ),
    );
  });
});

test('a context of its own inside another keeps its records to itself', () => {
  runWithUsageContext(() => {
    call(1);
    runWithUsageContext(() => {
      call(2);
      expect(costs()).toEqual([2]);
    });
    expect(costs()).toEqual([1]);
  });
});

test('initUsageContext begins an empty context for the rest of a job', async () => {
  const job = async (cost: number) => {
    initUsageContext();
    call(cost);
    await sleep(1);
    call(cost);
    return costs();
  };
  // Each job is a task of its own, as a queue starts them.
  const inTask = (cost: number) => new Promise((resolve) => setImmediate(() => resolve(job(cost))));
  expect(await Promise.all([inTask(1), inTask(2)])).toEqual([
    [1, 1],
    [2, 2],
  ]);
});

test('requests on one connection have contexts of their own', async () => {
  const seen: number[][] = [];
  const server = createServer((request, response) => {
    runWithUsageContext(() => {
      call(Number(request.url?.slice(1)));
      request.resume().on('end', () => {
        seen.push(costs());
        response.end();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  // Both at once, in one packet.
  socket.write('GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
  for await (const _ of socket);
  await new Promise((resolve) => server.close(resolve));
  expect(seen.flat().every((cost) => [1, 2].includes(cost))).toBe(true);
  for (const costsOfOne of seen) expect(costsOfOne.length).toBeLessThan(2);
});

test('outside a context nothing is recorded, and the process says so once', () => {
  const program = `
    const { addLlmUsage, getLlmUsages, clearUsageContext, takeLlmUsagesAndClear } = await import('./src/index.ts');
    addLlmUsage({ model: 'm', provider: 'p', cost: 1 });
    clearUsageContext();
    console.log(JSON.stringify([getLlmUsages(), takeLlmUsagesAndClear()]));
  `;
  const run = `node --import tsx --input-type=module -e "$PROGRAM" 2>&1`;
  const output = execFileSync('sh', ['-c', run], { env: { ...process.env, PROGRAM: program }, encoding: 'utf8' });
  expect(output).toContain('[[],[]]');
  expect(output.match(/NO_USAGE_CONTEXT/g)).toHaveLength(1);
  expect(output).toContain('addLlmUsage was called outside a usage context');
});

test('data is written as JSON for people, whatever it is', () => {
  const loop: Record<string, unknown> = { a: 1 };
  loop.self = loop;
  const twice = { b: 2 };
  expect(formatPrettyJson({ b: [1, 'ä'] })).toBe('{\n  "b": [\n    1,\n    "ä"\n  ]\n}');
  expect(JSON.parse(formatPrettyJson(loop))).toEqual({ a: 1, self: '[circular]' });
  expect(JSON.parse(formatPrettyJson([twice, twice]))).toEqual([{ b: 2 }, { b: 2 }]);
  expect(JSON.parse(formatPrettyJson({ big: 10n }))).toEqual({ big: '10' });
  expect(formatPrettyJson(undefined)).toBe('undefined');
});
