/** What the parts of the PostgreSQL benchmark share: workloads, closed loops, the library as a rival, the report. */
import pg from 'pg';
import { createCreditManagement } from '../../src/index.js';
import { SqlDbManager } from '../../src/sql.js';
import { randomSource } from '../faults/chaos.js';
import { ACCOUNTS, type Rival } from './closed-loop.js';

export const MICRO = 1_000_000;
export const AMOUNT = 0.01;

export type Workload = 'hot' | 'uniform' | 'zipf';

export interface Result {
  readonly adapter: 'postgres' | 'pglite';
  readonly design: string;
  readonly workload: Workload;
  readonly inFlight: number;
  readonly history: number;
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export type Measured = Pick<Result, 'opsPerSecond' | 'p50Ms' | 'p99Ms'>;

/** What a part of the benchmark gets. */
export interface Bench {
  /** A database of its own, and the server. */
  readonly url: string;
  readonly server: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Rows of history for the part `history`. */
  readonly history: number;
  readonly report: Report;
}

/** Prints as people read it, or each fact as a line of JSON. */
export class Report {
  readonly #json: boolean;

  constructor(json: boolean) {
    this.#json = json;
  }

  /** A measurement; people see the ratios. */
  result(result: Result): void {
    if (this.#json) console.log(JSON.stringify(result));
  }

  /** Figures that are no goal. */
  figures(name: string, figures: Readonly<Record<string, number | string>>): void {
    if (this.#json) console.log(JSON.stringify({ adapter: 'postgres', figures: name, ...figures }));
    else {
      const list = Object.entries(figures).map(
        ([key, value]) => `${key} ${typeof value === 'number' ? shown(value) : value}`,
      );
      console.log(`${name}: ${list.join(', ')}`);
    }
  }

  /** A figure with its goal and the least that is allowed. */
  goal(name: string, value: number, goal: number, floor: number): void {
    if (this.#json) console.log(JSON.stringify({ adapter: 'postgres', goal: name, value, target: goal, floor }));
    else console.log(`${name.padEnd(62)} ${shown(value).padStart(6)}  (goal ${goal}, floor ${floor})`);
  }
}

function shown(value: number): string {
  if (Number.isInteger(value) || value >= 1_000) return Math.round(value).toLocaleString('en');
  return value.toPrecision(3);
}

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}

/** Median of the ratios of each round. */
export function ratio(of: readonly number[], to: readonly number[]): number {
  return median(of.map((value, i) => value / (to[i] as number)));
}

export function percentiles(times: number[]): { p50Ms: number; p99Ms: number } {
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))] as number;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Which account the n-th operation is on. */
export function accountsOf(workload: Workload, accounts = ACCOUNTS): (n: number) => number {
  if (workload === 'hot') return () => 0;
  if (workload === 'uniform') return (n) => (n * 7919) % accounts;
  const random = randomSource(1);
  const drawn = zipf(0.99, accounts, random);
  // Drawn once, because drawing is dear beside an operation.
  const numbers = Int32Array.from({ length: 1 << 18 }, drawn);
  return (n) => numbers[n % numbers.length] as number;
}

/** Ranks from 0, the first the likeliest. */
function zipf(exponent: number, count: number, random: () => number): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1) ** exponent;
    sums[rank] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Runs `operation` in a closed loop for some seconds; `n` counts up over all slots. */
export async function loop(
  operation: (n: number) => Promise<void>,
  inFlight: number,
  seconds: number,
  answered: () => void = () => {},
): Promise<Measured> {
  const times: number[] = [];
  let next = 0;
  const began = performance.now();
  const until = began + seconds * 1000;
  const slot = async () => {
    while (performance.now() < until) {
      const started = performance.now();
      await operation(next++);
      times.push(performance.now() - started);
      answered();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, slot));
  return { opsPerSecond: (times.length / (performance.now() - began)) * 1000, ...percentiles(times) };
}

/** Deductions in a closed loop for some seconds. */
export function load(rival: Rival, workload: Workload, inFlight: number, seconds: number): Promise<Measured> {
  const accountOf = accountsOf(workload);
  return loop((n) => rival.deduct(accountOf(n), AMOUNT * MICRO), inFlight, seconds);
}

export function openLibrary(url: string, prefix = 'credit_', ledger: object = {}) {
  return createCreditManagement({ db: new SqlDbManager({ url, prefix }), ledger, timeoutMs: 60_000 });
}

export type Library = ReturnType<typeof openLibrary>;

/** Three lots for each account. */
export async function fund({ credits }: Pick<Library, 'credits'>, accounts = ACCOUNTS): Promise<void> {
  const now = Date.now();
  for (let lot = 1; lot <= 3; lot++) {
    const expiresAt = new Date(now + lot * 86_400_000);
    for (let from = 0; from < accounts; from += 2_000) {
      const part = Array.from({ length: Math.min(2_000, accounts - from) }, (_, i) => `user-${from + i}`);
      await Promise.all(part.map((user) => credits.addCredits(user, 1_000_000, { expiresAt })));
    }
  }
}

/** The library as a rival: a manager of its own tables, every account with three lots. */
export async function library(url: string, prefix = 'credit_', ledger: object = {}): Promise<Rival> {
  const manager = openLibrary(url, prefix, ledger);
  await fund(manager);
  return rivalOf(manager);
}

export function rivalOf({ credits, close }: Pick<Library, 'credits' | 'close'>): Rival {
  return {
    deduct: async (n) => {
      await credits.deductCredits(`user-${n}`, AMOUNT);
    },
    close,
  };
}

/** One statement on a connection of its own. */
export async function sql(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** So that no measurement pays for the writes of the one before. */
export async function checkpoint(url: string): Promise<void> {
  await sql(url, 'checkpoint').catch(() => {});
}

/** Measures each design once a round, in turn, and answers what came out by design. */
export async function rounds(
  { url, rounds: count, seconds, report }: Pick<Bench, 'url' | 'rounds' | 'seconds' | 'report'>,
  designs: Readonly<Record<string, (seconds: number) => Promise<Measured>>>,
  about: Pick<Result, 'workload' | 'inFlight'> & { history?: number; adapter?: Result['adapter'] },
): Promise<Record<string, { rate: number[]; p50: number[]; p99: number[] }>> {
  const found: Record<string, { rate: number[]; p50: number[]; p99: number[] }> = {};
  for (let round = 0; round <= count; round++) {
    for (const [design, measure] of Object.entries(designs)) {
      if (about.adapter !== 'pglite') await checkpoint(url);
      // Round 0 warms up.
      const measured = await measure(round === 0 ? Math.min(1, seconds) : seconds);
      if (round === 0) continue;
      report.result({ adapter: 'postgres', history: 0, design, ...about, ...measured });
      found[design] ??= { rate: [], p50: [], p99: [] };
      found[design].rate.push(measured.opsPerSecond);
      found[design].p50.push(measured.p50Ms);
      found[design].p99.push(measured.p99Ms);
    }
  }
  const rates = Object.entries(found).map(([design, { rate }]) => [design, median(rate)]);
  const inFlight = about.inFlight.toLocaleString('en');
  report.figures(`${about.workload}, ${inFlight} in flight, ops/s`, Object.fromEntries(rates));
  return found;
}
