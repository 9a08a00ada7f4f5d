/** Calls of every verb that reads or writes credits, plans and promos, at random and many at a time. */
import type { CreditManagement } from '../../src/index.js';
import { randomSource } from './chaos.js';

type Manager = Pick<CreditManagement, 'credits' | 'creditType' | 'subscriptions' | 'promos' | 'expiration'> &
  Pick<CreditManagement, 'notifications' | 'jobs' | 'ledger'>;
type Call = (user: string) => Promise<unknown>;

const PLAN = { price: 5, currency: 'USD', billingPeriod: 'monthly' } as const;

export interface Load {
  /** Calls that were made, and those of them that were refused. */
  readonly calls: number;
  readonly refused: number;
}

/**
 * Makes `rounds` rounds of calls, of up to `atOnceMax` at once. Refusals are part of it.
 */
export async function mixedLoad(manager: Manager, rounds: number, atOnceMax: number, seed: number): Promise<Load> {
  const { credits, subscriptions, promos, expiration, notifications, jobs, ledger } = manager;
  const random = randomSource(seed);
  const upTo = (max: number) => 1 + Math.floor(random() * max);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const users = Array.from({ length: 60 }, (_, i) => `load-${seed}-${i}`);
  const plans = await Promise.all(
    ['Pro', 'Max', 'Big'].map((name, i) =>
      subscriptions.addSubscriptionPlan({ ...PLAN, name, creditLimit: 100 * (i + 1), rolloverCap: 10 * i }),
    ),
  );
  const code = `LOAD-${seed}`;
  await promos.createPromo({ code, credits: 1, maxUsesPerUser: 3 });
  const holds: string[] = [];
  const entries: string[] = [];
  let keys = 0;
  const options = () => ({
    ...(random() < 0.3 ? { idempotencyKey: `key-${seed}-${upTo(++keys)}` } : undefined),
    ...(random() < 0.2 ? { correlationId: 'c', description: 'd', actor: 'a', metadata: { n: upTo(9) } } : undefined),
  });
  const kept = async (transaction: Promise<{ id: string }>) => void entries.push((await transaction).id);
  const soon = () => ({ expiresAt: new Date(Date.now() + 50 * upTo(100)) });
  const calls: readonly Call[] = [
    (user) => kept(credits.addCredits(user, upTo(50), { ...options(), ...(random() < 0.3 ? soon() : undefined) })),
    (user) => kept(credits.addCredits(user, 3, { effectiveAt: new Date(Date.now() + 50 * upTo(100)) })),
    (user) => kept(credits.deductCredits(user, upTo(5), options())),
    (user) => kept(credits.deductCreditsAfterService(user, upTo(5), options())),
    (user) => credits.adjustCredits(user, pick([-1, 1]), { ...options(), actor: 'a', reason: 'r' }),
    (user) => credits.transferCredits({ from: user, to: pick(users), amount: 1 }, options()),
    (user) => credits.expireCredits(user),
    async (user) => void holds.push((await credits.reserveCredits(user, 2, options())).id),
    async (user) => void holds.push((await credits.reserveCredits(user, 1, { ttlSeconds: 1 })).id),
    () => credits.commitReservedCredits(pick(holds) ?? 'none', { amount: 1, final: random() < 0.5 }),
    () => credits.commitReservedCredits(pick(holds) ?? 'none', { amount: 3, overage: 'charge' }),
    () => credits.releaseReservedCredits(pick(holds) ?? 'none'),
    () => credits.extendReservation(pick(holds) ?? 'none', { ttlSeconds: 60 }),
    () => credits.reverseTransaction(pick(entries) ?? 'none', { amount: 1 }),
    (user) => credits.createAccount(`${user}-${upTo(9)}`, { trialCredits: 5 }),
    (user) => credits.updateAccount(user, { ...options(), lowCreditThreshold: upTo(20) }),
    (user) => credits.withCredits({ userId: user, estimate: 1 }, async (meter) => meter.add(0.5)),
    (user) => credits.getUserCreditsInfo(user, { fresh: random() < 0.5 }),
    () => credits.getUsersCreditsInfo([pick(users), pick(users)]),
    (user) => credits.getReservedCredits(user),
    (user) => credits.getBalanceAt(user, new Date(Date.now() + (random() - 0.5) * 1_000)),
    (user) => credits.getCreditHistory(user, { limit: upTo(100), includeHolds: random() < 0.5 }),
    (user) => credits.getCreditHistory(user, { limit: upTo(20), from: new Date(0), to: new Date() }),
    (user) => pages((cursor) => credits.getCreditHistory(user, { limit: upTo(10), cursor })),
    (user) => credits.getGrants(user, { includeClosed: random() < 0.5, limit: upTo(100) }),
    (user) => credits.getActiveReservations(user, { limit: upTo(100) }),
    () => credits.getTransaction(pick(entries) ?? 'none'),
    () => credits.getReservation(pick(holds) ?? 'none'),
    (user) => credits.getExpiringCreditsInDays(user, 10),
    (user) => credits.previewDeduction(user, 2),
    () => pages((cursor) => credits.listAccounts({ limit: upTo(100), cursor, maxAvailable: 10 })),
    (user) => subscriptions.setUserSubscriptionPlan(user, pick(plans)),
    (user) => subscriptions.upgradeUserSubscriptionPlan(user, pick(plans)),
    (user) => subscriptions.pauseUserSubscription(user, { freezeCredits: random() < 0.5 }),
    (user) => subscriptions.resumeUserSubscription(user),
    (user) => subscriptions.cancelUserSubscription(user),
    (user) => subscriptions.deleteUserSubscriptionPlan(user),
    (user) => subscriptions.getUserSubscriptionPlan(user),
    (user) => subscriptions.getSubscriptionHistory(user),
    () => subscriptions.updateSubscriptionPlan({ id: pick(plans).id, price: upTo(9) }, { applyTo: 'renewals' }),
    () => subscriptions.listSubscriptionPlans({ limit: upTo(100) }),
    (user) => subscriptions.startCycle(user, { amount: 1 }),
    (user) => subscriptions.listCycles(user),
    (user) => promos.claimPromo(user, code),
    (user) => promos.checkEligibility(user, code),
    () => promos.updatePromo({ code, description: 'd' }),
    () => promos.listPromos({ limit: upTo(100) }),
    (user) => promos.listClaims({ userId: user }),
    (user) => expiration.checkCreditExpiration(user),
    (user) => notifications.notifyLowCredits(user),
    (user) => notifications.notifyExpiringCredits(user, 30),
    () => notifications.listNotifications({ limit: upTo(100) }),
    () => ledger.list({ limit: upTo(100), userId: pick(users) }),
  ];
  const rare: readonly (() => Promise<unknown>)[] = [
    () => jobs.runExpiration(),
    () => jobs.runReservationExpiry(),
    () => jobs.runAllocation(),
    () => jobs.runOutbox(),
    () => ledger.verify(),
  ];
  const load = { calls: 0, refused: 0 };
  const make = async (call: () => Promise<unknown>) => {
    load.calls++;
    await call().catch(() => load.refused++);
  };
  for (let round = 0; round < rounds; round++) {
    // Now of one kind, now of all.
    const some = random() < 0.3 ? [pick(calls), pick(calls)] : calls;
    const atOnce = random() < 0.3 ? 1 : upTo(atOnceMax);
    await Promise.all(Array.from({ length: atOnce }, () => make(() => pick(some)(pick(users)))));
    if (round % 25 === 0) await Promise.all(rare.map(make));
  }
  return load;
}

/** Reads pages until the end, five at most. */
async function pages(read: (cursor: string | undefined) => Promise<{ nextCursor: string | null }>): Promise<void> {
  let cursor: string | null | undefined;
  for (let page = 0; page < 5 && cursor !== null; page++) cursor = (await read(cursor)).nextCursor;
}
