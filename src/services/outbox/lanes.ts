/** Lanes of a relay: each receiver has one, with its own rows, its own order and its own trouble. */
import type { DeliveryRow } from '../../models/delivery.js';
import { messageOf, type NotificationRow } from '../../models/notification.js';
import type { OutboxRow } from '../../models/outbox.js';
import type { Awaitable } from '../../models/values.js';
import type { FindQuery } from '../../ports/db-manager.js';
import type { Delivery, EventSink } from '../../ports/event-sink.js';
import type { NotificationQueue } from '../../ports/notification-queue.js';
import type { Tracing } from '../pipeline/tracing.js';
import type { Tables } from '../store/tables.js';

/** The rows of one receiver: of a sink, or all notifications. */
export interface Receiver {
  readonly model: 'outbox' | 'notification';
  /** The leading fields of the model's index `queue` that all its rows share. */
  readonly fixed: Readonly<Record<string, string>>;
  /** The fields that no delivery changes. */
  readonly unchanged: readonly string[];
}

const PLACE = ['account', 'sequence', 'place', 'createdAt', 'userId', 'type', 'payload'] as const;
const OF_EVENT: readonly (keyof OutboxRow)[] = ['eventId', 'sink', ...PLACE];
const OF_NOTIFICATION: readonly (keyof NotificationRow)[] = ['creditType', ...PLACE];

export const NOTIFICATIONS: Receiver = { model: 'notification', fixed: {}, unchanged: OF_NOTIFICATION };

export function receiverOf(sink: string): Receiver {
  return { model: 'outbox', fixed: { sink }, unchanged: OF_EVENT };
}

export interface Lane extends Receiver {
  /** For reports: the name of the sink, or `queue`. */
  readonly name: string;
  send(row: DeliveryRow): Promise<Delivery>;
  /** Whether the receiver can be reached at all; without it, yes. */
  readonly isReady?: () => Awaitable<boolean>;
}

/** A sink gets the event as it was stored, so that every delivery has the same bytes. */
export function sinkLane(sink: EventSink, tracing: Tracing | null): Lane {
  return {
    ...receiverOf(sink.name),
    name: sink.name,
    send: async (row) => {
      const event = (row as OutboxRow).payload;
      const publish = async () => sink.publish(event);
      if (!tracing || event.traceparent === undefined) return publish();
      const fields = { 'messaging.destination.name': sink.name, 'messaging.message.id': event.id };
      const options = { kind: 'producer', parent: event.traceparent, fields } as const;
      return tracing.run(`publish ${event.type}`, options, publish, (delivery) =>
        delivery?.rejected === undefined ? {} : { error: 'REJECTED' },
      );
    },
    ...(sink.isReady && { isReady: () => sink.isReady?.() ?? true }),
  };
}

export function queueLane(queue: NotificationQueue): Lane {
  return {
    ...NOTIFICATIONS,
    name: 'queue',
    send: async (row) => queue.enqueue(messageOf(row as NotificationRow)),
  };
}

/** Pending rows of one account in their order, the head first; `more` when there may be others behind them. */
export interface AccountRows {
  readonly rows: readonly DeliveryRow[];
  readonly more: boolean;
}

const TIMEOUT_MS = 10_000;

/**
 * Accounts with pending rows, page by page: each page goes on behind its last account, however many rows that one still
 * has. No position is kept between two walks: what commits late, with a small sequence or a small key, is found.
 */
export async function* pendingAccounts<S>(
  tables: Tables<S>,
  lane: Lane,
  limit: number,
): AsyncGenerator<readonly AccountRows[]> {
  for (let last: string | null = null; ; ) {
    const range: Pick<FindQuery, 'range'> = last === null ? {} : { range: { field: 'account', gt: last } };
    const { rows, isLast } = await pageOf(tables, lane, { ...range, limit });
    const accounts: { rows: DeliveryRow[]; more: boolean }[] = [];
    for (const row of rows) {
      const current = accounts.at(-1);
      if (current?.rows[0]?.account === row.account) current.rows.push(row);
      else accounts.push({ rows: [row], more: false });
    }
    const cut = accounts.at(-1);
    if (cut) cut.more = !isLast;
    yield accounts;
    if (!cut || isLast) return;
    last = cut.rows[0]?.account as string;
  }
}

/** The first pending rows of one account. */
export async function pendingOf<S>(
  tables: Tables<S>,
  lane: Lane,
  account: string,
  limit: number,
): Promise<AccountRows> {
  const range = { field: 'account', gte: account, lte: account };
  const { rows, isLast } = await pageOf(tables, lane, { range, limit });
  return { rows, more: !isLast };
}

async function pageOf<S>(
  tables: Tables<S>,
  { model, fixed }: Lane,
  along: Pick<FindQuery, 'range' | 'limit'>,
): Promise<{ rows: readonly DeliveryRow[]; isLast: boolean }> {
  const query: FindQuery = { index: 'queue', equals: { ...fixed, status: 'pending' }, ...along };
  const page = await tables.find(model, query, { timeoutMs: TIMEOUT_MS });
  return { rows: page.rows, isLast: page.nextCursor === null };
}
