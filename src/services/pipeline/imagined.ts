/** Accounts as decisions would leave them. Nothing is written. */
import { type Account, emptyAccount } from '../../core/account.js';
import type { CallInfo, Command } from '../../core/command.js';
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
import { type Earlier, findEarlier, prefetch } from './earlier-outcome.js';
import { FactSheet } from './facts.js';
import type { Operation } from './operation.js';
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
  readonly #contextOf: (creditType: string) => Context;
  readonly #now: number;
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
    this.#contextOf = (creditType) => contextOf(settings, now, creditType, this.#changes);
    this.#now = now;
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

  /**
   * The decision on a command, whose changes are kept for later questions. `places` are those of its accounts, the one
   * that it belongs to first.
   */
  async ask(
    command: Command,
    call: CallInfo = callInfo('preview', `preview-${this.#asked++}`, {}, null),
    places: readonly number[] = [...this.accounts.keys()],
  ): Promise<Decision> {
    for (;;) {
      const { misses } = this.#facts;
      const accounts = places.map((place) => this.accounts[place] as Account);
      const decision = decide(accounts, command, call, this.#contextOf(accounts[0]?.creditType ?? ''));
      if (decision.kind === 'pending' && this.#facts.misses > misses) {
        await this.#facts.fetch();
        continue;
      }
      if (decision.kind === 'applied') {
        for (const [i, change] of decision.changes.entries()) {
          this.#changes.add(change);
          this.accounts[places[i] as number] = change.account;
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
      const places = [...this.accounts.keys()].filter((place) => this.accounts[place]?.userId === userId);
      const isDue = places.some((place) => isPlanDue(this.accounts[place] as Account, this.#now));
      if (!row || !isDue) return row;
      // The user's own account comes first.
      places.sort((a, b) => Number(this.#isOwn(b)) - Number(this.#isOwn(a)));
      const { kind } = await this.ask({ type: 'renew', subscriptionId: row.id }, undefined, places);
      if (kind !== 'applied') return row;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    throw LATE;
  }

  /** The earlier outcome of a call; null without one. */
  async earlier(operation: Operation): Promise<Earlier | null> {
    for (;;) {
      const { misses } = this.#facts;
      prefetch(operation, this.accounts, this.#facts);
      const earlier = this.#facts.misses > misses ? undefined : findEarlier(operation, this.#facts, this.#changes);
      if (earlier !== undefined) return earlier;
      await this.#facts.fetch();
    }
  }

  /** A stored entry. */
  async entry(id: string): Promise<EntryRow | null> {
    for (;;) {
      const row = this.#facts.row('entry', id);
      if (row !== undefined) return row;
      await this.#facts.fetch();
    }
  }

  #isOwn(place: number): boolean {
    return this.accounts[place]?.creditType === 'credits';
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
