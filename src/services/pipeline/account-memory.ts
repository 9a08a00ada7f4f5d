/**
 * Remembers recent accounts as their last commit left them, so that a hot account is not read again. Only decisions use
 * it; reads never do.
 */
import { type Account, partsOf } from '../../core/account.js';
import { accountFromRow } from '../../core/rows.js';
import type { AccountRow } from '../../models/account.js';

/** An account and the version of its row. */
export interface VersionedAccount {
  readonly account: Account;
  readonly version: number;
  /** The state of its row. Absent where there is no such row. */
  readonly state?: AccountRow['state'];
}

/** @throws INVARIANT_VIOLATION for a row that is not a valid account. */
export function versionedAccount(row: AccountRow): VersionedAccount {
  return { account: accountFromRow(row), version: row.version, state: row.state };
}

/** The most that a version grows by. One account has room for 17 thousand million commits. */
const STEP_MAX = 2 ** 20;

/**
 * The version after one more commit. It grows by a number that the account's last hash decides, so that a version
 * stands for one history: where a database loses commits that were acknowledged and others are written in their place,
 * a process that remembers a lost state meets its version again once in a million times, and else conflicts and reads.
 * So it does where an earlier version wrote the same in its own form, in place of a lost commit that changed the form.
 */
export function nextVersion(before: Omit<VersionedAccount, 'account'>, account: Account): number {
  const { version, state } = before;
  const { hash, refusals } = account;
  const isEarlier = state !== undefined && state.facts === undefined;
  // Refusals change the account and not its hash.
  const step = ((hash === null ? 0 : Number.parseInt(hash.slice(0, 8), 16)) + refusals) % STEP_MAX;
  return version + 1 + step + (isEarlier ? 1 : 0);
}

/** The bytes that a remembered account has on average at most: about 18 open grants. */
const BYTES_PER_ACCOUNT = 8 * 1024;

/**
 * Bytes on the heap, as they were measured: of an account without parts, and of a grant with its facts, the largest of
 * its parts.
 */
const ACCOUNT_BYTES = 768;
const PART_BYTES = 400;
const BYTES_PER_CHAR = 2;

interface Kept {
  state: VersionedAccount;
  bytes: number;
}

/**
 * Bounded by number and by bytes: the account committed longest ago leaves first, and the last one stays. A stale state
 * is harmless, because its commit conflicts.
 */
export class AccountMemory {
  readonly #kept = new Map<string, Kept>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(readonly accountsMax: number) {
    this.#bytesMax = accountsMax * BYTES_PER_ACCOUNT;
  }

  get size(): number {
    return this.#kept.size;
  }

  get(key: string): VersionedAccount | undefined {
    return this.#kept.get(key)?.state;
  }

  set(key: string, state: VersionedAccount): void {
    const bytes = bytesOf(state.account);
    const kept = this.drop(key) ?? { state, bytes };
    kept.state = state;
    kept.bytes = bytes;
    this.#kept.set(key, kept);
    this.#bytes += bytes;
    if (this.#isOver(0)) this.#dropOldest();
  }

  /** A sixteenth leaves at once: the walk to the first key of a map gets longer with each that leaves it. */
  #dropOldest(): void {
    for (const key of this.#kept.keys()) {
      if (!this.#isOver(1 / 16)) return;
      this.drop(key);
    }
  }

  /** Whether less than `part` of the room is free. One account may need more than all of it. */
  #isOver(part: number): boolean {
    const { size } = this.#kept;
    const isOverBytes = this.#bytes > this.#bytesMax * (1 - part);
    return size > this.accountsMax - Math.floor(this.accountsMax * part) || (isOverBytes && size > 1);
  }

  drop(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    this.#bytes -= kept.bytes;
    this.#kept.delete(key);
    return kept;
  }
}

const metadataBytes = new WeakMap<object, number>();

/** About how many bytes an account needs. */
function bytesOf(account: Account): number {
  const { metadata } = account.options;
  const bytes = ACCOUNT_BYTES + PART_BYTES * partsOf(account);
  if (metadata == null) return bytes;
  let known = metadataBytes.get(metadata);
  if (known === undefined) {
    known = JSON.stringify(metadata).length * BYTES_PER_CHAR;
    metadataBytes.set(metadata, known);
  }
  return bytes + known;
}
