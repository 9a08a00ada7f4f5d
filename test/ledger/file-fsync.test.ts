/** When a line is on the disk: before the answer, a second later, or whenever the system likes. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LedgerLogger } from '../../src/ledger/ledger-file.js';
import { sleep, until } from '../support/wait.js';
import { folder, openFile } from './file-folder.js';
import { bytesOf, judge } from './file-oracle.js';

interface Syncs {
  /** How many were asked for. */
  asked: number;
  /** Bytes of the file when the last sync that has ended began. */
  safe: number;
  /** Replaces the sync itself. */
  instead: (() => Promise<void>) | null;
}

/** Watches every sync of file contents in this process; each takes a moment longer than it would. */
async function watchSyncs(path: () => string): Promise<Syncs> {
  const handle = await open(join(folder(), 'any'), 'a');
  const prototype = Object.getPrototypeOf(handle) as { datasync: () => Promise<void>; sync: () => Promise<void> };
  await handle.close();
  const { datasync, sync } = prototype;
  const syncs: Syncs = { asked: 0, safe: 0, instead: null };
  const watched = (real: () => Promise<void>) =>
    async function (this: unknown) {
      syncs.asked++;
      const { length } = bytesOf(path());
      await sleep(5);
      await (syncs.instead?.() ?? real.call(this));
      syncs.safe = length;
    };
  prototype.datasync = watched(datasync);
  prototype.sync = watched(sync);
  onTestFinished(() => void Object.assign(prototype, { datasync, sync }));
  return syncs;
}

test("'always' answers no call before its line is in the file and synced", async () => {
  const path = join(folder(), 'ledger.jsonl');
  const syncs = await watchSyncs(() => path);
  const { credits, manager } = openFile({ path, ledger: { fsync: 'always' } });
  await credits.deductCreditsAfterService('u', 10_000);
  let late = 0;
  const check = (id: string) => {
    const safe = bytesOf(path).subarray(0, syncs.safe);
    if (!safe.includes(`{"id":"${id}"`)) late++;
  };
  for (let round = 0; round < 12; round++) {
    const calls = Array.from({ length: 1 + round * 2 }, async (_, i) => {
      if (i % 3 === 2) {
        const hold = await credits.reserveCredits(`v${i}`, 1).catch(() => null);
        expect(hold).toBeNull();
        return;
      }
      check((await credits.addCredits(i % 2 ? 'u' : `w${i}`, 1)).id);
    });
    await Promise.all(calls);
  }
  const { out, in: received } = await credits.transferCredits({ from: 'w0', to: 'x', amount: 1 });
  for (const { id } of [out, received]) check(id);
  expect(late).toBe(0);
  // Many calls share a sync.
  const entries = (await manager.ledger.verify()).checked;
  expect(syncs.asked).toBeLessThan(entries);
});

test("'always' answers when the sync fails: the money stands, health tells, the line is written again", async () => {
  const path = join(folder(), 'ledger.jsonl');
  const syncs = await watchSyncs(() => path);
  const { credits, manager, db, log } = openFile({ path, ledger: { fsync: 'always' } });
  await credits.addCredits('u', 1);
  syncs.instead = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
  expect((await credits.addCredits('u', 1)).balanceAfter).toBe(2);
  expect((await manager.health()).ledgerFile?.state).toBe('degraded');
  expect((await credits.addCredits('u', 1)).balanceAfter).toBe(3);
  syncs.instead = null;
  await until(async () => (await manager.health()).status === 'healthy', 'the file is up again');
  await manager.ledger.verify();
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [], torn: 0 });
  expect(log).toHaveLength(1);
});

test("'interval' syncs a moment after a write, once for many, and by itself", async () => {
  const path = join(folder(), 'ledger.jsonl');
  const syncs = await watchSyncs(() => path);
  const { credits } = openFile({ path });
  const began = performance.now();
  for (let i = 0; i < 50; i++) await credits.addCredits('u', 1);
  const { asked } = syncs;
  // The interval is a second.
  expect(asked).toBeLessThanOrEqual(2 + (performance.now() - began) / 1_000);
  await until(() => syncs.asked > asked, 'a sync follows');
  await until(() => syncs.safe === bytesOf(path).length, 'everything is synced');
  expect(syncs.asked).toBeLessThanOrEqual(asked + 2);
});

test("a failed sync of 'interval' is told, and the lines after it are written as before", async () => {
  const path = join(folder(), 'ledger.jsonl');
  const syncs = await watchSyncs(() => path);
  const { credits, manager, db, log } = openFile({ path });
  syncs.instead = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
  await credits.addCredits('u', 1);
  await until(() => log.length > 0, 'the failure is told');
  syncs.instead = null;
  for (let i = 0; i < 5; i++) await credits.addCredits('u', 1);
  await until(async () => (await manager.health()).status === 'healthy', 'the file is up again');
  await manager.ledger.verify();
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [], torn: 0 });
  expect(log).toHaveLength(1);
});

test("'never' syncs nothing, and close leaves every line to the system", async () => {
  const path = join(folder(), 'ledger.jsonl');
  const syncs = await watchSyncs(() => path);
  const { credits, manager, db } = openFile({ path, ledger: { fsync: 'never' } });
  for (let i = 0; i < 20; i++) await credits.addCredits('u', 1);
  await manager.close();
  expect(syncs.asked).toBe(0);
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [] });
});

test("'interval' syncs what is left when the manager is closed", async () => {
  const path = join(folder(), 'ledger.jsonl');
  const syncs = await watchSyncs(() => path);
  const { credits, manager } = openFile({ path });
  await credits.addCredits('u', 1);
  await manager.close();
  expect(syncs.safe).toBe(bytesOf(path).length);
});

test('a sink whose sync failed while nothing waited writes what comes later', async () => {
  const path = join(folder(), 'ledger.jsonl');
  const syncs = await watchSyncs(() => path);
  const sink = new LedgerLogger({ filePath: path });
  const changes: string[] = [];
  sink.watch(({ kind }) => changes.push(kind));
  syncs.instead = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
  void sink.append(['{"n":1}\n']);
  await until(() => changes.length > 0, 'the failure is told');
  syncs.instead = null;
  // The first retry has long been: there was nothing to write.
  await sleep(300);
  void sink.append(['{"n":2}\n']);
  await until(() => bytesOf(path).includes('{"n":2}\n'), 'the later line is written');
  // The bytes are there before their sync is answered.
  await until(() => sink.health().lag === 0, 'the sync of the later line');
  expect(sink.health()).toEqual({ state: 'up', lag: 0 });
  expect(changes).toEqual(['degraded', 'recovered']);
  await sink.close();
});

test('a sink that is closed does not claim to have written what it is given', async () => {
  const path = join(folder(), 'ledger.jsonl');
  const sink = new LedgerLogger({ filePath: path });
  void sink.append(['{"n":1}\n']);
  await sink.close();
  void sink.append(['{"n":2}\n']);
  await expect(sink.flush()).rejects.toMatchObject({ code: expect.stringMatching(/LEDGER_FILE_UNAVAILABLE|CLOSED/) });
  expect(bytesOf(path).toString()).toBe('{"n":1}\n');
});
