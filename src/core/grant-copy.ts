/** Copies of grants, which every debit makes. */
import type { OpenGrant } from '../models/account.js';
import type { Mutable } from '../models/values.js';

/** Grants with fields that only a later version of the library knows. */
const newer = new WeakSet<OpenGrant>();

/** A copy of a grant to be changed. It lists the fields, because spreading a frozen object costs ten times as much. */
export function grantCopy(grant: OpenGrant): Mutable<OpenGrant> {
  if (newer.has(grant)) {
    const whole = { ...grant };
    newer.add(whole);
    return whole;
  }
  const { paymentId, expiredLate } = grant;
  const copy: Mutable<OpenGrant> = {
    id: grant.id,
    source: grant.source,
    amount: grant.amount,
    remaining: grant.remaining,
    held: grant.held,
    expired: grant.expired,
    revoked: grant.revoked,
    priority: grant.priority,
    effectiveAt: grant.effectiveAt,
    expiresAt: grant.expiresAt,
    seq: grant.seq,
    place: grant.place,
    createdAt: grant.createdAt,
    planId: grant.planId,
    reference: grant.reference,
    rowVersion: grant.rowVersion,
  };
  if (paymentId !== undefined) copy.paymentId = paymentId;
  if (expiredLate !== undefined) copy.expiredLate = expiredLate;
  return copy;
}

/** A grant that has every field. */
const EVERY_FIELD: Required<OpenGrant> = {
  ...{ id: '', source: 'other', amount: 0, remaining: 0, held: 0, expired: 0, expiredLate: 0, revoked: 0, priority: 0 },
  ...{ effectiveAt: 0, expiresAt: null, seq: 0, place: 0, createdAt: 0, planId: null, rowVersion: 0 },
  reference: null,
  paymentId: '',
};
/** The fields that {@link grantCopy} lists. A grant that has another one is spread. */
const COPIED: ReadonlySet<string> = new Set(Object.keys(grantCopy(EVERY_FIELD)));

/** Notes of a grant that was read whether it has a field that this version does not know. */
export function noteNewer(grant: OpenGrant): void {
  if (Object.keys(grant).some((name) => !COPIED.has(name))) newer.add(grant);
}
