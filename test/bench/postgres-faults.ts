/** G25: ten seconds of load while connections are cut and requests and answers are lost, then everything is judged. */
import { openManager } from '../backends/open-adapter.js';
import { TcpProxy, type Trap } from '../backends/proxy.js';
import { localCaller } from '../support/answers.js';
import { Journal } from '../support/journal.js';
import type { Bench } from './postgres-load.js';

const SECONDS = 10;
const IN_FLIGHT = 100;
const USERS = 20;
const POOL = 5;
const LOSSES: readonly Trap['loses'][] = ['answer', 'request', 'late'];
/** Errors that an outage explains; each says what became of its call. */
const OUTAGE = ['OUTCOME_UNKNOWN', 'STORAGE_UNAVAILABLE', 'TIMEOUT', 'CONTENTION'];

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function faults(bench: Bench): Promise<void> {
  const proxy = await TcpProxy.start(bench.url);
  const config = { adapter: 'postgres', url: proxy.url, timeoutMs: 5_000, poolSize: POOL };
  const manager = openManager(config);
  const direct = openManager({ ...config, url: bench.url, timeoutMs: 10_000 });
  const [call, directCall] = [localCaller(manager), localCaller(direct)];
  const journal = new Journal('faults', 1, USERS);
  try {
    await journal.prepare(directCall);
    await call('getUserCreditsInfo', journal.users[0]);
    const ends = performance.now() + SECONDS * 1000;
    let met = 0;
    const slot = async () => {
      while (performance.now() < ends) {
        const loses = journal.random() < 0.01 ? LOSSES[Math.floor(journal.random() * 3)] : undefined;
        const sprung = () => met++;
        await journal.call(call, undefined, (marker) => {
          if (loses) proxy.traps.push({ marker, loses, lateMs: journal.random() * 200, sprung });
        });
      }
    };
    const load = Promise.all(Array.from({ length: IN_FLIGHT }, slot));
    while (performance.now() < ends) {
      await wait(40 + journal.random() * 60);
      proxy.cut();
    }
    await load;
    proxy.heal();
    await wait(500);
    const settled = await journal.settle(call, directCall);
    const problems = [
      ...(await journal.problems(direct)),
      ...journal.unsettled.map(({ tag, names }) => `${tag}: not settled: ${names}`),
      ...journal.surprises(OUTAGE),
    ];
    const { cuts } = proxy;
    bench.report.figures('faults', { calls: journal.calls.length, cuts, lost: met, settled, ...journal.tally });
    for (const problem of problems.slice(0, 20)) bench.report.figures('anomaly', { problem });
    bench.report.goal('G25 connections cut in 10 s', cuts, 300, 300);
    bench.report.goal('G25 anomalies', problems.length, 0, 0);
  } finally {
    await manager.close();
    await direct.close();
    await proxy.close();
  }
}
