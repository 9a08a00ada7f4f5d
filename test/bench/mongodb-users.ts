/** The part `users` on MongoDB. Its server has no process for each connection, so there is no memory to tell of one. */
import { readFileSync } from 'node:fs';
import { MongoDbManager } from 'credit-management/mongodb';
import { type Db, MongoClient } from 'mongodb';
import { databaseOf } from '../backends/mongo-uri.js';
import { libraryRival } from './closed-loop.js';
import type { Meter } from './cost.js';
import { bulkRate, makeCollections, NARROW, naive } from './mongodb-rivals.js';
import { type Rivals, type UsersBench, users } from './users.js';

interface Status {
  readonly pid: number;
  readonly version: string;
  readonly wiredTiger: { readonly log: { readonly 'log bytes written': number } };
}

export async function mongoUsers(bench: UsersBench): Promise<void> {
  await makeCollections(bench.url);
  const control = new MongoClient(bench.url);
  const admin = control.db('admin');
  try {
    await run(bench, admin);
  } finally {
    await control.close();
  }
}

async function run(bench: UsersBench, admin: Db): Promise<void> {
  const { url, rttMs, seconds, report } = bench;
  const { pid, version } = await statusOf(admin);
  report.figures('server', { version });
  await users(bench, {
    adapter: 'mongodb',
    naiveOnHot: NARROW,
    meter: meterOf(admin, pid),
    open: (reached) => open(rttMs > 0 ? direct(reached) : reached),
    checkpoint: async () => void (await admin.command({ fsync: 1 }).catch(() => {})),
    bulkRate: () => bulkRate(url, seconds),
  });
}

async function open(url: string): Promise<Rivals> {
  const db = MongoDbManager.fromClientUri(url, { dbName: databaseOf(url), prefix: 'credit_' });
  return { 'naive 10': naive(url, 10), 'naive 50': naive(url, 50), library: await libraryRival(db, {}) };
}

/** The driver would ask the server where the members of its replica set are, and go around the proxy. */
function direct(url: string): string {
  const reached = new URL(url);
  reached.searchParams.delete('replicaSet');
  reached.searchParams.set('directConnection', 'true');
  return reached.href;
}

function meterOf(admin: Db, pid: number): Meter {
  const pids = isMongod(pid) ? [pid] : null;
  return {
    pids: async () => pids,
    walBytes: async () => (await statusOf(admin)).wiredTiger.log['log bytes written'],
  };
}

async function statusOf(admin: Db): Promise<Status> {
  return (await admin.command({ serverStatus: 1 })) as unknown as Status;
}

/** A process of another machine may have the number of one of this machine. */
function isMongod(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('mongod');
  } catch {
    return false;
  }
}
