/**
 * Renewals that come first: a call on an account whose subscription is due is decided after the renewal is written.
 * Calls of one user that meet it together wait for one renewal.
 */
import type { Account } from '../../core/account.js';
import { creditTypesOf } from '../../core/subscription-state.js';
import { creditError, isCreditError } from '../../errors.js';
import { type AccountRef, accountRef } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import { monotonicNow, sleep, withDeadline } from '../../timers.js';
import { storageError } from '../store/storage-error.js';
import { LATE, type Tables } from '../store/tables.js';
import { callInfo } from './call-info.js';
import type { Answer, Request } from './operation.js';

/** Operations that one subscription may need: each makes up for a hundred periods. */
export const ROUNDS_MAX = 50;

const PAUSE_MS = 20;

/**
 * - `done`: the renewal is written, or somebody else wrote it.
 * - `refused`: it cannot be written, so calls are decided without it.
 * - `failed`: it may be written by the next attempt.
 */
export type Renewed = 'done' | 'refused' | 'failed';

export interface RenewalTools<S> {
  readonly tables: Tables<S>;
  readonly ids: () => string;
  readonly now: () => number;
  /** Sends the request on the way of all calls, also while the manager closes. */
  readonly submit: (request: Request) => Promise<Answer>;
}

export class Renewals<S> {
  readonly #running = new Map<string, Promise<Renewed>>();

  constructor(readonly tools: RenewalTools<S>) {}

  /** Writes what is due of the subscription of a user. Never rejects. */
  run(userId: string, timeoutMs: number): Promise<Renewed> {
    const running = this.#running.get(userId);
    if (running !== undefined) return running;
    const started = this.#run(userId, timeoutMs).finally(() => this.#running.delete(userId));
    this.#running.set(userId, started);
    return started;
  }

  async #run(userId: string, timeoutMs: number): Promise<Renewed> {
    const { tables, ids, now, submit } = this.tools;
    const until = monotonicNow() + timeoutMs;
    const rest = () => Math.max(1, until - monotonicNow());
    try {
      for (let round = 0; round < ROUNDS_MAX; round++) {
        // All calls of the user wait for this, so a store that never answers must not keep it.
        const reading = tables.get('subscription', userId, { timeoutMs: rest(), fresh: true });
        const row = await withDeadline(reading, rest(), () => LATE);
        if (!row) return 'refused';
        const { entry } = await submit(renewalRequest(row, ids(), rest()));
        if (entry === null || renewedUntil(entry) > now()) break;
      }
      return 'done';
    } catch (cause) {
      const error = storageError(cause);
      if (!isCreditError(error) || !error.retryable) return 'refused';
      await sleep(PAUSE_MS);
      return 'failed';
    }
  }
}

/** The request that renews a subscription. @throws INVARIANT_VIOLATION for a row that cannot be read */
export function renewalRequest(row: SubscriptionRow, id: string, timeoutMs: number): Request {
  const accounts = accountsOf(row.userId, typesOf(row));
  return {
    accounts,
    documents: accounts.map(({ key }) => key),
    command: { type: 'renew', subscriptionId: row.id },
    call: callInfo('allocate', id, {}, null),
    ...{ resumes: false, signal: undefined, timeoutMs, receipt: null, trace: null },
  };
}

/** When the next renewal is due, as the entry of the last one tells. */
export function renewedUntil({ details }: EntryRow): number {
  return (details.planDueAt as number | null | undefined) ?? Number.POSITIVE_INFINITY;
}

/** Whether the subscription behind an account is due at an instant. */
export function isPlanDue({ planDueAt, at }: Account, now: number): boolean {
  return planDueAt !== null && planDueAt <= Math.max(now, at);
}

/** The user's own account first, then one for each of these credit types. */
export function accountsOf(userId: string, types: readonly string[]): AccountRef[] {
  return [...new Set(['credits', ...types])].map((creditType) => accountRef(creditType, userId));
}

/**
 * Every credit type that a subscription grants, or will.
 *
 * @throws INVARIANT_VIOLATION for a row that cannot be read.
 */
export function typesOf(row: SubscriptionRow): string[] {
  try {
    return creditTypesOf(row);
  } catch (cause) {
    throw creditError('INVARIANT_VIOLATION', 'The stored subscription cannot be read.', {}, { cause });
  }
}
