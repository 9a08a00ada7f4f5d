/** Plans that this process has read lately, for five minutes at most. */
import { dropOldest } from '../../oldest.js';
import { monotonicNow } from '../../timers.js';
import type { SubscriptionPlan } from './contract.js';

const KEPT_MAX_MS = 300_000;
const KEPT_MAX = 1_000;

export class PlanCache {
  readonly #kept = new Map<string, { readonly plan: SubscriptionPlan; readonly until: number }>();
  #changes = 0;

  /** Moved on by every change, so that a read that began before a change is not kept. */
  get changes(): number {
    return this.#changes;
  }

  /** A copy, or null. */
  get(id: string): SubscriptionPlan | null {
    const known = this.#kept.get(id);
    return known && known.until > monotonicNow() ? structuredClone(known.plan) : null;
  }

  /** Keeps a copy of a plan whose read began at `changes`. */
  keep(plan: SubscriptionPlan, changes: number): void {
    if (changes !== this.#changes) return;
    this.#kept.delete(plan.id);
    this.#kept.set(plan.id, { plan: structuredClone(plan), until: monotonicNow() + KEPT_MAX_MS });
    dropOldest(this.#kept, KEPT_MAX);
  }

  forget(id: string): void {
    this.#kept.delete(id);
    this.#changes++;
  }
}
