/** Writes inside a transaction, our own or the host's: lock, read, decide, write, answer. */
import { creditError, isCreditError } from '../../errors.js';
import type { StoreOptions, UnitOutcome } from '../../ports/db-manager.js';
import { monotonicNow, withDeadline } from '../../timers.js';
import { storageError } from '../store/storage-error.js';
import type { Tables } from '../store/tables.js';
import { onAbort } from './abort-listeners.js';
import { createAccounts, lockStates } from './account-loader.js';
import type { AccountMemory } from './account-memory.js';
import type { DecisionSettings } from './context.js';
import { decideGroup } from './decide-group.js';
import { FactSheet } from './facts.js';
import { type Decided, type Group, markSent, newGroup } from './group.js';
import {
  abortedError,
  Failed,
  lateError,
  newOperation,
  type Operation,
  type Request,
  type Settled,
  tell,
  unknownError,
} from './operation.js';
import { ROUNDS_MAX, renewalRequest } from './renewals.js';

/** The time beyond its deadline that a call gets while it writes in a host's transaction. */
const GRACE_MS = 1_500;

/** Thrown inside a transaction to roll it back; it carries the outcome that is the reason. */
class RolledBack extends Error {
  constructor(readonly outcome: UnitOutcome) {
    super(outcome.status);
  }
}

/** Decides and writes a group in a transaction of our own. Any outcome but `committed` was rolled back. */
export async function writeInTransaction<S>(
  group: Group,
  tables: Tables<S>,
  settings: DecisionSettings,
  timeoutMs: number,
): Promise<UnitOutcome> {
  const options = { timeoutMs };
  await createAccounts(group, tables, options);
  try {
    await tables.db.transaction?.(async (session) => {
      // The group renews in its own turn; until then nothing of it is decided.
      const isDecided = await lockAndDecide(group, tables, settings, { ...options, session });
      if (!isDecided) throw new RolledBack({ status: 'conflict', model: 'account', key: group.keys[0] ?? '' });
      const outcome = await writeDecided(group.decided as Decided, tables, { ...options, session });
      if (outcome.status !== 'committed') throw new RolledBack(outcome);
    }, options);
    return { status: 'committed' };
  } catch (error) {
    if (error instanceof RolledBack) return error.outcome;
    throw error;
  }
}

/**
 * Locks and reads the accounts, reads the facts that the decision needs, keys included, and decides. Answers false
 * where a subscription must be renewed first: `group.renewals` names its user.
 */
export async function lockAndDecide<S>(
  group: Group,
  tables: Tables<S>,
  settings: DecisionSettings,
  options: StoreOptions<S>,
): Promise<boolean> {
  await lockStates(group, tables, options);
  const facts = new FactSheet(tables, options);
  for (const operation of group.operations) operation.probe = true;
  group.decided = null;
  for (let progress = decideGroup(group, facts, settings); progress !== 'decided'; ) {
    if (progress === 'renewal') return false;
    if (progress === 'stale') {
      throw creditError('CONTENTION', 'A row was read before the state it belongs to. Try again.', { attempts: 1 });
    }
    await facts.fetch();
    progress = decideGroup(group, facts, settings);
  }
  markSent(group);
  return true;
}

export async function writeDecided<S>(
  { unit }: Decided,
  tables: Tables<S>,
  options: StoreOptions<S>,
): Promise<UnitOutcome> {
  return unit.length === 0 ? { status: 'committed' } : tables.writeOne(unit, options);
}

/**
 * Runs calls inside a host's transaction: in each session one call after another, each by itself. This process
 * remembers nothing that was read or decided there, because the host may roll back; and it tells no follower, because
 * nothing is visible before the host commits. Only the database knows whether an error ended the transaction, since a
 * driver may use one session object for many transactions.
 */
export class HostSessions<S> {
  readonly #tails = new WeakMap<object, Promise<unknown>>();

  constructor(
    readonly tables: Tables<S>,
    readonly memory: AccountMemory,
    readonly settings: () => DecisionSettings,
    readonly ids: () => string,
  ) {}

  /** Carries out a call in the host's transaction. Result, deadline or abort: the first of them answers it. */
  call(request: Request, session: S, timeoutMs: number): Promise<Settled> {
    const { signal } = request;
    return new Promise((settle) => {
      const operation = newOperation(request, settle);
      const fail = (error: unknown) => settle(new Failed(error));
      let forget = () => {};
      // A call that is answered before it was sent is never carried out.
      const end = (answer: () => void) => {
        if (operation.state === 'answered') return;
        operation.state = 'answered';
        forget();
        for (const { key } of request.accounts) this.memory.drop(key);
        answer();
      };
      const abort = () => {
        if (operation.state === 'waiting') end(() => fail(abortedError()));
      };
      if (signal) forget = onAbort(signal, abort);
      const run = this.#run(newGroup([operation]), session, timeoutMs);
      const inTime = (ms: number) => withDeadline(run, ms, () => lateError(operation));
      // A call that is writing gets a moment more, so that it leaves nothing half done in the host's transaction.
      const answer = inTime(timeoutMs).catch((error) =>
        operation.state === 'sent' ? inTime(GRACE_MS) : Promise.reject(error),
      );
      answer.then(
        () => end(() => tell(operation)),
        (error) => end(() => fail(isCreditError(error, 'OUTCOME_UNKNOWN') ? unknownError(operation) : error)),
      );
    });
  }

  /** Decides and writes a group of one operation. When this resolves, the operation has its answer. */
  #run(group: Group, session: S, timeoutMs: number): Promise<void> {
    const key = session as object;
    const turn = (this.#tails.get(key) ?? Promise.resolve()).then(() => this.#write(group, session, timeoutMs));
    this.#tails.set(
      key,
      turn.catch(() => {}),
    );
    return turn;
  }

  async #write(group: Group, session: S, timeoutMs: number): Promise<void> {
    const [operation] = group.operations as [Operation];
    const until = monotonicNow() + timeoutMs;
    const rest = () => Math.max(1, until - monotonicNow());
    const isOver = () => operation.state === 'answered';
    const write = (one: Group) => this.#carryOut(one, session, rest, isOver);
    for (let round = 0; !isOver() && !(await write(group)); round++) {
      operation.isRenewed = round === ROUNDS_MAX || !(await this.#renew(group, session, rest, write));
    }
  }

  /** Renews the subscriptions that a group waits for, in its session. False where nothing comes of it. */
  async #renew(
    { renewals, operations }: Group,
    session: S,
    rest: () => number,
    write: (group: Group) => Promise<boolean>,
  ): Promise<boolean> {
    let isAny = false;
    for (const userId of renewals) {
      const row = await this.tables.get('subscription', userId, { session, timeoutMs: rest() });
      if (!row) continue;
      const operation = newOperation(renewalRequest(row, this.ids(), rest()), noop);
      const [waiting] = operations as [Operation];
      // While this is written the call that waits for it counts as sent: it is not to leave this half done.
      if (waiting.state === 'waiting') waiting.state = 'sent';
      await write(newGroup([operation]));
      if (waiting.state === 'sent') waiting.state = 'waiting';
      isAny ||= operation.answer?.entry != null;
    }
    return isAny;
  }

  /** Decides and writes one group. Answers false where a subscription must be renewed first. */
  async #carryOut(group: Group, session: S, rest: () => number, isOver: () => boolean): Promise<boolean> {
    // Outside of the session they survive its rollback, and nobody waits for its end to use them.
    const isAlone = this.tables.db.hasOnlyConnection?.(session) === true;
    await createAccounts(group, this.tables, isAlone ? { session, timeoutMs: rest() } : { timeoutMs: rest() });
    const isDecided = await lockAndDecide(group, this.tables, this.settings(), { session, timeoutMs: rest() });
    if (!isDecided) return false;
    if (isOver()) return true;
    const outcome = await writeDecided(group.decided as Decided, this.tables, { session, timeoutMs: rest() });
    if (outcome.status !== 'committed') throw hostError(outcome);
    return true;
  }
}

function noop(): void {}

/** An error that asks the host to repeat its transaction is no outcome: the database throws it. */
function hostError(outcome: Exclude<UnitOutcome, { status: 'committed' }>): unknown {
  if (outcome.status === 'rejected') return storageError(outcome.cause);
  if (outcome.status === 'unknown') {
    const text = 'The call was sent in the transaction, and no answer came.';
    return creditError('OUTCOME_UNKNOWN', text, { idempotencyKey: '' }, { cause: outcome.cause });
  }
  const message = 'Another writer holds the account or the key. Roll the transaction back and repeat it.';
  return creditError('CONTENTION', message, { attempts: 1 });
}
