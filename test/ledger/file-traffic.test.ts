/** Verifying, repairing and rebuilding a file while everybody writes to it. */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sleep, until } from '../support/wait.js';
import { caughtUp, folder, LastingDb, type Opened, openFile } from './file-folder.js';
import { judge, textsOf } from './file-oracle.js';

/** Calls of every process until it is stopped. */
function traffic(processes: readonly Opened[]): {
  readonly calls: () => number;
  readonly stop: () => Promise<unknown>;
} {
  let stopped = false;
  let calls = 0;
  const loops = processes.flatMap(({ credits }, i) =>
    ['a', 'b', `own-${i}`].map(async (user) => {
      for (; !stopped; calls++) {
        await credits.deductCreditsAfterService(user, 2, { description: `${i} ${calls}` });
        if (calls % 3 === 0) await credits.addCredits(user, 1);
        if (calls % 5 === 0) await credits.deductCredits(user, 1_000).catch(() => {});
        await sleep(2);
      }
    }),
  );
  // A test that fails early closes the managers under them.
  for (const loop of loops) loop.catch(() => {});
  const stop = () => {
    stopped = true;
    return Promise.all(loops);
  };
  return { calls: () => calls, stop };
}

function openTwo(): [Opened, Opened] {
  const db = new LastingDb({ suspend: () => new Promise((resolve) => setImmediate(resolve)) });
  const path = join(folder(), 'ledger.jsonl');
  return [openFile({ db, path }), openFile({ db, path })];
}

test('verify beside traffic of two processes finds nothing that is not there', async () => {
  const [one, two] = openTwo();
  const { calls, stop } = traffic([one, two]);
  await sleep(50);
  const reports = [];
  while (reports.length < 12 || calls() < 40) {
    reports.push(await one.manager.ledger.verify());
    reports.push(await two.manager.ledger.verify({ userId: 'a' }));
    await sleep(20);
  }
  await stop();
  expect(reports.flatMap(({ problems }) => problems)).toEqual([]);
  expect(reports.filter(({ file }) => (file?.foreign ?? 0) > 0)).toEqual([]);
});

test('reconcile of two processes at once, beside traffic, leaves each entry its one text', async () => {
  const [one, two] = openTwo();
  await one.db.transaction(async (session) => {
    for (let i = 0; i < 40; i++) await one.credits.addCredits('held-back', 1, { session, description: `n ${i}` });
  });
  const { stop } = traffic([one, two]);
  for (let i = 0; i < 6; i++) {
    const both = [one.manager.ledger.reconcile(), two.manager.ledger.reconcile()];
    for (const { added } of await Promise.all(both)) expect(added).toBeGreaterThanOrEqual(0);
    await one.db.transaction((session) => two.credits.addCredits('held-back', 1, { session }));
  }
  await stop();
  await one.manager.ledger.reconcile();
  await Promise.all([caughtUp(one), caughtUp(two)]);
  expect(await judge(one.db, one.path)).toMatchObject({ missing: [], strange: [], torn: 0, foreign: 0 });
  expect(await one.manager.ledger.verify()).toMatchObject({ ok: true });
});

test('reconcile of a quiet file adds exactly what is missing, each once, and nothing the second time', async () => {
  const [one] = openTwo();
  await one.credits.addCredits('u', 100);
  await one.db.transaction(async (session) => {
    for (let i = 0; i < 25; i++) await one.credits.deductCredits('u', 1, { session });
  });
  await caughtUp(one);
  const before = textsOf(one.path).length;
  expect(await one.manager.ledger.reconcile()).toEqual({ added: 25 });
  await caughtUp(one);
  // The lines, and the one that says so.
  expect(textsOf(one.path)).toHaveLength(before + 26);
  expect(await one.manager.ledger.reconcile()).toEqual({ added: 0 });
  await caughtUp(one);
  expect(textsOf(one.path)).toHaveLength(before + 26);
  expect(await judge(one.db, one.path)).toMatchObject({ missing: [], strange: [], repeated: 0 });
});

test('a file that is rotated while it is reconciled and verified is right after the next reconcile', async () => {
  const [one, two] = openTwo();
  const { stop } = traffic([one, two]);
  for (let i = 0; i < 4; i++) {
    await until(() => existsSync(one.path), 'the file is there');
    const working = Promise.all([one.manager.ledger.reconcile(), two.manager.ledger.verify()]);
    await sleep(i * 2);
    renameSync(one.path, `${one.path}.${i}`);
    await working;
  }
  await stop();
  await one.manager.ledger.reconcile();
  await Promise.all([caughtUp(one), caughtUp(two)]);
  expect(await judge(one.db, one.path)).toMatchObject({ missing: [], strange: [], torn: 0 });
  expect(await one.manager.ledger.verify()).toMatchObject({ ok: true });
});
