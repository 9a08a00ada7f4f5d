/**
 * The library as its users have it: a database that is a network away (`--rtt 2` delays each direction by a
 * millisecond), pools of 10 and 50 connections for the rival, 1,000, 50 and one call at once; and what an operation
 * costs. The goals are those of an operation that costs half of what it did.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { ACCOUNTS, load, type Measured, median, type Rival, type Workload } from './closed-loop.js';
import { backendMemory, type Cost, costOf } from './cost.js';
import { type Bench, library } from './postgres-load.js';
import { bulkRate, makeTables, naive } from './postgres-rivals.js';

const PROXY = fileURLToPath(new URL('./delay-proxy.ts', import.meta.url));
const LOADS = [
  ['hot', 1_000],
  ['uniform', 1_000],
  ['uniform', 50],
  ['uniform', 1],
] as const;
const DESIGNS = ['naive 10', 'naive 50', 'library'] as const;

type Design = (typeof DESIGNS)[number];
type Found = Measured & Cost;

export async function users(bench: Bench): Promise<void> {
  const { url, rttMs, rounds, seconds, report } = bench;
  await makeTables(url);
  const proxy = rttMs > 0 ? await delayed(url, rttMs / 2) : null;
  const reached = proxy?.url ?? url;
  const rivals: Record<Design, Rival> = {
    'naive 10': naive(reached, 10),
    'naive 50': naive(reached, 50),
    library: await library(reached),
  };
  const control = new pg.Client({ connectionString: url });
  await control.connect();
  const found = new Map<string, Found[]>();
  const bulk: number[] = [];
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const [workload, inFlight] of LOADS) {
        for (const design of DESIGNS) {
          await control.query('checkpoint').catch(() => {});
          globalThis.gc?.();
          const run = () => load(rivals[design], workload, inFlight, round === 0 ? 1 : seconds);
          const { result, cost } = await costOf(control, run, ({ operations }) => operations);
          // Round 0 warms up.
          if (round === 0) continue;
          const about = { adapter: 'postgres', part: 'users', rttMs, design, workload, inFlight };
          report.measured({ ...about, round, ...result, ...cost });
          const name = nameOf(design, workload, inFlight);
          found.set(name, [...(found.get(name) ?? []), { ...result, ...cost }]);
        }
      }
      if (round > 0 && rttMs === 0) bulk.push(await bulkRate(url, ACCOUNTS, seconds));
    }
    tell(bench, found);
    goals(bench, found, bulk);
    report.figures('memory of a connection in the server, MiB', {
      most: Math.max(0, ...(await backendMemory(control))),
    });
  } finally {
    for (const rival of Object.values(rivals)) await rival.close();
    await control.end();
    proxy?.stop();
  }
}

function nameOf(design: Design, workload: Workload, inFlight: number): string {
  return `${design}, ${workload}, ${inFlight.toLocaleString('en')} in flight`;
}

function tell({ report }: Bench, found: ReadonlyMap<string, readonly Found[]>): void {
  for (const [name, all] of found) {
    const of = (what: keyof Found) => all.map((each) => each[what] ?? Number.NaN);
    const spread = (Math.max(...of('opsPerSecond')) - Math.min(...of('opsPerSecond'))) / median(of('opsPerSecond'));
    report.figures(name, {
      'ops/s': median(of('opsPerSecond')),
      spread: `${Math.round(spread * 100)} %`,
      'p50 ms': median(of('p50Ms')),
      'p99 ms': median(of('p99Ms')),
      'node us': median(of('nodeUs')),
      'server us': median(of('serverUs')),
      'kB allocated': median(of('allocatedBytes')) / 1_024,
      'kB of log': median(of('walBytes')) / 1_024,
    });
  }
}

function goals({ report, rttMs }: Bench, found: ReadonlyMap<string, readonly Found[]>, bulk: readonly number[]): void {
  const of = (design: Design, [workload, inFlight]: readonly [Workload, number], what: keyof Found) =>
    (found.get(nameOf(design, workload, inFlight)) ?? []).map((each) => each[what] ?? Number.NaN);
  /** Median of the ratios of the rounds. */
  const against = (on: readonly [Workload, number], what: keyof Found) => {
    const rival = of('naive 50', on, what);
    return median(of('library', on, what).map((value, i) => value / (rival[i] as number)));
  };
  const [hot, uniform, fifty, one] = LOADS;
  if (rttMs > 0) {
    report.goal('hot, 1,000 in flight: library / naive', against(hot, 'opsPerSecond'), 120, 80);
    report.goal('uniform, 1,000 in flight: library / naive', against(uniform, 'opsPerSecond'), 9, 7);
    report.goal('uniform, 50 in flight: library / naive', against(fifty, 'opsPerSecond'), 5, 3.5);
    report.goal('one in flight: p50 of library / naive', against(one, 'p50Ms'), 0.22, 0.25);
    return;
  }
  report.goal('CPU of Node, hot, 1,000 in flight: library / naive', against(hot, 'nodeUs'), 0.05, 0.07);
  report.goal('CPU of Node, uniform, 1,000 in flight: library / naive', against(uniform, 'nodeUs'), 0.2, 0.28);
  report.goal('CPU of Node, uniform, 50 in flight: library / naive', against(fifty, 'nodeUs'), 0.25, 0.35);
  report.goal('CPU of Node, one in flight: library / naive', against(one, 'nodeUs'), 1, 1.4);
  report.goal('hot, 1,000 in flight: library / naive', against(hot, 'opsPerSecond'), 55, 40);
  report.goal('uniform, 1,000 in flight: library / naive', against(uniform, 'opsPerSecond'), 8, 6);
  report.goal('one in flight: p50 of library / naive', against(one, 'p50Ms'), 0.85, 1.1);
  const rates = of('library', uniform, 'opsPerSecond');
  report.goal('uniform: library / bulk', median(rates.map((rate, i) => rate / (bulk[i] as number))), 0.45, 0.35);
  report.goal('uniform: kB allocated', median(of('library', uniform, 'allocatedBytes')) / 1_024, 6, 8);
}

/** The same database behind a network. */
async function delayed(url: string, delayMs: number): Promise<{ url: string; stop(): void }> {
  const target = new URL(url);
  const child = fork(PROXY, [target.port, String(delayMs)], { execArgv: process.execArgv });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(message as number));
    child.once('exit', (code) => reject(new Error(`The proxy ended with ${code}.`)));
  });
  target.hostname = '127.0.0.1';
  target.port = String(port);
  return { url: target.href, stop: () => child.disconnect() };
}
