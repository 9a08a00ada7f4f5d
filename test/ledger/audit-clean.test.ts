/** A sound ledger is told sound: whole and by user, with a file and without, on pages of any size, in any database. */
import { describe, expect, test } from 'vitest';
import type { VerifyReport } from '../../src/index.js';
import {
  type AnyDb,
  entriesOf,
  jsonDb,
  memoryDb,
  newFile,
  openWorld,
  paged,
  richWorld,
  rowsOf,
  type World,
} from '../support/audit-world.js';
import { anyCall, newTrail, randomOf } from './audit-traffic.js';

const CLEAN = { ok: true, problems: [], problemCount: 0 };

/** Whole and each user's, by the manager that wrote and by one that knows nothing yet. */
async function expectClean(world: World, filePath: string | undefined, db = world.db): Promise<VerifyReport> {
  const entries = await entriesOf(world.db);
  // Of many users some.
  const users = [...new Set(entries.map((row) => row.userId as string))].filter(
    (_, i, { length }) => i % (length >> 3 || 1) === 0,
  );
  const stranger = openWorld({
    db,
    clock: world.clock,
    prefix: 'stranger',
    ...(filePath !== undefined && { filePath }),
  });
  for (const { manager } of [world, stranger]) {
    const whole = await manager.ledger.verify();
    expect(whole).toMatchObject({ ...CLEAN, checked: entries.length });
    if (filePath === undefined) expect(whole.file).toBeNull();
    else expect(whole.file).toEqual({ lines: entries.length, foreign: 0, torn: 0 });
    for (const userId of [...users, 'nobody']) {
      if (userId === '') continue;
      const checked = entries.filter((row) => row.userId === userId).length;
      expect(await manager.ledger.verify({ userId })).toMatchObject({ ...CLEAN, checked });
    }
  }
  return world.manager.ledger.verify();
}

describe.each([
  ['in memory', memoryDb],
  ['as JSON', jsonDb],
] as const)('the rich ledger %s', (_, make) => {
  test('without a file', async () => {
    await expectClean(await richWorld({ db: make() }), undefined);
  });

  test('with a file', async () => {
    const filePath = newFile();
    const world = await richWorld({ db: make(), filePath });
    await world.manager.ledger.reconcile();
    await expectClean(world, filePath);
  });

  test.each([1, 7, 61])('on pages of %i', async (most) => {
    const filePath = newFile();
    const world = await richWorld({ db: make(), filePath });
    await world.manager.ledger.reconcile();
    await expectClean(world, filePath, paged(world.db, most));
  });
});

test('the rich ledger has what this is about', async () => {
  const { db } = await richWorld();
  const entries = await entriesOf(db);
  const accounts = await rowsOf(db, 'account', 'created');
  const grants = await rowsOf(db, 'grant', 'account');
  const holds = await rowsOf(db, 'reservation', 'account');
  expect(new Set(entries.map((row) => row.account)).size).toBe(9);
  expect(accounts.filter((row) => row.visible === false)).toHaveLength(1);
  expect(new Set(entries.map((row) => row.eventType))).toEqual(new Set(['transaction', 'error', 'system']));
  expect(entries.filter((row) => row.idempotencyKey !== null).length).toBeGreaterThan(6);
  expect(new Set(holds.map((row) => row.status)).size).toBe(4);
  expect(holds.filter((row) => row.lateCharge !== null)).toHaveLength(1);
  // Reopened by a reversal: its row was written a third time.
  expect(grants.filter((row) => row.version > 2).length).toBeGreaterThan(0);
  expect(new Set(grants.map((row) => row.open)).size).toBe(2);
  expect(grants.filter((row) => (row.revoked as number) > 0).length).toBeGreaterThan(1);
  expect(grants.filter((row) => (row.expired as number) > 0).length).toBeGreaterThan(1);
  expect(entries.some((row) => (row.repaid as unknown[]).length > 0)).toBe(true);
  expect(entries.some((row) => (row.debtAfter as number) > 0)).toBe(true);
  expect(entries.some((row) => row.seq === 0 && row.id !== row.operationId)).toBe(true);
});

describe('histories longer than a page', () => {
  const run = async (seed: number, users: readonly string[], calls: number, db: AnyDb, filePath?: string) => {
    const world = openWorld({ db, ...(filePath !== undefined && { filePath }) });
    const random = randomOf(seed);
    const trail = newTrail();
    const now = () => world.clock.now();
    for (let i = 0; i < calls; i += 8) {
      // Eight at once: what waits for one account is decided and committed together.
      await Promise.all(Array.from({ length: 8 }, () => anyCall(world.manager, users, random, trail, now)));
      if (random(4) === 0) world.clock.advance({ seconds: random(40) });
    }
    return world;
  };

  test('one account of over a thousand entries', async () => {
    const filePath = newFile();
    const world = await run(1, ['hot'], 1_300, memoryDb(), filePath);
    const { checked } = await expectClean(world, filePath);
    expect(checked).toBeGreaterThan(1_000);
    await expectClean(world, filePath, paged(world.db, 97));
  });

  test('many accounts, over a thousand entries', async () => {
    const filePath = newFile();
    const users = Array.from({ length: 40 }, (_, i) => `user-${i}`);
    const { checked } = await expectClean(await run(2, users, 1_600, memoryDb(), filePath), filePath);
    expect(checked).toBeGreaterThan(1_000);
  });

  test.each([11, 12, 13, 14])('random traffic of a few users, seed %i', async (seed) => {
    await expectClean(await run(seed, ['a', 'b', 'c'], 240, memoryDb()), undefined);
  });
});

test('an empty ledger, with and without a file that does not exist', async () => {
  expect(await openWorld().manager.ledger.verify()).toMatchObject({ ...CLEAN, checked: 1, file: null });
  const filed = await openWorld({ filePath: newFile() }).manager.ledger.verify();
  expect(filed).toMatchObject({ ...CLEAN, checked: 1, file: { lines: 1, foreign: 0, torn: 0 } });
});

test('users whose names look like parts of one another, of keys and of lines', async () => {
  const filePath = newFile();
  const world = openWorld({ filePath });
  const users = ['u', 'uu', 'u/u', 'credits/u', '"user_id":"u"', 'u","x":"', 'ü😀', '\\', '__proto__', 'u '];
  for (const user of users) {
    await world.manager.credits.addCredits(user, 1, { metadata: { user_id: 'u', ledger_id: 'x' } });
    await world.manager.creditType('image').addCredits(user, 1, { idempotencyKey: 'k/k' });
    await world.manager.credits.deductCredits(user, 9).catch(() => {});
  }
  await expectClean(world, filePath);
});
