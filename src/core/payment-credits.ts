/** The credits of a payment beside its refunds: those that are gone by other ways. */
import type { PaymentRow } from '../models/payment.js';
import type { Draft } from './draft.js';

/**
 * The levels of what was due, after less is due again: as much stays taken as when so much was due before. A part of a
 * level had been taken by other ways first; that part is the last to come back.
 */
export function lowered(levels: PaymentRow['levels'], due: number): PaymentRow['levels'] {
  const below = levels.filter((level) => level.due < due);
  const above = levels[below.length];
  if (due === 0 || !above) return below;
  const least = below.at(-1)?.taken ?? 0;
  const taken = Math.max(least, Math.min(above.taken, due - (above.due - above.taken)));
  return [...below, { due, taken }];
}

/** Credits of a payment that somebody may still take back by hand. Undefined while a row has not been read. */
export function leftByHand(draft: Draft, payment: PaymentRow): number | undefined {
  const settled = settledElsewhere(draft, payment);
  return settled === undefined ? undefined : payment.creditsAdded - settled - payment.creditsTakenBack;
}

/**
 * Credits of a payment that its refunds cannot take back any more: those that have lapsed, and those that somebody took
 * back by hand. Undefined while a row has not been read.
 */
export function settledElsewhere({ account, context, baseId }: Draft, payment: PaymentRow): number | undefined {
  let sum = 0;
  for (const id of payment.grantIds) {
    const open = account.grants.find((grant) => grant.id === id);
    const grant = open ?? context.facts.row('grant', id);
    if (grant === undefined) return undefined;
    sum += grant?.expired ?? 0;
  }
  for (const id of payment.grantedBy) {
    // Nothing reverses what is only being written.
    if (id === baseId) continue;
    const reversals = context.facts.reversals(id);
    if (reversals === undefined) return undefined;
    for (const { amount } of reversals) sum += amount;
  }
  return sum;
}
