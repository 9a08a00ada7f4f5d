/** The port to a queue of notifications, which sends mails, pushes or texts. */
import type { NotificationMessage } from '../models/notification.js';
import type { Delivery } from './event-sink.js';

/**
 * Run `testNotificationQueue` from `credit-management/testing` on yours. A message comes at least once, with the same
 * `notification_id` every time, and the messages of one account in order.
 */
export interface NotificationQueue {
  /**
   * Takes a message. Resolves when it is stored beyond this process's end, or with `rejected` when it never will be;
   * a rejected promise means that the queue was not reached, and the message comes again.
   */
  enqueue(message: NotificationMessage): Promise<Delivery>;

  close?(): Promise<void>;
}
