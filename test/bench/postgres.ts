/**
 * The library on PostgreSQL against what people write by hand, rounds alternating on one server, so that only ratios
 * count. Goals are those of `performance.md` §7.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqlDbManager } from '../../src/sql.js';
import { startEmbeddedPostgres } from '../servers/embedded-postgres.js';
import { createDatabase, dropDatabase } from '../servers/postgres.js';
import { ACCOUNTS, libraryRival, load, median, type Result, type Rival, type Workload } from './closed-loop.js';
import { bulkRate, checkTables, makeTables, naive, rawInsert, statement, walSyncs } from './postgres-rivals.js';

export async function benchPostgres(options: { rounds: number; seconds: number; json: boolean }): Promise<void> {
  const given = process.env.CREDIT_TEST_POSTGRES_URL;
  const server = given ? null : await startEmbeddedPostgres();
  const url = await createDatabase(given ?? (server?.url as string));
  const folder = mkdtempSync(join(tmpdir(), 'credit-bench-'));
  try {
    await run(url, folder, options);
  } finally {
    await dropDatabase(given ?? (server?.url as string), url);
    await server?.stop();
    rmSync(folder, { recursive: true });
  }
}

async function run(
  url: string,
  folder: string,
  { rounds, seconds, json }: { rounds: number; seconds: number; json: boolean },
): Promise<void> {
  await makeTables(url);
  const library = (prefix: string, ledger: object) => libraryRival(new SqlDbManager({ url, prefix }), ledger);
  const file = (fsync: 'interval' | 'always') => ({ filePath: join(folder, `${fsync}.jsonl`), fsync });
  const designs: Record<string, Rival> = {
    naive: naive(url, 10),
    statement: statement(url, 10),
    library: await library('credit_', {}),
    'library+file': await library('filed_', file('interval')),
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
    'library+file fsync': await library('synced_', file('always')),
  };
  for (let round = 0; round < rounds; round++) {
    for (const [design, rival] of Object.entries(alone)) await measure(design, rival, 'uniform', 1);
  }
  for (const rival of Object.values(alone)) await rival.close();
  await checkTables(url);
  if (json) for (const result of results) console.log(JSON.stringify(result));
  else report(results, bulk, syncs / synced);
}

function report(results: readonly Result[], bulk: Record<Workload, number[]>, syncsPerOperation: number): void {
  const of = (design: string, workload: Workload, inFlight: number, what: 'opsPerSecond' | 'p50Ms' | 'p99Ms') =>
    median(
      results
        .filter((result) => result.design === design && result.workload === workload && result.inFlight === inFlight)
        .map((result) => result[what]),
    );
  const rate = (design: string, workload: Workload) => of(design, workload, 1_000, 'opsPerSecond');
  const ratio = (goal: string, value: number, wanted: string) =>
    console.log(`${goal.padEnd(58)} ${value.toPrecision(3).padStart(6)}  (${wanted})`);
  for (const workload of ['hot', 'uniform'] as const) {
    const rates = ['naive', 'statement', 'library', 'library+file'].map(
      (design) => `${design} ${Math.round(rate(design, workload)).toLocaleString('en')}/s`,
    );
    const limit = Math.round(median(bulk[workload])).toLocaleString('en');
    console.log(`${workload}, 1,000 in flight: ${rates.join(', ')}, bulk ${limit}/s`);
  }
  const oneP50 = (design: string) => of(design, 'uniform', 1, 'p50Ms');
  const p50s = ['raw', 'naive', 'statement', 'library', 'library+file', 'library+file fsync'].map(
    (design) => `${design} ${oneP50(design).toPrecision(3)}`,
  );
  console.log(`one in flight, p50 ms: ${p50s.join(', ')}\n`);
  ratio('G1 hot: library / naive', rate('library', 'hot') / rate('naive', 'hot'), 'goal 55, floor 35');
  ratio('G2 hot: library / statement', rate('library', 'hot') / rate('statement', 'hot'), 'goal 20, floor 12');
  ratio('G3 uniform: library / naive', rate('library', 'uniform') / rate('naive', 'uniform'), 'goal 9, floor 6');
  ratio(
    'G4 uniform: library / statement',
    rate('library', 'uniform') / rate('statement', 'uniform'),
    'goal 4, floor 2.5',
  );
  ratio('G7 hot: library / bulk', rate('library', 'hot') / median(bulk.hot), 'goal 0.35, floor 0.2');
  ratio('G7 uniform: library / bulk', rate('library', 'uniform') / median(bulk.uniform), 'goal 0.3, floor 0.2');
  const p99 = of('naive', 'hot', 1_000, 'p99Ms') / of('library', 'hot', 1_000, 'p99Ms');
  ratio('G8 hot: p99 of naive / p99 of library', p99, 'goal 25, floor 10');
  ratio('G10 one in flight: p50 / raw insert', oneP50('library') / oneP50('raw'), 'goal 1.9, floor 2.3');
  ratio('G11 one in flight: p50 / statement', oneP50('library') / oneP50('statement'), 'goal 1.25, floor 1.4');
  ratio('G11 one in flight: p50 / naive', oneP50('library') / oneP50('naive'), 'goal 0.85, floor 1');
  ratio('G17 hot: with file / without', rate('library+file', 'hot') / rate('library', 'hot'), 'goal 0.95, floor 0.9');
  const filed = rate('library+file', 'uniform') / rate('library', 'uniform');
  ratio('G17 uniform: with file / without', filed, 'goal 0.95, floor 0.9');
  ratio(
    'G18 one in flight: file with fsync / without',
    oneP50('library+file fsync') / oneP50('library'),
    'goal 2.5, floor 3',
  );
  ratio('G24 hot: log syncs an operation', syncsPerOperation, 'goal 0.004, floor 0.01');
}
