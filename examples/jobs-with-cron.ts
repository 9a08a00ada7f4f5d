/**
 * The jobs on cron patterns in this process, with croner: `npx tsx examples/jobs-with-cron.ts`. With
 * `CREDIT_DATABASE_URL=postgres://…` it works in a schema of its own, which it drops; else in memory, and says so.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { JobOptions, JobReport } from 'credit-management';
import { createCreditManagementFromEnv } from 'credit-management/env';
import { Cron } from 'croner';
import pg from 'pg';

const url = process.env.CREDIT_DATABASE_URL;
const schema = `example_cron_${process.pid}`;
const pool = url ? new pg.Pool({ connectionString: url }) : null;
await pool?.query(`create schema ${schema}`);

// The cron runs in real time; the days that make something due pass by this clock. A service has no such option.
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

const options: JobOptions = {
  batchSize: 10,
  signal: stop.signal,
  onProgress: ({ job, processed }) => console.log(`${job}: ${processed} so far`),
};
const reports: JobReport[] = [];
const running = new Set<Promise<void>>();
/** The jobs that were run to their end; one that was stopped is not among them. */
const completed = () => new Set(reports.flatMap(({ job, status }) => (status === 'completed' ? [job] : [])));

/** `protect`: one run at a time in this process. Between processes the jobs see to that themselves. */
function schedule(pattern: string, job: (options: JobOptions) => Promise<JobReport>): Cron {
  const run = async () => {
    const report = await job(options);
    reports.push(report);
    console.log(report);
    if (completed().size === 3) stop.abort(); // only an example ends by itself
  };
  return new Cron(pattern, { protect: true, timezone: 'UTC', catch: fail }, () => {
    const promise = run().finally(() => running.delete(promise));
    running.add(promise);
    return promise;
  });
}

/** A job reports what happens on its way and does not throw; what comes here is a mistake in the set-up. */
function fail(error: unknown): void {
  console.error(error);
  process.exitCode = 1;
  stop.abort();
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

  // Every second, so that you see something. A service: every 5 minutes, every minute, and at 03:15.
  const crons = [
    schedule('* * * * * *', jobs.runAllocation), // '*/5 * * * *'
    schedule('* * * * * *', jobs.runReservationExpiry), // '* * * * *'
    schedule('* * * * * *', jobs.runExpiration), // '15 3 * * *'
  ];
  if (!stop.signal.aborted) await once(stop.signal, 'abort');
  for (const cron of crons) cron.stop();
  await Promise.allSettled(running);

  if (completed().size === 3) {
    const sum = (of: 'granted' | 'expired') => reports.reduce((total, report) => total + report[of], 0);
    assert.deepEqual([sum('granted'), sum('expired')], [100, 250]);
    const infos = await credits.getUsersCreditsInfo(['ada', 'bob', 'guest-25']);
    const state = infos.map(({ userId, balance, reserved }) => `${userId} has ${balance}, ${reserved} on hold`);
    assert.deepEqual(state, ['ada has 100, 0 on hold', 'bob has 20, 0 on hold', 'guest-25 has 0, 0 on hold']);
    console.log('jobs with cron: ok');
  }
} finally {
  await manager.close();
  await pool?.query(`drop schema ${schema} cascade`);
  await pool?.end();
}
