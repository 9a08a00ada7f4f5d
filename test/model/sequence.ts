/** Runs one sequence of steps on the oracle and the library side by side and stops at the first difference. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chance, type Setting, settingOf } from '../support/chance.js';
import { CREDIT_TYPE, IMAGE, nameOf, typeOf } from './account-names.js';
import { auditPresent, auditUser } from './audit.js';
import { auditPlans, PlanWatch } from './audit-plans.js';
import { auditCached, compareBalance } from './cached.js';
import { compareOutcome, type Differences, differ } from './compare.js';
import type { Happened } from './happened.js';
import { auditFile, auditLedger } from './ledger-audit.js';
import { Library } from './library.js';
import { CHANGES, Oracle, type OracleConfig } from './oracle.js';
import { type Call, type Outcome, Unspecified } from './oracle-call.js';
import { Records } from './oracle-past.js';
import { infoOf } from './oracle-state.js';
import { auditInstants } from './past.js';
import { configOf, type Raw, resolve, type Step, swarm, warningsOf } from './steps.js';

export interface Sequence {
  seed: number;
  users: number;
  /** Whether there are plans, cycles and promo codes. */
  plans?: boolean;
  steps: readonly Raw[];
}

export const START = Date.UTC(2026, 0, 1);
const AUDIT_EVERY = 10;

export class Disagreement extends Error {}

export async function runSequence(sequence: Sequence, happened: Happened): Promise<void> {
  const users = ['ada', 'bob', 'cyd'].slice(0, sequence.users);
  const plans = sequence.plans ? { startedAt: START, ...warningsOf(sequence.seed) } : null;
  const config = { ...configOf(sequence.seed), plans };
  await withRunning(config, settingOf(sequence.seed), users, happened, async (running) => {
    const { oracle, library } = running;
    const kinds = swarm(sequence.seed, { plans: plans !== null });
    const large = sequence.seed % 16 === 3;
    const made: Call[] = [];
    for (const [index, raw] of sequence.steps.entries()) {
      const accounts = plans ? used(users, oracle) : users;
      const world = { oracle, users, accounts, made, clockNow: library.clockNow, label: `c${index}`, large };
      const step = resolve(kinds, raw, world);
      if (step) await runStep(step, running, raw.d);
      if (step?.step === 'call') made.push(step.call);
      if (index % AUDIT_EVERY === AUDIT_EVERY - 1) await audit(running, auditPresent, raw.d);
    }
    await audit(running, auditUser, sequence.steps.length);
    await end(running, new Chance(sequence.seed));
  });
}

/** Steps written by hand, with everything audited after each of them. */
export async function runScript(
  config: OracleConfig,
  steps: readonly Step[],
  setting: Setting,
  happened: Happened,
): Promise<void> {
  await withRunning(config, setting, ['ada', 'bob'], happened, async (running) => {
    for (const [turn, step] of steps.entries()) {
      await runStep(step, running, turn);
      await audit(running, auditUser, turn);
    }
    await end(running, new Chance(steps.length));
  });
}

/** Of another credit type: what is asked of it at the end is enough as long as nothing was written. */
function isUnused(name: string, oracle: Oracle): boolean {
  return typeOf(name) !== CREDIT_TYPE && oracle.stored(name).entries.length === 0;
}

function used(users: readonly string[], oracle: Oracle): string[] {
  return [...users, ...users.map((user) => nameOf(user, IMAGE)).filter((name) => !isUnused(name, oracle))];
}

interface Running {
  readonly oracle: Oracle;
  readonly library: Library;
  /** Names of all accounts that there may be. */
  readonly users: readonly string[];
  readonly happened: Happened;
  readonly records: Records;
  readonly watch: PlanWatch | null;
  readonly log: string[];
  /** The latest that the clock ever showed. */
  latestClock: number;
}

async function withRunning(
  config: OracleConfig,
  { cached, filed, pipeline }: Setting,
  users: readonly string[],
  happened: Happened,
  run: (running: Running) => Promise<void>,
): Promise<void> {
  await withFile(filed, async (filePath) => {
    const oracle = new Oracle(config);
    const library = new Library(config, START, { cached, filePath, pipeline });
    const log = [
      `config ${show({ ...config, pipeline })}${cached ? ' with a cache' : ''}${filed ? ' with a file' : ''}`,
    ];
    happened.count('sequences');
    if (cached) happened.count('sequences with a cache');
    await library.define();
    const watch = config.plans && new PlanWatch(library, oracle, happened);
    const accounts = config.plans ? [...users, ...users.map((user) => nameOf(user, IMAGE))] : users;
    await run({ oracle, library, users: accounts, happened, records: new Records(), watch, log, latestClock: START });
    if (config.plans) happened.count('sequences with plans');
    await library.close();
    happened.count('balances from the cache', library.cache?.hits ?? 0);
  });
}

/** Gives the path of a ledger file that is not there yet, or null; its folder goes afterwards. */
export async function withFile(filed: boolean, run: (filePath: string | null) => Promise<void>): Promise<void> {
  if (!filed) return run(null);
  const folder = await mkdtemp(join(tmpdir(), 'credit-model-'));
  try {
    await run(join(folder, 'made', 'ledger.jsonl'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What is compared once, when everything has happened. */
async function end(running: Running, chance: Chance): Promise<void> {
  const { oracle, library, users } = running;
  complain(running, await countEntries(oracle, library, users));
  complain(running, await auditInstants(running, chance));
  complain(running, await auditLedger(running, chance));
  complain(running, await auditFile(running, chance));
}

async function runStep(step: Step, running: Running, turn: number): Promise<void> {
  const differences = await performStep(step, running, turn);
  const { oracle, library, users, records, watch, happened } = running;
  running.latestClock = Math.max(running.latestClock, library.clockNow);
  for (const user of users) {
    const { account, now } = oracle.read(user, library.clockNow);
    if (isUnused(user, oracle)) continue;
    const info = infoOf(account);
    if (oracle.stored(user).entries.length > 0) records.note(oracle, user, now, info);
    differences.push(...(await compareBalance(library, user, info, now, turn)));
    if (watch) differences.push(...(await watch.compare(user, turn)));
  }
  happened.count('commands');
  complain(running, differences);
}

async function audit(running: Running, auditor: typeof auditUser, turn: number): Promise<void> {
  const { oracle, library, users, happened } = running;
  const differences: Differences = [];
  const known = users.filter((user) => !isUnused(user, oracle));
  for (const user of known) differences.push(...(await auditor(library, oracle, user, turn)));
  // Then every lot has its name.
  for (const user of oracle.config.plans ? users : []) {
    if (typeOf(user) === CREDIT_TYPE) differences.push(...(await auditPlans(library, oracle, user, turn)));
  }
  if (library.cache) {
    happened.count('audits of the cache');
    differences.push(...(await auditCached(library, oracle, known, turn)));
  }
  happened.count('audits');
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
    if (step.step === 'join') library.join(turn % 3 > 0);
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
    if (CHANGES.has(call.op) && 'user' in call) happened.countTypes(call, (name) => oracle.stored(name));
  }
  // A plan that is offered again renews what had ended without it, where nobody has written that.
  if (call.op === 'offer' && call.isActive) running.records.forget();
  const actual = await library.perform(call, turn);
  await library.learn(actual);
  log.push(`${show(call)} → ${describe(expected)}`);
  return compareOutcome(expected, actual, call, library);
}

function ownerOf(oracle: Oracle, call: Call): string {
  if ('user' in call) return call.user;
  if ('entry' in call) return call.entry.user;
  if ('hold' in call) return oracle.ownerOf(call.hold) ?? '';
  return 'from' in call ? call.from : '';
}

function decide(oracle: Oracle, call: Call, clockNow: number): Outcome | null {
  try {
    return oracle.decide(call, clockNow);
  } catch (error) {
    if (error instanceof Unspecified) return null;
    throw error;
  }
}

/** Rules 25 and 26: one error entry a business refusal, one act of the library, and none for anything else. */
async function countEntries(oracle: Oracle, library: Library, users: readonly string[]): Promise<Differences> {
  const transactions = users.reduce((sum, user) => sum + oracle.stored(user).entries.length, 0);
  const [error, system, all] = await library.countEntries();
  const expected = { error: oracle.refusalsWritten, system: oracle.systemEntries, transactions };
  return differ('entries', expected, { error, system, transactions: all - error - system });
}

function describe(outcome: Outcome): string {
  if (outcome.status === 'refused') return outcome.code;
  return outcome.replayed ? 'replayed' : outcome.applied ? 'applied' : 'nothing due';
}

export function show(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? `${inner}µ` : inner));
}
