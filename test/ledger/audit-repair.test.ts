/** What `reconcile` and `rebuildFile` answer, leave alone, and leave behind when they are stopped. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isCreditError, type LedgerService } from '../../src/index.js';
import {
  entriesOf,
  newFile,
  openWorld,
  paged,
  richWorld,
  rowsOf,
  told,
  type World,
  wrapped,
} from '../support/audit-world.js';
import { codeOf } from '../support/codes.js';
import { anyCall, newTrail, randomOf } from './audit-traffic.js';

const CLEAN = { ok: true, problems: [] };
const textOf = (path: string) => readFileSync(path, 'utf8');
const linesOf = (path: string) => textOf(path).split('\n').slice(0, -1);
const idsOf = (path: string) => linesOf(path).map((line) => JSON.parse(line).id as string);
const sortedIds = async ({ db }: World) => (await entriesOf(db)).map((row) => row.id as string).sort();
/** The line of an act of the library follows its answer; a run of `verify` waits for it. */
async function reconciled({ ledger }: World['manager']): Promise<{ added: number }> {
  const result = await ledger.reconcile();
  await ledger.verify();
  return result;
}

/** A ledger of which the file has nothing yet: it was written without one. */
async function unfiled(): Promise<World & { filePath: string }> {
  const { db, clock } = await richWorld();
  const filePath = newFile();
  return { ...openWorld({ db, clock, filePath, prefix: 'filed' }), filePath };
}

const repairs = ['reconcile', 'rebuildFile'] as const;

describe.each(repairs)('%s', (verb) => {
  const run = (ledger: LedgerService, options?: object) => ledger[verb](options as never);

  test('without a file is CONFIGURATION and says what is not set', async () => {
    const { manager } = openWorld();
    const error = await run(manager.ledger).catch((cause: unknown) => cause);
    expect(isCreditError(error, 'CONFIGURATION')).toBe(true);
    expect(JSON.stringify((error as { details: object }).details)).toContain('ledger.filePath');
  });

  test('with options that are none is INVALID_ARGUMENT', async () => {
    const { manager } = openWorld({ filePath: newFile() });
    for (const options of [{ signal: 1 }, { userId: 'u' }, null, 'x']) {
      expect(await codeOf(run(manager.ledger, options as never))).toBe('INVALID_ARGUMENT');
    }
  });

  test('aborted beforehand changes nothing', async () => {
    const { manager, filePath } = await unfiled();
    expect(await codeOf(run(manager.ledger, { signal: AbortSignal.abort() }))).toBe('ABORTED');
    expect(existsSync(filePath)).toBe(false);
  });

  test('where a folder stands in the place of the file is LEDGER_FILE_UNAVAILABLE', async () => {
    const { db, clock } = await richWorld();
    const filePath = newFile();
    mkdirSync(filePath);
    const { manager } = openWorld({ db, clock, filePath, prefix: 'filed' });
    expect(await codeOf(run(manager.ledger))).toBe('LEDGER_FILE_UNAVAILABLE');
    expect(readdirSync(filePath)).toEqual([]);
  });

  test('beside traffic of two processes: once they are quiet the file is whole', async () => {
    const filePath = newFile();
    const one = openWorld({ filePath, prefix: 'one' });
    const two = openWorld({ db: one.db, clock: one.clock, filePath, prefix: 'two' });
    const random = randomOf(7);
    const trail = newTrail();
    let isOn = true;
    const writing = [one, two].map(async ({ manager }) => {
      while (isOn) {
        await Promise.all([1, 2, 3].map(() => anyCall(manager, ['a', 'b'], random, trail, () => one.clock.now())));
        await new Promise(setImmediate);
      }
    });
    for (let i = 0; i < 5; i++) await run((i % 2 === 0 ? one : two).manager.ledger);
    isOn = false;
    await Promise.all(writing);
    for (const { manager } of [one, two]) await manager.ledger.reconcile();
    expect(await one.manager.ledger.verify()).toMatchObject(CLEAN);
    expect([...new Set(idsOf(filePath))].sort()).toEqual(await sortedIds(one));
  });
});

describe('reconcile', () => {
  test('adds every entry of a ledger that had no file, in the order of their instants, and once', async () => {
    const world = await unfiled();
    const { manager, filePath, db } = world;
    const before = await rowsOf(db, 'entry', 'time');
    expect(await reconciled(manager)).toEqual({ added: before.length });
    const ids = idsOf(filePath);
    expect(ids.slice(0, before.length)).toEqual(before.map((row) => row.id));
    // Its own act is an entry too, and has its line.
    const [act] = (await manager.ledger.list({ types: ['system'] })).items;
    expect(act).toMatchObject({ message: 'Ledger file reconciled', details: { added: before.length } });
    expect(ids.slice(before.length)).toEqual([act?.id]);
    expect(await manager.ledger.verify()).toMatchObject({ ...CLEAN, file: { lines: ids.length, foreign: 0, torn: 0 } });

    const bytes = textOf(filePath);
    expect(await manager.ledger.reconcile()).toEqual({ added: 0 });
    expect(await manager.ledger.reconcile()).toEqual({ added: 0 });
    expect(textOf(filePath)).toBe(bytes);
    expect(await sortedIds(world)).toEqual(ids.toSorted());
  });

  test('leaves what stands and adds behind it what others wrote', async () => {
    const filePath = newFile();
    const { manager, db, clock } = openWorld({ filePath });
    await manager.credits.addCredits('u', 5);
    await reconciled(manager);
    const before = textOf(filePath);
    const other = openWorld({ db, clock, prefix: 'other' });
    const { id } = await other.manager.credits.addCredits('u', 6);
    await other.manager.credits.deductCredits('u', 99).catch(() => {});
    expect(await reconciled(manager)).toEqual({ added: 2 });
    expect(textOf(filePath).startsWith(before)).toBe(true);
    // In the order of instants, then of sequence: the refusal, which has none, stands first of its instant.
    expect(idsOf(filePath).slice(-3, -1)).toEqual([expect.stringMatching(/^other-\d+\.r\d+$/), id]);
    expect(await manager.ledger.verify()).toMatchObject(CLEAN);
  });

  test('brings back each line that was removed, torn or damaged, and never cuts what it finds', async () => {
    const { manager, filePath } = await unfiled();
    await reconciled(manager);
    const lines = linesOf(filePath);
    const damaged = lines.flatMap((line, i) => {
      if (i % 4 === 0) return [];
      if (i % 4 === 1) return [line.slice(0, line.length / 2)];
      return [i % 4 === 2 ? line.replace('"seq"', '"sex"') : line];
    });
    writeFileSync(filePath, `${damaged.join('\n')}\n{"id":"torn`);
    const found = textOf(filePath);
    const lost = lines.filter((_, i) => i % 4 !== 3).length;
    expect(await reconciled(manager)).toEqual({ added: lost });
    expect(textOf(filePath).startsWith(found)).toBe(true);
    const report = await manager.ledger.verify();
    expect(new Set(report.problems.map(({ kind }) => kind))).toEqual(new Set(['file_differs']));
    expect(report.problemCount).toBe(lines.filter((_, i) => i % 4 === 2).length);
    expect(report.file?.torn).toBe(lines.filter((_, i) => i % 4 === 1).length + 1);
    expect(await manager.ledger.reconcile()).toEqual({ added: 0 });
  });

  test('makes a file again that was removed', async () => {
    const world = await unfiled();
    await reconciled(world.manager);
    unlinkSync(world.filePath);
    const { length } = await entriesOf(world.db);
    expect(await world.manager.ledger.reconcile()).toEqual({ added: length });
    expect(await world.manager.ledger.verify()).toMatchObject(CLEAN);
  });

  test('twice at once, in one process and in two: a line may stand twice, none is missing', async () => {
    const world = await unfiled();
    const { db, clock, filePath } = world;
    const other = openWorld({ db, clock, filePath, prefix: 'other' });
    const { ledger } = world.manager;
    const all = await Promise.all([ledger.reconcile(), ledger.reconcile(), other.manager.ledger.reconcile()]);
    const { length } = await entriesOf(db);
    for (const { added } of all) expect(added).toBeLessThanOrEqual(length);
    await ledger.reconcile();
    expect(await ledger.verify()).toMatchObject(CLEAN);
    expect([...new Set(idsOf(filePath))].sort()).toEqual(await sortedIds(world));
    const byId = new Map<string, string>();
    for (const line of linesOf(filePath)) {
      const { id } = JSON.parse(line);
      expect(byId.get(id) ?? line).toBe(line);
      byId.set(id, line);
    }
  });

  test.each([1, 2, 5, 9])('aborted at page %i leaves whole lines, and a second run adds the rest', async (page) => {
    const { db, clock } = await richWorld();
    const total = (await entriesOf(db)).length;
    const controller = new AbortController();
    const small = paged(db, 7);
    let pages = 0;
    const counting = wrapped(small, {
      find: (model, ...rest) => {
        if (model === 'entry' && ++pages === page) controller.abort();
        return small.find(model, ...rest);
      },
    });
    const filePath = newFile();
    const { manager } = openWorld({ db: counting, clock, filePath, prefix: 'own' });
    expect(await codeOf(manager.ledger.reconcile({ signal: controller.signal }))).toBe('ABORTED');
    const some = existsSync(filePath) ? idsOf(filePath).length : 0;
    expect(some).toBeLessThan(total);
    expect(await manager.ledger.reconcile()).toEqual({ added: total - some });
    expect(await manager.ledger.verify()).toMatchObject({ ...CLEAN, file: { lines: total + 1 } });
  });
});

describe('rebuildFile', () => {
  test('writes every entry in the order of instants; the old file stays beside it as it was', async () => {
    const filePath = newFile();
    const world = await richWorld({ filePath });
    const { manager, db } = world;
    await reconciled(manager);
    appendFileSync(filePath, 'something else\n{"id":"torn');
    const old = readFileSync(filePath);
    const before = await rowsOf(db, 'entry', 'time');
    const { lines, replaced } = await manager.ledger.rebuildFile();
    expect(lines).toBe(before.length);
    expect(dirname(replaced as string)).toBe(dirname(filePath));
    expect(basename(replaced as string)).toContain(basename(filePath));
    expect(readFileSync(replaced as string).equals(old)).toBe(true);
    await reconciled(manager);
    const ids = idsOf(filePath);
    expect(ids.slice(0, lines)).toEqual(before.map((row) => row.id));
    expect(ids).toHaveLength(lines + 1);
    const report = await manager.ledger.verify();
    expect(report).toMatchObject({ ...CLEAN, file: { lines: lines + 1, foreign: 0, torn: 0 } });
    const [act] = (await manager.ledger.list({ types: ['system'] })).items;
    expect(act).toMatchObject({ message: 'Ledger file rebuilt', details: { lines } });
  });

  test('without an old file answers null, and twice is the same and two files kept', async () => {
    const { manager, filePath } = await unfiled();
    const first = await manager.ledger.rebuildFile();
    expect(first.replaced).toBeNull();
    await reconciled(manager);
    const text = textOf(filePath);
    const second = await manager.ledger.rebuildFile();
    const third = await manager.ledger.rebuildFile();
    await manager.ledger.reconcile();
    expect(new Set([second.replaced, third.replaced, filePath]).size).toBe(3);
    expect(textOf(second.replaced as string)).toBe(text);
    expect(second.lines).toBe(first.lines + 1);
    expect(third.lines).toBe(first.lines + 2);
    expect(textOf(filePath).startsWith(text)).toBe(true);
    expect(idsOf(filePath)).toEqual([...new Set(idsOf(filePath))]);
    expect(await manager.ledger.verify()).toMatchObject(CLEAN);
  });

  test('heals every damage that reconcile only reports', async () => {
    const { manager, filePath } = await unfiled();
    await reconciled(manager);
    const bytes = readFileSync(filePath);
    for (let at = 40; at < bytes.length; at += 97) bytes[at] = 0xff;
    writeFileSync(filePath, bytes);
    await manager.ledger.reconcile();
    expect((await manager.ledger.verify()).problemCount).toBeGreaterThan(40);
    await manager.ledger.rebuildFile();
    expect(await manager.ledger.verify()).toMatchObject({ ...CLEAN, file: { foreign: 0, torn: 0 } });
  });

  test.each([1, 2, 5, 9])('aborted at page %i leaves the old file and nothing else', async (page) => {
    const filePath = newFile();
    const { db, clock } = await richWorld({ filePath });
    await reconciled(openWorld({ db, clock, filePath, prefix: 'first' }).manager);
    const old = readFileSync(filePath);
    const around = () => readdirSync(dirname(filePath)).filter((name) => name.startsWith(basename(filePath)));
    const controller = new AbortController();
    const small = paged(db, 7);
    let pages = 0;
    const counting = wrapped(small, {
      find: (model, ...rest) => {
        if (model === 'entry' && ++pages === page) controller.abort();
        return small.find(model, ...rest);
      },
    });
    const { manager } = openWorld({ db: counting, clock, filePath, prefix: 'own' });
    expect(await codeOf(manager.ledger.rebuildFile({ signal: controller.signal }))).toBe('ABORTED');
    expect(readFileSync(filePath).equals(old)).toBe(true);
    expect(around()).toEqual([basename(filePath)]);
    const { replaced } = await manager.ledger.rebuildFile();
    expect(readFileSync(replaced as string).equals(old)).toBe(true);
    expect(around()).toHaveLength(2);
    expect(await manager.ledger.verify()).toMatchObject(CLEAN);
  });

  test('by two processes at once: whoever is refused, the file is whole after a reconcile', async () => {
    const world = await unfiled();
    const { db, clock, filePath } = world;
    await world.manager.ledger.reconcile();
    const other = openWorld({ db, clock, filePath, prefix: 'other' });
    const both = await Promise.allSettled([world.manager.ledger.rebuildFile(), other.manager.ledger.rebuildFile()]);
    for (const one of both) {
      if (one.status === 'rejected') expect(one.reason.code).toBe('LEDGER_FILE_UNAVAILABLE');
    }
    for (const { manager } of [world, other]) await manager.ledger.reconcile();
    expect(told(await world.manager.ledger.verify())).toEqual([]);
  });
});

test('refusals without entries leave nothing that a file could lack', async () => {
  const filePath = newFile();
  const { createCreditManagement } = await import('../../src/index.js');
  const manager = createCreditManagement({ ledger: { filePath, errors: false } });
  await manager.credits.addCredits('u', 1);
  await manager.credits.deductCredits('u', 9).catch(() => {});
  expect(await manager.ledger.verify()).toMatchObject({ ...CLEAN, checked: 2, file: { lines: 2 } });
  expect((await manager.ledger.list({ types: ['error'] })).items).toEqual([]);
  await manager.close();
});
