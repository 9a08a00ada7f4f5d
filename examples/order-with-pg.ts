/**
 * An order and its credits in one transaction of `pg`. Needs a PostgreSQL: `CREDIT_DATABASE_URL=postgres://… npx tsx
 * examples/order-with-pg.ts`. It works in a schema of its own, which it drops.
 */
import assert from 'node:assert/strict';
import { createCreditManagement, isCreditError } from 'credit-management';
import { SqlDbManager } from 'credit-management/sql';
import pg from 'pg';

const url = process.env.CREDIT_DATABASE_URL;
if (!url) {
  console.log('not run: set CREDIT_DATABASE_URL to the URL of a PostgreSQL');
  process.exit();
}

const schema = `example_pg_${process.pid}`;
const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}` });
await pool.query(
  `create schema ${schema}; create table ${schema}.orders (id text primary key, price integer not null)`,
);
// The library gets connections of its own; yours are only borrowed, call by call.
const manager = createCreditManagement({ db: new SqlDbManager({ url, schema }) });
const { credits } = manager;

/** Begins, runs, commits; rolls back when it fails. */
async function transaction<T>(run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await run(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

async function order(id: string, price: number, thenFail = false): Promise<void> {
  await transaction(async (client) => {
    await client.query('insert into orders (id, price) values ($1, $2)', [id, price]);
    await credits.deductCredits('ada', price, { session: client, description: id });
    if (thenFail) throw new Error('the warehouse is empty');
  });
}

async function state(): Promise<{ balance: number; orders: string[] }> {
  const { rows } = await pool.query<{ id: string }>('select id from orders order by id');
  const { balance } = await credits.getUserCreditsInfo('ada');
  return { balance, orders: rows.map(({ id }) => id) };
}

try {
  await credits.addCredits('ada', 100);

  await order('order-1', 30);
  console.log('committed:', await state());
  assert.deepEqual(await state(), { balance: 70, orders: ['order-1'] });

  await assert.rejects(order('order-2', 30, true), /warehouse/);
  console.log('rolled back, both are gone:', await state());
  assert.deepEqual(await state(), { balance: 70, orders: ['order-1'] });

  // A refusal leaves your transaction as it was: go on with something else, and commit.
  await transaction(async (client) => {
    try {
      await credits.deductCredits('ada', 500, { session: client });
    } catch (error) {
      if (!isCreditError(error, 'INSUFFICIENT_CREDITS')) throw error;
      await client.query("insert into orders (id, price) values ('on-account-1', 500)");
    }
  });
  console.log('refused, and committed without:', await state());
  assert.deepEqual(await state(), { balance: 70, orders: ['on-account-1', 'order-1'] });
} finally {
  await manager.close();
  await pool.query(`drop schema ${schema} cascade`);
  await pool.end();
}
