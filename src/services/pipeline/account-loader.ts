/** Loads the accounts of groups. It first creates a missing account, empty, in a commit of its own. */
import { randomInt } from 'node:crypto';
import { type Account, emptyAccount } from '../../core/account.js';
import { accountToRow } from '../../core/rows.js';
import { creditError } from '../../errors.js';
import type { AccountRef, AccountRow } from '../../models/account.js';
import type { StoreOptions, Unit, UnitOutcome } from '../../ports/db-manager.js';
import { monotonicNow, sleep } from '../../timers.js';
import { storageError } from '../store/storage-error.js';
import { insertOf, type Tables } from '../store/tables.js';
import { type AccountMemory, type VersionedAccount, versionedAccount } from './account-memory.js';
import type { Group } from './group.js';

/**
 * Fills in the states of groups, from memory where it has them. Accounts of uncertain operations are read again. Null
 * when nothing had to be read.
 */
export function loadStates<S>(
  groups: readonly Group[],
  tables: Tables<S>,
  memory: AccountMemory,
  options: StoreOptions<S>,
): Promise<void> | null {
  let missing: Map<string, AccountRef> | null = null;
  for (const group of groups) {
    const known = recall(group, memory);
    group.fresh = known === null;
    if (known) group.states = known;
    else {
      missing ??= new Map();
      for (const account of accountsOf(group)) missing.set(account.key, account);
    }
  }
  return missing && readStates(groups, [...missing.values()], tables, options);
}

async function readStates<S>(
  groups: readonly Group[],
  accounts: readonly AccountRef[],
  tables: Tables<S>,
  options: StoreOptions<S>,
): Promise<void> {
  const { found, refused } = await readOrCreate(accounts, tables, options);
  for (const group of groups) {
    if (!group.fresh) continue;
    const refusal = group.keys.map((key) => refused.get(key)).find((error) => error !== undefined);
    if (refusal) group.broken = refusal;
    else group.states = group.keys.map((key) => found.get(key) as VersionedAccount);
  }
}

/** The remembered states of all accounts of a group, or null when one is missing. */
function recall(group: Group, memory: AccountMemory): VersionedAccount[] | null {
  for (const operation of group.operations) if (operation.uncertain || operation.resumes) return null;
  const states = group.keys.map((key) => memory.get(key));
  return states.every((state) => state !== undefined) ? states : null;
}

/** Reads the accounts inside a transaction and locks them until it ends. The accounts must exist already. */
export async function lockStates<S>(group: Group, tables: Tables<S>, options: StoreOptions<S>): Promise<void> {
  const keys = [...group.keys].sort();
  const rows = await tables.getMany('account', keys, Object.assign({}, options, { lock: true }));
  if (rows.includes(null) && options.session !== undefined) await tables.db.redo?.(options.session);
  group.fresh = true;
  group.states = group.keys.map((key) => {
    const row = rows[keys.indexOf(key)];
    if (!row) {
      const message = 'The account was created after the snapshot of this transaction. Repeat the transaction.';
      throw creditError('CONTENTION', message, { attempts: 1 });
    }
    return versionedAccount(row);
  });
}

/** The accounts that were read or created, and an error for each whose row was refused or cannot be read. */
export interface Births {
  readonly found: ReadonlyMap<string, VersionedAccount>;
  readonly refused: ReadonlyMap<string, Error>;
}

/**
 * Reads accounts by key and creates the missing ones, empty and invisible. When another process creates an account at
 * the same time (conflict, locked), or no answer comes (unknown), it reads the account again until the deadline.
 */
export async function readOrCreate<S>(
  accounts: readonly AccountRef[],
  tables: Tables<S>,
  options: StoreOptions<S>,
): Promise<Births> {
  const found = new Map<string, VersionedAccount>();
  const refused = new Map<string, Error>();
  const until = monotonicNow() + (options.timeoutMs ?? Number.POSITIVE_INFINITY);
  let wanted = [...accounts].sort((a, b) => (a.key < b.key ? -1 : 1));
  for (let attempt = 0; wanted.length > 0; attempt++) {
    if (attempt > 1) await sleep(randomInt(1, 5 * Math.min(attempt, 10)));
    if (monotonicNow() >= until) {
      throw creditError('CONTENTION', 'A new account was locked until the deadline.', { attempts: attempt });
    }
    const keys = wanted.map((account) => account.key);
    const rows = await tables.getMany('account', keys, options);
    for (const row of rows) {
      try {
        if (row) found.set(row.id, versionedAccount(row));
      } catch (error) {
        refused.set((row as AccountRow).id, error as Error);
      }
    }
    wanted = wanted.filter((account) => !found.has(account.key) && !refused.has(account.key));
    if (wanted.length === 0) break;
    const empty = wanted.map(({ creditType, userId }) => emptyAccount(creditType, userId));
    const made = empty.map((account) => accountToRow(account, 1));
    const units = made.map((row) => [insertOf('account', row)]);
    const outcomes = await written(units, tables, options);
    for (const [i, outcome] of outcomes.entries()) {
      const account = empty[i] as Account;
      const { state } = made[i] as AccountRow;
      if (outcome.status === 'committed') found.set(account.key, { account, version: 1, state });
      else if (outcome.status === 'rejected') refused.set(account.key, storageError(outcome.cause));
    }
    wanted = wanted.filter((account) => !found.has(account.key) && !refused.has(account.key));
  }
  return { found, refused };
}

/** Commits units. In a transaction they are written one by one. */
async function written<S>(
  units: readonly Unit[],
  tables: Tables<S>,
  options: StoreOptions<S>,
): Promise<readonly UnitOutcome[]> {
  if (options.session === undefined) return tables.write(units, options);
  const outcomes: UnitOutcome[] = [];
  for (const unit of units) outcomes.push(await tables.writeOne(unit, options));
  return outcomes;
}

/** Creates the missing accounts of one group. Throws when an account was refused or cannot be read. */
export async function createAccounts<S>(group: Group, tables: Tables<S>, options: StoreOptions<S>): Promise<void> {
  const { refused } = await readOrCreate(accountsOf(group), tables, options);
  for (const error of refused.values()) throw error;
}

export function accountsOf(group: Group): readonly AccountRef[] {
  return group.operations[0]?.accounts ?? [];
}
