/** A ledger with everything in it: every entry type that the library can write, over several users and credit types. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { sequenceIds, type TestClock, testClock } from '../../src/entries/testing.js';
import {
  type CreditManagement,
  createCreditManagement,
  type DbManager,
  InMemoryDbManager,
  isCreditError,
  type Row,
  type VerifyReport,
} from '../../src/index.js';
import { JsonDbManager } from '../backends/json-db-manager.js';
import { clawBack } from '../ledger/audit-claw-back.js';
import { plainProvider } from '../payments/plain-provider.js';
import { bodyOf, eventsOf } from '../payments/world.js';
import { QUIET } from './quiet.js';

/** What these tests need of a database: every adapter's plain verbs. */
export type AnyDb = Omit<DbManager<never>, 'transaction'>;

export interface World {
  readonly manager: CreditManagement<never, 'image'>;
  readonly db: AnyDb;
  readonly clock: TestClock;
}

export const START = '2030-01-01T00:00:00.000Z';
export const DAY = 24 * 3600 * 1000;

let calls = 0;
/** Now and then a macrotask, so that a run that never ends meets its test's deadline. */
const breathe = () => (++calls % 1_000 === 0 ? new Promise<void>((resolve) => setImmediate(resolve)) : undefined);

export const memoryDb = () => new InMemoryDbManager({ suspend: breathe }) as unknown as AnyDb;
/** Rows as JSON texts; every call suspends for microtasks only, which is a hundred times faster than a macrotask. */
export const jsonDb = () => new JsonDbManager({ suspend: async () => breathe() }) as AnyDb;

/** The same database with some of its verbs replaced. */
export function wrapped(inner: AnyDb, verbs: Partial<AnyDb>): AnyDb {
  return {
    name: inner.name,
    init: (models) => inner.init(models),
    getMany: (...args) => inner.getMany(...args),
    find: (...args) => inner.find(...args),
    count: (...args) => inner.count(...args),
    commit: (...args) => inner.commit(...args),
    ping: (...args) => inner.ping(...args),
    close: () => inner.close(),
    ...verbs,
  };
}

/** A database that hands out pages of at most so many rows. */
export function paged(inner: AnyDb, most: number): AnyDb {
  const find: AnyDb['find'] = (model, query, options) =>
    inner.find(model, { ...query, limit: Math.min(query.limit, most) }, options);
  return wrapped(inner, { find });
}

export function openWorld(
  options: { db?: AnyDb; clock?: TestClock; filePath?: string; prefix?: string; fsync?: 'never' } = {},
): World {
  const { db = memoryDb(), clock = testClock(START), filePath, prefix = 'id' } = options;
  const manager = createCreditManagement<DbManager<never>, 'image'>({
    db: db as DbManager<never>,
    clock,
    ids: sequenceIds(prefix),
    logger: QUIET,
    creditTypes: { image: { overdraftLimit: 20 } },
    defaults: { overdraftLimit: 50, lowCreditThreshold: 5 },
    limits: { lateUsageSeconds: 604_800 },
    ...(filePath !== undefined && { ledger: { filePath, fsync: 'never' } }),
  });
  if (filePath !== undefined) onTestFinished(() => manager.close());
  return { manager, db, clock };
}

/** A refusal that the library records must come; anything else is a mistake of the test. */
export async function refused(call: Promise<unknown>): Promise<void> {
  const error = await call.then(
    () => new Error('not refused'),
    (cause) => cause,
  );
  if (!isCreditError(error)) throw error;
}

/**
 * Some eighty entries of eight accounts in one chain of causes. Users: `ann` has grants of every kind, `hal` holds,
 * `bob` overdraws, `cat` receives and gives back, `dan` is known by refusals only, `eve` has one entry, `fay` buys
 * credits, and `ann` has a second account of type `image`.
 */
export async function fillRichly({ manager, db, clock }: World): Promise<void> {
  const { credits } = manager;
  const image = manager.creditType('image');
  const at = (days: number) => new Date(Date.parse(START) + days * DAY);
  const hours = (count: number) => clock.advance({ hours: count });

  await credits.createAccount('ann', {
    trialCredits: 5,
    overdraftLimit: 10,
    lowCreditThreshold: '20%',
    metadata: { team: 'red', tags: ['a', { deep: null }] },
  });
  await credits.addCredits('ann', 100, {
    source: 'purchase',
    expiresAt: at(10),
    priority: 20,
    planId: 'plan-1',
    reference: 'pay-1',
    description: 'Größe ✓ 😀 "quoted" \\ back',
    metadata: { order: 7, note: 'ünï', nested: { list: [1, 2.5, true] } },
    actor: 'admin-1',
    reason: 'first',
    correlationId: 'flow-1',
    idempotencyKey: 'add-1',
  });
  hours(1);
  await credits.addCredits('ann', '40.25', { source: 'promo', effectiveAt: at(2), expiresAt: at(6) });
  await credits.addCredits('ann', 10, { effectiveAt: at(90), reference: 'later' });
  const first = await credits.deductCredits('ann', 30, { idempotencyKey: 'spend-1', correlationId: 'flow-1' });
  hours(1);
  await credits.addCredits('hal', 70, { source: 'promo', expiresAt: at(6), correlationId: 'flow-1' });
  await credits.addCredits('hal', 8, { priority: 10 });
  const part = await credits.reserveCredits('hal', 20, { ttlSeconds: 3600, planId: 'label', reason: 'job' });
  await credits.commitReservedCredits(part, { amount: 4.5, final: false, idempotencyKey: 'part-1' });
  await credits.extendReservation(part, { ttlSeconds: 7200, metadata: { more: 'time' } });
  await credits.commitReservedCredits(part, { amount: 10, idempotencyKey: 'part-2' });
  const released = await credits.reserveCredits('hal', 3);
  await credits.releaseReservedCredits(released, { reason: 'not needed' });
  const late = await credits.reserveCredits('hal', 6, { ttlSeconds: 60 });
  const forgotten = await credits.reserveCredits('hal', 2, { ttlSeconds: 90 });
  hours(1);
  await credits.commitReservedCredits(late, { amount: 5, ifExpired: 'charge', correlationId: 'late' });
  await refused(credits.commitReservedCredits(forgotten, { amount: 1 }));
  const full = await credits.reserveCredits('hal', 4, { ttlSeconds: 3600 });
  await credits.commitReservedCredits(full);
  const over = await credits.reserveCredits('hal', 2, { ttlSeconds: 3600 });
  await credits.commitReservedCredits(over, { amount: 3, overage: 'charge' });
  await refused(credits.deductCredits('ann', 1000, { description: 'too much', correlationId: 'flow-1' }));
  await credits.reverseTransaction(first.id, { amount: 12, reason: 'half' });
  await credits.adjustCredits('ann', -1, { actor: 'admin-2', reason: 'typo' });
  await credits.adjustCredits('ann', 2, { actor: 'admin-2', reason: 'typo back' });
  clock.set(at(3));
  await credits.updateAccount('ann', { lowCreditThreshold: 'none' });

  await image.addCredits('ann', 8, { source: 'subscription', expiresAt: at(5) });
  await image.deductCreditsAfterService('ann', 12, { metadata: { model: 'xl' } });
  await refused(image.deductCreditsAfterService('ann', 100));
  const image1 = await image.addCredits('ann', 9);
  await image.reverseTransaction(image1.id, { amount: 2 });

  await credits.addCredits('bob', 10, { expiresAt: at(4) });
  const owed = await credits.deductCreditsAfterService('bob', 25, { idempotencyKey: 'owed' });
  hours(1);
  await credits.addCredits('bob', 6);
  await credits.addCredits('bob', 30);
  await credits.reverseTransaction(owed.id);
  const taken = await credits.addCredits('bob', 15, { source: 'purchase', reference: 'pay-2' });
  await clawBack(db, clock.now(), 'bob', 15, [taken.grantId as string], 'refund-1');
  const spent = await credits.addCredits('bob', 5, { priority: 1 });
  const gone = await credits.deductCredits('bob', 5);
  await credits.reverseTransaction(gone.id, { amount: 1 });
  await credits.reverseTransaction(spent.id, { amount: 1 });
  await credits.reserveCredits('bob', 7, { ttlSeconds: 604_800 });

  await credits.transferCredits({ from: 'ann', to: 'cat', amount: 11 }, { idempotencyKey: 'move', actor: 'ann' });
  hours(2);
  await credits.transferCredits({ from: 'cat', to: 'ann', amount: 2.5 });
  await credits.deductCredits('cat', 8.5);
  await refused(credits.deductCredits('dan', 1));
  await refused(credits.commitReservedCredits(part, { amount: 1 }));
  await credits.addCredits('eve', 1);

  const provider = plainProvider();
  manager.payments.registerProvider(provider);
  const bought = await manager.payments.createPaymentLink({ userId: 'fay', amount: 500, currency: 'INR' });
  const { paid, refund, dispute } = eventsOf(bought);
  const events = [paid, refund(10_000, 're_1'), dispute('open'), dispute('won'), { ...paid, userId: 'ann' }];
  for (const event of events) await manager.payments.handleWebhook('plain', bodyOf(event), {});

  clock.set(at(7));
  await credits.expireCredits('ann');
  await image.expireCredits('ann');
  await credits.addCredits('ann', 50, { expiresAt: at(60), idempotencyKey: 'top-up' });
  await credits.addCredits('hal', 20);
  const soon = await credits.addCredits('cat', 3, { expiresAt: at(9) });
  await credits.updateGrant(soon.grantId as string, { expiresAt: at(8), priority: 9 }, { reason: 'sooner' });
  const open = await credits.reserveCredits('hal', 12, { ttlSeconds: 604_800, metadata: { keep: true } });
  await credits.commitReservedCredits(open, { amount: 2, final: false, idempotencyKey: 'open-1' });
  clock.set(at(10.5));
  await credits.deductCredits('ann', 1);
  await credits.deductCredits('cat', 2, { occurredAt: at(7.5) });
  hours(1);
}

export async function richWorld(options: Parameters<typeof openWorld>[0] = {}): Promise<World> {
  const world = openWorld(options);
  await fillRichly(world);
  return world;
}

/** All rows of a model in the order of an index. */
export async function rowsOf(db: AnyDb, model: string, index: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page = await db.find(model, { index, limit: 1_000, ...(after !== undefined && { after }) });
    rows.push(...page.rows);
    after = page.nextCursor;
  }
  return rows;
}

export const entriesOf = (db: AnyDb) => rowsOf(db, 'entry', 'history');

/** Kind and id of every problem, sorted. */
export function told(report: VerifyReport): string[] {
  return report.problems.map(({ kind, id }) => `${kind} ${id}`).sort();
}

/** A path nobody has used, in a folder that goes when the test has finished. */
export function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'audit-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'ledger.jsonl');
}
