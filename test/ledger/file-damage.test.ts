/** Damage in the middle of a file: named by verify, outlived by reconcile, gone after rebuildFile. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createCreditManagement, type DbManager, type MemorySession, type Problem } from '../../src/index.js';
import { SEED } from '../support/chance.js';
import { randomSource } from '../support/chaos.js';
import { QUIET } from '../support/quiet.js';
import { copyOf, LastingDb, openFile } from './file-folder.js';
import { bytesOf, judge, parsed, splitLines } from './file-oracle.js';

const NEWLINE = Buffer.from('\n');
const FLIPS = 100;
const db = new LastingDb();
let lines: Buffer[] = [];
let ids: string[] = [];

beforeEach(async () => {
  if (lines.length > 0) return;
  const place = mkdtempSync(join(tmpdir(), 'credit-file-'));
  const filePath = join(place, 'ledger.jsonl');
  const { credits, close } = createCreditManagement<DbManager<MemorySession>>({
    db,
    logger: QUIET,
    ledger: { filePath },
  });
  for (let i = 0; i < 6; i++) await credits.addCredits('u', 5, { description: `n ${i} é 漢`, metadata: { id: 'x' } });
  await credits.deductCredits('v', 7).catch(() => {});
  const hold = await credits.reserveCredits('u', 12);
  await credits.commitReservedCredits(hold, { amount: 7 });
  await credits.transferCredits({ from: 'u', to: 'v', amount: 6 });
  await close();
  lines = splitLines(bytesOf(filePath)).whole.map((line) => Buffer.from(line));
  ids = lines.map((line) => parsed(line.toString('utf8'))?.id as string);
  rmSync(place, { recursive: true });
});

const fileOf = (all: readonly Buffer[]) => Buffer.concat(all.flatMap((line) => [line, NEWLINE]));
const told = (problems: readonly Problem[]) => problems.map(({ kind, id }) => `${kind} ${id}`).sort();

/** The lines with the n-th replaced by others. */
function withLine(n: number, ...others: Buffer[]): Buffer {
  return fileOf([...lines.slice(0, n), ...others, ...lines.slice(n + 1)]);
}

/** Verifies a damaged file, reconciles and rebuilds it; what verify said at first and after reconcile. */
async function damage(bytes: Buffer): Promise<{ first: string[]; added: number; left: string[] }> {
  const opened = openFile({ db: await copyOf(db), ledger: { fsync: 'never' } });
  const { manager, path } = opened;
  writeFileSync(path, bytes);
  const first = await manager.ledger.verify();
  expect(first.ok).toBe(first.problemCount === 0);
  expect(bytesOf(path).equals(bytes), 'verify changes nothing').toBe(true);
  const { added } = await manager.ledger.reconcile();
  const left = await manager.ledger.verify();
  const repaired = bytesOf(path);
  expect(repaired.subarray(0, bytes.length).equals(bytes), 'nothing is cut').toBe(true);
  expect((await judge(opened.db, path)).missing).toEqual([]);
  const { replaced } = await manager.ledger.rebuildFile();
  expect(bytesOf(replaced as string).equals(repaired), 'the damaged file is kept').toBe(true);
  expect((await manager.ledger.verify()).problems).toEqual([]);
  expect(await judge(opened.db, path)).toMatchObject({ missing: [], strange: [], torn: 0, foreign: 0, repeated: 0 });
  await manager.close();
  return { first: told(first.problems), added, left: told(left.problems) };
}

/** A line with fields of the content changed, and with the hash of its new bytes. */
function forged(line: Buffer, change: (value: Record<string, unknown>) => object): Buffer {
  const value = JSON.parse(line.toString('utf8')) as Record<string, unknown>;
  const { hash: _, ...rest } = { ...value, ...change(value) } as Record<string, unknown>;
  const body = JSON.stringify(rest);
  return Buffer.from(`${body.slice(0, -1)},"hash":"${createHash('sha256').update(body).digest('hex')}"}`);
}

describe('named by verify, filled by reconcile', () => {
  test('an intact file has nothing to be named', async () => {
    expect(await damage(fileOf(lines))).toEqual({ first: [], added: 0, left: [] });
  });

  test('a line that was taken out', async () => {
    const taken = [0, 4, lines.length - 1];
    const seen = await Promise.all(taken.map((n) => damage(withLine(n))));
    expect(seen).toEqual(taken.map((n) => ({ first: [`file_missing ${ids[n]}`], added: 1, left: [] })));
  });

  test('a zeroed block in a line, over the end of a line, and over whole lines', async () => {
    const bytes = fileOf(lines);
    const starts = lines.map((_, i) => fileOf(lines.slice(0, i)).length);
    const inside = Buffer.from(bytes).fill(0, (starts[3] as number) + 200, (starts[3] as number) + 300);
    expect(await damage(inside)).toEqual({
      first: told([problem('file_differs', ids[3]), problem('file_missing', ids[3])]),
      added: 1,
      left: [`file_differs ${ids[3]}`],
    });
    const over = Buffer.from(bytes).fill(0, (starts[4] as number) - 50, (starts[4] as number) + 50);
    const seen = await damage(over);
    expect(seen.added).toBe(2);
    expect(seen.first).toEqual(expect.arrayContaining([`file_missing ${ids[3]}`, `file_missing ${ids[4]}`]));
    expect(seen.left).toEqual([`file_differs ${ids[3]}`]);
    const whole = Buffer.from(bytes).fill(0, starts[5], starts[8]);
    expect(await damage(whole)).toMatchObject({ added: 4 });
  });

  test('a forged line with the right hash of its bytes and an id that nobody has', async () => {
    const extra = forged(lines[2] as Buffer, () => ({ id: '01a1fe81-0000-7000-8000-000000000000' }));
    const seen = await damage(fileOf([...lines.slice(0, 5), extra, ...lines.slice(5)]));
    const unknown = 'file_unknown 01a1fe81-0000-7000-8000-000000000000';
    expect(seen).toEqual({ first: [unknown], added: 0, left: [unknown] });
  });

  test('a forged line with the right hash of its bytes in the place of an entry, and beside it', async () => {
    const richer = forged(lines[2] as Buffer, ({ details }) => ({ details: { ...(details as object), amount: 9e9 } }));
    const replaced = await damage(withLine(2, richer));
    expect(replaced).toEqual({
      first: told([problem('file_differs', ids[2]), problem('file_missing', ids[2])]),
      added: 1,
      left: [`file_differs ${ids[2]}`],
    });
    const beside = await damage(fileOf([...lines, richer]));
    expect(beside).toEqual({ first: [`file_differs ${ids[2]}`], added: 0, left: [`file_differs ${ids[2]}`] });
  });

  test('a line with the hash of another', async () => {
    const [a, b] = [lines[2] as Buffer, lines[3] as Buffer];
    const mixed = Buffer.concat([a.subarray(0, -67), b.subarray(-67)]);
    expect((await damage(withLine(2, mixed))).first).toEqual(
      told([problem('file_differs', ids[2]), problem('file_missing', ids[2])]),
    );
  });

  test('lines in another order, and lines that stand twice, are nothing', async () => {
    expect(await damage(fileOf([...lines].reverse()))).toEqual({ first: [], added: 0, left: [] });
    expect(await damage(fileOf([...lines, ...lines]))).toEqual({ first: [], added: 0, left: [] });
  });

  test('text of somebody else in the middle', async () => {
    const seen = await damage(withLine(4, lines[4] as Buffer, Buffer.from('Traceback (most recent call last):')));
    expect(seen).toEqual({ first: ['file_damaged line 6'], added: 0, left: ['file_damaged line 6'] });
  });

  test('an empty file, and one of blank lines', async () => {
    const missing = ids.map((id) => `file_missing ${id}`).sort();
    const seen = await Promise.all([damage(Buffer.alloc(0)), damage(Buffer.from('\n\n\n'))]);
    expect(seen).toEqual(seen.map(() => ({ first: missing, added: ids.length, left: [] })));
  });
});

function problem(kind: Problem['kind'], id: string | undefined): Problem {
  return { kind, id: id as string, message: '' };
}

test('every single flipped bit is named with its entry, wherever it falls', async () => {
  const random = randomSource(SEED);
  const bytes = fileOf(lines);
  let newlines = 0;
  const flip = async (): Promise<void> => {
    const at = Math.floor(random() * bytes.length);
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] as number) ^ (1 << Math.floor(random() * 8));
    // Nothing is written to the database here, so that all may share it.
    const { manager, path } = openFile({ db });
    writeFileSync(path, damaged);
    const { problems, file } = await manager.ledger.verify();
    const n = bytes.subarray(0, at).filter((byte) => byte === 10).length;
    if (bytes[at] === 10 || damaged[at] === 10) newlines++;
    const missing = problems.filter(({ kind }) => kind === 'file_missing').map(({ id }) => id);
    expect(missing, `seed ${SEED}, bit at ${at}`).toContain(ids[n]);
    // Its line is named too, unless the bit makes it one of another ledger, or leaves nothing but a beginning.
    const others = problems.length - missing.length + (file?.foreign ?? 0) + (file?.torn ?? 0);
    expect(others, `seed ${SEED}, bit at ${at}`).toBeGreaterThan(0);
  };
  for (let i = 0; i < FLIPS; i += 50) await Promise.all(Array.from({ length: 50 }, flip));
  console.log(`flipped bits: seed ${SEED}, ${FLIPS}, ${newlines} of them newlines made or unmade`);
});

test('verify of one user names what is wrong with that user alone', async () => {
  const { manager, path } = openFile({ db: await copyOf(db) });
  const n = lines.findIndex((line) => line.includes('"user_id":"v"') && line.includes('"event_type":"error"'));
  writeFileSync(path, withLine(n));
  expect((await manager.ledger.verify({ userId: 'u' })).problems).toEqual([]);
  expect(told((await manager.ledger.verify({ userId: 'v' })).problems)).toEqual([`file_missing ${ids[n]}`]);
});
