/** Notifications: written once, with what they tell of, and delivered whatever the queue does. */
import { describe, expect, test } from 'vitest';
import { testNotificationQueue } from '../../src/entries/testing.js';
import { InMemoryNotificationQueue, type NotificationMessage, type NotificationQueue } from '../../src/index.js';
import { notificationRows, onEveryBackend, statuses } from '../support/outbox-world.js';
import { gate, sleep } from '../support/wait.js';

const LOW = { defaults: { lowCreditThreshold: 10 } };

describe('InMemoryNotificationQueue', () =>
  testNotificationQueue({ describe, test }, () => new InMemoryNotificationQueue(), {
    received: ({ messages }) => messages,
  }));

/** A queue that answers as it is told. */
function queueOf(answer: NotificationQueue['enqueue']): NotificationQueue & { messages: NotificationMessage[] } {
  const messages: NotificationMessage[] = [];
  const enqueue: NotificationQueue['enqueue'] = (message) => {
    messages.push(message);
    return answer(message);
  };
  return { messages, enqueue };
}

await onEveryBackend('notifications', (withWorld) => {
  test('D-N-1, A-16 a crossing by itself leaves a pending row, and the relay hands the queue its message', async () => {
    await withWorld(async (world) => {
      const queue = new InMemoryNotificationQueue();
      const { credits, jobs, notifications } = world.open({ queue, ...LOW });
      const { runOutbox } = jobs;
      await credits.addCredits('u', 20);
      const { id } = await credits.deductCredits('u', 12.5);
      expect(queue.messages).toEqual([]);
      const [row] = await notificationRows(world);
      expect(row).toMatchObject({ type: 'low_credits', status: 'pending', userId: 'u', sentAt: null, sequence: 2 });
      expect(row?.id).toContain(id);
      world.clock.advance({ seconds: 5 });
      expect(await runOutbox()).toMatchObject({ processed: 1, delivered: 1 });
      const payload = { current_credits: { balance: 7.5, reserved: 0, available: 7.5 } };
      expect(queue.messages).toEqual([{ notification_id: row?.id, type: 'low_credits', user_id: 'u', payload }]);
      const { items } = await notifications.listNotifications({ userId: 'u' });
      const createdAt = new Date('2030-01-01T00:00:00Z');
      const told = { creditType: 'credits', type: 'low_credits', payload, status: 'sent', error: null };
      expect(items).toEqual([{ id: row?.id, userId: 'u', ...told, createdAt, sentAt: world.clock.now() }]);
      expect(await runOutbox()).toMatchObject({ processed: 0 });
    });
  });

  test('D-N-2 every payload survives JSON; what was told is not told again; no crossing, no row', async () => {
    await withWorld(async (world) => {
      const queue = new InMemoryNotificationQueue();
      const { credits, creditType, notifications } = world.open({ queue, ...LOW, notifyErrors: true });
      await credits.addCredits('u', '20.3', { expiresAt: '2030-01-03T00:00:00Z' });
      await credits.reserveCredits('u', '0.1');
      const undo = world.host(async (session) => {
        await credits.deductCredits('u', 15, { session } as object);
        throw new Error('undone');
      });
      await expect(undo).rejects.toThrow('undone');
      expect(await notificationRows(world)).toEqual([]);
      expect(await notifications.notifyLowCredits('u')).toBe(false);
      await credits.deductCredits('u', 15);
      await creditType('image').addCredits('u', 5);
      await creditType('image').deductCredits('u', 4);
      await expect(credits.deductCredits('u', 1_000)).rejects.toMatchObject({ code: 'INSUFFICIENT_CREDITS' });
      expect(await notifications.notifyLowCredits('u')).toBe(false);
      expect(await notifications.notifyLowCredits('u', { creditType: 'image' })).toBe(false);
      await notifications.notifyExpiringCredits('u', 7);
      await notifications.notifyTransactionError('u', 'Card declined', { payment: 'p-7', nested: [1, null, 'ü'] });
      expect(queue.messages.map(({ type, payload }) => [type, payload])).toEqual([
        ['low_credits', { current_credits: { balance: 5.3, reserved: 0.1, available: 5.2 } }],
        ['transaction_error', { message: expect.any(String), details: expect.objectContaining({ requested: 1_000 }) }],
        ['low_credits', { current_credits: { balance: 1, reserved: 0, available: 1 }, credit_type: 'image' }],
        ['expiring_credits', { expiring_credits: 5.2, within_days: 7 }],
        ['transaction_error', { message: 'Card declined', details: { payment: 'p-7', nested: [1, null, 'ü'] } }],
      ]);
      for (const message of queue.messages) {
        expect(JSON.parse(JSON.stringify(message))).toEqual(message);
        expect(Object.keys(message).sort()).toEqual(['notification_id', 'payload', 'type', 'user_id']);
      }
    });
  });

  test('D-N-3 expiring counts what is unspent, unheld, not lapsed and effective, and nothing else', async () => {
    await withWorld(async (world) => {
      const queue = new InMemoryNotificationQueue();
      const { credits, notifications } = world.open({ queue });
      const day = (count: number) => new Date(Date.UTC(2030, 0, 1 + count));
      await credits.addCredits('spent', 100, { expiresAt: day(3) });
      await credits.deductCredits('spent', 100);
      expect(await notifications.notifyExpiringCredits('spent', 7)).toBe(false);
      expect(await notifications.notifyExpiringCredits('nobody', 7)).toBe(false);
      await credits.addCredits('u', 50, { expiresAt: day(1) });
      world.clock.advance({ days: 1 });
      await credits.addCredits('u', 10, { expiresAt: day(2) });
      await credits.addCredits('u', 20, { expiresAt: day(8) });
      await credits.addCredits('u', 30, { expiresAt: new Date(day(8).getTime() + 1) });
      await credits.addCredits('u', 40, { effectiveAt: day(2), expiresAt: day(3) });
      await credits.addCredits('u', 80);
      await credits.reserveCredits('u', 3);
      await credits.deductCredits('u', '0.7');
      expect(await notifications.notifyExpiringCredits('u', 7)).toBe(true);
      expect(queue.messages.map(({ payload }) => payload)).toEqual([{ expiring_credits: 26.3, within_days: 7 }]);
    });
  });

  test('expiring is sent once per lot and window', async () => {
    await withWorld(async (world) => {
      const queue = new InMemoryNotificationQueue();
      const { credits, notifications } = world.open({ queue });
      const other = world.open();
      await other.init();
      await credits.addCredits('u', 10, { expiresAt: '2030-01-06T00:00:00Z' });
      const calls = Array.from({ length: 8 }, (_, i) => (i % 2 ? other.notifications : notifications));
      const sent = await Promise.all(calls.map((by) => by.notifyExpiringCredits('u', 7)));
      expect(sent.filter(Boolean).length).toBe(1);
      await credits.addCredits('u', 5, { expiresAt: '2030-01-07T00:00:00Z' });
      expect(await notifications.notifyExpiringCredits('u', 7)).toBe(true);
      expect(await notifications.notifyExpiringCredits('u', 7)).toBe(false);
      expect(await notifications.notifyExpiringCredits('u', 1)).toBe(false);
      world.clock.advance({ days: 4 });
      expect(await notifications.notifyExpiringCredits('u', 1)).toBe(true);
      expect(await notifications.notifyExpiringCredits('u', 1)).toBe(false);
      const amounts = queue.messages.map(({ payload }) => Object.values(payload));
      expect(amounts).toEqual([
        [10, 7],
        [5, 7],
        [10, 1],
      ]);
      // A week after the lots have gone nobody needs to remember them.
      world.clock.advance({ days: 9 });
      await notifications.notifyLowCredits('u');
      expect((await world.db.find('notice', { index: 'account', limit: 9 })).rows.length).toBe(3);
      await other.jobs.runOutbox();
      expect((await world.db.find('notice', { index: 'account', limit: 9 })).rows.length).toBe(0);
    });
  });

  test('by hand, low is sent once a crossing, whoever asks', async () => {
    await withWorld(async (world) => {
      const before = world.open(LOW);
      await before.credits.addCredits('u', 20);
      await before.credits.deductCredits('u', 15);
      await before.credits.addCredits('never-above', 3);
      const queue = new InMemoryNotificationQueue();
      const { credits, notifications, init } = world.open({ queue, ...LOW });
      await init();
      const other = world.open({ ...LOW });
      await other.init();
      for (const user of ['u', 'never-above']) {
        const calls = Array.from({ length: 8 }, (_, i) => (i % 2 ? other.notifications : notifications));
        const sent = await Promise.all(calls.map((by) => by.notifyLowCredits(user)));
        expect(sent.filter(Boolean).length).toBe(1);
        expect(await notifications.notifyLowCredits(user)).toBe(false);
      }
      await notifications.notifyLowCredits('u');
      expect(queue.messages.map(({ user_id }) => user_id).sort()).toEqual(['never-above', 'u']);
      // Above again, and low again: the crossing tells by itself, and nobody needs to.
      await credits.addCredits('u', 20);
      expect(await notifications.notifyLowCredits('u')).toBe(false);
      await credits.deductCredits('u', 20);
      expect(await notifications.notifyLowCredits('u')).toBe(false);
      expect(queue.messages.length).toBe(3);
      // Above, and low because the threshold has moved: no crossing told of it.
      await credits.addCredits('u', 20);
      await credits.updateAccount('u', { lowCreditThreshold: 100 });
      expect(await notifications.notifyLowCredits('u')).toBe(true);
      expect(await notifications.notifyLowCredits('u')).toBe(false);
      expect(queue.messages.length).toBe(4);
      // By the clock, and not written by anybody yet.
      await credits.addCredits('clock', 20, { expiresAt: '2030-01-02T00:00:00Z' });
      world.clock.advance({ days: 1 });
      const byClock = await Promise.all([notifications, other.notifications].map((by) => by.notifyLowCredits('clock')));
      expect(byClock.filter(Boolean)).toHaveLength(1);
      expect(await notifications.notifyLowCredits('clock')).toBe(false);
      expect(queue.messages.slice(4).map(({ user_id }) => user_id)).toEqual(['clock']);
    });
  });

  test('a refusal tells only with notifyErrors, in the commit of its error entry', async () => {
    await withWorld(async (world) => {
      const queue = new InMemoryNotificationQueue();
      const loud = world.open({ queue, notifyErrors: true });
      const quiet = world.open();
      await loud.init();
      await expect(quiet.credits.deductCredits('u', 1)).rejects.toMatchObject({ code: 'INSUFFICIENT_CREDITS' });
      await expect(loud.credits.addCredits('u', -1)).rejects.toMatchObject({ code: 'INVALID_AMOUNT' });
      expect(await notificationRows(world)).toEqual([]);
      const refusal = await loud.credits.deductCredits('u', 7).catch((error: unknown) => error);
      const [row] = await notificationRows(world);
      const { items } = await loud.ledger.list({ userId: 'u' });
      expect(row?.id).toBe(`n-${items.find(({ details }) => details.requested === 7)?.id}`);
      await loud.jobs.runOutbox();
      const { message, details } = refusal as { message: string; details: object };
      expect(queue.messages.map(({ payload }) => payload)).toEqual([
        { message, details: { code: 'INSUFFICIENT_CREDITS', ...details } },
      ]);
    });
  });

  test('a queue that is away, hangs or answers late: the row waits, the order stays, no call fails', async () => {
    await withWorld(async (world) => {
      const answering = gate();
      let answer: NotificationQueue['enqueue'] = () => Promise.reject(new Error('away'));
      const queue = queueOf((message) => answer(message));
      const { notifications, jobs } = world.open({ queue, outbox: { timeoutMs: 40 } });
      const { runOutbox } = jobs;
      await notifications.notifyTransactionError('u', 'first', {});
      answer = async () => {};
      // Behind the first, which is in a pause.
      await notifications.notifyTransactionError('u', 'second', {});
      await notifications.notifyTransactionError('v', 'other', {});
      const told = () => queue.messages.map(({ payload }) => ('message' in payload ? payload.message : ''));
      expect(told()).toEqual(['first', 'other']);
      world.clock.advance({ seconds: 1 });
      answer = () => answering.opened;
      expect(await runOutbox()).toMatchObject({
        processed: 1,
        skipped: [expect.objectContaining({ code: 'TIMEOUT' })],
      });
      answering.open();
      await sleep(5);
      answer = async () => {};
      world.clock.advance({ seconds: 2 });
      expect(await runOutbox()).toMatchObject({ delivered: 2, failed: 0 });
      expect(told()).toEqual(['first', 'other', 'first', 'first', 'second']);
      expect(new Set(queue.messages.map(({ notification_id }) => notification_id)).size).toBe(3);
      expect((await notifications.listNotifications({ status: 'pending' })).items).toEqual([]);
    });
  });

  test('a message that is refused too often is failed, and says why', async () => {
    await withWorld(async (world) => {
      const queue = queueOf(async () => ({ rejected: 'no such user' }));
      const { notifications, jobs } = world.open({ queue, outbox: { maxRefusals: 2 } });
      const { runOutbox } = jobs;
      for (const message of ['one', 'two']) await notifications.notifyTransactionError('u', message, {});
      for (let i = 0; i < 4; i++) {
        world.clock.advance({ minutes: 6 });
        await runOutbox();
      }
      const { items } = await notifications.listNotifications({ userId: 'u', status: 'failed', order: 'oldest' });
      expect(items.map(({ payload, error }) => [payload.message, error])).toEqual([
        ['one', 'no such user'],
        ['two', 'no such user'],
      ]);
      expect(queue.messages.length).toBe(4);
    });
  });

  test('lists are pages by user and status, newest first', async () => {
    await withWorld(async (world) => {
      const { notifications } = world.open({ queue: new InMemoryNotificationQueue() });
      for (let i = 0; i < 7; i++) {
        world.clock.advance({ seconds: 1 });
        await notifications.notifyTransactionError(i % 2 ? 'odd' : 'even', `m${i}`, {});
      }
      const read = async (query: object) => {
        const found: unknown[] = [];
        for (let cursor: string | null | undefined; cursor !== null; ) {
          const page = await notifications.listNotifications({ ...query, limit: 2, ...(cursor && { cursor }) });
          found.push(...page.items.map(({ payload }) => payload.message));
          cursor = page.nextCursor;
        }
        return found.join(' ');
      };
      expect(await read({})).toBe('m6 m5 m4 m3 m2 m1 m0');
      expect(await read({ userId: 'odd', order: 'oldest' })).toBe('m1 m3 m5');
      expect(await read({ status: 'sent' })).toBe('m6 m5 m4 m3 m2 m1 m0');
      expect(await read({ userId: 'even', status: 'sent' })).toBe('m6 m4 m2 m0');
      expect(await read({ userId: 'even', status: 'pending' })).toBe('');
    });
  });

  test('without a queue anywhere nothing is written, and a verb says so', async () => {
    await withWorld(async (world) => {
      const { credits, notifications } = world.open({ ...LOW, notifyErrors: true });
      await credits.addCredits('u', 20, { expiresAt: '2030-01-02T00:00:00Z' });
      await credits.deductCredits('u', 15);
      await expect(credits.deductCredits('u', 15)).rejects.toMatchObject({ code: 'INSUFFICIENT_CREDITS' });
      expect(await notificationRows(world)).toEqual([]);
      await expect(notifications.notifyLowCredits('u')).rejects.toMatchObject({ code: 'CONFIGURATION' });
      await expect(notifications.notifyLowCredits('')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(notifications.notifyExpiringCredits('u', -1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(await notifications.notifyExpiringForAll(7)).toMatchObject({ status: 'completed', processed: 0 });
      expect(statuses(await notificationRows(world))).toEqual([]);
    });
  });
});
