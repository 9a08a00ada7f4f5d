/** The relay against a database in trouble, at the end of its manager, and the options that set it up. */
import { describe, expect, test } from 'vitest';
import { testClock, testNotificationQueue } from '../../src/entries/testing.js';
import {
  createCreditManagement,
  creditError,
  InMemoryDbManager,
  InMemoryNotificationQueue,
  type NotificationQueue,
  type Unit,
} from '../../src/index.js';
import { GatedDb, unknown } from '../backends/gated-db.js';
import { Recorder, statuses } from '../support/outbox-world.js';
import { ownNow } from '../support/pace.js';
import { QUIET } from '../support/quiet.js';
import { gate } from '../support/wait.js';

function open(options: Parameters<typeof createCreditManagement>[0] = {}) {
  const db = new GatedDb();
  const clock = testClock();
  const sink = new Recorder();
  const manager = createCreditManagement({ clock, sinks: [sink], logger: QUIET, ...options, db });
  const rows = async () => (await db.inner.find('outbox', { index: 'sent', limit: 100 })).rows;
  return { db, clock, sink, manager, rows };
}

const marks = (unit: Unit) => unit.some((change) => change.op === 'replace' && change.row.status === 'sent');

describe('a database in trouble', () => {
  test('that cannot be read stops the run with a report, and the next one goes on', async () => {
    const { db, manager, sink } = open();
    await manager.credits.addCredits('u', 1);
    db.methods.find = () => Promise.reject(creditError('STORAGE_UNAVAILABLE', 'The test made this fail.', {}));
    const report = await manager.jobs.runOutbox();
    expect(report).toMatchObject({ status: 'stopped', processed: 0, skippedCount: 1 });
    expect(report.skipped).toMatchObject([{ id: 'sink', code: 'STORAGE_UNAVAILABLE' }]);
    db.methods = {};
    expect(await manager.jobs.runOutbox()).toMatchObject({ status: 'completed', delivered: 3 });
    expect(new Set(sink.ids()).size).toBe(3);
  });

  test.each([
    ['fails', false],
    ['is applied and its answer lost', true],
    ['is lost', false],
  ])('whose mark of a delivery %s: no event is lost, and a repetition has the same bytes', async (how, isApplied) => {
    const { db, clock, manager, sink, rows } = open();
    await manager.credits.addCredits('u', 1);
    db.methods.commit = async (units, options) => {
      if (!units.some(marks)) return db.inner.commit(units, options);
      delete db.methods.commit;
      if (how === 'fails') throw creditError('STORAGE_UNAVAILABLE', 'The test made this fail.', {});
      if (isApplied) await db.inner.commit(units, options);
      return unknown(units);
    };
    const report = await manager.jobs.runOutbox();
    // The whole group was published before its mark.
    expect(report).toMatchObject({ processed: 3, skippedCount: 1 });
    expect(report.skipped[0]?.code).toBe('STORAGE_UNAVAILABLE');
    // The claim holds until it ends.
    expect(await manager.jobs.runOutbox()).toMatchObject({ processed: 0, waiting: isApplied ? 0 : 1 });
    clock.advance({ minutes: 2 });
    await manager.jobs.runOutbox();
    expect(statuses((await rows()) as never)).toEqual(['sent', 'sent', 'sent']);
    expect(sink.received.length).toBe(isApplied ? 3 : 6);
    expect(new Set(sink.received.map(({ bytes }) => bytes)).size).toBe(3);
  });

  test('that cannot be opened is what the call rejects with', async () => {
    const { db, manager } = open();
    db.methods.init = () => Promise.reject(creditError('STORAGE_UNAVAILABLE', 'The test made this fail.', {}));
    const report = await manager.jobs.runOutbox();
    expect(report).toMatchObject({ status: 'stopped', skipped: [{ code: 'STORAGE_UNAVAILABLE' }] });
    await expect(manager.notifications.listNotifications()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
  });
});

describe('close', () => {
  test('gives a delivery under way its time, stores what became of it, and closes sinks and queue', async () => {
    const queue = Object.assign(new InMemoryNotificationQueue(), { closed: 0 });
    queue.close = async () => void queue.closed++;
    const { db, manager, sink } = open({ queue });
    const [reached, answering] = [gate(), gate()];
    sink.answer = () => {
      reached.open();
      return answering.opened;
    };
    await manager.credits.addCredits('u', 1);
    const running = manager.jobs.runOutbox();
    await reached.opened;
    let sent = 0;
    db.methods.commit = (units, options) => {
      sent += units.filter(marks).length;
      return db.inner.commit(units, options);
    };
    const closing = manager.close();
    answering.open();
    await closing;
    expect(await running).toMatchObject({ status: 'stopped', processed: 1, delivered: 1, skippedCount: 0 });
    expect([sent, sink.closed, queue.closed]).toEqual([1, 1, 1]);
    expect(await manager.jobs.runOutbox()).toMatchObject({ status: 'stopped', skipped: [{ code: 'CLOSED' }] });
  });

  test('waits five seconds for a sink that hangs, and for one that does not close or throws', async () => {
    const { manager, sink } = open();
    const reached = gate();
    sink.answer = () => {
      reached.open();
      return new Promise(() => {});
    };
    sink.close = () => {
      throw new Error('rude');
    };
    await manager.credits.addCredits('u', 1);
    const running = manager.jobs.runOutbox();
    await reached.opened;
    const [began, own] = [performance.now(), ownNow()];
    await manager.close();
    expect(performance.now() - began).toBeGreaterThan(4_500);
    expect(ownNow() - own).toBeLessThan(8_000);
    expect(await running).toMatchObject({ status: 'stopped', delivered: 0, skippedCount: 1 });
  });

  test('is heard by runs with many deliveries at once without a warning of leaks', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on('warning', note);
    const names = Array.from({ length: 4 }, (_, i) => new Recorder(`sink-${i}`));
    const { manager } = open({ sinks: names });
    await Promise.all(Array.from({ length: 40 }, (_, i) => manager.credits.addCredits(`u-${i}`, 1)));
    const { signal } = new AbortController();
    expect(await manager.jobs.runOutbox({ signal })).toMatchObject({ delivered: 480 });
    await manager.close();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});

test.each([
  [{ sinks: [new Recorder('one'), new Recorder('one')] }, 'sinks'],
  [{ queue: {} as NotificationQueue }, 'queue'],
  [{ notifyErrors: 'yes' as unknown as boolean }, 'notifyErrors'],
  [{ outbox: { concurrency: 0 } }, 'outbox.concurrency'],
  [{ outbox: { maxRefusals: 0.5 } }, 'outbox.maxRefusals'],
])('option %#: a CONFIGURATION error names %s', (options, name) => {
  expect(() => createCreditManagement(options)).toThrowError(
    expect.objectContaining({ code: 'CONFIGURATION', message: expect.stringContaining(name) }),
  );
});

test('a process learns of a queue that is younger than itself, at the latest when somebody is to be told', async () => {
  const db = new InMemoryDbManager();
  const old = createCreditManagement({ db, logger: QUIET });
  await old.init();
  const queue = new InMemoryNotificationQueue();
  await createCreditManagement({ db, logger: QUIET, queue }).init();
  await old.notifications.notifyTransactionError('u', 'told by another process', {});
  expect(queue.messages).toEqual([]);
  expect((await old.notifications.listNotifications()).items).toMatchObject([{ status: 'pending' }]);
});

describe('testNotificationQueue', () => {
  const wrong: Record<string, (inner: InMemoryNotificationQueue) => NotificationQueue['enqueue']> = {
    'that loses every tenth message': (inner) => {
      let count = 0;
      return async (message) => (++count % 10 === 0 ? undefined : inner.enqueue(message));
    },
    'that turns the order round': (inner) => async (message) => void inner.messages.unshift(structuredClone(message)),
    'that keeps the object itself': (inner) => async (message) => void inner.messages.push(message),
    'that drops what it has seen': (inner) => async (message) => {
      const known = inner.messages.some(({ notification_id }) => notification_id === message.notification_id);
      if (!known) await inner.enqueue(message);
    },
    'that takes 8 KB at most': (inner) => async (message) =>
      JSON.stringify(message).length > 8_192 ? { rejected: 'too long' } : inner.enqueue(message),
    'that speaks Latin-1': (inner) => (message) =>
      inner.enqueue(JSON.parse(Buffer.from(JSON.stringify(message), 'latin1').toString('latin1'))),
    'that adds to what it was given': (inner) => (message) => inner.enqueue(Object.assign(message, { seen: true })),
  };

  test.each(Object.keys(wrong))('finds a queue %s', async (name) => {
    const bodies: (() => Promise<void>)[] = [];
    const collect = {
      describe: (_: string, body: () => void) => body(),
      test: (_: string, body: () => Promise<void>) => void bodies.push(body),
    };
    const make = () => {
      const inner = new InMemoryNotificationQueue();
      return { enqueue: (wrong[name] as (typeof wrong)[string])(inner), inner };
    };
    testNotificationQueue(collect, make, { received: ({ inner }) => inner.messages });
    const results = await Promise.allSettled(bodies.map((body) => body()));
    expect(statuses(results)).toContain('rejected');
  });
});
