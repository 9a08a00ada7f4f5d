/** Four processes on one path, with lines of one and of sixty kilobytes. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createCreditManagement } from '../../src/index.js';
import { QUIET } from '../support/quiet.js';
import { until } from '../support/wait.js';
import { folder, LastingDb, openFile } from './file-folder.js';
import { bytesOf, entriesOf, idsIn, judge, splitLines } from './file-oracle.js';
import { startWorker } from './file-workers.js';

const PROCESSES = 4;
/** Lines of sixty kilobytes that each process writes at least, and meanwhile many short ones. */
const LONG_LINES = 5;
const GRANTS = 840;

test(`${PROCESSES} processes on one path break no line, keep their own order, and miss nothing`, async () => {
  const place = folder();
  const path = join(place, 'ledger.jsonl');
  const db = new LastingDb();
  const seeds = openFile({ db, path });
  const users = Array.from({ length: PROCESSES }, (_, i) => `rich-${i}`);
  for (const user of users) {
    await Promise.all(Array.from({ length: GRANTS }, () => seeds.credits.addCredits(user, 1)));
  }
  await seeds.manager.close();
  const workers = await Promise.all(users.map(() => startWorker(db)));
  for (const [i, worker] of workers.entries()) {
    const fsync = (['interval', 'always', 'never', 'interval'] as const)[i] ?? 'never';
    const rich = { userId: users[i] as string, credits: GRANTS, times: 40 };
    worker.run({ path, fsync, seed: i, users: ['a', 'b', 'c'], rich, width: 6, large: 0.05, dies: null });
  }
  const longLines = () => splitLines(bytesOf(path)).whole.filter((line) => line.length > 50_000);
  const isWritten = () => {
    const lines = longLines();
    return users.every((user) => lines.filter((line) => line.includes(`"${user}"`)).length >= LONG_LINES);
  };
  await until(isWritten, 'every process has written long lines');
  const reports = await Promise.all(workers.map((worker) => worker.stop()));
  expect(reports.flatMap(({ errors }) => errors)).toEqual([]);
  expect(await judge(db, path)).toEqual({ missing: [], strange: [], torn: 0, foreign: 0, repeated: 0 });
  const order = idsIn(path);
  for (const { committed } of reports) {
    const own = new Set(committed);
    expect(own.size).toBeGreaterThan(10);
    expect(order.filter((id) => own.has(id))).toEqual(committed);
  }
  const { whole } = splitLines(bytesOf(path));
  const sizes = whole.map((line) => line.length);
  const long = sizes.filter((size) => size > 50_000).length;
  console.log(`four processes: ${sizes.length} lines, ${long} over 50 KB, the longest ${Math.max(...sizes)} bytes`);
  expect(long).toBeGreaterThan(8);
  expect(sizes.filter((size) => size === 0)).toEqual([]);
  const after = createCreditManagement({ db, logger: QUIET, ledger: { filePath: path } });
  expect(await after.ledger.verify()).toMatchObject({ ok: true, checked: (await entriesOf(db)).length });
  expect(await after.ledger.reconcile()).toEqual({ added: 0 });
  await after.close();
});

test('managers of one process on one path share it as processes do', async () => {
  const first = openFile();
  const all = [first, ...[1, 2, 3].map(() => openFile({ db: first.db, path: first.path }))];
  const calls = all.flatMap(({ credits }, i) =>
    Array.from({ length: 60 }, (_, n) =>
      credits.addCredits(`u${n % 7}`, 1, { description: `${i} `.repeat(1 + ((n * 37) % 500)) }),
    ),
  );
  await Promise.all(calls);
  for (const { manager } of all) await manager.close();
  expect(await judge(first.db, first.path)).toEqual({ missing: [], strange: [], torn: 0, foreign: 0, repeated: 0 });
  expect(all.flatMap(({ log }) => log)).toEqual([]);
});
