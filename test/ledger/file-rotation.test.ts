/** Files that are renamed, removed or copied away under load, and folders that come and go. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { sleep, until } from '../support/wait.js';
import { caughtUp, folder, type Opened, openFile } from './file-folder.js';
import { entriesOf, idsIn, judge, splitLines } from './file-oracle.js';

/** Calls on several users until it is stopped; each must succeed. */
function load({ credits }: Opened): { stop(): Promise<number> } {
  let stopped = false;
  const loop = async (user: string) => {
    let calls = 0;
    for (; !stopped; calls++) await credits.addCredits(user, 1, { description: `call ${calls}` });
    return calls;
  };
  // Accounts keep few grants: what is added repays debt.
  const loops = ['a', 'b', 'c', 'd'].map(async (user) => {
    await credits.deductCreditsAfterService(user, 1_000_000);
    return loop(user);
  });
  return {
    async stop() {
      stopped = true;
      return (await Promise.all(loops)).reduce((sum, calls) => sum + calls, 0);
    },
  };
}

test('a file that is renamed under load is followed by a new one; no line is lost, and the order stays', async () => {
  const opened = openFile();
  const { manager, db, path, log } = opened;
  const running = load(opened);
  const rotated: string[] = [];
  for (let i = 1; i <= 12; i++) {
    await sleep(40 + i * 3);
    await until(() => existsSync(path) && statSync(path).size > 0, 'the new file is written');
    renameSync(path, `${path}.${i}`);
    rotated.push(`${path}.${i}`);
  }
  await until(() => existsSync(path), 'the last new file is written');
  const calls = await running.stop();
  await caughtUp(opened);
  const together = join(dirname(path), 'together');
  const files = [...rotated, path];
  for (const file of files) {
    const { whole, tail } = splitLines(readFileSync(file));
    expect(tail.length, `${file} ends in a newline`).toBe(0);
    expect(whole.length).toBeGreaterThan(0);
  }
  writeFileSync(together, Buffer.concat(files.map((file) => readFileSync(file))));
  expect(await judge(db, together)).toEqual({ missing: [], strange: [], torn: 0, foreign: 0, repeated: 0 });
  const seqs = new Map<string, number>();
  const rows = new Map((await entriesOf(db)).map((row) => [row.id, row]));
  for (const id of idsIn(together)) {
    const { account, seq } = rows.get(id) as { account: string; seq: number };
    if (account === '') continue;
    expect(seq).toBe((seqs.get(account) ?? 0) + 1);
    seqs.set(account, seq);
  }
  expect(calls).toBeGreaterThan(100);
  expect(log).toEqual([]);
  // What stands in the old files is missing in the one at the path, until reconcile brings it there.
  await manager.ledger.reconcile();
  expect(await manager.ledger.verify()).toMatchObject({ ok: true });
  expect((await judge(db, path)).missing).toEqual([]);
});

test('a file that is removed under load is made anew, and reconcile brings back what was in it', async () => {
  const opened = openFile();
  const { manager, db, path, log } = opened;
  const running = load(opened);
  for (let i = 0; i < 10; i++) {
    await until(() => existsSync(path), 'the file is made anew');
    await sleep(30);
    rmSync(path);
    expect((await manager.health()).status).toBe('healthy');
  }
  await until(() => existsSync(path), 'the file is made anew');
  await running.stop();
  await manager.ledger.reconcile();
  expect(await manager.ledger.verify()).toMatchObject({ ok: true });
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [], torn: 0 });
  expect(log).toEqual([]);
});

test('a file that is removed while nothing is written: every later line stands in the new one', async () => {
  const opened = openFile();
  await opened.credits.addCredits('u', 1);
  await caughtUp(opened);
  rmSync(opened.path);
  const later: string[] = [];
  for (let i = 0; i < 5; i++) later.push((await opened.credits.addCredits('u', 1)).id);
  await caughtUp(opened);
  expect(idsIn(opened.path)).toEqual(later);
});

test('a folder that is missing is made, one that is removed while lines are written is made again', async () => {
  const place = join(folder(), 'a', 'b c', 'ü');
  const opened = openFile({ path: join(place, 'ledger.jsonl') });
  const { db, path, manager, log } = opened;
  await opened.credits.addCredits('u', 1);
  await caughtUp(opened);
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [] });
  const running = load(opened);
  for (let i = 0; i < 6; i++) {
    await until(() => existsSync(path), 'the file is made again');
    rmSync(dirname(dirname(place)), { recursive: true, force: true });
    await sleep(25);
  }
  await running.stop();
  await manager.ledger.reconcile();
  await caughtUp(opened);
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [] });
  expect(log.filter((message) => !message.startsWith('The ledger file cannot'))).toEqual([]);
});

test('a path at which a directory takes the place of the file for a while', async () => {
  const opened = openFile();
  const { credits, db, path, manager } = opened;
  await credits.addCredits('u', 1);
  await caughtUp(opened);
  renameSync(path, `${path}.1`);
  mkdirSync(path);
  for (let i = 0; i < 20; i++) await credits.addCredits('u', 1);
  await until(async () => (await manager.health()).ledgerFile?.state === 'degraded', 'the failure is known');
  rmSync(path, { recursive: true });
  renameSync(`${path}.1`, path);
  await caughtUp(opened);
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [], repeated: 0 });
});

test('a file emptied in its place (copytruncate) goes on at its start, without holes', async () => {
  const opened = openFile();
  const { credits, db, path, manager } = opened;
  for (let i = 0; i < 20; i++) await credits.addCredits('u', 1);
  await caughtUp(opened);
  writeFileSync(path, '');
  const { id } = await credits.addCredits('u', 1);
  await caughtUp(opened);
  expect(idsIn(path)).toEqual([id]);
  expect(await judge(db, path)).toMatchObject({ strange: [], torn: 0 });
  expect(await manager.ledger.reconcile()).toEqual({ added: 21 });
  await manager.ledger.verify();
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [], repeated: 0 });
});

test('a torn line of another writer is closed off by whoever writes next, also in the middle of a run', async () => {
  const opened = openFile();
  const { credits, db, path, log } = opened;
  await credits.addCredits('u', 1);
  await caughtUp(opened);
  for (let i = 0; i < 5; i++) {
    writeFileSync(path, '{"level":30', { flag: 'a' });
    await credits.addCredits('u', 1);
    await caughtUp(opened);
  }
  const judged = await judge(db, path);
  expect(judged.missing).toEqual([]);
  expect(judged.strange.map((text) => text.replace(/^line \d+: /, ''))).toEqual(Array(5).fill('{"level":30'));
  expect(log).toHaveLength(5);
});

test('a rotated set leaves nothing else in the folder', async () => {
  const opened = openFile();
  await opened.credits.addCredits('u', 1);
  await caughtUp(opened);
  renameSync(opened.path, `${opened.path}.1`);
  await opened.credits.addCredits('u', 1);
  await opened.manager.close();
  expect(readdirSync(dirname(opened.path)).sort()).toEqual(['ledger.jsonl', 'ledger.jsonl.1']);
});
