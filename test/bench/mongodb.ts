/**
 * The library on MongoDB against what people write by hand, rounds alternating on one server, so that only ratios
 * count. Goals are those of `performance.md` §8.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoDbManager } from 'credit-management/mongodb';
import { databaseOf } from '../backends/mongo-uri.js';
import { libraryRival, load, median, type Result, type Rival, type Workload } from './closed-loop.js';
import { bulkRate, checkCollections, makeCollections, medici, NARROW, naive, statement } from './mongodb-rivals.js';

/** In flight, where a rival finishes with as many. */
const WIDE = 1_000;

interface Options {
  readonly url: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly json: boolean;
}

export async function benchMongo(options: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'credit-bench-'));
  try {
    await run(folder, options);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function run(folder: string, { url, rounds, seconds, json }: Options): Promise<void> {
  await makeCollections(url);
  const library = (prefix: string, ledger: object) =>
    libraryRival(MongoDbManager.fromClientUri(url, { dbName: databaseOf(url), prefix }), ledger);
  const designs: Record<string, Rival> = {
    naive: naive(url),
    statement: statement(url),
    medici: await medici(url),
    library: await library('credit_', {}),
    'library+file': await library('filed_', { filePath: join(folder, 'ledger.jsonl'), fsync: 'interval' }),
  };
  const results: Result[] = [];
  const measure = async (design: string, workload: Workload, inFlight: number) => {
    const measured = await load(designs[design] as Rival, workload, inFlight, seconds);
    results.push({ adapter: 'mongodb', design, workload, inFlight, history: 0, ...measured });
  };
  for (const design of Object.values(designs)) await load(design, 'uniform', NARROW, 0.5);
  for (let round = 0; round < rounds; round++) {
    for (const workload of ['hot', 'uniform'] as const) {
      for (const design of Object.keys(designs)) {
        const isStuck = workload === 'hot' && (design === 'naive' || design === 'medici');
        await measure(design, workload, isStuck ? NARROW : WIDE);
      }
    }
    const opsPerSecond = await bulkRate(url, seconds);
    const none = { history: 0, p50Ms: 0, p99Ms: 0 };
    results.push({ adapter: 'mongodb', design: 'bulk', workload: 'uniform', inFlight: 3, opsPerSecond, ...none });
    for (const design of Object.keys(designs)) await measure(design, 'uniform', 1);
  }
  for (const rival of Object.values(designs)) await rival.close();
  for (let round = 0; round < rounds; round++) {
    for (const design of ['naive', 'library'] as const) {
      const opsPerSecond = await twoProcesses(url, design, seconds);
      const none = { history: 0, p50Ms: 0, p99Ms: 0 };
      const what = { design: `${design} in two processes`, workload: 'uniform', inFlight: 2 * WIDE } as const;
      results.push({ adapter: 'mongodb', ...what, opsPerSecond, ...none });
    }
  }
  await checkCollections(url);
  if (json) for (const result of results) console.log(JSON.stringify(result));
  else report(results);
}

/** Operations a second of two processes together, on the same accounts. */
async function twoProcesses(url: string, design: string, seconds: number): Promise<number> {
  const script = fileURLToPath(new URL('./mongodb-process.ts', import.meta.url));
  const children = [0, 1].map(() =>
    fork(script, [url, design, String(WIDE), String(seconds)], { execArgv: ['--import', 'tsx'] }),
  );
  await Promise.all(children.map((child) => once(child, 'message')));
  const answers = children.map((child) => once(child, 'message'));
  for (const child of children) child.send('go');
  const rates = await Promise.all(answers);
  return rates.reduce((sum, [rate]) => sum + (rate as number), 0);
}

function report(results: readonly Result[]): void {
  const of = (what: 'opsPerSecond' | 'p50Ms', design: string, workload: Workload, ...inFlight: number[]) =>
    median(
      results
        .filter((each) => each.design === design && each.workload === workload && inFlight.includes(each.inFlight))
        .map((each) => each[what]),
    );
  const rate = (design: string, workload: Workload) => of('opsPerSecond', design, workload, WIDE, NARROW);
  const ratio = (goal: string, value: number, wanted: string) =>
    console.log(`${goal.padEnd(58)} ${value.toPrecision(3).padStart(6)}  (${wanted})`);
  const designs = ['naive', 'statement', 'medici', 'library', 'library+file'];
  const rounded = (value: number) => Math.round(value).toLocaleString('en');
  for (const workload of ['hot', 'uniform'] as const) {
    const rates = designs.map((design) => `${design} ${rounded(rate(design, workload))}/s`);
    console.log(`${workload}, ${WIDE} in flight (hot naive and medici: ${NARROW}): ${rates.join(', ')}`);
  }
  const bulk = of('opsPerSecond', 'bulk', 'uniform', 3);
  console.log(`bulk ${rounded(bulk)}/s`);
  const p50s = designs.map((design) => `${design} ${of('p50Ms', design, 'uniform', 1).toPrecision(3)}`);
  console.log(`one in flight, p50 ms: ${p50s.join(', ')}\n`);
  const [hot, uniform] = [rate('library', 'hot'), rate('library', 'uniform')];
  ratio('hot: library / naive at its best', hot / rate('naive', 'hot'), 'goal 60');
  ratio('hot: library / statement', hot / rate('statement', 'hot'), 'goal 15');
  ratio('uniform: library / naive', uniform / rate('naive', 'uniform'), 'goal 10');
  ratio('uniform: library / bulk', uniform / bulk, 'goal 0.5');
  const one = of('p50Ms', 'library', 'uniform', 1) / of('p50Ms', 'naive', 'uniform', 1);
  ratio('one in flight: p50 of library / naive', one, 'goal 1');
  const two = (design: string) => of('opsPerSecond', `${design} in two processes`, 'uniform', 2 * WIDE);
  ratio('two processes, uniform: library / naive', two('library') / two('naive'), 'goal 4');
}
