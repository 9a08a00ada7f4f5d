/** Finds subscriptions, and the accounts that a change of one writes. */
import { isCreditError } from '../../errors.js';
import type { AccountRef } from '../../models/account.js';
import type { MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { Engine } from '../pipeline/engine.js';
import { accountsOf, typesOf } from '../pipeline/renewals.js';
import { RowReads } from '../pipeline/row-reads.js';

const ATTEMPTS_MAX = 3;

/** The rows that name the accounts of a change: the subscription as it was read, and the plan that it moves to. */
interface Choice {
  readonly userId: string;
  readonly current: SubscriptionRow | null;
  readonly planId: string | undefined;
}

interface AccountChange<S, T> extends Choice {
  readonly rest: () => MutationOptions<S>;
  readonly run: (accounts: AccountRef[], options: MutationOptions<S>) => Promise<T>;
}

export class SubscriptionDirectory<S> {
  readonly reads: RowReads<S>;

  constructor(readonly engine: Engine<S>) {
    this.reads = new RowReads(engine);
  }

  read(userId: string, options: ReadOptions<S>): Promise<SubscriptionRow | null> {
    return this.reads.get('subscription', userId, options);
  }

  byId(id: string, options: ReadOptions<S>): Promise<SubscriptionRow | null> {
    return this.reads.findOne('subscription', { index: 'id', equals: { id } }, options);
  }

  /** The subscription as it is at an instant, with the renewals that are due by then. */
  renewed(
    userId: string,
    now: number,
    { session, fresh, ...options }: ReadOptions<S>,
  ): Promise<SubscriptionRow | null> {
    return this.engine.read({ session, ...options }, async (timeoutMs) => {
      const account = this.engine.account('credits', userId);
      return (await this.engine.renewedAt(account, now, { session, fresh, timeoutMs })).subscription;
    });
  }

  /** The instant of a decision on a subscription: time never moves backwards on the accounts that it writes. */
  now(row: SubscriptionRow, options: ReadOptions<S>): Promise<number> {
    return this.nowOf(row.userId, typesOf(row), options);
  }

  /** The same for these credit types of a user. */
  async nowOf(userId: string, types: readonly string[], options: ReadOptions<S>): Promise<number> {
    const { session, fresh } = options;
    const keys = accountsOf(userId, types).map(({ key }) => key);
    return this.engine.read(options, async (timeoutMs) => {
      const rows = await this.engine.store.getMany('account', keys, { session, fresh, timeoutMs });
      const last = rows.map((account) => account?.at.getTime() ?? 0);
      return Math.max(this.engine.now(), ...last);
    });
  }

  /**
   * Runs a change on the accounts that it writes. They are chosen before it, and chosen again when a plan that grants
   * other types came in between, unless the caller's transaction would see the same once more.
   */
  async onAccounts<T>({ userId, current, planId, rest, run }: AccountChange<S, T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const row = attempt > 1 ? await this.read(userId, rest()) : current;
        return await run(await this.accounts({ userId, current: row, planId }, rest()), rest());
      } catch (error) {
        const isContended = isCreditError(error, 'CONTENTION');
        if (!isContended || rest().session !== undefined || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** The user's own account first, then one for each credit type that the old plan or the new one grants. */
  async accounts({ userId, current, planId }: Choice, options: ReadOptions<S>): Promise<AccountRef[]> {
    const types = current ? typesOf(current) : [];
    if (planId !== undefined) {
      const plan = await this.reads.get('plan', planId, options);
      if (plan) types.push(plan.creditType, ...plan.alsoGrants.map(({ creditType }) => creditType));
    }
    return accountsOf(userId, types);
  }
}
