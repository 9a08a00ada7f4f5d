/** Notifications by hand, the same rules as those that commits write: a row first, then the queue. */
import { randomInt } from 'node:crypto';
import { type Account, availableOf, emptyAccount } from '../../core/account.js';
import { advanced } from '../../core/advance.js';
import { accountFromRow } from '../../core/rows.js';
import { thresholdOf } from '../../core/thresholds.js';
import { creditError } from '../../errors.js';
import type { AccountRef } from '../../models/account.js';
import { daysSchema } from '../../models/inputs/credits.js';
import { expiringSchema, notificationQuerySchema, notifySchema } from '../../models/inputs/notifications.js';
import { metadataSchema, textSchema } from '../../models/inputs/values.js';
import type { NoticeRow } from '../../models/notice.js';
import type { NotificationRow } from '../../models/notification.js';
import type { Unit } from '../../ports/db-manager.js';
import { monotonicNow, sleep, withDeadline } from '../../timers.js';
import { stepsOf } from '../input/page.js';
import { parse, parseId } from '../input/parse.js';
import { type DecisionSettings, readingContext } from '../pipeline/context.js';
import type { Engine } from '../pipeline/engine.js';
import { BY_HAND, lowContent, notificationRow } from '../pipeline/outgoing-rows.js';
import { failureOf, storageError } from '../store/storage-error.js';
import { insertOf } from '../store/tables.js';
import type { ExpiringOptions, Notification, NotificationService, NotifyOptions } from './contract.js';
import { announced, announcement, expiringLots, type Present } from './expiring-grants.js';
import { ExpiringWalk } from './expiring-walk.js';

export interface NotificationConfig<S> {
  readonly engine: Engine<S>;
  readonly settings: () => DecisionSettings;
  readonly creditTypes: readonly string[];
  readonly timeoutMs: number;
  /** Writes what the clock has brought about on an account. */
  readonly expire: (account: AccountRef) => Promise<unknown>;
  /** Delivers the notifications of an account. */
  readonly deliver: (account: string) => Promise<void>;
}

export function notificationService<S>(config: NotificationConfig<S>): NotificationService {
  const { engine, settings, timeoutMs, creditTypes } = config;
  const { scale, store } = engine;

  const present: Present = (account) =>
    advanced(account, Math.max(engine.now(), account.at), readingContext(settings(), account.creditType));

  function accountOf(userId: unknown, options: NotifyOptions | undefined): AccountRef {
    const { creditType = 'credits' } = options === undefined ? {} : parse(notifySchema, options);
    if (!creditTypes.includes(creditType)) {
      const expected = creditTypes.join(' | ');
      const message = `The credit type ${JSON.stringify(creditType)} is not declared.`;
      throw creditError('INVALID_ARGUMENT', message, { path: 'creditType', expected });
    }
    return engine.account(creditType, parseId(userId, 'userId'));
  }

  /** Runs on an open store, where some process has a queue. */
  function call<T>(run: () => Promise<T>): Promise<T> {
    return engine.read({ timeoutMs }, async () => {
      if (await hasQueue()) return run();
      const problem = 'no process of this database ever had the option queue';
      throw creditError('CONFIGURATION', `Nobody can be notified: ${problem}.`, { problems: [problem] });
    });
  }

  /** The first queue may be a minute younger than what this process knows. */
  async function hasQueue(): Promise<boolean> {
    if (!store.sinks.hasQueue) await store.sinks.learn();
    return store.sinks.hasQueue;
  }

  async function stored({ key, creditType, userId }: AccountRef): Promise<Account> {
    const row = await store.get('account', key, { timeoutMs, fresh: true });
    return row ? accountFromRow(row) : emptyAccount(creditType, userId);
  }

  /** Whether this call wrote the unit, whose first row exists once. */
  async function write(unit: Unit): Promise<boolean> {
    const until = monotonicNow() + timeoutMs;
    let isUnsure = false;
    for (;;) {
      const outcome = await store.writeOne(unit, { timeoutMs: Math.max(1, until - monotonicNow()) });
      if (outcome.status === 'committed') return true;
      if (outcome.status === 'conflict') return isUnsure && (await isStored(unit));
      if (outcome.status === 'unknown') isUnsure = true;
      else if (outcome.status !== 'locked') throw failureOf(outcome) ?? storageError(undefined);
      if (monotonicNow() >= until) throw storageError(undefined);
      await sleep(randomInt(5, 50));
    }
  }

  /** Whether the row in the way is the one that was sent before. */
  async function isStored([first]: Unit): Promise<boolean> {
    if (first?.op !== 'insert') return false;
    const [row] = await store.db.getMany(first.model, [first.row.id as string], { timeoutMs });
    return row?.createdAt instanceof Date && row.createdAt.getTime() === (first.row.createdAt as Date).getTime();
  }

  /** The row is safe: a queue that is slow or away only leaves it pending. */
  async function deliver({ key }: AccountRef): Promise<void> {
    const late = () => new Error('The queue is slow; the notification stays pending.');
    await withDeadline(config.deliver(key), timeoutMs, late).catch((err) =>
      engine.logger.warn({ err, account: key }, 'A notification was not delivered at once'),
    );
  }

  /** The last row of an account that tells of a fall to the threshold, or of the rise above it. */
  async function lastOf(account: AccountRef, what: 'low' | 'restored'): Promise<NoticeRow | NotificationRow | null> {
    const fixed = what === 'low' ? { type: 'low_credits' } : { kind: 'restored' };
    const query = { index: 'account', equals: { account: account.key, ...fixed }, direction: 'desc' } as const;
    const how = { timeoutMs, fresh: true };
    return what === 'low' ? store.findOne('notification', query, how) : store.findOne('notice', query, how);
  }

  async function notifyLow(account: AccountRef): Promise<boolean> {
    let now = await stored(account);
    if (now.dueAt !== null && now.dueAt <= engine.now()) {
      // A crossing by the clock tells by itself, once it is written.
      await config.expire(account);
      now = await stored(account);
    }
    const threshold = thresholdOf(now, readingContext(settings(), account.creditType));
    const available = availableOf(now);
    if (threshold === null || available > threshold) return false;
    const [low, restored] = await Promise.all([lastOf(account, 'low'), lastOf(account, 'restored')]);
    if (low && isAfter(low, restored)) return false;
    // Low without a crossing that was told: since before there was a queue, since the first operation, or since the
    // threshold was changed. The key is of the rise before it, so that one call alone can write it.
    const id = `n-low/${account.key}@${restored?.sequence ?? 0}`;
    const when = { sequence: now.seq, place: BY_HAND, at: new Date(Math.max(engine.now(), now.at)) };
    const content = lowContent(account, now.balance, available, scale);
    return write([insertOf('notification', notificationRow(id, account, content, when))]);
  }

  async function notifyExpiring(account: AccountRef, days: number): Promise<boolean> {
    for (;;) {
      const lots = expiringLots(present(await stored(account)), days);
      const known = await announced(store, [lots], days, timeoutMs);
      const unit = announcement(lots, days, known, engine.newId(), scale);
      if (!unit) return false;
      if (await write(unit)) return true;
      // Somebody has just told of one of these lots: what is left is found anew.
    }
  }

  return {
    async notifyLowCredits(userId, options) {
      const account = accountOf(userId, options);
      const isNew = await call(() => notifyLow(account));
      // Also what a crossing has written and no relay has taken yet.
      await deliver(account);
      return isNew;
    },

    async notifyExpiringCredits(userId, withinDays, options) {
      const account = accountOf(userId, options);
      const days = parse(daysSchema, withinDays, 'withinDays');
      const isNew = await call(() => notifyExpiring(account, days));
      if (isNew) await deliver(account);
      return isNew;
    },

    async notifyExpiringForAll(withinDays, given) {
      const days = parse(daysSchema, withinDays, 'withinDays');
      const options = (given === undefined ? {} : parse(expiringSchema, given)) as ExpiringOptions;
      const isHeard = await engine.read({ timeoutMs }, hasQueue);
      if (isHeard) return new ExpiringWalk(engine, present, days).run(options);
      return { status: 'completed', processed: 0, notified: 0, cursor: null, skippedCount: 0, skipped: [] };
    },

    async notifyTransactionError(userId, message, details) {
      const account = accountOf(userId, undefined);
      const text = parse(textSchema, message, 'message');
      const copy = parse(metadataSchema, details, 'details');
      await call(async () => {
        const { seq, at } = await stored(account);
        const when = { sequence: seq, place: BY_HAND, at: new Date(Math.max(engine.now(), at)) };
        const content = { type: 'transaction_error', payload: { message: text, details: copy } } as const;
        await write([insertOf('notification', notificationRow(`n-${engine.newId()}`, account, content, when))]);
      });
      await deliver(account);
    },

    async listNotifications(given) {
      const query = given === undefined ? {} : parse(notificationQuerySchema, given);
      return engine.read({ timeoutMs }, async (left) => {
        const page = await store.find('notification', findQueryOf(query), { timeoutMs: left });
        return { items: page.rows.map(toNotification), nextCursor: page.nextCursor };
      });
    },
  };
}

function isAfter(a: NoticeRow | NotificationRow, b: NoticeRow | NotificationRow | null): boolean {
  return b === null || a.sequence > b.sequence || (a.sequence === b.sequence && a.place > b.place);
}

function findQueryOf({ userId, status, ...list }: ReturnType<typeof notificationQuerySchema.parse>) {
  const along = stepsOf(list);
  if (userId !== undefined) {
    const only = status !== undefined && { anyOf: { field: 'status', values: [status] } };
    return { index: 'user', equals: { userId }, ...only, ...along };
  }
  if (status !== undefined) return { index: 'status', equals: { status }, ...along };
  return { index: 'created', ...along };
}

function toNotification(row: NotificationRow): Notification {
  return {
    id: row.id,
    userId: row.userId,
    creditType: row.creditType,
    type: row.type,
    payload: structuredClone(row.payload),
    status: row.status,
    error: row.error,
    createdAt: new Date(row.createdAt),
    sentAt: row.sentAt && new Date(row.sentAt),
  };
}
