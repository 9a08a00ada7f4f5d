/**
 * How much of the long suites runs: the first number in `npm test`, the second with CREDIT_TEST_FULL=1 (.ci/run does
 * so). A variable of the same name says a number of its own; `npm run torture` has the largest.
 */
import { Chance } from './chance.js';

const AMOUNTS = {
  /** Random sequences of calls against the oracle, of all files together. */
  CREDIT_MODEL_RUNS: [150, 2_000],
  /** Random sequences with plans against the oracle. */
  CREDIT_PLAN_MODEL_RUNS: [40, 250],
  /** Random sequences that run with and without looks in between. */
  CREDIT_LOOK_RUNS: [10, 200],
  CREDIT_SCHEDULED_RUNS: [30, 200],
  CREDIT_PLAN_RUNS: [30, 300],
  /** Random lives of payments. */
  CREDIT_PAYMENT_RUNS: [40, 400],
  /** Years of events of a provider that bills, each in an order of its own. */
  CREDIT_BILLED_YEARS: [14, 40],
  /** Payments whose events come in an order of their own to four processes. */
  CREDIT_PAYMENT_ORDERS: [12, 72],
  /** Mutations after each of which another process asks for the status. */
  CREDIT_STATUS_READS: [150, 3_000],
  /** Writes to one account whose cache writes come late. */
  CREDIT_CACHE_WRITES: [50, 150],
  /** Rounds of webhooks in which a process is killed. */
  CREDIT_PAYMENT_KILLS: [2, 6],
  /** Ways of switching between plans for a year, of each kind. */
  CREDIT_STRATEGIES: [4, 60],
  CREDIT_STORE_MODEL_RUNS: [8, 30],
  CREDIT_TRANSCRIPT_STEPS: [120, 1_000],
  CREDIT_CHAOS_ROUNDS: [8, 16],
  /** Of the faults that a walk injects, one in so many; 1 is all of them. */
  CREDIT_WALK_STEP: [15, 1],
  CREDIT_STORE_WALK_STEP: [8, 1],
  /** Of the bytes that are tampered with, one in so many. */
  CREDIT_BYTE_STEP: [30, 1],
  /** Of the rows and lines that are tampered with, one in so many. */
  CREDIT_ROW_STEP: [5, 1],
  CREDIT_FILE_KILLS: [5, 30],
  /** Rounds of each race. */
  CREDIT_RACES: [2, 12],
  CREDIT_KILLS: [2, 6],
  /** Rounds of four publishers to NATS that are killed. */
  CREDIT_NATS_KILLS: [2, 6],
  /** Random lives of messages of other systems. */
  CREDIT_MESSAGE_RUNS: [24, 200],
  /** Business messages to four consumers of NATS that are killed, each told one to ten times. */
  CREDIT_NATS_MESSAGES: [120, 600],
  /** Accounts that write while metrics are counted. */
  CREDIT_METRIC_ACCOUNTS: [3_000, 100_000],
  /** Times that one of two services is stopped under load, and killed. */
  CREDIT_SERVICE_STOPS: [2, 5],
  /** Rounds of a long time of the service, one component killed in each, and the seconds of a round. */
  CREDIT_SOAK_ROUNDS: [5, 5],
  CREDIT_SOAK_SECONDS: [4, 4],
  CREDIT_SERVER_KILLS: [1, 2],
  CREDIT_CUTS: [8, 20],
  /** Times that a server loses its last commits. */
  CREDIT_FAILOVERS: [1, 3],
  /** Rounds of calls of every verb. */
  CREDIT_LOAD: [12, 50],
  CREDIT_DUE: [400, 1_000],
  CREDIT_VOLUME: [100, 300],
  /** Batches of each writer where many write at once. */
  CREDIT_STRESS_ROUNDS: [20, 100],
  /** Requests to the HTTP API that were changed at random. */
  CREDIT_HTTP_MUTATIONS: [300, 10_000],
  /** Of the routes and requests that are tried on a database, one in so many. */
  CREDIT_HTTP_STEP: [20, 2],
  /** Requests through the middleware, some of them cut off. */
  CREDIT_HTTP_LOAD: [200, 2_000],
  /** Rounds of three requests for the same credits. */
  CREDIT_HTTP_RACES: [100, 1_000],
} as const satisfies Record<string, readonly [number, number]>;

/** Whether the long suites run as a whole, and the tests that are too costly for every run of `npm test`. */
export const isFull = process.env.CREDIT_TEST_FULL === '1';

export type AmountName = keyof typeof AMOUNTS;

/** `share` is how much of it fits where everything takes longer; a number that is given is not reduced. */
export function amount(name: AmountName, share = 1): number {
  const [some, full] = AMOUNTS[name];
  const given = Number(process.env[name] || Math.ceil((isFull ? full : some) * share));
  if (!Number.isInteger(given) || given <= 0) throw new Error(`${name} is not a whole number above 0.`);
  return given;
}

/** One in so many of a list; which ones the seed decides, and no regular step, which a regular list would follow. */
export function someOf<T>(all: readonly T[], step: number, seed: number): readonly T[] {
  const chance = new Chance(seed);
  return all.filter(() => chance.below(step) === 0);
}
