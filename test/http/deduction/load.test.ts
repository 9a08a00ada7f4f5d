/**
 * Many requests at once through the middleware, on every store: some stream, some fail, some work on after their
 * answer, some clients leave. Nothing stays on hold, and every account is charged what its requests recorded.
 * CREDIT_HTTP_LOAD sets the number of requests, CREDIT_SEED repeats a run.
 */
import { request as httpRequest } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { addLlmUsage } from '../../../src/index.js';
import { amount } from '../../support/amounts.js';
import { Chance, SEED } from '../../support/chance.js';
import { describeBackends } from '../../support/plan-world.js';
import { QUIET } from '../../support/quiet.js';
import { eventually, gate, sleep } from '../../support/wait.js';
import { FRAMEWORKS, type Handle, type Options, type Reply, serve } from './frameworks.js';

const USERS = 12;
const AT_ONCE = 24;
const GRANTED = 1_000_000;
/** The memory that a run may take more at its end than after a third of it. */
const GROWTH_MIB = 16;

/** Mebibytes in use once everything that nobody needs is gone. */
function heapMib(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** A request: its work, and whether its client leaves. */
interface Job {
  readonly user: string;
  readonly kind: 'json' | 'stream' | 'fail' | 'late' | 'refused';
  readonly costs: readonly number[];
  /** Milliseconds until the client leaves. */
  readonly leavesAfter: number | null;
}

function jobOf(chance: Chance): Job {
  const kind = chance.pick(['json', 'json', 'stream', 'stream', 'fail', 'late', 'refused'] as const);
  const costs = Array.from({ length: 1 + chance.below(6) }, () => chance.below(4000) / 1000);
  // A handler that fails for a client that has left is charged what it had recorded by then, so nobody could tell.
  const leaves = ['json', 'stream', 'late'].includes(kind) && chance.below(3) === 0;
  return { user: `u${chance.below(USERS)}`, kind, costs, leavesAfter: leaves ? chance.below(12) : null };
}

/** Sends a request and reads its answer to the end, or leaves. */
function send(url: string, { user, leavesAfter }: Job, id: number): Promise<number | null> {
  return new Promise((resolve) => {
    const headers = { 'x-user-id': user, 'x-request-id': `job-${id}` };
    const request = httpRequest(`${url}/api/${id}`, { headers }, (response) => {
      response.resume().on('close', () => resolve(response.complete ? (response.statusCode ?? 0) : null));
    });
    request.on('error', () => resolve(null));
    request.end();
    if (leavesAfter !== null) setTimeout(() => request.destroy(), leavesAfter);
  });
}

await describeBackends('requests through the middleware', (open, isMemory) => {
  test.each(FRAMEWORKS)('are charged what they recorded, under load, on $name', async (framework) => {
    const share = (isMemory ? 1 : 0.3) / FRAMEWORKS.length;
    const count = Math.ceil(amount('CREDIT_HTTP_LOAD', 1) * share);
    const { manager } = await open();
    const { credits } = manager;
    const chance = new Chance(SEED);
    for (let i = 0; i < USERS; i++) await credits.addCredits(`u${i}`, GRANTED);
    const jobs = Array.from({ length: count }, () => jobOf(chance));
    const recorded = new Map<string, number>();
    let running = 0;
    const record = ({ user }: Job, cost: number) => {
      addLlmUsage({ model: 'm', provider: 'p', cost });
      // In thousandths, as whole numbers.
      recorded.set(user, (recorded.get(user) ?? 0) + Math.round(cost * 1000));
    };
    const handle: Handle = async ({ path }): Promise<Reply> => {
      const job = jobs[Number(path.slice('/api/'.length))] as Job;
      const [first = 0, ...rest] = job.costs;
      if (job.kind === 'fail' || job.kind === 'refused') {
        addLlmUsage({ model: 'm', provider: 'p', cost: first });
        await sleep(1);
        if (job.kind === 'fail') throw new Error('the model failed');
        return { status: 422, json: { error: 'no' } };
      }
      running++;
      const done = () => running--;
      if (job.kind === 'stream') {
        return {
          headers: [['content-type', 'text/event-stream']],
          async *stream() {
            try {
              for (const cost of job.costs) {
                record(job, cost);
                yield `data: ${cost}\n\n`;
                await sleep(1);
              }
            } finally {
              done();
            }
          },
        };
      }
      record(job, first);
      const others = async () => {
        for (const cost of rest) {
          await sleep(1);
          record(job, cost);
        }
        done();
      };
      if (job.kind === 'late') void others();
      else await others();
      return { json: { ok: true } };
    };
    const listener = await framework.listener({ credits, logger: QUIET, defaultEstimatedTokens: 5 } as never, handle);
    const served = await serve(listener);
    onTestFinished(served.close);

    let next = 0;
    let before = 0;
    const statuses: Record<string, number> = {};
    const client = async () => {
      for (let id = next++; id < jobs.length; id = next++) {
        if (id === Math.floor(count / 3)) before = heapMib();
        const status = await send(served.url, jobs[id] as Job, id);
        statuses[String(status)] = (statuses[String(status)] ?? 0) + 1;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    for (let i = 0; i < USERS; i++) {
      const user = `u${i}`;
      await eventually(async () => {
        const { balance, reserved } = await credits.getUserCreditsInfo(user);
        expect({ user, balance, reserved }).toEqual({
          user,
          balance: GRANTED - (recorded.get(user) ?? 0) / 1000,
          reserved: 0,
        });
      });
    }
    const growth = Math.round(heapMib() - before);
    // The store in memory keeps every transaction there.
    if (!isMemory) expect(growth).toBeLessThan(GROWTH_MIB);
    const { ok } = await manager.ledger.verify();
    expect(ok).toBe(true);
    const facts = { seed: SEED, count, ...statuses, running, growth: `${growth} MiB` };
    console.log(`${framework.name}: ${JSON.stringify(facts)}`);
  });

  test('the same credits are never held twice, from before the handler until after its settlement', async () => {
    const rounds = amount('CREDIT_HTTP_RACES', isMemory ? 1 : 0.1);
    const { manager } = await open();
    const { credits } = manager;
    const chance = new Chance(SEED);
    const [framework] = FRAMEWORKS.filter(({ name }) => name === 'express 5');
    const gates = new Map<string, ReturnType<typeof gate>>();
    const options: Partial<Options> = { defaultEstimatedTokens: 60 };
    const handle: Handle = async ({ path }) => {
      await gates.get(path)?.opened;
      for (let turns = chance.below(4); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      addLlmUsage({ model: 'm', provider: 'p', cost: 60 });
      return { json: 1 };
    };
    const listener = await framework?.listener({ credits, logger: QUIET, ...options } as Options, handle);
    const served = await serve(listener as NonNullable<typeof listener>);
    onTestFinished(served.close);
    for (let round = 0; round < rounds; round++) {
      const user = `race-${round}`;
      await credits.addCredits(user, 100);
      const job: Job = { user, kind: 'json', costs: [], leavesAfter: null };
      const held = gate();
      gates.set(`/api/${round}`, held);
      const first = send(served.url, job, round);
      const second = send(served.url, job, round);
      // A third comes at any time: before, while the others work, between the end of a handler and its settlement.
      const pauses = chance.below(12);
      const third = (async () => {
        for (let i = 0; i < pauses; i++) await new Promise((resolve) => setImmediate(resolve));
        return send(served.url, job, round);
      })();
      await new Promise((resolve) => setImmediate(resolve));
      held.open();
      const statuses = await Promise.all([first, second, third]);
      expect([round, statuses.sort()]).toEqual([round, [200, 402, 402]]);
      const { balance, reserved } = await credits.getUserCreditsInfo(user);
      expect([balance, reserved]).toEqual([40, 0]);
    }
  });
});
