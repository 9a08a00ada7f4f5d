/** What a run is told to do and not to do: progress, abort, one user, how much it tells, how much it holds. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { isCreditError, type Row, type VerifyOptions } from '../../src/index.js';
import { type AnyDb, entriesOf, newFile, openWorld, paged, richWorld, told, wrapped } from '../support/audit-world.js';
import { codeOf } from '../support/codes.js';
import { during, write } from './audit-tamper.js';
import { type Lengths, linesOfTape, tapeDb } from './audit-tape.js';

describe('progress', () => {
  test('after every page the number of entries checked so far, the last being all', async () => {
    const { db, clock } = await richWorld();
    const all = (await entriesOf(db)).length;
    for (const most of [1, 7, 500]) {
      const { manager } = openWorld({ db: paged(db, most), clock, prefix: 'own' });
      const seen: number[] = [];
      const report = await manager.ledger.verify({ onProgress: (done) => seen.push(done) });
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect(seen.length).toBe(Math.ceil(all / most));
      expect([seen.at(-1), report.checked]).toEqual([all, all]);
      const own: number[] = [];
      const part = await manager.ledger.verify({ userId: 'ann', onProgress: (done) => own.push(done) });
      expect(own).toEqual(own.toSorted((a, b) => a - b));
      expect(own.at(-1)).toBe(part.checked);
      expect(part.checked).toBeLessThan(all);
    }
  });
});

describe('abort', () => {
  test('before, during, and while late lines are waited for: ABORTED, and the next run is whole', async () => {
    const filePath = newFile();
    const { db, clock } = await richWorld({ filePath });
    const { manager } = openWorld({ db: paged(db, 5), clock, filePath, prefix: 'own' });
    expect(await codeOf(manager.ledger.verify({ signal: AbortSignal.abort() }))).toBe('ABORTED');
    for (const at of [1, 5, 20, 66]) {
      const controller = new AbortController();
      const onProgress = (done: number) => {
        if (done >= at) controller.abort();
      };
      expect(await codeOf(manager.ledger.verify({ signal: controller.signal, onProgress }))).toBe('ABORTED');
    }
    // The claw-back has no line, so the end of the run waits for it.
    const late = AbortSignal.timeout(100);
    expect(await codeOf(manager.ledger.verify({ signal: late }))).toBe('ABORTED');
    expect(told(await manager.ledger.verify({ signal: new AbortController().signal }))).toEqual([
      'file_missing claw-refund-1',
    ]);
    expect(await manager.credits.addCredits('ann', 1)).toMatchObject({ type: 'add' });
  });

  test('a reason of the caller own stays beside the code, never in its place', async () => {
    const { manager } = openWorld();
    await manager.credits.addCredits('u', 1);
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error('my own reason'));
    const error = await manager.ledger.verify({ signal: controller.signal, onProgress }).catch((cause) => cause);
    // The only page was the last: a run that is done may as well answer.
    if (!('ok' in error)) expect(isCreditError(error, 'ABORTED')).toBe(true);
  });
});

describe('what it could not read', () => {
  const broken = (db: AnyDb, verb: 'find' | 'getMany' | 'count', error: Error) => {
    let isOn = false;
    const fail = async () => {
      throw error;
    };
    const own = {
      find: (...args: Parameters<AnyDb['find']>) => (isOn ? fail() : db.find(...args)),
      getMany: (...args: Parameters<AnyDb['getMany']>) => (isOn ? fail() : db.getMany(...args)),
      count: (...args: Parameters<AnyDb['count']>) => (isOn ? fail() : db.count(...args)),
    };
    const turn = (on: boolean) => {
      isOn = on;
    };
    return { db: wrapped(db, { [verb]: own[verb] }), turn };
  };

  test.each(['find', 'getMany', 'count'] as const)(
    '%s fails: a code of the library, nothing of the driver',
    async (verb) => {
      const { db, clock } = await richWorld();
      const failing = broken(db, verb, new Error('password=hunter2 in SELECT * FROM entry'));
      const { manager } = openWorld({ db: failing.db, clock, filePath: newFile(), prefix: 'own' });
      await manager.ledger.reconcile();
      failing.turn(true);
      const calls = [manager.ledger.verify(), manager.ledger.verify({ userId: 'ann' })];
      if (verb === 'find') calls.push(manager.ledger.reconcile() as never, manager.ledger.rebuildFile() as never);
      for (const call of await Promise.allSettled(calls)) {
        // Of one user there may be nothing to count.
        if (call.status === 'fulfilled') continue;
        expect([verb, call.reason.code]).toEqual([verb, 'STORAGE_UNAVAILABLE']);
        expect(`${call.reason.message} ${JSON.stringify(call.reason.details)}`).not.toContain('hunter2');
      }
      failing.turn(false);
      expect(await manager.ledger.verify()).toMatchObject({ ok: true });
    },
  );
});

test('options that are none are INVALID_ARGUMENT and name the field', async () => {
  const { manager } = openWorld();
  const bad: [unknown, string][] = [
    [{ userId: '' }, 'userId'],
    [{ userId: 5 }, 'userId'],
    [{ userId: 'a\nb' }, 'userId'],
    [{ signal: {} }, 'signal'],
    [{ onProgress: 'x' }, 'onProgress'],
    [{ user: 'ann' }, 'options'],
    [null, 'options'],
    ['ann', 'options'],
  ];
  for (const [options, path] of bad) {
    const error = await manager.ledger.verify(options as VerifyOptions).catch((cause) => cause);
    expect([options, error.code, error.details?.path]).toEqual([options, 'INVALID_ARGUMENT', path]);
  }
  expect(await manager.ledger.verify({ userId: undefined, signal: undefined, onProgress: undefined })).toMatchObject({
    ok: true,
  });
});

describe('one user', () => {
  test('is told of alone, whatever is wrong with others', async () => {
    const filePath = newFile();
    const { db, manager } = await richWorld({ filePath });
    await manager.ledger.reconcile();
    const rows = (await entriesOf(db)).filter((row) => row.userId !== '');
    const users = [...new Set(rows.map((row) => row.userId as string))];
    expect(users).toHaveLength(7);
    for (const broken of users) {
      const theirs = rows.filter((row) => row.userId === broken);
      const changes = theirs.map((row) => [row, { ...row, message: 'changed', amount: 7 } as Row] as const);
      const known = new Set(theirs.flatMap((row) => [row.id, row.account]));
      await during(db, 'entry', changes, async () => {
        for (const userId of users) {
          const report = await manager.ledger.verify({ userId });
          expect([userId, broken, report.ok]).toEqual([userId, broken, userId !== broken]);
          const strange = report.problems.filter(
            ({ kind, id }) => !known.has(id) && !['grant', 'hold', 'payment'].includes(kind),
          );
          expect(strange).toEqual([]);
        }
      });
    }
  });
});

describe('a thousand problems are told, all are counted', () => {
  const COUNT = 1_400;

  async function changed() {
    const { db, manager } = openWorld({ filePath: newFile() });
    await manager.credits.addCredits('u', 2 * COUNT);
    const spent = await Promise.all(Array.from({ length: COUNT }, () => manager.credits.deductCredits('u', 1)));
    const rows = (await db.getMany(
      'entry',
      spent.map(({ id }) => id),
    )) as Row[];
    for (const row of rows) await write(db, 'entry', row, { ...row, message: 'changed' });
    return { db, manager, last: rows.at(-1) as Row };
  }

  test('exactly, also when the account is read twice', async () => {
    const { db, manager, last } = await changed();
    const report = await manager.ledger.verify();
    expect([report.problems.length, report.problemCount]).toEqual([1_000, COUNT]);
    expect(new Set(report.problems.map(({ id }) => id)).size).toBe(1_000);
    // With the last entry gone the account's row is ahead of the entries, so they are read again.
    await write(db, 'entry', { ...last, message: 'changed' }, null);
    const shorter = await manager.ledger.verify();
    // One changed entry less; the account row and the line without an entry are told in its place.
    expect([shorter.problems.length, shorter.problemCount]).toEqual([1_000, COUNT - 1 + 2]);
  });
});

describe('memory', () => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const held = () => {
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return (heapUsed + external) / 2 ** 20;
  };

  /** MiB held beyond the start at every tenth of the way. */
  async function heldDuring(lengths: Lengths, filePath: string | undefined): Promise<number[]> {
    if (filePath !== undefined) {
      await pipeline(Readable.from(linesOfTape(lengths), { objectMode: true }), createWriteStream(filePath));
    }
    const { manager } = openWorld({ db: tapeDb(lengths), ...(filePath !== undefined && { filePath }) });
    await manager.init();
    const all = lengths.reduce((sum, [, count]) => sum + count, 0);
    const before = held();
    const seen: number[] = [];
    const started = performance.now();
    const report = await manager.ledger.verify({
      onProgress(done) {
        if (done >= ((seen.length + 1) * all) / 10) seen.push(held() - before);
      },
    });
    const seconds = (performance.now() - started) / 1000;
    expect(report).toMatchObject({ ok: true, checked: all });
    expect(report.file).toEqual(filePath === undefined ? null : { lines: all, foreign: 0, torn: 0 });
    console.log(`${all} entries in ${seconds.toFixed(1)} s, MiB held: ${seen.map((mib) => Math.round(mib))}`);
    expect(seen).toHaveLength(10);
    return seen;
  }

  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => [`u${String(i).padStart(4, '0')}`, 100] as const);

  test('one account of 100,000 entries in a database of 200,000: bounded, and not growing with them', async () => {
    const seen = await heldDuring([['a-long-one', 100_000], ...many(1_000)], undefined);
    expect(Math.max(...seen)).toBeLessThan(60);
    expect((seen.at(-1) as number) - (seen[1] as number)).toBeLessThan(10);
  });

  test('30,000 entries with their file: bounded too', async () => {
    const seen = await heldDuring([['a-long-one', 20_000], ...many(100)], newFile());
    expect(Math.max(...seen)).toBeLessThan(60);
  });
});
