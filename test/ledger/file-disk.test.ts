/** A disk that is full, a folder that cannot be written, a path that is no file: money goes on, the file follows. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isCreditError } from '../../src/index.js';
import { ownNow } from '../support/pace.js';
import { sleep, until } from '../support/wait.js';
import { caughtUp, folder, freeze, LastingDb, type Opened, openFile, run, smallDisk } from './file-folder.js';
import { bytesOf, entriesOf, judge } from './file-oracle.js';

const DEGRADED = 'The ledger file cannot be written; operations go on';
const CLOSED_OFF = 'The last line of the ledger file was torn; it now ends with a newline';

async function spend({ credits }: Opened, times: number, user = 'u'): Promise<void> {
  const description = 'x'.repeat(500);
  await Promise.all(Array.from({ length: times }, () => credits.addCredits(user, 1, { description })));
}

async function degraded({ manager }: Opened): Promise<void> {
  const isDown = async () => (await manager.health()).ledgerFile?.state === 'degraded';
  await until(isDown, 'the file is known to fail');
}

/** Calls go on while the file fails; it says so once, and fills by itself when `repair` has made it writable. */
async function failAndRecover(opened: Opened, repair: () => void): Promise<void> {
  const { manager, credits, db, path, log } = opened;
  await spend(opened, 3);
  await degraded(opened);
  for (let i = 0; i < 12; i++) {
    expect((await credits.addCredits('v', 1)).balanceAfter).toBe(i + 1);
    expect((await credits.getUserCreditsInfo('v')).balance).toBe(i + 1);
    await sleep(15);
  }
  expect(await manager.health()).toMatchObject({
    status: 'degraded',
    components: { database: 'up', ledgerFile: 'down' },
  });
  expect(await opened.acts()).toEqual(['Ledger created', 'Ledger file degraded']);
  const isFile = existsSync(path) && statSync(path).isFile();
  const lag = isFile ? (await judge(db, path)).missing.length : (await entriesOf(db)).length;
  expect((await manager.health()).ledgerFile).toEqual({ state: 'degraded', lag });
  repair();
  await caughtUp(opened);
  await until(async () => (await opened.acts()).includes('Ledger file recovered'), 'the recovery is recorded');
  await caughtUp(opened);
  const judged = await judge(db, path);
  expect(judged).toMatchObject({ missing: [], strange: [], repeated: 0 });
  expect(log.filter((message) => message === CLOSED_OFF)).toHaveLength(judged.torn);
  expect(await opened.acts()).toEqual(['Ledger created', 'Ledger file degraded', 'Ledger file recovered']);
  expect(log.filter((message) => message === DEGRADED)).toHaveLength(1);
  expect(await manager.ledger.verify()).toMatchObject({ ok: true });
  expect((await manager.health()).status).toBe('healthy');
}

describe('/dev/full', () => {
  test('fails no call, is told once, and counts what it lacks', async () => {
    const opened = openFile({ path: '/dev/full' });
    const { manager, credits, db, log } = opened;
    await spend(opened, 20);
    await degraded(opened);
    // Several retries later it is still the same failure.
    for (let i = 0; i < 10; i++) {
      await credits.deductCredits('u', 1);
      await sleep(60);
    }
    expect(log).toEqual([DEGRADED]);
    expect(await opened.acts()).toEqual(['Ledger created', 'Ledger file degraded']);
    const { status, ledgerFile } = await manager.health();
    expect(status).toBe('degraded');
    expect(ledgerFile).toEqual({ state: 'degraded', lag: (await entriesOf(db)).length });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(10);
    const problem = await manager.ledger.reconcile().catch((error: unknown) => error);
    expect(isCreditError(problem, 'LEDGER_FILE_UNAVAILABLE') && problem.retryable).toBe(true);
  });

  test('does not hold up close, nor a call that waits for its line to be on the disk', async () => {
    const opened = openFile({ path: '/dev/full', ledger: { fsync: 'always' } });
    const began = ownNow();
    for (let i = 0; i < 5; i++) await opened.credits.addCredits('u', 1);
    await opened.manager.close();
    expect(ownNow() - began).toBeLessThan(8_000);
  });

  test('that fails at the very first line is recorded however slow the database is', async () => {
    const opened = openFile({ path: '/dev/full', db: new LastingDb({ suspend: () => sleep(10) }) });
    await opened.credits.addCredits('u', 1);
    await until(async () => (await opened.acts()).length === 2, 'the failure is recorded');
    expect(await opened.acts()).toEqual(['Ledger created', 'Ledger file degraded']);
  });
});

test('a disk that fills up and is freed again gets every line by itself', async (context) => {
  const disk = smallDisk(256);
  if ('reason' in disk) return context.skip(`no tmpfs can be mounted: ${disk.reason}`);
  const ballast = join(disk.value, 'ballast');
  writeFileSync(ballast, Buffer.alloc(140 * 1024));
  const opened = openFile({ path: join(disk.value, 'ledger.jsonl') });
  // Line by line, and by hundreds of lines in one write: a part of it still fits, the last line is torn.
  for (let i = 0; i < 20; i++) await opened.credits.addCredits('u', 1);
  await spend(opened, 120);
  await degraded(opened);
  const full = bytesOf(opened.path);
  await failAndRecover(opened, () => rmSync(ballast));
  expect(bytesOf(opened.path).subarray(0, full.length).equals(full)).toBe(true);
  expect((await judge(opened.db, opened.path)).torn).toBeLessThanOrEqual(2);
});

test('a folder of a read-only file system is waited for', async (context) => {
  const disk = smallDisk(1024);
  if ('reason' in disk) return context.skip(`no tmpfs can be mounted: ${disk.reason}`);
  run('mount', '-o', 'remount,ro', disk.value);
  const opened = openFile({ path: join(disk.value, 'ledger.jsonl') });
  await failAndRecover(opened, () => run('mount', '-o', 'remount,rw', disk.value));
});

test('a folder that nobody may write to is waited for', async (context) => {
  const place = folder();
  const frozen = freeze(place);
  if ('reason' in frozen) return context.skip(`chattr does not work here: ${frozen.reason}`);
  const opened = openFile({ path: join(place, 'ledger.jsonl') });
  await failAndRecover(opened, frozen.value);
});

test('a file that nobody may write to is waited for', async (context) => {
  const path = join(folder(), 'ledger.jsonl');
  writeFileSync(path, '');
  const frozen = freeze(path);
  if ('reason' in frozen) return context.skip(`chattr does not work here: ${frozen.reason}`);
  await failAndRecover(openFile({ path }), frozen.value);
});

test('a path that is a directory is waited for', async () => {
  const path = join(folder(), 'ledger.jsonl');
  mkdirSync(path);
  await failAndRecover(openFile({ path }), () => rmdirSync(path));
});

test('a path whose folder is a file is waited for', async () => {
  const place = join(folder(), 'logs');
  writeFileSync(place, 'a file');
  await failAndRecover(openFile({ path: join(place, 'ledger.jsonl') }), () => rmSync(place));
});

test('reconcile, rebuildFile and verify of a directory say what is wrong and leave it alone', async () => {
  const path = join(folder(), 'ledger.jsonl');
  mkdirSync(path);
  const opened = openFile({ path });
  await spend(opened, 2);
  const { ledger } = opened.manager;
  for (const call of [ledger.reconcile, ledger.rebuildFile]) {
    const error = await call().catch((problem: unknown) => problem);
    expect(isCreditError(error, 'LEDGER_FILE_UNAVAILABLE') && error.details.path).toBe(path);
  }
  const report = await ledger.verify();
  expect(new Set(report.problems.map(({ kind }) => kind))).toEqual(new Set(['file_missing']));
  expect(report.problemCount).toBe((await entriesOf(opened.db)).length);
  expect([readdirSync(path), statSync(path).isDirectory()]).toEqual([[], true]);
  expect(readdirSync(join(path, '..'))).toEqual(['ledger.jsonl']);
});
