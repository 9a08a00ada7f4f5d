/** The conformance suite of the `NotificationQueue` port: tests that every queue must pass. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { NotificationMessage } from '../models/notification.js';
import type { Awaitable } from '../models/values.js';
import type { NotificationQueue } from '../ports/notification-queue.js';
import { registerTests, type TestApi } from './test-api.js';

export interface NotificationQueueTests<Q extends NotificationQueue> {
  /**
   * Answers the messages that the queue has taken so far, oldest first, as its reader gets them. Without it the suite
   * only checks that messages are accepted.
   */
  readonly received?: (queue: Q) => Awaitable<readonly unknown[]>;
}

/** Texts that a queue may mistake for its own syntax, for an encoding, or for the end of a message. */
const TEXTS = [
  ' padded ',
  '0',
  'null',
  'evt.>.*',
  'it\'s "quoted" `so` \\ and \\u0041',
  '$1 %s %00 #{x} $' + '{y}',
  'two\r\nlines\tand a tab',
  '😀 👩‍👩‍👧‍👦 日本語 עברית \u2028',
  'e\u0301 and \u00e9',
  '__proto__',
];

/**
 * Registers the conformance suite of the `NotificationQueue` port with your test runner. Each test makes its own queue
 * and closes it. Queues may share one broker, because every message has an id and a user that no other message has.
 *
 * @param make answers a queue that is ready for use.
 * @param more `received` lets the suite compare the messages that arrive.
 * @example
 * import { describe, test } from 'vitest';
 * import { testNotificationQueue } from 'credit-management/testing';
 *
 * describe('MyQueue', () => testNotificationQueue({ describe, test }, () => new MyQueue({ url })));
 */
export function testNotificationQueue<Q extends NotificationQueue>(
  t: TestApi,
  make: () => Awaitable<Q>,
  { received }: NotificationQueueTests<Q> = {},
): void {
  type Body = (queue: Q, take: (...messages: NotificationMessage[]) => Promise<void>) => Promise<void>;

  const run = (body: Body) => async () => {
    const queue = await make();
    const given: string[] = [];
    const take = async (...messages: NotificationMessage[]) => {
      for (const message of messages) given.push(JSON.stringify(message));
      const answers = await Promise.all(messages.map((message) => queue.enqueue(freeze(message))));
      for (const answer of answers) assert.equal(answer, undefined, 'a valid message is accepted');
    };
    try {
      await body(queue, take);
      if (!received) return;
      const ids = new Set(given.map((text) => (JSON.parse(text) as NotificationMessage).notification_id));
      const all = (await received(queue)) as readonly NotificationMessage[];
      const own = all.filter(({ notification_id }) => ids.has(notification_id));
      assert.deepEqual(
        own,
        given.map((text) => JSON.parse(text) as unknown),
      );
    } finally {
      await queue.close?.();
    }
  };

  const tests: Readonly<Record<string, Body>> = {
    'takes a message of every type': (_, take) => take(low(), expiring(), error()),

    'takes messages one after another, in their order': async (_, take) => {
      for (let i = 0; i < 20; i++) await take(low(i));
    },

    'takes many at once': (_, take) => take(...Array.from({ length: 50 }, (_none, i) => low(i))),

    'takes the same message again: it comes at least once': async (_, take) => {
      const message = low();
      await take(message);
      await take(message);
    },

    'takes texts as they are': (_, take) => take(...TEXTS.map((text) => error(text, { [`key ${text}`]: [text] }))),

    'takes numbers as they are': (_, take) => {
      const numbers = [0, -5, 0.1, 0.000001, 2_251_799_813.685248, Number.MAX_SAFE_INTEGER];
      return take(...numbers.map((number) => low(number)), error('numbers', { numbers, none: null, yes: true }));
    },

    'takes a message of the largest size': (_, take) => take(error('m'.repeat(1_024), { text: 'x'.repeat(16_000) })),

    'neither keeps nor changes what it was given': async (queue, take) => {
      const details: { changed: string } = { changed: 'no' };
      const message = error('kept?', details);
      const copy = JSON.parse(JSON.stringify(message)) as NotificationMessage;
      assert.equal(await queue.enqueue(message), undefined);
      assert.deepEqual(message, copy);
      details.changed = 'by its owner';
      if (received) assert.deepEqual((await received(queue)).at(-1), copy);
      await take();
    },

    'closes, and again': async (queue, take) => {
      await take(low());
      await queue.close?.();
    },
  };
  const bodies = Object.entries(tests).map(([name, body]) => [name, run(body)] as const);
  registerTests(t, [{ name: 'notification queue', tests: Object.fromEntries(bodies) }]);
}

function low(balance = 9): NotificationMessage {
  const payload = { current_credits: { balance, reserved: 1, available: balance } };
  return { ...head(), type: 'low_credits', payload };
}

function expiring(): NotificationMessage {
  return { ...head(), type: 'expiring_credits', payload: { expiring_credits: 12.5, within_days: 7 } };
}

function error(message = 'Card declined', details: Record<string, never> | object = {}): NotificationMessage {
  return { ...head(), type: 'transaction_error', payload: { message, details: details as Record<string, never> } };
}

function head() {
  return { notification_id: `n-${randomUUID()}`, user_id: `user-${randomUUID()}` };
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
