/** The service of notifications: messages by hand, by the same rules as those that commits write. */
import { daysSchema } from '../../models/inputs/credits.js';
import { expiringSchema, notificationQuerySchema } from '../../models/inputs/notifications.js';
import { metadataSchema, textSchema } from '../../models/inputs/values.js';
import { ListCursors } from '../input/page.js';
import { parse, parseOptions } from '../input/parse.js';
import { BY_HAND, notificationRow } from '../pipeline/outgoing-rows.js';
import { type Along, RowReads } from '../pipeline/row-reads.js';
import { insertOf } from '../store/tables.js';
import type { ExpiringOptions, NotificationService } from './contract.js';
import { tellExpiring } from './expiring-credits.js';
import { ExpiringWalk } from './expiring-walk.js';
import { tellLow } from './low-credits.js';
import { type NotificationConfig, Notifier } from './notifier.js';
import { toNotification } from './records.js';

export function notificationService<S>(config: NotificationConfig<S>): NotificationService {
  const { engine, timeoutMs } = config;
  const notifier = new Notifier(config);
  const reads = new RowReads(engine);

  return {
    async notifyLowCredits(userId, options) {
      const account = notifier.accountOf(userId, options);
      const isNew = await notifier.call(() => tellLow(notifier, account));
      // Also what a crossing has written and no relay has taken yet.
      await notifier.deliver(account);
      return isNew;
    },

    async notifyExpiringCredits(userId, withinDays, options) {
      const account = notifier.accountOf(userId, options);
      const days = parse(daysSchema, withinDays, 'withinDays');
      const isNew = await notifier.call(() => tellExpiring(notifier, account, days));
      if (isNew) await notifier.deliver(account);
      return isNew;
    },

    async notifyExpiringForAll(withinDays, given) {
      const days = parse(daysSchema, withinDays, 'withinDays');
      const options = parseOptions(expiringSchema, given) as ExpiringOptions;
      const isHeard = await engine.read({ timeoutMs }, () => notifier.hasQueue());
      if (isHeard) return new ExpiringWalk(notifier, days).run(options);
      return { status: 'completed', processed: 0, notified: 0, cursor: null, skippedCount: 0, skipped: [] };
    },

    async notifyTransactionError(userId, message, details) {
      const account = notifier.accountOf(userId);
      const payload = {
        message: parse(textSchema, message, 'message'),
        details: parse(metadataSchema, details, 'details'),
      };
      await notifier.call(async () => {
        const { seq, at } = await notifier.stored(account);
        const when = { sequence: seq, place: BY_HAND, at: new Date(Math.max(engine.now(), at)) };
        const content = { type: 'transaction_error', payload } as const;
        const row = notificationRow(`n-${engine.newId()}`, account, content, when);
        await notifier.write([insertOf('notification', row)]);
      });
      await notifier.deliver(account);
    },

    async listNotifications(given) {
      const { userId, status, ...list } = parseOptions(notificationQuerySchema, given);
      const cursors = new ListCursors('listNotifications', { userId, status });
      const along = alongOf(userId, status);
      const { rows, nextCursor } = await reads.page('notification', along, { ...list, timeoutMs }, cursors);
      return { items: rows.map(toNotification), nextCursor };
    },
  };
}

/** The index that a list walks along: of a user, of a status, or of all. */
function alongOf(userId: string | undefined, status: string | undefined): Along {
  if (userId !== undefined) {
    const only = status !== undefined && { anyOf: { field: 'status', values: [status] } };
    return { index: 'user', equals: { userId }, ...only };
  }
  return status === undefined ? { index: 'created' } : { index: 'status', equals: { status } };
}
