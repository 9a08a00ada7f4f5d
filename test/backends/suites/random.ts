/** Numbers that a seed decides. */

/** Whole numbers from 0 to below a bound (mulberry32). */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function at<T>(values: readonly T[], index: number): T {
  // Callers that may hand in an empty list check the answer.
  return values[index % Math.max(values.length, 1)] as T;
}
