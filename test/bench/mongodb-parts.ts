/** The parts of the MongoDB benchmark, each on a database of its own; `--only a,b` chooses among them. */
import { MongoClient } from 'mongodb';
import { dropMongoDatabase } from '../backends/mongo.js';
import { onDatabase } from '../backends/mongo-uri.js';
import { startOwnServer } from '../backends/own-server.js';
import { benchMongo } from './mongodb.js';
import { mongoUsers } from './mongodb-users.js';
import { Report } from './report.js';
import type { UsersBench } from './users.js';

type Part = (bench: UsersBench & { readonly json: boolean }) => Promise<void>;

/** `default` is what runs without `--only`. */
const PARTS: Readonly<Record<string, Part>> = { default: benchMongo, users: mongoUsers };

interface Options extends Pick<UsersBench, 'rounds' | 'seconds' | 'rttMs'> {
  readonly json: boolean;
  /** Names of parts, separated by commas. */
  readonly only: string | undefined;
}

export async function benchMongoParts({ only = 'default', ...options }: Options): Promise<void> {
  const names = only.split(',');
  const unknown = names.filter((name) => !(name in PARTS));
  if (unknown.length > 0) throw new Error(`--only takes ${Object.keys(PARTS).join(', ')}`);
  const given = process.env.CREDIT_TEST_MONGO_URI;
  const own = given ? null : await startOwnServer('mongo');
  const report = new Report('mongodb', options.json);
  try {
    if (own) await letTransactionsLast(own.url);
    for (const name of names) {
      const url = onDatabase(given ?? (own?.url as string));
      try {
        await PARTS[name]?.({ url, report, ...options });
      } finally {
        await dropMongoDatabase(url);
      }
    }
  } finally {
    await own?.stop();
  }
}

/** How long MongoDB lets a transaction last, unless told otherwise. */
const LIFETIME_SECONDS = 60;

/**
 * Servers of the tests end a transaction after two seconds. With 1,000 calls at once and 10 connections many by hand
 * take longer, and would be made again.
 */
async function letTransactionsLast(url: string): Promise<void> {
  const client = new MongoClient(url);
  try {
    await client.db('admin').command({ setParameter: 1, transactionLifetimeLimitSeconds: LIFETIME_SECONDS });
  } finally {
    await client.close();
  }
}
