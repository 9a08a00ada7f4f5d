/** When the file is opened, where it lies, and that it keeps no process alive. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { createCreditManagement, isCreditError } from '../../src/index.js';
import { QUIET } from '../support/quiet.js';
import { sleep } from '../support/wait.js';
import { caughtUp, folder, LastingDb, openFile } from './file-folder.js';
import { idsIn, judge, textsOf } from './file-oracle.js';

function isOpen(path: string): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  });
}

test.each(['degrade', 'refuse'] as const)(
  'nothing is opened or made before the first write: %s',
  async (fileFailure) => {
    const db = new LastingDb();
    await createCreditManagement({ db, logger: QUIET }).credits.addCredits('u', 1);
    const place = folder();
    const path = join(place, 'made', 'ledger.jsonl');
    const { manager, credits } = openFile({ db, path, ledger: { fileFailure } });
    await manager.init();
    await manager.health();
    await credits.getUserCreditsInfo('u', { fresh: true });
    await manager.ledger.list();
    await manager.ledger.verify();
    await sleep(50);
    expect(readdirSync(place)).toEqual([]);
    await credits.addCredits('u', 1);
    await caughtUp({ manager });
    expect(readdirSync(dirname(path))).toEqual(['ledger.jsonl']);
    expect(isOpen(path)).toBe(true);
    await manager.close();
    expect(isOpen(path)).toBe(false);
  },
);

test('the first entry of a ledger, which makes it, is the first line', async () => {
  const opened = openFile();
  expect(existsSync(opened.path)).toBe(false);
  await opened.credits.addCredits('u', 1);
  await caughtUp(opened);
  expect(textsOf(opened.path).map((text) => JSON.parse(text).message)).toEqual(['Ledger created', 'Credits added']);
});

test('a file URL is a path, whatever its name has in it', async () => {
  const path = join(folder(), 'with space', '100% #1 ü?.jsonl');
  const db = new LastingDb();
  const manager = createCreditManagement({ db, logger: QUIET, ledger: { filePath: pathToFileURL(path) } });
  await manager.credits.addCredits('u', 1);
  await manager.close();
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [] });
  expect(readdirSync(dirname(path))).toEqual(['100% #1 ü?.jsonl']);
});

test.each([new URL('https://example.com/ledger.jsonl'), '', 5, {}])('%s is no path', (filePath) => {
  const make = () => createCreditManagement({ ledger: { filePath: filePath as string } });
  expect(make).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }));
});

test('a relative path stays where it was when the manager was made', async () => {
  const [here, there] = [folder(), folder()];
  const before = process.cwd();
  try {
    process.chdir(here);
    const opened = openFile({ path: 'ledger.jsonl' });
    await opened.credits.addCredits('u', 1);
    process.chdir(there);
    await opened.credits.addCredits('u', 1);
    await caughtUp(opened);
    expect(await judge(opened.db, join(here, 'ledger.jsonl'))).toMatchObject({ missing: [], strange: [] });
    expect(readdirSync(there)).toEqual([]);
    await opened.manager.close();
  } finally {
    process.chdir(before);
  }
});

test('no file is made anywhere without a path', async () => {
  const here = folder();
  const before = process.cwd();
  try {
    process.chdir(here);
    const manager = createCreditManagement({ logger: QUIET, ledger: { fsync: 'always', fileFailure: 'refuse' } });
    await manager.credits.addCredits('u', 1);
    expect((await manager.health()).ledgerFile).toBeNull();
    await manager.close();
    expect(readdirSync(here)).toEqual([]);
  } finally {
    process.chdir(before);
  }
});

test('file and folder names in use stay: an existing file keeps its mode and what is in it', async () => {
  const path = join(folder(), 'ledger.jsonl');
  writeFileSync(path, '{"level":30}\n', { mode: 0o640 });
  const opened = openFile({ path });
  await opened.credits.addCredits('u', 1);
  await opened.manager.close();
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(textsOf(path)[0]).toBe('{"level":30}');
  const made = openFile();
  await made.credits.addCredits('u', 1);
  await caughtUp(made);
  expect(statSync(made.path).mode & 0o777).toBe(0o600);
});

test('a path that is a link to a file is written through it', async () => {
  const place = folder();
  mkdirSync(join(place, 'real'));
  const path = join(place, 'ledger.jsonl');
  symlinkSync(join(place, 'real', 'there.jsonl'), path);
  const opened = openFile({ path });
  await opened.credits.addCredits('u', 1);
  await opened.manager.close();
  expect(idsIn(join(place, 'real', 'there.jsonl'))).toHaveLength(2);
});

test('after close nothing is written, opened or awaited, and a second close is harmless', async () => {
  const opened = openFile();
  const { credits, manager, path, db } = opened;
  const calls = Array.from({ length: 50 }, () => credits.addCredits('u', 1));
  await Promise.all(calls);
  await manager.close();
  await manager.close();
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [] });
  const { mtimeMs, size } = statSync(path);
  const error = await credits.addCredits('u', 1).catch((problem: unknown) => problem);
  expect(isCreditError(error, 'CLOSED')).toBe(true);
  await sleep(50);
  expect(statSync(path)).toMatchObject({ mtimeMs, size });
});

/** Runs a program with `createCreditManagement` and `path` in it; how it ended and how long it took. */
async function program(place: string, path: string, body: string): Promise<{ code: number | null; output: string }> {
  const outfile = join(place, 'program.cjs');
  const contents = `
    import { createCreditManagement } from './src/index.js';
    const QUIET = { debug() {}, info() {}, warn() {}, error() {} };
    const path = ${JSON.stringify(path)};
    async function main() { ${body} }
    main().catch((error) => { console.error(error); process.exitCode = 1; });`;
  const stdin = { contents, resolveDir: process.cwd(), loader: 'ts' } as const;
  await build({ stdin, outfile, bundle: true, platform: 'node', format: 'cjs', logLevel: 'error' });
  const child = spawn(process.execPath, [outfile], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 600_000 });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output };
}

const write = (options: string) => `
  const manager = createCreditManagement({ logger: QUIET, ledger: { filePath: path${options} } });
  for (let i = 0; i < 20; i++) await manager.credits.addCredits('u', 1);
  console.log('written');`;

test.each([
  ['after close', '', 'await manager.close();', 21],
  ['after close of a file that fails', '/dev/full', 'await manager.close();', null],
  ['without close, while the file fails and is tried again', '/dev/full', '', null],
  ['without close, with every line in the file', '', '', 21],
])('a process ends by itself %s', async (_, device, end, lines) => {
  const place = folder();
  const path = device || join(place, 'ledger.jsonl');
  const { code, output } = await program(place, path, `${write('')} ${end}`);
  expect({ code, output }).toEqual({ code: 0, output: 'written\n' });
  if (lines !== null) expect(idsIn(path)).toHaveLength(lines);
});
