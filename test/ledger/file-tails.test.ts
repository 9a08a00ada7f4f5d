/** The end of a file after a crash: torn at every byte, filled with zeros or garbage, glued, repeated. */
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Problem } from '../../src/index.js';
import { copyOf, forEach, type LastingDb, openFile, someLengths } from './file-folder.js';
import { bytesOf, judge, splitLines } from './file-oracle.js';

interface Story {
  readonly db: LastingDb;
  readonly bytes: Buffer;
  /** The lines with their newlines. */
  readonly lines: readonly Buffer[];
  /** A path for another file. */
  readonly next: () => string;
}

/** A short ledger whose last line has characters of one to four bytes in it. */
async function tell(): Promise<Story> {
  const { credits, manager, db, path } = openFile();
  await credits.addCredits('u', 5);
  await credits.deductCredits('u', 9).catch(() => {});
  await credits.deductCredits('u', 2, { description: 'é 漢 😀', idempotencyKey: 'k', metadata: { '"': '\n' } });
  await manager.close();
  const bytes = bytesOf(path);
  const lines = splitLines(bytes).whole.map((line) => Buffer.concat([line, Buffer.from('\n')]));
  let files = 0;
  return { db: db as LastingDb, bytes, lines, next: () => `${path}.${++files}` };
}

interface Seen {
  readonly problems: readonly Problem[];
  readonly added: number;
  readonly torn: number;
  readonly file: Buffer;
}

/**
 * Another process finds `bytes`, writes (or not), and reconciles. Whatever it found still stands, and all entries have
 * their line; what verify says is given back.
 */
async function repair(story: Story, bytes: Buffer, how: { write: boolean }): Promise<Seen> {
  const db = await copyOf(story.db);
  const path = story.next();
  writeFileSync(path, bytes);
  const { manager, credits } = openFile({ db, path, ledger: { fsync: 'never' } });
  if (how.write) await credits.addCredits('u', 1);
  const { added } = await manager.ledger.reconcile();
  const { problems, file } = await manager.ledger.verify();
  await manager.close();
  const after = bytesOf(path);
  expect(after.subarray(0, bytes.length).equals(bytes), 'nothing is cut').toBe(true);
  if (after.length > bytes.length) expect(after.at(-1), 'what was added is ended').toBe(10);
  expect((await judge(db, path)).missing).toEqual([]);
  return { problems, added, torn: file?.torn ?? Number.NaN, file: after };
}

describe.each([
  { write: true, step: 1 },
  { write: false, step: 4 },
])('when the next process writes: $write', (how) => {
  test(`a last line torn at every byte (step ${how.step}) is closed off, counted, and written again`, async () => {
    const story = await tell();
    const [last] = story.lines.slice(-1) as [Buffer];
    const start = story.bytes.length - last.length;
    const lengths = someLengths(last.length, how.step);
    await forEach(lengths, async (length) => {
      const seen = await repair(story, story.bytes.subarray(0, start + length), how);
      // Nothing of it is no piece; all of it but the newline is no piece as soon as somebody ends it.
      const torn = length > 0 && length < last.length - 1 ? 1 : 0;
      expect({ length, problems: seen.problems, torn: seen.torn }).toEqual({ length, problems: [], torn });
    });
    console.log(`torn tails: ${lengths.length} lengths`);
  });

  test('a file that is torn at every byte of its first line is filled again', async () => {
    const story = await tell();
    const [first] = story.lines as [Buffer];
    await forEach(someLengths(first.length, how.step * 3), async (length) => {
      const seen = await repair(story, first.subarray(0, length), how);
      expect({ length, problems: seen.problems }).toEqual({ length, problems: [] });
    });
  });

  test.each([1, 2, 511, 4096])('a tail of %i zeros is named and stays', async (count) => {
    const story = await tell();
    const seen = await repair(story, Buffer.concat([story.bytes, Buffer.alloc(count)]), how);
    const problem = { kind: 'file_damaged', id: `line ${story.lines.length + 1}`, message: expect.any(String) };
    expect(seen.problems).toEqual([problem]);
  });

  test('a torn line whose rest is zeros is named, and its entry written again', async () => {
    const story = await tell();
    const bytes = Buffer.from(story.bytes).fill(0, story.bytes.length - 100);
    const seen = await repair(story, bytes, how);
    expect(seen.problems).toEqual([expect.objectContaining({ kind: 'file_differs' })]);
  });

  test.each([
    ['text', Buffer.from('not a line of anything')],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x80, 0x01, 0x22, 0x7b, 0xc3])],
    ['the beginning of another JSON', Buffer.from('{"level":30,"time":17')],
    ['a bracket', Buffer.from('[1,2,')],
  ])('a tail of garbage is named and stays: %s', async (_, garbage) => {
    const story = await tell();
    const seen = await repair(story, Buffer.concat([story.bytes, garbage]), how);
    expect(seen.problems.map(({ kind, id }) => [kind, id])).toEqual([
      ['file_damaged', `line ${story.lines.length + 1}`],
    ]);
  });

  test('a missing last newline is added, and nothing is said', async () => {
    const story = await tell();
    const seen = await repair(story, story.bytes.subarray(0, -1), how);
    expect(seen).toMatchObject({ problems: [], torn: 0 });
  });

  test('a last line that stands twice is nothing', async () => {
    const story = await tell();
    const seen = await repair(story, Buffer.concat([story.bytes, story.lines.at(-1) as Buffer]), how);
    expect(seen).toMatchObject({ problems: [], torn: 0 });
  });

  test('blank lines are nothing', async () => {
    const story = await tell();
    const blank = Buffer.from('\n');
    const seen = await repair(story, Buffer.concat([blank, ...story.lines.flatMap((line) => [line, blank])]), how);
    expect(seen).toMatchObject({ problems: [], torn: 0 });
    expect(seen.file.length).toBe(
      story.bytes.length + story.lines.length + 1 + (how.write ? lastLength(seen.file) : 0),
    );
  });

  test('an entry whose line is glued to another is missing until it has a line of its own', async () => {
    const story = await tell();
    const [first, second, ...others] = story.lines as [Buffer, Buffer, ...Buffer[]];
    // No reader of lines can see either of them.
    const both = await repair(story, Buffer.concat([first.subarray(0, -1), second, ...others]), how);
    expect(both).toMatchObject({ problems: [], torn: 2, added: 2 });
    const one = await repair(story, Buffer.concat([first.subarray(0, -40), second, ...others]), how);
    expect(one).toMatchObject({ problems: [], torn: 2, added: 2 });
    const none = await repair(story, Buffer.concat([...story.lines, first.subarray(0, 300), first]), how);
    expect(none).toMatchObject({ problems: [], torn: 2, added: 0 });
    const all = story.lines.map((line, i) => (i < story.lines.length - 1 ? line.subarray(0, -1) : line));
    expect(await repair(story, Buffer.concat(all), how)).toMatchObject({ problems: [], added: story.lines.length });
  });

  test('a byte order mark at the start costs the first line, which is written again', async () => {
    const story = await tell();
    const seen = await repair(story, Buffer.concat([Buffer.from('\ufeff'), story.bytes]), how);
    expect(seen).toMatchObject({ problems: [], added: 1 });
    expect(seen.torn).toBeGreaterThan(0);
  });

  test('lines that somebody ended in CR LF are named, and each entry has a line of its own bytes again', async () => {
    const story = await tell();
    const seen = await repair(story, Buffer.from(story.bytes.toString('utf8').replaceAll('\n', '\r\n')), how);
    expect(seen.problems.map(({ kind }) => kind)).toEqual(story.lines.map(() => 'file_differs'));
    expect(seen.problems[0]?.message).toMatch(/line 1\b/);
  });
});

function lastLength(file: Buffer): number {
  return file.length - (file.lastIndexOf(10, -2) + 1);
}

test('verify says the same of a tail before and after somebody closes it off', async () => {
  for (const tail of ['garbage', '\0\0\0\0', '{"id":"', '{"level":30}']) {
    const story = await tell();
    const path = story.next();
    writeFileSync(path, Buffer.concat([story.bytes, Buffer.from(tail)]));
    const { manager } = openFile({ db: await copyOf(story.db), path });
    const open = await manager.ledger.verify();
    appendFileSync(path, '\n');
    const closed = await manager.ledger.verify();
    expect({ tail, problems: open.problems, ...counts(open) }).toEqual({
      tail,
      problems: closed.problems,
      ...counts(closed),
    });
  }
});

function counts({ file }: { file: { torn: number; foreign: number } | null }) {
  return { torn: file?.torn, foreign: file?.foreign };
}

test('verify counts a torn tail and names the entry that lacks its line, before anything is repaired', async () => {
  const story = await tell();
  const path = story.next();
  writeFileSync(path, story.bytes);
  truncateSync(path, story.bytes.length - 60);
  const { manager } = openFile({ db: await copyOf(story.db), path });
  const report = await manager.ledger.verify();
  expect(report).toMatchObject({ ok: false, file: { torn: 1, foreign: 0 } });
  expect(report.problems.map(({ kind }) => kind)).toEqual(['file_missing']);
  expect(bytesOf(path).length).toBe(story.bytes.length - 60);
});

test('whoever closes off a torn line says so once', async () => {
  const story = await tell();
  const path = story.next();
  writeFileSync(path, story.bytes.subarray(0, -60));
  const { credits, manager, log } = openFile({ db: await copyOf(story.db), path });
  await credits.addCredits('u', 1);
  await credits.addCredits('u', 1);
  await manager.close();
  expect(log).toEqual(['The last line of the ledger file was torn; it now ends with a newline']);
});
