/** Notifications as their callers see them. */
import type { NotificationRow } from '../../models/notification.js';
import type { Notification } from './contract.js';

export function toNotification(row: NotificationRow): Notification {
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
