/** More lines than a process keeps while its file cannot be written: the gap is filled from the database. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { LedgerFileOptions } from '../../src/ledger/ledger-file.js';
import { sleep, until } from '../support/wait.js';
import { caughtUp, folder, LastingDb, openFile, smallDisk } from './file-folder.js';
import { bytesOf, entriesOf, judge } from './file-oracle.js';

const MAX_PENDING = 30_000;

vi.mock('../../src/ledger/ledger-file.js', async (original) => {
  const { LedgerLogger } = (await original()) as typeof import('../../src/ledger/ledger-file.js');
  class Forgetful extends LedgerLogger {
    constructor(options: LedgerFileOptions) {
      super({ ...options, maxPending: MAX_PENDING });
    }
  }
  return { LedgerLogger: Forgetful };
});

async function stateOf({ manager }: Pick<ReturnType<typeof openFile>, 'manager'>) {
  return (await manager.health()).ledgerFile;
}

test('lines beyond the bound are given up in memory and come back by themselves', async (context) => {
  const disk = smallDisk(512);
  if ('reason' in disk) return context.skip(`no tmpfs can be mounted: ${disk.reason}`);
  const ballast = join(disk.value, 'ballast');
  writeFileSync(ballast, Buffer.alloc(470 * 1024));
  const opened = openFile({ path: join(disk.value, 'ledger.jsonl') });
  const { credits, db, path, log } = opened;
  for (let i = 0; i < 250; i++) await credits.addCredits('u', 1);
  await until(async () => (await stateOf(opened))?.state === 'degraded', 'the disk is full');
  const lacking = (await judge(db, path)).missing.length;
  expect(lacking * 600).toBeGreaterThan(MAX_PENDING);
  expect((await stateOf(opened))?.lag).toBeGreaterThanOrEqual(lacking);
  const before = bytesOf(path);
  rmSync(ballast);
  const lags: number[] = [];
  const isFilled = async () => {
    lags.push((await stateOf(opened))?.lag ?? Number.NaN);
    return (await opened.acts()).includes('Ledger file recovered');
  };
  await until(isFilled, 'the gap is filled');
  expect(Math.min(...lags)).toBeGreaterThanOrEqual(0);
  await caughtUp(opened);
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [] });
  const acts = await opened.acts();
  expect(acts.filter((act) => act === 'Ledger file degraded')).toHaveLength(1);
  expect(acts.filter((act) => act === 'Ledger file recovered')).toHaveLength(1);
  expect(log.filter((message) => message.startsWith('The ledger file cannot'))).toHaveLength(1);
  expect(bytesOf(path).subarray(0, before.length).equals(before)).toBe(true);
  expect(await opened.manager.ledger.verify()).toMatchObject({ ok: true });
});

/** Additions as fast as the file takes them, so that nothing is given up before the disk is full. */
async function addUntilFull(opened: ReturnType<typeof openFile>, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await opened.credits.addCredits('u', 1);
    await until(async () => {
      const { state, lag } = (await stateOf(opened)) ?? { state: 'up', lag: 0 };
      return state === 'degraded' || lag < 10;
    }, 'the file has taken them');
  }
  await until(async () => (await stateOf(opened))?.state === 'degraded', 'the disk is full');
}

test('while the disk stays full nothing is called recovered, however much was given up', async (context) => {
  const disk = smallDisk(64);
  if ('reason' in disk) return context.skip(`no tmpfs can be mounted: ${disk.reason}`);
  const opened = openFile({ path: join(disk.value, 'ledger.jsonl') });
  const { credits, manager, log } = opened;
  await addUntilFull(opened, 300);
  for (let i = 0; i < 150; i++) {
    await credits.addCredits('v', 1);
    expect((await stateOf(opened))?.state).toBe('degraded');
    await sleep(i % 20);
  }
  expect(await opened.acts()).toEqual(['Ledger created', 'Ledger file degraded']);
  expect(log.filter((message) => message.startsWith('The ledger file cannot'))).toHaveLength(1);
  expect(log.filter((message) => message.startsWith('The last line'))).toEqual([]);
  expect((await manager.health()).ledgerFile?.lag).toBeGreaterThan(0);
});

test('calls that come faster than the file can take them lose no line in the end', async () => {
  const opened = openFile();
  const calls = Array.from({ length: 3_000 }, (_, i) => opened.credits.addCredits(`u${i % 7}`, 1));
  await Promise.all(calls);
  await caughtUp(opened);
  expect(await judge(opened.db, opened.path)).toMatchObject({ missing: [], strange: [], torn: 0 });
});

test('reconcile and rebuildFile of much more than the bound write all of it, and count it rightly', async () => {
  const db = new LastingDb();
  const first = openFile({ db });
  const description = 'x'.repeat(1_000);
  await Promise.all(Array.from({ length: 300 }, () => first.credits.addCredits('u', 1, { description })));
  await caughtUp(first);
  await first.manager.close();
  const opened = openFile({ db, path: join(folder(), 'ledger.jsonl') });
  const { length } = await entriesOf(db);
  expect(length).toBeGreaterThan(300);
  expect(await opened.manager.ledger.reconcile()).toEqual({ added: length });
  await opened.manager.ledger.verify();
  expect(await judge(db, opened.path)).toMatchObject({ missing: [], strange: [], repeated: 0 });
  expect(await opened.manager.ledger.reconcile()).toEqual({ added: 0 });
  const { lines } = await opened.manager.ledger.rebuildFile();
  expect(lines).toBe(length + 1);
  expect(await opened.manager.ledger.verify()).toMatchObject({ ok: true });
});
