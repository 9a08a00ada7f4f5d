/** A path that others write to as well, and a file that is written anew. */
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { sleep } from '../support/wait.js';
import { caughtUp, folder, forEach, openFile, someLengths } from './file-folder.js';
import { bytesOf, idsIn, judge, splitLines, textsOf } from './file-oracle.js';

const LOGS = [
  { level: 30, time: 1_700_000_000_000, pid: 7, msg: 'started' },
  { id: 'not-an-entry', event_type: 'transaction', ledger_id: 'another', details: {} },
  { id: 5, nested: { id: 'x', hash: 'y' } },
  {},
].map((value) => `${JSON.stringify(value)}\n`);

test('two ledgers on one path count each other and judge only themselves', async () => {
  const path = join(folder(), 'shared.jsonl');
  const one = openFile({ path });
  const two = openFile({ path });
  for (let i = 0; i < 10; i++) {
    await Promise.all([one.credits.addCredits('u', 1), two.credits.addCredits('u', 2)]);
  }
  await Promise.all([caughtUp(one), caughtUp(two)]);
  for (const { manager, db } of [one, two]) {
    expect(await manager.ledger.verify()).toMatchObject({ ok: true, file: { lines: 22, foreign: 11, torn: 0 } });
    expect(await manager.ledger.reconcile()).toEqual({ added: 0 });
    expect(await judge(db, path)).toEqual({ missing: [], strange: [], torn: 0, foreign: 11, repeated: 0 });
  }
  expect(await one.manager.ledger.verify({ userId: 'u' })).toMatchObject({ ok: true });
});

test('lines of other programs are counted and stay untouched, also by reconcile', async () => {
  const path = join(folder(), 'shared.jsonl');
  writeFileSync(path, LOGS.join(''));
  const opened = openFile({ path });
  for (let i = 0; i < 4; i++) {
    await opened.credits.addCredits('u', 1);
    await caughtUp(opened);
    appendFileSync(path, LOGS[i] as string);
  }
  const before = bytesOf(path);
  expect(await opened.manager.ledger.reconcile()).toEqual({ added: 0 });
  expect(bytesOf(path).equals(before)).toBe(true);
  expect(await opened.manager.ledger.verify()).toMatchObject({ ok: true, file: { lines: 13, foreign: 8, torn: 0 } });
});

test('a line of another ledger that speaks of ours in its metadata is still foreign', async () => {
  const path = join(folder(), 'shared.jsonl');
  const ours = openFile({ path });
  await ours.credits.addCredits('u', 1);
  await caughtUp(ours);
  const { ledger_id } = JSON.parse(textsOf(path)[0] as string);
  const theirs = openFile({ path });
  await theirs.credits.addCredits('u', 1, { metadata: { ledger_id, event_type: 'transaction', id: idsIn(path)[0]! } });
  await caughtUp(theirs);
  expect(await ours.manager.ledger.verify()).toMatchObject({ ok: true, file: { lines: 4, foreign: 2 } });
  expect(await theirs.manager.ledger.verify()).toMatchObject({ ok: true, file: { lines: 4, foreign: 2 } });
});

test("another ledger's last line torn at every byte does not make ours wrong", async () => {
  const place = folder();
  const other = openFile({ path: join(place, 'other.jsonl') });
  await other.credits.addCredits('u', 5, { description: 'é 漢 😀' });
  await other.manager.close();
  const { whole } = splitLines(bytesOf(other.path));
  const last = whole.at(-1) as Buffer;
  const ours = openFile({ path: join(place, 'ours.jsonl') });
  await ours.credits.addCredits('u', 1);
  await caughtUp(ours);
  const own = bytesOf(ours.path);
  await forEach(someLengths(last.length - 1), async (length) => {
    const path = join(place, `ours-${length}.jsonl`);
    writeFileSync(path, Buffer.concat([own, last.subarray(0, length)]));
    const { problems } = await openFile({ db: ours.db, path }).manager.ledger.verify();
    expect({ length, problems }).toEqual({ length, problems: [] });
  });
  writeFileSync(ours.path, Buffer.concat([last.subarray(0, 300), Buffer.from('\n'), own]));
  expect(await ours.manager.ledger.verify()).toMatchObject({ ok: true, file: { lines: 3 } });
});

describe('rebuildFile', () => {
  test('writes every entry in order and keeps the old file beside, foreign lines and damage included', async () => {
    const opened = openFile();
    const { credits, manager, db, path } = opened;
    for (let i = 0; i < 30; i++) await credits.addCredits('u', 1);
    await caughtUp(opened);
    appendFileSync(path, `${LOGS.join('')}damage\n`);
    const before = bytesOf(path);
    expect((await manager.ledger.verify()).ok).toBe(false);
    const { lines, replaced } = await manager.ledger.rebuildFile();
    expect(lines).toBe(31);
    expect(bytesOf(replaced as string).equals(before)).toBe(true);
    expect(dirname(replaced as string)).toBe(dirname(path));
    expect(await manager.ledger.verify()).toMatchObject({ ok: true, file: { foreign: 0, torn: 0 } });
    expect(await judge(db, path)).toMatchObject({ missing: [], strange: [], repeated: 0 });
    const times = textsOf(path).map((text) => JSON.parse(text).created_at as string);
    expect(times).toEqual([...times].sort());
    expect(readdirSync(dirname(path)).sort()).toEqual(['ledger.jsonl', replaced?.split('/').at(-1)].sort());
  });

  test('under load loses nothing: what was committed meanwhile stands in the new file', async () => {
    const opened = openFile();
    const other = openFile({ db: opened.db, path: opened.path });
    let stopped = false;
    const loops = [opened, other].map(async ({ credits }, i) => {
      for (let n = 0; !stopped; n++) await credits.addCredits(`u${i}-${n % 9}`, 1);
    });
    for (let i = 0; i < 6; i++) {
      await sleep(40);
      await [opened, other][i % 2]?.manager.ledger.rebuildFile();
    }
    stopped = true;
    await Promise.all(loops);
    await Promise.all([caughtUp(opened), caughtUp(other)]);
    expect(await judge(opened.db, opened.path)).toMatchObject({ missing: [], strange: [], torn: 0 });
    expect(readdirSync(dirname(opened.path)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('twice in one instant keeps both old files', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2030-01-01T00:00:00Z') });
    try {
      const { credits, manager, path } = openFile();
      await credits.addCredits('u', 1);
      const kept = [];
      for (let i = 0; i < 3; i++) kept.push((await manager.ledger.rebuildFile()).replaced);
      kept.push(...(await Promise.all([1, 2, 3].map(() => manager.ledger.rebuildFile()))).map((done) => done.replaced));
      expect(new Set(kept).size).toBe(6);
      for (const file of kept) expect(existsSync(file as string)).toBe(true);
      expect(readdirSync(dirname(path)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('without an old file makes one, readable by its owner alone', async () => {
    const { credits, manager, db } = openFile();
    await credits.addCredits('u', 1);
    await manager.close();
    const path = join(folder(), 'deep', 'new.jsonl');
    const again = openFile({ db, path });
    expect(await again.manager.ledger.rebuildFile()).toEqual({ lines: 2, replaced: null });
    expect(await again.manager.ledger.verify()).toMatchObject({ ok: true });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('that fails leaves the file and the folder as they were', async () => {
    const { credits, manager, path, db } = openFile();
    await credits.addCredits('u', 1);
    await manager.ledger.verify();
    const before = readFileSync(path);
    const signal = AbortSignal.abort();
    await expect(manager.ledger.rebuildFile({ signal })).rejects.toMatchObject({ code: 'ABORTED' });
    const find = db.find.bind(db);
    db.find = () => Promise.reject(new Error('gone'));
    await expect(manager.ledger.rebuildFile()).rejects.toThrow();
    db.find = find;
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(dirname(path))).toEqual(['ledger.jsonl']);
  });
});
