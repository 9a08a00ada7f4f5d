/** Finds subscriptions and the accounts that they grant to, and makes up for the periods that have begun. */

import { creditError, isCreditError } from '../../errors.js';
import type { AccountRow } from '../../models/account.js';
import type { MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import type { PlanRow } from '../../models/plan.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { Engine } from '../pipeline/engine.js';
import { FactSheet } from '../pipeline/facts.js';
import { type AccountRef, scopedKeyOf } from '../pipeline/operation.js';

const ATTEMPTS_MAX = 3;
/** Operations that one subscription may need: each makes up for a hundred periods. */
export const ROUNDS_MAX = 50;

/** Finds subscriptions, and the accounts that a change of one writes. */
export class SubscriptionDirectory<S> {
  constructor(readonly engine: Engine<S>) {}

  async read(userId: string, options: ReadOptions<S>): Promise<SubscriptionRow | null> {
    const { session, fresh } = options;
    return this.engine.read(options, async (timeoutMs) => {
      const [row] = await this.engine.store.db.getMany('subscription', [userId], { session, fresh, timeoutMs });
      return row as unknown as SubscriptionRow | null;
    });
  }

  /** The instant of a decision on a subscription: time never moves backwards on the accounts that it writes. */
  now(row: SubscriptionRow, options: ReadOptions<S>): Promise<number> {
    return this.nowOf(row.userId, typesOf(row), options);
  }

  /** The same for these credit types of a user. */
  async nowOf(userId: string, types: readonly string[], options: ReadOptions<S>): Promise<number> {
    const { session, fresh } = options;
    const keys = accountsOf(this.engine, userId, types).map(({ key }) => key);
    return this.engine.read(options, async (timeoutMs) => {
      const rows = await this.engine.store.db.getMany('account', keys, { session, fresh, timeoutMs });
      const last = (rows as unknown as (AccountRow | null)[]).map((account) => account?.at.getTime() ?? 0);
      return Math.max(this.engine.now(), ...last);
    });
  }

  /** Whether a call of this operation was applied with the key: it is answered as it was then, and writes nothing. */
  async isRepeated(operation: string, userId: string, options: MutationOptions<S>): Promise<boolean> {
    const { session, idempotencyKey } = options;
    if (idempotencyKey === undefined) return false;
    const scopedKey = scopedKeyOf(this.engine.account('credits', userId).key, operation, idempotencyKey);
    return this.engine.read(options, async (timeoutMs) => {
      const facts = new FactSheet(this.engine.store.db, { session, timeoutMs });
      facts.wantKey(scopedKey);
      await facts.fetch();
      return facts.keyed(scopedKey) != null;
    });
  }

  async byId(id: string, options: ReadOptions<S>): Promise<SubscriptionRow | null> {
    const { session } = options;
    return this.engine.read(options, async (timeoutMs) => {
      const query = { index: 'id', equals: { id }, limit: 1 };
      const { rows } = await this.engine.store.db.find('subscription', query, { session, timeoutMs });
      return (rows[0] as unknown as SubscriptionRow | undefined) ?? null;
    });
  }

  /**
   * Runs a change on the accounts that it writes. They are chosen before it: again when a plan that grants other types
   * came in between, unless the caller's transaction would see the same once more.
   */
  async onAccounts<T>(
    userId: string,
    planId: string | null,
    rest: () => MutationOptions<S>,
    run: (accounts: AccountRef[], options: MutationOptions<S>) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run(await this.accounts(userId, planId, rest()), rest());
      } catch (error) {
        const isContended = isCreditError(error) && error.code === 'CONTENTION';
        if (!isContended || rest().session !== undefined || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** The user's own account first, then one for each credit type that the old plan or the new one grants. */
  async accounts(userId: string, planId: string | null, options: ReadOptions<S>): Promise<AccountRef[]> {
    const current = await this.read(userId, options);
    const types = current ? typesOf(current) : [];
    if (planId !== null) {
      const { session } = options;
      const plan = await this.engine.read(options, async (timeoutMs) => {
        const [row] = await this.engine.store.db.getMany('plan', [planId], { session, timeoutMs });
        return row as unknown as PlanRow | null;
      });
      if (plan) types.push(plan.creditType, ...plan.alsoGrants.map(({ creditType }) => creditType));
    }
    return accountsOf(this.engine, userId, types);
  }
}

export function accountsOf<S>(engine: Engine<S>, userId: string, types: readonly string[]): AccountRef[] {
  return [...new Set(['credits', ...types])].map((creditType) => engine.account(creditType, userId));
}

/**
 * Every credit type that a subscription grants, or will.
 *
 * @throws INVARIANT_VIOLATION for a row that says nothing of it.
 */
export function typesOf(row: SubscriptionRow): string[] {
  try {
    return [...row.terms.grants, ...(row.pending?.grants ?? [])].map(({ creditType }) => creditType);
  } catch (cause) {
    throw creditError('INVARIANT_VIOLATION', 'The stored subscription cannot be read.', {}, { cause });
  }
}

/** What was allocated: units by credit type, the plan's own one, and when the period ends that it went up to. */
export interface Renewal {
  readonly granted: Readonly<Record<string, number>>;
  readonly ownType: string;
  readonly until: number;
}

/** Allocates what is due of a subscription; null where nothing was. */
export async function renew<S>(
  engine: Engine<S>,
  row: SubscriptionRow,
  options: MutationOptions<S>,
): Promise<Renewal | null> {
  const { entry } = await engine.mutate({
    operation: 'allocate',
    accounts: accountsOf(engine, row.userId, typesOf(row)),
    given: { subscriptionId: row.id },
    options,
    command: () => ({ type: 'renew', subscriptionId: row.id }),
  });
  if (!entry) return null;
  const details = entry.details as Partial<Renewal> & { subscription?: { periodEnd: string } };
  const { granted = {}, ownType = 'credits', subscription } = details;
  return { granted, ownType, until: Date.parse(subscription?.periodEnd ?? '') };
}

/**
 * The same before another change of the subscription: whether the job was late is nothing to the user, and the change
 * is one of the period that runs by now.
 *
 * @throws what says that this call was not applied: the outcome of the change is the caller's matter, not this one's.
 */
export async function renewIfLate<S>(
  directory: SubscriptionDirectory<S>,
  operation: string,
  row: SubscriptionRow | null,
  rest: () => MutationOptions<S>,
): Promise<void> {
  if (row?.dueAt == null || row.dueAt.getTime() > (await directory.now(row, rest()))) return;
  if (await directory.isRepeated(operation, row.userId, rest())) return;
  try {
    // One operation makes up for so many periods and no more.
    for (let granted: unknown = row, round = 0; granted !== null && round < ROUNDS_MAX; round++) {
      const { session, signal, timeoutMs } = rest();
      granted = await renew(directory.engine, row, { session, signal, timeoutMs });
    }
  } catch (error) {
    if (!isCreditError(error)) throw error;
    if (error.code === 'OUTCOME_UNKNOWN') {
      const message = 'A period that has begun could not be allocated for certain. Nothing was changed; try again.';
      throw creditError('STORAGE_UNAVAILABLE', message, {}, { cause: error });
    }
    // Who cannot be granted to may leave all the same.
    if (error.retryable) throw error;
  }
}
