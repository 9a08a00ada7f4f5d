/** Notifications: messages for people as they are stored, and the walk that tells of expiring credits. */
import { z } from 'zod';
import { deliveryStatusSchema } from '../delivery.js';
import { notificationTypes } from '../notification.js';
import { strictObject } from '../strict-object.js';
import { count, identifier, instant, jsonObject } from './fields.js';
import { runStatusSchema, skippedCountSchema, skippedSchema } from './run.js';

export const NotificationSchema = strictObject({
  /** Names the notification for ever; the notification_id of its message. */
  id: identifier.describe('Names the notification for ever; the notification_id of its message.'),
  /** The user it is for. */
  userId: identifier.describe('The user it is for.'),
  /** The credit type it is about. */
  creditType: identifier.describe('The credit type it is about.'),
  /** The type of the notification. */
  type: z.enum(notificationTypes).describe('The type of the notification.'),
  /** The content of the message beside its type. */
  payload: jsonObject.describe('The content of the message beside its type.'),
  /** Whether the queue took it, or it was given up. */
  status: deliveryStatusSchema.describe('Whether the queue took it, or it was given up.'),
  /** Why the last attempt failed; null where none did. */
  error: z.string().nullable().describe('Why the last attempt failed; null where none did.'),
  /** The instant at which it was written. */
  createdAt: instant.describe('The instant at which it was written.'),
  /** The instant at which the queue took it; null until then. */
  sentAt: instant.nullable().describe('The instant at which the queue took it; null until then.'),
});
/** A stored notification: a copy. `failed` ones say why; `sentAt` is when the queue took it. */
export interface Notification extends Readonly<z.infer<typeof NotificationSchema>> {}

export const ExpiringReportSchema = strictObject({
  /** `stopped` by the signal, by time, or by a database that did not answer: run it again. */
  status: runStatusSchema,
  /** Accounts looked at. */
  processed: count.describe('Accounts looked at.'),
  /** Notifications written; a relay delivers them. */
  notified: count.describe('Notifications written; a relay delivers them.'),
  /** Where a stopped walk goes on; null at the end. */
  cursor: z.string().nullable().describe('Where a stopped walk goes on; null at the end.'),
  /** The number of all that were left out, also beyond the first 100. */
  skippedCount: skippedCountSchema,
  /** Accounts that were left out, with the reason; the first 100. */
  skipped: skippedSchema.describe('Accounts that were left out, with the reason; the first 100.'),
});
/** JSON-safe. */
export interface ExpiringReport extends Readonly<z.infer<typeof ExpiringReportSchema>> {}
