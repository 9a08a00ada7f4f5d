/** Notifications: messages for people, written in the commit that caused them and handed to a queue. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import { deliveryShape } from './delivery.js';
import type { JsonObject } from './values.js';

export const notificationTypes = ['low_credits', 'expiring_credits', 'transaction_error'] as const;
export type NotificationType = (typeof notificationTypes)[number];

/**
 * What a queue is given; plain JSON. `notification_id` is the same at every delivery. The payloads of `low_credits` and
 * `expiring_credits` also say `credit_type` when it is not `credits`.
 */
export type NotificationMessage = { readonly notification_id: string; readonly user_id: string } & (
  | {
      readonly type: 'low_credits';
      readonly payload: {
        readonly current_credits: { readonly balance: number; readonly reserved: number; readonly available: number };
        readonly credit_type?: string;
      };
    }
  | {
      readonly type: 'expiring_credits';
      readonly payload: {
        readonly expiring_credits: number;
        readonly within_days: number;
        readonly credit_type?: string;
      };
    }
  | { readonly type: 'transaction_error'; readonly payload: { readonly message: string; readonly details: JsonObject } }
);

export const notificationSchema = z.object({
  /** Says what it is about where it must exist once, so that the key of the row is what keeps it single. */
  id: z.string(),
  version: z.int(),
  userId: z.string(),
  creditType: z.string(),
  type: z.enum(notificationTypes),
  payload: z.custom<JsonObject>((value) => typeof value === 'object' && value !== null),
  ...deliveryShape,
});
export type NotificationRow = Readonly<z.infer<typeof notificationSchema>>;

export const notificationModel = defineModel('notification', notificationSchema, 'id', [
  // Accounts in order, heads first, as in the outbox.
  { name: 'queue', fields: ['status', 'account', 'sequence', 'place'], unique: false },
  { name: 'account', fields: ['account', 'type', 'sequence', 'place'], unique: false },
  { name: 'user', fields: ['userId', 'createdAt'], unique: false },
  { name: 'status', fields: ['status', 'createdAt'], unique: false },
  { name: 'created', fields: ['createdAt'], unique: false },
]);

/** The message of a stored notification. */
export function messageOf({ id, type, userId, payload }: NotificationRow): NotificationMessage {
  return { notification_id: id, type, user_id: userId, payload } as unknown as NotificationMessage;
}
