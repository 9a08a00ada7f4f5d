/** Rows the verifier cannot make sense of: each is named, none stops the run, what else is wrong is still found. */
import { describe, expect, test, vi } from 'vitest';
import type { Row, VerifyReport } from '../../src/index.js';
import { type AnyDb, jsonDb, memoryDb, newFile, openWorld, rowsOf, told, type World } from '../support/audit-world.js';
import { during, type ModelName, modelOf, write } from './audit-tamper.js';

// Lines that are late are waited for; here none comes.
vi.mock('../../src/timers.js', async (original) => ({
  ...(await original<typeof import('../../src/timers.js')>()),
  sleep: async () => {},
}));

const NEVER = new Date(Number.NaN);
const LONG_AGO = new Date(-8.64e15);
const LAST = new Date(8.64e15);

/** `a` did much and is made a mess of; `b` has a changed message, which must be told in any case. */
async function messy(db: AnyDb): Promise<World & { ofA: (model: ModelName) => Promise<Row[]>; changed: string }> {
  const world = openWorld({ db, filePath: newFile() });
  const { credits } = world.manager;
  await credits.createAccount('a', { trialCredits: 3, overdraftLimit: 5 });
  await credits.addCredits('a', 10, { expiresAt: '2031-01-01T00:00:00Z', metadata: { k: 1 } });
  const hold = await credits.reserveCredits('a', 4);
  await credits.commitReservedCredits(hold, { amount: 1, final: false, idempotencyKey: 'k' });
  await credits.commitReservedCredits(hold, { amount: 2 });
  const spent = await credits.deductCredits('a', 2);
  await credits.reverseTransaction(spent.id, { amount: 1 });
  await credits.deductCredits('a', 99).catch(() => {});
  const open = await credits.reserveCredits('a', 1);
  await credits.extendReservation(open, { ttlSeconds: 3600 });
  await credits.transferCredits({ from: 'a', to: 'b', amount: 1 });
  const { id: changed } = await credits.addCredits('b', 1);
  await credits.addCredits('c', 1);
  expect(await world.manager.ledger.verify()).toMatchObject({ ok: true });
  const [row] = await db.getMany('entry', [changed]);
  await write(db, 'entry', row as Row, { ...row, message: 'changed' } as Row);
  const index = { account: 'created', entry: 'history', grant: 'account', reservation: 'account' } as const;
  const ofA = async (model: ModelName) => (await rowsOf(db, model, index[model])).filter((one) => one.userId === 'a');
  return { ...world, ofA, changed };
}

type Garbage = Record<string, Record<string, unknown>>;

const any: readonly unknown[] = [null, 0, -1, 1.5, 2 ** 60, 'x', '', true, [], {}, [null], { x: { y: [] } }, NEVER];

/** Every field given every kind of value, and what is only wrong in combination. */
const entries: Garbage = {
  'draws of nothing': { draws: [null] },
  'draws of no grant': { draws: [{ grantId: null, amount: null }] },
  'draws of an unknown grant': { draws: [{ grantId: 'g-none', amount: 1 }] },
  'draws of texts': { draws: [{ grantId: 'g', amount: '1' }] },
  'draws as an object': { draws: { length: 1, 0: { grantId: 'x', amount: 1 } } },
  'draws that call': { draws: [{ grantId: { toString: null }, amount: {} }] },
  'repaid by itself': { repaid: [{ grantId: '__proto__', amount: 1 }] },
  'details of another type': { details: { grant: 1, grants: 1, freed: 1, final: 1, options: 1, reservation: 1 } },
  'details of nulls': { details: { grant: null, grants: [null], freed: [null], reservation: null, options: null } },
  'details without terms': { details: { grant: {}, grants: [{}], freed: [{}], reservation: {}, options: {} } },
  'details that free what nobody holds': { details: { final: true, freed: [{ grantId: 'g-none', amount: 5 }] } },
  'a hold nobody has': { reservationId: 'r-none' },
  'no hold': { reservationId: null },
  'no grant': { grantId: null },
  'another type': { type: 'commit_reserved' },
  'an unknown type': { type: 'bribe' },
  'another event type': { eventType: 'system' },
  'an unknown event type': { eventType: 'nothing' },
  'a refusal in the chain': { eventType: 'error' },
  'long ago': { at: LONG_AGO },
  'at the end of time': { at: LAST },
  'beyond all amounts': { amount: 2 ** 53, delta: -(2 ** 53), balanceAfter: Number.MAX_VALUE },
  'no numbers': { amount: 'x', delta: null, reservedDelta: {}, balanceAfter: [], seq: 'one' },
  'huge sequence': { seq: Number.MAX_SAFE_INTEGER },
  'negative sequence': { seq: -5 },
  'no hash': { hash: null },
  'a hash of nothing': { hash: '' },
  'a short hash': { hash: 'abc' },
  'a hash that is no hex': { hash: 'z'.repeat(64) },
  'a hash that is a number': { hash: 7 },
  'a prototype in its metadata': { metadata: JSON.parse('{"__proto__":{"polluted":1}}') },
};

const accounts: Garbage = {
  'no state': { state: null },
  'an empty state': { state: {} },
  'a state of nulls': { state: { grants: null, holds: null, options: null, trialAmount: null, created: null } },
  'grants of null': { state: { grants: [null], holds: [null], options: {}, trialAmount: 0, created: 0 } },
  'a state that is a text': { state: 'x' },
  'long ago': { at: LONG_AGO },
  'later than everything': { at: LAST, seq: 999 },
  'no instants': { at: null, createdAt: null, dueAt: NEVER },
  'another sequence and no instant': { seq: 99, at: null },
  'another sequence and none at all': { seq: 99, at: NEVER },
  'no sequence': { seq: null },
  'a sequence that is a text': { seq: 'nine' },
  'no credit type': { creditType: null },
  'another credit type': { creditType: 'zzz' },
  'an empty credit type': { creditType: '' },
  'no user': { userId: null },
  'visibility unknown': { visible: null },
};

const everyField = (fields: readonly string[]): Garbage =>
  Object.fromEntries(
    fields.flatMap((field) =>
      any.map((value) => [
        `${field} ${value instanceof Date ? 'no instant' : JSON.stringify(value)}`,
        { [field]: value },
      ]),
    ),
  );

function judge(what: string, report: VerifyReport | Error, ids: readonly string[], changed: string): string[] {
  if (report instanceof Error) return [`${what}: ${report}`];
  const found = told(report);
  const isNamed = report.problems.some(({ id }) => ids.includes(id));
  const other = found.includes(`hash ${changed}`);
  const texts = report.problems.every(({ kind, id, message }) =>
    [kind, id, message].every((x) => typeof x === 'string'),
  );
  return isNamed && other && texts ? [] : [`${what}: ${isNamed} ${other} ${texts} ${found}`];
}

/** JSON columns hold JSON, in which no value is an instant; a version that is an object could not be put back. */
const isPossible = (model: ModelName, field: string, value: unknown) =>
  (!(value instanceof Date) || modelOf(model).fields[field]?.kind !== 'json') &&
  (field !== 'version' || typeof value !== 'object' || value === null);

const same = (a: unknown, b: unknown) =>
  JSON.stringify(a) === JSON.stringify(b) || (a ?? null) === (b ?? null) || (a instanceof Date && a === b);

/** Puts garbage into each row of `a` in turn; answers what was not named, or hid what is wrong elsewhere. */
async function mess(make: () => AnyDb, model: ModelName, garbage: Garbage, step: number): Promise<[string[], number]> {
  const world = await messy(make());
  const { db, manager, changed } = world;
  const wrong: string[] = [];
  let count = 0;
  for (const row of await world.ofA(model)) {
    for (const [what, change] of Object.entries(garbage)) {
      if (Object.entries(change).every(([field, value]) => same(row[field], value))) continue;
      if (Object.entries(change).some(([field, value]) => !isPossible(model, field, value))) continue;
      if (count++ % step !== 0) continue;
      const after = { ...row, ...change } as Row;
      const owner = (model === 'account' ? row.id : row.account) as string;
      const ids = [row.id as string, String(after.id), owner];
      const run = () => manager.ledger.verify().catch((error: unknown) => error as Error);
      const report = await during(db, model, [[row, after]], run);
      wrong.push(...judge(`${row.id} ${what}`, report, ids, changed));
    }
  }
  expect(await manager.ledger.verify()).toMatchObject({ problemCount: 1 });
  return [wrong, Math.ceil(count / step)];
}

describe.each([
  ['in memory', memoryDb, 1],
  ['as JSON', jsonDb, 7],
] as const)('garbage %s', (_, make, step) => {
  test('in an entry', async () => {
    const [wrong, count] = await mess(make, 'entry', entries, step);
    console.log(`${count} entries made garbage`);
    expect(wrong).toEqual([]);
  });

  test('in an account row', async () => {
    const [wrong, count] = await mess(make, 'account', accounts, 1);
    console.log(`${count} account rows made garbage`);
    expect(wrong).toEqual([]);
  });

  test('in every column of an entry, an account, a grant, a reservation', async () => {
    const columns: Record<ModelName, readonly string[]> = {
      entry: ['seq', 'at', 'draws', 'repaid', 'details', 'metadata', 'hash', 'type', 'operationId', 'creditType'],
      account: ['seq', 'at', 'hash', 'state', 'creditType', 'createdAt', 'dueAt', 'balance', 'visible'],
      grant: ['version', 'account', 'amount', 'effectiveAt', 'expiresAt', 'open', 'source', 'planId'],
      reservation: ['version', 'account', 'amount', 'status', 'expiresAt', 'closing', 'lateCharge', 'closedAt'],
    };
    let all = 0;
    for (const [model, fields] of Object.entries(columns)) {
      const name = model as ModelName;
      const [wrong, count] = await mess(make, name, everyField(fields), name === 'entry' ? 5 * step : step);
      expect(wrong).toEqual([]);
      all += count;
    }
    console.log(`${all} columns made garbage`);
  });
});

test('every entry of a user made garbage at once', async () => {
  const { db, manager, ofA, changed } = await messy(memoryDb());
  const rows = await ofA('entry');
  const changes = rows.map((row, i) => [row, { ...row, ...Object.values(entries)[i % 31] } as Row] as const);
  const report = await during(db, 'entry', changes, () => manager.ledger.verify());
  const ids = new Set(report.problems.map(({ id }) => id));
  expect(rows.filter((row) => !ids.has(row.id as string))).toEqual([]);
  expect(told(report)).toContain(`hash ${changed}`);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});
