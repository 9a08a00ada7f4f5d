/** The closed sets of the domain; their string values are the wire format. */
import { z } from 'zod';

export const transactionTypes = [
  'add',
  'deduct',
  'expire',
  'reserve',
  'commit_reserved',
  'release_reserved',
  'extend_reserved',
  'expire_reserved',
  'activate',
  'reinstate',
  'transfer_in',
  'transfer_out',
  'reverse',
  'claw_back',
  'grant_updated',
  'account_created',
  'account_updated',
  'plan_changed',
  'payment_changed',
] as const;
export const transactionTypeSchema = z.enum(transactionTypes);
export type TransactionType = z.infer<typeof transactionTypeSchema>;

/** The types that history leaves out unless asked: their entries never move a balance. */
export const quietTypes: readonly TransactionType[] = [
  'reserve',
  'release_reserved',
  'extend_reserved',
  'expire_reserved',
  'grant_updated',
  'account_created',
  'account_updated',
  'plan_changed',
  'payment_changed',
];

export const grantSourceSchema = z.enum([
  'purchase',
  'promo',
  'subscription',
  'trial',
  'refund',
  'adjustment',
  'other',
]);
export type GrantSource = z.infer<typeof grantSourceSchema>;

/** The kinds of business events that transactions belong to. */
export const referenceTypeSchema = z.enum([
  'order_paid',
  'order_refund',
  'billing_payment',
  'subscription',
  'trial',
  'promo',
  'manual',
]);
export type ReferenceType = z.infer<typeof referenceTypeSchema>;

export const reservationStatusSchema = z.enum(['active', 'committed', 'released', 'expired']);
export type ReservationStatus = z.infer<typeof reservationStatusSchema>;

export const overageSchema = z.enum(['reject', 'charge', 'overdraft', 'cap']);
export type Overage = z.infer<typeof overageSchema>;

export const ledgerEventTypeSchema = z.enum(['transaction', 'error', 'system']);

export type AccessStatus = 'enabled' | 'disabled';
