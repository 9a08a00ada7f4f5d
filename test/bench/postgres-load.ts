/** What the parts of the PostgreSQL benchmark share: the report, the library on a database, rounds. */

import { createCreditManagement } from 'credit-management';
import { SqlDbManager } from 'credit-management/sql';
import pg from 'pg';
import { libraryRival, type Measured, median, type Result, type Rival } from './closed-loop.js';

/** What a part of the benchmark gets. */
export interface Bench {
  /** A database of its own, and the server. */
  readonly url: string;
  readonly server: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Rows of history for the part `history`. */
  readonly history: number;
  /** Milliseconds that an answer takes longer than on this machine, for the part `users`. */
  readonly rttMs: number;
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

  /** The same with what the operations cost. */
  measured(measured: Readonly<Record<string, number | string | null>>): void {
    if (this.#json) console.log(JSON.stringify(measured));
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

/** Median of the ratios of each round. */
export function ratio(of: readonly number[], to: readonly number[]): number {
  return median(of.map((value, i) => value / (to[i] as number)));
}

export function openLibrary(url: string, prefix = 'credit_', ledger: object = {}) {
  return createCreditManagement({ db: new SqlDbManager({ url, prefix }), ledger, timeoutMs: 60_000 });
}

/** The library as a rival: a manager of its own tables. */
export function library(url: string, prefix = 'credit_', ledger: object = {}): Promise<Rival> {
  return libraryRival(new SqlDbManager({ url, prefix }), ledger);
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
  about: Pick<Result, 'workload' | 'inFlight'> & { history?: number; adapter?: string },
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
