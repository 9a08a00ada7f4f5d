/** The changes that time alone brings, in time order: holds expire, grants lapse, grants become effective. */
import type { OpenGrant, OpenHold } from '../models/account.js';
import type { Draw } from '../models/values.js';
import type { Account } from './account.js';
import { freePart } from './burn-down.js';
import type { CallInfo } from './command.js';
import type { Context } from './decision.js';
import {
  changeGrant,
  type Draft,
  grantIndex,
  lapse,
  makeGrant,
  nextDue,
  noteDue,
  openDraft,
  pushMovement,
  repayDebt,
  setHolds,
  writeEntry,
} from './draft.js';
import { withoutDraws } from './draws.js';
import { announceGrant, PLAIN_TERMS, termsOf } from './grants.js';
import { reservationRow } from './rows.js';
import { judgeCrossings, notePurchase } from './thresholds.js';

/**
 * Brings a draft forward to `now`. Each change by time is an entry, dated at its own instant; crossings are judged
 * after each instant. At one instant, holds expire in the order they were created, then grants lapse, then grants
 * become effective.
 */
export function advance(draft: Draft, now: number): void {
  const { account } = draft;
  while (account.dueAt !== null && account.dueAt <= now) {
    enterInstant(draft, account.dueAt);
    for (const hold of account.holds.filter((hold) => hold.expiresAt <= account.at).sort(byCreation)) {
      expireHold(draft, hold);
    }
    for (const grant of account.grants) {
      if (grant.expiresAt !== null && grant.expiresAt <= account.at && freePart(grant) > 0) {
        lapse(draft, grant.id, freePart(grant));
      }
    }
    for (const grant of account.grants) if (grant.effectiveAt === account.at) activate(draft, grant);
    account.dueAt = nextDue(account);
  }
  enterInstant(draft, now);
}

/** The account at `now`, computed and not stored: reads answer with it. */
export function advanced(account: Account, now: number, context: Context): Account {
  if (account.dueAt === null || account.dueAt > now) return now > account.at ? { ...account, at: now } : account;
  const draft = dueDraft(account, now, context);
  return { ...draft.account, grants: draft.account.grants.filter((grant) => grant.remaining > 0) };
}

/** The account at `now` with the entries that the clock has not written yet, and with the grants that it used up. */
export function dueDraft(account: Account, now: number, context: Context): Draft {
  const draft = openDraft(account, context, NOBODY, '');
  advance(draft, now);
  return draft;
}

/** An account that nothing was written on, with the trial grant of its first write, which is named `trial`. */
export function withTrial(account: Account, now: number, context: Context): Account {
  const { trialCredits: amount } = context.defaults;
  if (account.seq > 0 || account.trialAmount !== null || amount === 0) return account;
  const draft = openDraft(account, context, NOBODY, '');
  draft.account.at = now;
  const grant = makeGrant(draft, amount, { ...PLAIN_TERMS, source: 'trial' });
  return { ...draft.account, grants: [{ ...grant, id: 'trial' }], trialAmount: amount };
}

/**
 * Returns held parts to their grants. Answers the parts whose grants have lapsed meanwhile: the caller writes an
 * `expire` entry for each of them.
 */
export function freeDraws(draft: Draft, draws: readonly Draw[]): readonly Draw[] {
  const lapsed: Draw[] = [];
  for (const { grantId, amount } of draws) {
    const i = grantIndex(draft, grantId);
    const grant = draft.account.grants[i] as OpenGrant;
    changeGrant(draft, i, { held: grant.held - amount });
    if (grant.expiresAt === null) continue;
    if (grant.expiresAt <= draft.account.at) lapsed.push({ grantId, amount });
    else noteDue(draft, grant.expiresAt);
  }
  return lapsed;
}

export function lapseAll(draft: Draft, lapsed: readonly Draw[]): void {
  for (const { grantId, amount } of lapsed) lapse(draft, grantId, amount);
}

function expireHold(draft: Draft, hold: OpenHold): void {
  const { account } = draft;
  const left = hold.amount - hold.committed;
  account.reserved -= left;
  setHolds(
    draft,
    account.holds.filter((other) => other.id !== hold.id),
  );
  const lapsed = freeDraws(draft, hold.draws);
  const repaid = repayDebt(draft, hold.draws, lapsed);
  const end = { status: 'expired', released: 0, expired: left, closing: null } as const;
  draft.reservationWrites.push({ op: 'replace', row: reservationRow(account, hold, end) });
  const details = { freed: hold.draws.map(({ grantId, amount }) => ({ amount, grantId })) };
  const fields = { amount: left, reservedDelta: -left, repaid, reservationId: hold.id, details };
  writeEntry(draft, 'expire_reserved', fields);
  pushMovement(draft, 'credits.reservation_expired', left, null, {}, draft.entries.length - 1);
  lapseAll(draft, withoutDraws(lapsed, repaid));
}

function activate(draft: Draft, grant: OpenGrant): void {
  draft.account.balance += grant.remaining;
  draft.dueChanged = true;
  notePurchase(draft.account, grant);
  const repaid = repayDebt(draft, [{ grantId: grant.id, amount: grant.remaining }]);
  const details = { grant: termsOf(grant) };
  writeEntry(draft, 'activate', {
    amount: grant.remaining,
    delta: grant.remaining,
    repaid,
    grantId: grant.id,
    details,
  });
  const entry = draft.entries.length - 1;
  const more = { grantId: grant.id, source: grant.source };
  pushMovement(draft, 'credits.grant_activated', grant.remaining, grant.reference, more, entry);
  announceGrant(draft, grant.remaining, grant, entry);
}

function enterInstant(draft: Draft, at: number): void {
  if (at <= draft.account.at) return;
  judgeCrossings(draft);
  draft.account.at = at;
}

function byCreation(a: OpenHold, b: OpenHold): number {
  return a.createdAt - b.createdAt;
}

const NOBODY: CallInfo = {
  operation: 'read',
  operationId: '',
  description: null,
  actor: null,
  reason: null,
  correlationId: null,
  metadata: {},
  idempotencyKey: null,
  scopedKey: null,
  fingerprint: null,
};
