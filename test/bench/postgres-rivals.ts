/** References of the benchmark, as people write them by hand on PostgreSQL: row lock, one statement, bulk insert. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { ACCOUNTS, type Deduct, type Rival } from './closed-loop.js';

/** Tables as a careful application has them: balance with a check, a transaction and a ledger row an operation. */
export const HAND_TABLES = `
  drop table if exists hand_account, hand_txn, hand_ledger;
  create table hand_account (id text collate "C" primary key, version bigint not null,
    balance bigint not null check (balance >= 0), reserved bigint not null, state text not null)
    with (fillfactor = 70);
  create table hand_txn (id text collate "C" primary key, account_id text collate "C" not null, seq bigint not null,
    type text not null, amount bigint not null, balance_after bigint not null, at timestamptz not null,
    unique (account_id, seq));
  create table hand_ledger (account_id text collate "C", seq bigint, event text not null, message text not null,
    details text not null, at timestamptz not null, primary key (account_id, seq));
`;

/** The same with their accounts. */
export async function makeTables(url: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`${HAND_TABLES}
      insert into hand_account
        select 'user-' || n, 0, 1000000000000, 0, '{}' from generate_series(0, ${ACCOUNTS - 1}) n;
    `);
    await client.query('vacuum analyze');
  });
}

/** Sends a statement that the connection keeps under a name. */
export type Send = (name: string, text: string, values: unknown[]) => Promise<readonly Record<string, unknown>[]>;

/** What one operation does to account `n`, in micro-units. */
export interface Move {
  readonly n: number;
  readonly type: string;
  readonly balance: number;
  readonly reserved: number;
}

/** Lock, decide here, update, two inserts: four round trips, in a transaction that the caller begins and commits. */
export async function moveByHand(send: Send, { n, type, ...by }: Move): Promise<void> {
  const id = `user-${n}`;
  const lock = 'select version, balance, reserved, state from hand_account where id = $1 for update';
  const row = (await send('lock', lock, [id]))[0] as Record<'version' | 'balance' | 'reserved', string>;
  const balance = Number(row.balance) + by.balance;
  const reserved = Number(row.reserved) + by.reserved;
  const seq = Number(row.version) + 1;
  if (balance < reserved) throw new Error('insufficient');
  const update = 'update hand_account set version = $2, balance = $3, reserved = $4 where id = $1';
  await send('update', update, [id, seq, balance, reserved]);
  const txn = 'insert into hand_txn values ($1, $2, $3, $4, $5, $6, now())';
  await send('txn', txn, [randomUUID(), id, seq, type, Math.abs(by.balance), balance]);
  const ledger = 'insert into hand_ledger values ($1, $2, $3, $4, $5, now())';
  const details = JSON.stringify({ amount: Math.abs(by.balance || by.reserved), balance });
  await send('ledger', ledger, [id, seq, 'transaction', `Credits: ${type}`, details]);
}

export interface NaiveRival extends Rival {
  readonly move: (move: Move) => Promise<void>;
}

/** BEGIN, the four statements of {@link moveByHand}, COMMIT: six round trips. */
export function naive(url: string, poolSize: number): NaiveRival {
  const pool = poolOf(url, poolSize);
  const move = async (what: Move) => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      await moveByHand(async (name, text, values) => (await client.query({ name, text, values })).rows, what);
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch(() => {});
      throw error;
    } finally {
      client.release();
    }
  };
  const deduct: Deduct = (n, amount) => move({ n, type: 'deduct', balance: -amount, reserved: 0 });
  return { deduct, move, close: () => pool.end() };
}

/** The same in one statement: a scalar balance only, so an upper bound for it. */
export function statement(url: string, poolSize: number): Rival {
  const pool = poolOf(url, poolSize);
  const text = `
    with u as (update hand_account set version = version + 1, balance = balance - $2
      where id = $1 and balance - reserved >= $2 returning id, version, balance),
    t as (insert into hand_txn select $3, id, version, 'deduct', $2, balance, now() from u),
    l as (insert into hand_ledger select id, version, 'transaction', 'Credits deducted', $4, now() from u)
    select version, balance from u`;
  const deduct: Deduct = async (n, amount) => {
    const values = [`user-${n}`, amount, randomUUID(), JSON.stringify({ amount })];
    const { rowCount } = await pool.query({ name: 'deduct', text, values });
    if (rowCount !== 1) throw new Error('insufficient');
  };
  return { deduct, close: () => pool.end() };
}

/** A durable insert of one row: what one commit costs at least. */
export function rawInsert(url: string): Rival {
  const pool = poolOf(url, 1);
  const text = 'insert into hand_ledger values ($1, $2, $3, $4, $5, now())';
  let seq = 0;
  const deduct: Deduct = async () => {
    await pool.query({ name: 'raw', text, values: ['raw', ++seq, 'transaction', 'Credits deducted', '{}'] });
  };
  return { deduct, close: () => pool.end() };
}

function poolOf(connectionString: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString, max });
  // A connection that is about to end may still hear that its database is dropped.
  pool.on('error', () => {});
  return pool;
}

/** Operations a second when the server makes the rows itself, 512 a commit: nothing is sent and nothing decided. */
export async function bulkRate(url: string, accounts: number, seconds: number): Promise<number> {
  return withClient(url, async (client) => {
    const update = `update hand_account set version = version + 1, balance = balance - 1
      where id in (select 'user-' || (n * 7919 % ${accounts}) from generate_series($1::int, $1::int + 511) n)`;
    const insert = `insert into hand_txn
      select gen_random_uuid()::text, 'user-' || (n % ${accounts}), 1e9 + n, 'deduct', 1, 1, now()
      from generate_series($1::bigint, $1::bigint + 511) n`;
    let done = 0;
    const began = performance.now();
    while (performance.now() - began < seconds * 1000) {
      await client.query('begin');
      await client.query(update, [done % 1_000_000]);
      await client.query(insert, [done]);
      await client.query('commit');
      done += 512;
    }
    const rate = (done / (performance.now() - began)) * 1000;
    await client.query('delete from hand_txn where seq >= 1e9');
    return rate;
  });
}

/** Syncs of the log so far. */
export async function walSyncs(url: string): Promise<number> {
  return withClient(url, async (client) => {
    // Moved in PostgreSQL 18.
    const newer = "select sum(fsyncs) as syncs from pg_stat_io where object = 'wal' having count(*) > 0";
    const { rows } = await client.query(newer).catch(() => client.query('select wal_sync as syncs from pg_stat_wal'));
    return Number(rows[0].syncs);
  });
}

/** Balances and rows agree: every rival's and nobody's operation is lost. */
export async function checkTables(url: string): Promise<void> {
  await withClient(url, async (client) => {
    const { rows } = await client.query(`select (select sum(1000000000000 - balance) from hand_account)::text as spent,
      (select coalesce(sum(amount), 0) from hand_txn)::text as booked`);
    if (Number(rows[0].booked) > Number(rows[0].spent)) throw new Error('The tables written by hand do not agree.');
  });
}

async function withClient<T>(url: string, run: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}
