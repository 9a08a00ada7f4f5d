/**
 * Finds the servers of an adapter for these suites: a database on a shared one, and one of our own that a test may
 * kill. `CREDIT_TEST_ADAPTER` names the adapter (default `postgres`).
 */
import { describe } from 'vitest';
import { type Database, describeAbsent } from './find.js';
import { commitOf, startKillableMongo } from './killable-mongo.js';
import { findPostgresBinaries, startKillablePostgres } from './killable-postgres.js';
import { describeMongo } from './mongo.js';
import { findMongod } from './own-mongo.js';
import { describePostgres } from './postgres.js';
import type { Decisive } from './proxy.js';

/** A way to lose commits. */
export interface Loss {
  readonly name: string;
  /** Prepares it, on a server that is dead. */
  prepare(): void;
  /** Goes on, on the server that runs. What is acknowledged from then on may be lost. */
  begin?(): Promise<void>;
  /** Loses commits, on a server that was killed. It runs again after that. */
  lose(): void | Promise<void>;
}

/** A server of our own. Its data survives its deaths. */
export interface KillableServer {
  readonly url: string;
  /** Ends it at once, the way named: SIGKILL to the server's main process, or its own immediate shutdown. */
  kill(how: 'SIGKILL' | 'immediate'): Promise<void>;
  /** Starts it again and resolves when it answers. */
  start(): Promise<void>;
  /** The ways in which it loses commits that were acknowledged. */
  readonly losses: readonly Loss[];
  /** Ends it for good and removes its data. */
  remove(): Promise<void>;
}

interface AdapterServers {
  /** Registers a suite with a database of its own, or as skipped, with the reason. */
  describeDatabase(name: string, body: (database: Database) => void): Promise<void>;
  /** Why there can be no server of our own; null where there can. */
  whyNoOwn(): string | null;
  startOwn(): Promise<KillableServer>;
  /** Which request a transaction's commit is, for a proxy that loses it; null where it is the statement itself. */
  readonly decisive: Decisive | null;
  /** What CREDIT_TEST_REQUIRE calls the server. */
  readonly required: string;
  /** Milliseconds that a slow network takes for each piece of data, where a call takes this many round trips. */
  readonly slowMs: number;
  /** Connections of a manager beside those of its pool, and what is on its way out. */
  readonly connectionsBeside: number;
}

const SERVERS: Record<string, AdapterServers> = {
  postgres: {
    describeDatabase: describePostgres,
    whyNoOwn() {
      const binaries = findPostgresBinaries();
      return 'missing' in binaries ? binaries.missing : null;
    },
    startOwn: startKillablePostgres,
    required: 'postgres',
    slowMs: 15,
    decisive: null,
    connectionsBeside: 0,
  },
  mongodb: {
    describeDatabase: describeMongo,
    whyNoOwn() {
      const found = findMongod();
      if ('missing' in found) return found.missing;
      return found.path === null ? 'a mongod that was downloaded is not ours to kill' : null;
    },
    startOwn: startKillableMongo,
    required: 'mongo',
    slowMs: 5,
    decisive: commitOf,
    // The driver watches each server on two connections.
    connectionsBeside: 2,
  },
};

export const ADAPTER = process.env.CREDIT_TEST_ADAPTER || 'postgres';

export const DECISIVE = SERVERS[ADAPTER]?.decisive ?? null;
export const SLOW_MS = SERVERS[ADAPTER]?.slowMs ?? 15;
export const CONNECTIONS_BESIDE = SERVERS[ADAPTER]?.connectionsBeside ?? 0;

export async function describeDatabase(name: string, body: (database: Database) => void): Promise<void> {
  const servers = SERVERS[ADAPTER];
  if (servers) await servers.describeDatabase(name, body);
  else absent(name, `the adapter ${ADAPTER} has no servers here yet`);
}

/** Registers a suite that kills servers of its own, or as skipped, with the reason. */
export function describeOwnServer(name: string, body: (start: () => Promise<KillableServer>) => void): void {
  const servers = SERVERS[ADAPTER];
  const reason = servers ? servers.whyNoOwn() : `the adapter ${ADAPTER} has no servers here yet`;
  if (reason === null && servers) describe(name, () => body(() => servers.startOwn()));
  else absent(name, String(reason));
}

function absent(name: string, reason: string): void {
  describeAbsent(SERVERS[ADAPTER]?.required ?? ADAPTER, name, reason);
}
