/**
 * `tsx test/bench/postgres-commit.ts`: units a second of `commit` on PostgreSQL (CREDIT_TEST_POSTGRES_URL, else from
 * npm), three calls in flight, against the same rows written by one statement that gets nothing and checks nothing.
 */
import { randomUUID } from 'node:crypto';
import { SqlDbManager } from 'credit-management/sql';
import pg from 'pg';
import { emptyAccount } from '../../src/core/account.js';
import { accountToRow } from '../../src/core/rows.js';
import type { OpenGrant } from '../../src/models/account.js';
import { storedModels } from '../../src/models/stored-models.js';
import type { Row, StoredValue, Unit } from '../../src/ports/db-manager.js';
import { uuidv7Source } from '../../src/services/manager/ids.js';
import { startOwnServer } from '../backends/own-server.js';
import { createDatabase, dropDatabase } from '../backends/postgres.js';

const ACCOUNTS = 6_144;
const IN_FLIGHT = 3;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const nextId = uuidv7Source();

const grants = [1, 2].map((seq) => {
  const numbers = { amount: 1e12, remaining: 1e12 - 1, held: 0, expired: 0, revoked: 0, rowVersion: 1 };
  const times = { effectiveAt: 1.7e12, expiresAt: 1.8e12, createdAt: 1.7e12 };
  const terms = { source: 'other', priority: 50, planId: null, reference: null };
  return { id: `g-${randomUUID()}`, ...numbers, ...times, ...terms, seq, place: 0 } as OpenGrant;
});

function accountRow(n: number, version: number): Row {
  const account = { ...emptyAccount('credits', `user-${n}`), grants };
  const row = accountToRow(account, version) as unknown as Record<string, StoredValue>;
  return { ...row, version, balance: 2e12 - version, available: 2e12 - version };
}

function unitOf(n: number, version: number): Unit {
  const id = nextId();
  const row = accountRow(n, version + 1);
  const entry = {
    ...{ id, version: 1, eventType: 'transaction', type: 'deduct', operation: 'deduct', operationId: id },
    ...{ account: row.id, userId: row.userId, creditType: row.creditType, seq: version, at: new Date() },
    ...{ amount: 1, delta: -1, reservedDelta: 0, balanceAfter: row.balance, availableAfter: row.available },
    ...{ debtAfter: 0, draws: [{ grantId: grants[0]?.id as string, amount: 1 }], repaid: [] },
    ...{ grantId: null, reservationId: null, reverses: null, message: 'Credits deducted', description: null },
    ...{ actor: null, reason: null, correlationId: null, idempotencyKey: null, scopedKey: null, fingerprint: null },
    ...{ metadata: {}, details: {}, prev: 'a'.repeat(64), hash: 'b'.repeat(64) },
  } as unknown as Row;
  return [
    { op: 'insert', model: 'entry', row: entry },
    { op: 'replace', model: 'account', row, expectedVersion: version },
  ];
}

const given = process.env.CREDIT_TEST_POSTGRES_URL;
const own = given ? null : await startOwnServer('postgres');
const server = given ?? (own?.url as string);
const url = await createDatabase(server);
const db = new SqlDbManager({ url });
const plain = new pg.Pool({ connectionString: url, max: IN_FLIGHT });

async function inFlight(call: (lane: number) => Promise<number>): Promise<{ rate: number; callMs: number }> {
  const ends = performance.now() + SECONDS * 1000;
  const began = performance.now();
  let units = 0;
  let calls = 0;
  const lane = async (n: number) => {
    for (; performance.now() < ends; calls++) units += await call(n);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, (_, n) => lane(n)));
  const seconds = (performance.now() - began) / 1000;
  return { rate: units / seconds, callMs: (seconds * 1000 * IN_FLIGHT) / calls };
}

const versions = new Array<number>(ACCOUNTS).fill(1);
const positions = Array.from({ length: IN_FLIGHT }, () => 0);

/** Lanes write disjoint accounts, each its own one after another. */
async function commitBatch(lane: number, size: number): Promise<number> {
  const share = ACCOUNTS / IN_FLIGHT;
  const numbers = Array.from({ length: size }, (_, i) => lane * share + (((positions[lane] as number) + i) % share));
  positions[lane] = ((positions[lane] as number) + size) % share;
  const outcomes = await db.commit(numbers.map((n) => unitOf(n, versions[n] as number)));
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome.status !== 'committed') throw new Error(JSON.stringify(outcome));
    versions[numbers[i] as number]!++;
  }
  return size;
}

/** Entries and accounts of the same size, made up by the server itself. */
async function insertPlain(lane: number, size: number): Promise<number> {
  const { rows } = await plain.query({
    name: 'plain',
    text: `with u as (update plain_account set version = version + 1, available = available - 1
        where n >= $1::int and n < $1::int + $2::int returning n)
      insert into plain_entry select (jsonb_populate_record(e, jsonb_build_object('id', uuid, 'seq', n))).*
      from plain_model e, (select n, gen_random_uuid() as uuid from generate_series(1, $2::int) n) g returning 1`,
    values: [lane * (ACCOUNTS / IN_FLIGHT) + 1, size],
  });
  return rows.length;
}

async function preparePlain(): Promise<void> {
  await db.commit([unitOf(0, 1)]);
  versions[0] = 2;
  await plain.query(`create table plain_entry (like credit_entry including all);
    create table plain_account (like credit_account including all);
    alter table plain_account add column n int unique;
    insert into plain_account select a.*, row_number() over () from credit_account a;
    create table plain_model as select * from credit_entry limit 1`);
}

const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[list.length >> 1] as number;

try {
  await db.init(storedModels);
  for (let from = 0; from < ACCOUNTS; from += 512) {
    const numbers = Array.from({ length: 512 }, (_, i) => from + i);
    await db.commit(numbers.map((n) => [{ op: 'insert', model: 'account', row: accountRow(n, 1) }]));
  }
  await preparePlain();
  const designs: Record<string, (lane: number) => Promise<number>> = {
    'commit, 512 units': (lane) => commitBatch(lane, 512),
    'commit, 64 units': (lane) => commitBatch(lane, 64),
    'commit, 1 unit': (lane) => commitBatch(lane, 1),
    'plain insert and update, 512 rows each': (lane) => insertPlain(lane, 512),
  };
  const found = new Map<string, { rate: number[]; callMs: number[] }>();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, call] of Object.entries(designs)) {
      await plain.query('checkpoint');
      const { rate, callMs } = await inFlight(call);
      // The first round warms up.
      if (round === 0) continue;
      const all = found.get(name) ?? { rate: [], callMs: [] };
      found.set(name, { rate: [...all.rate, rate], callMs: [...all.callMs, callMs] });
    }
  }
  const { rows } = await plain.query("select current_setting('server_version') as v");
  console.log(`PostgreSQL ${rows[0].v}, ${IN_FLIGHT} in flight, median of ${ROUNDS} rounds of ${SECONDS} s`);
  for (const [name, { rate, callMs }] of found) {
    const perSecond = Math.round(median(rate)).toLocaleString('en').padStart(8);
    console.log(`${name.padEnd(40)} ${perSecond} units/s   ${median(callMs).toPrecision(3)} ms a call`);
  }
} finally {
  await db.close();
  await plain.end();
  await dropDatabase(server, url);
  await own?.stop();
}
