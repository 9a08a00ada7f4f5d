/**
 * How much of the long suites runs: the first number in `npm test`, the second with CREDIT_TEST_FULL=1 (.ci/run does
 * so). A variable of the same name says a number of its own; `npm run torture` has the largest.
 */
const AMOUNTS = {
  /** Random sequences of calls against the oracle, of all files together. */
  CREDIT_MODEL_RUNS: [400, 2_000],
  CREDIT_SCHEDULED_RUNS: [60, 200],
  CREDIT_PLAN_RUNS: [80, 300],
  CREDIT_STORE_MODEL_RUNS: [10, 30],
  CREDIT_TRANSCRIPT_STEPS: [300, 1_000],
  CREDIT_CHAOS_ROUNDS: [8, 16],
  /** Of the faults that a walk injects, every so many-th; 1 is all of them. */
  CREDIT_WALK_STEP: [4, 1],
  CREDIT_STORE_WALK_STEP: [3, 1],
  /** Of the bytes that are tampered with, every so many-th. */
  CREDIT_BYTE_STEP: [5, 1],
  CREDIT_FILE_KILLS: [10, 30],
  /** Rounds of each race. */
  CREDIT_RACES: [3, 12],
  CREDIT_KILLS: [3, 6],
  CREDIT_SERVER_KILLS: [1, 2],
  CREDIT_CUTS: [8, 20],
  CREDIT_DUE: [400, 1_000],
  CREDIT_VOLUME: [150, 300],
  /** Batches of each writer where many write at once. */
  CREDIT_STRESS_ROUNDS: [20, 100],
} as const satisfies Record<string, readonly [number, number]>;

export type AmountName = keyof typeof AMOUNTS;

/** `share` is how much of it fits where everything takes longer; a number that is given is not reduced. */
export function amount(name: AmountName, share = 1): number {
  const [some, full] = AMOUNTS[name];
  const given = Number(process.env[name] || Math.ceil((process.env.CREDIT_TEST_FULL === '1' ? full : some) * share));
  if (!Number.isInteger(given) || given <= 0) throw new Error(`${name} is not a whole number above 0.`);
  return given;
}

/** Every so many-th of a list, from a place that the seed chooses, so that other seeds try others. */
export function someOf<T>(all: readonly T[], step: number, seed: number): readonly T[] {
  return all.filter((_, i) => (i + seed) % step === 0);
}
