/** Rows beside the entries: accounts, grants, reservations. Whatever changes in one of them is named. */
import { describe, expect, test } from 'vitest';
import type { Row } from '../../src/index.js';
import { type AnyDb, openWorld, richWorld, rowsOf, told, type World } from '../support/audit-world.js';
import {
  BYTE_STEP,
  during,
  type ModelName,
  modelOf,
  names,
  newTally,
  otherValue,
  tamperBytes,
} from './audit-tamper.js';

const accountsOf = (db: AnyDb) => rowsOf(db, 'account', 'created');
const grantsOf = (db: AnyDb) => rowsOf(db, 'grant', 'account');
const holdsOf = (db: AnyDb) => rowsOf(db, 'reservation', 'account');

/** Parts of an open grant are those of the account document: its row has them as they were last written. */
const PARTS = ['remaining', 'held', 'expired', 'expiredLate', 'revoked'];
/** The number of commits that wrote an account is told by no entry. */
const NOT_TOLD: Record<ModelName, (row: Row, field: string) => boolean> = {
  entry: () => false,
  account: (_, field) => field === 'version',
  grant: (row, field) => row.open === true && PARTS.includes(field),
  reservation: () => false,
};

/** Totals that name another entry than the last are those of an older version: they are counted, and not believed. */
function leavesTotalsBehind(row: Row, changed: Row): boolean {
  const { totals } = (changed.numbers ?? {}) as { totals?: { seq?: unknown } };
  return changed.seq === row.seq && totals !== undefined && totals?.seq !== row.seq;
}

async function bytesOf(model: ModelName, rows: (world: World) => Promise<Row[]>, least: number): Promise<void> {
  const world = await richWorld();
  const tally = newTally();
  for (const row of await rows(world)) {
    const account = (row.account ?? row.id) as string;
    const skip = ({ field, row: changed }: { field: string; row: Row }) =>
      NOT_TOLD[model](row, field) || leavesTotalsBehind(row, changed);
    const ids = ({ row: changed }: { row: Row }) => [row.id as string, account, String(changed.id)];
    await tamperBytes(world, model, row, ids, tally, skip);
  }
  console.log(`${model}: ${tally.checked} bytes changed, ${tally.fixed} that no byte can replace`);
  expect(tally.silent).toEqual([]);
  expect(tally.checked).toBeGreaterThan(least / BYTE_STEP);
  expect(await world.manager.ledger.verify()).toMatchObject({ ok: true });
}

/** Gives every declared field of every row another value, one at a time. */
async function fieldsOf(model: ModelName, rows: (db: AnyDb) => Promise<Row[]>): Promise<void> {
  const world = await richWorld();
  const { db, manager } = world;
  const silent: string[] = [];
  let checked = 0;
  for (const row of await rows(db)) {
    for (const field of ['version', ...Object.keys(modelOf(model).fields)]) {
      if (NOT_TOLD[model](row, field) || (model === 'account' && row.visible === false)) continue;
      const after = { ...row, [field]: otherValue(model, row, field) } as Row;
      const report = await during(db, model, [[row, after]], () => manager.ledger.verify());
      checked++;
      const ids = [row.id, row.account, after.id].filter((id) => typeof id === 'string');
      if (!names(report, ids)) silent.push(`${row.id} ${field}: ${told(report)}`);
    }
  }
  console.log(`${model}: ${checked} fields changed`);
  expect(silent).toEqual([]);
}

/** Removes each row, one at a time. */
async function removalsOf(model: ModelName, rows: (db: AnyDb) => Promise<Row[]>): Promise<void> {
  const { db, manager } = await richWorld();
  const silent: string[] = [];
  const all = await rows(db);
  for (const row of all) {
    const report = await during(db, model, [[row, null]], () => manager.ledger.verify());
    if (!names(report, [row.id as string])) silent.push(`${row.id}: ${told(report)}`);
  }
  console.log(`${model}: ${all.length} rows removed`);
  expect(silent).toEqual([]);
}

describe('an account row', () => {
  test('each byte changed', () => bytesOf('account', ({ db }) => fullest(db), 1_500));
  test('each field changed', () => fieldsOf('account', accountsOf));
  test('removed', () => removalsOf('account', visible));

  test('removed, of an account that only refusals tell of', async () => {
    const { db, manager } = await richWorld();
    const dan = (await accountsOf(db)).filter((row) => row.userId === 'dan').map((row) => [row, null] as const);
    expect(dan).toHaveLength(1);
    const reports = () => Promise.all([manager.ledger.verify(), manager.ledger.verify({ userId: 'dan' })]);
    const [whole, own] = await during(db, 'account', dan, reports);
    expect([told(whole), told(own)]).toEqual([['account credits/dan'], ['account credits/dan']]);
  });

  test('a user is checked when the row that tells of the credit type is gone or tells another', async () => {
    const { db, manager } = openWorld();
    await manager.credits.addCredits('u', 10);
    const row = (await accountsOf(db))[0] as Row;
    for (const after of [null, { ...row, creditType: 'image' }, { ...row, creditType: 'creditz' }]) {
      const report = await during(db, 'account', [[row, after]], () => manager.ledger.verify({ userId: 'u' }));
      expect(told(report)).toContain('account credits/u');
    }
  });

  test('rolled back to each of its older versions', async () => {
    const { db, manager } = openWorld();
    const { credits } = manager;
    const versions: Row[] = [];
    const keep = async () => versions.push(...(await db.getMany('account', ['credits/u'])).flatMap((row) => row ?? []));
    await credits.addCredits('u', 10);
    await keep();
    const hold = await credits.reserveCredits('u', 2);
    await keep();
    await credits.deductCredits('u', 3);
    await keep();
    await credits.releaseReservedCredits(hold);
    await keep();
    await credits.deductCredits('u', 7);
    await keep();
    const now = versions.pop() as Row;
    for (const old of versions) {
      for (const options of [{}, { userId: 'u' }]) {
        const report = await during(db, 'account', [[now, old]], () => manager.ledger.verify(options));
        expect([old.seq, ...told(report)]).toContain('account credits/u');
      }
    }
    expect(await manager.ledger.verify()).toMatchObject({ ok: true, problems: [] });
  });

  test('rolled back across a refusal, which moved nothing but its version', async () => {
    const { db, manager } = openWorld();
    await manager.credits.addCredits('u', 10);
    const [old] = (await db.getMany('account', ['credits/u'])) as [Row];
    await manager.credits.deductCredits('u', 99).catch(() => {});
    const [now] = (await db.getMany('account', ['credits/u'])) as [Row];
    const numbers = { ...(old.numbers as object), refusals: 1 };
    expect(now).toEqual({ ...old, numbers, version: now.version });
    expect(now.version).toBeGreaterThan(old.version);
    const report = await during(db, 'account', [[now, old]], () => manager.ledger.verify());
    expect(told(report)).toEqual(['account credits/u']);
  });

  test('of an account whose every entry was removed', async () => {
    const { db, manager } = await richWorld();
    const silent: string[] = [];
    for (const account of await visible(db)) {
      const entries = (await rowsOf(db, 'entry', 'history')).filter((row) => row.account === account.id);
      const gone = entries.map((row) => [row, null] as const);
      const reports = () =>
        Promise.all([manager.ledger.verify(), manager.ledger.verify({ userId: account.userId as string })]);
      for (const report of await during(db, 'entry', gone, reports)) {
        if (!names(report, [account.id as string])) silent.push(`${account.id}: ${told(report)}`);
      }
    }
    expect(silent).toEqual([]);
  });
});

describe('a grant row', () => {
  test('each byte changed', () => bytesOf('grant', ({ db }) => samples(db, 'open'), 400));
  test('each field changed', () => fieldsOf('grant', grantsOf));
  test('removed', () => removalsOf('grant', grantsOf));
  test('that no entry made', () => forged('grant', grantsOf));
});

describe('a reservation row', () => {
  test('each byte changed', () => bytesOf('reservation', ({ db }) => samples(db, 'status'), 1_000));
  test('each field changed', () => fieldsOf('reservation', holdsOf));
  test('removed', () => removalsOf('reservation', holdsOf));
  test('that no entry made', () => forged('reservation', holdsOf));

  test('its status exchanged for any other', async () => {
    const { db, manager } = await richWorld();
    const silent: string[] = [];
    for (const row of await holdsOf(db)) {
      for (const status of ['active', 'committed', 'released', 'expired'].filter((other) => other !== row.status)) {
        const report = await during(db, 'reservation', [[row, { ...row, status }]], () => manager.ledger.verify());
        if (!names(report, [row.id as string])) silent.push(`${row.id} ${row.status} to ${status}`);
      }
    }
    expect(silent).toEqual([]);
  });

  /** Every row but the right one of a hold that was charged late. */
  function wrongOf(row: Row): Row[] {
    const versions = [0, 1, 2, 3, 4].filter((version) => version !== row.version);
    const lateCharge = { ...(row.lateCharge as object), entryId: 'id-000004' };
    return [
      ...versions.map((version) => ({ ...row, version })),
      ...[1, 2, 3].map((version) => ({ ...row, lateCharge: null, version })),
      { ...row, lateCharge } as Row,
    ];
  }

  test('a late charge taken back from the row could be charged twice', async () => {
    const swept = openWorld();
    const { credits } = swept.manager;
    await credits.addCredits('u', 9);
    const hold = await credits.reserveCredits('u', 2);
    swept.clock.advance({ hours: 1 });
    await credits.expireCredits('u');
    await credits.commitReservedCredits(hold, { ifExpired: 'charge' });
    // In one operation with its end, and in one of its own.
    for (const [{ db, manager }, version] of [
      [await richWorld(), 2],
      [swept, 3],
    ] as const) {
      const [row, ...others] = (await holdsOf(db)).filter((one) => one.lateCharge !== null) as [Row, ...Row[]];
      expect([row.version, others]).toEqual([version, []]);
      for (const after of wrongOf(row)) {
        const report = await during(db, 'reservation', [[row, after]], () => manager.ledger.verify());
        expect([after, ...told(report)]).toContain(`hold ${row.id}`);
      }
    }
  });
});

test('the rows of two accounts, grants or reservations exchanged', async () => {
  const { db, manager } = await richWorld();
  const silent: string[] = [];
  let checked = 0;
  const swaps = [
    ['account', await visible(db)],
    ['grant', (await grantsOf(db)).slice(0, 8)],
    ['reservation', (await holdsOf(db)).slice(0, 6)],
  ] as const;
  for (const [model, rows] of swaps) {
    for (const [i, a] of rows.entries()) {
      for (const b of rows.slice(i + 1)) {
        // Each keeps its key and takes everything else from the other.
        const changes = [
          [a, { ...b, id: a.id }],
          [b, { ...a, id: b.id }],
        ] as never;
        const report = await during(db, model, changes, () => manager.ledger.verify());
        checked++;
        if (!names(report, [a.id as string]) || !names(report, [b.id as string])) {
          silent.push(`${model} ${a.id} and ${b.id}: ${told(report)}`);
        }
      }
    }
  }
  console.log(`${checked} pairs of rows exchanged`);
  expect(silent).toEqual([]);
});

const visible = async (db: AnyDb) => (await accountsOf(db)).filter((row) => row.visible === true);

/** The account with every option, and the one with open grants and holds. */
async function fullest(db: AnyDb): Promise<Row[]> {
  const rows = (await visible(db)).filter(({ id }) => ['credits/ann', 'credits/hal'].includes(id as string));
  expect(rows).toHaveLength(2);
  return rows;
}

/** One row of every value that a field has. */
async function samples(db: AnyDb, field: 'open' | 'status'): Promise<Row[]> {
  const rows = field === 'open' ? await grantsOf(db) : await holdsOf(db);
  const found = new Map(rows.map((row) => [row[field], row]));
  expect(found.size).toBe(field === 'open' ? 2 : 4);
  return [...found.values()];
}

/** A copy of a real row under an id of its own. */
async function forged(model: ModelName, rows: (db: AnyDb) => Promise<Row[]>): Promise<void> {
  const { db, manager } = await richWorld();
  for (const row of await rows(db)) {
    const report = await during(db, model, [[null, { ...row, id: 'forged' }]], () => manager.ledger.verify());
    expect(told(report).join()).toMatch(/forged|credits\/|image\//);
  }
}
