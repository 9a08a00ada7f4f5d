/** What a balance was or will be at an instant, against a plain fold of the history and against what then happened. */
import { describe, expect, test } from 'vitest';
import type { Row, UserCreditsInfo } from '../../src/index.js';
import {
  DAY,
  entriesOf,
  jsonDb,
  memoryDb,
  openWorld,
  richWorld,
  START,
  type World,
  wrapped,
} from '../support/audit-world.js';
import { anyCall, newTrail, randomOf } from './audit-traffic.js';

const UNIT = 1_000_000;
type Totals = Pick<UserCreditsInfo, 'balance' | 'reserved' | 'available' | 'debt'>;

/** Sums of the deltas that had taken effect by an instant; of debt the last word. */
function fold(rows: readonly Row[], at: number): Totals {
  let balance = 0;
  let reserved = 0;
  let debt = 0;
  for (const row of rows) {
    if (row.eventType !== 'transaction' || (row.at as Date).getTime() > at) continue;
    balance += row.delta as number;
    reserved += row.reservedDelta as number;
    debt = row.debtAfter as number;
  }
  const credits = (units: number) => units / UNIT;
  return {
    balance: credits(balance),
    reserved: credits(reserved),
    available: credits(balance - reserved),
    debt: credits(debt),
  };
}

const totalsOf = ({ balance, reserved, available, debt }: UserCreditsInfo): Totals => ({
  balance,
  reserved,
  available,
  debt,
});

/** Each instant of an account's history, one before and one after it, and in between. */
function instantsOf(rows: readonly Row[]): number[] {
  const exact = rows.map((row) => (row.at as Date).getTime());
  const between = exact.map((at, i) => Math.round((at + (exact[i + 1] ?? at)) / 2));
  return [...new Set([...exact, ...between, ...exact.flatMap((at) => [at - 1, at + 1])])].sort((a, b) => a - b);
}

/** Every account at every instant up to its last operation; how many questions were asked. */
async function expectPast({ manager, db }: World): Promise<number> {
  const all = await entriesOf(db);
  const accounts = [...new Set(all.map((row) => row.account as string))].filter((account) => account !== '');
  let asked = 0;
  for (const account of accounts) {
    const rows = all.filter((row) => row.account === account);
    const { creditType, userId } = rows[0] as { creditType?: string; userId?: string };
    const service = manager.creditType(creditType as 'image');
    const last = Math.max(...rows.filter((row) => row.seq !== 0).map((row) => (row.at as Date).getTime()));
    for (const at of [0, Date.parse('1970-01-01T00:00:00Z') - DAY, ...instantsOf(rows)]) {
      if (at > last) continue;
      const expected = fold(rows, at);
      for (const options of asked % 5 === 0 ? [{}, { fresh: true }] : [{}]) {
        const info = await service.getBalanceAt(userId as string, new Date(at), options);
        expect({ account, at, ...totalsOf(info) }).toEqual({ account, at, ...expected });
        expect(info).toMatchObject({ userId, creditType, asOf: new Date(at) });
        asked++;
      }
    }
  }
  return asked;
}

describe('the past', () => {
  test.each([
    ['in memory', memoryDb],
    ['as JSON', jsonDb],
  ] as const)('of the rich ledger, %s', async (_, make) => {
    const asked = await expectPast(await richWorld({ db: make() }));
    console.log(`${asked} instants asked for`);
    expect(asked).toBeGreaterThan(100);
  });

  test.each([1, 2, 3, 4])('of random traffic, seed %i', async (seed) => {
    const world = openWorld();
    const random = randomOf(seed);
    const trail = newTrail();
    for (let i = 0; i < 120; i++) {
      await anyCall(world.manager, ['a', 'b'], random, trail, () => world.clock.now());
      if (random(2) === 0) world.clock.advance({ seconds: random(60) });
    }
    expect(await expectPast(world)).toBeGreaterThan(100);
  });

  test('as a reader saw it then: what was answered at each moment is answered about it later', async () => {
    const world = openWorld();
    const random = randomOf(99);
    const trail = newTrail();
    const seen: [string, Date, Totals][] = [];
    for (let i = 0; i < 150; i++) {
      await anyCall(world.manager, ['a', 'b'], random, trail, () => world.clock.now());
      world.clock.advance({ seconds: 1 + random(50) });
      // At an instant of its own, so that nothing else happens at it.
      for (const user of ['a', 'b']) {
        const info = await world.manager.credits.getUserCreditsInfo(user);
        seen.push([user, info.asOf, totalsOf(info)]);
      }
      world.clock.advance({ seconds: 1 });
    }
    for (const [user, at, totals] of seen) {
      expect({ user, at, ...totalsOf(await world.manager.credits.getBalanceAt(user, at)) }).toEqual({
        user,
        at,
        ...totals,
      });
    }
  });

  test('of nobody, of somebody refused, and before the first entry: zeros, dated as asked', async () => {
    const { manager } = await richWorld();
    const zeros = { balance: 0, reserved: 0, available: 0, debt: 0 };
    for (const [user, at] of [
      ['nobody', '2030-01-05T00:00:00Z'],
      ['dan', '2030-01-05T00:00:00Z'],
      ['ann', '2029-12-31T23:59:59.999Z'],
      ['ann', '0001-01-01T00:00:00Z'],
    ] as const) {
      const info = await manager.credits.getBalanceAt(user, at);
      expect(info).toEqual({ userId: user, creditType: 'credits', ...zeros, asOf: new Date(at) });
    }
  });

  test('of an operation of many entries only the last is a state', async () => {
    const { manager, clock } = openWorld();
    const { credits } = manager;
    await credits.addCredits('u', 10);
    clock.advance({ hours: 1 });
    const hold = await credits.reserveCredits('u', 4);
    clock.advance({ minutes: 1 });
    const at = clock.now();
    await credits.commitReservedCredits(hold, { amount: 6, overage: 'charge' });
    expect(totalsOf(await credits.getBalanceAt('u', at))).toEqual({ balance: 4, reserved: 0, available: 4, debt: 0 });
    const before = await credits.getBalanceAt('u', new Date(at.getTime() - 1));
    expect(totalsOf(before)).toEqual({ balance: 10, reserved: 4, available: 6, debt: 0 });
  });
});

describe('the future', () => {
  test('schedules and expiries ahead: what is foretold is what comes, if nothing else happens', async () => {
    const { manager, clock } = openWorld();
    const { credits } = manager;
    const at = (days: number) => new Date(Date.parse(START) + days * DAY);
    await credits.addCredits('u', 10, { expiresAt: at(5) });
    await credits.addCredits('u', 20, { effectiveAt: at(2), expiresAt: at(8) });
    await credits.addCredits('u', 40, { effectiveAt: at(3) });
    await credits.deductCreditsAfterService('u', 25);
    await credits.reserveCredits('u', 1).catch(() => {});
    clock.advance({ hours: 50 });
    await credits.reserveCredits('u', 3, { ttlSeconds: 7 * 86_400 });
    const foretold: [Date, Totals][] = [];
    for (let hour = 51; hour < 24 * 12; hour += 3) {
      const when = at(hour / 24);
      const info = await credits.getBalanceAt('u', when);
      expect(info.asOf).toEqual(when);
      expect(totalsOf(await credits.getBalanceAt('u', when, { fresh: true }))).toEqual(totalsOf(info));
      foretold.push([when, totalsOf(info)]);
    }
    expect(new Set(foretold.map(([, totals]) => JSON.stringify(totals))).size).toBeGreaterThan(3);
    for (const [i, [when, totals]] of foretold.entries()) {
      clock.set(when);
      expect({ when, ...totalsOf(await credits.getUserCreditsInfo('u')) }).toEqual({ when, ...totals });
      // Whether a sweep wrote it meanwhile or not.
      if (i % 7 === 0) await credits.expireCredits('u');
    }
    for (const [when, totals] of foretold) {
      expect({ when, ...totalsOf(await credits.getBalanceAt('u', when)) }).toEqual({ when, ...totals });
    }
  });

  test('each account of the rich ledger, hour by hour for a hundred days', async () => {
    const world = await richWorld();
    const { manager, clock, db } = world;
    const now = clock.now().getTime();
    const users = ['ann', 'hal', 'bob', 'cat', 'dan', 'eve'];
    const foretold: [string, Date, Totals][] = [];
    for (let hour = 0; hour <= 100 * 24; hour += 7) {
      for (const user of users) {
        const when = new Date(now + hour * 3_600_000);
        foretold.push([user, when, totalsOf(await manager.credits.getBalanceAt(user, when))]);
      }
    }
    for (const [user, when, totals] of foretold) {
      clock.set(when);
      const info = await manager.credits.getUserCreditsInfo(user);
      expect({ user, when, ...totalsOf(info) }).toEqual({ user, when, ...totals });
    }
    for (const user of users) await manager.credits.expireCredits(user);
    const rows = await entriesOf(db);
    for (const [user, when, totals] of foretold) {
      const own = rows.filter((row) => row.account === `credits/${user}`);
      expect({ user, when, ...fold(own, when.getTime()) }).toEqual({ user, when, ...totals });
    }
    expect(await manager.ledger.verify()).toMatchObject({ ok: true });
  });

  test('asks change nothing: no entry, no row, however far ahead', async () => {
    const world = await richWorld();
    const before = JSON.stringify(await entriesOf(world.db));
    await world.manager.credits.getBalanceAt('ann', '9999-12-31T23:59:59.999Z', { fresh: true });
    expect(JSON.stringify(await entriesOf(world.db))).toBe(before);
  });
});

test('a question costs the account and at most one seek, whatever the length of the history', async () => {
  const inner = memoryDb();
  const reads: string[] = [];
  const counting = wrapped(inner, {
    getMany: (model, ...rest) => {
      reads.push(`getMany ${model}`);
      return inner.getMany(model, ...rest);
    },
    find: (model, query, options) => {
      reads.push(`find ${model} ${query.limit}`);
      return inner.find(model, query, options);
    },
  });
  const { manager, clock } = openWorld({ db: counting });
  await manager.credits.addCredits('u', 3_000);
  for (let i = 0; i < 30; i++) {
    await Promise.all(Array.from({ length: 20 }, () => manager.credits.deductCredits('u', 1)));
    clock.advance({ seconds: 1 });
  }
  reads.length = 0;
  await manager.credits.getBalanceAt('u', '2030-01-01T00:00:10Z');
  expect(reads).toEqual(['getMany account', 'find entry 1']);
  reads.length = 0;
  await manager.credits.getBalanceAt('u', '2031-01-01T00:00:00Z');
  expect(reads).toEqual(['getMany account']);
});

test('bad instants and users are INVALID_ARGUMENT and name which', async () => {
  const { manager } = openWorld();
  const bad: [unknown, unknown, string][] = [
    ['', START, 'userId'],
    ['u', '2030-02-30T00:00:00Z', 'instant'],
    ['u', '2030-01-01', 'instant'],
    ['u', 5, 'instant'],
    ['u', new Date(Number.NaN), 'instant'],
    ['u', undefined, 'instant'],
  ];
  for (const [user, instant, path] of bad) {
    const error = await manager.credits.getBalanceAt(user as string, instant as string).catch((cause) => cause);
    expect([error.code, error.details?.path]).toEqual(['INVALID_ARGUMENT', path]);
  }
});
