/** What the parts of the PostgreSQL benchmark share: the library on a database, rounds. */

import { createCreditManagement } from 'credit-management';
import { SqlDbManager } from 'credit-management/sql';
import pg from 'pg';
import { libraryRival, type Measured, median, type Result, type Rival } from './closed-loop.js';
import type { Report } from './report.js';

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
