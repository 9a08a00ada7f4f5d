/** Parts of the full profile on one process: zipf, 64 in flight, op by op, replays, holds, the event loop, pgbench. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { promisify } from 'node:util';
import {
  ACCOUNTS,
  AMOUNT,
  accountsOf,
  fund,
  load,
  loop,
  MICRO,
  median,
  percentiles,
  type Rival,
  rivalOf,
} from './closed-loop.js';
import { type Bench, library, openLibrary, ratio, rounds } from './postgres-load.js';
import { makeTables, naive, rawInsert, statement } from './postgres-rivals.js';

/** G5. */
export async function zipf(bench: Bench): Promise<void> {
  const rivals = await rivalsOf(bench.url);
  const about = { workload: 'zipf', inFlight: 1_000 } as const;
  const found = await rounds(bench, loads(rivals, about), about);
  const { library, naive } = found as Record<'library' | 'naive', (typeof found)[string]>;
  bench.report.goal('G5 zipf: library / naive', ratio(library.rate, naive.rate), 11, 7);
  await close(rivals);
}

/** G9. */
export async function sixtyFour(bench: Bench): Promise<void> {
  const rivals = await rivalsOf(bench.url);
  for (const [workload, goal, floor] of [['hot', 25, 15] as const, ['uniform', 5, 3] as const]) {
    const about = { workload, inFlight: 64 };
    const found = await rounds(bench, loads(rivals, about), about);
    const { library, naive } = found as Record<'library' | 'naive', (typeof found)[string]>;
    bench.report.figures(`${workload}, 64 in flight, library`, {
      p50Ms: median(library.p50),
      p99Ms: median(library.p99),
    });
    bench.report.goal(`G9 64 in flight, ${workload}: library / naive`, ratio(library.rate, naive.rate), goal, floor);
  }
  await close(rivals);
}

/** G10 and G11 with the designs in turn, operation by operation, on an account that stays the same. */
export async function one(bench: Bench): Promise<void> {
  const rivals: Record<string, Rival> = { raw: rawInsert(bench.url), ...(await rivalsOf(bench.url)) };
  const p50s: Record<string, number[]> = {};
  for (let round = 0; round <= bench.rounds; round++) {
    const times: Record<string, number[]> = {};
    for (let i = 0; i < 700; i++) {
      for (const [design, rival] of Object.entries(rivals)) {
        const began = performance.now();
        await rival.deduct(i % 50, AMOUNT * MICRO);
        times[design] ??= [];
        times[design]?.push(performance.now() - began);
      }
    }
    if (round === 0) continue;
    for (const [design, each] of Object.entries(times)) {
      const found = percentiles(each);
      p50s[design] = [...(p50s[design] ?? []), found.p50Ms];
      const about = { adapter: 'postgres', workload: 'uniform', inFlight: 1, history: 0 } as const;
      bench.report.result({ ...about, design, opsPerSecond: 1_000 / found.p50Ms, ...found });
    }
  }
  const shown = Object.fromEntries(Object.entries(p50s).map(([design, each]) => [design, median(each)]));
  bench.report.figures('one in flight, op by op, p50 ms', shown);
  const against = (design: string) => ratio(p50s.library as number[], p50s[design] as number[]);
  bench.report.goal('G10 one in flight, op by op: p50 / raw insert', against('raw'), 1.9, 2.3);
  bench.report.goal('G11 one in flight, op by op: p50 / statement', against('statement'), 1.25, 1.4);
  bench.report.goal('G11 one in flight, op by op: p50 / naive', against('naive'), 0.85, 1);
  await close(rivals);
}

/** G15: a tenth of the calls repeats a key that was answered, and must be answered alike. */
export async function replay(bench: Bench): Promise<void> {
  const manager = openLibrary(bench.url);
  await fund(manager);
  const { credits } = manager;
  const settled: { user: string; key: string; id: string }[] = [];
  let wrong = 0;
  let replays = 0;
  const keyed = (share: number, accountOf: (n: number) => number) => async (n: number) => {
    const known =
      settled.length > 1_000 && (n * 7919) % 1_000 < share * 1_000 ? settled[(n * 7919) % settled.length] : undefined;
    const user = known?.user ?? `user-${accountOf(n)}`;
    const key = known?.key ?? randomUUID();
    const { id, replayed } = await credits.deductCredits(user, AMOUNT, { idempotencyKey: key });
    if (known) replays++;
    if (known ? !replayed || id !== known.id : replayed) wrong++;
    // A window, so that old keys and new ones are asked for.
    if (!known) settled[n % 50_000] = { user, key, id };
  };
  for (const workload of ['hot', 'uniform'] as const) {
    settled.length = 0;
    const about = { workload, inFlight: 1_000 };
    const accountOf = accountsOf(workload);
    const run = (share: number) => (seconds: number) => loop(keyed(share, accountOf), 1_000, seconds);
    const designs = { 'library, keys': run(0), 'library, 10 % replayed': run(0.1) };
    const found = await rounds(bench, designs, about);
    const rate = (design: keyof typeof designs) => found[design]?.rate as number[];
    const share = ratio(rate('library, 10 % replayed'), rate('library, keys'));
    bench.report.goal(`G15 ${workload}: 10 % replayed / none`, share, 0.9, 0.8);
  }
  bench.report.figures('replays', { replays, wrong });
  bench.report.goal('G15 wrong answers', wrong, 0, 0);
  await manager.close();
}

/** G16: each call of either kind is an operation. By hand a hold is a number and two rows, which flatters it. */
export async function reserve(bench: Bench): Promise<void> {
  await makeTables(bench.url);
  const hand = naive(bench.url, 10);
  const manager = openLibrary(bench.url);
  await fund(manager);
  const { credits } = manager;
  const accountOf = accountsOf('uniform');
  const amount = AMOUNT * MICRO;
  const byHand = async (n: number) => {
    await hand.move({ n: accountOf(n), type: 'reserve', balance: 0, reserved: amount });
    await hand.move({ n: accountOf(n), type: 'commit', balance: -amount, reserved: -amount });
  };
  const byLibrary = async (n: number) => {
    const hold = await credits.reserveCredits(`user-${accountOf(n)}`, AMOUNT);
    await credits.commitReservedCredits(hold);
  };
  const pairs = (pair: (n: number) => Promise<void>) => async (seconds: number) => {
    const { opsPerSecond, ...times } = await loop(pair, 1_000, seconds);
    return { ...times, opsPerSecond: 2 * opsPerSecond };
  };
  const designs = { 'naive, reserve and commit': pairs(byHand), 'library, reserve and commit': pairs(byLibrary) };
  const found = await rounds(bench, designs, { workload: 'uniform', inFlight: 1_000 });
  const rate = (design: keyof typeof designs) => found[design]?.rate as number[];
  const share = ratio(rate('library, reserve and commit'), rate('naive, reserve and commit'));
  bench.report.goal('G16 reserve and commit: library / naive', share, 6, 4);
  await hand.close();
  await manager.close();
}

/** G22: how late a timer of 1 ms is, that millisecond included. */
export async function eventLoop(bench: Bench): Promise<void> {
  const rival = await library(bench.url);
  for (const workload of ['hot', 'uniform'] as const) {
    for (const inFlight of [256, 1_000]) {
      const p99s: number[] = [];
      for (let round = 0; round <= bench.rounds; round++) {
        const delay = monitorEventLoopDelay({ resolution: 1 });
        delay.enable();
        await load(rival, workload, inFlight, bench.seconds);
        delay.disable();
        if (round > 0) p99s.push(delay.percentile(99) / 1e6);
      }
      const name = `${workload}, ${inFlight} in flight: event-loop delay p99, ms`;
      if (inFlight === 256) bench.report.goal(`G22 ${name}`, median(p99s), 12, 25);
      else bench.report.figures(name, { p99Ms: median(p99s) });
    }
  }
  await rival.close();
}

/** G6: one commit an operation, and no Node. */
export async function pgbench(bench: Bench): Promise<void> {
  const binary = findPgbench();
  if (!binary) {
    bench.report.figures('G6 pgbench', { result: 'no pgbench was found' });
    return;
  }
  const run = promisify(execFile);
  await run(binary, ['-i', '-q', '-s', '10', bench.url]);
  const rival = await library(bench.url);
  const ten = async (seconds: number) => {
    const flags = ['-N', '-n', '-M', 'prepared', '-c', '20', '-j', '2', '-T', String(Math.ceil(seconds))];
    const { stdout } = await run(binary, [...flags, bench.url]);
    const opsPerSecond = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1]);
    return { opsPerSecond, p50Ms: 0, p99Ms: 0 };
  };
  const designs = {
    'pgbench -N -c 20': ten,
    library: (seconds: number) => load(rival, 'uniform', 1_000, seconds),
  };
  const found = await rounds(bench, designs, { workload: 'uniform', inFlight: 1_000 });
  const share = ratio(found.library?.rate as number[], found['pgbench -N -c 20']?.rate as number[]);
  bench.report.goal('G6 uniform: library / pgbench -N -c 20', share, 4, 2.5);
  await rival.close();
}

function findPgbench(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...(process.env.PATH ?? '').split(':')];
  return folders.map((folder) => join(folder, 'pgbench')).find((path) => existsSync(path));
}

async function rivalsOf(url: string): Promise<Record<'naive' | 'statement' | 'library', Rival>> {
  await makeTables(url);
  const manager = openLibrary(url);
  await fund(manager, ACCOUNTS);
  return { naive: naive(url, 10), statement: statement(url, 10), library: rivalOf(manager) };
}

function loads(
  rivals: Readonly<Record<string, Rival>>,
  about: { workload: 'hot' | 'uniform' | 'zipf'; inFlight: number },
) {
  const entries = Object.entries(rivals).map(([design, rival]) => {
    const run = (seconds: number) => load(rival, about.workload, about.inFlight, seconds);
    return [design, run] as const;
  });
  return Object.fromEntries(entries);
}

async function close(rivals: Readonly<Record<string, Rival>>): Promise<void> {
  for (const rival of Object.values(rivals)) await rival.close();
}
