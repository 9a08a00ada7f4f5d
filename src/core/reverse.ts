/** Reversals and claw-backs: new entries that point at an original; nothing stored is ever changed. */
import type { OpenGrant } from '../models/account.js';
import type { EntryRow } from '../models/entry.js';
import type { Draw, JsonObject } from '../models/values.js';
import { lapseAll } from './advance.js';
import { freePart } from './burn-down.js';
import type { CommandOf } from './command.js';
import { addDebt } from './debit.js';
import { PENDING, type Refusal, refuse, type Verdict } from './decision.js';
import {
  changeGrant,
  type Draft,
  grantIndex,
  insertGrant,
  makeGrant,
  repayDebt,
  takeFree,
  touchGrant,
  writeEntry,
} from './draft.js';
import { unitsOf, withoutDraws } from './draws.js';
import { checkRoomAfter, creditsOf, openGrants, PLAIN_TERMS, termsOf } from './grants.js';
import { leftByHand } from './payment-credits.js';
import { grantFromRow } from './rows.js';

/** How a reversal of a debit was split; its entry keeps this for the next reversal. */
interface ReversedParts {
  readonly undoneDebt: number;
  readonly adjustment: number;
}

export function reverse(draft: Draft, command: CommandOf<'reverse'>): Verdict {
  const { original } = command;
  const reversals = draft.context.facts.reversals(original.id);
  if (reversals === undefined) return PENDING;
  if (original.type === 'add') return reverseAddition(draft, command, reversals);
  if (original.delta < 0 && (original.type === 'deduct' || original.type === 'commit_reserved')) {
    return reverseDebit(draft, command, reversals);
  }
  return refuse('INVALID_ARGUMENT', `A transaction of type ${original.type} cannot be reversed.`, {
    path: 'id',
    expected: 'the id of an addition, a deduction or a committed reservation',
  });
}

/**
 * Reverses a debit. First it undoes debt, as much as the debit made and the account still has. Then it returns credits
 * to the grants they were drawn from, last drawn first. Debt that the debit made and that was repaid since becomes a
 * new adjustment grant.
 */
function reverseDebit(draft: Draft, command: CommandOf<'reverse'>, reversals: readonly EntryRow[]): Verdict {
  const { original } = command;
  const reversible = -original.delta - sumOf(reversals, (entry) => entry.amount);
  const amount = command.amount ?? reversible;
  if (reversible <= 0 || amount > reversible) return alreadyReversed(draft, original.id, reversible);

  const madeDebt = -original.delta - unitsOf(original.draws);
  const settledDebt = sumOf(reversals, (entry) => {
    const parts = entry.details as JsonObject & ReversedParts;
    return parts.undoneDebt + parts.adjustment;
  });
  const openBefore = openGrants(draft);
  const given = original.draws.map(({ grantId, amount: drawn }) => {
    const before = sumOf(reversals, (entry) =>
      sumOf(entry.draws, (draw) => (draw.grantId === grantId ? draw.amount : 0)),
    );
    return { grantId, amount: drawn - before };
  });
  const put = putBack(draft, amount, { debt: madeDebt - settledDebt, draws: given, how: 'spend' });
  if (!put) return PENDING;
  const { lapsed, ...fields } = put;
  writeEntry(draft, 'reverse', { amount, delta: amount, reverses: original.id, ...fields });
  draft.mainEntry = draft.entries.length - 1;
  lapseAll(draft, lapsed);
  return checkRoomAfter(draft, openBefore);
}

/** Credits that were taken, and come back in part: the debt that was made, and the draws in their order. */
interface Taken {
  readonly debt: number;
  readonly draws: readonly Draw[];
  readonly how: 'spend' | 'revoke';
}

/**
 * Puts credits back. First it undoes debt, as much as was made and the account still has. Then it returns credits to
 * the grants they were taken from, the last one first, also where the grant is closed; those of a grant that has ended
 * are told as `lapsed`. Debt that was repaid since becomes a new grant. Undefined while a row has not been read.
 */
export function putBack(draft: Draft, amount: number, { debt, draws, how }: Taken) {
  const { account, context } = draft;
  const undoneDebt = Math.min(amount, debt, account.debt);
  let left = amount - undoneDebt;
  const returned: Draw[] = [];
  const lapsed: Draw[] = [];
  for (const { grantId, amount: taken } of draws.toReversed()) {
    const part = Math.min(taken, left);
    if (part === 0) continue;
    let i = grantIndex(draft, grantId);
    if (i < 0) {
      const row = context.facts.row('grant', grantId);
      if (!row) return undefined;
      const version = draft.touchedGrants?.get(grantId) ?? row.version + 1;
      touchGrant(draft, grantId, version);
      insertGrant(draft, grantFromRow(row, version));
      i = grantIndex(draft, grantId);
    }
    const grant = account.grants[i] as OpenGrant;
    const revoked = how === 'revoke' ? grant.revoked - part : grant.revoked;
    changeGrant(draft, i, { remaining: grant.remaining + part, revoked });
    draft.dueChanged = true;
    returned.push({ grantId, amount: part });
    if (grant.expiresAt !== null && grant.expiresAt <= account.at) lapsed.push({ grantId, amount: part });
    left -= part;
  }
  account.debt -= undoneDebt;
  account.balance += amount - left;
  const grant = left > 0 ? makeGrant(draft, left, { ...PLAIN_TERMS, source: 'adjustment' }) : null;
  const repaid = repayDebt(draft, undefined, lapsed);
  const details: JsonObject & ReversedParts = { undoneDebt, adjustment: left, ...(grant && { grant: termsOf(grant) }) };
  return { draws: returned, lapsed: withoutDraws(lapsed, repaid), repaid, grantId: grant?.id ?? null, details };
}

/**
 * Claws an addition back, at most the part that was neither lapsed, reversed nor refunded. A scheduled grant is taken
 * away with delta 0.
 */
function reverseAddition(draft: Draft, command: CommandOf<'reverse'>, reversals: readonly EntryRow[]): Verdict {
  const { account, context } = draft;
  const { original } = command;
  const grantId = original.grantId as string;
  const i = grantIndex(draft, grantId);
  const grant = i >= 0 ? (account.grants[i] as OpenGrant) : context.facts.row('grant', grantId);
  if (!grant) return PENDING;
  // Refunds of a payment have taken their part back already.
  const payment = grant.paymentId == null ? null : context.facts.row('payment', grant.paymentId);
  if (payment === undefined) return PENDING;
  const left = original.amount - grant.expired - sumOf(reversals, (entry) => entry.amount);
  const reversible = payment ? leftByHand(draft, payment) : left;
  if (reversible === undefined) return PENDING;
  const amount = command.amount ?? reversible;
  if (reversible <= 0 || amount > reversible) return alreadyReversed(draft, original.id, reversible);
  if (i >= 0 && (grant as OpenGrant).effectiveAt > account.at) return revoke(draft, i, amount, original.id);
  return takeBack(draft, amount, [grantId], { type: 'reverse', reverses: original.id, grantId });
}

/** Takes back what is free of one grant, or a part of that, and of no other: no debt is made. */
export function voidGrant(draft: Draft, { grantId, madeBy, amount }: CommandOf<'void_grant'>): Verdict {
  const i = grantIndex(draft, grantId);
  const grant = draft.account.grants[i];
  const payment = grant?.paymentId == null ? null : draft.context.facts.row('payment', grant.paymentId);
  if (payment === undefined) return PENDING;
  // Refunds of a payment may have taken their part from other grants.
  const most = payment ? leftByHand(draft, payment) : Number.POSITIVE_INFINITY;
  if (most === undefined) return PENDING;
  const free = grant ? Math.min(freePart(grant), Math.max(0, most)) : 0;
  const taken = amount ?? free;
  if (free <= 0 || taken > free) {
    const held = grant && grant.held > 0 ? `; ${creditsOf(draft, grant.held)} are on hold` : '';
    const message = `${creditsOf(draft, free)} credits of this grant can be taken back${held}.`;
    return refuse('ALREADY_REVERSED', message, { id: grantId, reversible: creditsOf(draft, free) });
  }
  return revoke(draft, i, taken, madeBy);
}

/** Takes free credits out of one grant. Those of a scheduled grant are not in the balance yet. */
function revoke(draft: Draft, i: number, amount: number, reverses: string): null {
  const { account } = draft;
  const { id: grantId, remaining, revoked, effectiveAt } = account.grants[i] as OpenGrant;
  const isScheduled = effectiveAt > account.at;
  changeGrant(draft, i, { remaining: remaining - amount, revoked: revoked + amount });
  draft.dueChanged = true;
  if (!isScheduled) account.balance -= amount;
  writeEntry(draft, 'reverse', {
    amount,
    delta: isScheduled ? 0 : -amount,
    draws: [{ grantId, amount }],
    grantId,
    reverses,
    details: isScheduled ? { scheduled: true } : {},
  });
  return null;
}

export function clawBack(draft: Draft, command: CommandOf<'claw_back'>): Verdict {
  return takeBack(draft, command.amount, command.grantIds, { type: 'claw_back', reference: command.reference });
}

/**
 * Takes credits back: first from the named grants, then from the free parts of other grants in burn-down order. The
 * rest becomes debt, whatever the limit.
 */
function takeBack(
  draft: Draft,
  amount: number,
  grantIds: readonly string[],
  entry: { type: 'reverse' | 'claw_back'; reverses?: string; grantId?: string; reference?: string },
): Refusal | null {
  const own = takeFree(draft, amount, 'revoke', (grant) => grantIds.includes(grant.id));
  const others = takeFree(draft, amount - own.taken, 'revoke');
  const refusal = addDebt(draft, amount - own.taken - others.taken);
  if (refusal) return refusal;
  draft.account.balance -= amount;
  writeEntry(draft, entry.type, {
    amount,
    delta: -amount,
    draws: [...own.draws, ...others.draws],
    grantId: entry.grantId ?? null,
    reverses: entry.reverses ?? null,
    details: entry.reference === undefined ? {} : { reference: entry.reference },
  });
  return null;
}

function alreadyReversed(draft: Draft, id: string, left: number): Refusal {
  const reversible = creditsOf(draft, Math.max(0, left));
  const message = `${reversible} credits of this transaction are left to reverse.`;
  return refuse('ALREADY_REVERSED', message, { id, reversible });
}

function sumOf<T>(items: readonly T[], amount: (item: T) => number): number {
  let sum = 0;
  for (const item of items) sum += amount(item);
  return sum;
}
