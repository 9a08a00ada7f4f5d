/**
 * The grants that a debit draws on where its call narrows or widens them: `from` names some of them; usage that is told
 * late also draws on those that could be spent when it happened, and have lapsed since.
 */
import type { OpenGrant } from '../models/account.js';
import type { Draw, JsonObject } from '../models/values.js';
import { compareBurnOrder, freePart, isSpendable } from './burn-down.js';
import type { DrawnFrom } from './command.js';
import { changeGrant, type Draft, grantIndex, insertGrant, touchGrant, writeEntry } from './draft.js';
import { isRollover } from './rollover.js';
import { grantFromRow } from './rows.js';

/** The grants that one debit may draw on. */
export interface Scope {
  /** Whether a grant meets the conditions of the call. */
  readonly only: (grant: OpenGrant) => boolean;
  /** Grants with credits that lapsed after the usage. */
  readonly late: readonly OpenGrant[];
  /** The part of the call that the entry keeps. */
  readonly details: JsonObject;
}

/** The scope of a debit; null for every grant of today, and `undefined` while stored rows have to be read. */
export function scopeOf(
  draft: Draft,
  { from, occurredAt }: { readonly from?: DrawnFrom | undefined; readonly occurredAt?: number | undefined },
): Scope | null | undefined {
  if (from === undefined && occurredAt === undefined) return null;
  const only = (grant: OpenGrant) => from === undefined || meets(from, grant);
  const late = occurredAt === undefined ? NONE : lateGrants(draft, occurredAt);
  const details = { ...(from && { from: { ...from } }), ...when(draft, occurredAt) };
  return late && { only, late: late.filter(only), details };
}

const NONE: readonly never[] = Object.freeze([]);

/** The instant of late usage, as its entry keeps it. An instant in the future counts as now. */
export function when({ account }: Draft, occurredAt: number | undefined): JsonObject {
  return occurredAt === undefined ? {} : { occurredAt: Math.min(occurredAt, account.at) };
}

/** Whether a deduction with these conditions may draw on a grant. */
export function meets({ grantIds, sources, planId }: DrawnFrom, grant: OpenGrant): boolean {
  return (
    (grantIds === undefined || grantIds.includes(grant.id)) &&
    (sources === undefined || sources.includes(grant.source)) &&
    (planId === undefined || planId === grant.planId)
  );
}

/**
 * The grants with credits that have lapsed, and that could be spent at `occurredAt`; none where that is longer ago than
 * the grace. Answers `undefined` while stored rows have to be read.
 */
function lateGrants({ account, context }: Draft, occurredAt: number): readonly OpenGrant[] | undefined {
  const { facts, limits } = context;
  if (occurredAt >= account.at || account.at - occurredAt > limits.lateUsageMs) return NONE;
  const lapses = facts.lapses(account.key, occurredAt);
  if (lapses === undefined) return undefined;
  // Grants that lapse in this very operation have no stored entry yet.
  const found = new Map(account.grants.map((grant) => [grant.id, grant]));
  const rolledOver: number[] = [];
  for (const { type, grantId, details } of lapses) {
    if (type === 'expire' && grantId !== null && !found.has(grantId)) {
      const row = facts.row('grant', grantId);
      if (!row) return undefined;
      found.set(grantId, grantFromRow(row, row.version + 1));
    }
    const { grant } = details as { grant?: { reference: string | null; effectiveAt: number } };
    if (grant && isRollover(grant.reference)) rolledOver.push(grant.effectiveAt);
  }
  const refunded = new Set<string>();
  for (const { id, paymentId } of found.values()) {
    if (paymentId == null) continue;
    const payment = facts.row('payment', paymentId);
    if (payment === undefined) return undefined;
    // Its money has gone back: what had lapsed of it counted as taken then.
    if (payment && payment.levels.length > 0) refunded.add(id);
  }
  return [...found.values()].filter((grant) => {
    if (refunded.has(grant.id)) return false;
    const { expired, source, planId, expiresAt } = grant;
    const isLate = expired > 0 && isSpendable(grant, occurredAt) && !isSpendable(grant, account.at);
    // The rest of a plan's grant that rolled over is spendable still, in the grant of the next period.
    const isOfPlan = source === 'subscription' && planId !== null;
    return isLate && !(isOfPlan && rolledOver.some((start) => start >= (expiresAt as number)));
  });
}

/** The units that a debit with this scope may take. */
export function unitsIn({ account }: Draft, { only, late }: Scope): number {
  let sum = 0;
  for (const grant of account.grants) if (isSpendable(grant, account.at) && only(grant)) sum += freePart(grant);
  for (const { expired } of late) sum += expired;
  return sum;
}

/**
 * Brings back as much of lapsed grants as a debit of `amount` needs of them in burn-down order, by an entry of its own.
 * Answers the parts.
 */
export function reinstate(draft: Draft, amount: number, { only, late, details }: Scope): readonly Draw[] {
  const { account } = draft;
  const live = account.grants.filter((grant) => isSpendable(grant, account.at) && only(grant));
  const parts: Draw[] = [];
  let left = amount;
  for (const grant of [...live, ...late].sort(compareBurnOrder)) {
    const isLate = late.includes(grant);
    const part = Math.min(isLate ? grant.expired : freePart(grant), left);
    left -= part;
    if (isLate && part > 0) parts.push({ grantId: grant.id, amount: part });
  }
  let sum = 0;
  for (const { grantId, amount: part } of parts) {
    if (grantIndex(draft, grantId) < 0) {
      const grant = late.find(({ id }) => id === grantId) as OpenGrant;
      touchGrant(draft, grantId, grant.rowVersion);
      insertGrant(draft, grant);
    }
    const i = grantIndex(draft, grantId);
    const grant = account.grants[i] as OpenGrant;
    changeGrant(draft, i, { remaining: grant.remaining + part, ...withoutExpired(grant, part) });
    sum += part;
  }
  if (sum === 0) return parts;
  account.balance += sum;
  writeEntry(draft, 'reinstate', { amount: sum, delta: sum, draws: parts, details });
  return parts;
}

/** The expired parts of a grant of which `part` is brought back: first of those that lapsed on time. */
export function withoutExpired({ expired, expiredLate }: Pick<OpenGrant, 'expired' | 'expiredLate'>, part: number) {
  const left = expired - part;
  return { expired: left, ...(expiredLate !== undefined && { expiredLate: Math.min(expiredLate, left) }) };
}
