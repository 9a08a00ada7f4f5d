/** How much of a sweep is read and begun at once: as much as is done well within the deadline of a call. */
import { partsOf } from '../../core/account.js';
import { changingOf } from '../../core/rows.js';
import type { Rows } from '../../models/rows.js';
import { monotonicNow } from '../../timers.js';

/** The weight of a row with nothing in it; each grant, hold and draw of an account adds one. */
export const ROW_WEIGHT = 8;
const START_WEIGHT = 500 * ROW_WEIGHT;
/** Several commits of the pipeline, so that one is decided while another is written. */
export const MAX_WEIGHT = 4_000 * ROW_WEIGHT;

export const READ_ROWS_FIRST = 200;
const READ_ROWS_MAX = 1_000;
/** The weight that one read should have: a page of rows and the next one are in memory together. */
const READ_WEIGHT = 100_000;

/** How much work a row is, as far as it can be seen: an account is as much as it holds. Never throws. */
export function weightOf(row: Rows['account' | 'subscription' | 'cycle']): number {
  try {
    return ROW_WEIGHT + ('state' in row ? partsOf(changingOf(row)) : 0);
  } catch {
    // The work on the row finds out that nobody can read it.
    return ROW_WEIGHT;
  }
}

/**
 * The rows of the next read. It is four times the last one at most, so that a few small accounts do not lead to a read
 * of many large ones.
 */
export function rowsOfRead(last: number, weights: readonly number[]): number {
  let sum = ROW_WEIGHT;
  for (const weight of weights) sum += weight;
  const fitting = Math.floor((READ_WEIGHT * Math.max(1, weights.length)) / sum);
  return Math.max(1, Math.min(READ_ROWS_MAX, 4 * last, fitting));
}

export class Throttle {
  readonly #slowMs: number;
  #underWay = 0;
  #weight = 0;
  #limit = START_WEIGHT;
  /** Whether work had to wait since the limit was last changed: only then may the limit be too low. */
  #wasFull = false;
  #changedAt = Number.NEGATIVE_INFINITY;
  #tell: () => void = () => {};

  /** @param deadlineMs of a call; work that takes a fifth of it is slow */
  constructor(deadlineMs: number) {
    this.#slowMs = deadlineMs / 5;
  }

  /** The weight that may be under way at once. One piece of work is under way in any case. */
  get limit(): number {
    return this.#limit;
  }

  /** Waits for room, and begins. `work` must not reject. One caller begins work at a time. */
  async begin(weight: number, work: () => Promise<void>): Promise<void> {
    while (this.#underWay > 0 && this.#weight + weight > this.#limit) {
      this.#wasFull = true;
      await this.#ended();
    }
    const began = monotonicNow();
    this.#underWay++;
    this.#weight += weight;
    void work().then(() => {
      this.#underWay--;
      this.#weight -= weight;
      this.#adapt(began);
      this.#tell();
    });
  }

  /** Resolves when nothing is under way. */
  async end(): Promise<void> {
    while (this.#underWay > 0) await this.#ended();
  }

  /** Resolves when the next piece of work has ended. One caller waits at a time. */
  #ended(): Promise<void> {
    return new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  /** Judges work that began under the present limit: half of it after slow work, twice of it after quick work. */
  #adapt(began: number): void {
    if (began < this.#changedAt) return;
    const tookMs = monotonicNow() - began;
    const isSlow = tookMs > this.#slowMs;
    const mayGrow = this.#wasFull && tookMs < this.#slowMs / 2 && this.#limit < MAX_WEIGHT;
    if (!isSlow && !mayGrow) return;
    this.#limit = isSlow ? Math.max(1, this.#limit / 2) : Math.min(MAX_WEIGHT, this.#limit * 2);
    this.#wasFull = false;
    this.#changedAt = monotonicNow();
  }
}
