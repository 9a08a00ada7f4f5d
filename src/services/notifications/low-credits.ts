/** The notification of an account that is at or below its low-credit threshold, once a crossing. */
import { type Account, availableOf, nextChange } from '../../core/account.js';
import { eventIdOf } from '../../core/seal.js';
import { thresholdsOf } from '../../core/thresholds.js';
import type { AccountRef } from '../../models/account.js';
import type { NoticeRow } from '../../models/notice.js';
import type { NotificationRow } from '../../models/notification.js';
import { readingContext } from '../pipeline/context.js';
import { answered } from '../pipeline/operation.js';
import { BY_HAND, lowContent, notificationRow } from '../pipeline/outgoing-rows.js';
import { insertOf } from '../store/tables.js';
import type { Notifier } from './notifier.js';

/** Whether this call wrote it. */
export async function tellLow<S>(notifier: Notifier<S>, account: AccountRef): Promise<boolean> {
  const { engine, settings } = notifier.config;
  const { now, operationId } = await upToDate(notifier, account);
  const [highest] = thresholdsOf(now, readingContext(settings(), account.creditType));
  const available = availableOf(now);
  if (highest === undefined || available > highest) return false;
  const [low, restored] = await Promise.all([lastLow(notifier, account), lastRestored(notifier, account)]);
  if (low && isAfter(low, restored)) {
    return operationId !== null && low.id === `n-${eventIdOf(operationId, low.place)}`;
  }
  // The account is low and no crossing was told: it has been low since before there was a queue, since its first
  // operation, or since the threshold was changed. The key names the rise before, so that one call alone can write it.
  const id = `n-low/${account.key}@${restored?.sequence ?? 0}`;
  const when = { sequence: now.seq, place: BY_HAND, at: new Date(Math.max(engine.now(), now.at)) };
  const content = lowContent(account, now.balance, available, engine.scale);
  return notifier.write([insertOf('notification', notificationRow(id, account, content, when))]);
}

/**
 * The stored account. A crossing that the clock has brought about is written first, and tells by itself: then the
 * operation that wrote it is named too.
 */
async function upToDate<S>(
  notifier: Notifier<S>,
  account: AccountRef,
): Promise<{ now: Account; operationId: string | null }> {
  const { engine } = notifier.config;
  const stored = await notifier.stored(account);
  const dueAt = nextChange(stored);
  if (dueAt === null || dueAt > engine.now()) return { now: stored, operationId: null };
  const { entry } = answered(
    await engine.mutate({
      ...{ operation: 'expire', accounts: [account], given: {}, options: {} },
      command: () => ({ type: 'expire', asOf: null }),
    }),
  );
  return { now: await notifier.stored(account), operationId: entry?.operationId ?? null };
}

/** The last row that tells of a fall to the threshold. */
function lastLow<S>(notifier: Notifier<S>, { key: account }: AccountRef): Promise<NotificationRow | null> {
  const { engine, timeoutMs } = notifier.config;
  const query = { index: 'account', equals: { account, type: 'low_credits' }, direction: 'desc' } as const;
  return engine.store.findOne('notification', query, { timeoutMs, fresh: true });
}

/** The last row that tells of a rise above the threshold. */
function lastRestored<S>(notifier: Notifier<S>, { key: account }: AccountRef): Promise<NoticeRow | null> {
  const { engine, timeoutMs } = notifier.config;
  const query = { index: 'account', equals: { account, kind: 'restored' }, direction: 'desc' } as const;
  return engine.store.findOne('notice', query, { timeoutMs, fresh: true });
}

function isAfter(a: NotificationRow, b: NoticeRow | null): boolean {
  return b === null || a.sequence > b.sequence || (a.sequence === b.sequence && a.place > b.place);
}
