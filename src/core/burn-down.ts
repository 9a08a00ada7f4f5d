/**
 * The one order of grants. In it they are spent, held, previewed, transferred, clawed back and captured, and repay
 * debt.
 */
import type { OpenGrant } from '../models/account.js';

/**
 * Total order: priority, then expiry (a grant that never expires comes last), then free (promo, trial) before paid,
 * then effective instant, then the account sequence of the entry that made the grant, then its place in that entry.
 */
export function compareBurnOrder(a: OpenGrant, b: OpenGrant): number {
  return (
    a.priority - b.priority ||
    endOf(a) - endOf(b) ||
    Number(isPaid(a)) - Number(isPaid(b)) ||
    a.effectiveAt - b.effectiveAt ||
    a.seq - b.seq ||
    a.place - b.place
  );
}

/** The same order as a list of numbers, for cursors that stay valid when the grant itself is gone. */
export function burnRank(grant: OpenGrant): readonly number[] {
  return [grant.priority, endOf(grant), Number(isPaid(grant)), grant.effectiveAt, grant.seq, grant.place];
}

/** The key that puts one grant before another. */
export type BurnKey = 'priority' | 'expiry' | 'free_before_paid' | 'oldest';
const KEYS: readonly BurnKey[] = ['priority', 'expiry', 'free_before_paid', 'oldest', 'oldest', 'oldest'];

/** The first key of the order in which two grants differ. */
export function decidingKey(a: OpenGrant, b: OpenGrant): BurnKey {
  const other = burnRank(b);
  return KEYS[burnRank(a).findIndex((value, i) => value !== other[i])] ?? 'oldest';
}

/** A grant is spendable if and only if effectiveAt <= now < expiresAt, whether or not any sweep ever ran. */
export function isSpendable(grant: OpenGrant, now: number): boolean {
  return grant.effectiveAt <= now && (grant.expiresAt === null || now < grant.expiresAt);
}

/**
 * Whether credits that lapse at `at` lapse after the grant's end: a hold kept them, or a reversal brought them back.
 */
export function lapsesLate({ createdAt, expiresAt }: OpenGrant, at: number): boolean {
  // A grant that was made after its own end lapses on time.
  return expiresAt !== null && createdAt < expiresAt && expiresAt < at;
}

/** The part of a grant that no hold pins. */
export function freePart(grant: OpenGrant): number {
  return grant.remaining - grant.held;
}

function endOf({ expiresAt }: OpenGrant): number {
  return expiresAt ?? Number.MAX_SAFE_INTEGER;
}

function isPaid({ source }: OpenGrant): boolean {
  return source !== 'promo' && source !== 'trial';
}
