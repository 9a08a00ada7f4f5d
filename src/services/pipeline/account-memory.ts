/**
 * Remembers recent accounts as their last commit left them, so that a hot account is not read again. Only decisions use
 * it; reads never do.
 */
import type { Account } from '../../core/account.js';
import { accountFromRow } from '../../core/rows.js';
import type { AccountRow } from '../../models/account.js';

/** An account and the version of its row. */
export interface VersionedAccount {
  readonly account: Account;
  readonly version: number;
}

/** @throws INVARIANT_VIOLATION for a row that is not a valid account. */
export function versionedAccount(row: AccountRow): VersionedAccount {
  return { account: accountFromRow(row), version: row.version };
}

/** Bounded: the account committed longest ago leaves first. A stale state is harmless, because its commit conflicts. */
export class AccountMemory {
  readonly #states = new Map<string, VersionedAccount>();

  constructor(readonly accountsMax: number) {}

  get(key: string): VersionedAccount | undefined {
    return this.#states.get(key);
  }

  set(key: string, state: VersionedAccount): void {
    this.#states.delete(key);
    this.#states.set(key, state);
    if (this.#states.size > this.accountsMax) this.#states.delete(this.#states.keys().next().value as string);
  }

  drop(key: string): void {
    this.#states.delete(key);
  }
}
