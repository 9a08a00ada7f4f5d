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
  current_credits: strictObject({
    balance: credits.describe('The balance.'),
    reserved: credits.min(0).describe('Credits on hold.'),
    available: credits.describe('Credits that can be spent.'),
  })
    .readonly()
    .describe('What the user has.'),
  credit_type: identifier.optional().describe('The kind of credits, when it is not `credits`.'),
});
const expiringCreditsSchema = strictObject({
  expiring_credits: credits.min(0).describe('Credits that expire within the window.'),
  within_days: z.number().min(0).describe('The window, in days from now.'),
  credit_type: identifier.optional().describe('The kind of credits, when it is not `credits`.'),
});
const transactionErrorSchema = strictObject({
  message: z.string().describe('What failed, for people.'),
  details: jsonObject.describe('The numbers and names of the failure.'),
});

function messageSchema<T extends NotificationType, P extends z.ZodType>(type: T, payload: P) {
  return strictObject({
    notification_id: identifier.describe('Names the notification; the same at every delivery.'),
    user_id: identifier.describe('The user it is for.'),
    type: z.literal(type).describe('What it tells.'),
    payload: payload.describe('What it says; plain JSON.'),
  });
}

export const NotificationMessageSchema = z.discriminatedUnion('type', [
  messageSchema('low_credits', lowCreditsSchema),
  messageSchema('expiring_credits', expiringCreditsSchema),
  messageSchema('transaction_error', transactionErrorSchema),
]);

/** A field that may be missing is never there as `undefined`. */
type Exact<T> = { readonly [K in keyof T]: undefined extends T[K] ? Exclude<T[K], undefined> : T[K] };
type Message<T> = T extends { payload: infer P }
  ? Readonly<Omit<T, 'payload'>> & { readonly payload: Exact<P> }
  : never;

/**
 * What a queue is given; plain JSON. `notification_id` is the same at every delivery. The payloads of `low_credits` and
 * `expiring_credits` also say `credit_type` when it is not `credits`.
 */
export type NotificationMessage = Message<z.infer<typeof NotificationMessageSchema>>;

export const notificationSchema = z.object({
  id: z
    .string()
    .describe('Says what it is about where it must exist once, so that the key of the row is what keeps it single.'),
  version: z.int(),
  userId: z.string().describe('The user it is for.'),
  creditType: z.string().describe('The kind of credits it is about.'),
  type: z.enum(notificationTypes).describe('What it tells.'),
  payload: z
    .custom<JsonObject>((value) => typeof value === 'object' && value !== null)
    .describe('What the message says.'),
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
  return { notification_id: id, type, user_id: userId, payload } as NotificationMessage;
}
