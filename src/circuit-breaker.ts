/** Keeps callers from waiting for a helper, such as a cache, that has failed: each failure is followed by a pause. */
import { monotonicNow } from './timers.js';

export interface CircuitBreakerConfig {
  /** Failures within the window after which it opens. */
  readonly failureThreshold: number;
  readonly windowMs: number;
  /** How long it stays open. */
  readonly openMs: number;
}

/** The pause after a failure while the breaker is closed. */
const PAUSE_MS = 1_000;

/**
 * A circuit breaker. A call that fails is followed by a pause of a second, and after `failureThreshold` of them within
 * `windowMs` by one of `openMs`. During a pause every call is refused at once. After it one call goes through and shows
 * whether the others may follow. Calls that were under way when a pause began count as one failure.
 */
export class CircuitBreaker {
  readonly #config: CircuitBreakerConfig;
  readonly #now: () => number;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #isFailing = false;
  #isProbing = false;
  #isOpen = false;
  /** The instants of the failures within the window. */
  #failures: number[] = [];

  constructor(config: CircuitBreakerConfig, now: () => number = monotonicNow) {
    this.#config = config;
    this.#now = now;
  }

  /** False during a pause. */
  get isClosed(): boolean {
    return this.#now() >= this.#pausedUntil;
  }

  /** Whether a call may be made now. Where it may, `succeeded` or `failed` has to follow. */
  admits(): boolean {
    if (!this.isClosed || this.#isProbing) return false;
    this.#isProbing = this.#isFailing;
    return true;
  }

  /** Answers whether this ends a time of failures. A call that was under way when the pause began ends none. */
  succeeded(): boolean {
    if (!this.isClosed) return false;
    const wasFailing = this.#isFailing;
    if (this.#isOpen) this.#failures = [];
    this.#isFailing = false;
    this.#isProbing = false;
    this.#isOpen = false;
    return wasFailing;
  }

  /** Answers what is new: the first failure, or that the breaker opens; null for neither. */
  failed(): 'failing' | 'open' | null {
    const now = this.#now();
    if (now < this.#pausedUntil) return null;
    const { failureThreshold, windowMs, openMs } = this.#config;
    const wasFailing = this.#isFailing;
    this.#isFailing = true;
    this.#isProbing = false;
    this.#failures = [...this.#failures.filter((at) => now - at < windowMs), now];
    this.#isOpen ||= this.#failures.length >= failureThreshold;
    this.#pausedUntil = now + (this.#isOpen ? openMs : Math.min(PAUSE_MS, openMs));
    if (this.#isOpen) return 'open';
    return wasFailing ? null : 'failing';
  }
}
