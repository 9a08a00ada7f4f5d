/**
 * The one path of every mutation: queue by document, load, decide, commit in groups, then what follows a commit.
 * Nothing waits on a timer: an idle pipeline commits at once, a busy one fills the next batch while the last commits.
 */
import { randomInt } from 'node:crypto';
import { creditError, isCreditError } from '../../errors.js';
import type { UnitOutcome } from '../../ports/db-manager.js';
import { monotonicNow, setImmediate, sleep, withDeadline } from '../../timers.js';
import { type Store, storageError } from '../store/store.js';
import { loadStates } from './account-loader.js';
import { StateMemory } from './account-memory.js';
import { Deadlines } from './deadlines.js';
import { Ahead } from './decide-ahead.js';
import { type DecisionSettings, type Group, markSent, type Plan, planGroup } from './decide-group.js';
import { DocumentQueues } from './document-queues.js';
import { FactSheet } from './facts.js';
import { type Answer, newOperation, type Operation, type Request, settle, unknownError } from './operation.js';
import { writeInTransaction } from './transactions.js';

export interface PipelineConfig<S> {
  readonly store: Store<S>;
  readonly settings: () => DecisionSettings;
  /** Told of each committed plan, in commit order; must not throw. The answers wait for what it returns. */
  readonly committed: (plan: Plan) => Promise<unknown> | null;
  /** Null, or a promise that has to resolve before anything is written. */
  readonly admit: () => Promise<void> | null;
  readonly maxWaiting: number;
  readonly maxWaitingPerAccount: number;
  readonly maxStates: number;
  readonly lanes: number;
  readonly maxBatch: number;
}

/** Batches whose keys are looked up beforehand once one was found to be taken. */
const PROBED_AFTER_DUPLICATE = 50;

/** Conflicts after which an account travels alone: lock, read, decide, write in one transaction. */
const CONFLICTS_BEFORE_LOCK = 2;

export class Pipeline<S> {
  readonly memory: StateMemory;
  readonly #config: PipelineConfig<S>;
  readonly #queues = new DocumentQueues();
  readonly #deadlines: Deadlines;
  #busyLanes = 0;
  #lockWaiters = 0;
  /** Calls that are committed, and answered once what follows the commit is done. */
  #following = 0;
  #scheduled = false;
  #drained: (() => void) | null = null;
  #closed = false;
  #probing = 0;

  constructor(config: PipelineConfig<S>) {
    this.#config = config;
    this.memory = new StateMemory(config.maxStates);
    this.#deadlines = new Deadlines((operation) => {
      this.#queues.wake(operation);
      this.#schedule();
      this.#checkDrained();
    });
  }

  submit(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw creditError('CLOSED', 'The credit manager is closed.', {});
      if (request.signal?.aborted) throw creditError('ABORTED', 'The call was aborted. Nothing was written.', {});
      this.#admit(request);
      const operation = newOperation(request, resolve, reject);
      this.#deadlines.add(operation);
      this.#queues.push(operation);
      this.#schedule();
    });
  }

  /** Refuses new calls and resolves when every accepted one is answered. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#deadlines.size + this.#following > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
  }

  /** Bounded waiting: beyond it a call is refused at once. */
  #admit({ documents }: Request): void {
    const { maxWaiting, maxWaitingPerAccount } = this.#config;
    const full =
      this.#deadlines.size >= maxWaiting || documents.some((key) => this.#queues.sizeOf(key) >= maxWaitingPerAccount);
    if (full) throw creditError('CONTENTION', 'Too many calls are waiting. Slow down and try again.', { attempts: 0 });
  }

  /** Answers with an error that says nothing was applied, unless an earlier attempt may still land: then it goes on. */
  #refuse(operation: Operation, error: Error): void {
    if (!operation.uncertain) this.#answer(operation, error);
    else if (isCreditError(error, 'CLOSED')) this.#answer(operation, unknownError(operation));
  }

  /** Answers an operation, once: with what was decided, or with an error; not before `after`. */
  #answer(operation: Operation, error?: Error | null, after: Promise<unknown> | null = null): void {
    if (operation.state === 'settled') return;
    operation.state = 'settled';
    this.#deadlines.remove(operation);
    if (error) operation.reject(error);
    else if (after !== null) {
      this.#following++;
      void after.then(() => {
        settle(operation);
        this.#following--;
        this.#checkDrained();
      });
    } else settle(operation);
    this.#checkDrained();
  }

  #checkDrained(): void {
    if (this.#deadlines.size + this.#following === 0) this.#drained?.();
  }

  #schedule(): void {
    if (this.#scheduled || !this.#queues.hasReady || this.#busyLanes >= this.#config.lanes) return;
    this.#scheduled = true;
    // All submissions of a tick, and the continuations of a batch just answered, share the next batch.
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#busyLanes < this.#config.lanes) {
        const groups = this.#queues.take(this.#config.maxBatch);
        if (groups.length === 0) break;
        this.#busyLanes++;
        this.#run(groups)
          .catch((error) => this.#giveUp(groups, error))
          .finally(() => {
            this.#busyLanes--;
            this.#schedule();
          });
      }
    });
  }

  async #run(groups: readonly Group[]): Promise<void> {
    const { store } = this.#config;
    if (this.#probing > 0) {
      this.#probing--;
      for (const group of groups) for (const operation of group.operations) operation.probe = true;
    }
    const timeoutMs = remaining(groups);
    try {
      const preparing = store.prepare();
      if (preparing !== null) await withDeadline(preparing, timeoutMs, tooLate);
      const admitting = this.#config.admit();
      if (admitting !== null) await withDeadline(admitting, timeoutMs, tooLate);
      await withDeadline(this.#decide(groups, timeoutMs), timeoutMs, tooLate);
    } catch (error) {
      for (const group of groups) this.#failed(group, error);
      return;
    }
    const writing: Group[] = [];
    for (const group of groups) {
      if (group.broken) this.#failed(group, group.broken);
      else if (!group.plan) this.#retry(group, 'conflict');
      // A call that ended while its group was planned must not be written behind its caller's back.
      else if (group.plan.sent.some((operation) => operation.state === 'settled')) this.#again(group, false);
      else if (group.plan.unit.length === 0) this.#finish(group, group.plan);
      else writing.push(group);
    }
    await this.#write(writing);
  }

  /** Commits groups, and what was decided behind them meanwhile, for as long as nobody else is kept waiting. */
  async #write(groups: readonly Group[]): Promise<void> {
    const send = (next: readonly Group[]) => {
      for (const group of next) markSent(group);
      const ahead = new Ahead<S>(next, this.#queues, this.#config.maxBatch, () => this.#aheadTools(next));
      return { groups: next, outcomes: this.#commit(next, remaining(next)), ahead };
    };
    for (let sent = groups.length > 0 ? send(groups) : null; sent !== null; ) {
      const { groups: written, ahead } = sent;
      const outcomes = await sent.outcomes;
      const next = ahead.take(new Set(written.filter((_, i) => outcomes[i]?.status === 'committed')));
      // On its way before anybody is told of the one before.
      sent = next.length > 0 ? send(next) : null;
      try {
        for (const [i, group] of written.entries()) this.#settle(group, outcomes[i] as UnitOutcome);
      } catch (error) {
        this.#giveUp(written, error);
      }
    }
  }

  #aheadTools(groups: readonly Group[]) {
    const { store, settings, admit, lanes } = this.#config;
    if (this.#queues.hasReady && this.#busyLanes >= lanes) return null;
    const admitting = admit();
    // Whether it admits anything is heard by those who wait for it when their turn comes.
    admitting?.catch(() => {});
    if (admitting !== null) return null;
    // What is decided ahead is sent without a look at its keys.
    if (this.#probing > 0) return null;
    return { facts: new FactSheet(store.db, { timeoutMs: remaining(groups) }), settings: settings() };
  }

  /** Plans every group; a group without a plan afterwards has to start again. */
  async #decide(groups: readonly Group[], timeoutMs: number): Promise<void> {
    const { db } = this.#config.store;
    const options = { timeoutMs };
    await loadStates(groups, db, this.memory, options);
    const stale = await this.#plan(groups, options);
    for (const group of stale) for (const key of group.keys) this.memory.drop(key);
    await loadStates(stale, db, this.memory, options);
    await this.#plan(stale, options);
  }

  /**
   * Plans groups on their states and answers those that want them read again. Facts are read after the states and
   * serve no later ones: of a fact that is newer than its state the commit is told, of an older one by nobody.
   */
  async #plan(groups: readonly Group[], options: { readonly timeoutMs: number }): Promise<Group[]> {
    const { store, settings } = this.#config;
    const facts = new FactSheet(store.db, options);
    const decision = settings();
    const stale: Group[] = [];
    for (let open = groups.filter((group) => !group.broken); open.length > 0; ) {
      await facts.fetch();
      open = open.filter((group) => {
        const verdict = planGroup(group, facts, decision);
        if (verdict === 'stale' && !group.fresh) stale.push(group);
        return verdict === 'facts';
      });
    }
    return stale;
  }

  async #commit(groups: readonly Group[], timeoutMs: number): Promise<readonly UnitOutcome[]> {
    const units = groups.map((group) => group.plan?.unit ?? []);
    try {
      return await withDeadline(this.#config.store.db.commit(units, { timeoutMs, handOver: true }), timeoutMs, tooLate);
    } catch (cause) {
      // The port throws only when nothing can have been applied; our own deadline says nothing of the kind.
      const status = cause === LATE ? 'unknown' : 'thrown';
      return units.map(() => ({ status, cause }) as unknown as UnitOutcome);
    }
  }

  #settle(group: Group, outcome: UnitOutcome | { status: 'thrown'; cause: unknown }): void {
    const plan = group.plan as Plan;
    if (outcome.status === 'committed') {
      this.#finish(group, plan);
      return;
    }
    // A repeated key says nothing against the state; what was decided on an old one meets a conflict.
    if (outcome.status !== 'duplicate') for (const key of group.keys) this.memory.drop(key);
    switch (outcome.status) {
      case 'conflict':
      case 'locked':
        this.#retry(group, outcome.status);
        return;
      case 'duplicate':
        for (const operation of group.operations) operation.probe = true;
        this.#probing = PROBED_AFTER_DUPLICATE;
        this.#again(group, false);
        return;
      case 'unknown':
        for (const operation of plan.sent) {
          operation.uncertain = true;
          operation.sentVersion = (plan.states[0]?.version ?? 1) - 1;
        }
        this.#again(group, true);
        return;
      case 'rejected':
        if (plan.sent.length > 1) for (const operation of plan.sent) operation.alone = true;
        else for (const operation of plan.sent) this.#refuse(operation, storageError(outcome.cause));
        this.#again(group, plan.sent.length === 1);
        return;
      case 'thrown':
        this.#failed(group, outcome.cause);
        return;
      default:
        outcome satisfies never;
    }
  }

  #finish(group: Group, plan: Plan): void {
    for (const state of plan.states) this.memory.set(state.account.key, state);
    const following = plan.states.length > 0 ? this.#config.committed(plan) : null;
    // What follows may be slow, but it never changes the answer.
    const after = following && withDeadline(following, remaining([group]), tooLate).catch(() => {});
    for (const operation of group.operations) this.#answer(operation, null, after);
    this.#queues.release(group, []);
    this.#schedule();
  }

  /** Another writer was there first: decide again, and after two conflicts alone, under a lock. */
  #retry(group: Group, why: 'conflict' | 'locked'): void {
    for (const key of group.keys) this.memory.drop(key);
    let conflicts = 0;
    group.plan = null;
    for (const operation of group.operations) {
      if (operation.state === 'sent') operation.state = 'waiting';
      operation.conflicts++;
      conflicts = Math.max(conflicts, operation.conflicts);
    }
    const { db } = this.#config.store;
    const mayLock = db.transaction !== undefined && this.#lockWaiters === 0;
    if (conflicts < CONFLICTS_BEFORE_LOCK || !mayLock) this.#again(group, why === 'locked' || conflicts > 1);
    else void this.#runLocked(group);
  }

  /** The pessimistic path. At most one group waits for locks at a time, so that the other connections stay free. */
  async #runLocked(group: Group): Promise<void> {
    const { store, settings } = this.#config;
    this.#lockWaiters++;
    try {
      const outcome = await withDeadline(
        writeInTransaction(group, store.db, settings(), remaining([group])),
        remaining([group]),
        tooLate,
      );
      if (group.broken) this.#failed(group, group.broken);
      else if (group.plan) this.#settle(group, outcome);
      else this.#again(group, true);
    } catch (error) {
      const lost = error === LATE || isCreditError(error, 'OUTCOME_UNKNOWN');
      if (lost && group.plan) this.#settle(group, { status: 'unknown', cause: error });
      else if (isCreditError(error, 'CONTENTION', 'TIMEOUT')) this.#again(group, true);
      else this.#failed(group, error);
    } finally {
      this.#lockWaiters--;
    }
  }

  /** The store failed before anything was applied. What was never sent says so; what was sent once goes on asking. */
  #failed(group: Group, error: unknown): void {
    for (const key of group.keys) this.memory.drop(key);
    for (const operation of group.operations) {
      if (error !== LATE) this.#refuse(operation, storageError(error));
    }
    this.#again(group, true);
  }

  /** Puts what is not answered back at the head of its queues, after a pause when it would only meet the same again. */
  #again(group: Group, pause: boolean): void {
    const again = group.operations.filter((operation) => operation.state !== 'settled');
    for (const operation of again) operation.state = 'waiting';
    const release = () => {
      this.#queues.release(
        group,
        again.filter((operation) => operation.state !== 'settled'),
      );
      this.#schedule();
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

  #giveUp(groups: readonly Group[], error: unknown): void {
    const message = 'An internal check failed. Please report this with the stack of the cause.';
    for (const group of groups) {
      for (const operation of group.operations) {
        if (operation.uncertain || operation.state === 'sent') this.#answer(operation, unknownError(operation));
        else this.#answer(operation, creditError('INVARIANT_VIOLATION', message, {}, { cause: error }));
      }
      for (const key of group.keys) this.memory.drop(key);
      this.#queues.release(group, []);
    }
  }
}

/** Marks our own deadline, which an adapter's errors are never mistaken for. */
const LATE = new Error('deadline');

function tooLate(): Error {
  return LATE;
}

/** Milliseconds until the last deadline of these groups. */
function remaining(groups: readonly Group[]): number {
  let last = 0;
  for (const { operations } of groups) for (const { deadline } of operations) if (deadline > last) last = deadline;
  return Math.max(1, Math.ceil(last - monotonicNow()));
}
