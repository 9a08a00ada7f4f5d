/** The expectation of an audit about a stored row. */
import type { ProblemKind } from './problems.js';

/** A row that must exist according to the entries, and a test of its content. */
export interface ExpectedRow {
  readonly model:
    | 'grant'
    | 'reservation'
    | 'subscription'
    | 'cycle'
    | 'promo_claim'
    | 'payment'
    | 'provider_subscription'
    | 'top_up';
  readonly kind: Extract<ProblemKind, 'grant' | 'hold' | 'subscription' | 'cycle' | 'promo' | 'payment' | 'top_up'>;
  readonly id: string;
  isMet(row: never): boolean;
}
