/**
 * The library as its users have it: a database that is a network away (`--rtt 2` delays each direction by a
 * millisecond), pools of 10 and 50 connections for the rival, 1,000, 50 and one call at once; and what an operation
 * costs. The goals are those of an operation that costs half of what it did, and the same for every database.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { load, type Measured, median, type Rival, type Workload } from './closed-loop.js';
import { type Cost, costOf, type Meter } from './cost.js';
import type { Report } from './report.js';

const PROXY = fileURLToPath(new URL('./delay-proxy.ts', import.meta.url));
const LOADS = [
  ['hot', 1_000],
  ['uniform', 1_000],
  ['uniform', 50],
  ['uniform', 1],
] as const;
const DESIGNS = ['naive 10', 'naive 50', 'library'] as const;

type Design = (typeof DESIGNS)[number];
type Load = readonly [Workload, number];
type Found = Measured & Cost;

/** What is measured, by the name that is printed. */
type FoundByName = ReadonlyMap<string, readonly Found[]>;

export type Rivals = Readonly<Record<Design, Rival>>;

export interface UsersBench {
  readonly url: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Milliseconds that an answer takes longer than on this machine. */
  readonly rttMs: number;
  readonly report: Report;
}

/** What a database has of its own. */
export interface UsersDatabase {
  readonly adapter: string;
  /** Calls at once of the naive rivals on one account, where they do not finish with as many as the library. */
  readonly naiveOnHot?: number;
  readonly meter: Meter;
  /** Opens the designs on the database at this URL, which is another than the benchmark's behind a network. */
  open(url: string): Promise<Rivals>;
  /** So that no measurement pays for the writes of the one before. */
  checkpoint(): Promise<void>;
  /** The raw limit, in operations a second. */
  bulkRate(): Promise<number>;
  /** Tells what else is known at the end, while the connections are open. */
  tellMore?(): Promise<void>;
}

export async function users(bench: UsersBench, database: UsersDatabase): Promise<void> {
  const { url, rttMs } = bench;
  const network = rttMs > 0 ? await delayed(url, rttMs / 2) : null;
  try {
    const rivals = await database.open(network?.url ?? url);
    try {
      await measure(bench, database, rivals);
      await database.tellMore?.();
    } finally {
      for (const rival of Object.values(rivals)) await rival.close();
    }
  } finally {
    network?.stop();
  }
}

async function measure(bench: UsersBench, database: UsersDatabase, rivals: Rivals): Promise<void> {
  const { rttMs, rounds, seconds, report } = bench;
  const found = new Map<string, Found[]>();
  const bulk: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    for (const on of LOADS) {
      for (const design of DESIGNS) {
        await database.checkpoint();
        globalThis.gc?.();
        const [workload, inFlight] = [on[0], inFlightOf(database, design, on)];
        const run = () => load(rivals[design], workload, inFlight, round === 0 ? 1 : seconds);
        const { result, cost } = await costOf(database.meter, run, ({ operations }) => operations);
        // Round 0 warms up.
        if (round === 0) continue;
        const about = { adapter: database.adapter, part: 'users', rttMs, design, workload, inFlight };
        report.measured({ ...about, round, ...result, ...cost });
        const name = nameOf(database, design, on);
        found.set(name, [...(found.get(name) ?? []), { ...result, ...cost }]);
      }
    }
    if (round > 0 && rttMs === 0) bulk.push(await database.bulkRate());
  }
  tell(bench, found);
  goals(bench, database, found, bulk);
}

function inFlightOf({ naiveOnHot }: UsersDatabase, design: Design, [workload, inFlight]: Load): number {
  const isLess = naiveOnHot !== undefined && workload === 'hot' && design !== 'library';
  return isLess ? naiveOnHot : inFlight;
}

function nameOf(database: UsersDatabase, design: Design, on: Load): string {
  return `${design}, ${on[0]}, ${inFlightOf(database, design, on).toLocaleString('en')} in flight`;
}

function tell({ report }: UsersBench, found: FoundByName): void {
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

function goals(
  { report, rttMs }: UsersBench,
  database: UsersDatabase,
  found: FoundByName,
  bulk: readonly number[],
): void {
  const of = (design: Design, on: Load, what: keyof Found) =>
    (found.get(nameOf(database, design, on)) ?? []).map((each) => each[what] ?? Number.NaN);
  /** Median of the ratios of the rounds. */
  const against = (on: Load, what: keyof Found) => {
    const rival = of('naive 50', on, what);
    return median(of('library', on, what).map((value, i) => value / (rival[i] as number)));
  };
  const [hot, uniform, fifty, one] = LOADS;
  const { naiveOnHot } = database;
  const onHot = `hot, 1,000 in flight: library / naive${naiveOnHot ? ` (${naiveOnHot} in flight)` : ''}`;
  if (rttMs > 0) {
    report.goal(onHot, against(hot, 'opsPerSecond'), 120, 80);
    report.goal('uniform, 1,000 in flight: library / naive', against(uniform, 'opsPerSecond'), 9, 7);
    report.goal('uniform, 50 in flight: library / naive', against(fifty, 'opsPerSecond'), 5, 3.5);
    report.goal('one in flight: p50 of library / naive', against(one, 'p50Ms'), 0.22, 0.25);
    return;
  }
  report.goal(`CPU of Node, ${onHot}`, against(hot, 'nodeUs'), 0.05, 0.07);
  report.goal('CPU of Node, uniform, 1,000 in flight: library / naive', against(uniform, 'nodeUs'), 0.2, 0.28);
  report.goal('CPU of Node, uniform, 50 in flight: library / naive', against(fifty, 'nodeUs'), 0.25, 0.35);
  report.goal('CPU of Node, one in flight: library / naive', against(one, 'nodeUs'), 1, 1.4);
  report.goal(onHot, against(hot, 'opsPerSecond'), 55, 40);
  report.goal('uniform, 1,000 in flight: library / naive', against(uniform, 'opsPerSecond'), 8, 6);
  report.goal('one in flight: p50 of library / naive', against(one, 'p50Ms'), 0.85, 1.1);
  const rates = of('library', uniform, 'opsPerSecond');
  report.goal('uniform: library / bulk', median(rates.map((rate, i) => rate / (bulk[i] as number))), 0.45, 0.35);
  report.goal('uniform: kB allocated', median(of('library', uniform, 'allocatedBytes')) / 1_024, 6, 8);
}

/** The same database, which is on this machine, behind a network. */
async function delayed(url: string, delayMs: number): Promise<{ url: string; stop(): void }> {
  const target = new URL(url);
  if (target.port === '') throw new Error('--rtt needs a URL with a port.');
  const child = fork(PROXY, [target.port, String(delayMs)], { execArgv: process.execArgv });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(message as number));
    child.once('exit', (code) => reject(new Error(`The proxy ended with ${code}.`)));
  });
  target.hostname = '127.0.0.1';
  target.port = String(port);
  return { url: target.href, stop: () => child.disconnect() };
}
