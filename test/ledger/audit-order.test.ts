/** Entries removed, exchanged, moved, rewritten with a right hash: the chain, the account row or the file must tell. */
import { describe, expect, test, vi } from 'vitest';
import { sha256 } from '../../src/core/canonical-json.js';
import { entryBody } from '../../src/core/entry-line.js';
import type { Row } from '../../src/index.js';
import { type EntryRow, scopedKeyOf } from '../../src/models/entry.js';
import { amount, someOf } from '../support/amounts.js';
import {
  type AnyDb,
  entriesOf,
  newFile,
  openWorld,
  richWorld,
  rowsOf,
  told,
  type World,
} from '../support/audit-world.js';
import { during, modelOf, names, otherValue, partOf, write } from './audit-tamper.js';

// Lines that are late are waited for; here none comes, and thousands of runs need not wait.
vi.mock('../../src/timers.js', async (original) => ({
  ...(await original<typeof import('../../src/timers.js')>()),
  sleep: async () => {},
}));

const ROW_STEP = amount('CREDIT_ROW_STEP');

async function ledgerIdOf(db: AnyDb): Promise<string> {
  const [settings] = await db.getMany('system', ['settings']);
  return ((settings as Row).value as { ledgerId: string }).ledgerId;
}

/** The row with the hash that belongs to it. */
function rehashed(row: Row, ledgerId: string): Row {
  return { ...row, hash: sha256(entryBody(row as unknown as EntryRow, ledgerId)) };
}

/** With its file, which a run of `reconcile` has completed. */
async function filed(): Promise<World> {
  const world = await richWorld({ filePath: newFile() });
  await world.manager.ledger.reconcile();
  expect(await world.manager.ledger.verify()).toMatchObject({ ok: true });
  return world;
}

function swapBoth(swapped: (a: EntryRow, b: EntryRow) => EntryRow, a: Row, b: Row): [Row, Row] {
  const [x, y] = [a, b] as unknown as [EntryRow, EntryRow];
  return [swapped(x, y), swapped(y, x)] as unknown as [Row, Row];
}

const inChain = (row: Row) => row.eventType === 'transaction';

describe('an entry removed', () => {
  test('each one, without a file: the next of its account or the account is named', async () => {
    const { db, manager } = await richWorld();
    const entries = await entriesOf(db);
    const silent: string[] = [];
    for (const row of someOf(entries, ROW_STEP, 3)) {
      const next = entries.find(({ account, seq }) => account === row.account && seq === (row.seq as number) + 1);
      const ids = [row.account as string, ...(next ? [next.id as string] : [])];
      const report = await during(db, 'entry', [[row, null]], () => manager.ledger.verify());
      // Refusals are counted by their account. Acts of the library have no account: only a file can tell.
      if (row.eventType === 'system') expect(report.ok).toBe(true);
      else if (!names(report, ids)) silent.push(`${row.id}: ${told(report)}`);
    }
    expect(silent).toEqual([]);
  });

  test('each one, with a file: it is named itself, refusals and acts of the library too', async () => {
    const { db, manager } = await filed();
    const entries = await entriesOf(db);
    expect(entries.filter((row) => row.eventType === 'error').length).toBeGreaterThan(3);
    expect(entries.filter((row) => row.eventType === 'system').length).toBeGreaterThan(1);
    const silent: string[] = [];
    for (const row of someOf(entries, ROW_STEP, 4)) {
      for (const options of row.userId === '' ? [{}] : [{}, { userId: row.userId as string }]) {
        const report = await during(db, 'entry', [[row, null]], () => manager.ledger.verify(options));
        if (!told(report).includes(`file_unknown ${row.id}`)) silent.push(`${row.id}: ${told(report)}`);
      }
    }
    expect(silent).toEqual([]);
  });
});

describe('two entries of an account exchanged', () => {
  /** Each keeps some fields and takes the others from its partner. */
  const swaps: Record<string, (a: EntryRow, b: EntryRow) => EntryRow> = {
    contents: (a, b) => ({ ...b, id: a.id, scopedKey: b.scopedKey }),
    seq: (a, b) => ({ ...a, seq: b.seq }),
    at: (a, b) => ({ ...a, at: b.at }),
    'hash and prev': (a, b) => ({ ...a, hash: b.hash, prev: b.prev }),
  };

  for (const [what, swapped] of Object.entries(swaps)) {
    test(`their ${what}, each pair`, async () => {
      const { db, manager } = await richWorld();
      const entries = await entriesOf(db);
      let checked = 0;
      const silent: string[] = [];
      for (const [i, a] of entries.entries()) {
        const others = entries.slice(i + 1).filter((row) => row.account === a.account);
        for (const b of someOf(others, ROW_STEP, i)) {
          const [x, y] = swapBoth(swapped, a, b);
          if (JSON.stringify([x, y]) === JSON.stringify([a, b])) continue;
          checked++;
          // A key is unique: it cannot stand twice for a moment, so both go before both come.
          const changes = [
            [a, null],
            [b, null],
            [null, x],
            [null, y],
          ] as const;
          const options = checked % 25 === 0 ? {} : partOf(a, 'seq');
          const report = await during(db, 'entry', changes, () => manager.ledger.verify(options));
          if (!names(report, [a.id as string]) || !names(report, [b.id as string])) {
            silent.push(`${a.id} and ${b.id}: ${told(report)}`);
          }
        }
      }
      console.log(`${checked} pairs with their ${what} exchanged`);
      expect(checked).toBeGreaterThan(300 / ROW_STEP);
      expect(silent).toEqual([]);
    });
  }
});

test('an entry moved to another account, as it is or with a right hash and right columns', async () => {
  const { db, manager } = await richWorld();
  const ledgerId = await ledgerIdOf(db);
  const entries = await entriesOf(db);
  const silent: string[] = [];
  let checked = 0;
  for (const row of entries.filter(inChain)) {
    const { id, account: from } = row as unknown as EntryRow;
    for (const [creditType, userId] of [
      ['credits', 'bob'],
      ['image', 'ann'],
      ['credits', 'dan'],
      ['credits', 'new'],
    ]) {
      const account = `${creditType}/${userId}`;
      if (account === from) continue;
      const moved = { ...row, account, creditType, userId } as Row;
      const key = row.idempotencyKey as string | null;
      const scopedKey = key === null ? null : scopedKeyOf(account, row.operation as string, key);
      for (const after of [moved, rehashed({ ...moved, scopedKey }, ledgerId)]) {
        const report = await during(db, 'entry', [[row, after]], () => manager.ledger.verify());
        checked++;
        const here = entries.filter((entry) => entry.account === from).map((entry) => entry.id as string);
        if (!names(report, [id, account]) || !names(report, [from, ...here])) silent.push(`${id}: ${told(report)}`);
      }
    }
  }
  console.log(`${checked} moves`);
  expect(silent).toEqual([]);
});

describe('an entry changed and its hash made right again', () => {
  const columns = Object.keys(modelOf('entry').fields).filter((field) => field !== 'hash');

  test('each column of each entry in a chain: the next one or the account tells', async () => {
    const { db, manager } = await richWorld();
    const ledgerId = await ledgerIdOf(db);
    const entries = await entriesOf(db);
    const silent: string[] = [];
    let checked = 0;
    for (const row of someOf(entries.filter(inChain), ROW_STEP, 1)) {
      const next = entries.find(({ account, seq }) => account === row.account && seq === (row.seq as number) + 1);
      for (const field of columns) {
        const after = rehashed({ ...row, [field]: otherValue('entry', row, field) } as Row, ledgerId);
        if (after.hash === row.hash) continue;
        const report = await during(db, 'entry', [[row, after]], () => manager.ledger.verify(partOf(row, field)));
        checked++;
        if (next && !names(report, [next.id as string])) silent.push(`${row.id} ${field}: ${told(report)}`);
        if (!next && !names(report, [row.account as string])) silent.push(`${row.id} ${field}: ${told(report)}`);
      }
    }
    console.log(`${checked} columns changed with their hash`);
    expect(checked).toBeGreaterThan(100);
    expect(silent).toEqual([]);
  });

  test('each column of each entry, hash left as it is: the entry is named', async () => {
    const { db, manager } = await richWorld();
    const silent: string[] = [];
    let checked = 0;
    for (const row of someOf(await entriesOf(db), ROW_STEP, 2)) {
      for (const field of ['version', ...columns, 'hash']) {
        const after = { ...row, [field]: otherValue('entry', row, field) } as Row;
        const report = await during(db, 'entry', [[row, after]], () => manager.ledger.verify(partOf(row, field)));
        checked++;
        if (!names(report, [after.id as string])) silent.push(`${row.id} ${field}: ${told(report)}`);
      }
    }
    console.log(`${checked} columns changed`);
    expect(checked).toBeGreaterThan(100);
    expect(silent).toEqual([]);
  });

  test('a refusal or an act of the library: only the file can tell, and does', async () => {
    const { db, manager } = await filed();
    const ledgerId = await ledgerIdOf(db);
    for (const row of (await entriesOf(db)).filter((entry) => !inChain(entry))) {
      const after = rehashed({ ...row, message: 'nothing happened' }, ledgerId);
      const report = await during(db, 'entry', [[row, after]], () => manager.ledger.verify());
      expect(told(report)).toEqual([`file_differs ${row.id}`, `file_missing ${row.id}`]);
    }
  });

  test('the whole chain and the account row rewritten consistently: only the file can tell', async () => {
    const { db, manager, clock } = await filed();
    const ledgerId = await ledgerIdOf(db);
    const changes: [Row, Row][] = [];
    let prev: string | null = null;
    for (const row of (await entriesOf(db)).filter((entry) => entry.account === 'credits/ann' && inChain(entry))) {
      const description = row.seq === 5 ? 'a lie' : row.description;
      const after = rehashed({ ...row, description, prev } as Row, ledgerId);
      prev = after.hash as string;
      changes.push([row, after]);
    }
    const account = (await db.getMany('account', ['credits/ann']))[0] as Row;
    const both = () =>
      during(db, 'account', [[account, { ...account, hash: prev }]], async () => ({
        withFile: await manager.ledger.verify(),
        without: await openWorld({ db, clock, prefix: 'other' }).manager.ledger.verify(),
      }));
    const { withFile, without } = await during(db, 'entry', changes, both);
    expect(told(without)).toEqual([]);
    const later = changes.slice(4).map(([row]) => row.id as string);
    const expected = later.flatMap((id) => [`file_differs ${id}`, `file_missing ${id}`]);
    expect(told(withFile)).toEqual(expected.sort());
  });
});

describe('the tail of a history removed together with every trace of it', () => {
  /** `u` did much; `other` is left alone. Answers the rows of `u` before and after its last two operations. */
  async function truncated(filePath?: string) {
    const world = openWorld({ ...(filePath !== undefined && { filePath }) });
    const { db, manager } = world;
    const { credits } = manager;
    await credits.addCredits('other', 1);
    await credits.addCredits('u', 10);
    await credits.deductCredits('u', 3);
    const models = ['account', 'grant', 'entry'] as const;
    const index = { account: 'created', grant: 'account', entry: 'history' };
    const state = async () => {
      const found = new Map<string, Row>();
      for (const model of models) {
        for (const row of await rowsOf(db, model, index[model])) found.set(`${model} ${row.id}`, row);
      }
      return found;
    };
    const before = await state();
    const tail = [
      await credits.deductCredits('u', 2),
      await credits.addCredits('u', 5),
      await credits.addCredits('u', 1),
    ];
    const after = await state();
    for (const model of models) {
      for (const [key, row] of after) {
        const old = before.get(key) ?? null;
        if (!key.startsWith(model) || JSON.stringify(old) === JSON.stringify(row)) continue;
        await write(db, model, row, old);
      }
    }
    return { world, tail: tail.map(({ id }) => id) };
  }

  test('nothing in the database tells', async () => {
    const { world } = await truncated();
    expect(await world.manager.ledger.verify()).toMatchObject({ ok: true, problems: [] });
  });

  test('the file names each entry that is gone', async () => {
    const { world, tail } = await truncated(newFile());
    const expected = tail.map((id) => `file_unknown ${id}`);
    expect(told(await world.manager.ledger.verify())).toEqual(expected);
    expect(told(await world.manager.ledger.verify({ userId: 'u' }))).toEqual(expected);
    expect(told(await world.manager.ledger.verify({ userId: 'other' }))).toEqual([]);
  });
});
