/** Transfers: grants move with their terms, on both accounts or on neither; trial grants stay. */
import type { OpenGrant } from '../models/account.js';
import { freePart, isSpendable } from './burn-down.js';
import { insufficient } from './debit.js';
import { PENDING, type Verdict } from './decision.js';
import { type Draft, grantIndex, makeGrant, pushMovement, repayDebt, takeFree, writeEntry } from './draft.js';
import { thawedEnd } from './freeze.js';
import { checkRoom, termsOf } from './grants.js';

export function transfer(from: Draft, to: Draft, amount: number): Verdict {
  let movable = 0;
  for (const grant of from.account.grants) {
    if (isMovable(grant) && isSpendable(grant, from.account.at)) movable += freePart(grant);
  }
  if (movable < amount) return insufficient(from, amount, movable);
  const { draws } = takeFree(from, amount, 'spend', isMovable);
  const refusal = checkRoom(to, amount, draws.length);
  if (refusal) return refusal;
  const ends = draws.map(({ grantId }) => endOf(from, from.account.grants[grantIndex(from, grantId)] as OpenGrant));
  if (ends.includes(undefined)) return PENDING;
  from.account.balance -= amount;
  const names = { from: from.account.userId, to: to.account.userId };
  writeEntry(from, 'transfer_out', { amount, delta: -amount, draws, details: names });
  pushMovement(from, 'credits.transferred', -amount, null, names);
  const received = draws.map((draw, i) => {
    const sent = from.account.grants[grantIndex(from, draw.grantId)] as OpenGrant;
    return makeGrant(to, draw.amount, { ...sent, expiresAt: ends[i] ?? null, paymentId: sent.paymentId ?? null });
  });
  const repaid = repayDebt(to);
  writeEntry(to, 'transfer_in', {
    amount,
    delta: amount,
    draws: received.map(({ id, amount }) => ({ grantId: id, amount })),
    repaid,
    details: { from: names.from, grants: received.map(termsOf), to: names.to },
  });
  pushMovement(to, 'credits.transferred', amount, null, names);
  return null;
}

/** When a grant ends where it goes: a pause of the sender's subscription does not keep it there. */
function endOf({ account, context }: Draft, { id, source, expiresAt }: OpenGrant): number | null | undefined {
  if (expiresAt !== null || source !== 'subscription') return expiresAt;
  const row = context.facts.row('subscription', account.userId);
  return row && thawedEnd(row, id, account.at);
}

function isMovable(grant: OpenGrant): boolean {
  return grant.source !== 'trial';
}
