/** Tells whether the entry found under a call's operation id was written by the same call. */
import { fingerprintOf } from '../../core/canonical-json.js';
import type { Command, CommandOf, GrantTerms } from '../../core/command.js';
import { openedOf } from '../../core/payment.js';
import { topUpFingerprint } from '../../core/top-up.js';
import type { EntryRow } from '../../models/entry.js';
import type { Json, JsonObject } from '../../models/values.js';
import type { Operation } from './operation.js';

/** Compares the entry's own columns with the call, because an entry without a key keeps no fingerprint. */
export function sameInput({ call, command, accounts }: Operation, row: EntryRow): boolean {
  return (
    row.account === accounts[0]?.key &&
    row.operation === call.operation &&
    row.description === call.description &&
    row.actor === call.actor &&
    row.reason === call.reason &&
    fingerprintOf(row.metadata) === fingerprintOf(call.metadata) &&
    sameCommand(command, accounts, row)
  );
}

function sameCommand(command: Command, accounts: Operation['accounts'], row: EntryRow): boolean {
  switch (command.type) {
    case 'add':
      return row.amount === command.amount && sameTerms(command.terms, row.details.grant as Json & GrantTerms);
    case 'adjust':
      return row.delta === command.delta;
    case 'transfer':
      return row.amount === command.amount && row.details.to === accounts[1]?.userId;
    case 'reverse':
      return row.reverses === command.original.id && (command.amount ?? row.amount) === row.amount;
    case 'void_grant':
      return row.grantId === command.grantId && (command.amount ?? row.amount) === row.amount;
    case 'update_grant':
      return row.grantId === command.grantId && sameUpdate(command.terms, row.details.after as Json & UpdatedTerms);
    case 'commit':
    case 'release':
      return row.reservationId === command.reservationId && (row.details.fingerprint ?? '') === command.fingerprint;
    case 'extend':
      return row.reservationId === command.reservationId;
    case 'deduct':
      return (
        row.amount === command.amount && fingerprintOf(row.details.from ?? null) === fingerprintOf(fromOf(command))
      );
    case 'reserve':
    case 'claw_back':
      return row.amount === command.amount;
    case 'create_account':
      return row.details.fingerprint === command.fingerprint;
    case 'change_payment':
      return samePayment(command, row);
    case 'bill_subscription':
      return (row.details.billed as { id?: Json } | undefined)?.id === command.id;
    case 'change_top_up':
      return sameTopUp(command, row);
    case 'update_account':
    case 'expire':
      return true;
    default:
      return samePlanCommand(command, row.details);
  }
}

type PlanCommand = CommandOf<
  | 'subscribe'
  | 'renew'
  | 'pay_period'
  | 'change_subscription'
  | 'start_cycle'
  | 'stop_cycle'
  | 'renew_cycle'
  | 'claim_promo'
>;

/** The details of an entry of a plan, a cycle or a promo code. */
interface PlanDetails {
  readonly subscription?: { id: string; planId: string; nextPlanId: string | null; status: string; autoRenew: boolean };
  readonly cycle?: { id: string; amount: number; days: number; recurring: boolean };
  readonly promoCode?: string;
  readonly paymentId?: string;
}

const STATUSES_AFTER: Readonly<Record<string, readonly string[]>> = {
  ...{ cancelled: ['cancelled'], paused: ['paused'], resumed: ['active', 'trialing'], removed: ['removed'] },
};

function samePlanCommand(command: PlanCommand, details: JsonObject): boolean {
  const { subscription, cycle, promoCode } = details as PlanDetails;
  switch (command.type) {
    case 'subscribe':
      return subscription?.planId === command.planId || subscription?.nextPlanId === command.planId;
    case 'renew':
      return subscription?.id === command.subscriptionId;
    case 'pay_period':
      return (details as PlanDetails).paymentId === command.paymentId;
    case 'change_subscription':
      if (command.to === 'cancelled at the end of the period') return subscription?.autoRenew === false;
      return STATUSES_AFTER[command.to]?.includes(subscription?.status ?? '') ?? false;
    case 'start_cycle':
      return cycle?.amount === command.amount && cycle.days === command.days && cycle.recurring === command.recurring;
    case 'stop_cycle':
    case 'renew_cycle':
      return cycle?.id === command.cycleId;
    case 'claim_promo':
      return promoCode === command.code;
    default:
      return command satisfies never;
  }
}

/** A payment that this call made again would have another id, so it is told by what was asked for. */
function samePayment({ paymentId, opened }: CommandOf<'change_payment'>, { details }: EntryRow): boolean {
  const { payment } = details as { payment?: { id?: string; opened?: Json } };
  return opened === undefined ? payment?.id === paymentId : payment?.opened === fingerprintOf(openedOf(opened));
}

function sameTopUp({ settings }: CommandOf<'change_top_up'>, { details }: EntryRow): boolean {
  const { topUp } = details as { topUp?: { given?: string } };
  return settings === 'look' || topUp?.given === topUpFingerprint(settings);
}

type UpdatedTerms = Pick<GrantTerms, 'expiresAt' | 'priority'>;

function sameUpdate({ expiresAt, priority }: CommandOf<'update_grant'>['terms'], stored: UpdatedTerms): boolean {
  return (
    (expiresAt === undefined || expiresAt === stored.expiresAt) &&
    (priority === undefined || priority === stored.priority)
  );
}

function fromOf({ from }: CommandOf<'deduct'>): Json {
  return from === undefined ? null : { ...from };
}

function sameTerms(given: GrantTerms, stored: GrantTerms): boolean {
  return (
    given.source === stored.source &&
    given.priority === stored.priority &&
    given.expiresAt === stored.expiresAt &&
    (given.effectiveAt ?? stored.effectiveAt) === stored.effectiveAt &&
    given.planId === stored.planId &&
    given.paymentId === (stored.paymentId ?? null) &&
    given.reference === stored.reference
  );
}
