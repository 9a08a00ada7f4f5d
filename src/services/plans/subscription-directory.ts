/** Finds subscriptions, and the accounts that a change of one writes. */

import { creditError, isCreditError } from '../../errors.js';
import type { AccountRef } from '../../models/account.js';
import { scopedKeyOf } from '../../models/entry.js';
import type { MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { Engine } from '../pipeline/engine.js';
import { FactSheet } from '../pipeline/facts.js';

const ATTEMPTS_MAX = 3;

export class SubscriptionDirectory<S> {
  constructor(readonly engine: Engine<S>) {}

  async read(userId: string, options: ReadOptions<S>): Promise<SubscriptionRow | null> {
    const { session, fresh } = options;
    return this.engine.read(options, (timeoutMs) =>
      this.engine.store.get('subscription', userId, { session, fresh, timeoutMs }),
    );
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
      const rows = await this.engine.store.getMany('account', keys, { session, fresh, timeoutMs });
      const last = rows.map((account) => account?.at.getTime() ?? 0);
      return Math.max(this.engine.now(), ...last);
    });
  }

  /** Whether a call of this operation was applied with the key: it is answered as it was then, and writes nothing. */
  async isRepeated(operation: string, userId: string, options: MutationOptions<S>): Promise<boolean> {
    const { session, idempotencyKey } = options;
    if (idempotencyKey === undefined) return false;
    const scopedKey = scopedKeyOf(this.engine.account('credits', userId).key, operation, idempotencyKey);
    return this.engine.read(options, async (timeoutMs) => {
      const facts = new FactSheet(this.engine.store, { session, timeoutMs });
      facts.wantKey(scopedKey);
      await facts.fetch();
      return facts.keyed(scopedKey) != null;
    });
  }

  async byId(id: string, options: ReadOptions<S>): Promise<SubscriptionRow | null> {
    const { session } = options;
    return this.engine.read(options, (timeoutMs) =>
      this.engine.store.findOne('subscription', { index: 'id', equals: { id } }, { session, timeoutMs }),
    );
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
      const plan = await this.engine.read(options, (timeoutMs) =>
        this.engine.store.get('plan', planId, { session, timeoutMs }),
      );
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
