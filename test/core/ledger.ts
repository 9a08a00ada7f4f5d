/** A tiny language for core tests: accounts, commands at instants, and the rows that decisions ask for. */
import { expect } from 'vitest';
import { type Account, emptyAccount } from '../../src/core/account.js';
import type { CallInfo, Command } from '../../src/core/command.js';
import { decide } from '../../src/core/decide.js';
import type { Context, Decision, Defaults } from '../../src/core/decision.js';
import { PLAIN_TERMS } from '../../src/core/grants.js';
import { Replay } from '../../src/core/replay.js';
import type { EntryRow } from '../../src/models/entry.js';
import type { CreditEvent } from '../../src/models/events.js';
import type { GrantRow } from '../../src/models/grant.js';
import type { ReservationRow } from '../../src/models/reservation.js';
import type { SideRows } from '../../src/models/rows.js';
import { storedModels } from '../../src/models/stored-models.js';

export const DEFAULTS: Defaults = {
  trialCredits: 0,
  overdraftLimit: null,
  lowCreditThreshold: null,
  lowCreditHysteresis: 0,
};

/** Everything stored so far, and the commands run on it. Amounts are units; instants small integers. */
export class Ledger {
  readonly accounts = new Map<string, Account>();
  readonly entries: EntryRow[] = [];
  readonly events: CreditEvent[] = [];
  readonly grants = new Map<string, GrantRow>();
  readonly reservations = new Map<string, ReservationRow>();
  /** Plans, subscriptions, cycles and promo codes, by model and key. */
  readonly side = new Map<string, SideRows[keyof SideRows]>();
  defaults: Defaults = DEFAULTS;
  limits = { openGrants: 1_000, activeReservations: 1_000, lateUsageMs: 0 };
  allEvents = false;
  now = 0;
  #calls = 0;

  account(userId = 'u'): Account {
    return this.accounts.get(userId) ?? emptyAccount('credits', userId);
  }

  context(): Context {
    return {
      now: this.now,
      scale: 0,
      ledgerId: 'ledger',
      temporal: null,
      defaults: this.defaults,
      defaultsOf: () => this.defaults,
      limits: this.limits,
      allEvents: this.allEvents,
      eventMetadata: false,
      facts: {
        row: (model, id) => {
          if (model === 'grant') return (this.grants.get(id) ?? null) as never;
          if (model === 'reservation') return (this.reservations.get(id) ?? null) as never;
          return (this.side.get(`${model}/${id}`) ?? null) as never;
        },
        reversals: (id) => this.entries.filter((entry) => entry.reverses === id),
        lapses: (account, since) =>
          this.entries.filter(
            (entry) => ['expire', 'add'].includes(entry.type) && entry.account === account && Number(entry.at) > since,
          ),
      },
    };
  }

  /** Decides a command and keeps what it applied. */
  run(command: Command, users: readonly string[] = ['u'], info: Partial<CallInfo> = {}): Decision {
    const operationId = `op${++this.#calls}`;
    const call: CallInfo = {
      operation: command.type,
      operationId,
      description: null,
      actor: null,
      reason: null,
      correlationId: null,
      metadata: {},
      idempotencyKey: null,
      scopedKey: null,
      fingerprint: null,
      ...info,
    };
    const decision = decide(
      users.map((user) => this.account(user)),
      command,
      call,
      this.context(),
    );
    if (decision.kind === 'applied') {
      for (const { account, entries, events, grants, reservations, side } of decision.changes) {
        this.accounts.set(account.userId, account);
        this.entries.push(...entries.map((entry) => entry.row));
        this.events.push(...events.map((event) => event.make()));
        for (const { row } of grants) this.grants.set(row.id, row);
        for (const { row } of reservations) this.reservations.set(row.id, row);
        for (const { model, row } of side) this.side.set(`${model}/${keyOf(model, row)}`, row);
      }
    }
    return decision;
  }

  /** The entry of a command that must be applied. */
  apply(command: Command, users?: readonly string[], info?: Partial<CallInfo>): EntryRow {
    const decision = this.run(command, users, info);
    if (decision.kind !== 'applied') throw new Error(`not applied: ${JSON.stringify(decision)}`);
    return decision.entry;
  }

  /** The code of a command that must be refused. */
  refused(command: Command, users?: readonly string[]): string {
    const decision = this.run(command, users);
    return decision.kind === 'refused' ? decision.code : `not refused: ${decision.kind}`;
  }

  add(amount: number, terms: Partial<typeof PLAIN_TERMS> = {}): EntryRow {
    return this.apply({ type: 'add', amount, terms: { ...PLAIN_TERMS, ...terms } });
  }

  spend(amount: number): EntryRow {
    return this.apply({ type: 'deduct', amount, afterService: false });
  }

  owe(amount: number): EntryRow {
    return this.apply({ type: 'deduct', amount, afterService: true });
  }

  hold(amount: number, ttlMs = 1_000): string {
    const reservationId = `r-op${this.#calls + 1}`;
    this.apply({ type: 'reserve', amount, ttlMs, planId: null, reservationId });
    return reservationId;
  }

  release(reservationId: string, fingerprint = 'f'): EntryRow {
    return this.apply({ type: 'release', reservationId, fingerprint });
  }

  commit(reservationId: string, options: Partial<Extract<Command, { type: 'commit' }>> = {}): EntryRow {
    return this.apply(commitOf(reservationId, options));
  }

  reverse(original: EntryRow, amount: number | null = null): EntryRow {
    return this.apply({ type: 'reverse', original, amount });
  }

  /** `[type, delta, at]` of every entry of an account. */
  history(userId = 'u'): [string, number, number][] {
    return this.entries
      .filter((entry) => entry.userId === userId)
      .map((entry) => [entry.type, entry.delta, entry.at.getTime()]);
  }

  /** balance, reserved, debt */
  totals(userId = 'u'): [number, number, number] {
    const { balance, reserved, debt } = this.account(userId);
    return [balance, reserved, debt];
  }
}

/** The key that a row of this model is stored under. */
function keyOf(model: keyof SideRows, row: SideRows[keyof SideRows]): string {
  const declared = storedModels.find(({ name }) => name === model);
  return String(row[declared?.key as keyof typeof row]);
}

export function commitOf(
  reservationId: string,
  options: Partial<Extract<Command, { type: 'commit' }>> = {},
): Extract<Command, { type: 'commit' }> {
  const plain = { amount: null, final: true, overage: 'reject', ifExpired: 'reject', fingerprint: 'f' } as const;
  return { type: 'commit', reservationId, ...plain, ...options };
}

/** That the entries of an account rebuild it. Its due instant may be one that a hold has left. */
export function expectRebuilt(entries: readonly EntryRow[], account: Account, where?: string): void {
  const replayed = new Replay(account.creditType, account.userId);
  for (const entry of entries) replayed.apply(entry);
  expect(replayed.account(account.dueAt), where).toEqual(account);
}
