/** Calls, each with its instant, chosen on the oracle alone: so several runs of the library perform the same ones. */
import { IMAGE, nameOf } from './account-names.js';
import { Oracle, type OracleConfig } from './oracle.js';
import { type Call, Unspecified } from './oracle-call.js';
import { DAY } from './oracle-plans.js';
import { LARGEST } from './oracle-state.js';
import { START } from './sequence.js';
import { at, configOf, instantsOf, type Raw, resolve, swarm, warningsOf } from './steps.js';

export interface Act {
  readonly at: number;
  readonly call: Call;
  /** Of a reversal, which entry of credits of its account is reversed: the first one is 1. */
  readonly target: number | null;
  /** When something fell due since the act before. */
  readonly due: readonly number[];
}

export interface Story {
  readonly config: OracleConfig;
  readonly users: readonly string[];
  readonly acts: readonly Act[];
  /** When everything is looked at. */
  readonly endsAt: number;
  /** When something falls due between the last act and the end. */
  readonly due: readonly number[];
}

/** A third of the acts come after a gap, the longest of more periods than one operation makes up for. */
const GAPS_DAYS = [0.3, 1, 1, 2.5, 4, 8, 20, 45, 130];

/** Beside everything else. */
const OFTEN = ['setPlan', 'upgrade', 'pay', 'pay', 'deduct', 'reserve'] as const;

export function storyOf({ seed, users, steps }: { seed: number; users: number; steps: readonly Raw[] }): Story {
  const names = ['ada', 'bob'].slice(0, users);
  const accounts = names.flatMap((user) => [user, nameOf(user, IMAGE)]);
  // What has no room is tried again at every look, and granted when there is some: there looks do count.
  const roomy = { openGrants: 1000, activeReservations: 1000 };
  const config = { ...configOf(seed), ...roomy, plans: { startedAt: START, ...warningsOf(seed) } };
  const left = swarm(seed, { plans: true, without: ['startCycle', 'stopCycle', 'runAllocation', 'restart', 'join'] });
  const kinds = [...left, ...OFTEN.flatMap((kind) => Array<typeof kind>(12).fill(kind))];
  const oracle = new Oracle(config);
  const acts: Act[] = [];
  let clockNow = START;
  let due: number[] = [];
  const goOn = (to: number) => {
    // Time goes one way: what a look wrote is later than the instant that the clock was set back to.
    const until = Math.max(clockNow, to);
    due.push(
      ...accounts.flatMap((name) => instantsOf(oracle.stored(name))).filter((one) => one > clockNow && one <= until),
    );
    clockNow = until;
  };
  for (const [index, raw] of steps.entries()) {
    if (raw.key % 3 === 0) goOn(clockNow + at(GAPS_DAYS, raw.key >> 4) * DAY);
    const made = acts.map(({ call }) => call);
    const world = { oracle, users: names, accounts, made, clockNow, label: `c${index}`, large: false };
    const step = resolve(kinds, raw, world);
    if (step?.step === 'clock') goOn(step.to);
    if (step?.step !== 'call' || !isSettled(step.call, oracle)) continue;
    const call = unkeyed(step.call);
    const target = 'entry' in call ? placeOf(oracle, call.entry) : null;
    if (!decide(oracle, call, clockNow)) continue;
    acts.push({ at: clockNow, call, target, due });
    due = [];
  }
  goOn(clockNow + at(GAPS_DAYS, seed) * DAY);
  return { config, users: names, acts, endsAt: clockNow, due };
}

/** Whether the call does the same whatever was looked at before. A plan offered again revives what nobody ended yet. */
function isSettled(call: Call, oracle: Oracle): boolean {
  if (call.op === 'offer') return !call.isActive;
  // There is an amount that anybody is refused.
  if (call.op === 'add' && call.amount > LARGEST / 1000n) return false;
  if ('entry' in call) return placeOf(oracle, call.entry) > 0;
  // A lot is named by its place in the history, which looks make longer.
  return !(call.op === 'deduct' && call.from?.lots);
}

/** Nothing is remembered of a call that had nothing to do, because a look did it. */
function unkeyed(call: Call): Call {
  return call.op === 'allocate' || call.op === 'expire' ? { ...call, key: null } : call;
}

/** Among the entries of credits; 0 of another entry, and of one that nobody has written. */
function placeOf(oracle: Oracle, { user, seq }: { user: string; seq: number }): number {
  const { entries } = oracle.stored(user);
  if (entries[seq - 1]?.type === 'plan_changed') return 0;
  return seq > entries.length ? 0 : entries.slice(0, seq).filter(({ type }) => type !== 'plan_changed').length;
}

function decide(oracle: Oracle, call: Call, clockNow: number): boolean {
  try {
    oracle.decide(call, clockNow);
    return true;
  } catch (error) {
    if (error instanceof Unspecified) return false;
    throw error;
  }
}
