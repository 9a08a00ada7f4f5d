/** What callers see of each stored model: the answers that show its fields, and the fields that are hidden. */
import { expect } from 'vitest';
import type { z } from 'zod';
import { accountFromRow } from '../../src/core/rows.js';
import { toJson as subscriptionToJson } from '../../src/core/subscription-state.js';
import { createTestCredits } from '../../src/entries/testing.js';
import * as library from '../../src/index.js';
import {
  type AccountRow,
  accountSchema,
  type OpenGrant,
  type OpenHold,
  openGrantSchema,
  openHoldSchema,
} from '../../src/models/account.js';
import { type CycleRow, cycleSchema } from '../../src/models/cycle.js';
import { type EntryRow, entrySchema } from '../../src/models/entry.js';
import { type GrantRow, grantSchema } from '../../src/models/grant.js';
import { type DeadLetterRow, deadLetterSchema, type InboxRow, inboxSchema } from '../../src/models/inbox.js';
import { type NotificationRow, notificationSchema } from '../../src/models/notification.js';
import {
  type PaymentMessageRow,
  type PaymentRow,
  paymentMessageSchema,
  paymentSchema,
} from '../../src/models/payment.js';
import { type PlanRow, planSchema } from '../../src/models/plan.js';
import { type PromoClaimRow, type PromoRow, promoClaimSchema, promoSchema } from '../../src/models/promo.js';
import { type ReservationRow, reservationSchema } from '../../src/models/reservation.js';
import { type SubscriptionRow, subscriptionSchema } from '../../src/models/subscription.js';
import { type TopUpRow, topUpSchema } from '../../src/models/top-up.js';
import * as credits from '../../src/services/credits/records.js';
import { toDeadLetter } from '../../src/services/inbox/dead-letters.js';
import { toReceipt } from '../../src/services/pipeline/receipts.js';
import { toTransaction } from '../../src/services/pipeline/transaction-records.js';
import * as plans from '../../src/services/plans/records.js';
import { sampleOf, type Told, type Values } from './changed-fields.js';

const SCALE = 6;
const NOW = Date.UTC(2030, 0, 1);
/** An open grant has no names of its own. */
const OWNER = { userId: 'u', creditType: 'credits' };
const ORIGIN = { reason: null, metadata: {} };

export const WRITES = 'counts the writes of the row';
const OF_DAY = 'counts the claims of a day, for a limit';
export const KEY = 'is made of the credit type and the user, which are shown';
const DUE = 'is for the jobs, which look for what is due';
const CHAIN = 'only an audit reads it';
const RELAY = 'is for the relay that delivers';

/** What the library answers when a row of this model is stored. */
async function stored<T>(
  model: string,
  row: object,
  read: (manager: ReturnType<typeof createTestCredits>) => Promise<T>,
): Promise<T> {
  const manager = createTestCredits({ now: new Date(NOW) });
  await manager.init();
  const change = { op: 'insert', model, row: row as AccountRow & Record<string, never> } as const;
  expect(await manager.db.commit([[change]])).toEqual([{ status: 'committed' }]);
  return read(manager);
}

const onlyOne = <T>({ items }: { readonly items: readonly T[] }): T => {
  expect(items).toHaveLength(1);
  return items[0] as T;
};

export interface Shown extends Told {
  /** The schema that callers know the answer by. */
  readonly schema: z.ZodType;
}

const CURRENCIES: Values = { currency: ['INR', 'JPY'], version: [1, 2], renewOn: ['payment', 'clock'] };
const HASHES: Values = { hash: ['a'.repeat(64), 'b'.repeat(64)], version: [1, 2] };

const ATTEMPT = { paymentId: 'p', at: NOW, amountMinor: 100, currency: 'INR', status: 'paid' };

export const ENTRY_OUTSIDE = {
  version: WRITES,
  account: KEY,
  scopedKey: 'is made of account, operation and key',
} as const;

const SUBSCRIPTION: Values = { status: ['active', 'paused'], validUntil: [new Date(NOW + 1), new Date(NOW + 2)] };

const PERIODS = 'is what periods are counted by';
const GRANTS = 'is what the next grant is reckoned by';
/** What no answer about a subscription has. */
const OF_PERIODS = {
  ...{ version: WRITES, anchor: PERIODS, periods: PERIODS, pausedAt: PERIODS, isTrial: 'is the status' },
  ...{
    hadTrial: GRANTS,
    granted: GRANTS,
    grantedUntil: GRANTS,
    carried: GRANTS,
    carriedUntil: GRANTS,
    allowance: GRANTS,
  },
  frozen: 'is what its grants get back',
  ...{ isAllocated: GRANTS, lots: GRANTS, dueAt: DUE, updatedAt: 'is the instant of its last entry' },
};

/** Who shows the fields of which model, and which fields nobody is to see. */
export const SHOWN: readonly Shown[] = [
  {
    what: 'a plan',
    file: 'src/models/records/plan.ts and toPlan in src/services/plans/records.ts',
    fields: planSchema,
    schema: library.SubscriptionPlanSchema,
    tell: (row: PlanRow) => plans.toPlan(row, SCALE),
    hidden: { version: WRITES, renewalTerms: 'is what renewals begin with' },
    values: CURRENCIES,
  },
  {
    what: 'a transaction',
    file: 'src/models/records/transaction.ts and toApplied in src/services/pipeline/transaction-records.ts',
    fields: entrySchema,
    schema: library.CreditsTransactionSchema,
    tell: (row: EntryRow) => toTransaction(row, SCALE),
    hidden: {
      ...ENTRY_OUTSIDE,
      ...{ prev: CHAIN, hash: CHAIN, details: CHAIN, fingerprint: 'tells two inputs of one key apart' },
      eventType: 'is that of a transaction, else the entry is none',
      operation: 'is the verb of the call; the type says what changed',
      message: 'says the type in words; the ledger shows it',
      repaid: 'follows from debtAfter; the ledger keeps the grants',
    },
    values: { ...HASHES, draws: [[{ grantId: 'a', amount: 1 }], [{ grantId: 'b', amount: 2 }]] },
  },
  {
    what: 'an entry of the ledger',
    file: 'src/models/records/ledger.ts and toLedgerEntry in src/services/ledger',
    fields: entrySchema,
    schema: library.LedgerEntrySchema,
    tell: (row: EntryRow) =>
      stored('entry', row, async ({ ledger }) => onlyOne(await ledger.list({ operationId: row.operationId }))),
    hidden: {
      ...ENTRY_OUTSIDE,
      ...{ prev: 'is the hash of the entry before', fingerprint: 'tells two inputs of one key apart' },
      ...{ reservedDelta: 'is in the transaction', debtAfter: 'is in the transaction' },
      ...{ draws: 'is in the transaction', repaid: 'follows from debtAfter', grantId: 'is in the transaction' },
      ...{ reservationId: 'is in the transaction', reverses: 'is in the transaction' },
      idempotencyKey: 'is in the transaction',
    },
    values: HASHES,
  },
  ...[grantSchema, openGrantSchema].map(
    (fields): Shown => ({
      what: fields === grantSchema ? 'the row of a grant' : 'an open grant',
      file: 'src/models/records/grant.ts and toGrant in src/services/credits/records.ts',
      fields,
      schema: library.GrantSchema,
      tell: (grant: GrantRow & OpenGrant) => credits.toGrant({ ...OWNER, ...grant }, grant, SCALE),
      hidden: {
        ...(fields === grantSchema ? { version: WRITES, account: KEY } : { rowVersion: WRITES }),
        ...(fields === grantSchema && { open: 'follows from what remains' }),
        ...{ expired: 'history tells it, entry by entry', revoked: 'history tells it, entry by entry' },
        expiredLate: 'tells an audit which part no job could have found in time',
        ...{ seq: 'keeps the order of grants', place: 'keeps the order of grants' },
      },
      values: { priority: [10, 20], version: [1, 2] },
    }),
  ),
  {
    what: 'the row of a reservation',
    file: 'src/models/records/reservation.ts and toReservation in src/services/credits/records.ts',
    fields: reservationSchema,
    schema: library.ReservationSchema,
    tell: (row: ReservationRow) => credits.toReservation(row, ORIGIN, SCALE),
    hidden: {
      ...{ version: WRITES, account: KEY },
      closedAt: 'is the instant of the transaction that ended it',
      closing: 'answers a repetition of the last call',
      lateCharge: 'answers a repetition of the last call',
    },
    values: {
      amount: [100_000_000, 200_000_000],
      ...{ committed: [1_000_000, 2_000_000], released: [1_000_000, 2_000_000], expired: [1_000_000, 2_000_000] },
    },
  },
  {
    what: 'an open hold',
    file: 'src/models/records/reservation.ts and toReservation in src/services/credits/records.ts',
    fields: openHoldSchema,
    schema: library.ReservationSchema,
    tell: (hold: OpenHold) => {
      const account = accountFromRow(sampleOf(accountSchema) as AccountRow);
      return credits.toReservation(credits.openHoldNumbers(account, hold), ORIGIN, SCALE);
    },
    hidden: {
      draws: 'is in the transaction that made it',
    },
    values: { amount: [100_000_000, 200_000_000], committed: [1_000_000, 2_000_000] },
  },
  {
    what: 'a subscription',
    file: 'src/models/records/subscription.ts and toSubscription in src/services/plans/records.ts',
    fields: subscriptionSchema,
    schema: library.UserSubscriptionSchema,
    tell: (row: SubscriptionRow) => plans.toSubscription(row, NOW),
    hidden: {
      ...OF_PERIODS,
      nextPlanId: 'is that of pending, which is shown',
    },
    values: SUBSCRIPTION,
  },
  {
    what: 'the entry of a subscription',
    file: 'toJson in src/core/subscription-state.ts',
    fields: subscriptionSchema,
    schema: library.UserSubscriptionSchema,
    tell: (row: SubscriptionRow) => {
      const details = JSON.parse(JSON.stringify({ subscription: subscriptionToJson(row) }));
      return plans.subscriptionOf({ userId: row.userId, details } as EntryRow);
    },
    hidden: {
      ...OF_PERIODS,
      pending: 'gives its plan as nextPlanId',
    },
    values: SUBSCRIPTION,
  },
  {
    what: 'a cycle',
    file: 'src/models/records/cycle.ts and toCycle in src/services/plans/records.ts',
    fields: cycleSchema,
    schema: library.CycleSchema,
    tell: (row: CycleRow) => plans.toCycle(row, SCALE),
    hidden: {
      ...{
        version: WRITES,
        dueAt: DUE,
        anchor: 'start and end follow from it',
        periods: 'start and end follow from it',
      },
    },
  },
  {
    what: 'a promo code',
    file: 'src/models/records/promo.ts and toPromo in src/services/promos',
    fields: promoSchema,
    schema: library.PromoSchema,
    tell: (row: PromoRow) => stored('promo', row, ({ promos }) => promos.getPromo(row.code)),
    hidden: { version: WRITES, claimsDay: OF_DAY, claimsOfDay: OF_DAY },
    values: { code: ['ONE', 'TWO'] },
  },
  {
    what: 'a claim of a promo code',
    file: 'src/models/records/promo.ts and toClaim in src/services/promos',
    fields: promoClaimSchema,
    schema: library.PromoClaimSchema,
    tell: (row: PromoClaimRow) =>
      stored('promo_claim', row, async ({ promos }) => onlyOne(await promos.listClaims({ code: row.promoCode }))),
    hidden: {
      ...{ version: WRITES, id: 'is code, number and user', uses: 'counts the claims of a user' },
      ...{ usesDay: OF_DAY, usesOfDay: OF_DAY },
    },
    values: { promoCode: ['ONE', 'TWO'] },
  },
  {
    what: 'a payment',
    file: 'src/models/records/payment.ts and toPayment in src/services/payments',
    fields: paymentSchema,
    schema: library.PaymentSchema,
    tell: (row: PaymentRow) => stored('payment', row, ({ payments }) => payments.getPayment(row.id, null)),
    hidden: {
      ...{ version: WRITES, levels: 'follow from refunds and disputes', grantIds: 'grants are found by payment' },
      ...{ terms: 'are those of the grant', callbackUrl: 'is for the provider', disputes: 'are told by the status' },
      ...{ attempt: 'is told by status, failedAt and errorMessage', takenFrom: 'is told by the history' },
      ...{ arrivals: 'are told by the messages', refunds: 'are told by refunded and the messages' },
    },
    values: { currency: ['INR', 'USD'] },
  },
  {
    what: 'an automatic top-up',
    file: 'src/models/records/payment.ts and toAutoTopUp in src/services/payments',
    fields: topUpSchema,
    schema: library.AutoTopUpSchema,
    tell: (row: TopUpRow) =>
      stored('top_up', { ...row, id: 'credits/u' }, ({ payments }) => payments.getAutoTopUp('u')),
    hidden: {
      ...{ version: WRITES, id: 'is read by user and credit type', seed: 'would make the ids of payments known' },
      ...{ rate: 'is the price of the day', terms: 'are those of the grants' },
    },
    values: { currency: ['INR', 'USD'], coolDownMs: [1_000, 2_000], attempts: [[ATTEMPT], []] },
  },
  {
    what: 'a message of a payment',
    file: 'src/models/records/payment.ts and toMessage in src/services/payments',
    fields: paymentMessageSchema,
    schema: library.PaymentMessageSchema,
    tell: (row: PaymentMessageRow) =>
      stored('payment_message', row, async ({ payments }) => onlyOne(await payments.listMessages())),
    hidden: { version: WRITES, reference: 'is the payment, where it is ours', event: 'is the payload in our words' },
  },
  {
    what: 'the receipt of a message',
    file: 'src/models/records/inbox.ts and toReceipt in src/services/pipeline/receipts.ts',
    fields: inboxSchema,
    schema: library.MessageReceiptSchema,
    tell: (row: InboxRow) => toReceipt(row),
    hidden: { version: WRITES, id: 'is subject and event', fingerprint: 'tells two messages of one id apart' },
  },
  {
    what: 'a dead letter',
    file: 'src/models/records/inbox.ts and toDeadLetter in src/services/inbox/dead-letters.ts',
    fields: deadLetterSchema,
    schema: library.DeadLetterSchema,
    tell: (row: DeadLetterRow) => toDeadLetter(row),
    hidden: { version: WRITES },
    values: { body: ['eA==', 'eQ=='] },
  },
  {
    what: 'a notification',
    file: 'src/models/records/notification.ts and toNotification in src/services/notifications',
    fields: notificationSchema,
    schema: library.NotificationSchema,
    tell: (row: NotificationRow) =>
      stored('notification', row, async ({ notifications }) => onlyOne(await notifications.listNotifications())),
    hidden: {
      ...{ version: WRITES, account: KEY, sequence: RELAY, place: RELAY, attempts: RELAY, unreached: RELAY },
      ...{ nextAttemptAt: RELAY, claimedBy: RELAY },
    },
  },
  {
    what: 'an account',
    file: 'src/models/records/balance.ts and infoOf in src/services/credits/records.ts',
    fields: accountSchema,
    schema: library.UserCreditsInfoSchema,
    tell: (row: AccountRow) => {
      const account = accountFromRow(row);
      return credits.infoOf(account, account.at, SCALE);
    },
    hidden: {
      ...{ version: WRITES, id: KEY, seq: CHAIN, hash: CHAIN, dueAt: DUE },
      ...{ visible: 'follows from the first entry', createdAt: 'orders lists of accounts' },
      ...{ available: 'is balance less reserved', magnitude: 'is for the index of available' },
      state: 'has its grants and options, which have calls of their own',
      numbers: 'has its holds, which have calls of their own',
    },
  },
];
