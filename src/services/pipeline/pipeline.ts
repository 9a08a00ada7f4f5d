/**
 * The path that every mutation takes: queue by document, load, decide, commit in groups, tell the followers, answer. No
 * call waits for a timer: an idle pipeline commits at once, and a busy one fills the next batch during a commit.
 */
import { creditError } from '../../errors.js';
import type { Awaitable } from '../../models/values.js';
import { clearTimeout, monotonicNow, setImmediate, setTimeout, withDeadline } from '../../timers.js';
import type { Store } from '../store/store.js';
import { LATE } from '../store/tables.js';
import { loadStates } from './account-loader.js';
import { AccountMemory } from './account-memory.js';
import type { DecisionSettings } from './context.js';
import { Deadlines } from './deadlines.js';
import { Ahead } from './decide-ahead.js';
import { decideGroup } from './decide-group.js';
import { DocumentQueues } from './document-queues.js';
import { FactSheet } from './facts.js';
import { type Decided, type Group, markSent } from './group.js';
import { answered, Failed, newOperation, type Operation, type Request, type Settled, tell } from './operation.js';
import { type Outcome, Outcomes, remaining } from './outcomes.js';
import { Renewals } from './renewals.js';
import type { Tracing } from './tracing.js';

/** Is told how an operation ended: by `error`, or as it was decided. */
export type AnswerListener = (operation: Operation, error: unknown) => void;

export interface PipelineConfig<S> {
  readonly store: Store<S>;
  readonly settings: () => DecisionSettings;
  readonly ids: () => string;
  /** Called with each committed group, in commit order; must not throw. The callers wait for the promise it returns. */
  readonly committed: (decided: Decided) => Promise<unknown> | null;
  /** Null, or a promise that must resolve before anything is written. */
  readonly admit: () => Promise<void> | null;
  /** Told of each operation when it is answered; null for nobody. Must not throw. */
  readonly answered: AnswerListener | null;
  readonly tracing: Tracing | null;
  readonly waitingMax: number;
  readonly waitingPerAccountMax: number;
  readonly statesMax: number;
  readonly lanes: number;
  readonly batchMax: number;
}

/** After so many renewals that changed nothing, a call is decided as its account is. */
const RENEWALS_MAX = 3;

/** Milliseconds that calls under way have when a manager closes. */
const CLOSE_MAX_MS = 5_000;

export class Pipeline<S> {
  readonly memory: AccountMemory;
  readonly #config: PipelineConfig<S>;
  readonly #queues = new DocumentQueues();
  readonly #deadlines: Deadlines;
  readonly #outcomes: Outcomes<S>;
  readonly #renewals: Renewals<S>;
  #busyLanes = 0;
  /** The number of committed calls whose followers are still at work; the calls are answered after that. */
  #following = 0;
  /** The number of calls that have begun by reading. Their writes are accepted after `close`, too. */
  #begun = 0;
  #isScheduled = false;
  #drained: (() => void) | null = null;
  #isClosed = false;

  constructor(config: PipelineConfig<S>) {
    this.#config = config;
    this.memory = new AccountMemory(config.statesMax);
    this.#deadlines = new Deadlines((operation, error) => {
      this.#config.answered?.(operation, error);
      this.#queues.wake(operation);
      this.#schedule();
      this.#checkDrained();
    });
    this.#outcomes = new Outcomes({
      tables: config.store,
      settings: config.settings,
      memory: this.memory,
      queues: this.#queues,
      committed: config.committed,
      answer: (operation, error, after) => this.#answer(operation, error, after),
      schedule: () => this.#schedule(),
    });
    this.#renewals = new Renewals({
      ...{ tables: config.store, ids: config.ids, now: () => config.settings().now() },
      submit: (request) => new Promise<Settled>((settle) => this.#enter(newOperation(request, settle))).then(answered),
    });
  }

  /** The number of calls that are not answered yet. */
  get waiting(): number {
    return this.#deadlines.size;
  }

  /** The conflicts that commits met so far. */
  get conflicts(): number {
    return this.#outcomes.conflicts;
  }

  /** The groups that were decided under a lock so far. */
  get locked(): number {
    return this.#outcomes.locked;
  }

  submit(request: Request): Promise<Settled> {
    return new Promise((settle) => {
      try {
        this.#admit(request);
      } catch (error) {
        if (request.trace) this.#config.tracing?.settled(request.trace, new Failed(error));
        throw error;
      }
      this.#enter(newOperation(request, settle));
    });
  }

  #enter(operation: Operation): void {
    this.#deadlines.add(operation);
    this.#queues.push(operation);
    this.#schedule();
  }

  /** Runs a call that reads before it writes. Once it has begun, `close` waits for it as for one that was submitted. */
  async begin<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw closed();
    this.#begun++;
    try {
      return await call();
    } finally {
      this.#begun--;
      this.#checkDrained();
    }
  }

  /** Refuses new calls and resolves when every accepted one is answered, which takes no longer than five seconds. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#deadlines.endBy(monotonicNow() + CLOSE_MAX_MS);
    if (this.#isDrained) return;
    const drained = new Promise<void>((resolve) => (this.#drained = resolve));
    // Reads have deadlines of their own, which may be later.
    const timer = setTimeout(() => this.#drained?.(), CLOSE_MAX_MS);
    await drained;
    clearTimeout(timer);
  }

  get #isDrained(): boolean {
    return this.#deadlines.size + this.#following + this.#begun === 0;
  }

  /** Refuses a call at once when the pipeline is closed, when the call is aborted, or when too many are waiting. */
  #admit({ documents, signal }: Request): void {
    if (this.#isClosed && this.#begun === 0) throw closed();
    if (signal?.aborted) throw creditError('ABORTED', 'The call was aborted. Nothing was written.', {});
    const { waitingMax, waitingPerAccountMax } = this.#config;
    const isFull =
      this.#deadlines.size >= waitingMax || documents.some((key) => this.#queues.sizeOf(key) >= waitingPerAccountMax);
    if (isFull)
      throw creditError('CONTENTION', 'Too many calls are waiting. Slow down and try again.', { attempts: 0 });
  }

  /** Answers an operation once: with `error`, or after `after` has resolved with what was decided. */
  #answer(operation: Operation, error?: Error | null, after: Promise<unknown> | null = null): void {
    if (operation.state === 'answered') return;
    operation.state = 'answered';
    this.#deadlines.remove(operation);
    this.#config.answered?.(operation, error);
    if (error) operation.settle(new Failed(error));
    else if (after !== null) {
      this.#following++;
      void after.then(() => {
        tell(operation);
        this.#following--;
        this.#checkDrained();
      });
    } else tell(operation);
    this.#checkDrained();
  }

  #checkDrained(): void {
    if (this.#isDrained) this.#drained?.();
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#queues.hasReady || this.#busyLanes >= this.#config.lanes) return;
    this.#isScheduled = true;
    // Wait a turn: all calls of this tick, and new calls of callers that were just answered, share the next batch.
    setImmediate(() => {
      this.#isScheduled = false;
      while (this.#busyLanes < this.#config.lanes) {
        const groups = this.#queues.take(this.#config.batchMax);
        if (groups.length === 0) break;
        this.#busyLanes++;
        this.#run(groups)
          .catch((error) => this.#outcomes.giveUp(groups, error))
          .finally(() => {
            this.#busyLanes--;
            this.#schedule();
          });
      }
    });
  }

  /** Takes all groups of a batch through the steps together. */
  async #run(groups: readonly Group[]): Promise<void> {
    this.#outcomes.probe(groups);
    this.#config.tracing?.taken(groups);
    const timeoutMs = remaining(groups);
    try {
      // Where nothing has to be waited for, all this is done at once.
      // 1. The store is open, and new entries are admitted.
      const preparing = this.#config.store.prepare();
      if (preparing !== null) await within(preparing, timeoutMs);
      const admitting = this.#config.admit();
      if (admitting !== null) await within(admitting, timeoutMs);
      // 2. Load the accounts, and 3. decide on them.
      const deciding = this.#decide(groups, timeoutMs);
      if (deciding !== null) await within(deciding, timeoutMs);
    } catch (error) {
      for (const group of groups) this.#outcomes.failed(group, error);
      return;
    }
    const writing: Group[] = [];
    for (const group of groups) {
      if (group.broken) this.#outcomes.failed(group, group.broken);
      else if (group.renewals.size > 0) void this.#renewFirst(group);
      else if (!group.decided) this.#outcomes.retry(group, 'conflict');
      // A call that ended during the decision must not be written: its caller was told that it was not.
      else if (group.decided.sent.some(({ state }) => state === 'answered')) this.#outcomes.again(group, false);
      else if (group.decided.unit.length === 0) this.#outcomes.finish(group, group.decided);
      else writing.push(group);
    }
    // 4. Commit, and 5. judge the outcomes: followers of the commit, then the answers.
    await this.#write(writing);
  }

  /** Lets the documents of a group go until the subscriptions behind them are renewed. Then the group queues again. */
  async #renewFirst(group: Group): Promise<void> {
    const timeoutMs = remaining([group]);
    this.#queues.release(group, []);
    this.#schedule();
    const renewed = await Promise.all([...group.renewals].map((userId) => this.#renewals.run(userId, timeoutMs)));
    for (const key of group.keys) this.memory.drop(key);
    for (const operation of group.operations) {
      if (operation.state === 'answered') continue;
      if (!renewed.includes('failed')) {
        operation.renewals++;
        operation.isRenewed = renewed.includes('refused') || operation.renewals > RENEWALS_MAX;
      }
      this.#queues.push(operation);
    }
    this.#schedule();
  }

  /** Commits groups, then those that were decided behind them meanwhile, and so on while no other document waits. */
  async #write(groups: readonly Group[]): Promise<void> {
    const send = (next: readonly Group[]) => {
      for (const group of next) markSent(group);
      const ahead = new Ahead<S>(next, this.#queues, this.#config.batchMax, () => this.#aheadTools(next));
      return { groups: next, outcomes: this.#commit(next, remaining(next)), ahead };
    };
    for (let sent = groups.length > 0 ? send(groups) : null; sent !== null; ) {
      const { groups: written, ahead } = sent;
      const outcomes = await sent.outcomes;
      const next = ahead.take(new Set(written.filter((_, i) => outcomes[i]?.status === 'committed')));
      // The next commit is on its way before the callers of this one are answered.
      sent = next.length > 0 ? send(next) : null;
      try {
        for (const [i, group] of written.entries()) this.#outcomes.judge(group, outcomes[i] as Outcome);
      } catch (error) {
        this.#outcomes.giveUp(written, error);
      }
    }
  }

  #aheadTools(groups: readonly Group[]) {
    const { store, settings, admit, lanes } = this.#config;
    if (this.#queues.hasReady && this.#busyLanes >= lanes) return null;
    const admitting = admit();
    // Groups in their own turn wait for this promise and get its error; here it must not be an unhandled rejection.
    admitting?.catch(() => {});
    if (admitting !== null) return null;
    // Groups that are decided ahead are sent without looking their keys up.
    if (this.#outcomes.isProbing) return null;
    return { facts: new FactSheet(store, { timeoutMs: remaining(groups) }), settings: settings() };
  }

  /**
   * Decides every group. A group that is still undecided afterwards must start again. Null when that is done: where all
   * accounts are remembered and no stored row is asked for, there is nothing to wait for.
   */
  #decide(groups: readonly Group[], timeoutMs: number): Promise<void> | null {
    const options = { timeoutMs };
    const loading = loadStates(groups, this.#config.store, this.memory, options);
    if (loading !== null) return loading.then(() => this.#decideLoaded(groups, options));
    const stale = this.#decideOnStates(groups, options);
    return Array.isArray(stale) && stale.length === 0 ? null : this.#decideAgain(stale, options);
  }

  async #decideLoaded(groups: readonly Group[], options: { readonly timeoutMs: number }): Promise<void> {
    await this.#decideAgain(this.#decideOnStates(groups, options), options);
  }

  /** Loads the accounts of groups whose states were stale once more, and decides again. */
  async #decideAgain(found: Awaitable<readonly Group[]>, options: { readonly timeoutMs: number }): Promise<void> {
    const stale = await found;
    if (stale.length === 0) return;
    for (const group of stale) for (const key of group.keys) this.memory.drop(key);
    await loadStates(stale, this.#config.store, this.memory, options);
    await this.#decideOnStates(stale, options);
  }

  /**
   * Decides groups on their states, and answers the groups whose states must be read again. Facts must never be older
   * than the states: a newer fact makes the commit conflict, but nothing would notice an older one. So facts are read
   * after the states, and states that are read later get a new sheet of facts.
   */
  #decideOnStates(groups: readonly Group[], options: { readonly timeoutMs: number }): Awaitable<readonly Group[]> {
    const { store, settings } = this.#config;
    const facts = new FactSheet(store, options);
    const decision = settings();
    const stale: Group[] = [];
    const decide = (open: readonly Group[]) =>
      open.filter((group) => {
        if (group.broken) return false;
        const progress = decideGroup(group, facts, decision);
        if (progress === 'stale' && !group.fresh) stale.push(group);
        return progress === 'facts';
      });
    let open = decide(groups);
    if (open.length === 0) return stale;
    return (async () => {
      for (; open.length > 0; open = decide(open)) await facts.fetch();
      return stale;
    })();
  }

  async #commit(groups: readonly Group[], timeoutMs: number): Promise<readonly Outcome[]> {
    const { store, tracing } = this.#config;
    const units = groups.map((group) => group.decided?.unit ?? []);
    const write = () => store.write(units, { timeoutMs, handOver: true });
    try {
      return await (tracing ? tracing.commit(groups, write) : write());
    } catch (cause) {
      return units.map(() => ({ status: 'thrown', cause }));
    }
  }
}

/** Waits for a promise until our own deadline. */
function within(promise: Promise<unknown>, timeoutMs: number): Promise<unknown> {
  return withDeadline(promise, timeoutMs, () => LATE);
}

function closed() {
  return creditError('CLOSED', 'The credit manager is closed.', {});
}
