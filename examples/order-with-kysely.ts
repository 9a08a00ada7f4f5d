/**
 * An order and its credits in one transaction of kysely. Needs a PostgreSQL: `CREDIT_DATABASE_URL=postgres://… npx tsx
 * examples/order-with-kysely.ts`. It works in a schema of its own, which it drops.
 */
import assert from 'node:assert/strict';
import { createCreditManagement, isCreditError } from 'credit-management';
import { SqlDbManager } from 'credit-management/sql';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';

const url = process.env.CREDIT_DATABASE_URL;
if (!url) {
  console.log('not run: set CREDIT_DATABASE_URL to the URL of a PostgreSQL');
  process.exit();
}

interface Tables {
  orders: { id: string; price: number };
}

const schema = `example_kysely_${process.pid}`;
const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}` });
const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
await sql`create schema ${sql.id(schema)}`.execute(db);
await sql`create table orders (id text primary key, price integer not null)`.execute(db);
const manager = createCreditManagement({ db: new SqlDbManager({ url, schema }) });
const { credits } = manager;

async function order(id: string, price: number, thenFail = false): Promise<void> {
  await db.transaction().execute(async (session) => {
    await session.insertInto('orders').values({ id, price }).execute();
    await credits.deductCredits('ada', price, { session, description: id });
    if (thenFail) throw new Error('the warehouse is empty');
  });
}

async function state(): Promise<{ balance: number; orders: string[] }> {
  const rows = await db.selectFrom('orders').select('id').orderBy('id').execute();
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
  await db.transaction().execute(async (session) => {
    try {
      await credits.deductCredits('ada', 500, { session });
    } catch (error) {
      if (!isCreditError(error, 'INSUFFICIENT_CREDITS')) throw error;
      await session.insertInto('orders').values({ id: 'on-account-1', price: 500 }).execute();
    }
  });
  console.log('refused, and committed without:', await state());
  assert.deepEqual(await state(), { balance: 70, orders: ['on-account-1', 'order-1'] });
} finally {
  await manager.close();
  await sql`drop schema ${sql.id(schema)} cascade`.execute(db);
  await db.destroy();
}
