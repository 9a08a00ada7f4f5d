/** Cycles, and the claims of promo codes. */
import { grantLot } from './oracle-allocation.js';
import { type CallOf, Nothing, Refusal } from './oracle-call.js';
import { type Draft, write } from './oracle-draft.js';
import { type Cycle, DAY, PERIODS_MAX, PROMOS, recurringLabel, viewCycle } from './oracle-plans.js';
import { grant } from './oracle-spend.js';
import type { Account, Result } from './oracle-state.js';

export function startCycle(draft: Draft, call: CallOf<'startCycle'>): Result {
  const { account, now } = draft;
  const { amount, days = 30, recurring = false } = call;
  const label = recurring ? recurringLabel(account.user) : call.label;
  if (account.plans.cycles.get(label)?.status === 'active') throw new Refusal('CYCLE_ACTIVE');
  const times = { anchor: now, index: 1, start: now, end: now + days * DAY };
  const cycle: Cycle = { label, amount, days, recurring, status: 'active', ...times };
  grantCycle(draft, cycle);
  return settle(draft, cycle);
}

/** The credits stay to the end of the cycle. */
export function stopCycle(draft: Draft, call: CallOf<'stopCycle'>): Result | Nothing {
  const cycle = draft.account.plans.cycles.get(call.cycle);
  if (!cycle) throw new Refusal('NOT_FOUND');
  if (cycle.status !== 'active') return new Nothing({ kind: 'plan', value: viewCycle(cycle) }, true);
  if (!cycle.recurring) return settle(draft, { ...cycle, status: cycle.end <= draft.now ? 'ended' : 'canceled' });
  // Who cannot be granted to may stop all the same.
  return settle(draft, { ...catchUp(draft, cycle).cycle, status: 'canceled' });
}

/** What a job does: the cycles that have begun since, in order, or the end of one that does not recur. */
export function renewCycle(draft: Draft, call: CallOf<'renewCycle'>): Result | Nothing {
  const { now, account } = draft;
  let cycle = account.plans.cycles.get(call.cycle);
  if (cycle?.status !== 'active' || cycle.end > now) return new Nothing({ kind: 'plan', value: { granted: 0 } });
  let granted = 0n;
  if (!cycle.recurring) cycle = { ...cycle, status: 'ended' };
  else {
    const caught = catchUp(draft, cycle);
    if (caught.refusal) throw caught.refusal;
    ({ cycle, granted } = caught);
  }
  settle(draft, cycle);
  return { kind: 'plan', value: { granted: Number(granted) / 1e6 }, total: granted };
}

/** Up to a cycle that cannot be granted. */
function catchUp(draft: Draft, late: Cycle): { cycle: Cycle; granted: bigint; refusal?: Refusal } {
  let cycle = late;
  let granted = 0n;
  for (let done = 0; cycle.end <= draft.now && done < PERIODS_MAX; done += 1) {
    const index: number = cycle.index + 1;
    const next = { ...cycle, index, start: cycle.end, end: cycle.anchor + index * cycle.days * DAY };
    try {
      grantCycle(draft, next);
    } catch (error) {
      if (error instanceof Refusal) return { cycle, granted, refusal: error };
      throw error;
    }
    cycle = next;
    granted += cycle.amount;
  }
  return { cycle, granted };
}

function grantCycle(draft: Draft, { amount, start, end }: Cycle): void {
  if (amount > 0n) grantLot(draft, amount, { planId: null, start, expiresAt: end, as: 'cycle' });
}

function settle(draft: Draft, cycle: Cycle): Result {
  const { plans } = draft.account;
  draft.account.plans = { ...plans, cycles: new Map(plans.cycles).set(cycle.label, cycle) };
  write(draft, { type: 'plan_changed' });
  return { kind: 'plan', value: viewCycle(cycle) };
}

function isReferred({ plans }: Account): boolean {
  return PROMOS.some(({ code, referrer }) => referrer !== null && plans.claims.has(code));
}

/**
 * Rule 35; the first rule that is broken is told. `all` are the days of all users' claims. The second draft is that of
 * the referrer, where there is one.
 */
export function claim(
  [draft, other]: readonly [Draft, ...Draft[]],
  { code }: CallOf<'claim'>,
  all: readonly number[],
  startedAt: number,
): Result {
  const { account, now } = draft;
  const mine = account.plans.claims.get(code) ?? [];
  // A day that has begun for one user has begun for all.
  const today = Math.max(Math.floor(now / DAY), ...all);
  const areUpToday = (days: readonly number[], limit: number | null) =>
    limit !== null && days.filter((day) => day === today).length >= limit;
  const promo = PROMOS.find((one) => one.code === code);
  const refuse = (reason: string) => {
    throw new Refusal('PROMO_NOT_ELIGIBLE', { reason });
  };
  if (!promo) return refuse('Promo code not found');
  const { credits, maxUses, maxUsesPerUser, validFromMs, validUntilMs, onlyFor } = promo;
  const { maxUsesPerDay, maxUsesPerUserPerDay, validityDays, referrer } = promo;
  if (validUntilMs !== null && now > startedAt + validUntilMs) refuse('Promo has expired');
  if (now < startedAt + validFromMs) refuse('Promo not yet active');
  if (maxUses !== null && all.length >= maxUses) refuse('Promo has reached maximum uses');
  if (areUpToday(all, maxUsesPerDay)) refuse('Promo has reached maximum uses today');
  if (referrer?.user === account.user) refuse('You cannot claim your own referral code');
  if (referrer && isReferred(account)) refuse("You've already been referred");
  if (mine.length >= maxUsesPerUser) refuse("You've already claimed this promo");
  if (areUpToday(mine, maxUsesPerUserPerDay)) refuse("You've already claimed this promo today");
  if (onlyFor !== null && onlyFor !== account.user) refuse('This promo is not available for your account');
  const terms = { source: 'promo', expiresAt: validityDays === null ? null : now + validityDays * DAY } as const;
  const { seq } = grant(draft, credits, terms);
  if (referrer && other) grant(other, referrer.credits, terms);
  account.plans = { ...account.plans, claims: new Map(account.plans.claims).set(code, [...mine, today]) };
  const creditsAwarded = Number(credits) / 1e6;
  const message = `Successfully claimed ${creditsAwarded} credits!`;
  const entry = `${account.user}#${seq}`;
  const referral = {
    referrerId: referrer?.user ?? null,
    referrerCreditsAwarded: referrer && Number(referrer.credits) / 1e6,
  };
  return { kind: 'plan', value: { success: true, creditsAwarded, promoCode: code, message, entry, ...referral } };
}
