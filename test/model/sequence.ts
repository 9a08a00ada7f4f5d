/** Runs one sequence of steps on the oracle and the library side by side and stops at the first difference. */
import { auditPresent, auditUser } from './audit.js';
import { compareInfo, compareOutcome, type Differences } from './compare.js';
import { Happened } from './happened.js';
import { Library } from './library.js';
import { Oracle, type OracleConfig } from './oracle.js';
import { type Call, type Outcome, Unspecified } from './oracle-call.js';
import { infoOf } from './oracle-state.js';
import { configOf, type Raw, resolve, type Step, swarm } from './steps.js';

export interface Sequence {
  seed: number;
  users: number;
  steps: readonly Raw[];
}

export const START = Date.UTC(2026, 0, 1);
const AUDIT_EVERY = 10;

export class Disagreement extends Error {}

export async function runSequence(sequence: Sequence, happened: Happened): Promise<void> {
  const oracle = new Oracle(configOf(sequence.seed));
  const library = new Library(oracle.config, START);
  const users = ['ada', 'bob', 'cyd'].slice(0, sequence.users);
  const running = { oracle, library, users, happened, log: [`config ${show(oracle.config)}`] };
  const kinds = swarm(sequence.seed);
  const large = sequence.seed % 16 === 3;
  const made: Call[] = [];
  happened.count('sequences');
  for (const [index, raw] of sequence.steps.entries()) {
    const world = { oracle, users, made, clockNow: library.clockNow, label: `c${index}`, large };
    const step = resolve(kinds, raw, world);
    if (step) await runStep(step, running, raw.d);
    if (step?.step === 'call') made.push(step.call);
    if (index % AUDIT_EVERY === AUDIT_EVERY - 1) await audit(running, auditPresent, raw.d);
  }
  await audit(running, auditUser, sequence.steps.length);
  complain(running, await countRefusals(oracle, library, users));
  await library.close();
}

/** Steps written by hand, with everything audited after each of them. */
export async function runScript(config: OracleConfig, steps: readonly Step[]): Promise<void> {
  const oracle = new Oracle(config);
  const library = new Library(config, START);
  const users = ['ada', 'bob'];
  const running = { oracle, library, users, happened: new Happened(), log: [`config ${show(config)}`] };
  for (const [turn, step] of steps.entries()) {
    await runStep(step, running, turn);
    await audit(running, auditUser, turn);
  }
  complain(running, await countRefusals(oracle, library, users));
  await library.close();
}

interface Running {
  readonly oracle: Oracle;
  readonly library: Library;
  readonly users: readonly string[];
  readonly happened: Happened;
  readonly log: string[];
}

async function runStep(step: Step, running: Running, turn: number): Promise<void> {
  const differences = await performStep(step, running, turn);
  const { oracle, library, users } = running;
  for (const user of users) differences.push(...(await compareUser(oracle, library, user, turn)));
  running.happened.count('commands');
  complain(running, differences);
}

async function audit(running: Running, auditor: typeof auditUser, turn: number): Promise<void> {
  const { oracle, library, users } = running;
  const differences: Differences = [];
  for (const user of users) differences.push(...(await auditor(library, oracle, user, turn)));
  running.happened.count('audits');
  complain(running, differences);
}

function complain(running: Running, differences: Differences): void {
  if (differences.length > 0) throw new Disagreement([...running.log, ...differences.slice(0, 12)].join('\n'));
}

async function performStep(step: Step, running: Running, turn: number): Promise<Differences> {
  const { oracle, library, log, happened } = running;
  if (step.step === 'clock') {
    log.push(`clock ${step.to - START >= 0 ? '+' : ''}${step.to - START} ms`);
    happened.count(step.to < library.clockNow ? 'clock back' : 'clock forward');
    library.clockNow = step.to;
    return [];
  }
  if (step.step !== 'call') {
    log.push(step.step);
    happened.count(step.step);
    if (step.step === 'join') library.join();
    else await library.restart();
    return [];
  }
  const { call } = step;
  const before = { ...oracle.tally };
  const expected = decide(oracle, call, library.clockNow);
  if (!expected) {
    happened.count('left out as unspecified');
    return [];
  }
  happened.countClock(before, oracle.tally);
  happened.countOutcome(call, expected);
  if (step.retry !== 'no') happened.count(`retry ${step.retry}`);
  if (expected.status === 'ok' && expected.applied) {
    const { entries } = oracle.stored(ownerOf(oracle, call));
    const before = entries.findLast((entry) => entry.operation !== call.label);
    happened.countEntries(call, entries, before?.debtAfter ?? 0n);
  }
  const actual = await library.perform(call, turn);
  await library.learn(actual);
  log.push(`${show(call)} → ${describe(expected)}`);
  return compareOutcome(expected, actual, call, library);
}

function ownerOf(oracle: Oracle, call: Call): string {
  if ('user' in call) return call.user;
  if ('entry' in call) return call.entry.user;
  return 'hold' in call ? (oracle.ownerOf(call.hold) ?? '') : call.from;
}

function decide(oracle: Oracle, call: Call, clockNow: number): Outcome | null {
  try {
    return oracle.decide(call, clockNow);
  } catch (error) {
    if (error instanceof Unspecified) return null;
    throw error;
  }
}

export async function compareUser(oracle: Oracle, library: Library, user: string, turn: number): Promise<Differences> {
  const { account, now } = oracle.read(user, library.clockNow);
  const info = await library.service(turn).getUserCreditsInfo(user);
  return compareInfo(user, infoOf(account), now, info);
}

/** Rule 26: one error entry a business refusal, and none for anything else. */
async function countRefusals(oracle: Oracle, library: Library, users: readonly string[]): Promise<Differences> {
  let written = 0;
  for (const user of users) for (const row of await library.entryRows(user)) if (row.seq === 0) written += 1;
  return written === oracle.refusalsWritten ? [] : [`${written} error entries for ${oracle.refusalsWritten} refusals`];
}

function describe(outcome: Outcome): string {
  if (outcome.status === 'refused') return outcome.code;
  return outcome.replayed ? 'replayed' : outcome.applied ? 'applied' : 'nothing due';
}

export function show(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? `${inner}µ` : inner));
}
