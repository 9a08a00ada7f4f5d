/** The ledger file changed behind the library's back: bytes, lines removed, exchanged, repeated, forged. */
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { sha256 } from '../../src/core/canonical-json.js';
import { entryBody, entryLine } from '../../src/core/entry-line.js';
import type { Row } from '../../src/index.js';
import type { EntryRow } from '../../src/models/entry.js';
import { amount, someOf } from '../support/amounts.js';
import { entriesOf, newFile, openWorld, richWorld, told, type World } from '../support/audit-world.js';
import { write } from './audit-tamper.js';

// Lines that are late are waited for; here none comes, and thousands of runs need not wait.
vi.mock('../../src/timers.js', async (original) => ({
  ...(await original<typeof import('../../src/timers.js')>()),
  sleep: async () => {},
}));

const BYTE_STEP = amount('CREDIT_BYTE_STEP');
const ROW_STEP = amount('CREDIT_ROW_STEP');

let world: World;
let filePath: string;
let whole: Buffer;
/** Every line with its newline, and the id of its entry. */
let lines: readonly Buffer[];
let ids: readonly string[];

beforeEach(async () => {
  filePath = newFile();
  world = await richWorld({ filePath });
  // With the claw-back, which no verb writes, and an entry that tells of it.
  expect(await world.manager.ledger.reconcile()).toEqual({ added: 1 });
  expect(await world.manager.ledger.verify()).toMatchObject({ ok: true, file: { foreign: 0, torn: 0 } });
  whole = readFileSync(filePath);
  lines = splitLines(whole);
  ids = lines.map((line) => JSON.parse(line.toString('utf8')).id);
  expect(new Set(ids).size).toBe(lines.length);
});

function splitLines(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(10, from) + 1;
    found.push(bytes.subarray(from, end));
    from = end;
  }
  return found;
}

async function verified(content: readonly Buffer[] | Buffer, options?: { userId: string }) {
  writeFileSync(filePath, Array.isArray(content) ? Buffer.concat(content) : (content as Buffer));
  return world.manager.ledger.verify(options);
}

/** The line with another byte at a place: another character, or one that is no UTF-8. */
function withByte(line: Buffer, at: number, how: 'near' | 'invalid' | 'newline'): Buffer {
  const changed = Buffer.from(line);
  const byte = line[at] as number;
  changed[at] = how === 'invalid' ? 0xff : how === 'newline' ? 0x0a : byte < 0x80 && byte !== 0x21 ? byte ^ 1 : 0x3f;
  return changed;
}

/** Of each type the longest line: their places among the lines. */
function samples(): number[] {
  const found = new Map<string, number>();
  for (const [i, line] of lines.entries()) {
    const { type } = JSON.parse(line.toString('utf8')).details;
    const best = found.get(type);
    if (best === undefined || (lines[best] as Buffer).length < line.length) found.set(type, i);
  }
  return [...found.values()];
}

describe('single bytes of a line of every type', () => {
  /**
   * The same place in every sampled line at once, newlines left out: each of their entries lacks its line, no other
   * does, and each changed line is named or, where it no longer tells this ledger's id, counted as foreign.
   */
  test.each(['near', 'invalid', 'newline'] as const)('changed to one that is %s', async (how) => {
    const sampled = samples();
    const longest = Math.max(...sampled.map((i) => (lines[i] as Buffer).length));
    // A near one most often; the others are all alike to a reader.
    const step = how === 'near' ? BYTE_STEP : 9 * BYTE_STEP;
    let checked = 0;
    for (let at = 0; at < longest - 1; at += step) {
      const here = sampled.filter((i) => at < (lines[i] as Buffer).length - 1);
      checked += here.length;
      const changed = lines.map((line, i) => (here.includes(i) ? withByte(line, at, how) : line));
      const report = await verified(changed);
      const missing = report.problems.filter(({ kind }) => kind === 'file_missing').map(({ id }) => id);
      expect({ at, missing: missing.sort() }).toEqual({ at, missing: here.map((i) => ids[i]).sort() });
      const others = report.problems.length - missing.length + (report.file?.foreign ?? 0) + (report.file?.torn ?? 0);
      // A newline in the middle makes two broken lines of one; the first is what a torn write would leave. At either
      // end it makes one.
      const ends = here.filter((i) => at === 0 || at === (lines[i] as Buffer).length - 2).length;
      if (how === 'newline') expect({ at, others }).toEqual({ at, others: 2 * here.length - ends });
      else expect({ at, others, torn: report.file?.torn }).toEqual({ at, others: here.length, torn: 0 });
    }
    console.log(`${sampled.length} lines, ${checked} bytes changed to ${how} ones`);
  });

  test('the newline itself: the entry, and the one it is glued to', async () => {
    for (const [i, line] of someOf([...lines.entries()], ROW_STEP, 1)) {
      for (const byte of i % 4 === 0 ? [0x20, 0x0d, 0x78, 0xff] : [0x78]) {
        const changed = Buffer.from(line);
        changed[line.length - 1] = byte;
        const report = await verified(lines.map((other, at) => (at === i ? changed : other)));
        expect(told(report)).toContain(`file_missing ${ids[i]}`);
        const other = told(report).filter((text) => !text.endsWith(` ${ids[i]}`) && !text.startsWith('file_damaged'));
        expect({ byte, other }).toEqual({ byte, other: i + 1 < ids.length ? [`file_missing ${ids[i + 1]}`] : [] });
      }
    }
  });

  test('alone, of one user: exactly that line and entry', async () => {
    const i = ids.indexOf('id-000004');
    const line = lines[i] as Buffer;
    const start = line.indexOf('"ledger_id"');
    const end = line.indexOf('"seq"');
    for (let at = 20; at < line.length - 1; at += 13) {
      const report = await verified(
        lines.map((other, j) => (j === i ? withByte(line, at, 'near') : other)),
        {
          userId: 'ann',
        },
      );
      const kinds = report.problems.filter(({ kind }) => kind !== 'file_missing');
      expect(told(report)).toContain('file_missing id-000004');
      // Its ledger or its user may be what was changed: then it is nobody's line.
      if (kinds.length > 0) expect(told(report)).toEqual(['file_differs id-000004', 'file_missing id-000004']);
      else expect((at >= start && at < end) || line.subarray(0, at).includes('"event_type"')).toBe(true);
      expect(told(await world.manager.ledger.verify({ userId: 'bob' }))).toEqual([]);
    }
  });
});

describe('whole lines', () => {
  test('each one removed', async () => {
    for (const [i, id] of someOf([...ids.entries()], ROW_STEP, 2)) {
      expect(told(await verified(lines.filter((_, at) => at !== i)))).toEqual([`file_missing ${id}`]);
    }
  });

  test('all removed, and the file removed', async () => {
    const all = ids.map((id) => `file_missing ${id}`).sort();
    expect(told(await verified(Buffer.alloc(0)))).toEqual(all);
    unlinkSync(filePath);
    const report = await world.manager.ledger.verify();
    expect(told(report)).toEqual(all);
    expect(report.file).toEqual({ lines: 0, foreign: 0, torn: 0 });
  });

  test('exchanged, reversed, repeated: order is not promised and a line may stand twice', async () => {
    expect(await verified(lines.toReversed())).toMatchObject({ ok: true });
    for (const [i, line] of someOf([...lines.entries()], ROW_STEP, 3)) {
      const j = (i * 7 + 3) % lines.length;
      const swapped = lines.map((other, at) => (at === i ? (lines[j] as Buffer) : at === j ? line : other));
      expect(await verified(swapped)).toMatchObject({ ok: true, problems: [] });
      expect(await verified([...lines, line])).toMatchObject({ ok: true, file: { lines: lines.length + 1 } });
    }
    expect(await verified([...lines, ...lines, ...lines])).toMatchObject({ ok: true, problems: [] });
  });

  test('repeated with a change in a byte: the copy is named although the line is there', async () => {
    const sampled = samples().slice(0, 6);
    const longest = Math.max(...sampled.map((i) => (lines[i] as Buffer).length));
    let checked = 0;
    for (let at = 0; at < longest - 1; at += 3 * BYTE_STEP) {
      const here = sampled.filter((i) => at < (lines[i] as Buffer).length - 1);
      const copies = here.map((i) => withByte(lines[i] as Buffer, at, at % 2 === 0 ? 'invalid' : 'near'));
      const report = await verified([...lines, ...copies]);
      checked += copies.length;
      const named = report.problems.length + (report.file?.foreign ?? 0);
      expect({ at, named, torn: report.file?.torn }).toEqual({ at, named: copies.length, torn: 0 });
      expect(report.problems.some(({ kind }) => kind === 'file_missing')).toBe(false);
    }
    console.log(`${checked} changed copies`);
  });

  test('a copy that is another text for the same value, or the same text in other bytes', async () => {
    const { credits } = world.manager;
    const { id } = await credits.addCredits('ann', 1, { description: 'a\u{fffd}é/' });
    await world.manager.ledger.verify();
    whole = readFileSync(filePath);
    const line = splitLines(whole).at(-1) as Buffer;
    const text = line.toString('utf8');
    const copies: Record<string, Buffer> = {
      escaped: Buffer.from(text.replace('é', '\\u00e9')),
      solidus: Buffer.from(text.replace('é/', 'é\\/')),
      spaced: Buffer.from(text.replace('{"id":', '{"id": ')),
      'a number in other words': Buffer.from(text.replace('"amount":1000000', '"amount":1e6')),
      'a key twice': Buffer.from(text.replace('"seq":', '"seq":0,"seq":')),
      trailing: Buffer.from(text.replace('\n', ' \n')),
      // Decoded by replacement it reads exactly as the entry does.
      'a broken byte for U+FFFD': Buffer.from(text.replace('\u{fffd}', '\u0001'), 'utf8').map((b) =>
        b === 1 ? 0xff : b,
      ) as Buffer,
    };
    for (const [what, copy] of Object.entries(copies)) {
      expect(copy.equals(line)).toBe(false);
      expect([what, ...told(await verified([whole, copy]))]).toEqual([what, `file_differs ${id}`]);
    }
  });
});

describe('lines with a right hash of their own', () => {
  const forgedOf = (row: Row, change: Partial<EntryRow>, ledgerId: string) => {
    const body = entryBody({ ...(row as unknown as EntryRow), ...change }, ledgerId);
    return Buffer.from(entryLine(body, sha256(body)));
  };

  test('of an entry that does not exist, or that says something else', async () => {
    const [settings] = await world.db.getMany('system', ['settings']);
    const { ledgerId } = (settings as Row).value as { ledgerId: string };
    const rows = await entriesOf(world.db);
    for (const row of someOf(rows, ROW_STEP, 4)) {
      const forged = forgedOf(row, { id: `${row.id}-forged` }, ledgerId);
      expect(told(await verified([...lines, forged]))).toEqual([`file_unknown ${row.id}-forged`]);
      const changed = forgedOf(row, { message: 'nothing happened' }, ledgerId);
      expect(told(await verified([...lines, changed]))).toEqual([`file_differs ${row.id}`]);
      const instead = lines.map((line, i) => (ids[i] === row.id ? changed : line));
      expect(told(await verified(instead))).toEqual([`file_differs ${row.id}`, `file_missing ${row.id}`]);
    }
  });

  test('of another ledger are counted, not judged, whatever they say', async () => {
    const rows = await entriesOf(world.db);
    const [settings] = await world.db.getMany('system', ['settings']);
    const { ledgerId } = (settings as Row).value as { ledgerId: string };
    const foreign = rows.map((row) => forgedOf(row, { metadata: { ledger_id: ledgerId } }, 'another'));
    const report = await verified([...foreign, ...lines, ...foreign]);
    expect(report).toMatchObject({ ok: true, file: { lines: lines.length + 2 * rows.length } });
    expect(report.file?.foreign).toBe(2 * rows.length);
  });

  test('of a user are told to that user alone', async () => {
    const rows = await entriesOf(world.db);
    const [settings] = await world.db.getMany('system', ['settings']);
    const { ledgerId } = (settings as Row).value as { ledgerId: string };
    const bob = rows.find((row) => row.userId === 'bob') as Row;
    const forged = forgedOf(bob, { id: 'forged', metadata: { user_id: 'ann' } }, ledgerId);
    expect(told(await verified([...lines, forged], { userId: 'bob' }))).toEqual(['file_unknown forged']);
    expect(told(await verified([...lines, forged], { userId: 'ann' }))).toEqual([]);
    expect(told(await verified([...lines, forged], { userId: 'bo' }))).toEqual([]);
  });

  test('of an entry that the database forgot together with its account', async () => {
    const { db } = world;
    for (const model of ['account', 'grant', 'entry'] as const) {
      const index = { account: 'created', grant: 'account', entry: 'history' }[model];
      const { rows } = await db.find(model, { index, limit: 1_000 });
      for (const row of rows) if (row.userId === 'eve') await write(db, model, row, null);
    }
    expect(told(await world.manager.ledger.verify({ userId: 'eve' }))).toEqual([`file_unknown ${eveId()}`]);
    expect(told(await world.manager.ledger.verify())).toEqual([`file_unknown ${eveId()}`]);
  });

  const eveId = () => ids.find((_, i) => lines[i]?.includes('"user_id":"eve"'));
});

describe('what is no line of a ledger', () => {
  const junk: Record<string, Buffer> = {
    'nothing but bytes': Buffer.from([0, 1, 2, 255, 254, 128, 10]),
    'a log of something else': Buffer.from('2030-01-01 INFO started\n'),
    'an open string': Buffer.from('"\n'),
    'a number': Buffer.from('17\n'),
    'a list': Buffer.from('[{"id":"id-000004"}]\n'),
    'a million braces': Buffer.from(`${'{'.repeat(1_000_000)}\n`),
    'nested deep': Buffer.from(`${'['.repeat(100_000)}${']'.repeat(100_000)}\n`),
    'a long id': Buffer.from(`{"id":"${'x'.repeat(400)}","ledger_id":"y`.concat('\n')),
    'a beginning that repeats': Buffer.from(`${'{"id":"'.repeat(20_000)}\n`),
    'an end that repeats': Buffer.from(`${`,"hash":"${'0'.repeat(64)}"}`.repeat(2_000)}\n`),
    'a key of the prototype': Buffer.from('{"id":"id-000004","__proto__":{"ledger_id":1}}\n'),
  };

  test.each(Object.keys(junk))('%s neither hides a line nor stops the run', async (what) => {
    const bytes = junk[what] as Buffer;
    for (const content of [
      [bytes, ...lines],
      [...lines, bytes],
      [...lines.slice(0, 9), bytes, ...lines.slice(9)],
    ]) {
      const report = await verified(content);
      expect(report.problems.filter(({ kind }) => kind !== 'file_damaged' && kind !== 'file_differs')).toEqual([]);
      expect(report.problemCount + (report.file?.foreign ?? 0) + (report.file?.torn ?? 0)).toBe(1);
    }
  });

  test('blank lines are nothing', async () => {
    const blank = Buffer.from('\n\n');
    const report = await verified([blank, ...lines.flatMap((line) => [line, blank])]);
    expect(report).toMatchObject({ ok: true, problems: [], file: { lines: lines.length, foreign: 0, torn: 0 } });
  });
});

test('a second manager without the file sees a clean database throughout', async () => {
  writeFileSync(filePath, 'gone\n');
  const without = openWorld({ db: world.db, clock: world.clock, prefix: 'other' });
  expect(await without.manager.ledger.verify()).toMatchObject({ ok: true, file: null });
});
