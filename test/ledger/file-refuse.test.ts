/** `fileFailure: 'refuse'`: without a file there is no mutation, and nothing of one; reads go on. */
import { mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { InMemoryDbManager, isCreditError, type MemorySession } from '../../src/index.js';
import { dump } from '../support/dump.js';
import { sleep, until } from '../support/wait.js';
import { caughtUp, folder, type LastingDb, type Opened, openFile, smallDisk } from './file-folder.js';
import { judge } from './file-oracle.js';

const refuse = { fileFailure: 'refuse' } as const;
const PLAN = { name: 'Pro', creditLimit: 100, price: 1, billingPeriod: 'monthly' } as const;

/** One of every mutation; the ids are of things that exist. */
function mutations(
  { credits, subscriptions, promos }: Opened['manager'],
  ids: { hold: string; entry: string },
  session?: MemorySession,
) {
  const options = { session };
  const calls: Record<string, () => Promise<unknown>> = {
    add: () => credits.addCredits('u', 1, options),
    deduct: () => credits.deductCredits('u', 1, options),
    after: () => credits.deductCreditsAfterService('u', 1, options),
    adjust: () => credits.adjustCredits('u', -1, { ...options, actor: 'a', reason: 'r' }),
    reserve: () => credits.reserveCredits('u', 1, options),
    commit: () => credits.commitReservedCredits(ids.hold, options),
    release: () => credits.releaseReservedCredits(ids.hold, options),
    extend: () => credits.extendReservation(ids.hold, { ...options, ttlSeconds: 9 }),
    reverse: () => credits.reverseTransaction(ids.entry, options),
    transfer: () => credits.transferCredits({ from: 'u', to: 'v', amount: 1 }, options),
    create: () => credits.createAccount('w', options),
    update: () => credits.updateAccount('u', { ...options, overdraftLimit: 5 }),
    plan: () => subscriptions.addSubscriptionPlan(PLAN, options),
    promo: () => promos.createPromo({ code: 'C', credits: 1 }, options),
    cycle: () => subscriptions.startCycle('u', { amount: 1, ...options }),
    // A refusal is an entry too.
    insufficient: () => credits.deductCredits('u', 1_000, options),
  };
  return calls;
}

/** A ledger with something in it, whose file then becomes a directory; the way back is in the result. */
async function broken(): Promise<Opened & { ids: { hold: string; entry: string }; repair: () => void }> {
  const opened = openFile({ ledger: refuse });
  const { credits, path } = opened;
  const entry = (await credits.addCredits('u', 100)).id;
  const hold = (await credits.reserveCredits('u', 10)).id;
  await caughtUp(opened);
  renameSync(path, `${path}.aside`);
  mkdirSync(path);
  const repair = () => {
    rmdirSync(path);
    renameSync(`${path}.aside`, path);
  };
  return { ...opened, ids: { hold, entry }, repair };
}

/** Everything stored but the acts of the library itself. */
async function stored(db: LastingDb): Promise<string> {
  const lines = (await dump(db)).split('\n');
  return lines.filter((line) => !line.includes('"eventType":"system"')).join('\n');
}

async function refusal(call: Promise<unknown>): Promise<unknown> {
  const error = await call.catch((problem: unknown) => problem);
  if (!isCreditError(error, 'LEDGER_FILE_UNAVAILABLE')) return error;
  return { code: error.code, retryable: error.retryable, outcome: error.outcome, path: error.details.path };
}

const refused = (path: string) => ({ code: 'LEDGER_FILE_UNAVAILABLE', retryable: true, outcome: 'not_applied', path });

describe('while the file cannot be written', () => {
  test('every mutation is refused and nothing of it is stored', async () => {
    const { manager, db, path, ids } = await broken();
    const before = await stored(db as LastingDb);
    for (const [name, call] of Object.entries(mutations(manager, ids))) {
      expect([name, await refusal(call())]).toEqual([name, refused(path)]);
    }
    expect(await stored(db as LastingDb)).toBe(before);
  });

  test('it is recorded once; from then on not one byte of the store changes', async () => {
    const { credits, db, acts, path } = await broken();
    expect(await refusal(credits.addCredits('u', 1))).toEqual(refused(path));
    await until(async () => (await acts()).length > 1, 'the failure is recorded');
    const before = await dump(db);
    const calls = Array.from({ length: 200 }, () => refusal(credits.addCredits('u', 1)));
    expect(new Set((await Promise.all(calls)).map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await dump(db)).toBe(before);
    expect(await acts()).toEqual(['Ledger created', 'Ledger file degraded']);
  });

  test('reads are answered, and a wrong argument is told as such', async () => {
    const { credits, manager, ids, path } = await broken();
    expect(await refusal(credits.addCredits('u', 1))).toEqual(refused(path));
    expect((await credits.getUserCreditsInfo('u', { fresh: true })).available).toBe(90);
    expect((await credits.getCreditHistory('u', { includeHolds: true })).items).toHaveLength(2);
    expect((await credits.getReservation(ids.hold))?.status).toBe('active');
    expect(await credits.canAfford('u', 5)).toBe(true);
    expect((await credits.previewDeduction('u', 5)).sufficient).toBe(true);
    expect((await credits.getGrants('u')).items).toHaveLength(1);
    expect((await credits.getBalanceAt('u', new Date())).balance).toBe(100);
    expect((await credits.listAccounts()).items).toHaveLength(1);
    expect((await manager.ledger.list({ userId: 'u' })).items).toHaveLength(2);
    expect((await manager.health()).components).toMatchObject({ database: 'up', ledgerFile: 'down' });
    expect(await refusal(credits.addCredits('', 1))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('a call in a host transaction is refused, and the transaction can still do other things', async () => {
    const { manager, credits, db, path, ids } = await broken();
    const before = await stored(db as LastingDb);
    await db.transaction(async (session) => {
      for (const [name, call] of Object.entries(mutations(manager, ids, session))) {
        expect([name, await refusal(call())]).toEqual([name, refused(path)]);
      }
      expect((await credits.getUserCreditsInfo('u', { session })).balance).toBe(100);
    });
    expect(await stored(db as LastingDb)).toBe(before);
  });

  test('a refused call frees its key and its place: the same call works when the path is back', async () => {
    const opened = await broken();
    const { credits, db, path, repair, manager } = opened;
    const call = () => credits.deductCredits('u', 7, { idempotencyKey: 'k' });
    for (let i = 0; i < 3; i++) expect(await refusal(call())).toEqual(refused(path));
    repair();
    expect(await call()).toMatchObject({ balanceAfter: 93, replayed: false });
    expect(await call()).toMatchObject({ balanceAfter: 93, replayed: true });
    await db.transaction((session) => credits.addCredits('u', 1, { session }));
    await caughtUp(opened);
    await manager.ledger.reconcile();
    expect((await manager.ledger.verify()).problems).toEqual([]);
    expect(await judge(db, path)).toMatchObject({ missing: [], strange: [] });
  });
});

test('a path that never worked refuses the first call on a new database', async () => {
  const path = join(folder(), 'ledger.jsonl');
  mkdirSync(path);
  const { credits, manager, db } = openFile({ path, ledger: refuse });
  expect(await refusal(credits.addCredits('u', 1))).toEqual(refused(path));
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
  expect(await db.count('account', { index: 'created' })).toBe(0);
  rmdirSync(path);
  expect((await credits.addCredits('u', 1)).balanceAfter).toBe(1);
  await until(async () => (await manager.health()).status === 'healthy', 'the file is up');
});

test('a full disk refuses everything once it is known, and takes calls again when there is room', async (context) => {
  const disk = smallDisk(128);
  if ('reason' in disk) return context.skip(`no tmpfs can be mounted: ${disk.reason}`);
  const ballast = join(disk.value, 'ballast');
  writeFileSync(ballast, Buffer.alloc(100 * 1024));
  const opened = openFile({ path: join(disk.value, 'ledger.jsonl'), ledger: refuse });
  const { credits, db, path } = opened;
  let applied = 0;
  for (; applied < 1_000; applied++) if (await refusal(credits.addCredits('u', 1)).then(isRefused)) break;
  expect(applied).toBeLessThan(1_000);
  const before = await stored(db as LastingDb);
  // Only what was under way when the disk filled up has been applied without a line.
  expect((await judge(db, path)).missing.length).toBeLessThanOrEqual(3);
  for (let i = 0; i < 30; i++) expect(await refusal(credits.addCredits('u', 1))).toEqual(refused(path));
  expect(await stored(db as LastingDb)).toBe(before);
  rmSync(ballast);
  expect((await credits.addCredits('u', 1)).balanceAfter).toBe(applied + 1);
  await caughtUp(opened);
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [] });
});

const isRefused = (answer: unknown) => (answer as { code?: string }).code === 'LEDGER_FILE_UNAVAILABLE';

test('on /dev/full, which can be opened, the calls under way at most are applied, all later ones refused', async () => {
  const { credits, db } = openFile({ path: '/dev/full', ledger: refuse });
  const answers: unknown[] = [];
  for (let i = 0; i < 20; i++) answers.push(await refusal(credits.addCredits('u', 1)));
  const applied = answers.filter((answer) => !isRefused(answer)).length;
  expect(applied).toBeLessThanOrEqual(1);
  expect(answers.slice(applied).every(isRefused)).toBe(true);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(applied);
  expect(await db.count('grant', { index: 'account' })).toBe(applied);
});

test('a file that fails while a commit is on its way ends no process', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', note);
  let breaksIt: (() => void) | null = null;
  const suspend = async () => {
    await sleep(10);
    breaksIt?.();
    breaksIt = null;
  };
  const { credits, manager, path } = openFile({ db: new InMemoryDbManager({ suspend }), ledger: refuse });
  await credits.addCredits('u', 1);
  breaksIt = () => {
    renameSync(path, `${path}.aside`);
    mkdirSync(path);
  };
  // It was let in before: its account is read while the file fails.
  expect((await credits.addCredits('v', 1)).balanceAfter).toBe(1);
  await sleep(50);
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
  await manager.close();
});
