/** A store as a host meets it: with transactions of its own, in which it writes orders beside the credits. */
import { expect } from 'vitest';
import type { CreditManagement, CreditManagementOptions } from '../../src/index.js';
import { sleep } from '../support/wait.js';
import type { Database } from './find.js';

export type Manager = CreditManagement<unknown>;
export type Service = Manager['credits'];

/** A host's transaction as its own code sees it. */
export interface HostTransaction {
  readonly session: unknown;
  /** Writes an order of the host's own. */
  order(id: string): Promise<unknown>;
}

/** Runs `work` in a transaction of the host; what it throws rolls back and is thrown. */
export type Host = <T>(work: (host: HostTransaction) => Promise<T>) => Promise<T>;

export interface HostedStore {
  /** One more instance of the library, as another process has it: with an adapter and connections of its own. */
  open(options?: CreditManagementOptions<unknown>): Manager;
  host(kind?: string): Host;
  /** Rolls back, and passes only what `work` itself did not mean to throw. */
  rolledBack(host: Host, work: (host: HostTransaction) => Promise<unknown>): Promise<void>;
  /** The orders that the host has, sorted. */
  orders(): Promise<string[]>;
  /** Everything stored, as text; without the empty rows of accounts that nobody has used. */
  dump(): Promise<readonly string[]>;
  /** Changes the amount of an entry beside the library. */
  damage(entryId: string): Promise<unknown>;
}

export interface HostedAdapter {
  readonly title: string;
  /** The ways that a host may have a transaction. */
  readonly hosts: readonly string[];
  describeDatabase(name: string, body: (database: Database) => void): Promise<void>;
  /** Runs a test on an empty store. */
  withStore(url: string, body: (store: HostedStore) => Promise<void>): Promise<void>;
}

export async function rolledBack(host: Host, work: (host: HostTransaction) => Promise<unknown>): Promise<void> {
  const undone = new Error('roll back');
  const run = host(async (transaction) => {
    await work(transaction);
    throw undone;
  });
  expect(await run.catch((error: unknown) => error)).toBe(undone);
}

export async function expectSound(manager: Manager): Promise<void> {
  const { ok, problems } = await manager.ledger.verify();
  expect(problems).toEqual([]);
  expect(ok).toBe(true);
}

/** Waits until the file has the line of every commit of this instance. */
export async function untilWritten(manager: Manager): Promise<void> {
  while ((await manager.health()).ledgerFile?.lag !== 0) await sleep(5);
}

/** A call of every verb and read in this transaction, or what is given as one. */
export function callsIn<S>(
  session: S,
  credits: CreditManagement<S>['credits'],
  entry: { readonly id: string },
  hold: { readonly id: string },
): readonly Promise<unknown>[] {
  return [
    credits.addCredits('u', 1, { session }),
    credits.addCredits('new', 1, { session, idempotencyKey: 'k' }),
    credits.deductCredits('u', 1, { session }),
    credits.reserveCredits('u', 1, { session }),
    credits.commitReservedCredits(hold, { session }),
    credits.releaseReservedCredits(hold, { session }),
    credits.reverseTransaction(entry.id, { session }),
    credits.transferCredits({ from: 'u', to: 'v', amount: 1 }, { session }),
    credits.expireCredits('u', { session }),
    credits.createAccount('w', { session }),
    credits.updateAccount('u', { session, overdraftLimit: 1 }),
    credits.getUserCreditsInfo('u', { session }),
    credits.getUsersCreditsInfo(['u'], { session }),
    credits.getCreditHistory('u', { session }),
    credits.getGrants('u', { session }),
    credits.getReservation(hold.id, { session }),
    credits.getTransaction(entry.id, { session }),
    credits.getBalanceAt('u', new Date(), { session }),
    credits.listAccounts({ session }),
  ];
}
