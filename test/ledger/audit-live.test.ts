/**
 * Never a false alarm beside traffic. What may be told, by the docstring of `verify` and rule 27 (the file may lag): of
 * an entry whose line is still on its way, `file_missing` and nothing else. This process's own entries are on their way
 * for a moment only, which `verify` waits for, so none of them may be told here; of other processes' any may, and must
 * be gone once they are quiet.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { testClock } from '../../src/entries/testing.js';
import { InMemoryDbManager, type VerifyReport } from '../../src/index.js';
import {
  type AnyDb,
  jsonDb,
  memoryDb,
  newFile,
  openWorld,
  START,
  told,
  type World,
  wrapped,
} from '../support/audit-world.js';
import { anyCall, newTrail, randomOf } from './audit-traffic.js';

const USERS = ['hot', 'a', 'b', 'c'];

/** Runs `before` ahead of every read, unless it reads itself. */
function hooked(inner: AnyDb, before: (verb: string, model: string) => Promise<void>): AnyDb {
  let isInside = false;
  const first = async (verb: string, model: string) => {
    if (isInside) return;
    isInside = true;
    await before(verb, model).finally(() => {
      isInside = false;
    });
  };
  return wrapped(inner, {
    getMany: async (model, ...rest) => {
      await first('getMany', model);
      return inner.getMany(model, ...rest);
    },
    find: async (model, ...rest) => {
      await first('find', model);
      return inner.find(model, ...rest);
    },
    count: async (model, ...rest) => {
      await first('count', model);
      return inner.count(model, ...rest);
    },
  });
}

/** Nothing but lines of others on their way. */
function expectNoAlarm(report: VerifyReport, own: string, context: unknown): void {
  const alarms = report.problems.filter(({ kind, id }) => kind !== 'file_missing' || id.startsWith(own));
  expect({ context, alarms }).toEqual({ context, alarms: [] });
}

describe('somebody writes before every single read of the run', () => {
  /** The auditor's own calls write too, and three other processes'. */
  async function interleaved(
    seed: number,
    db: AnyDb,
    options: { filePath?: string; only?: string; calls?: number },
  ): Promise<number> {
    const random = randomOf(seed);
    const clock = testClock(START);
    const file = options.filePath === undefined ? {} : { filePath: options.filePath };
    const others = ['p1', 'p2', 'p3'].map((prefix) => openWorld({ db, clock, prefix, ...file }).manager);
    const trail = newTrail();
    const users = options.only === undefined ? USERS : [options.only];
    let isOn = false;
    const step = async () => {
      if (!isOn) return;
      const writers = [...others, world.manager];
      const writer = writers[random(writers.length)] as World['manager'];
      const names = random(12) === 0 ? [`new-${trail.calls}`] : users;
      await anyCall(writer, names, random, trail, () => clock.now());
      if (random(6) === 0) clock.advance({ seconds: random(30) });
    };
    const world: World = openWorld({ db: hooked(db, step), clock, prefix: 'own', ...file });
    for (let i = 0; i < (options.calls ?? 60); i++)
      await anyCall(world.manager, users, random, trail, () => clock.now());
    for (let run = 0; run < (options.calls ? 3 : 6); run++) {
      isOn = true;
      const userId = users[random(users.length)] as string;
      const report = await world.manager.ledger.verify(run % 3 === 2 ? { userId } : {});
      isOn = false;
      expectNoAlarm(report, 'own', { seed, run });
      if (options.filePath === undefined) expect(report.ok).toBe(true);
    }
    if (options.filePath !== undefined) await world.manager.ledger.reconcile();
    expect(told(await world.manager.ledger.verify())).toEqual([]);
    for (const { ledger } of others) expect(told(await ledger.verify())).toEqual([]);
    return trail.calls;
  }

  test.each(Array.from({ length: 6 }, (_, i) => i + 1))('without a file, seed %i', async (seed) => {
    expect(await interleaved(seed, memoryDb(), {})).toBeGreaterThan(100);
  });

  test.each([21, 22])('all on one account, seed %i', async (seed) => {
    expect(await interleaved(seed, memoryDb(), { only: 'hot' })).toBeGreaterThan(90);
  });

  test('as JSON', async () => {
    await interleaved(31, jsonDb(), { calls: 20 });
  });

  test.each([41, 42])('with one file for all, seed %i', async (seed) => {
    await interleaved(seed, memoryDb(), { filePath: newFile() });
  });
});

describe('at full speed', () => {
  /** Runs of those who verify, together. */
  const VERIFIES = 6;

  /** Four processes write as fast as they can while two of them verify again and again. */
  async function race(filePath: string | undefined, users: readonly string[]): Promise<void> {
    const clock = testClock(START);
    const db = new InMemoryDbManager({ suspend: () => new Promise(setImmediate) }) as unknown as AnyDb;
    const file = filePath === undefined ? {} : { filePath };
    const worlds = ['w1', 'w2', 'w3', 'w4'].map((prefix) => openWorld({ db, clock, prefix, ...file }));
    let isOn = true;
    const trails = worlds.map(newTrail);
    const writing = worlds.map(async ({ manager }, i) => {
      const random = randomOf(i + 1);
      const trail = trails[i] as ReturnType<typeof newTrail>;
      while (isOn) {
        await Promise.all(Array.from({ length: 6 }, () => anyCall(manager, users, random, trail, () => clock.now())));
        if (random(8) === 0) clock.advance({ seconds: random(20) });
      }
    });
    let runs = 0;
    const verifying = ['w1', 'w2'].map(async (own, i) => {
      const { manager } = worlds[i] as World;
      do {
        const report = await manager.ledger.verify(runs % 4 === 3 ? { userId: users[0] } : {});
        expectNoAlarm(report, own, { own, runs });
        if (filePath === undefined) expect(report.ok).toBe(true);
        runs++;
      } while (runs < VERIFIES);
    });
    await Promise.all(verifying).finally(() => {
      isOn = false;
    });
    await Promise.all(writing);
    await (worlds[0] as World).manager.ledger[filePath === undefined ? 'verify' : 'reconcile']();
    for (const { manager } of worlds) expect(told(await manager.ledger.verify())).toEqual([]);
    console.log(`${runs} runs beside ${trails.reduce((sum, { calls }) => sum + calls, 0)} calls`);
    expect(runs).toBeGreaterThan(1);
  }

  test('without a file', () => race(undefined, USERS));
  test('on one account alone', () => race(undefined, ['hot']));
  test('with one file for all', () => race(newFile(), USERS));
});

describe('one thing at the worst moment', () => {
  /** `late` happens once, before a certain read of the run. */
  async function at(
    verb: string,
    model: string,
    prepare: (world: World) => Promise<void>,
    late: Late,
  ): Promise<string[]> {
    const db = memoryDb();
    const clock = testClock(START);
    const other = openWorld({ db, clock, prefix: 'other' });
    await prepare(other);
    let isOn = true;
    const hook = async (v: string, m: string) => {
      if (!isOn || v !== verb || m !== model) return;
      isOn = false;
      await late(other);
    };
    const { manager } = openWorld({ db: hooked(db, hook), clock, prefix: 'own' });
    await manager.init();
    const report = await manager.ledger.verify();
    expect(isOn).toBe(false);
    return told(report);
  }
  type Late = (world: World) => Promise<unknown>;

  const credited = async ({ manager }: World) => void (await manager.credits.addCredits('u', 10));
  const held = async ({ manager }: World) => {
    await manager.credits.addCredits('u', 10);
    await manager.credits.reserveCredits('u', 4);
  };
  const closing: Late = ({ manager }) => manager.credits.deductCredits('u', 10);

  test.each(['find entry', 'getMany account', 'getMany grant', 'count account', 'count grant', 'count reservation'])(
    'a grant closes before %s',
    async (place) => {
      const [verb, model] = place.split(' ') as [string, string];
      expect(await at(verb, model, credited, closing)).toEqual([]);
    },
  );

  test.each(['find entry', 'getMany account', 'getMany reservation'])('a hold ends before %s', async (place) => {
    const [verb, model] = place.split(' ') as [string, string];
    const late: Late = async ({ manager }) => {
      const { items } = await manager.credits.getActiveReservations('u');
      await manager.credits.releaseReservedCredits(items[0]?.id as string);
    };
    expect(await at(verb, model, held, late)).toEqual([]);
  });

  test('an expired hold is charged late before its row is read', async () => {
    const prepare = async (world: World) => {
      await held(world);
      world.clock.advance({ hours: 1 });
      await world.manager.credits.expireCredits('u');
    };
    const late: Late = async ({ manager }) => {
      const { items } = await manager.ledger.list({ types: ['reserve'] });
      const id = items[0]?.id;
      await manager.credits.commitReservedCredits(`r-${id}`, { ifExpired: 'charge' });
    };
    for (const verb of ['getMany reservation', 'getMany account', 'find entry']) {
      const [name, model] = verb.split(' ') as [string, string];
      expect(await at(name, model, prepare, late)).toEqual([]);
    }
  });

  test('an account is made, or refused something, before its row is read', async () => {
    const made: Late = ({ manager }) => manager.credits.addCredits('new', 1);
    const refusal: Late = ({ manager }) => manager.credits.deductCredits('u', 99).catch(() => {});
    for (const verb of ['find entry', 'getMany account', 'count account', 'getMany grant']) {
      const [name, model] = verb.split(' ') as [string, string];
      expect(await at(name, model, credited, made)).toEqual([]);
      expect(await at(name, model, credited, refusal)).toEqual([]);
    }
  });

  test('what is written long after the run began is not of the future', async () => {
    const late: Late = async ({ manager, clock }) => {
      clock.advance({ hours: 3 });
      await manager.credits.addCredits('u', 1);
      await manager.credits.deductCredits('z', 1).catch(() => {});
    };
    expect(await at('find', 'entry', credited, late)).toEqual([]);
  });

  test('what is dated later than now is', async () => {
    const db = memoryDb();
    const ahead = openWorld({ db, clock: testClock('2030-01-01T00:00:02.001Z'), prefix: 'ahead' });
    const { manager, clock } = openWorld({ db, clock: testClock('2030-01-01T00:00:00.000Z'), prefix: 'own' });
    await manager.init();
    const { id } = await ahead.manager.credits.addCredits('u', 1);
    expect(told(await manager.ledger.verify())).toEqual([`future ${id}`]);
    clock.advance({ seconds: 1.001 });
    expect(told(await manager.ledger.verify())).toEqual([]);
  });

  test('a commit of this process is applied and not answered yet', async () => {
    const inner = memoryDb();
    let isGated = false;
    let gate = Promise.resolve();
    let applied = () => {};
    const db = wrapped(inner, {
      commit: async (...args) => {
        const outcome = await inner.commit(...args);
        if (isGated) {
          applied();
          await gate;
        }
        return outcome;
      },
    });
    const { manager } = openWorld({ db, filePath: newFile() });
    await manager.credits.addCredits('u', 10);
    const isApplied = new Promise<void>((resolve) => {
      applied = resolve;
    });
    isGated = true;
    gate = new Promise((resolve) => setTimeout(resolve, 120));
    const call = manager.credits.deductCredits('u', 1);
    await isApplied;
    expect(told(await manager.ledger.verify())).toEqual([]);
    await call;
  });
});

describe('lines that others write meanwhile', () => {
  test('a line that arrives while the run waits for it is no problem', async () => {
    const filePath = newFile();
    const world = openWorld({ filePath });
    const { id } = await world.manager.credits.addCredits('u', 1);
    await world.manager.ledger.verify();
    // Another process, with a file of its own, whose line comes late.
    const theirs = newFile();
    const other = openWorld({ db: world.db, clock: world.clock, filePath: theirs, prefix: 'other' });
    const late = await other.manager.credits.addCredits('u', 2);
    await other.manager.ledger.reconcile();
    const line = readFileSync(theirs, 'utf8')
      .split('\n')
      .find((text) => text.includes(`{"id":"${late.id}"`)) as string;
    expect(line).toContain('credit');
    const running = world.manager.ledger.verify();
    setTimeout(() => appendFileSync(filePath, line.slice(0, 100)), 60);
    setTimeout(() => appendFileSync(filePath, `${line.slice(100)}\n`), 130);
    const report = await running;
    expect(told(report).filter((text) => text.includes(late.id) || text.includes(id))).toEqual([]);
  });

  test('a line that never comes is told, of that entry alone, until it is reconciled', async () => {
    const world = openWorld({ filePath: newFile() });
    await world.manager.credits.addCredits('u', 1);
    const other = openWorld({ db: world.db, clock: world.clock, prefix: 'other' });
    const { id } = await other.manager.credits.addCredits('u', 2);
    expect(told(await world.manager.ledger.verify())).toEqual([`file_missing ${id}`]);
    expect(told(await world.manager.ledger.verify({ userId: 'u' }))).toEqual([`file_missing ${id}`]);
    expect(await world.manager.ledger.reconcile()).toEqual({ added: 1 });
    expect(told(await world.manager.ledger.verify())).toEqual([]);
  });
});
