/** The public promise of notifications: the verbs, and the errors of each. */
import type { ExpiringOptions, NotificationQuery, NotifyOptions } from '../../models/inputs/notifications.js';
import type { ExpiringReport, Notification } from '../../models/records/notification.js';
import type { Metadata, Page } from '../../models/values.js';

export type { ExpiringOptions, ExpiringReport, Notification, NotificationQuery, NotifyOptions };

/**
 * Messages for people. Each is a row first and is then handed to the `queue`, at least once, with the same
 * `notification_id` every time, in order per account. What is written in the commit of a crossing (`low_credits`) or
 * of a refusal (`transaction_error`, with `notifyErrors`) waits for the relay; the verbs here also try to deliver at
 * once, and a queue that does not answer keeps the row `pending` and fails no call.
 *
 * Every verb may reject with `INVALID_ARGUMENT` (nothing written, do not retry), `CONFIGURATION` when no process ever
 * had a `queue`, `TIMEOUT`, `STORAGE_UNAVAILABLE` or `CLOSED`. A retry of the first three verbs is always safe: what
 * was written is not written again. A retry of `notifyTransactionError` may tell twice.
 */
export interface NotificationService {
  /**
   * Tells a user who is at or below the low-credit threshold, once a crossing: true when this call wrote the message,
   * also with a crossing that the clock has brought about; false when the balance is above it, when there is no
   * threshold, or when this crossing was told before, by its own commit or by hand. Of any number of calls at once, in
   * any process, one answers true.
   *
   * @example if (await manager.notifications.notifyLowCredits('user-1')) console.log('told');
   */
  notifyLowCredits(userId: string, options?: NotifyOptions): Promise<boolean>;

  /**
   * Tells how many credits lapse within `withinDays` days (0–36,500): unspent, not held, not lapsed, effective now.
   * Each grant is announced once for each number of days, so a second call tells only of grants that have come into the
   * window since; false when there are none. Of any number of calls at once, each grant is in one message.
   *
   * @example await manager.notifications.notifyExpiringCredits('user-1', 7);
   */
  notifyExpiringCredits(userId: string, withinDays: number, options?: NotifyOptions): Promise<boolean>;

  /**
   * The same for every account and credit type, in batches: what a scheduler calls. It writes, and leaves delivery to
   * the relay. Safe to repeat, to stop, and to run in many processes at once; a bad account is skipped and reported.
   * Without a `queue` it does nothing.
   *
   * @example const { notified } = await manager.notifications.notifyExpiringForAll(7);
   */
  notifyExpiringForAll(withinDays: number, options?: ExpiringOptions): Promise<ExpiringReport>;

  /**
   * Tells a user that something failed, every time it is called. `message` is a text of at most 1,024 characters,
   * `details` a plain JSON object of at most 16 KiB.
   *
   * @example await manager.notifications.notifyTransactionError('user-1', 'Card declined', { payment: 'p-7' });
   */
  notifyTransactionError(userId: string, message: string, details: Metadata): Promise<void>;

  /**
   * Notifications, newest first: of a user, of a status, or all. 20 a page, at most 100.
   *
   * @example const { items } = await manager.notifications.listNotifications({ userId: 'user-1', status: 'failed' });
   */
  listNotifications(query?: NotificationQuery): Promise<Page<Notification>>;
}
