/** Symbolic links at the path of the ledger file: the host's own is followed, one that appears later is not. */
import { existsSync, readFileSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createCreditManagement } from '../../src/index.js';
import { newFile } from '../support/audit-world.js';
import { QUIET } from '../support/quiet.js';
import { until } from '../support/wait.js';

function open(filePath: string) {
  const manager = createCreditManagement({ ledger: { filePath, fsync: 'always' }, logger: QUIET });
  onTestFinished(() => manager.close());
  return manager;
}

const linesIn = (path: string) => readFileSync(path, 'utf8').split('\n').length - 1;

test('a path that becomes a link while the process runs is not written through, and catches up later', async () => {
  const filePath = newFile();
  const manager = open(filePath);
  await manager.credits.addCredits('u', 1);
  const lines = linesIn(filePath);
  const [moved, target] = ['moved', 'target'].map((name) => join(dirname(filePath), name)) as [string, string];
  for (const isThere of [true, false]) {
    if (isThere) writeFileSync(target, 'keep me\n');
    else unlinkSync(target);
    renameSync(filePath, moved);
    symlinkSync(target, filePath);
    await manager.credits.addCredits('u', 1);
    await until(async () => (await manager.health()).components.ledgerFile === 'down', 'health tells it');
    expect(existsSync(target) ? readFileSync(target, 'utf8') : null).toBe(isThere ? 'keep me\n' : null);
    unlinkSync(filePath);
    renameSync(moved, filePath);
    await until(async () => (await manager.health()).components.ledgerFile === 'up', 'the file is back');
  }
  await manager.ledger.reconcile();
  expect(linesIn(filePath)).toBeGreaterThanOrEqual(lines + 2);
  expect(await manager.ledger.verify()).toMatchObject({ ok: true });
});

test('a path that was a link before the first write is the choice of the host', async () => {
  const filePath = newFile();
  const target = join(dirname(filePath), 'target');
  writeFileSync(target, '');
  symlinkSync(target, filePath);
  const manager = open(filePath);
  await manager.credits.addCredits('u', 1);
  expect(linesIn(target)).toBeGreaterThan(0);
  expect(await manager.ledger.verify()).toMatchObject({ ok: true });
});
