/** One call on plans, promo codes or cycles, one fault: all or nothing, at most once, and an answer that is true. */
import {
  createCreditManagement,
  type DbManager,
  isCreditError,
  type MemorySession,
  type MutationOptions,
} from '../../src/index.js';
import { type TestClock, testClock } from '../../src/testing/clock.js';
import { DRIVER_TEXT, FaultyDb } from '../backends/faulty-db.js';
import { audit } from '../support/audit.js';
import { withoutIds } from '../support/fault-world.js';
import { QUIET } from '../support/quiet.js';
import type { Shot } from '../support/shots.js';

export type Manager = ReturnType<typeof createCreditManagement<DbManager<MemorySession>, 'image'>>;
type Options = MutationOptions<never>;

export interface Case {
  readonly name: string;
  prepare?(manager: Manager, clock: TestClock): Promise<unknown>;
  run(manager: Manager, options: Options, prepared: never): Promise<unknown>;
}
type Settled = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

const MODELS = [
  ['account', 'created'],
  ['entry', 'time'],
  ['grant', 'account'],
  ['plan', 'created'],
  ['subscription', 'id'],
  ['cycle', 'user'],
  ['promo', 'created'],
  ['promo_claim', 'user'],
] as const;

export interface Reference {
  readonly before: string;
  readonly once: string;
  readonly answer: string;
  readonly calls: readonly string[];
}

export interface Variant {
  readonly operation: Case;
  readonly keyed: boolean;
}

async function prepare({ operation }: Variant) {
  const db = new FaultyDb();
  const clock = testClock('2026-01-01T00:00:00Z');
  const open = () =>
    createCreditManagement<DbManager<MemorySession>, 'image'>({
      ...{ db, clock, logger: QUIET, creditTypes: { image: {} } },
      sinks: [{ name: 'sink', publish: async () => {} }],
    });
  const manager = open();
  await manager.init();
  const prepared = (await operation.prepare?.(manager, clock)) as never;
  const run = (by: Manager, options: Options): Promise<Settled> =>
    operation.run(by, options, prepared).then(
      (value) => ({ ok: true, value }),
      (error: unknown) => ({ ok: false, error }),
    );
  return { db, open, manager, run };
}

/** Everything stored but versions, hashes and accounts that nobody has used yet. */
async function digest(db: FaultyDb): Promise<string> {
  const stored: unknown[] = [];
  for (const [model, index] of MODELS) {
    const { rows } = await db.inner.find(model, { index, limit: 500 });
    const used = rows.filter((row) => (model === 'account' ? row.visible : row.eventType !== 'error'));
    stored.push(
      used.map(({ version: _, hash: __, prev: ___, details, ...row }) => ({ ...row, ...withoutInput(details) })),
    );
  }
  const { rows } = await db.inner.find('outbox', {
    index: 'queue',
    equals: { sink: 'sink', status: 'pending' },
    limit: 500,
  });
  stored.push(rows.map(({ payload }) => payload));
  return withoutIds(stored);
}

const withoutInput = (details: unknown) => ({ details: { ...(details as object), input: null } });

export async function referenceOf(variant: Variant): Promise<Reference> {
  const { db, manager, run } = await prepare(variant);
  const before = await digest(db);
  db.arm(null);
  const answer = await run(manager, keyOf(variant));
  if (!answer.ok) throw answer.error;
  const { calls } = db;
  return { before, once: await digest(db), answer: answerOf(answer), calls };
}

/** What went wrong, or how it ended. */
export async function inject(variant: Variant, reference: Reference, { fault, landing }: Shot): Promise<string> {
  const { db, open, manager, run } = await prepare(variant);
  const key = keyOf(variant);
  db.arm(fault);
  const first = await run(manager, { ...key, timeoutMs: 60_000 });
  const { lost } = db;
  db.heal();
  const outcome = judge(first, reference);
  if (outcome === 'unknown') throw new Error(`unknown although the store answers again (${lost} lost)`);
  const expected = outcome === 'resolved' ? reference.once : reference.before;
  await expectState(db, expected, 'when the call was answered');
  if (landing === 'before_retry') await db.land();
  await expectState(db, expected, 'when everything has landed');
  if (variant.keyed || outcome === 'not_applied') {
    const retried = await run(open(), variant.keyed ? key : {});
    if (answerOf(retried) !== reference.answer) throw new Error(`the retry answered ${answerOf(retried)}`);
    if (first.ok && plain(first) !== plain(retried)) throw new Error(`${plain(retried)} after ${plain(first)}`);
  }
  await db.land();
  await expectState(db, reference.once, 'in the end');
  for (const key of ['credits/u', 'image/u']) {
    const problems = await audit(db.inner, key);
    if (problems.length > 0) throw new Error(problems.join('\n'));
  }
  return outcome;
}

function judge(answer: Settled, reference: Reference): 'resolved' | 'not_applied' | 'unknown' {
  if (answer.ok) {
    if (answerOf(answer) !== reference.answer) throw new Error(`answered ${answerOf(answer)} not ${reference.answer}`);
    if ((answer.value as { replayed?: boolean }).replayed) throw new Error('the first call is marked as replayed');
    return 'resolved';
  }
  const { error } = answer;
  if (!isCreditError(error)) throw new Error(`not an error of the library: ${String(error)}`);
  if (JSON.stringify([error.message, error.details]).includes(DRIVER_TEXT)) throw new Error('a driver error leaks');
  if (!error.retryable) throw new Error(`${error.code}: ${error.message}`);
  return error.outcome === 'unknown' ? 'unknown' : 'not_applied';
}

async function expectState(db: FaultyDb, expected: string, when: string): Promise<void> {
  const now = await digest(db);
  if (now === expected) return;
  const at = [...now].findIndex((character, i) => character !== expected[i]);
  throw new Error(`${when}: …${now.slice(at - 80, at + 80)}… not …${expected.slice(at - 80, at + 80)}…`);
}

function keyOf({ keyed }: Variant): Options {
  return keyed ? { idempotencyKey: 'key-1' } : {};
}

const plain = (answer: Settled) =>
  JSON.stringify(answer.ok ? answer.value : answer.error, (name, part: unknown) =>
    name === 'replayed' ? undefined : part,
  );

function answerOf(answer: Settled): string {
  return answer.ok ? withoutIds(JSON.parse(plain(answer))) : String(answer.error);
}
