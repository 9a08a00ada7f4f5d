/** Deals with the outcome of a group's commit: it answers, tries again, retries under a lock, or gives up. */
import { randomInt } from 'node:crypto';
import { creditError, isCreditError } from '../../errors.js';
import type { UnitOutcome } from '../../ports/db-manager.js';
import { monotonicNow, sleep, withDeadline } from '../../timers.js';
import { storageError } from '../store/storage-error.js';
import { LATE, type Tables } from '../store/tables.js';
import type { AccountMemory } from './account-memory.js';
import type { DecisionSettings } from './context.js';
import type { DocumentQueues } from './document-queues.js';
import type { Decided, Group } from './group.js';
import { type Operation, unknownError } from './operation.js';
import { writeInTransaction } from './transactions.js';

/** After a commit found a key taken, the keys of this many batches are looked up before they are decided. */
const PROBED_AFTER_DUPLICATE = 50;

/** After this many conflicts a group runs by itself: lock, read, decide and write in one transaction. */
const CONFLICTS_BEFORE_LOCK = 2;

/** The milliseconds before a deadline in which an attempt may end by it: its limit is the same, on another timer. */
const CUT_SHORT_MS = 20;

/** The parts of the pipeline that an outcome acts on. */
export interface OutcomeTools<S> {
  readonly tables: Tables<S>;
  readonly settings: () => DecisionSettings;
  readonly memory: AccountMemory;
  readonly queues: DocumentQueues;
  /** Called with each committed group, in commit order; must not throw. The callers wait for the promise it returns. */
  readonly committed: (decided: Decided) => Promise<unknown> | null;
  /** Answers an operation once, after `after` has resolved. */
  readonly answer: (operation: Operation, error?: Error | null, after?: Promise<unknown> | null) => void;
  /** Runs the operations that are ready by now. */
  readonly schedule: () => void;
}

/** The outcome of a unit; `thrown` is a commit that failed before it applied anything. */
export type Outcome = UnitOutcome | { readonly status: 'thrown'; readonly cause: unknown };

export class Outcomes<S> {
  readonly #tools: OutcomeTools<S>;
  /** How many commits found their account changed, and how many groups were decided under a lock. */
  conflicts = 0;
  locked = 0;
  #lockWaiters = 0;
  #probing = 0;

  constructor(tools: OutcomeTools<S>) {
    this.#tools = tools;
  }

  /** Whether the keys of the next batch must be looked up before it is decided. */
  get isProbing(): boolean {
    return this.#probing > 0;
  }

  /** While repeated keys are likely, marks the operations of a batch to look their keys up. */
  probe(groups: readonly Group[]): void {
    if (this.#probing === 0) return;
    this.#probing--;
    for (const group of groups) for (const operation of group.operations) operation.probe = true;
  }

  judge(group: Group, outcome: Outcome): void {
    const decided = group.decided as Decided;
    if (outcome.status === 'committed') {
      this.finish(group, decided);
      return;
    }
    // After a repeated key the remembered state may still be right. If it is stale, the next commit conflicts.
    if (outcome.status !== 'duplicate') for (const key of group.keys) this.#tools.memory.drop(key);
    switch (outcome.status) {
      case 'conflict':
      case 'locked':
        this.retry(group, outcome.status);
        return;
      case 'duplicate':
        for (const operation of group.operations) operation.probe = true;
        this.#probing = PROBED_AFTER_DUPLICATE;
        this.again(group, false);
        return;
      case 'unknown':
        for (const operation of decided.sent) {
          operation.uncertain = true;
          operation.sentVersion = group.states[0]?.version ?? 0;
        }
        this.again(group, true);
        return;
      case 'rejected':
        if (decided.sent.length > 1) for (const operation of decided.sent) operation.alone = true;
        else for (const operation of decided.sent) this.#refuse(operation, storageError(outcome.cause));
        this.again(group, decided.sent.length === 1);
        return;
      case 'thrown':
        this.failed(group, outcome.cause);
        return;
      default:
        outcome satisfies never;
    }
  }

  /** Answers the callers of a group that is written, or that had nothing to write. */
  finish(group: Group, decided: Decided): void {
    for (const state of decided.states) this.#tools.memory.set(state.account.key, state);
    const { committed } = this.#tools;
    const following = decided.states.length > 0 ? committed(decided) : null;
    // A follower may be slow, but it never changes the answer.
    const after = following && withDeadline(following, remaining([group]), () => LATE).catch(() => {});
    for (const operation of group.operations) this.#tools.answer(operation, null, after);
    this.#tools.queues.release(group, []);
    this.#tools.schedule();
  }

  /** Another writer was faster: decides the group again, and after two conflicts by itself, under a lock. */
  retry(group: Group, why: 'conflict' | 'locked'): void {
    if (why === 'conflict') this.conflicts++;
    for (const key of group.keys) this.#tools.memory.drop(key);
    let conflicts = 0;
    group.decided = null;
    for (const operation of group.operations) {
      if (operation.state === 'sent') operation.state = 'waiting';
      operation.conflicts++;
      conflicts = Math.max(conflicts, operation.conflicts);
    }
    const { db } = this.#tools.tables;
    const mayLock = db.transaction !== undefined && this.#lockWaiters === 0;
    if (conflicts < CONFLICTS_BEFORE_LOCK || !mayLock) this.again(group, why === 'locked' || conflicts > 1);
    else void this.#runLocked(group);
  }

  /** The pessimistic path. Only one group waits for locks at a time, so that the other connections stay free. */
  async #runLocked(group: Group): Promise<void> {
    const { tables, settings } = this.#tools;
    this.#lockWaiters++;
    this.locked++;
    try {
      const writing = writeInTransaction(group, tables, settings(), remaining([group]));
      const outcome = await withDeadline(writing, remaining([group]), () => LATE);
      if (group.broken) this.failed(group, group.broken);
      else if (group.decided) this.judge(group, outcome);
      else this.again(group, true);
    } catch (error) {
      const lost = error === LATE || isCreditError(error, 'OUTCOME_UNKNOWN');
      if (lost && group.decided) this.judge(group, { status: 'unknown', cause: error });
      else if (isCreditError(error, 'CONTENTION', 'TIMEOUT')) this.again(group, true);
      else this.failed(group, error);
    } finally {
      this.#lockWaiters--;
    }
  }

  /**
   * The store failed before it applied anything. An operation that was never sent is answered with that error; one with
   * an unanswered commit goes on until its outcome is known.
   */
  failed(group: Group, error: unknown): void {
    for (const key of group.keys) this.#tools.memory.drop(key);
    for (const operation of group.operations) {
      // After conflicts the last attempt is cut short by the deadline. That is no failure of the store.
      const isCutShort = operation.conflicts > 0 && operation.deadline - monotonicNow() < CUT_SHORT_MS;
      if (error !== LATE && !isCutShort) this.#refuse(operation, storageError(error));
    }
    this.again(group, true);
  }

  /**
   * Answers with an error that says nothing was applied. While an earlier attempt may still be applied, the operation
   * goes on instead.
   */
  #refuse(operation: Operation, error: Error): void {
    if (!operation.uncertain) this.#tools.answer(operation, error);
    else if (isCreditError(error, 'CLOSED')) this.#tools.answer(operation, unknownError(operation));
  }

  /** Puts unanswered operations back at the head of their queues. `pause` waits first: a retry at once would fail. */
  again(group: Group, pause: boolean): void {
    const again = group.operations.filter((operation) => operation.state !== 'answered');
    for (const operation of again) operation.state = 'waiting';
    const release = () => {
      this.#tools.queues.release(
        group,
        again.filter((operation) => operation.state !== 'answered'),
      );
      this.#tools.schedule();
    };
    if (!pause || again.length === 0) {
      release();
      return;
    }
    let waits = 0;
    for (const operation of again) waits = Math.max(waits, ++operation.waits);
    const most = Math.min(500, 5 * 2 ** Math.min(waits, 7));
    void sleep(randomInt(Math.ceil(most / 2), most + 1)).then(release);
  }

  giveUp(groups: readonly Group[], error: unknown): void {
    const message = 'An internal check failed. Please report this with the stack of the cause.';
    for (const group of groups) {
      for (const operation of group.operations) {
        if (operation.uncertain || operation.state === 'sent') this.#tools.answer(operation, unknownError(operation));
        else this.#tools.answer(operation, creditError('INVARIANT_VIOLATION', message, {}, { cause: error }));
      }
      for (const key of group.keys) this.#tools.memory.drop(key);
      this.#tools.queues.release(group, []);
    }
  }
}

/** The milliseconds until the last deadline of these groups. */
export function remaining(groups: readonly Group[]): number {
  let last = 0;
  for (const { operations } of groups) for (const { deadline } of operations) if (deadline > last) last = deadline;
  return Math.max(1, Math.ceil(last - monotonicNow()));
}
