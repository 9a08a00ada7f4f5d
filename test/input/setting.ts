/** What every row of the corpus runs against: an account with something of everything, and helpers to try all calls. */
import type { CreditService, MemorySession } from '../../src/index.js';
import { bench, type GatedDb } from '../backends/gated-db.js';

/** A call with arguments that its types would refuse. */
export type Loose = {
  readonly [Verb in keyof CreditService<MemorySession>]: (...given: readonly unknown[]) => Promise<unknown>;
};

export interface Setting {
  readonly db: GatedDb;
  readonly credits: CreditService<MemorySession>;
  /** The same service, for arguments of wrong types. */
  readonly loose: Loose;
  /** Of `u`: active, 20 credits. */
  readonly holdId: string;
  readonly releasedId: string;
  readonly committedId: string;
  readonly expiredId: string;
  /** A deduction of `u`. */
  readonly entryId: string;
  readonly now: Date;
}

export async function setUp(): Promise<Setting> {
  const { db, credits, clock } = bench();
  await credits.addCredits('u', 100, { idempotencyKey: 'used', description: 'first', metadata: { a: 1, b: { c: 2 } } });
  await credits.addCredits('v', 10);
  const { id: expiredId } = await credits.reserveCredits('u', 1, { ttlSeconds: 1 });
  const { id: releasedId } = await credits.reserveCredits('u', 1);
  await credits.releaseReservedCredits(releasedId);
  const { id: committedId } = await credits.reserveCredits('u', 1);
  await credits.commitReservedCredits(committedId);
  const { id: entryId } = await credits.deductCredits('u', 5);
  clock.advance({ seconds: 2 });
  const { id: holdId } = await credits.reserveCredits('u', 20);
  const loose = credits as unknown as Loose;
  return { db, credits, loose, holdId, releasedId, committedId, expiredId, entryId, now: clock.now() };
}

type Attempt = (setting: Setting) => Promise<unknown>;

/** Every call that takes an amount of credits greater than zero. */
export function everyAmount(amount: unknown): readonly Attempt[] {
  return [...everyPositiveAmount(amount), ({ loose }) => loose.adjustCredits('u', amount, { actor: 'a', reason: 'r' })];
}

export function everyPositiveAmount(amount: unknown): readonly Attempt[] {
  return [
    ({ loose }) => loose.addCredits('u', amount),
    ({ loose }) => loose.addCredits('nobody', amount, { idempotencyKey: 'k' }),
    ({ loose }) => loose.deductCredits('u', amount),
    ({ loose }) => loose.deductCreditsAfterService('u', amount),
    ({ loose }) => loose.reserveCredits('u', amount),
    ({ loose }) => loose.transferCredits({ from: 'u', to: 'v', amount }),
    ({ loose }) => loose.previewDeduction('u', amount),
    ({ loose }) => loose.canAfford('u', amount),
  ];
}

/** Calls in which an amount may be left out or be zero. */
export function everyOptionalAmount(amount: unknown): readonly Attempt[] {
  return [
    ({ loose, holdId }) => loose.commitReservedCredits(holdId, { amount }),
    ({ loose, holdId }) => loose.commitReservedCredits(holdId, { amount, final: false }),
    ({ loose, entryId }) => loose.reverseTransaction(entryId, { amount }),
    ({ loose }) => loose.listAccounts({ maxAvailable: amount }),
    ({ loose }) => loose.createAccount('u', { trialCredits: amount }),
    ({ loose }) => loose.createAccount('u', { overdraftLimit: amount }),
    ({ loose }) => loose.updateAccount('u', { lowCreditThreshold: amount }),
  ];
}

/** Every call that takes a user id. */
export function everyUser(user: unknown): readonly Attempt[] {
  const who = { actor: 'a', reason: 'r' };
  return [
    ({ loose }) => loose.addCredits(user, 1),
    ({ loose }) => loose.deductCredits(user, 1),
    ({ loose }) => loose.deductCreditsAfterService(user, 1),
    ({ loose }) => loose.adjustCredits(user, 1, who),
    ({ loose }) => loose.reserveCredits(user, 1),
    ({ loose }) => loose.transferCredits({ from: user, to: 'v', amount: 1 }),
    ({ loose }) => loose.transferCredits({ from: 'u', to: user, amount: 1 }),
    ({ loose }) => loose.expireCredits(user),
    ({ loose }) => loose.createAccount(user),
    ({ loose }) => loose.updateAccount(user, { overdraftLimit: 1 }),
    ({ loose }) => loose.getUserCreditsInfo(user),
    ({ loose }) => loose.getUsersCreditsInfo(['u', user]),
    ({ loose, now }) => loose.getBalanceAt(user, now),
    ({ loose }) => loose.getCreditHistory(user),
    ({ loose }) => loose.getExpiringCreditsInDays(user, 1),
    ({ loose }) => loose.getGrants(user),
    ({ loose }) => loose.getActiveReservations(user),
    ({ loose }) => loose.previewDeduction(user, 1),
    ({ loose }) => loose.canAfford(user, 1),
    ({ loose }) => loose.withCredits({ userId: user, estimate: 1 }, async () => {}),
    ({ loose }) => loose.openMeter({ userId: user, estimate: 1 }),
  ];
}

/** Every verb that takes an id of something stored, or of a hold. */
export function everyId(id: unknown): readonly Attempt[] {
  return [
    ({ loose }) => loose.commitReservedCredits(id),
    ({ loose }) => loose.releaseReservedCredits(id),
    ({ loose }) => loose.unreserveCredits(id),
    ({ loose }) => loose.extendReservation(id, { ttlSeconds: 5 }),
    ({ loose }) => loose.reverseTransaction(id),
    ({ loose }) => loose.getReservation(id),
    ({ loose }) => loose.getTransaction(id),
  ];
}

/** Every mutation, with these options; each would be applied with none. */
export function everyOption(options: Readonly<Record<string, unknown>>): readonly Attempt[] {
  const who = { actor: 'a', reason: 'r', ...options };
  return [
    ({ loose }) => loose.addCredits('u', 1, options),
    ({ loose }) => loose.deductCredits('u', 1, options),
    ({ loose }) => loose.deductCreditsAfterService('u', 1, options),
    ({ loose }) => loose.adjustCredits('u', 1, who),
    ({ loose }) => loose.reserveCredits('u', 1, options),
    ({ loose, holdId }) => loose.extendReservation(holdId, { ttlSeconds: 60, ...options }),
    ({ loose, holdId }) => loose.commitReservedCredits(holdId, { ...options, amount: 1, final: false }),
    ({ loose, holdId }) => loose.releaseReservedCredits(holdId, options),
    ({ loose, entryId }) => loose.reverseTransaction(entryId, options),
    ({ loose }) => loose.transferCredits({ from: 'u', to: 'v', amount: 1 }, options),
    ({ loose }) => loose.expireCredits('u', options),
    ({ loose }) => loose.createAccount('u', options),
    ({ loose }) => loose.updateAccount('u', { ...options, overdraftLimit: 3 }),
  ];
}
