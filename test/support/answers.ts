/** Calls and their answers as plain data, the same for a manager here and for one in another process. */
import { type CreditService, isCreditError } from '../../src/index.js';
import type { Manager } from '../backends/open-adapter.js';
import { ownNow } from './pace.js';

type Service = CreditService<unknown>;
export type Verb = { [K in keyof Service]: Service[K] extends (...args: never[]) => Promise<unknown> ? K : never }[
  | 'addCredits'
  | 'commitReservedCredits'
  | 'createAccount'
  | 'deductCredits'
  | 'deductCreditsAfterService'
  | 'expireCredits'
  | 'getReservation'
  | 'getTransaction'
  | 'getUserCreditsInfo'
  | 'getUsersCreditsInfo'
  | 'releaseReservedCredits'
  | 'reserveCredits'
  | 'reverseTransaction'
  | 'transferCredits'
  | 'updateGrant'
  | 'voidGrant'
  | 'updateAccount'];

export interface Resolved {
  readonly status: 'resolved';
  readonly value: unknown;
  readonly ms: number;
}

export interface Rejected {
  readonly status: 'rejected';
  /** The library's code; `not a CreditError: …` for anything else. */
  readonly code: string;
  readonly outcome: 'not_applied' | 'applied' | 'unknown';
  /** Under which a retry is safe, where the answer names one. */
  readonly retryKey: string | null;
  readonly ms: number;
}

/** `lost`: the process that had the call died before it answered. */
export type Answer = Resolved | Rejected | { readonly status: 'lost' };

/** Makes a call, wherever the manager is. Never rejects. */
export type Caller = (verb: Verb, ...args: unknown[]) => Promise<Answer>;

/** Calls on a manager in this process. */
export function localCaller(manager: Manager): Caller {
  return async (verb, ...args) => {
    const began = ownNow();
    const elapsed = () => ownNow() - began;
    try {
      const call = manager.credits[verb] as (...args: unknown[]) => Promise<unknown>;
      const value = await call(...args);
      return { status: 'resolved', value, ms: elapsed() };
    } catch (error) {
      const ms = elapsed();
      if (!isCreditError(error)) {
        const code = `not a CreditError: ${String(error)}`;
        return { status: 'rejected', code, outcome: 'unknown', retryKey: null, ms };
      }
      const retryKey = error.code === 'OUTCOME_UNKNOWN' ? error.details.idempotencyKey : null;
      return { status: 'rejected', code: error.code, outcome: error.outcome, retryKey, ms };
    }
  };
}

/** `resolved`, `lost`, or the code of the refusal. */
export function nameOf(answer: Answer): string {
  return answer.status === 'rejected' ? answer.code : answer.status;
}

export function isReplay(value: unknown): boolean {
  const result = value as { replayed?: boolean; out?: { replayed: boolean } } | null;
  return result?.replayed ?? result?.out?.replayed ?? false;
}

/** How many answers have each name. */
export function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[nameOf(answer)] = (counts[nameOf(answer)] ?? 0) + 1;
  return counts;
}
