/** How a worker opens its database, by the name of the adapter. A new one is a line here and one in servers.ts. */

import { MongoDbManager } from '../../src/entries/mongodb.js';
import { SqlDbManager } from '../../src/entries/sql.js';
import { type CreditManagement, createCreditManagement, type DbManager } from '../../src/index.js';
import { QUIET } from '../support/quiet.js';
import { databaseOf } from './mongo-uri.js';

/** Which database, as plain data: it crosses to other processes. */
export interface DatabaseConfig {
  readonly adapter: string;
  readonly url: string;
  /** Connections at most. */
  readonly poolSize: number;
}

export interface WorkerConfig extends DatabaseConfig {
  /** Milliseconds a call may take. */
  readonly timeoutMs: number;
  readonly trialCredits?: number;
}

export type Manager = CreditManagement<unknown>;

const OPENERS: Record<string, (config: DatabaseConfig) => DbManager<unknown>> = {
  postgres: ({ url, poolSize }) => new SqlDbManager({ url, poolSize }),
  mongodb: ({ url, poolSize }) => MongoDbManager.fromClientUri(url, { dbName: databaseOf(url), poolSize }),
};

export const adapterNames: readonly string[] = Object.keys(OPENERS);

/** An adapter with connections of its own. */
export function openDb(config: DatabaseConfig): DbManager<unknown> {
  const open = OPENERS[config.adapter];
  if (!open) throw new Error(`The adapter is one of ${adapterNames.join(', ')}.`);
  return open(config);
}

/** A manager on a database of its own; nothing is opened before its first call. */
export function openManager(config: WorkerConfig): Manager {
  return createCreditManagement({
    db: openDb(config),
    timeoutMs: config.timeoutMs,
    defaults: { trialCredits: config.trialCredits ?? 0 },
    logger: QUIET,
  });
}
