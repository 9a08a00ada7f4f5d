/** Additions: grants now or scheduled, adjustments upward, and the one trial grant of an account. */
import type { OpenGrant } from '../models/account.js';
import type { GrantRow } from '../models/grant.js';
import type { JsonObject } from '../models/values.js';
import { toCredits, UNITS_MAX } from './amounts.js';
import type { CommandOf, GrantTerms } from './command.js';
import { beyondMaximum } from './debit.js';
import { type Refusal, refuse } from './decision.js';
import {
  type Draft,
  grantIndex,
  mainIndex,
  makeGrant,
  pushMovement,
  repayDebt,
  replaceGrant,
  touchGrant,
  writeEntry,
} from './draft.js';
import { notePurchase } from './thresholds.js';

/** The terms of a grant where the call says nothing else. */
export const PLAIN_TERMS: GrantTerms = {
  source: 'other',
  priority: 50,
  effectiveAt: null,
  expiresAt: null,
  planId: null,
  paymentId: null,
  reference: null,
};

/** Adds a grant. A scheduled grant moves the balance only when it becomes effective. New credits repay debt first. */
export function addGrant(draft: Draft, amount: number, terms: GrantTerms): Refusal | null {
  const refusal = checkTerms(draft, terms) ?? checkRoom(draft, amount, 1);
  if (refusal) return refusal;
  const before = draft.account.balance;
  const grant = makeGrant(draft, amount, terms);
  notePurchase(draft.account, grant);
  const delta = draft.account.balance - before;
  const repaid = repayDebt(draft);
  const details = { grant: termsOf(grant) };
  writeEntry(draft, 'add', { amount, delta, repaid, grantId: grant.id, details });
  return null;
}

/** Makes the trial grant: once for ever, with the first applied operation. */
export function grantTrial(draft: Draft, amount: number): void {
  const grant = makeGrant(draft, amount, { ...PLAIN_TERMS, source: 'trial' }, '-trial');
  draft.account.trialAmount = amount;
  const repaid = repayDebt(draft);
  const fields = { amount, delta: amount, repaid, grantId: grant.id, details: { grant: termsOf(grant) } };
  // The call that comes first describes what it does itself.
  writeEntry(draft, 'add', fields).description = 'Trial credits';
  pushMovement(draft, 'credits.recharged', amount, null, { source: 'trial' });
}

/** Refuses `count` more grants, of `amount` together, where they do not fit the account; else null. */
export function checkRoom(draft: Draft, amount: number, count: number): Refusal | null {
  return checkBalance(draft, amount) ?? checkOpenGrants(draft, count);
}

/**
 * Refuses to raise the balance by `amount` beyond the largest amount; else null. Scheduled grants count as soon as they
 * are added.
 */
export function checkBalance(draft: Draft, amount = 0): Refusal | null {
  const { account } = draft;
  let scheduled = 0;
  for (const grant of account.grants) if (grant.effectiveAt > account.at) scheduled += grant.remaining;
  return account.balance + scheduled + amount > UNITS_MAX ? beyondMaximum(draft) : null;
}

/** Refuses `more` open grants than the limit allows; else null. */
export function checkOpenGrants(draft: Draft, more = 0): Refusal | null {
  const limit = draft.context.limits.openGrants;
  const open = openGrants(draft) + more;
  if (open <= limit) return null;
  const message = `The account would have ${open} open grants; the limit is ${limit}.`;
  return refuse('LIMIT_EXCEEDED', `${message} Merge additions or raise limits.openGrants.`, {
    what: 'openGrants',
    limit,
  });
}

/** Refuses credits that came back where they do not fit an account that had `openBefore` open grants; else null. */
export function checkRoomAfter(draft: Draft, openBefore: number): Refusal | null {
  return checkBalance(draft) ?? (openGrants(draft) > openBefore ? checkOpenGrants(draft) : null);
}

/** The number of grants that are not used up. Grants that this operation used up are listed until it is sealed. */
export function openGrants({ account }: Draft): number {
  let open = 0;
  for (const grant of account.grants) if (grant.remaining > 0) open++;
  return open;
}

/** The terms of a grant as its entry keeps them, so that the entries alone rebuild the account. */
export function termsOf(grant: {
  source: string;
  priority: number;
  effectiveAt: number;
  expiresAt: number | null;
  planId: string | null;
  paymentId?: string | null | undefined;
  reference: string | null;
}): JsonObject {
  return {
    effectiveAt: grant.effectiveAt,
    expiresAt: grant.expiresAt,
    ...(grant.paymentId != null && { paymentId: grant.paymentId }),
    planId: grant.planId,
    priority: grant.priority,
    reference: grant.reference,
    source: grant.source,
  };
}

function checkTerms(
  draft: Draft,
  { effectiveAt, expiresAt }: Pick<GrantTerms, 'effectiveAt' | 'expiresAt'>,
): Refusal | null {
  const now = draft.account.at;
  if (expiresAt === null || (expiresAt > now && expiresAt > (effectiveAt ?? now))) return null;
  const expected = 'an instant later than now and than effectiveAt';
  const given = new Date(expiresAt).toISOString();
  return refuse('INVALID_ARGUMENT', `expiresAt ${given} is not ${expected} (now ${new Date(now).toISOString()}).`, {
    path: 'expiresAt',
    expected,
  });
}

/** Announces a grant by the event for its source. One that is scheduled is announced when it becomes effective. */
export function announceGrant(
  draft: Draft,
  amount: number,
  { source, reference, effectiveAt }: Pick<GrantTerms, 'source' | 'reference' | 'effectiveAt'>,
  entry = mainIndex(draft),
): void {
  if (effectiveAt !== null && effectiveAt > draft.account.at) return;
  if (source === 'refund') pushMovement(draft, 'credits.refunded', amount, reference, {}, entry);
  else pushMovement(draft, 'credits.recharged', amount, reference, { source }, entry);
}

/** Changes the end and the priority of a grant that is open. One that has lapsed stays lapsed. */
export function updateGrant(draft: Draft, { grantId, terms }: CommandOf<'update_grant'>): Refusal | null {
  const { account } = draft;
  const i = grantIndex(draft, grantId);
  const grant = account.grants[i];
  const hasEnded = grant !== undefined && grant.expiresAt !== null && grant.expiresAt <= account.at;
  if (!grant || grant.remaining === 0 || hasEnded) {
    const message = 'The grant is used up, lapsed or taken back; only an open grant can be changed.';
    return refuse('INVALID_ARGUMENT', message, { path: 'grant', expected: 'an open grant' });
  }
  const { expiresAt = grant.expiresAt, priority = grant.priority } = terms;
  const refusal = checkTerms(draft, { effectiveAt: grant.effectiveAt, expiresAt });
  if (refusal) return refusal;
  updateTerms(draft, grant, { expiresAt, priority });
  return null;
}

/** Changes terms of a grant, open or used up, by an entry that moves no credits. */
export function updateTerms(
  draft: Draft,
  grant: OpenGrant | GrantRow,
  change: Partial<Pick<OpenGrant, 'expiresAt' | 'priority'>>,
): void {
  const { id: grantId, priority } = grant;
  const before = { expiresAt: grant.expiresAt?.valueOf() ?? null, priority };
  const after = { ...before, ...change };
  if ('rowVersion' in grant) {
    const rowVersion = grant.rowVersion + 1;
    touchGrant(draft, grantId, rowVersion);
    replaceGrant(draft, grantIndex(draft, grantId), { ...after, rowVersion });
  } else {
    const expiresAt = after.expiresAt === null ? null : new Date(after.expiresAt);
    draft.grantWrites.push({ op: 'replace', row: { ...grant, ...after, expiresAt, version: grant.version + 1 } });
  }
  writeEntry(draft, 'grant_updated', { amount: 0, grantId, details: { before, after } });
}

/** Converts units to credits, for messages. */
export function creditsOf(draft: Draft, units: number): number {
  return toCredits(units, draft.context.scale);
}
