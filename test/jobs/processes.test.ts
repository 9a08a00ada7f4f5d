/** Several processes at once on one server: jobs with one killed and one frozen, a promo code, a switch of plans. */
import type { ChildProcess } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import type { JobReport } from '../../src/index.js';
import { ADAPTER } from '../backends/by-adapter.js';
import { describeStore, type Manager, type Server } from '../backends/job-stores.js';
import { amount } from '../support/amounts.js';
import { PATIENT_MS } from '../support/pace.js';
import { MONTHLY } from '../support/plan-world.js';
import { forkScript } from '../support/script.js';
import type { FromWorker, Task, WorkerConfig } from './job-worker.js';

const DUE = amount('CREDIT_DUE');
const SCRIPT = new URL('./job-worker.ts', import.meta.url);
const DAY_MS = 86_400_000;
/** More than a lease lasts. */
const LEASE_MS = 31_000;
const children = new Set<ChildProcess>();

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

class Job {
  reports: readonly JobReport[] = [];
  names: Readonly<Record<string, number>> = {};
  processed = 0;
  readonly over: Promise<void>;
  readonly #child: ChildProcess;
  /** Resolves when it is about to stand still; what wakes it sooner would be lost. */
  readonly standing: Promise<void>;
  #stood = () => {};
  #heard = () => {};

  private constructor(child: ChildProcess, over: Promise<void>) {
    this.#child = child;
    this.over = over;
    this.standing = new Promise((resolve) => {
      this.#stood = resolve;
    });
    child.on('message', (message: FromWorker) => {
      if (message === 'ready') return;
      if (message === 'standing still') this.#stood();
      else if ('processed' in message) this.processed = message.processed;
      else if ('reports' in message) this.reports = message.reports;
      else this.names = message.names;
      this.#heard();
    });
  }

  static async open(config: WorkerConfig): Promise<Job> {
    const child = forkScript(SCRIPT, [JSON.stringify(config)]);
    children.add(child);
    const over = new Promise<void>((resolve) => child.once('close', () => resolve()));
    await new Promise((resolve) => child.once('message', resolve));
    return new Job(child, over);
  }

  start(): this {
    this.#child.send('go');
    return this;
  }

  /** Resolves when it has told of this much progress, or has ended. */
  async until(processed: number): Promise<void> {
    const heard = async () => {
      while (this.processed < processed) await new Promise<void>((resolve) => (this.#heard = resolve));
    };
    await Promise.race([heard(), this.over]);
  }

  wake(): void {
    this.#child.kill('SIGCONT');
  }
}

function open({ database }: Server, tasks: readonly Task[], aheads: readonly number[] = []): Promise<Job[]> {
  const config = { adapter: ADAPTER, url: database.url, poolSize: 3 };
  return Promise.all(
    tasks.map((task, i) => Job.open({ database: config, timeoutMs: PATIENT_MS, task, ahead: aheads[i] ?? 0 })),
  );
}

async function expectSound(manager: Manager): Promise<void> {
  expect((await manager.ledger.verify()).problems).toEqual([]);
}

await describeStore('processes', (server) => {
  test(`${DUE} subscriptions are due, four workers, one killed, one frozen past its lease: once each`, () =>
    server.withStore(async (store) => {
      const past = { now: () => new Date(Date.now() - 40 * DAY_MS) };
      const sinks = [{ name: 'sink', publish: async () => {} }];
      const { subscriptions } = store.open({ clock: past, sinks });
      const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
      await Promise.all(Array.from({ length: DUE }, (_, i) => subscriptions.setUserSubscriptionPlan(`u${i}`, plan)));
      const task = { kind: 'allocate', batchSize: Math.ceil(DUE / 20) } as const;
      const tasks: Task[] = [
        { ...task, ending: { after: 1, signal: 'SIGKILL' } },
        { ...task, ending: { after: DUE / 4, signal: 'SIGSTOP' } },
        ...[task, task],
      ];
      const aheads = [0, LEASE_MS, 2 * LEASE_MS, 2 * LEASE_MS];
      const [killed, frozen, third, fourth] = (await open(server, tasks, aheads)) as [Job, Job, Job, Job];
      killed.start();
      await killed.over;
      frozen.start();
      await frozen.standing;
      third.start();
      fourth.start();
      await third.until(DUE / 4);
      frozen.wake();
      await Promise.all([frozen.over, third.over, fourth.over]);
      const reports = [...third.reports, ...fourth.reports];
      expect(reports.map(({ status }) => status)).toContain('lease_held_elsewhere');
      // It was woken, found that its lease is somebody else's, and gave up.
      expect(frozen.reports.map(({ status }) => status)).toEqual(['stopped']);
      // Whoever was cut off, one more run leaves nothing.
      const last = store.open({ clock: { now: () => new Date(Date.now() + 3 * LEASE_MS) }, sinks });
      expect(await last.jobs.runAllocation()).toMatchObject({ status: 'completed', skippedCount: 0 });
      expect(await last.jobs.runAllocation()).toMatchObject({ processed: 0 });
      const periods = await store.values('grant', 'reference', { source: 'subscription' });
      expect([periods.length, new Set(periods).size]).toEqual([2 * DUE, 2 * DUE]);
      const events = await store.values('outbox', 'eventId', { type: 'subscription.allocated' });
      expect([events.length, new Set(events).size]).toEqual([2 * DUE, 2 * DUE]);
      await expectSound(last);
    }));

  test('a code for 50, 400 who claim it in four processes: exactly 50 get it, nobody is told of contention', () =>
    server.withStore(async (store) => {
      const manager = store.open();
      await manager.promos.createPromo({ code: 'FIFTY', credits: 2, maxUses: 50 });
      const users = Array.from({ length: 400 }, (_, i) => `u${i}`);
      const tasks = [0, 1, 2, 3].map(
        (n): Task => ({
          ...{ kind: 'claim', code: 'fifty' },
          users: users.filter((_, i) => i % 4 === n),
        }),
      );
      const jobs = await open(server, tasks);
      await Promise.all(jobs.map((job) => job.start().over));
      const total: Record<string, number> = {};
      for (const { names } of jobs) for (const [name, n] of Object.entries(names)) total[name] = (total[name] ?? 0) + n;
      expect(total).toEqual({ claimed: 50, 'Promo has reached maximum uses': 350 });
      const infos = await Promise.all(
        [0, 1, 2, 3].map((n) => manager.credits.getUsersCreditsInfo(users.slice(100 * n, 100 * n + 100))),
      );
      expect(infos.flat().reduce((sum, { balance }) => sum + balance, 0)).toBe(100);
      expect((await manager.promos.getPromo('fifty'))?.totalClaims).toBe(50);
      const claimants = await store.values('promo_claim', 'userId');
      expect([claimants.length, new Set(claimants).size]).toEqual([50, 50]);
      await expectSound(manager);
    }));

  test('a referral code for 30, 40 users who claim it in each of four processes: 30 are referred, each once', () =>
    server.withStore(async (store) => {
      const manager = store.open();
      const referrer = { referrerId: 'ann', referrerCredits: 3 };
      await manager.promos.createPromo({ code: 'ANN', credits: 2, maxUses: 30, ...referrer });
      const users = Array.from({ length: 40 }, (_, i) => `u${i}`);
      const task: Task = { kind: 'claim', code: 'ann', users };
      const jobs = await open(server, [task, task, task, task]);
      await Promise.all(jobs.map((job) => job.start().over));
      const claimed = jobs.reduce((sum, { names }) => sum + (names.claimed ?? 0), 0);
      expect(claimed).toBe(30);
      const reasons = new Set(jobs.flatMap(({ names }) => Object.keys(names)));
      const wanted = ['claimed', 'Promo has reached maximum uses', "You've already been referred"];
      expect([...reasons].filter((reason) => !wanted.includes(reason))).toEqual([]);
      expect((await manager.credits.getUserCreditsInfo('ann', { fresh: true })).balance).toBe(90);
      const claimants = await store.values('promo_claim', 'userId');
      expect([claimants.length, new Set(claimants).size]).toEqual([30, 30]);
      await expectSound(manager);
    }));

  test('plans switched ten times at once in each of four processes never grant more than the higher limit', () =>
    server.withStore(async (store) => {
      const manager = store.open();
      const { subscriptions, credits } = manager;
      const alsoGrants = [{ creditType: 'credits', creditLimit: 1 }];
      expect(await subscriptions.addSubscriptionPlan({ ...MONTHLY, alsoGrants }).catch(({ code }) => code)).toBe(
        'INVALID_ARGUMENT',
      );
      const low = await subscriptions.addSubscriptionPlan(MONTHLY);
      const high = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 300 });
      await subscriptions.setUserSubscriptionPlan('u', low);
      const task: Task = { kind: 'switch', user: 'u', plans: [high.id, low.id], times: 10 };
      const jobs = await open(server, [task, task, task, task]);
      await Promise.all(jobs.map((job) => job.start().over));
      expect(jobs.map(({ names }) => names)).toEqual(jobs.map(() => ({ changed: 10 })));
      expect((await credits.getUserCreditsInfo('u', { fresh: true })).balance).toBe(300);
      await expectSound(manager);
    }));
});
