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

/** The most that a version grows by. One account has room for 17 thousand million commits. */
const STEP_MAX = 2 ** 20;

/**
 * The version after one more commit. It grows by a number that the account's last hash decides, so that a version
 * stands for one history: where a database loses commits that were acknowledged and others are written in their place,
 * a process that remembers a lost state meets its version again once in a million times, and else conflicts and reads.
 */
export function nextVersion(version: number, { hash }: Account): number {
  return version + 1 + (hash === null ? 0 : Number.parseInt(hash.slice(0, 8), 16) % STEP_MAX);
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
