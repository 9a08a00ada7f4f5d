/** A queue of notifications in a stream of Redis. */
import type { NotificationMessage } from '../models/notification.js';
import type { NotificationQueue } from '../ports/notification-queue.js';
import { RedisConnection, type RedisOptions } from './client.js';

export interface RedisQueueOptions extends RedisOptions {
  /** The name of the stream, behind the prefix; default `notifications`. */
  readonly stream?: string | undefined;
  /** About how many messages the stream keeps at most, 1–100,000,000; default all of them. */
  readonly maxLength?: number | undefined;
}

const TIMEOUT_MS = 5_000;
const LENGTH_MAX = 100_000_000;

/**
 * Adds each notification to a stream of Redis: the field `id` is its `notification_id`, the field `message` the message
 * as JSON. A message may come twice, with the same id, where an answer of Redis was lost; those of one account come in
 * order. Read it with a consumer group (`XREADGROUP`), and drop an id that was seen before.
 *
 * It is stored as safely as your Redis keeps its data: turn on `appendonly`.
 *
 * @throws CONFIGURATION for a wrong option; it names the field.
 * @example createCreditManagement({ db, queue: new RedisNotificationQueue({ client }) });
 */
export class RedisNotificationQueue implements NotificationQueue {
  readonly #redis: RedisConnection;
  readonly #stream: string;
  readonly #maxLength: number | null;

  constructor(options: RedisQueueOptions) {
    const more = { stream: problemOfName, maxLength: problemOfLength };
    this.#redis = new RedisConnection('RedisNotificationQueue', options, TIMEOUT_MS, more);
    this.#stream = options.stream ?? 'notifications';
    this.#maxLength = options.maxLength ?? null;
  }

  async enqueue(message: NotificationMessage): Promise<void> {
    const fields = { id: message.notification_id, message: JSON.stringify(message) };
    await this.#redis.append(this.#stream, fields, this.#maxLength);
  }

  /** Closes a client of our own; one of the host stays open. */
  async close(): Promise<void> {
    await this.#redis.close();
  }
}

function problemOfName(stream: unknown): string | null {
  return typeof stream === 'string' && /^.{1,100}$/s.test(stream) ? null : 'a text of 1 to 100 characters';
}

function problemOfLength(length: unknown): string | null {
  const isCount = Number.isSafeInteger(length) && (length as number) >= 1 && (length as number) <= LENGTH_MAX;
  return isCount ? null : 'a whole number from 1 to 100,000,000';
}
