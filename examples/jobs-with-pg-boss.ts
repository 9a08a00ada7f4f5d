/**
 * The jobs in queues of pg-boss, which needs a PostgreSQL and no other service: `CREDIT_DATABASE_URL=postgres://… npx
 * tsx examples/jobs-with-pg-boss.ts`. Credits and queues are in schemas of its own, which it drops.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createCreditManagement, type JobOptions, type JobReport } from 'credit-management';
import { SqlDbManager } from 'credit-management/sql';
import pg from 'pg';
import PgBoss from 'pg-boss';

const url = process.env.CREDIT_DATABASE_URL;
if (!url) {
  console.log('not run: set CREDIT_DATABASE_URL to the URL of a PostgreSQL');
  process.exit();
}

const schema = `example_credits_${process.pid}`;
const bossSchema = `example_boss_${process.pid}`;
const pool = new pg.Pool({ connectionString: url });
await pool.query(`create schema ${schema}`);

// The queues run in real time; the days that make something due pass by this clock. A service has no such option.
let days = 0;
const clock = { now: () => new Date(Date.now() + days * 86_400_000) };
const manager = createCreditManagement({ db: new SqlDbManager({ url, schema }), clock });
const { credits, subscriptions, jobs } = manager;

// A job that is told to stop does so between two batches, and its next run goes on from there.
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

/** An error of pg-boss that nobody listens to ends the process. */
function fail(error: unknown): void {
  console.error(error);
  process.exitCode = 1;
  stop.abort();
}

// Looks for schedules every second, so that the example ends soon; a service is fine with the defaults.
const haste = { cronMonitorIntervalSeconds: 1, cronWorkerIntervalSeconds: 1 };
const boss = new PgBoss({ connectionString: url, schema: bossSchema, ...haste });
boss.on('error', fail);
const reports: JobReport[] = [];
/** The jobs that were run to their end; one that was stopped is not among them. */
const completed = () => new Set(reports.flatMap(({ job, status }) => (status === 'completed' ? [job] : [])));

/** One queue a job. The schedule is kept in the database: every process may set it, there is one. */
async function schedule(queue: string, pattern: string, job: (options: JobOptions) => Promise<JobReport>) {
  await boss.createQueue(queue);
  await boss.schedule(queue, pattern);
  await boss.work(queue, { pollingIntervalSeconds: 0.5 }, async ([{ id } = { id: '' }]) => {
    const report = await job({
      batchSize: 10,
      // Below the time after which pg-boss gives a job to another worker, which is 15 minutes.
      maxDurationMs: 10 * 60_000,
      signal: stop.signal,
      // pg-boss has no progress of its own.
      onProgress: ({ processed }) => console.log(`${queue} ${id}: ${processed} so far`),
    });
    reports.push(report);
    console.log(report);
    if (completed().size === 3) stop.abort(); // only an example ends by itself
    return report; // kept as the output of the job
  });
}

try {
  // ada has a daily plan and has spent all of today's credits; 25 guests have credits until tonight, bob a hold.
  const plan = { name: 'Daily', creditLimit: 100, price: 1, billingPeriod: 'daily' } as const;
  await subscriptions.setUserSubscriptionPlan('ada', await subscriptions.addSubscriptionPlan(plan));
  await credits.deductCredits('ada', 100);
  const tonight = new Date(Date.now() + 3_600_000);
  const guests = Array.from({ length: 25 }, (_, i) => `guest-${i + 1}`);
  await Promise.all(guests.map((guest) => credits.addCredits(guest, 10, { source: 'promo', expiresAt: tonight })));
  await credits.addCredits('bob', 20);
  await credits.reserveCredits('bob', 5, { ttlSeconds: 60 });
  days = 1;

  // Every minute, which is as often as pg-boss can; the first time is now.
  await boss.start();
  await schedule('credit-allocation', '* * * * *', jobs.runAllocation);
  await schedule('credit-reservation-expiry', '* * * * *', jobs.runReservationExpiry);
  await schedule('credit-expiration', '* * * * *', jobs.runExpiration);

  if (!stop.signal.aborted) await once(stop.signal, 'abort');
  await boss.stop({ graceful: true, timeout: 10_000 }); // waits for what runs

  if (completed().size === 3) {
    const sum = (of: 'granted' | 'expired') => reports.reduce((total, report) => total + report[of], 0);
    assert.deepEqual([sum('granted'), sum('expired')], [100, 250]);
    const infos = await credits.getUsersCreditsInfo(['ada', 'bob', 'guest-25']);
    const state = infos.map(({ userId, balance, reserved }) => `${userId} has ${balance}, ${reserved} on hold`);
    assert.deepEqual(state, ['ada has 100, 0 on hold', 'bob has 20, 0 on hold', 'guest-25 has 0, 0 on hold']);
    console.log('jobs with pg-boss: ok');
  }
} finally {
  await boss.stop({ graceful: false });
  await manager.close();
  await pool.query(`drop schema if exists ${bossSchema}, ${schema} cascade`);
  await pool.end();
}
