/** Writing inside a transaction: the pessimistic path's own, or the host's. Lock, read, decide, write, answer. */
import { creditError, isCreditError } from '../../errors.js';
import type { StoreOptions, UnitOutcome } from '../../ports/db-manager.js';
import { monotonicNow, withDeadline } from '../../timers.js';
import type { Tables } from '../store/tables.js';
import { createAccounts, lockStates } from './account-loader.js';
import type { AccountMemory } from './account-memory.js';
import type { DecisionSettings } from './context.js';
import { decideGroup } from './decide-group.js';
import { FactSheet } from './facts.js';
import { type Decided, type Group, markSent, newGroup } from './group.js';
import { type Answer, abortedError, lateError, newOperation, type Request, tell, unknownError } from './operation.js';

/** Time beyond its deadline for a call that is writing in a host's transaction. */
const GRACE_MS = 500;

/** Thrown inside a transaction to roll it back; carries why. */
class RolledBack extends Error {
  constructor(readonly outcome: UnitOutcome) {
    super(outcome.status);
  }
}

/** Decides and writes a group in a transaction of our own. Anything but `committed` was rolled back. */
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
      await lockAndDecide(group, tables, settings, { ...options, session });
      const outcome = await writeDecided(group.decided as Decided, tables, { ...options, session });
      if (outcome.status !== 'committed') throw new RolledBack(outcome);
    }, options);
    return { status: 'committed' };
  } catch (error) {
    if (error instanceof RolledBack) return error.outcome;
    throw error;
  }
}

/** Locks and reads the accounts, reads what the decision needs, decides. The probe of the keys is part of it. */
export async function lockAndDecide<S>(
  group: Group,
  tables: Tables<S>,
  settings: DecisionSettings,
  options: StoreOptions<S>,
): Promise<void> {
  await lockStates(group, tables, options);
  const facts = new FactSheet(tables, options);
  for (const operation of group.operations) operation.probe = true;
  group.decided = null;
  for (let progress = decideGroup(group, facts, settings); progress !== 'decided'; ) {
    if (progress === 'stale') {
      throw creditError('CONTENTION', 'A row was read before the state it belongs to. Try again.', { attempts: 1 });
    }
    await facts.fetch();
    progress = decideGroup(group, facts, settings);
  }
  markSent(group);
}

export async function writeDecided<S>(
  { unit }: Decided,
  tables: Tables<S>,
  options: StoreOptions<S>,
): Promise<UnitOutcome> {
  return unit.length === 0 ? { status: 'committed' } : tables.writeOne(unit, options);
}

/**
 * Runs calls inside a host's transaction: one after another per session, each by itself. Nothing read or decided there
 * enters the process's state, and nothing leaves on its behalf: rows speak for themselves once they are visible.
 * Whether an error ended the transaction only the database knows: drivers use one session object for many of them.
 */
export class HostSessions<S> {
  readonly #tails = new WeakMap<object, Promise<unknown>>();

  constructor(
    readonly tables: Tables<S>,
    readonly memory: AccountMemory,
    readonly settings: () => DecisionSettings,
  ) {}

  /** Carries a call out inside the host's transaction; whatever ends it first answers it. */
  call(request: Request, session: S, timeoutMs: number): Promise<Answer> {
    const { signal } = request;
    return new Promise<Answer>((resolve, reject) => {
      const operation = newOperation(request, resolve, reject);
      // A call that was not sent when it is answered is never carried out.
      const end = (answer: () => void) => {
        if (operation.state === 'answered') return;
        operation.state = 'answered';
        signal?.removeEventListener('abort', abort);
        for (const { key } of request.accounts) this.memory.drop(key);
        answer();
      };
      const abort = () => {
        if (operation.state === 'waiting') end(() => reject(abortedError()));
      };
      signal?.addEventListener('abort', abort);
      const run = this.#run(newGroup([operation]), session, timeoutMs);
      const inTime = (ms: number) => withDeadline(run, ms, () => lateError(operation));
      // One that is writing gets a moment more, to leave nothing half done behind in the host's transaction.
      const answer = inTime(timeoutMs).catch((error) =>
        operation.state === 'sent' ? inTime(GRACE_MS) : Promise.reject(error),
      );
      answer.then(
        () => end(() => tell(operation)),
        (error) => end(() => reject(isCreditError(error, 'OUTCOME_UNKNOWN') ? unknownError(operation) : error)),
      );
    });
  }

  /** Decides and writes a group of one operation; its answer is in the operation when this resolves. */
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
    const isOver = () => group.operations.every((operation) => operation.state === 'answered');
    if (isOver()) return;
    const until = monotonicNow() + timeoutMs;
    const options = { session, timeoutMs };
    await createAccounts(group, this.tables, { timeoutMs });
    await lockAndDecide(group, this.tables, this.settings(), options);
    if (isOver()) return;
    const outcome = await writeDecided(group.decided as Decided, this.tables, {
      ...options,
      timeoutMs: Math.max(1, until - monotonicNow()),
    });
    if (outcome.status !== 'committed') throw hostError(outcome);
  }
}

/** A host has to see the database's own error, which may tell it to repeat the transaction. */
function hostError(outcome: Exclude<UnitOutcome, { status: 'committed' }>): unknown {
  if (outcome.status === 'rejected' || outcome.status === 'unknown') return outcome.cause;
  const message = 'Another writer holds the account or the key. Roll the transaction back and repeat it.';
  return creditError('CONTENTION', message, { attempts: 1 });
}
