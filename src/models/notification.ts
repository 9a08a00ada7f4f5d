/** Notifications: messages for people, written in the commit that caused them and handed to a queue. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import { deliveryShape } from './delivery.js';
import { credits, identifier, jsonObject } from './records/fields.js';
import { strictObject } from './strict-object.js';
import type { JsonObject } from './values.js';

export const notificationTypes = ['low_credits', 'expiring_credits', 'transaction_error'] as const;
export type NotificationType = (typeof notificationTypes)[number];

const lowCreditsSchema = strictObject({
  /** The user's credits. */
  current_credits: strictObject({
    /** The balance. */
    balance: credits.describe('The balance.'),
    /** Credits on hold. */
    reserved: credits.min(0).describe('Credits on hold.'),
    /** Credits that can be spent. */
    available: credits.describe('Credits that can be spent.'),
  })
    .readonly()
    .describe("The user's credits."),
  /** The credit type, when it is not `credits`. */
  credit_type: identifier.optional().describe('The credit type, when it is not `credits`.'),
});
const expiringCreditsSchema = strictObject({
  /** Credits that expire within the window. */
  expiring_credits: credits.min(0).describe('Credits that expire within the window.'),
  /** The window, in days from now. */
  within_days: z.number().min(0).describe('The window, in days from now.'),
  /** The credit type, when it is not `credits`. */
  credit_type: identifier.optional().describe('The credit type, when it is not `credits`.'),
});
const transactionErrorSchema = strictObject({
  /** A text for people: the failure. */
  message: z.string().describe('A text for people: the failure.'),
  /** The numbers and names of the failure. */
  details: jsonObject.describe('The numbers and names of the failure.'),
});

function messageSchema<T extends NotificationType, P extends z.ZodType>(type: T, payload: P) {
  return strictObject({
    /** Names the notification; the same at every delivery. */
    notification_id: identifier.describe('Names the notification; the same at every delivery.'),
    /** The user it is for. */
    user_id: identifier.describe('The user it is for.'),
    /** The type of the notification. */
    type: z.literal(type).describe('The type of the notification.'),
    /** The content; plain JSON. */
    payload: payload.describe('The content; plain JSON.'),
  });
}

export const NotificationMessageSchema = z.discriminatedUnion('type', [
  messageSchema('low_credits', lowCreditsSchema),
  messageSchema('expiring_credits', expiringCreditsSchema),
  messageSchema('transaction_error', transactionErrorSchema),
]);

/**
 * A message as a queue is given it; plain JSON. `notification_id` is the same at every delivery. The payloads of
 * `low_credits` and `expiring_credits` also hold `credit_type` when it is not `credits`.
 */
export type NotificationMessage =
  z.infer<typeof NotificationMessageSchema> extends infer T
    ? T extends { payload: infer P }
      ? Readonly<Omit<T, 'payload'>> & {
          /** The content; plain JSON. A field that may be missing is absent, and never there as `undefined`. */
          readonly payload: { readonly [K in keyof P]: undefined extends P[K] ? Exclude<P[K], undefined> : P[K] };
        }
      : never
    : never;

export const notificationSchema = z.object({
  id: z
    .string()
    .describe('Names the subject of a notification that must exist once, so that the key of its row keeps it single.'),
  version: z.int(),
  userId: z.string().describe('The user it is for.'),
  creditType: z.string().describe('The credit type it is about.'),
  type: z.enum(notificationTypes).describe('The type of the notification.'),
  payload: z
    .custom<JsonObject>((value) => typeof value === 'object' && value !== null)
    .describe('The content of the message.'),
  ...deliveryShape,
});
export type NotificationRow = Readonly<z.infer<typeof notificationSchema>>;

export const notificationModel = defineModel('notification', notificationSchema, 'id', [
  // This index walks accounts in order, heads first, as that of the outbox does.
  { name: 'queue', fields: ['status', 'account', 'sequence', 'place'], unique: false },
  { name: 'account', fields: ['account', 'type', 'sequence', 'place'], unique: false },
  { name: 'user', fields: ['userId', 'createdAt'], unique: false },
  { name: 'status', fields: ['status', 'createdAt'], unique: false },
  { name: 'created', fields: ['createdAt'], unique: false },
]);

/** The message of a stored notification. */
export function messageOf({ id, type, userId, payload }: NotificationRow): NotificationMessage {
  return { notification_id: id, type, user_id: userId, payload } as NotificationMessage;
}
