/** A group of operations on the same documents. They are decided together and commit as one unit. */
import type { SealedEvent } from '../../core/decision.js';
import type { SealedEntry } from '../../core/entry-line.js';
import type { Unit } from '../../ports/db-manager.js';
import type { VersionedAccount } from './account-memory.js';
import type { Operation } from './operation.js';

/** Operations on the same documents, in the order of those documents' queues. */
export interface Group {
  /** The keys of their accounts. */
  readonly keys: readonly string[];
  readonly documents: readonly string[];
  readonly operations: readonly Operation[];
  /** The accounts in the order of `keys`, once loaded. */
  states: readonly VersionedAccount[];
  /** Whether the states were read for this attempt, and not taken from memory. */
  fresh: boolean;
  /** Whether the group has given its documents back. */
  released: boolean;
  /** The reason why its accounts could not be loaded or created. */
  broken: Error | null;
  decided: Decided | null;
  /** The users whose subscription must be renewed before the group is decided. */
  renewals: ReadonlySet<string>;
}

const NOBODY: ReadonlySet<string> = new Set();

export function newGroup(operations: readonly Operation[]): Group {
  const { accounts, documents } = operations[0] as Operation;
  const keys = documents.length === accounts.length ? documents : documents.slice(0, accounts.length);
  return {
    keys,
    documents,
    operations,
    states: [],
    fresh: false,
    released: false,
    broken: null,
    decided: null,
    renewals: NOBODY,
  };
}

/** The unit of a decided group. The answers wait in the operations until it is written. */
export interface Decided {
  readonly unit: Unit;
  readonly states: readonly VersionedAccount[];
  /** Empty where no follower reads them. */
  readonly entries: readonly SealedEntry[];
  readonly events: readonly SealedEvent[];
  /** The operations whose effect or refusal is in the unit. While its outcome is unknown, so is theirs. */
  readonly sent: readonly Operation[];
}

/** Marks the operations as part of a commit whose outcome is not known yet. */
export function markSent({ decided }: Group): void {
  for (const operation of decided?.sent ?? []) if (operation.state === 'waiting') operation.state = 'sent';
}
