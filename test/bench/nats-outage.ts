/**
 * Calls beside a NATS that is stopped, frozen or cut off: 200 a second for `--seconds` before and as long during the
 * outage, with a relay and a consumer in the same process. It prints how long calls took, how many failed, how far the
 * heap grew, what was given up, and how long the backlog took afterwards. CREDIT_DATABASE_URL names the database;
 * `nats-server` is on PATH.
 */

import { createCreditManagement } from 'credit-management';
import { natsSink, natsSource } from 'credit-management/nats';
import { SqlDbManager } from 'credit-management/sql';
import { NatsServer } from '../backends/nats.js';
import { TcpProxy } from '../backends/proxy.js';
import { QUIET } from '../support/quiet.js';
import { sleep } from '../support/wait.js';

const PER_SECOND = 200;
const USERS = 200;

interface Served {
  readonly times: number[];
  failed: number;
}

export async function benchOutage({ seconds, json }: { seconds: number; json: boolean }): Promise<void> {
  const url = process.env.CREDIT_DATABASE_URL;
  if (!url) throw new Error('Set CREDIT_DATABASE_URL.');
  for (const kind of ['stopped', 'frozen', 'cut'] as const) {
    const server = await NatsServer.start();
    const proxy = await TcpProxy.start(server.url);
    const place = { url: proxy.url, createStreams: true };
    const manager = createCreditManagement({
      ...{ db: new SqlDbManager({ url, poolSize: 10 }), sinks: [natsSink(place)], sources: [natsSource(place)] },
      logger: QUIET,
    });
    await manager.init();
    manager.start();
    const call = (i: number) => manager.credits.addCredits(`outage-${i % USERS}`, 1);
    await serve(call, 2);
    const before = await serve(call, seconds);
    gc();
    const heapBefore = process.memoryUsage().heapUsed;
    if (kind === 'stopped') await server.stop();
    if (kind === 'frozen') server.freeze();
    if (kind === 'cut') proxy.freeze();
    const during = await serve(call, seconds);
    gc();
    const heapMb = (process.memoryUsage().heapUsed - heapBefore) / 1024 / 1024;
    if (kind === 'stopped') await server.start();
    if (kind === 'frozen') server.thaw();
    if (kind === 'cut') proxy.heal();
    const backAt = performance.now();
    let sink = (await manager.outbox.listSinks()).find(({ name }) => name === 'nats');
    const backlog = sink?.pending;
    while (sink && sink.pending > 0) {
      await sleep(100);
      sink = (await manager.outbox.listSinks()).find(({ name }) => name === 'nats');
    }
    const drainedSeconds = (performance.now() - backAt) / 1000;
    const [usual, slow] = [p99(before), p99(during)];
    const line = {
      ...{ nats: kind, calls: during.times.length, failedCalls: before.failed + during.failed },
      ...{ p99BeforeMs: usual, p99DuringMs: slow, ratio: Number((slow / usual).toFixed(2)), goal: 2 },
      ...{ heapMb: Number(heapMb.toFixed(1)), backlog, failedEvents: sink?.failed },
      drainedSeconds: Number(drainedSeconds.toFixed(1)),
    };
    console.log(json ? JSON.stringify(line) : line);
    await manager.close();
    await proxy.close();
    await server.remove();
  }
}

const gc = () => (globalThis as { gc?: () => void }).gc?.();

/** Begins so many calls a second, whatever becomes of those before. */
async function serve(call: (i: number) => Promise<unknown>, seconds: number): Promise<Served> {
  const served: Served = { times: [], failed: 0 };
  const calls: Promise<unknown>[] = [];
  const began = performance.now();
  for (let i = 0; i < seconds * PER_SECOND; i++) {
    const due = began + (i * 1000) / PER_SECOND;
    if (due > performance.now()) await sleep(due - performance.now());
    const at = performance.now();
    const done = call(i).then(
      () => served.times.push(performance.now() - at),
      () => served.failed++,
    );
    calls.push(done);
  }
  await Promise.all(calls);
  return served;
}

function p99({ times }: Served): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Number((sorted[Math.floor(sorted.length * 0.99)] ?? 0).toFixed(1));
}
