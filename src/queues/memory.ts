/** A queue in this process: a list that a test or a small application reads. */
import type { NotificationMessage } from '../models/notification.js';
import type { NotificationQueue } from '../ports/notification-queue.js';

/**
 * Keeps every message, in the order it came, until somebody takes it out; it is gone with the process.
 *
 * @example
 * const queue = new InMemoryNotificationQueue();
 * const manager = createCreditManagement({ queue, defaults: { lowCreditThreshold: 10 } });
 * // later: queue.messages.shift()
 */
export class InMemoryNotificationQueue implements NotificationQueue {
  readonly messages: NotificationMessage[] = [];

  async enqueue(message: NotificationMessage): Promise<void> {
    this.messages.push(structuredClone(message));
  }

  async close(): Promise<void> {}
}
