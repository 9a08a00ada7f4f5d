/** What all services of one manager share: the store, the pipeline, host sessions, and how a call enters them. */
import { accountFromRow, emptyAccount } from '../../core/account.js';
import type { Command, Defaults } from '../../core/command.js';
import { decide } from '../../core/decide.js';
import { creditError, isCreditError } from '../../errors.js';
import { type AccountRow, accountKey } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { CallOptions, MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import type { Awaitable, JsonObject } from '../../models/values.js';
import type { LoggerLike } from '../../ports/logger.js';
import { monotonicNow, withDeadline } from '../../timers.js';
import type { BalanceCache } from '../credits/balance-cache.js';
import { callInfo, inputFingerprint } from '../input/parse.js';
import { type Store, storageError } from '../store/store.js';
import { ChangeSet } from './change-set.js';
import { contextOf, type DecisionSettings, newGroup } from './decide-group.js';
import { errorOf } from './earlier-outcome.js';
import { FactSheet } from './facts.js';
import {
  type AccountRef,
  type Answer,
  lateError,
  newOperation,
  type Request,
  scopedKeyOf,
  settle,
  unknownError,
} from './operation.js';
import type { Pipeline } from './pipeline.js';
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
  /** Whether ids come from the host: then the form of an `op_` key cannot be judged by UUIDs. */
  readonly ownIds: boolean;
  readonly defaultsOf: (creditType: string) => Defaults;
  /** Null, or a promise that has to resolve before anything is written. */
  readonly admit: () => Promise<void> | null;
  readonly cache: BalanceCache | null;
}

/** A mutation as a service describes it. */
export interface Mutation<S> {
  /** The verb: the scope of its keys, and the entries' `operation`. */
  readonly operation: string;
  readonly accounts: readonly AccountRef[];
  /** What else only one call may write at a time. */
  readonly documents?: readonly string[];
  /** The caller's fields that are not options, by value. */
  readonly given: JsonObject;
  readonly options: MutationOptions<S>;
  /** Makes the command; `fingerprint` is of the canonical input. */
  readonly command: (operationId: string, fingerprint: () => string) => Command;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const GRACE_MS = 500;
/** Of the commands that a preview imagines before its own. */
const FIRST_MAX = 100;
const OWN_ID = /^[A-Za-z0-9_-]{1,64}$/;

export class Engine<S> {
  readonly #config: EngineConfig<S>;
  readonly #sessions: HostSessions<S>;

  constructor(config: EngineConfig<S>) {
    this.#config = config;
    this.#sessions = new HostSessions(config.store.db, config.settings);
  }

  get store(): Store<S> {
    return this.#config.store;
  }

  get scale(): number {
    return this.#config.scale;
  }

  get cache(): BalanceCache | null {
    return this.#config.cache;
  }

  get logger(): LoggerLike {
    return this.#config.logger;
  }

  get ttlSeconds(): number {
    return this.#config.ttlSeconds;
  }

  defaultsOf(creditType: string): Defaults {
    return this.#config.defaultsOf(creditType);
  }

  newId(): string {
    return this.#config.ids();
  }

  account(creditType: string, userId: string): AccountRef {
    return { key: accountKey(creditType, userId), creditType, userId };
  }

  /** Runs a mutation through the pipeline, or inside the host's transaction when a session is given. */
  mutate(mutation: Mutation<S>): Promise<Answer> {
    const { operation, accounts, given, options } = mutation;
    const [first] = accounts as [AccountRef];
    const key = options.idempotencyKey;
    const resumes = key?.startsWith('op_') ?? false;
    const operationId = resumes ? this.resumedId(key as string) : this.newId();
    let known: string | undefined;
    const fingerprint = () => {
      known ??= inputFingerprint(given, options);
      return known;
    };
    const keyed = key === undefined || resumes ? null : { scopedKey: scopedKeyOf(first.key, operation, key) };
    const keys = accounts.map((account) => account.key);
    const request: Request = {
      accounts,
      documents: mutation.documents ? [...keys, ...mutation.documents] : keys,
      command: mutation.command(operationId, fingerprint),
      call: callInfo(operation, operationId, options, keyed && { ...keyed, fingerprint: fingerprint() }),
      resumes,
      signal: options.signal,
      timeoutMs: options.timeoutMs ?? this.#config.timeoutMs,
    };
    if (options.session !== undefined) return this.#inSession(request, options.session);
    return this.#config.pipeline.submit(request);
  }

  /**
   * An account that was just read, for the decisions that follow: where this process remembers none it is not read
   * again. What it says may be out of date as anything remembered may: then the commit conflicts.
   */
  offer(row: AccountRow): void {
    const { memory } = this.#config.pipeline;
    if (!memory.get(row.id)) memory.set(row.id, { account: accountFromRow(row), version: row.version });
  }

  /** Waits until something new may be written: a ledger file that is required may be out of order. */
  async admit(options: CallOptions<S>): Promise<void> {
    await this.read(options, () => this.#config.admit());
  }

  /**
   * Starts the clock of a call that reads before it writes: the result gives its options with the time that is
   * left.
   */
  startDeadline<O extends CallOptions<S>>(options: O): () => O {
    const timeoutMs = options.timeoutMs ?? this.#config.timeoutMs;
    const until = monotonicNow() + timeoutMs;
    return () => ({ ...options, timeoutMs: Math.max(1, until - monotonicNow()) });
  }

  /** Runs a read when the store is ready, within the call's deadline and signal. */
  async read<T>(options: CallOptions<S>, run: (timeoutMs: number) => Awaitable<T>): Promise<T> {
    const timeoutMs = options.timeoutMs ?? this.#config.timeoutMs;
    const { signal } = options;
    if (signal?.aborted) throw abortedError();
    const started = (async () => {
      const preparing = this.store.prepare();
      if (preparing !== null) await preparing;
      return run(timeoutMs);
    })().catch((error) => {
      // A host has to see what its own transaction is to be repeated for.
      throw options.session === undefined ? storageError(error) : error;
    });
    const late = () => creditError('TIMEOUT', `The read took longer than ${timeoutMs} ms.`, { timeoutMs });
    const answer = withDeadline(started, timeoutMs, late);
    if (!signal) return answer;
    let stop = () => {};
    const abort = new Promise<never>((_, reject) => {
      const listener = () => reject(abortedError());
      signal.addEventListener('abort', listener, { once: true });
      stop = () => signal.removeEventListener('abort', listener);
    });
    return Promise.race([answer, abort]).finally(stop);
  }

  /**
   * The entry that a command would be answered with now, after `first` as often as that does anything. Nothing is
   * written and nothing remembered.
   */
  preview(
    accounts: readonly AccountRef[],
    options: ReadOptions<S>,
    command: Command,
    first: Command | null = null,
  ): Promise<EntryRow> {
    const { session, fresh } = options;
    const { db } = this.store;
    return this.read(options, async (timeoutMs) => {
      const how = { session, fresh, timeoutMs };
      const keys = accounts.map(({ key }) => key);
      const rows = (await db.getMany('account', keys, how)) as unknown as (AccountRow | null)[];
      const states = accounts.map(({ creditType, userId }, i) => {
        const row = rows[i];
        return row ? accountFromRow(row) : emptyAccount(creditType, userId);
      });
      const facts = new FactSheet(db, how);
      const settings = this.#config.settings();
      const changes = new ChangeSet(settings, facts);
      const context = contextOf(settings, settings.now(), states[0]?.creditType ?? '', changes);
      let decided = 0;
      const ask = async (asked: Command) => {
        const call = callInfo('preview', `preview-${decided++}`, {}, null);
        for (;;) {
          const { misses } = facts;
          const decision = decide(states, asked, call, context);
          if (decision.kind !== 'pending' || facts.misses === misses) return decision;
          await facts.fetch();
        }
      };
      while (first !== null && decided < FIRST_MAX) {
        const decision = await ask(first);
        if (decision.kind !== 'applied') break;
        for (const [i, change] of decision.changes.entries()) {
          changes.add(change);
          states[i] = change.account;
        }
      }
      const decision = await ask(command);
      if (decision.kind === 'applied') return decision.entry;
      if (decision.kind === 'refused') throw errorOf(decision);
      throw creditError('INVARIANT_VIOLATION', 'There is nothing to preview.', {});
    });
  }

  /** An instant no earlier than the clock. */
  now(): number {
    return this.store.time.now();
  }

  async #inSession(request: Request, session: S): Promise<Answer> {
    if (typeof session !== 'object' || session === null) {
      throw creditError('INVALID_ARGUMENT', 'The session is not a transaction of the database.', {
        path: 'session',
        expected: 'a transaction of the configured database',
      });
    }
    const { timeoutMs } = request;
    const { signal } = request;
    const rest = this.startDeadline({ timeoutMs, signal });
    await this.admit({ timeoutMs, signal });
    const left = rest().timeoutMs;
    return new Promise<Answer>((resolve, reject) => {
      const operation = newOperation(request, resolve, reject);
      const keys = request.accounts.map((account) => account.key);
      const group = newGroup([operation]);
      // Whatever ends the call first settles it; one that was not sent by then is never carried out.
      const end = (tell: () => void) => {
        if (operation.state === 'settled') return;
        operation.state = 'settled';
        signal?.removeEventListener('abort', abort);
        for (const key of keys) this.#config.pipeline.memory.drop(key);
        tell();
      };
      const abort = () => {
        if (operation.state === 'waiting') end(() => reject(abortedError()));
      };
      signal?.addEventListener('abort', abort);
      const run = this.#sessions.run(group, session, left);
      const inTime = (ms: number) => withDeadline(run, ms, () => lateError(operation));
      // One that is writing gets a moment more, to leave nothing half done behind in the host's transaction.
      const answer = inTime(left).catch((error) =>
        operation.state === 'sent' ? inTime(GRACE_MS) : Promise.reject(error),
      );
      answer.then(
        () => end(() => settle(operation)),
        (error) => end(() => reject(isCreditError(error, 'OUTCOME_UNKNOWN') ? unknownError(operation) : error)),
      );
    });
  }

  /** The operation id of a key that this library made for a call whose outcome was unknown. */
  resumedId(key: string): string {
    const id = key.slice(3);
    if ((this.#config.ownIds ? OWN_ID : UUID).test(id)) return id;
    throw creditError('INVALID_ARGUMENT', 'Keys that begin with op_ are made by the library alone. Use another key.', {
      path: 'idempotencyKey',
      expected: 'a key of your own, or details.idempotencyKey of an OUTCOME_UNKNOWN error',
    });
  }
}

function abortedError() {
  return creditError('ABORTED', 'The call was aborted. Nothing was written.', {});
}
