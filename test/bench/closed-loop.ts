/** What the benchmarks of databases share: deductions in a closed loop, by the library or by its rivals. */
import { type CreditManagement, createCreditManagement, type DbManager } from 'credit-management';
import { randomSource } from '../support/chaos.js';

export const ACCOUNTS = 10_000;
export const MICRO = 1_000_000;
export const AMOUNT = 0.01;

/** One deduction of `amount` micro-units on account `n`. */
export type Deduct = (n: number, amount: number) => Promise<void>;

export interface Rival {
  readonly deduct: Deduct;
  close(): Promise<void>;
}

export type Workload = 'hot' | 'uniform' | 'zipf';

export interface Result {
  readonly adapter: string;
  readonly design: string;
  readonly workload: Workload;
  readonly inFlight: number;
  readonly history: number;
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export type Measured = Pick<Result, 'opsPerSecond' | 'p50Ms' | 'p99Ms'>;
export type Counted = Measured & { readonly operations: number };

type Library = Pick<CreditManagement<never>, 'credits' | 'close'>;

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}

export function percentiles(times: number[]): { p50Ms: number; p99Ms: number } {
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))] as number;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Which account the n-th operation is on. */
export function accountsOf(workload: Workload, accounts = ACCOUNTS): (n: number) => number {
  if (workload === 'hot') return () => 0;
  if (workload === 'uniform') return (n) => (n * 7919) % accounts;
  const random = randomSource(1);
  const drawn = zipf(0.99, accounts, random);
  // Drawn once, because drawing is dear beside an operation.
  const numbers = Int32Array.from({ length: 1 << 18 }, drawn);
  return (n) => numbers[n % numbers.length] as number;
}

/** Ranks from 0, the first the likeliest. */
function zipf(exponent: number, count: number, random: () => number): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1) ** exponent;
    sums[rank] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Runs `operation` in a closed loop for some seconds; `n` counts up over all slots. */
export async function loop(
  operation: (n: number) => Promise<void>,
  inFlight: number,
  seconds: number,
  answered: () => void = () => {},
): Promise<Counted> {
  const times: number[] = [];
  let next = 0;
  const began = performance.now();
  const until = began + seconds * 1000;
  const slot = async () => {
    while (performance.now() < until) {
      const started = performance.now();
      await operation(next++);
      times.push(performance.now() - started);
      answered();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, slot));
  const operations = times.length;
  return { operations, opsPerSecond: (operations / (performance.now() - began)) * 1000, ...percentiles(times) };
}

/** Deductions in a closed loop for some seconds. */
export function load(rival: Rival, workload: Workload, inFlight: number, seconds: number): Promise<Counted> {
  const accountOf = accountsOf(workload);
  return loop((n) => rival.deduct(accountOf(n), AMOUNT * MICRO), inFlight, seconds);
}

/** Three lots for each account. */
export async function fund({ credits }: Pick<Library, 'credits'>, accounts = ACCOUNTS): Promise<void> {
  const now = Date.now();
  for (let lot = 1; lot <= 3; lot++) {
    const expiresAt = new Date(now + lot * 86_400_000);
    for (let from = 0; from < accounts; from += 2_000) {
      const part = Array.from({ length: Math.min(2_000, accounts - from) }, (_, i) => `user-${from + i}`);
      await Promise.all(part.map((user) => credits.addCredits(user, 1_000_000, { expiresAt })));
    }
  }
}

export function rivalOf({ credits, close }: Library): Rival {
  return {
    deduct: async (n) => {
      await credits.deductCredits(`user-${n}`, AMOUNT);
    },
    close,
  };
}

/** A manager of its own store as a rival, every account with three lots. */
export async function libraryRival<S>(db: DbManager<S>, ledger: object): Promise<Rival> {
  const manager = createCreditManagement<DbManager<S>>({ db, ledger, timeoutMs: 60_000 });
  await fund(manager);
  return rivalOf(manager);
}
