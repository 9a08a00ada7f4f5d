/** A queue in this process: a list for a test or a small application to read. */
import type { NotificationMessage } from '../models/notification.js';
import type { NotificationQueue } from '../ports/notification-queue.js';

/**
 * Keeps every message in the order of arrival until somebody takes it out. Messages are lost with the process.
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
