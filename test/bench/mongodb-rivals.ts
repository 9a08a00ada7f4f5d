/** References of the benchmark, as people write them on MongoDB: a transaction, two writes, medici, bulk insert. */
import { randomUUID } from 'node:crypto';
import { Book } from 'medici';
import { type ClientSession, MongoClient } from 'mongodb';
import mongoose from 'mongoose';
import { databaseOf } from '../backends/mongo-uri.js';
import { ACCOUNTS, type Deduct, type Rival } from './closed-loop.js';

type Account = { _id: string; version: number; balance: number; reserved: number; state: string };
type Record = { _id: string; account: string; seq: number };

/** In flight; the naive rival and medici do not finish a hot account at more. */
export const NARROW = 20;

const DURABLE = { writeConcern: { w: 'majority', journal: true } } as const;
const STATE = JSON.stringify({ lots: Array.from({ length: 3 }, (_, i) => ({ id: randomUUID(), left: 1e12, i })) });

function collectionsOf(client: MongoClient, url: string) {
  const db = client.db(databaseOf(url), DURABLE);
  return {
    accounts: db.collection<Account>('hand_account'),
    transactions: db.collection<Record>('hand_transaction'),
    ledger: db.collection<Record>('hand_ledger'),
  };
}

export async function makeCollections(url: string): Promise<void> {
  const client = new MongoClient(url);
  const { accounts, transactions, ledger } = collectionsOf(client, url);
  const rows = Array.from({ length: ACCOUNTS }, (_, n) => ({
    ...{ _id: `user-${n}`, version: 0, balance: 1e12, reserved: 0, state: STATE },
  }));
  await accounts.insertMany(rows);
  await transactions.createIndex({ account: 1, seq: 1 }, { unique: true });
  await ledger.createIndex({ account: 1, seq: 1 }, { unique: true });
  await client.close();
}

function recordsOf(account: string, seq: number, amount: number, balance: number) {
  const shared = { account, seq, amount, balance, at: new Date() };
  const details = JSON.stringify({ amount, balance });
  return {
    transaction: { ...shared, _id: randomUUID(), type: 'deduct' },
    entry: { ...shared, _id: randomUUID(), event: 'transaction', message: 'Credits deducted', details },
  };
}

/** `withTransaction` an operation: read, decide here, update, two inserts. The driver's usual pool is one of 100. */
export function naive(url: string, maxPoolSize = 100): Rival {
  const client = new MongoClient(url, { maxPoolSize });
  const { accounts, transactions, ledger } = collectionsOf(client, url);
  const options = { readConcern: { level: 'snapshot' }, ...DURABLE } as const;
  const deduct: Deduct = async (n, amount) => {
    const _id = `user-${n}`;
    const once = async (session: ClientSession) => {
      const account = await accounts.findOne({ _id }, { session });
      if (!account || account.balance - account.reserved < amount) throw new Error('insufficient');
      const [seq, balance] = [account.version + 1, account.balance - amount];
      await accounts.updateOne({ _id }, { $set: { version: seq, balance } }, { session });
      const { transaction, entry } = recordsOf(_id, seq, amount, balance);
      await transactions.insertOne(transaction, { session });
      await ledger.insertOne(entry, { session });
    };
    await client.withSession((session) => session.withTransaction(() => once(session), options));
  };
  return { deduct, close: () => client.close() };
}

/** One update that checks the balance, then two inserts: not atomic, and a scalar balance only. */
export function statement(url: string): Rival {
  const client = new MongoClient(url);
  const { accounts, transactions, ledger } = collectionsOf(client, url);
  const deduct: Deduct = async (n, amount) => {
    const change = { $inc: { version: 1, balance: -amount } };
    const filter = { _id: `user-${n}`, balance: { $gte: amount } };
    const account = await accounts.findOneAndUpdate(filter, change, { returnDocument: 'after' });
    if (!account) throw new Error('insufficient');
    const { transaction, entry } = recordsOf(account._id, account.version, amount, account.balance);
    await transactions.insertOne(transaction);
    await ledger.insertOne(entry);
  };
  return { deduct, close: () => client.close() };
}

/** Double entry by medici; it checks no balance. */
export async function medici(url: string): Promise<Rival> {
  await mongoose.connect(url, { dbName: databaseOf(url), ...DURABLE });
  const book = new Book('credits');
  const deduct: Deduct = async (n, amount) => {
    await book.entry('Credits deducted').debit(`users:user-${n}`, amount).credit('spent', amount).commit();
  };
  return { deduct, close: () => mongoose.disconnect() };
}

/**
 * The raw limit: 512 transactions and 512 ledger rows at a time, three at once, no accounts. Into collections of its
 * own, made anew, with the unique indexes that the rows need: (account, seq) and (key, account).
 */
export async function bulkRate(url: string, seconds: number): Promise<number> {
  const client = new MongoClient(url);
  const db = client.db(databaseOf(url), DURABLE);
  const [transactions, ledger] = [db.collection<Record>('bulk_transaction'), db.collection<Record>('bulk_ledger')];
  const collections = [transactions, ledger];
  for (const collection of collections) {
    await collection.createIndex({ account: 1, seq: 1 }, { unique: true });
    await collection.createIndex({ key: 1, account: 1 }, { unique: true });
  }
  let seq = 0;
  let done = 0;
  const began = performance.now();
  const lane = async () => {
    while (performance.now() - began < seconds * 1000) {
      const records = Array.from({ length: 512 }, () => {
        const { transaction, entry } = recordsOf(`bulk-${++seq % ACCOUNTS}`, seq, 1, 1);
        const key = randomUUID();
        return { transaction: { ...transaction, key }, entry: { ...entry, key } };
      });
      const [rows, entries] = [records.map((each) => each.transaction), records.map((each) => each.entry)];
      await transactions.insertMany(rows, { ordered: false });
      await ledger.insertMany(entries, { ordered: false });
      done += records.length;
    }
  };
  await Promise.all([lane(), lane(), lane()]);
  const rate = (done / (performance.now() - began)) * 1000;
  for (const collection of collections) await collection.drop();
  await client.close();
  return rate;
}

/** Balances and records agree: no operation of the naive rival is lost, and none of the others is made up. */
export async function checkCollections(url: string): Promise<void> {
  const client = new MongoClient(url);
  const { accounts, transactions } = collectionsOf(client, url);
  const sum = [{ $group: { _id: null, versions: { $sum: '$version' } } }];
  const [{ versions } = { versions: 0 }] = await accounts.aggregate<{ versions: number }>(sum).toArray();
  const written = await transactions.countDocuments();
  await client.close();
  if (written > versions) throw new Error('The collections written by hand do not agree.');
}
