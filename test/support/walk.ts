/** One operation, one fault: run, judge the answer, heal, retry, let late commits land, judge the store. */
import { isCreditError } from '../../src/index.js';
import { DRIVER_TEXT, type Fault } from '../backends/faulty-db.js';
import { type Manager, World, withoutIds } from './fault-world.js';
import { type OperationCase, type Options, serviceOf } from './operations.js';

export interface Variant {
  readonly operation: OperationCase;
  readonly keyed: boolean;
  /** `cold`: a manager that was never initialised runs the call, and finds nothing in its memory. */
  readonly start: 'warm' | 'cold';
  /** Conflicts that the first commits meet although nobody else writes; from two on the call goes on under a lock. */
  readonly conflicts: number;
}

/** What the operation does when nothing fails. */
export interface Reference {
  readonly before: string;
  readonly once: string;
  /** Of the result, without ids; for a refusal its code. */
  readonly answer: string;
  /** Methods called. */
  readonly calls: readonly string[];
}

export interface Injection {
  readonly variant: Variant;
  readonly reference: Reference;
  readonly fault: Fault;
  readonly timeoutMs: number;
  /** Late commits land before the retry, or after it. */
  readonly landing: 'before_retry' | 'after_retry';
  /** A fault that the library can find its way around must end in an answer that is certain. */
  readonly mustKnow: boolean;
}

export interface Walked {
  readonly calls: readonly string[];
  readonly injected: number;
  readonly outcome: 'resolved' | 'not_applied' | 'unknown';
  readonly landed: number;
}

type Settled = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

async function prepare({ operation, start, conflicts }: Variant) {
  const world = new World();
  const warm = world.open();
  await warm.init();
  const prepared = (await operation.prepare?.(serviceOf(warm, operation), world)) ?? {};
  const manager = start === 'warm' ? warm : world.open();
  world.db.lies = Array.from({ length: conflicts }, () => 'conflict');
  const run = (by: Manager, options: Options) => settle(operation.run(serviceOf(by, operation), options, prepared));
  return { world, manager, run };
}

function settle(promise: Promise<unknown>): Promise<Settled> {
  return promise.then(
    (value) => ({ ok: true, value }),
    (error: unknown) => ({ ok: false, error }),
  );
}

export async function referenceOf(variant: Variant): Promise<Reference> {
  const { world, manager, run } = await prepare(variant);
  const before = await world.digest();
  world.db.arm(null);
  const answer = await run(manager, keyOf(variant));
  const { calls } = world.db;
  return { before, once: await world.digest(), answer: answerOf(answer), calls };
}

export async function inject(injection: Injection): Promise<Walked> {
  const { variant, reference, fault, timeoutMs, landing } = injection;
  const { world, manager, run } = await prepare(variant);
  const { db } = world;
  const key = keyOf(variant);
  db.arm(fault);
  const first = await run(manager, { ...key, timeoutMs });
  const { injected, lost, calls } = db;
  db.heal();
  const outcome = judge(first, reference, variant);
  if (outcome === 'unknown' && lost === 0) throw new Error('unknown although no commit was lost');
  if (outcome === 'unknown' && injection.mustKnow) throw new Error('unknown although the store answers again');
  await expectStore(world, allowed(outcome, reference), 'when the call was answered');

  db.lies = [];
  if (landing === 'before_retry') await db.land();
  await expectStore(world, allowed(outcome, reference), 'before the retry');
  const other = world.open();
  const [one, two] = calls.length % 2 === 0 ? [manager, other] : [other, manager];
  const retryKey = keyToRetry(first, key);
  if (retryKey !== null || outcome === 'not_applied') {
    const retried = await run(one, retryKey ?? {});
    expectAnswer(retried, first, reference, variant);
    await expectStore(world, [reference.once], 'after the retry');
  }
  await db.land();
  await expectStore(world, [reference.once], 'after everything has landed');
  if (retryKey !== null) {
    expectAnswer(await run(two, retryKey), first, reference, variant);
    await expectStore(world, [reference.once], 'after the second retry');
  }
  if (variant.operation.refused) await expectRefusals(world, first);
  await serviceOf(manager, variant.operation).addCredits('u', 1);
  await serviceOf(other, variant.operation).addCredits('u', 1);
  const problems = await world.audit();
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return { calls, injected, outcome, landed: db.landed };
}

/** What a call's answer claims; throws where the answer itself is wrong. */
function judge(answer: Settled, reference: Reference, { operation }: Variant): Walked['outcome'] {
  if (answer.ok) {
    if (answerOf(answer) !== reference.answer) throw new Error(`answered ${answerOf(answer)}`);
    return 'resolved';
  }
  const { error } = answer;
  if (!isCreditError(error)) throw new Error(`not an error of the library: ${String(error)}`);
  if (JSON.stringify([error.message, error.details]).includes(DRIVER_TEXT)) throw new Error('a driver error leaks');
  if (operation.refused === error.code) return 'resolved';
  const { outcome } = error;
  if (outcome === 'applied') throw new Error(`${error.code} claims to be applied`);
  if (!error.retryable) throw new Error(`${error.code} is not retryable`);
  if ((error.code === 'OUTCOME_UNKNOWN') !== (outcome === 'unknown')) throw new Error(`${error.code} is ${outcome}`);
  return outcome;
}

function allowed(outcome: Walked['outcome'], { before, once }: Reference): readonly string[] {
  if (outcome === 'unknown') return [before, once];
  return [outcome === 'resolved' ? once : before];
}

async function expectStore(world: World, states: readonly string[], when: string): Promise<void> {
  const now = await world.digest();
  if (!states.includes(now)) throw new Error(`the store is wrong ${when}: ${differences(now, states)}`);
}

/** Where a text leaves each of the expected ones. */
function differences(now: string, states: readonly string[]): string {
  return states
    .map((state) => {
      const at = [...now].findIndex((character, i) => character !== state[i]);
      const around = (text: string) => text.slice(Math.max(0, at - 120), at + 120);
      return `…${around(now)}… where …${around(state)}… is expected`;
    })
    .join(' or ');
}

/** A retry answers what the first call did, or would have answered. */
function expectAnswer(retried: Settled, first: Settled, reference: Reference, { operation }: Variant): void {
  if (answerOf(retried) !== reference.answer) throw new Error(`the retry answered ${answerOf(retried)}`);
  if (!first.ok || !retried.ok || operation.refused) return;
  const [was, is] = [first.value, retried.value].map((value) => JSON.stringify(withoutReplayed(value)));
  if (was !== is) throw new Error(`the retry answered ${is}, the first call ${was}`);
  if (!JSON.stringify(retried.value).includes('"replayed":true') && typeof retried.value === 'object') {
    throw new Error('the retry is not marked as replayed');
  }
}

/** One error entry for each refusal that was answered, at most one for each call. */
async function expectRefusals(world: World, first: Settled): Promise<void> {
  const refusals = await world.refusals();
  const unknown = !first.ok && isCreditError(first.error, 'OUTCOME_UNKNOWN');
  if (refusals < 1 || refusals > (unknown ? 4 : 3)) throw new Error(`${refusals} error entries`);
}

function keyOf({ keyed }: Variant): Options {
  return keyed ? { idempotencyKey: 'key-1' } : {};
}

/** The key under which repeating the call is safe, or null. */
function keyToRetry(first: Settled, key: Options): Options | null {
  if (!first.ok && isCreditError(first.error, 'OUTCOME_UNKNOWN')) {
    const { idempotencyKey } = first.error.details;
    if (key.idempotencyKey !== undefined && key.idempotencyKey !== idempotencyKey) throw new Error('another key');
    return { idempotencyKey };
  }
  return key.idempotencyKey === undefined ? null : key;
}

function answerOf(answer: Settled): string {
  if (answer.ok) return withoutIds(withoutReplayed(answer.value));
  return isCreditError(answer.error) ? answer.error.code : String(answer.error);
}

function withoutReplayed(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (name, part: unknown) => (name === 'replayed' ? undefined : part)));
}
