/** The part that all services of one manager share: the store, the pipeline, host sessions, and the way calls enter. */
import type { Command } from '../../core/command.js';
import type { Context, Defaults } from '../../core/decision.js';
import { creditError, ledHome } from '../../errors.js';
import { type AccountRef, type AccountRow, accountRef } from '../../models/account.js';
import { scopedKeyOf } from '../../models/entry.js';
import type { CallOptions, MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import { isOwnId } from '../../models/inputs/values.js';
import type { Awaitable, JsonObject } from '../../models/values.js';
import type { StoreOptions } from '../../ports/db-manager.js';
import type { LoggerLike } from '../../ports/logger.js';
import { monotonicNow, withDeadline } from '../../timers.js';
import { storageError } from '../store/storage-error.js';
import type { Store } from '../store/store.js';
import { onAbort } from './abort-listeners.js';
import { versionedAccount } from './account-memory.js';
import { callInfo, inputFingerprint } from './call-info.js';
import { type DecisionSettings, readingContext } from './context.js';
import { DRY_RUN, dryRun } from './dry-run.js';
import { type RenewedState, renewedAt } from './imagined.js';
import { abortedError, Failed, type Request, type Settled } from './operation.js';
import type { Pipeline } from './pipeline.js';
import { preview } from './preview.js';
import type { Receipt } from './receipts.js';
import type { Tracing } from './tracing.js';
import { HostSessions } from './transactions.js';

export interface EngineConfig<S> {
  readonly store: Store<S>;
  readonly pipeline: Pipeline<S>;
  readonly settings: () => DecisionSettings;
  readonly scale: number;
  readonly timeoutMs: number;
  readonly ttlSeconds: number;
  readonly ids: () => string;
  readonly logger: LoggerLike;
  /** Whether ids come from the host. If so, the id in an `op_` key need not be a UUID. */
  readonly ownIds: boolean;
  readonly tracing: Tracing | null;
  /** Null, or a promise that must resolve before anything is written, in a session where one is given. */
  readonly admit: (session?: S) => Promise<void> | null;
}

/** A mutation as a service describes it. */
export interface Mutation<S> {
  /** The verb. Entries keep it as `operation`, and idempotency keys are unique within it. */
  readonly operation: string;
  readonly accounts: readonly AccountRef[];
  /** Further documents that only one call may write at a time. */
  readonly documents?: readonly string[];
  /** The caller's arguments that are not options, copied. */
  readonly given: JsonObject;
  readonly options: MutationOptions<S>;
  /** Makes the command; `fingerprint` gives the fingerprint of the canonical input. */
  readonly command: (operationId: string, fingerprint: () => string) => Command;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export class Engine<S> {
  readonly #config: EngineConfig<S>;
  readonly #sessions: HostSessions<S>;
  readonly #receipt: Receipt | null;

  constructor(
    config: EngineConfig<S>,
    sessions = new HostSessions(config.store, config.pipeline.memory, config.settings, config.ids),
    receipt: Receipt | null = null,
  ) {
    this.#config = config;
    this.#sessions = sessions;
    this.#receipt = receipt;
  }

  /** The same engine for the work on one message: its first effect commits with the receipt. */
  withReceipt(receipt: Receipt): Engine<S> {
    return new Engine(this.#config, this.#sessions, receipt);
  }

  get store(): Store<S> {
    return this.#config.store;
  }

  get scale(): number {
    return this.#config.scale;
  }

  get logger(): LoggerLike {
    return this.#config.logger;
  }

  /** The milliseconds that a call may take that names none. */
  get timeoutMs(): number {
    return this.#config.timeoutMs;
  }

  get ttlSeconds(): number {
    return this.#config.ttlSeconds;
  }

  /** The context in which a read looks at an account now. */
  readingContext(creditType: string): Context {
    return readingContext(this.#config.settings(), creditType);
  }

  defaultsOf(creditType: string): Defaults {
    return this.store.defaultsOf(creditType);
  }

  newId(): string {
    return this.#config.ids();
  }

  account(creditType: string, userId: string): AccountRef {
    return accountRef(creditType, userId);
  }

  /**
   * Runs a mutation through the pipeline, or inside the host's transaction when a session is given. The caller gives
   * the result to `answered`.
   */
  mutate(mutation: Mutation<S>): Promise<Settled> {
    const { operation, accounts, given, options } = mutation;
    const [first] = accounts as [AccountRef];
    const key = options.idempotencyKey;
    const resumes = key?.startsWith('op_') ?? false;
    const isDryRun = options.dryRun === true;
    const ownId = isDryRun ? DRY_RUN : this.newId();
    const operationId = resumes ? this.resumedId(key as string) : ownId;
    let known: string | undefined;
    const fingerprint = () => {
      known ??= inputFingerprint(given, options);
      return known;
    };
    const keyedBy =
      key === undefined || resumes
        ? null
        : { scopedKey: scopedKeyOf(first.key, operation, key), fingerprint: fingerprint() };
    const keys = accounts.map((account) => account.key);
    const command = mutation.command(operationId, fingerprint);
    const { tracing, pipeline } = this.#config;
    // A dry run does nothing that somebody could want to find again.
    const trace = isDryRun ? null : (tracing?.begin(operation) ?? null);
    const call = callInfo(operation, operationId, options, keyedBy);
    if (trace) call.span = trace;
    const request: Request = {
      accounts,
      documents: mutation.documents ? [...keys, ...mutation.documents] : keys,
      command,
      call,
      resumes,
      signal: options.signal,
      timeoutMs: options.timeoutMs ?? this.#config.timeoutMs,
      receipt: this.#receipt?.rowFor(operationId) ?? null,
      trace,
    };
    if (isDryRun) return this.#dryRun(request, options);
    if (options.session !== undefined) {
      const settling = this.#inSession(request, options.session).catch((error: unknown) => new Failed(error));
      if (trace) void settling.then((settled) => tracing?.settled(trace, settled));
      return settling;
    }
    const settled = pipeline.submit(request);
    return this.#receipt === null ? settled : this.#receipt.follow(settled);
  }

  /**
   * Remembers an account that was just read, unless this process already remembers it, so that the next decision need
   * not read it again. A remembered account may be out of date; the commit then conflicts.
   */
  offer(row: AccountRow): void {
    const { memory } = this.#config.pipeline;
    if (!memory.get(row.id)) memory.set(row.id, versionedAccount(row));
  }

  /** Does work inside a span of the call, where calls are traced. */
  traced<T>(verb: string, work: () => Promise<T>): Promise<T> {
    const { tracing } = this.#config;
    return tracing ? tracing.run(`credits.${verb}`, {}, work) : work();
  }

  /** Waits until something new may be written. Rejects while a required ledger file cannot be written. */
  async admit(options: CallOptions<S>): Promise<void> {
    await this.read(options, () => this.#config.admit(options.session));
  }

  /** Runs a call that reads before it writes, so that closing waits for it once it has begun. */
  begin<T>(call: () => Promise<T>): Promise<T> {
    return this.#config.pipeline.begin(call);
  }

  /** Starts the deadline of a call that reads before it writes. The result gives the options with the time left. */
  startDeadline<O extends CallOptions<S>>(options: O): () => O {
    const timeoutMs = options.timeoutMs ?? this.#config.timeoutMs;
    const until = monotonicNow() + timeoutMs;
    return () => ({ ...options, timeoutMs: Math.max(1, until - monotonicNow()) });
  }

  /** Runs a read when the store is ready, within the call's deadline and signal. */
  async read<T>(options: CallOptions<S>, run: (timeoutMs: number) => Awaitable<T>): Promise<T> {
    try {
      return await this.#read(options, run);
    } catch (error) {
      throw ledHome(error);
    }
  }

  #read<T>(options: CallOptions<S>, run: (timeoutMs: number) => Awaitable<T>): Promise<T> {
    const timeoutMs = options.timeoutMs ?? this.#config.timeoutMs;
    const { signal } = options;
    if (signal?.aborted) throw abortedError();
    const started = (async () => {
      const preparing = this.store.prepare(options.session);
      // This is done outside of a session, and so are its failures.
      if (preparing !== null) await preparing.catch((error) => Promise.reject(storageError(error)));
      return run(timeoutMs);
    })().catch((error) => {
      // In its own transaction a host needs the driver's error, which may ask it to repeat the transaction.
      throw options.session === undefined ? storageError(error) : error;
    });
    const late = () => creditError('TIMEOUT', `The read took longer than ${timeoutMs} ms.`, { timeoutMs });
    const answer = withDeadline(started, timeoutMs, late);
    if (!signal) return answer;
    let stop = () => {};
    const abort = new Promise<never>((_, reject) => {
      stop = onAbort(signal, () => reject(abortedError()));
    });
    return Promise.race([answer, abort]).finally(stop);
  }

  #dryRun(request: Request, { session, signal }: MutationOptions<S>): Promise<Settled> {
    const { timeoutMs } = request;
    const decided = this.read({ session, signal, timeoutMs }, (timeoutMs) =>
      dryRun(request, this.#imagining(), { session, fresh: true, timeoutMs }),
    );
    return decided.catch((error: unknown) => new Failed(error));
  }

  /** The entry that a command would be answered with now. Nothing is written and nothing is remembered. */
  preview(accounts: readonly AccountRef[], options: ReadOptions<S>, command: Command) {
    const { session, fresh } = options;
    const refs = accounts as [AccountRef, ...AccountRef[]];
    return this.read(options, (timeoutMs) => preview(refs, command, this.#imagining(), { session, fresh, timeoutMs }));
  }

  /** An account and its user's subscription at an instant, with the renewals that are due by then. */
  renewedAt(account: AccountRef, now: number, options: StoreOptions<S>): Promise<RenewedState> {
    return renewedAt(account, this.#imagining(), options, now);
  }

  /** The present instant, in epoch milliseconds. */
  now(): number {
    return this.store.time.now();
  }

  /** The same for reports, which decide nothing: an instant of this machine where no other is known. Never throws. */
  nowForReports(): number {
    return this.store.time.nowForReports();
  }

  #imagining() {
    return { tables: this.store, settings: this.#config.settings() };
  }

  async #inSession(request: Request, session: S): Promise<Settled> {
    if (typeof session !== 'object' || session === null) {
      throw creditError('INVALID_ARGUMENT', 'The session is not a transaction of the database.', {
        path: 'session',
        expected: 'a transaction of the configured database',
      });
    }
    const { timeoutMs, signal } = request;
    const rest = this.startDeadline({ timeoutMs, signal });
    await this.admit({ session, timeoutMs, signal });
    return this.#sessions.call(request, session, rest().timeoutMs);
  }

  /** The operation id inside a key that the library made for a call with an unknown outcome. */
  resumedId(key: string): string {
    const id = key.slice(3);
    if (this.#config.ownIds ? isOwnId(id) : UUID.test(id)) return id;
    throw creditError('INVALID_ARGUMENT', 'Only the library makes keys that begin with op_. Use another key.', {
      path: 'idempotencyKey',
      expected: 'a key of your own, or details.idempotencyKey of an OUTCOME_UNKNOWN error',
    });
  }
}
