/** Writing inside a transaction: the pessimistic path's own, or the host's. Lock, read, decide, write, answer. */
import { creditError } from '../../errors.js';
import type { DbManager, StoreOptions, UnitOutcome } from '../../ports/db-manager.js';
import { monotonicNow } from '../../timers.js';
import { createAccounts, lockStates } from './account-loader.js';
import { type DecisionSettings, type Group, markSent, type Plan, planGroup } from './decide-group.js';
import { FactSheet } from './facts.js';

/** Thrown inside a transaction to roll it back; carries why. */
class RolledBack extends Error {
  constructor(readonly outcome: UnitOutcome) {
    super(outcome.status);
  }
}

/** Plans and writes a group in a transaction of our own. Anything but `committed` was rolled back. */
export async function writeInTransaction<S>(
  group: Group,
  db: DbManager<S>,
  settings: DecisionSettings,
  timeoutMs: number,
): Promise<UnitOutcome> {
  const options = { timeoutMs };
  await createAccounts(group, db, options);
  try {
    await db.transaction?.(async (session) => {
      await lockAndPlan(group, db, settings, { ...options, session });
      const outcome = await writePlan(group.plan as Plan, db, { ...options, session });
      if (outcome.status !== 'committed') throw new RolledBack(outcome);
    }, options);
    return { status: 'committed' };
  } catch (error) {
    if (error instanceof RolledBack) return error.outcome;
    throw error;
  }
}

/** Locks and reads the accounts, reads what the decision needs, decides. The probe of the keys is part of it. */
export async function lockAndPlan<S>(
  group: Group,
  db: DbManager<S>,
  settings: DecisionSettings,
  options: StoreOptions<S>,
): Promise<void> {
  await lockStates(group, db, options);
  const facts = new FactSheet(db, options);
  for (const operation of group.operations) operation.probe = true;
  group.plan = null;
  for (let verdict = planGroup(group, facts, settings); verdict !== 'planned'; ) {
    if (verdict === 'stale') {
      throw creditError('CONTENTION', 'A row was read before the state it belongs to. Try again.', { attempts: 1 });
    }
    await facts.fetch();
    verdict = planGroup(group, facts, settings);
  }
  markSent(group);
}

export async function writePlan<S>(plan: Plan, db: DbManager<S>, options: StoreOptions<S>): Promise<UnitOutcome> {
  if (plan.unit.length === 0) return { status: 'committed' };
  const [outcome] = await db.commit([plan.unit], options);
  return outcome as UnitOutcome;
}

/**
 * Runs calls inside a host's transaction: one after another per session, each by itself. Nothing read or decided there
 * enters the process's state, and nothing leaves on its behalf: rows speak for themselves once they are visible.
 * Whether an error ended the transaction only the database knows: drivers use one session object for many of them.
 */
export class HostSessions<S> {
  readonly #tails = new WeakMap<object, Promise<unknown>>();

  constructor(
    readonly db: DbManager<S>,
    readonly settings: () => DecisionSettings,
  ) {}

  /** Plans and writes a group of one operation; its answer is in the operation when this resolves. */
  run(group: Group, session: S, timeoutMs: number): Promise<void> {
    const key = session as object;
    const turn = (this.#tails.get(key) ?? Promise.resolve()).then(() => this.#write(group, session, timeoutMs));
    this.#tails.set(
      key,
      turn.catch(() => {}),
    );
    return turn;
  }

  async #write(group: Group, session: S, timeoutMs: number): Promise<void> {
    const isOver = () => group.operations.every((operation) => operation.state === 'settled');
    if (isOver()) return;
    const until = monotonicNow() + timeoutMs;
    const options = { session, timeoutMs };
    await createAccounts(group, this.db, { timeoutMs });
    await lockAndPlan(group, this.db, this.settings(), options);
    const plan = group.plan as Plan;
    if (isOver()) return;
    const outcome = await writePlan(plan, this.db, { ...options, timeoutMs: Math.max(1, until - monotonicNow()) });
    if (outcome.status !== 'committed') throw failureOf(outcome);
  }
}

function failureOf(outcome: Exclude<UnitOutcome, { status: 'committed' }>): unknown {
  if (outcome.status === 'rejected' || outcome.status === 'unknown') return outcome.cause;
  const message = 'Another writer holds the account or the key. Roll the transaction back and repeat it.';
  return creditError('CONTENTION', message, { attempts: 1 });
}
