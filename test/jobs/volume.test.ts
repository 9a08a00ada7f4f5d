/**
 * Many due rows on a server: what a sweep costs, and what it costs others meanwhile. `CREDIT_VOLUME` due expiries
 * and a tenth of it due allocations; times are printed, not judged.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { JobReport } from '../../src/index.js';
import { ADAPTER } from '../backends/by-adapter.js';
import { describeStore } from '../backends/job-stores.js';
import { amount } from '../support/amounts.js';
import { MONTHLY } from '../support/plan-world.js';
import { forkScript } from '../support/script.js';
import { sleep } from '../support/wait.js';
import type { Latency } from './single-worker.js';

const EXPIRIES = amount('CREDIT_VOLUME');
const ALLOCATIONS = Math.floor(EXPIRIES / 10);
/** Accounts whose deductions the sweep is measured by, before it and after it: others use the machine too. */
const SPENDERS = Math.floor(EXPIRIES / 5);
const IN_FLIGHT = 1_000;
const IDLE_MS = EXPIRIES < 10_000 ? 100 : 5_000;
/** Collections take time that a sweep would be charged for. */
const PROGRESSES_PER_COLLECTION = 10;
const HEAP_GROWTH_MAX_MB = 100;
const DAY_MS = 86_400_000;
const SCRIPT = new URL('./single-worker.ts', import.meta.url);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

await describeStore('volume', ({ database, withStore }) => {
  test(`${EXPIRIES} due expiries and ${ALLOCATIONS} due allocations`, () =>
    withStore(async (store) => {
      const past = store.open({ clock: { now: () => new Date(Date.now() - 40 * DAY_MS) } });
      const plan = await past.subscriptions.addSubscriptionPlan({ ...MONTHLY, validityDays: 15 });
      const expiresAt = new Date(Date.now() - 20 * DAY_MS);
      await each(EXPIRIES, (i) =>
        i < ALLOCATIONS
          ? past.subscriptions.setUserSubscriptionPlan(`u${i}`, plan)
          : past.credits.addCredits(`u${i}`, 100, { expiresAt }),
      );
      const single = await openSingle(database.url);
      const { jobs, credits, ledger } = store.open();
      await each(SPENDERS, (i) => credits.addCredits(`s${i}`, 1_000));
      const deductions = async () => {
        const began = performance.now();
        await each(2 * SPENDERS, (i) => credits.deductCredits(`s${i % SPENDERS}`, 1));
        return performance.now() - began;
      };
      const before = await deductions();
      await single.latency();
      await sleep(IDLE_MS);
      const p50Ms = { idle: (await single.latency()).p50Ms, expiries: 0, allocations: 0, deductions: 0 };
      const heap = new Heap();

      // First the renewals, which write on their accounts what lapsed, too.
      const allocation = await jobs.runAllocation({ onProgress: () => heap.look() });
      const renewed = { granted: 100 * ALLOCATIONS, expired: 100 * ALLOCATIONS };
      expect(allocation).toMatchObject({ status: 'completed', processed: ALLOCATIONS, ...renewed });
      p50Ms.allocations = (await single.latency()).p50Ms;
      const expiry = await jobs.runExpiration({ onProgress: () => heap.look() });
      const lapsed = { processed: EXPIRIES - ALLOCATIONS, expired: 100 * (EXPIRIES - ALLOCATIONS) };
      expect(expiry).toMatchObject({ status: 'completed', ...lapsed, skippedCount: 0 });
      p50Ms.expiries = (await single.latency()).p50Ms;
      heap.look(true);

      const after = await deductions();
      const perSecond = {
        expiries: rate(EXPIRIES - ALLOCATIONS, expiry),
        allocations: rate(ALLOCATIONS, allocation),
        deductions: rate(4 * SPENDERS, { durationMs: before + after }),
      };
      p50Ms.deductions = (await single.latency()).p50Ms;
      single.close();
      const perDeduction = Number((perSecond.expiries / perSecond.deductions).toFixed(2));
      const { growthMb, peakMb } = heap;
      const figures = { perSecond, perDeduction, heapGrowthMb: growthMb, heapWithGarbageMb: peakMb, p50Ms };
      console.log(`volume: ${JSON.stringify({ expiries: EXPIRIES, allocations: ALLOCATIONS, ...figures })}`);
      expect(growthMb).toBeLessThan(HEAP_GROWTH_MAX_MB);
      if (EXPIRIES <= 1_000) expect((await ledger.verify()).problems).toEqual([]);
    }));
});

/** As many calls, so many at a time. */
async function each(count: number, call: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count) }, lane));
}

function rate(rows: number, { durationMs }: Pick<JobReport, 'durationMs'>): number {
  return Math.round((1_000 * rows) / durationMs);
}

/** What the heap grew by since: of what is in use, and with what was not collected yet. */
class Heap {
  growthMb = 0;
  peakMb = 0;
  #looks = 0;
  readonly #before: number;

  constructor() {
    collect();
    this.#before = process.memoryUsage().heapUsed;
  }

  look(now = false): void {
    this.peakMb = Math.max(this.peakMb, this.#grown());
    if (!now && this.#looks++ % PROGRESSES_PER_COLLECTION > 0) return;
    collect();
    this.growthMb = Math.max(this.growthMb, this.#grown());
  }

  #grown(): number {
    return Math.round((process.memoryUsage().heapUsed - this.#before) / 2 ** 20);
  }
}

async function openSingle(url: string) {
  const child = forkScript(SCRIPT, [ADAPTER, url]);
  const answer = () => new Promise((resolve) => child.once('message', resolve));
  await answer();
  return {
    latency: () => {
      const answered = answer();
      child.send('how long');
      return answered as Promise<Latency>;
    },
    close: () => child.disconnect(),
  };
}
