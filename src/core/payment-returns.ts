/** Credits of a payment that go back: taken from their grants for refunds and disputes, and put back again. */
import type { PaymentRow } from '../models/payment.js';
import type { JsonObject } from '../models/values.js';
import { lapseAll } from './advance.js';
import { freePart, isSpendable } from './burn-down.js';
import { PENDING, type Verdict } from './decision.js';
import { type Draft, pushMovement, writeEntry } from './draft.js';
import { unitsOf, withDraws, withoutDraws } from './draws.js';
import { checkRoomAfter, openGrants } from './grants.js';
import { lowered } from './payment-credits.js';
import type { Payment } from './payment-state.js';
import { clawBack, putBack } from './reverse.js';

/** Takes credits back: first from the payment's own grants, then from others; the rest becomes debt. */
export function takeBack(draft: Draft, payment: Payment, amount: number): Verdict {
  let left = amount;
  while (left > 0) {
    const part = Math.min(left, withinLine(draft, payment));
    const verdict = clawBack(draft, {
      type: 'claw_back',
      amount: part,
      grantIds: payment.grantIds,
      reference: payment.id,
    });
    if (verdict) return verdict;
    const entry = draft.entries.length - 1;
    payment.creditsTakenBack += part;
    payment.takenFrom = withDraws(payment.takenFrom, draft.entries[entry]?.draws ?? []);
    announceTaken(draft, payment, entry);
    left -= part;
  }
  return null;
}

/** How many grants one entry may take from: a line of the ledger is of a limited length. */
const DRAWS_MAX = 1_000;

/** The most that one entry can take back: the free credits of so many grants, the payment's own first. */
function withinLine({ account }: Draft, { grantIds }: PaymentRow): number {
  const open = account.grants.filter((grant) => freePart(grant) > 0 && isSpendable(grant, account.at));
  if (open.length <= DRAWS_MAX) return Number.POSITIVE_INFINITY;
  const own = open.filter(({ id }) => grantIds.includes(id));
  const others = open.filter(({ id }) => !grantIds.includes(id));
  return [...own, ...others].slice(0, DRAWS_MAX).reduce((sum, grant) => sum + freePart(grant), 0);
}

/**
 * Gives credits back after a dispute that was won, or a refund that failed: to the grants that they were taken from, on
 * the terms of those, so that what has ended meanwhile lapses.
 */
export function giveBack(draft: Draft, payment: Payment, due: number): Verdict {
  payment.levels = lowered(payment.levels, due);
  const openBefore = openGrants(draft);
  let left = payment.creditsTakenBack - (payment.levels.at(-1)?.taken ?? 0);
  while (left > 0) {
    const { takenFrom, creditsTakenBack, id: reference } = payment;
    const debt = creditsTakenBack - unitsOf(takenFrom);
    const last = takenFrom.slice(-DRAWS_MAX);
    const amount = Math.min(left, debt + unitsOf(last));
    const put = putBack(draft, amount, { debt, draws: last, how: 'revoke' });
    if (!put) return PENDING;
    const { lapsed, details, ...fields } = put;
    const given = { amount, delta: amount, ...fields, details: { ...details, reference } };
    writeEntry(draft, 'claw_back', given).message = 'Clawed-back credits given back';
    const entry = draft.entries.length - 1;
    payment.creditsTakenBack -= amount;
    payment.takenFrom = withoutDraws(takenFrom, fields.draws);
    if (fields.grantId !== null) {
      draft.mainEntry = entry;
      payment.grantIds = [...payment.grantIds, fields.grantId];
      payment.grantedBy = [...payment.grantedBy, draft.baseId];
    }
    announceTaken(draft, payment, entry);
    lapseAll(draft, lapsed);
    left -= amount;
  }
  return checkRoomAfter(draft, openBefore);
}

function announceTaken(draft: Draft, { id }: PaymentRow, entry: number): void {
  pushMovement(draft, 'credits.refunded', draft.entries[entry]?.delta ?? 0, id, {}, entry);
  note(draft, { id });
}

/** Notes the payment on the entry that was just written. */
export function note(draft: Draft, payment: JsonObject): void {
  const entry = draft.entries.at(-1);
  if (entry) entry.details = { ...entry.details, payment };
}
