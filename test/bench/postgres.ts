/**
 * The library on PostgreSQL against what people write by hand, rounds alternating on one server, so that only ratios
 * count. Goals are those of `performance.md` §7.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ACCOUNTS, load, median, type Result, type Rival } from './closed-loop.js';
import { type Bench, library } from './postgres-load.js';
import { bulkRate, checkTables, makeTables, naive, rawInsert, statement, walSyncs } from './postgres-rivals.js';
import type { Report } from './report.js';

type Workload = 'hot' | 'uniform';

/** The default profile. */
export async function benchPostgres(bench: Bench): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'credit-bench-'));
  try {
    await run(bench, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function run({ url, rounds, seconds, report }: Bench, folder: string): Promise<void> {
  await makeTables(url);
  const file = (fsync: 'interval' | 'always') => ({ filePath: join(folder, `${fsync}.jsonl`), fsync });
  const designs: Record<string, Rival> = {
    naive: naive(url, 10),
    statement: statement(url, 10),
    library: await library(url, 'credit_', {}),
    'library+file': await library(url, 'filed_', file('interval')),
  };
  const results: Result[] = [];
  const measure = async (design: string, rival: Rival, workload: Workload, inFlight: number) => {
    const measured = await load(rival, workload, inFlight, seconds);
    results.push({ adapter: 'postgres', design, workload, inFlight, history: 0, ...measured });
  };
  for (const rival of Object.values(designs)) await load(rival, 'uniform', 200, 0.5);
  const bulk: Record<Workload, number[]> = { hot: [], uniform: [] };
  let syncs = 0;
  let synced = 0;
  for (let round = 0; round < rounds; round++) {
    for (const workload of ['hot', 'uniform'] as const) {
      for (const [design, rival] of Object.entries(designs)) {
        const before = await walSyncs(url);
        await measure(design, rival, workload, 1_000);
        if (design !== 'library' || workload !== 'hot') continue;
        syncs += (await walSyncs(url)) - before;
        synced += (results.at(-1) as Result).opsPerSecond * seconds;
      }
      bulk[workload].push(await bulkRate(url, workload === 'hot' ? 1 : ACCOUNTS, seconds));
    }
  }
  const alone: Record<string, Rival> = {
    raw: rawInsert(url),
    ...designs,
    'library+file fsync': await library(url, 'synced_', file('always')),
  };
  for (let round = 0; round < rounds; round++) {
    for (const [design, rival] of Object.entries(alone)) await measure(design, rival, 'uniform', 1);
  }
  for (const rival of Object.values(alone)) await rival.close();
  await checkTables(url);
  for (const result of results) report.result(result);
  goals(report, results, bulk, syncs / synced);
}

function goals(
  report: Report,
  results: readonly Result[],
  bulk: Record<Workload, number[]>,
  syncsPerOperation: number,
): void {
  const of = (design: string, workload: Workload, inFlight: number, what: 'opsPerSecond' | 'p50Ms' | 'p99Ms') =>
    median(
      results
        .filter((result) => result.design === design && result.workload === workload && result.inFlight === inFlight)
        .map((result) => result[what]),
    );
  const rate = (design: string, workload: Workload) => of(design, workload, 1_000, 'opsPerSecond');
  for (const workload of ['hot', 'uniform'] as const) {
    const designs = ['naive', 'statement', 'library', 'library+file'];
    const rates = Object.fromEntries(designs.map((design) => [design, rate(design, workload)]));
    report.figures(`${workload}, 1,000 in flight, ops/s`, { ...rates, bulk: median(bulk[workload]) });
  }
  const oneP50 = (design: string) => of(design, 'uniform', 1, 'p50Ms');
  const alone = ['raw', 'naive', 'statement', 'library', 'library+file', 'library+file fsync'];
  const p50s = Object.fromEntries(alone.map((design) => [design, oneP50(design)]));
  report.figures('one in flight, p50 ms', p50s);
  const against = (design: string, workload: Workload) => rate('library', workload) / rate(design, workload);
  report.goal('G1 hot: library / naive', against('naive', 'hot'), 55, 35);
  report.goal('G2 hot: library / statement', against('statement', 'hot'), 20, 12);
  report.goal('G3 uniform: library / naive', against('naive', 'uniform'), 9, 6);
  report.goal('G4 uniform: library / statement', against('statement', 'uniform'), 4, 2.5);
  report.goal('G7 hot: library / bulk', rate('library', 'hot') / median(bulk.hot), 0.35, 0.2);
  report.goal('G7 uniform: library / bulk', rate('library', 'uniform') / median(bulk.uniform), 0.3, 0.2);
  const p99 = of('naive', 'hot', 1_000, 'p99Ms') / of('library', 'hot', 1_000, 'p99Ms');
  report.goal('G8 hot: p99 of naive / p99 of library', p99, 25, 10);
  report.goal('G10 one in flight: p50 / raw insert', oneP50('library') / oneP50('raw'), 1.9, 2.3);
  report.goal('G11 one in flight: p50 / statement', oneP50('library') / oneP50('statement'), 1.25, 1.4);
  report.goal('G11 one in flight: p50 / naive', oneP50('library') / oneP50('naive'), 0.85, 1);
  const filed = (workload: Workload) => rate('library+file', workload) / rate('library', workload);
  report.goal('G17 hot: with file / without', filed('hot'), 0.95, 0.9);
  report.goal('G17 uniform: with file / without', filed('uniform'), 0.95, 0.9);
  const synced = oneP50('library+file fsync') / oneP50('library');
  report.goal('G18 one in flight: file with fsync / without', synced, 2.5, 3);
  report.goal('G24 hot: log syncs an operation', syncsPerOperation, 0.004, 0.01);
}
