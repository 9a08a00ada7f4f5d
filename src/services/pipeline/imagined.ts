/** Accounts as decisions would leave them. Nothing is written. */
import { type Account, emptyAccount } from '../../core/account.js';
import type { Command } from '../../core/command.js';
import { decide } from '../../core/decide.js';
import type { Context, Decision } from '../../core/decision.js';
import { accountFromRow } from '../../core/rows.js';
import type { AccountRef, AccountRow } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { GrantRow } from '../../models/grant.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { StoreOptions } from '../../ports/db-manager.js';
import { monotonicNow, setImmediate } from '../../timers.js';
import { LATE, type Tables } from '../store/tables.js';
import { callInfo } from './call-info.js';
import { ChangeSet } from './change-set.js';
import { contextOf, type DecisionSettings } from './context.js';
import { FactSheet } from './facts.js';
import { accountsOf, isPlanDue, typesOf } from './renewals.js';

export interface ImagineTools<S> {
  readonly tables: Tables<S>;
  readonly settings: DecisionSettings;
}

/** How often accounts are read that others write meanwhile. */
const ATTEMPTS_MAX = 5;

export class Imagined<S> {
  readonly #facts: FactSheet<S>;
  readonly #changes: ChangeSet;
  readonly #context: Context;
  /** The entries and the rows of grants that the commands would write. */
  readonly entries: EntryRow[] = [];
  readonly grants = new Map<string, GrantRow>();
  /** The accounts as they are stored. */
  readonly stored: readonly Account[];
  #asked = 0;

  private constructor(
    readonly accounts: Account[],
    readonly rows: readonly (AccountRow | null)[],
    { tables, settings }: ImagineTools<S>,
    options: StoreOptions<S>,
    now: number,
  ) {
    this.stored = [...accounts];
    this.#facts = new FactSheet(tables, options);
    this.#changes = new ChangeSet(settings, this.#facts);
    this.#context = contextOf(settings, now, accounts[0]?.creditType ?? '', this.#changes);
  }

  /** Reads accounts, to be seen at an instant. */
  static async read<S>(
    refs: readonly AccountRef[],
    tools: ImagineTools<S>,
    options: StoreOptions<S>,
    now = tools.settings.now(),
  ): Promise<Imagined<S>> {
    const keys = refs.map(({ key }) => key);
    const rows = await tools.tables.getMany('account', keys, options);
    const accounts = refs.map(({ creditType, userId }, i) => {
      const row = rows[i];
      return row ? accountFromRow(row) : emptyAccount(creditType, userId);
    });
    return new Imagined(accounts, rows, tools, options, now);
  }

  /** The decision on a command, whose changes are kept for later questions. */
  async ask(command: Command): Promise<Decision> {
    const call = callInfo('preview', `preview-${this.#asked++}`, {}, null);
    for (;;) {
      const { misses } = this.#facts;
      const decision = decide(this.accounts, command, call, this.#context);
      if (decision.kind === 'pending' && this.#facts.misses > misses) {
        await this.#facts.fetch();
        continue;
      }
      if (decision.kind === 'applied') {
        for (const [i, change] of decision.changes.entries()) {
          this.#changes.add(change);
          this.accounts[i] = change.account;
          for (const { row } of change.entries) this.entries.push(row);
          for (const { row } of change.grants) this.grants.set(row.id, row);
        }
      }
      return decision;
    }
  }

  /** Renews the user's subscription, as often as something is due, and answers its row. Rejects after `timeoutMs`. */
  async renew(userId: string, timeoutMs = Number.POSITIVE_INFINITY): Promise<SubscriptionRow | null> {
    for (const until = monotonicNow() + timeoutMs; monotonicNow() < until; ) {
      const row = await this.#subscription(userId);
      if (!row || !this.accounts.some((account) => isPlanDue(account, this.#context.now))) return row;
      const { kind } = await this.ask({ type: 'renew', subscriptionId: row.id });
      if (kind !== 'applied') return row;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    throw LATE;
  }

  async #subscription(userId: string): Promise<SubscriptionRow | null> {
    for (;;) {
      const row = this.#changes.row('subscription', userId);
      if (row !== undefined) return row;
      await this.#facts.fetch();
    }
  }
}

/** A user's state with the renewals that are due; they are not written yet. */
export interface RenewedState {
  /** The account that was asked for, as it is stored and as it would be. */
  readonly stored: Account;
  readonly account: Account;
  /** All accounts that the subscription grants to. */
  readonly accounts: readonly Account[];
  /** The entries that would be written, and the rows of grants. */
  readonly entries: readonly EntryRow[];
  readonly grants: ReadonlyMap<string, GrantRow>;
  readonly subscription: SubscriptionRow | null;
}

/**
 * An account and the subscription of its user as they are at an instant, with the renewals that are due by then. They
 * are of one moment: where somebody writes the account while the subscription is read, both are read again.
 */
export async function renewedAt<S>(
  { creditType, userId }: AccountRef,
  tools: ImagineTools<S>,
  options: StoreOptions<S>,
  now: number,
): Promise<RenewedState> {
  for (let attempt = 1; ; attempt++) {
    const stored = await tools.tables.get('subscription', userId, options);
    const refs = accountsOf(userId, [creditType, ...(stored ? typesOf(stored) : [])]);
    const imagined = await Imagined.read(refs, tools, options, now);
    const subscription = await imagined.renew(userId, options.timeoutMs);
    const own = await tools.tables.get('account', (refs[0] as AccountRef).key, options);
    if (own?.version !== imagined.rows[0]?.version && attempt < ATTEMPTS_MAX) continue;
    const { stored: before, accounts, entries, grants } = imagined;
    const isWanted = (one: Account) => one.creditType === creditType;
    const [was, account] = [before.find(isWanted) as Account, accounts.find(isWanted) as Account];
    return { stored: was, account, accounts, entries, grants, subscription };
  }
}
