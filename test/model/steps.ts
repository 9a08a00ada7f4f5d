/**
 * Turns raw numbers into steps. What a step means is settled when it runs, against the oracle's state: only so can an
 * amount be "one more than available" and a clock jump end a millisecond before a hold does.
 */

import { typeOf } from './account-names.js';
import type { Oracle, OracleConfig, PlanSetting } from './oracle.js';
import type { Call, CallOf, From, Op } from './oracle-call.js';
import type { JobCall, PlanCall } from './oracle-plan-calls.js';
import {
  type Account,
  type Hold,
  infoOf,
  LARGEST,
  LONGEST_TTL_SECONDS,
  lotOf,
  MICRO,
  type Micro,
  type Overage,
  type Source,
  scheduledOf,
  total,
} from './oracle-state.js';
import {
  changePlanCall,
  isPlanKind,
  longJump,
  makePlanStep,
  overPeriodEnd,
  PLAN_WEIGHTS,
  type PlanKind,
  planInstants,
} from './steps-plans.js';

export interface Raw {
  kind: number;
  user: number;
  a: number;
  b: number;
  c: number;
  d: number;
  key: number;
}

export type Step =
  | { step: 'call'; call: Call; retry: 'no' | 'same' | 'other' }
  | { step: 'clock'; to: number }
  | { step: 'restart' }
  | { step: 'join' };

export interface World {
  readonly oracle: Oracle;
  readonly users: readonly string[];
  /** The users' accounts of credits, and those of another type that something was written of. */
  readonly accounts: readonly string[];
  /** Calls made so far, the latest last. */
  readonly made: readonly Call[];
  readonly clockNow: number;
  readonly label: string;
  /** Largest amounts come up often. */
  readonly large: boolean;
}

type CreditOp = Exclude<Op, PlanCall['op'] | JobCall['op']>;
type CreditKind = CreditOp | 'clock' | 'retrySame' | 'retryOther' | 'restart' | 'join';
type Kind = CreditKind | PlanKind;

const WEIGHTS: Readonly<Record<CreditKind, number>> = {
  add: 22,
  deduct: 14,
  after: 6,
  adjust: 4,
  reserve: 16,
  commit: 18,
  release: 6,
  extend: 3,
  reverse: 9,
  void: 4,
  amend: 5,
  transfer: 7,
  expire: 5,
  create: 2,
  update: 3,
  clock: 14,
  retrySame: 8,
  retryOther: 4,
  restart: 2,
  join: 3,
};

/** Swarm: the kinds that are left when a random third is switched off, each as often as its weight. */
export function swarm(
  seed: number,
  { without = [], plans = false }: { without?: readonly Kind[]; plans?: boolean } = {},
): readonly Kind[] {
  const weights: Partial<Record<Kind, number>> = plans ? { ...WEIGHTS, ...PLAN_WEIGHTS } : WEIGHTS;
  const kinds = (Object.keys(weights) as Kind[]).filter((kind) => !without.includes(kind));
  let state = seed;
  const off = new Set<Kind>();
  while (off.size < Math.floor(kinds.length / 3)) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const kind = kinds[(state >>> 8) % kinds.length];
    if (kind) off.add(kind);
  }
  return kinds.flatMap((kind) => (off.has(kind) ? [] : new Array<Kind>(weights[kind] ?? 0).fill(kind)));
}

export function configOf(seed: number): OracleConfig {
  const trials = [0n, 0n, 5n * MICRO, 100n * MICRO];
  const limits = ['unlimited', 'unlimited', 0n, 3n * MICRO, 200n * MICRO] as const;
  const tight = seed % 5 === 0;
  return {
    trialCredits: at(trials, seed >> 3),
    overdraftLimit: at(limits, seed >> 6),
    openGrants: tight ? 5 : 1000,
    activeReservations: tight ? 2 : 1000,
    lateUsageMs: at([0, 3_600_000, 604_800_000], seed >> 12),
    plans: null,
  };
}

/** Of sequences with plans. */
export function warningsOf(seed: number): Pick<PlanSetting, 'thresholds' | 'hysteresis'> {
  const [half, third, eighth] = [{ perMille: 500n }, { perMille: 333n }, { perMille: 125n }];
  const credits = (amount: bigint) => ({ amount: amount * MICRO });
  const lists = [
    ...[[eighth], [half], [credits(20n)], []],
    ...[
      [credits(20n), half],
      [third, credits(40n), eighth],
      [credits(60n), credits(10n), credits(35n)],
    ],
  ];
  return { thresholds: at(lists, seed >> 9), hysteresis: at([0n, 0n, 15n * MICRO, 500_000n], seed >> 12) };
}

export function resolve(kinds: readonly Kind[], raw: Raw, world: World): Step | null {
  const kind = at(kinds, raw.kind);
  if (kind === 'restart' || kind === 'join') return { step: kind };
  if (kind === 'clock') return { step: 'clock', to: jump(raw, world) };
  if (kind === 'retrySame' || kind === 'retryOther') return again(kind, raw, world);
  if (isPlanKind(kind)) return makePlanStep(kind, raw, world);
  const call = makeCall(kind, raw, world);
  return call && { step: 'call', call, retry: 'no' };
}

const SMALL_STEPS_MS = [1, 500, 1000, 30_000, 60_000, 900_000, 3_600_000, 86_400_000];

function jump(raw: Raw, world: World): number {
  if (raw.a % 12 === 0) return world.clockNow - at([1, 1000, 60_000], raw.b);
  if (world.oracle.config.plans && raw.a % 6 === 4) return world.clockNow + longJump(raw);
  if (raw.a % 4 === 1) return world.clockNow + at(SMALL_STEPS_MS, raw.b);
  const strand = world.accounts.flatMap((user) => endsUnderHold(world.oracle.stored(user), world.clockNow));
  if (raw.a % 4 === 3 && strand.length > 0) return Math.min(...strand) + at([-1, 0, 1], raw.c);
  const instants = world.accounts.flatMap((user) => instantsOf(world.oracle.stored(user)));
  const ahead = [...new Set(instants)].filter((instant) => instant > world.clockNow).sort((x, y) => x - y);
  if (ahead.length === 0) return world.clockNow + at(SMALL_STEPS_MS, raw.b);
  const near = raw.a % 12 === 2 ? ahead : ahead.slice(0, 3);
  return at(near, raw.b) + at([-1, 0, 0, 1], raw.c);
}

/** When lots end that a longer hold draws on. */
function endsUnderHold(account: Account, clockNow: number): number[] {
  const ends = activeHolds(account).flatMap((hold) =>
    hold.parts.map((part) => account.lots.get(part.lot)?.expiresAt ?? 0).filter((end) => end < hold.expiresAt),
  );
  return ends.filter((end) => end > clockNow);
}

/** When something of an account falls due. */
export function instantsOf(account: Account): number[] {
  const lots = [...account.lots.values()].flatMap((lot) => [lot.effectiveAt, lot.expiresAt ?? 0]);
  const holds = activeHolds(account).map((hold) => hold.expiresAt);
  return [...lots, ...holds, ...planInstants(account)];
}

function again(kind: 'retrySame' | 'retryOther', raw: Raw, world: World): Step | null {
  const keyed = world.made.filter((call) => call.key !== null || call.op === 'commit' || call.op === 'release');
  const original = keyed[keyed.length - 1 - (raw.a % Math.min(Math.max(keyed.length, 1), 12))];
  if (!original) return null;
  const same = { ...original, label: world.label };
  if (kind === 'retrySame') return { step: 'call', call: same, retry: 'same' };
  const changed = change(same, raw);
  return changed && { step: 'call', call: changed, retry: 'other' };
}

/** The same call with one field changed. */
function change(call: Call, raw: Raw): Call | null {
  switch (call.op) {
    case 'release':
      return null;
    case 'expire':
      return { ...call, asOf: (call.asOf ?? 1_767_225_600_000) + 1 };
    case 'create':
    case 'update':
      return { ...call, overdraftLimit: BigInt(raw.b) * MICRO };
    case 'extend':
      return { ...call, ttlSeconds: call.ttlSeconds + 1 };
    case 'commit':
    case 'reverse':
    case 'void':
      return { ...call, amount: (call.amount ?? MICRO) + 1n };
    case 'amend':
      return { ...call, priority: ((call.priority ?? 50) + 1) % 101 };
    case 'add':
      if (raw.b % 2 === 0) return { ...call, priority: ((call.priority ?? 50) + 1) % 101 };
      return { ...call, amount: call.amount + 1n };
    case 'adjust':
      return { ...call, amount: -call.amount };
    case 'deduct':
    case 'after':
    case 'reserve':
    case 'transfer':
      return { ...call, amount: call.amount + 1n };
    default:
      return changePlanCall(call, raw);
  }
}

function makeCall(op: CreditOp, raw: Raw, world: World): Call | null {
  const user = pickUser(op, raw, world);
  const { account, now } = world.oracle.read(user, world.clockNow);
  if (SPENDING.has(op) && infoOf(account).available <= 0n && raw.b % 5 !== 0) return makeCall('add', raw, world);
  const key = raw.key % 5 < 2 ? `k${(raw.key >> 3) % 8}` : null;
  const common = { label: world.label, key };
  switch (op) {
    case 'add':
      return addition(raw, now, { ...common, op, user, amount: granted(account, raw, world) });
    case 'deduct': {
      const from = raw.c % 4 === 0 ? drawnFrom(world.oracle.stored(user), raw) : undefined;
      return {
        ...common,
        op,
        user,
        amount: spent(account, raw, world),
        ...(from && { from }),
        ...late(account, now, raw),
      };
    }
    case 'after':
      return { ...common, op, user, amount: spent(account, raw, world), ...late(account, now, raw) };
    case 'adjust': {
      const amount = spent(account, raw, world);
      return { ...common, op, user, amount: raw.b % 3 === 0 ? amount : -amount };
    }
    case 'reserve': {
      const over = raw.d % 3 === 0 ? overPeriodEnd(account, now) : undefined;
      const ttls = [undefined, 1, 60, 900, 86_400, 604_800, untilLotEnds(account, now, raw)];
      const ttlSeconds = over ?? at(ttls, raw.c);
      return {
        ...common,
        op,
        user,
        amount: spent(account, raw, world),
        ...(ttlSeconds !== undefined && { ttlSeconds }),
      };
    }
    case 'commit': {
      const hold = pickHold(account, raw);
      return hold === null ? null : commitment(raw, account, { ...common, op, hold, ...late(account, now, raw) });
    }
    case 'release':
    case 'extend': {
      const hold = pickHold(account, raw);
      if (!hold) return null;
      if (op === 'release') return { ...common, op, hold };
      return { ...common, op, hold, ttlSeconds: at([1, 60, 900, 86_400, 604_800], raw.c) };
    }
    case 'reverse':
      return reversal(raw, account, { ...common, op, entry: { user, seq: 0 } });
    case 'void':
      return voiding(raw, account, { ...common, op, entry: { user, seq: 0 } });
    case 'amend':
      return amendment(raw, account, now, { ...common, op, entry: { user, seq: 0 } });
    case 'transfer': {
      const others = world.accounts.filter((one) => one !== user && typeOf(one) === typeOf(user));
      if (others.length === 0 && raw.c % 10 !== 0) return null;
      const to = raw.c % 10 === 0 ? user : at(others, raw.c);
      return { ...common, op, from: user, to, amount: spent(account, raw, world) };
    }
    case 'expire': {
      const asOf = at([undefined, undefined, now - 1, now, now - 60_000, now + 1000], raw.a);
      return { ...common, op, user, ...(asOf !== undefined && { asOf }) };
    }
    case 'create': {
      const trial = at([undefined, 0n, 7n * MICRO], raw.a);
      const overdraftLimit = at([undefined, 'unlimited', 0n, 20n * MICRO] as const, raw.b);
      return {
        ...common,
        op,
        user,
        ...(trial !== undefined && { trialCredits: trial }),
        ...(overdraftLimit !== undefined && { overdraftLimit }),
      };
    }
    case 'update':
      return { ...common, op, user, overdraftLimit: at(['unlimited', null, 0n, 5n * MICRO, 1_000n * MICRO], raw.a) };
  }
}

/** Empty accounts refuse whatever is asked of them: there, most of these become an addition. */
const SPENDING: ReadonlySet<Op> = new Set<Op>(['deduct', 'adjust', 'reserve', 'transfer']);

/**
 * Any user; for what ends a hold, one who has an active hold, if anybody has, and often one where what is freed cannot
 * simply go back: there is debt to repay, or a lot lapsed under the hold.
 */
function pickUser(op: Op, raw: Raw, world: World): string {
  const wantsHold = op === 'commit' || op === 'release' || op === 'extend';
  if (!wantsHold || raw.d % 8 === 1) return at(world.accounts, raw.user);
  const holders = world.accounts.filter((user) => hasHold(world.oracle.stored(user)));
  const awkward = holders.filter((user) => {
    const { account } = world.oracle.read(user, world.clockNow);
    return account.debt > 0n || activeHolds(account).some((hold) => isOnLapsedLot(account, hold));
  });
  const wanted = raw.c % 3 > 0 && awkward.length > 0 ? awkward : holders;
  return at(wanted.length > 0 ? wanted : world.accounts, raw.user);
}

function activeHolds(account: Account): Hold[] {
  return [...account.holds.values()].filter((hold) => hold.status === 'active');
}

function isOnLapsedLot(account: Account, hold: Hold): boolean {
  return hold.parts.some((part) => account.lots.get(part.lot)?.phase === 'lapsed');
}

function hasHold(account: Account): boolean {
  return activeHolds(account).length > 0;
}

/** A hold that ends in the very instant a lot does. */
function untilLotEnds(account: Account, now: number, raw: Raw): number | undefined {
  const seconds = [...account.lots.values()].map((lot) => ((lot.expiresAt ?? now) - now) / 1000);
  const possible = seconds.filter((ttl) => Number.isInteger(ttl) && ttl >= 1 && ttl <= LONGEST_TTL_SECONDS);
  return possible.length > 0 ? at(possible, raw.d) : undefined;
}

const SOURCES: readonly (Source | undefined)[] = [undefined, 'purchase', 'promo', 'subscription', 'trial', 'refund'];

function addition(raw: Raw, now: number, call: CallOf<'add'>): Call {
  const source = at(SOURCES, raw.b);
  const priority = at([undefined, undefined, 0, 10, 50, 100], raw.b >> 3);
  const expiry = at([null, null, 1, 1000, 60_000, 60_000, 900_000, 3_600_000, 86_400_000, 0], raw.c);
  const start = at([null, null, null, null, -86_400_000, 0, 1000, 60_000, 900_000, 3_600_000], raw.d);
  const planId = raw.d % 7 === 0 ? 'plan-1' : undefined;
  const isOdd = raw.c % 29 === 0; // lets an addition that has ended already through
  const ends =
    expiry === null || (expiry === 0 && !isOdd) ? undefined : now + expiry + (isOdd ? 0 : Math.max(start ?? 0, 0));
  return {
    ...call,
    ...(source !== undefined && { source }),
    ...(priority !== undefined && { priority }),
    ...(planId !== undefined && { planId }),
    ...(start !== null && { effectiveAt: now + start }),
    ...(ends !== undefined && { expiresAt: ends }),
  };
}

const POLICIES: readonly (Overage | undefined)[] = [undefined, 'reject', 'charge', 'cap', 'overdraft', 'charge', 'cap'];

const LATE_POLICIES: readonly (Overage | undefined)[] = [
  undefined,
  'charge',
  'overdraft',
  'cap',
  'overdraft',
  'charge',
  'cap',
];

function commitment(raw: Raw, account: Account, call: CallOf<'commit'>): Call {
  const hold = account.holds.get(call.hold);
  const left = hold ? (hold.status === 'active' ? total(hold.parts) : hold.expired) : MICRO;
  const { available } = infoOf(account);
  const amounts = [undefined, undefined, left, left / 2n, left / 3n, 1n, 0n, left - 1n, left + 1n, left + available];
  const amount = at([...amounts, left + available + 1n, 2n * left], raw.b);
  const final = at([undefined, undefined, true, false, false], raw.c);
  const overage = at(POLICIES, raw.d);
  const ifExpired = at(hold?.status === 'expired' ? LATE_POLICIES : POLICIES, raw.d >> 3);
  return {
    ...call,
    ...(amount !== undefined && amount >= 0n && { amount }),
    ...(final !== undefined && { final }),
    ...(overage !== undefined && { overage }),
    ...(ifExpired !== undefined && { ifExpired }),
  };
}

/** Mostly a hold that is active; sometimes one that ended, or one that never was. */
function pickHold(account: Account, raw: Raw): string | null {
  const holds = [...account.holds.values()];
  const active = activeHolds(account);
  const awkward = active.filter((hold) => isOnLapsedLot(account, hold));
  if (raw.d % 2 === 0 && awkward.length > 0) return at(awkward, raw.a).id;
  const expired = holds.filter((hold) => hold.status === 'expired' && hold.expired > 0n);
  if (raw.d % 8 === 1 && expired.length > 0) return at(expired.slice(-2), raw.a).id;
  if (raw.a % 40 === 39) return 'c-nobody';
  const wanted = raw.a % 4 === 0 || active.length === 0 ? holds : active;
  return at(wanted, raw.a >> 2)?.id ?? null;
}

/** Mostly an entry that can be reversed; sometimes any, or one that never was. */
function reversal(raw: Raw, account: Account, call: CallOf<'reverse'>): Call | null {
  const debits = [...account.undos].filter(([, undo]) => undo.kind === 'debit').map(([seq]) => seq);
  const reversible = raw.c % 3 > 0 && debits.length > 0 ? debits.slice(-5) : [...account.undos.keys()].slice(-6);
  const anyOfThem = raw.a % 10 === 0 ? account.entries.map((entry) => entry.seq) : reversible;
  const seq = raw.a % 50 === 49 ? 0 : at(anyOfThem, raw.a >> 3);
  if (seq === undefined) return null;
  const undo = account.undos.get(seq);
  const moved = undo?.kind === 'debit' ? total(undo.parts) + undo.debt : MICRO;
  const amount = at([undefined, undefined, undefined, 1n, moved / 2n, moved / 3n, moved, moved + 1n], raw.b);
  return { ...call, entry: { ...call.entry, seq }, ...(amount !== undefined && amount > 0n && { amount }) };
}

/** Of entries that made one lot. */
function voiding(raw: Raw, account: Account, call: CallOf<'void'>): Call | null {
  const makers = account.entries.filter(
    ({ type, lot, delta }) => lot !== null && (type === 'add' || (type === 'reverse' && delta > 0n)),
  );
  const target = at(makers.slice(-8), raw.a);
  if (!target) return null;
  const { free } = lotOf(account, target.lot as string);
  const amount = at([undefined, undefined, 1n, free / 2n, free, free + 1n], raw.b);
  return { ...call, entry: { ...call.entry, seq: target.seq }, ...(amount !== undefined && amount > 0n && { amount }) };
}

/** Of entries that made one lot, mostly one that is open. */
function amendment(raw: Raw, account: Account, now: number, call: CallOf<'amend'>): Call | null {
  const makers = account.entries.filter(({ type, lot }) => lot !== null && type === 'add');
  const open = makers.filter(({ lot }) => lotOf(account, lot as string).free > 0n);
  const target = at(raw.a % 5 > 0 && open.length > 0 ? open : makers.slice(-8), raw.a >> 3);
  if (!target) return null;
  const expiresAt = at([undefined, null, now + 1, now + 1000, now + 900_000, now + 86_400_000, now], raw.b);
  const priority = expiresAt === undefined ? at([0, 50, 100], raw.c) : at([undefined, undefined, 10], raw.c);
  const terms = { ...(expiresAt !== undefined && { expiresAt }), ...(priority !== undefined && { priority }) };
  return { ...call, entry: { ...call.entry, seq: target.seq }, ...terms };
}

/** Sometimes usage is told late: often of an instant just before a lot lapsed. */
function late(account: Account, now: number, raw: Raw): { occurredAt?: number } {
  const lapsed = [...account.lots.values()].filter((lot) => lot.expired > 0n);
  if (raw.d % (lapsed.length > 0 ? 3 : 12) !== 0) return {};
  const ends = lapsed
    .slice(-4)
    .flatMap(({ expiresAt }) => (expiresAt === null ? [] : [expiresAt - 1, expiresAt - 1000]));
  return { occurredAt: at([...ends, ...ends, now - 1, now - 3_600_000, now + 1000, ends[0] ?? now], raw.d >> 2) };
}

function drawnFrom(account: Account, raw: Raw): From {
  const lots = [...account.lots.values()].slice(-6).map(({ id }) => id);
  const sources = at<Source[]>([['promo'], ['purchase', 'other'], ['subscription', 'trial', 'refund']], raw.b);
  const choices: From[] = [{ sources }, { planId: 'plan-1' }, { sources, planId: 'plan-1' }];
  if (lots.length > 0) choices.push({ lots: [at(lots, raw.b)] }, { lots }, { lots, sources });
  return at(choices, raw.c >> 2);
}

/** Zero is one to be refused. */
function isAmount(amount: Micro): boolean {
  return amount >= 0n;
}

/** Amounts for additions: small ones that are soon spent, odd ones, edges of the scale, and rarely the largest. */
function granted(account: Account, raw: Raw, world: World): Micro {
  if (raw.a % (world.large ? 3 : 97) === 0) {
    const room = LARGEST - infoOf(account).balance - scheduledOf(account);
    return at([room, room + 1n, room - 1n, LARGEST, LARGEST + 1n, LARGEST / 2n, 0n].filter(isAmount), raw.b);
  }
  const { debt } = infoOf(account);
  const plain = [10n * MICRO, 100n * MICRO, MICRO, 25n * MICRO, 1n, 999_999n, 1_000_001n, 123_456_789n];
  return at(
    [...plain, 7n * MICRO, 50n * MICRO, debt > 0n ? debt : MICRO, debt + 1n, debt > 1n ? debt - 1n : 1n],
    raw.a,
  );
}

function spent(account: Account, raw: Raw, world: World): Micro {
  if (raw.a % (world.large ? 12 : 101) === 0) {
    const room = LARGEST + infoOf(account).balance;
    return at([LARGEST, LARGEST - 1n, LARGEST + 1n, room, room + 1n, 0n].filter(isAmount), raw.b);
  }
  const { available } = infoOf(account);
  const lots = [...account.lots.values()].filter((lot) => lot.free > 0n);
  const lot = lots.length > 0 ? at(lots, raw.d) : undefined;
  const size = lot?.free ?? MICRO;
  const amounts = [1n, available - 1n, available, available + 1n, size, size + 1n, size - 1n, available / 2n];
  const parts = [available / 2n, available / 3n, available / 4n, available / 5n, available / 10n, size / 2n, size / 3n];
  const amount = at([...amounts, ...parts, MICRO, 999_999n, 10n * MICRO], raw.a);
  return amount > 0n && amount <= LARGEST ? amount : MICRO;
}

export function at<T>(values: readonly T[], index: number): T {
  // Callers that may hand in an empty list check the answer.
  return values[index % Math.max(values.length, 1)] as T;
}
