/**
 * The jobs in a queue of BullMQ: `REDIS_URL=redis://… npx tsx examples/jobs-with-bullmq.ts`. Its queue is its own, and
 * gone at the end. With `CREDIT_DATABASE_URL=postgres://…` it keeps credits in a schema of its own, which it drops;
 * else in memory, and says so. Workers in several processes need the database.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Queue, Worker } from 'bullmq';
import type { JobOptions, JobReport } from 'credit-management';
import { createCreditManagementFromEnv } from 'credit-management/env';
import { Redis } from 'ioredis';
import pg from 'pg';

const redisUrl = process.env.REDIS_URL || process.env.CREDIT_TEST_REDIS_URL;
if (!redisUrl) {
  console.log('not run: set REDIS_URL to the URL of a Redis');
  process.exit();
}
// BullMQ waits for its commands as long as it takes. That there is a Redis at all is found out here.
const connection = new Redis(redisUrl, { maxRetriesPerRequest: null, lazyConnect: true });
await connection.connect();

const url = process.env.CREDIT_DATABASE_URL;
const schema = `example_bullmq_${process.pid}`;
const pool = url ? new pg.Pool({ connectionString: url }) : null;
await pool?.query(`create schema ${schema}`);

// The queue runs in real time; the days that make something due pass by this clock. A service has no such option.
let days = 0;
const clock = { now: () => new Date(Date.now() + days * 86_400_000) };
const manager = createCreditManagementFromEnv(
  { clock },
  { CREDIT_DATABASE_URL: url, CREDIT_DATABASE_SCHEMA: schema }, // yours is process.env
);
const { credits, subscriptions, jobs } = manager;

// A job that is told to stop does so between two batches, and its next run goes on from there.
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

// What a queue may ask for; each answers a report, which BullMQ keeps as the result of its job.
const handlers = {
  allocation: (options: JobOptions): Promise<JobReport> => jobs.runAllocation(options),
  reservation_expiry: (options: JobOptions): Promise<JobReport> => jobs.runReservationExpiry(options),
  expiration: (options: JobOptions): Promise<JobReport> => jobs.runExpiration(options),
};
type Name = keyof typeof handlers;

const queue = new Queue<null, JobReport, Name>(`credit-example-${process.pid}`, { connection });
const reports: JobReport[] = [];
/** The jobs that were run to their end; one that was stopped is not among them. */
const completed = () => new Set(reports.flatMap(({ job, status }) => (status === 'completed' ? [job] : [])));

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

  // A scheduler is kept in Redis under its name: every process may set it, there is one. Every second, so that you see
  // something; a service says { pattern: '*/5 * * * *' } and the like.
  const opts = { removeOnComplete: 100, removeOnFail: 100 };
  for (const name of Object.keys(handlers) as Name[]) {
    await queue.upsertJobScheduler(name, { every: 1000 }, { name, opts });
  }

  const worker = new Worker<null, JobReport, Name>(
    queue.name,
    (job, _token, cancelled) =>
      handlers[job.name]({
        batchSize: 10,
        // Stops with the process, or by worker.cancelJob(id).
        signal: cancelled ? AbortSignal.any([stop.signal, cancelled]) : stop.signal,
        onProgress: (progress) => job.updateProgress(progress),
      }),
    { connection, concurrency: 3 },
  );
  worker.on('progress', (job, progress) => console.log(`job ${job.id} of BullMQ:`, progress));
  worker.on('completed', (_job, report) => {
    reports.push(report);
    console.log(report);
    if (completed().size === 3) stop.abort(); // only an example ends by itself
  });
  // The jobs report what happens on their way and do not throw; what comes here is Redis, or a mistake in the set-up.
  const fail = (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
    stop.abort();
  };
  worker.on('error', fail).on('failed', (_job, error) => fail(error));

  if (!stop.signal.aborted) await once(stop.signal, 'abort');
  await worker.close(); // waits for what runs

  if (completed().size === 3) {
    const sum = (of: 'granted' | 'expired') => reports.reduce((total, report) => total + report[of], 0);
    assert.deepEqual([sum('granted'), sum('expired')], [100, 250]);
    const infos = await credits.getUsersCreditsInfo(['ada', 'bob', 'guest-25']);
    const state = infos.map(({ userId, balance, reserved }) => `${userId} has ${balance}, ${reserved} on hold`);
    assert.deepEqual(state, ['ada has 100, 0 on hold', 'bob has 20, 0 on hold', 'guest-25 has 0, 0 on hold']);
    console.log('jobs with BullMQ: ok');
  }
} finally {
  await queue.obliterate({ force: true });
  await queue.close();
  await connection.quit();
  await manager.close();
  await pool?.query(`drop schema ${schema} cascade`);
  await pool?.end();
}
