/** Of all suites that try what is random. vitest.config.ts has the one that stands when none is given. */
export const SEED = Number(process.env.CREDIT_SEED);

/** Numbers that follow from a seed, so that a failure repeats. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = mixed(seed);
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    return Math.floor((mixed(this.#state) / 2 ** 32) * count);
  }

  pick<T>(values: readonly T[]): T {
    // Callers that may hand in an empty list check the answer.
    return values[this.below(values.length)] as T;
  }

  /** The same values in any order. */
  shuffle<T>(values: readonly T[]): T[] {
    const rest = [...values];
    return values.map(() => rest.splice(this.below(rest.length), 1)[0] as T);
  }
}

/** How a sequence runs, beside what it does. */
export interface Setting {
  /** Balances come through a cache that all instances share. */
  readonly cached: boolean;
  readonly filed: boolean;
  readonly pipeline: Pipeline;
}

/** Batches so small that calls made at once fill them; nothing for the library's own, which few calls fill. */
export type Pipeline = { readonly lanes: number; readonly maxBatch: number } | Record<string, never>;

/** The fewer, the more waits behind a batch that is full. */
const LANES = [1, 1, 2, 3];
const BATCHES = [1, 1, 2, 2, 3, 4];

export function settingOf(seed: number): Setting {
  const bits = mixed(seed);
  const small = { lanes: LANES[(bits >>> 16) % 4] ?? 1, maxBatch: BATCHES[(bits >>> 20) % 6] ?? 1 };
  return { cached: bits % 4 === 1, filed: (bits >>> 8) % 16 === 1, pipeline: (bits >>> 12) % 4 === 1 ? {} : small };
}

/** All bits of the answer depend on all bits of the seed; 0 stays 0. */
function mixed(seed: number): number {
  let bits = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
