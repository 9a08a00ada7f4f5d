/**
 * G26: statistics of many small accounts, tables that were emptied, then one hot account. A plan that looks for a key
 * among all entries of the account gets slower with each of them.
 */
import { randomUUID } from 'node:crypto';
import { AMOUNT, accountsOf, fund, loop } from './closed-loop.js';
import { type Bench, openLibrary, sql } from './postgres-load.js';

const SECONDS = 6;

export async function trap(bench: Bench): Promise<void> {
  const manager = openLibrary(bench.url);
  const deduct = (accountOf: (n: number) => number) => async (n: number) => {
    await manager.credits.deductCredits(`user-${accountOf(n)}`, AMOUNT, { idempotencyKey: randomUUID() });
  };
  try {
    await fund(manager);
    await loop(deduct(accountsOf('uniform')), 1_000, 3);
    await sql(bench.url, 'analyze');
    await sql(bench.url, 'truncate credit_entry');
    const scans = await indexScans(bench.url);
    const perSecond = new Array<number>(SECONDS).fill(0);
    const began = performance.now();
    const count = () => {
      const second = Math.floor((performance.now() - began) / 1000);
      if (second < SECONDS) perSecond[second] = (perSecond[second] as number) + 1;
    };
    await loop(deduct(accountsOf('hot')), 1_000, SECONDS, count);
    const after = await indexScans(bench.url);
    const operations = perSecond.reduce((sum, each) => sum + each, 0);
    const seconds = perSecond.map((each, i) => [`second ${i + 1}`, each]);
    bench.report.figures('plan trap, hot, ops', Object.fromEntries(seconds));
    for (const [index, { scans: n, read }] of Object.entries(after)) {
      const before = scans[index] ?? { scans: 0, read: 0 };
      if (n === before.scans) continue;
      const figures = { scans: (n - before.scans) / operations, 'tuples read': (read - before.read) / operations };
      bench.report.figures(`plan trap, per op, ${index}`, figures);
    }
    const last = perSecond.at(-1) as number;
    bench.report.goal('G26 plan trap: last second / best second', last / Math.max(...perSecond), 0.65, 0.5);
  } finally {
    await manager.close();
  }
}

async function indexScans(url: string): Promise<Record<string, { scans: number; read: number }>> {
  // Backends tell their counts at most once a second.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const rows = await sql(url, 'select indexrelname, idx_scan::text, idx_tup_read::text from pg_stat_user_indexes');
  return Object.fromEntries(
    rows.map((row) => [String(row.indexrelname), { scans: Number(row.idx_scan), read: Number(row.idx_tup_read) }]),
  );
}
