/**
 * The oracle: what the library must do, written from the rules with its own arithmetic and its own order of events.
 * `decide` is sequential and never fails by accident: it answers, refuses with a code, or throws `Unspecified` where
 * the rules say nothing.
 */
import { CREDIT_TYPE, nameOf, userOf } from './account-names.js';
import { BUSINESS_REFUSALS, type Call, type CallOf, inputOf, Nothing, type Outcome, Refusal } from './oracle-call.js';
import { advance, type ClockTally, nextInstant } from './oracle-clock.js';
import { type Draft, openDraft, write } from './oracle-draft.js';
import { endAfterPause } from './oracle-freeze.js';
import { commit, extend, release, reserve } from './oracle-holds.js';
import {
  allocateAll,
  applyPlanCall,
  decideForAll,
  dueRenewal,
  otherAccounts,
  ownerOfCycle,
  ownerOfSubscription,
  renewFirst,
} from './oracle-plan-calls.js';
import { accountsOf, dueAt, PLANS, PROMOS } from './oracle-plans.js';
import { amend, reverse, voidLot } from './oracle-reversal.js';
import { add, adjust, deduct, expire, grant, type Limit, transfer } from './oracle-spend.js';
import {
  type Account,
  countActiveHolds,
  countOpenLots,
  emptyAccount,
  infoOf,
  LARGEST,
  LONGEST_TTL_SECONDS,
  type Micro,
  type Result,
  scheduledOf,
} from './oracle-state.js';
import type { Drafts, Offered, Revision } from './oracle-subscriptions.js';

/** Where plans and promo codes are there to be used. */
export interface PlanSetting {
  /** When they were made. */
  startedAt: number;
  /** At each of which credits are low, and how far above it they no longer are. */
  thresholds: readonly Threshold[];
  hysteresis: Micro;
}

export type Threshold = { amount: Micro } | { perMille: bigint };

export interface OracleConfig {
  trialCredits: Micro;
  overdraftLimit: Limit;
  openGrants: number;
  activeReservations: number;
  lateUsageMs: number;
  plans: PlanSetting | null;
}

export class Oracle {
  readonly config: OracleConfig;
  readonly tally: ClockTally;
  readonly #accounts: Map<string, Account>;
  /** User by hold. */
  readonly #holds: Map<string, string>;
  refusalsWritten = 0;
  /** The first use of the database, changes of plans and promo codes, and runs of jobs that did something. */
  systemEntries = 1;
  /** Since when plans are not offered, by name. */
  readonly withdrawn: Map<string, number>;
  readonly revisions: Map<string, readonly Revision[]>;
  readonly offered: Offered = Object.assign(
    (plan: string, at: number) => (this.withdrawn.get(plan) ?? Number.POSITIVE_INFINITY) > at,
    {
      terms: (plan: string) => this.revisions.get(plan)?.at(-1)?.terms ?? PLANS.find(({ name }) => name === plan),
      renewals: (plan: string, at: number) =>
        this.revisions.get(plan)?.findLast(({ from, isForRenewals }) => isForRenewals && from <= at)?.terms,
    },
  );

  constructor(config: OracleConfig, from?: Oracle) {
    this.config = config;
    this.#accounts = new Map(from ? from.#accounts : []);
    this.#holds = new Map(from ? from.#holds : []);
    this.refusalsWritten = from?.refusalsWritten ?? 0;
    this.systemEntries = from?.systemEntries ?? 1 + (config.plans ? PLANS.length + PROMOS.length : 0);
    this.withdrawn = new Map(from?.withdrawn ?? []);
    this.revisions = new Map(from?.revisions ?? []);
    this.tally = from ? { ...from.tally } : emptyTally();
  }

  copy(): Oracle {
    return new Oracle(this.config, this);
  }

  get accounts(): Iterable<Account> {
    return this.#accounts.values();
  }

  get startedAt(): number {
    return this.config.plans?.startedAt ?? 0;
  }

  /** As it was stored by the last applied operation. */
  stored(user: string): Account {
    return this.#accounts.get(user) ?? emptyAccount(user);
  }

  isRenewalDue(user: string, clockNow: number): boolean {
    return dueRenewal(this, user, Math.max(clockNow, this.stored(user).lastAt)) !== null;
  }

  /** As a reader at `clockNow` must find it; nobody may change it. */
  read(user: string, clockNow: number): { account: Account; now: number } {
    const stored = this.stored(user);
    const now = Math.max(clockNow, stored.lastAt);
    if (this.isRenewalDue(user, clockNow)) return this.#renewed(user, now);
    if (stored.entries.length === 0 && this.config.trialCredits > 0n) return this.#tried(stored, now);
    const next = nextInstant(stored);
    if (next === null || next > now) return { account: stored, now };
    const draft = openDraft(stored, now, 'read', this.config);
    advance(draft);
    return { account: draft.account, now };
  }

  /** The account after the renewals that are due; as it is where they are refused. */
  #renewed(user: string, now: number): { account: Account; now: number } {
    const copy = this.copy();
    renewFirst(copy, [user], { op: 'expire', label: 'read', key: null, user }, now);
    const draft = openDraft(copy.stored(user), now, 'read', this.config);
    advance(draft);
    return { account: draft.account, now: draft.now };
  }

  /** An account without a write has the trial grant of its first. */
  #tried(stored: Account, now: number): { account: Account; now: number } {
    const draft = openDraft(stored, now, 'read', this.config);
    this.#makeTrial(draft);
    return { account: draft.account, now };
  }

  /** The instant of a change of a user's subscription, or of a look at it: of all accounts that it grants to. */
  nowOf(user: string, clockNow: number): number {
    const accounts = accountsOf(user, this.stored(user).plans.subscription);
    return Math.max(clockNow, ...accounts.map((name) => this.stored(name).lastAt));
  }

  ownerOf(hold: string): string | undefined {
    return this.#holds.get(hold);
  }

  decide(call: Call, clockNow: number): Outcome {
    if (call.op === 'offer' || call.op === 'revise' || call.op === 'runAllocation') {
      const outcome = decideForAll(this, call, clockNow);
      if (outcome.status === 'ok' && outcome.applied) this.systemEntries += 1;
      return outcome;
    }
    return call.op === 'allocate' ? allocateAll(this, call, clockNow) : this.decideOnce(call, clockNow);
  }

  /** One operation. */
  decideOnce(call: Call, clockNow: number): Outcome {
    const before = new Map(this.#accounts);
    try {
      return this.#decide(call, clockNow);
    } catch (error) {
      if (!(error instanceof Refusal)) {
        // A call that is left out renews nothing either.
        this.#accounts.clear();
        for (const [name, account] of before) this.#accounts.set(name, account);
        throw error;
      }
      // What is due is tried again by every job.
      const isRoutine = call.op === 'allocate' || call.op === 'renewCycle';
      if (BUSINESS_REFUSALS.has(error.code) && !isRoutine) this.refusalsWritten += 1;
      return { status: 'refused', code: error.code, details: error.details };
    }
  }

  #decide(call: Call, clockNow: number): Outcome {
    judgeInput(call);
    const user = this.#userOf(call);
    const input = inputOf(call);
    const slot = call.key === null ? null : `${call.op} ${call.key}`;
    const known = slot === null ? undefined : this.stored(user).keys.get(slot);
    if (known) {
      if (known.input !== input) throw new Refusal('IDEMPOTENCY_CONFLICT');
      return { status: 'ok', result: known.result, replayed: true, applied: false };
    }
    const isRenewal = call.op === 'allocate';
    if (!isRenewal) renewFirst(this, [user, ...otherAccounts(this.stored(user), call)], call, clockNow);
    const before = this.stored(user);
    // A call is of one instant, on all its accounts.
    const others = otherAccounts(before, call).map((name) => this.stored(name));
    const now = Math.max(clockNow, before.lastAt, ...others.map(({ lastAt }) => lastAt));
    // A renewal goes along the instants at which it was due.
    const due = isRenewal && before.plans.subscription ? dueAt(before.plans.subscription) : null;
    const from = Math.min(now, due ?? now);
    const draft = openDraft(before, from, call.label, this.config);
    const drafts: Drafts = [draft, ...others.map((other) => openDraft(other, from, call.label, this.config))];
    const tally = { ...this.tally };
    for (const one of drafts) advance(one, tally);
    const ended = repeatedEnd(draft, call, input);
    if (ended) return { status: 'ok', result: ended, replayed: true, applied: false };
    const result = this.#apply(drafts, call, input, now);
    if (result instanceof Nothing) {
      return { status: 'ok', result: result.result, replayed: result.isRepeated, applied: false };
    }
    for (const one of drafts) this.#judgeLimits(one);
    if (slot !== null) {
      draft.account.keys.set(slot, { input, result });
      markKeyed(draft, call, result);
    }
    for (const { account, from } of drafts) {
      const last = account.entries[account.entries.length - 1];
      // What nothing was written of stays as it was, its time too.
      if (!last || account.entries.length === from) continue;
      account.lastAt = last.at;
      this.#accounts.set(account.user, account);
    }
    if (call.op === 'reserve') this.#holds.set(call.label, call.user);
    // A shortfall is written as a refusal is.
    if (call.op === 'commit' && result.kind === 'entry' && result.entry.missing > 0n) this.refusalsWritten += 1;
    Object.assign(this.tally, tally);
    return { status: 'ok', result, replayed: false, applied: true };
  }

  #userOf(call: Call): string {
    if (call.op === 'transfer') return call.from;
    if (call.op === 'commit' || call.op === 'release' || call.op === 'extend') {
      const user = this.#holds.get(call.hold);
      if (user === undefined) throw new Refusal('RESERVATION_NOT_FOUND', { id: call.hold });
      return user;
    }
    if (call.op === 'allocate') return ownerOfSubscription(this.accounts, call.subscription);
    if (call.op === 'stopCycle' || call.op === 'renewCycle') return ownerOfCycle(this.accounts, call.cycle);
    if ('user' in call) return call.user;
    if (call.op !== 'reverse' && call.op !== 'void' && call.op !== 'amend')
      throw new Error(`A ${call.op} is nobody's.`);
    const { user, seq } = call.entry;
    if (seq < 1 || seq > this.stored(user).entries.length) throw new Refusal('TRANSACTION_NOT_FOUND');
    return user;
  }

  /** What the operation itself does, once the clock's entries are written. */
  #apply(drafts: Drafts, call: Call, input: string, now: number): Result | Nothing {
    const [draft, peer] = drafts;
    const { account } = draft;
    if (call.op === 'expire') return expire(draft, Math.min(call.asOf ?? draft.now, draft.now), call.key !== null);
    if (call.op === 'create') return this.#create(draft, call, input);
    for (const one of drafts) this.#makeTrial(one);
    switch (call.op) {
      case 'add':
        return add(draft, call);
      case 'deduct':
        return { kind: 'entry', entry: deduct(draft, call.amount, null, call) };
      case 'after':
        return { kind: 'entry', entry: deduct(draft, call.amount, this.#limitOf(account), call) };
      case 'adjust':
        return adjust(draft, call);
      case 'reserve':
        return reserve(draft, call);
      case 'commit':
      case 'release':
      case 'extend':
        return this.#applyToHold(draft, call, input);
      case 'reverse':
      case 'amend':
      case 'void': {
        const target = account.entries[call.entry.seq - 1];
        if (!target) throw new Refusal('TRANSACTION_NOT_FOUND');
        if (call.op === 'amend') return amend(draft, target, call);
        return (call.op === 'void' ? voidLot : reverse)(draft, target, call.amount);
      }
      case 'transfer':
        if (!peer) throw new Error('A transfer has two accounts.');
        return transfer(draft, peer, call.amount, (lot) => {
          const { subscription } = this.stored(nameOf(userOf(account.user), CREDIT_TYPE)).plans;
          return subscription && endAfterPause(subscription, lot, draft.now);
        });
      case 'update':
        account.overdraftLimit = call.overdraftLimit;
        return this.#answerInfo(draft, 'account_updated');
      case 'offer':
      case 'revise':
      case 'runAllocation':
        throw new Error(`A ${call.op} is nobody's.`);
      default:
        return applyPlanCall(drafts, call, this, now);
    }
  }

  #applyToHold(draft: Draft, call: CallOf<'commit' | 'release' | 'extend'>, input: string): Result {
    const hold = draft.account.holds.get(call.hold);
    if (!hold) throw new Error(`The oracle lost hold ${call.hold}.`);
    if (call.op === 'extend') return extend(draft, hold, call.ttlSeconds);
    const wasExpired = hold.status === 'expired';
    const result =
      call.op === 'release' ? release(draft, hold) : commit(draft, hold, call, this.#limitOf(draft.account));
    if (hold.status !== 'active' || wasExpired) {
      draft.account.holds.set(hold.id, { ...hold, ended: { input, result } });
    }
    return result;
  }

  #create(draft: Draft, call: CallOf<'create'>, input: string): Result {
    const { account } = draft;
    if (account.created) throw new Refusal('IDEMPOTENCY_CONFLICT');
    const isNew = account.entries.length === 0;
    const trial = call.trialCredits ?? (isNew ? this.config.trialCredits : 0n);
    this.#makeTrial(draft, trial);
    if (call.overdraftLimit !== undefined) account.overdraftLimit = call.overdraftLimit;
    const result = this.#answerInfo(draft, 'account_created');
    account.created = { input, result };
    return result;
  }

  #makeTrial(draft: Draft, named?: Micro): void {
    const { account } = draft;
    const amount = named ?? (account.entries.length === 0 ? this.config.trialCredits : 0n);
    if (amount === 0n || account.trialAmount !== null) return;
    account.trialAmount = amount;
    grant(draft, amount, { source: 'trial' });
  }

  #answerInfo(draft: Draft, type: 'account_created' | 'account_updated'): Result {
    write(draft, { type });
    return { kind: 'info', info: infoOf(draft.account), at: draft.now };
  }

  #limitOf(account: Account): Limit {
    return account.overdraftLimit ?? this.config.overdraftLimit;
  }

  /** Rules 3 and 9, on what the operation would leave behind. */
  #judgeLimits(draft: Draft): void {
    const { balance, reserved, debt } = infoOf(draft.account);
    const before = this.stored(draft.account.user);
    const size = balance < 0n ? -balance : balance;
    if (size > LARGEST || debt > LARGEST || reserved > LARGEST) throw new Refusal('AMOUNT_TOO_LARGE');
    if (balance + scheduledOf(draft.account) > LARGEST) throw new Refusal('AMOUNT_TOO_LARGE');
    const open = countOpenLots(draft.account);
    if (open > this.config.openGrants && open > countOpenLots(before)) throw new Refusal('LIMIT_EXCEEDED');
    const holds = countActiveHolds(draft.account);
    if (holds > this.config.activeReservations && holds > countActiveHolds(before)) throw new Refusal('LIMIT_EXCEEDED');
  }
}

/** Changes of the subscription of a user. */
export const CHANGES: ReadonlySet<Call['op']> = new Set<Call['op']>([
  ...(['setPlan', 'upgrade', 'cancel', 'pause', 'resume', 'remove', 'grace', 'pay'] as const),
]);

/** What can be said of a call without looking at anything stored. */
function judgeInput(call: Call): void {
  if (call.op === 'transfer' && call.from === call.to) throw new Refusal('INVALID_ARGUMENT');
  if ('amount' in call && call.amount !== undefined) {
    const size = call.op === 'adjust' && call.amount < 0n ? -call.amount : call.amount;
    const zeroIsFine = (call.op === 'commit' && call.final !== false) || call.op === 'startCycle';
    if (size < 0n || (size === 0n && !zeroIsFine)) throw new Refusal('INVALID_AMOUNT');
    if (size > LARGEST) throw new Refusal('AMOUNT_TOO_LARGE');
  }
  if ('ttlSeconds' in call && (call.ttlSeconds ?? 1) > LONGEST_TTL_SECONDS) throw new Refusal('INVALID_ARGUMENT');
}

/**
 * Rule 17: repeating the call that ended a hold, or `createAccount` with the same options, answers the first
 * result.
 */
function repeatedEnd(draft: Draft, call: Call, input: string): Result | null {
  if (call.op === 'create') return draft.account.created?.input === input ? draft.account.created.result : null;
  if (call.op !== 'commit' && call.op !== 'release') return null;
  const ended = draft.account.holds.get(call.hold)?.ended;
  return ended && ended.input === input && !(call.op === 'commit' && call.final === false) ? ended.result : null;
}

/** The key sits on the entry that is answered; of an expiry on the last one. */
function markKeyed(draft: Draft, call: Call, result: Result): void {
  const { entries } = draft.account;
  const last = entries[entries.length - 1];
  let keyed = last;
  if (result.kind === 'entry') keyed = result.entry;
  else if (result.kind === 'transfer') keyed = result.out;
  else if (result.kind === 'hold') keyed = entries.findLast((entry) => entry.hold === result.hold.id);
  else if (result.kind === 'plan') {
    // What the clock has brought since the last renewal stands behind it.
    keyed = entries.findLast(({ type, operation }) => type === 'plan_changed' && operation === call.label) ?? last;
  }
  if (keyed) keyed.key = call.key;
}

function emptyTally(): ClockTally {
  return {
    holdsExpired: 0,
    lotsLapsed: 0,
    lotsLapsedUnderHold: 0,
    lotsActivated: 0,
    debtsRepaidByActivation: 0,
    freedPartsLapsed: 0,
  };
}
