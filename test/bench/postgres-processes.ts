/** G12 and G13: two and four processes that all deduct from one account. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fund, median } from './closed-loop.js';
import { type Bench, checkpoint, openLibrary, ratio, sql } from './postgres-load.js';
import type { FromProcess, ToProcess } from './postgres-process.js';
import { makeTables } from './postgres-rivals.js';

const SCRIPT = fileURLToPath(new URL('./postgres-process.ts', import.meta.url));

interface Team {
  /** Rates of the processes, together and the slowest by the fastest. */
  run(seconds: number): Promise<{ sum: number; fairness: number; p99Ms: number; failed: readonly string[] }>;
  close(): Promise<void>;
}

export async function processes(bench: Bench): Promise<void> {
  await makeTables(bench.url);
  const manager = openLibrary(bench.url);
  await fund(manager, 1);
  const teams: Record<string, Team> = {};
  try {
    teams['library, 1 process'] = await team(bench.url, 'library', 1, 1_000);
    for (const count of [2, 4]) {
      for (const design of ['naive', 'library']) {
        teams[`${design}, ${count} processes`] = await team(bench.url, design, count, 500);
      }
    }
    const sums: Record<string, number[]> = {};
    const shares: Record<string, number[]> = {};
    const p99s: Record<string, number[]> = {};
    const failed = new Set<string>();
    for (let round = 0; round <= bench.rounds; round++) {
      for (const [name, each] of Object.entries(teams)) {
        await checkpoint(bench.url);
        const found = await each.run(round === 0 ? 1 : bench.seconds);
        for (const failure of found.failed) failed.add(`${name}: ${failure}`);
        if (round === 0) continue;
        const inFlight = name.endsWith('1 process') ? 1_000 : 500 * Number(/\d/.exec(name)?.[0]);
        const about = { adapter: 'postgres', workload: 'hot', history: 0, p50Ms: 0 } as const;
        bench.report.result({ ...about, design: name, inFlight, opsPerSecond: found.sum, p99Ms: found.p99Ms });
        sums[name] = [...(sums[name] ?? []), found.sum];
        shares[name] = [...(shares[name] ?? []), found.fairness];
        p99s[name] = [...(p99s[name] ?? []), found.p99Ms];
      }
    }
    const medians = (all: typeof sums) => Object.fromEntries(Object.entries(all).map(([k, v]) => [k, median(v)]));
    bench.report.figures('one account, ops/s', medians(sums));
    bench.report.figures('one account, p99 ms', medians(p99s));
    for (const failure of failed) bench.report.figures('failed', { failure });
    const of = (name: string) => sums[name] as number[];
    const against = (count: number) => ratio(of(`library, ${count} processes`), of(`naive, ${count} processes`));
    const toOne = ratio(of('library, 2 processes'), of('library, 1 process'));
    bench.report.goal('G12 two processes: library / naive', against(2), 50, 30);
    bench.report.goal('G12 two processes / one', toOne, 0.7, 0.5);
    bench.report.goal('G13 four processes: library / naive', against(4), 45, 25);
    bench.report.goal('G13 slowest / fastest of four', median(shares['library, 4 processes'] as number[]), 0.4, 0.3);
    await check(bench);
  } finally {
    for (const each of Object.values(teams)) await each.close();
    await manager.close();
  }
}

/** The balance is what all of them left, and no sequence number is missing. */
async function check({ url, report }: Bench): Promise<void> {
  const [row] = await sql(
    url,
    `select a.balance = sum(e.delta) and a.seq = count(*) and a.seq = max(e.seq) as good, a.seq::text as entries
    from credit_account a join credit_entry e on e.account = a.id and e.seq > 0
    where a.id = 'credits/user-0' group by a.balance, a.seq`,
  );
  report.figures('account and entries', { agree: String(row?.good), entries: Number(row?.entries) });
}

async function team(url: string, design: string, count: number, inFlight: number): Promise<Team> {
  const children = Array.from({ length: count }, () =>
    fork(SCRIPT, [JSON.stringify({ url, design })], { execArgv: ['--import', 'tsx'] }),
  );
  const heard = () =>
    Promise.all(
      children.map(
        (child) =>
          new Promise<FromProcess>((resolve, reject) => {
            const ended = (code: number | null) => reject(new Error(`A process ended with ${code}.`));
            child.once('exit', ended);
            child.once('message', (message: FromProcess) => {
              child.off('exit', ended);
              resolve(message);
            });
          }),
      ),
    );
  await heard();
  return {
    async run(seconds) {
      const answers = heard();
      for (const child of children) child.send({ seconds, inFlight } satisfies ToProcess);
      const found = (await answers).filter((answer) => answer !== 'ready');
      const rates = found.map(({ opsPerSecond }) => opsPerSecond);
      return {
        sum: rates.reduce((sum, rate) => sum + rate, 0),
        fairness: Math.min(...rates) / Math.max(...rates),
        p99Ms: Math.max(...found.map(({ p99Ms }) => p99Ms)),
        failed: found.flatMap(({ failed }) => failed),
      };
    },
    async close() {
      await Promise.all(
        children.map((child) => {
          const ended = new Promise((resolve) => child.once('exit', resolve));
          child.send('close' satisfies ToProcess, () => {});
          return ended;
        }),
      );
    },
  };
}
