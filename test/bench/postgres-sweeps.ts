/** Sweeps of the jobs against deductions of the same run. */
import { createCreditManagement, type JobReport } from 'credit-management';
import { SqlDbManager } from 'credit-management/sql';
import pg from 'pg';
import { fund, load, median, rivalOf } from './closed-loop.js';
import { type Cost, costOf } from './cost.js';
import { type Bench, checkpoint, openLibrary, ratio, sql } from './postgres-load.js';
import { meterOf } from './postgres-users.js';

const DAY_MS = 86_400_000;
/** Of each round: subscriptions whose credits have lapsed and whose period is over; and accounts with a lapsed lot. */
const ROWS = 20_000;

type Name = 'deduct' | 'renew' | 'expire';

export async function sweeps(bench: Bench): Promise<void> {
  const { url, seconds, report } = bench;
  const manager = openLibrary(url);
  await fund(manager);
  const control = new pg.Client({ connectionString: url });
  await control.connect();
  const meter = meterOf(control);
  const rival = rivalOf(manager);
  const works: Record<Name, () => Promise<number>> = {
    deduct: async () => (await load(rival, 'uniform', 1_000, seconds)).operations,
    renew: async () => done(await manager.jobs.runAllocation()),
    expire: async () => done(await manager.jobs.runExpiration()),
  };
  const names = Object.keys(works) as Name[];
  const rates: Record<Name, number[]> = { deduct: [], renew: [], expire: [] };
  const costs: Record<Name, Cost[]> = { deduct: [], renew: [], expire: [] };
  try {
    for (let round = 0; round <= bench.rounds; round++) {
      await makeDue(url, round);
      await sql(url, 'vacuum analyze');
      for (const name of names) {
        await checkpoint(url);
        const began = performance.now();
        const { result, cost } = await costOf(meter, works[name], (count) => count);
        // Round 0 warms up.
        if (round === 0) continue;
        rates[name].push((result / (performance.now() - began)) * 1000);
        costs[name].push(cost);
      }
    }
  } finally {
    await control.end();
    await manager.close();
  }
  for (const name of names) {
    report.figures(`${name}, uniform, a second`, {
      rate: median(rates[name]),
      'Node us': median(costs[name].map(({ nodeUs }) => nodeUs)),
      'server us': median(costs[name].map(({ serverUs }) => serverUs ?? 0)),
      'kB allocated': median(costs[name].map(({ allocatedBytes }) => allocatedBytes / 1024)),
    });
  }
  report.goal('renewals with a lapse / deductions', ratio(rates.renew, rates.deduct), 0.5, 0.5);
  report.goal('expiries / deductions', ratio(rates.expire, rates.deduct), 0.5, 0.5);
}

/** Rows that are due: written by a manager whose clock is forty days late. */
async function makeDue(url: string, round: number): Promise<void> {
  const now = () => new Date(Date.now() - 40 * DAY_MS);
  const { credits, subscriptions, close } = createCreditManagement({
    ...{ db: new SqlDbManager({ url }), ledger: {}, timeoutMs: 60_000, clock: { now } },
  });
  const terms = { creditLimit: 100, billingPeriod: 'monthly', validityDays: 15 } as const;
  const plan = await subscriptions.addSubscriptionPlan({
    name: `Pro ${round}`,
    price: '20',
    currency: 'USD',
    ...terms,
  });
  const expiresAt = new Date(Date.now() - 20 * DAY_MS);
  for (let from = 0; from < ROWS; from += 1_000) {
    const part = Array.from({ length: 1_000 }, (_, i) => `due-${round}-${from + i}`);
    await Promise.all([
      ...part.map((user) => subscriptions.setUserSubscriptionPlan(`${user}-plan`, plan)),
      ...part.map((user) => credits.addCredits(user, 100, { expiresAt })),
    ]);
  }
  await close();
}

function done({ status, processed, skippedCount }: JobReport): number {
  if (status !== 'completed' || skippedCount > 0 || processed !== ROWS) {
    throw new Error(`A job did not do its work: ${status}, ${processed} done, ${skippedCount} skipped.`);
  }
  return processed;
}
