/** Brings the accounts of groups into memory; a missing account is created empty first, in a commit of its own. */
import { accountFromRow, accountToRow, emptyAccount } from '../core/account.js';
import { creditError } from '../errors.js';
import type { AccountRow } from '../models/account.js';
import type { DbManager, Row, StoreOptions } from '../ports/db-manager.js';
import type { Group } from './group.js';
import type { AccountRef } from './operation.js';
import type { StateMemory, VersionedAccount } from './state-memory.js';
import { storageError } from './store.js';

/** Fills in the states of groups, from memory where it has them. Uncertain operations need their account read again. */
export async function loadStates<S>(
  groups: readonly Group[],
  db: DbManager<S>,
  memory: StateMemory,
  options: StoreOptions<S>,
): Promise<void> {
  const missing = new Map<string, AccountRef>();
  for (const group of groups) {
    group.fresh = group.operations.some((operation) => operation.uncertain || operation.resumes);
    if (!group.fresh) for (const key of group.keys) group.fresh ||= memory.get(key) === undefined;
    group.states = new Map();
    for (const { key, ...account } of accountsOf(group)) {
      const state = group.fresh ? undefined : memory.get(key);
      if (state) group.states.set(key, state);
      else missing.set(key, { key, ...account });
    }
  }
  if (missing.size === 0) return;
  const found = await readOrCreate([...missing.values()], db, options);
  for (const group of groups) {
    for (const key of group.keys) if (!group.states.has(key)) group.states.set(key, found.get(key) as VersionedAccount);
  }
}

/** Reads accounts inside a transaction and locks them to its end. They exist already. */
export async function lockStates<S>(group: Group, db: DbManager<S>, options: StoreOptions<S>): Promise<void> {
  const keys = [...group.keys].sort();
  const rows = await db.getMany('account', keys, { ...options, lock: true });
  group.fresh = true;
  group.states = new Map();
  for (const key of group.keys) {
    const row = rows[keys.indexOf(key)] as unknown as AccountRow | null;
    if (!row) {
      const message = 'The account was created after the snapshot of this transaction. Repeat the transaction.';
      throw creditError('CONTENTION', message, { attempts: 1 });
    }
    group.states.set(key, { account: accountFromRow(row), version: row.version });
  }
}

/** Accounts by key; those that do not exist are made, empty and invisible. */
export async function readOrCreate<S>(
  accounts: readonly AccountRef[],
  db: DbManager<S>,
  options: StoreOptions<S>,
): Promise<Map<string, VersionedAccount>> {
  const found = new Map<string, VersionedAccount>();
  let wanted = accounts;
  for (let attempt = 0; wanted.length > 0; attempt++) {
    const keys = wanted.map((account) => account.key);
    const rows = (await db.getMany('account', keys, options)) as unknown as (AccountRow | null)[];
    for (const row of rows) if (row) found.set(row.id, { account: accountFromRow(row), version: row.version });
    wanted = wanted.filter((account) => !found.has(account.key)).sort((a, b) => (a.key < b.key ? -1 : 1));
    if (wanted.length === 0) break;
    if (attempt === 3) throw creditError('CONTENTION', 'A new account could not be read.', { attempts: attempt });
    const empty = wanted.map(({ creditType, userId }) => emptyAccount(creditType, userId));
    const units = empty.map((account) => {
      const row = accountToRow(account, 1) as unknown as Row;
      return [{ op: 'insert', model: 'account', row }] as const;
    });
    const outcomes = await db.commit(units, options);
    for (const [i, outcome] of outcomes.entries()) {
      const account = empty[i];
      if (outcome.status === 'committed' && account) found.set(account.key, { account, version: 1 });
      else if (outcome.status === 'rejected') throw storageError(outcome.cause);
    }
    // What another process made meanwhile (conflict), or may have been made (unknown), is read.
    wanted = wanted.filter((account) => !found.has(account.key));
  }
  return found;
}

export function accountsOf(group: Group): readonly AccountRef[] {
  return group.operations[0]?.accounts ?? [];
}
