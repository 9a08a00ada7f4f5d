/** What the benchmarks of databases share: deductions in a closed loop, by the library or by its rivals. */
import { createCreditManagement, type DbManager } from '../../src/index.js';

export const ACCOUNTS = 10_000;

/** One deduction of `amount` micro-units on account `n`. */
export type Deduct = (n: number, amount: number) => Promise<void>;

export interface Rival {
  readonly deduct: Deduct;
  close(): Promise<void>;
}

export type Workload = 'hot' | 'uniform';

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

const MICRO = 1_000_000;
const AMOUNT = 0.01;

/** A manager of its own store, every account with three lots. */
export async function libraryRival<S>(db: DbManager<S>, ledger: object): Promise<Rival> {
  const manager = createCreditManagement<S>({ db, ledger, timeoutMs: 60_000 });
  const { credits } = manager;
  const now = Date.now();
  for (let lot = 1; lot <= 3; lot++) {
    const expiresAt = new Date(now + lot * 86_400_000);
    const users = Array.from({ length: ACCOUNTS }, (_, n) => `user-${n}`);
    for (let from = 0; from < ACCOUNTS; from += 2_000) {
      const part = users.slice(from, from + 2_000);
      await Promise.all(part.map((user) => credits.addCredits(user, 1_000_000, { expiresAt })));
    }
  }
  return {
    deduct: async (n) => {
      await credits.deductCredits(`user-${n}`, AMOUNT);
    },
    close: () => manager.close(),
  };
}

/** Deductions in a closed loop for some seconds. */
export async function load(rival: Rival, workload: Workload, inFlight: number, seconds: number) {
  const accounts = workload === 'hot' ? 1 : ACCOUNTS;
  const times: number[] = [];
  let next = 0;
  const began = performance.now();
  const until = began + seconds * 1000;
  const worker = async () => {
    while (performance.now() < until) {
      const started = performance.now();
      await rival.deduct((next++ * 7919) % accounts, AMOUNT * MICRO);
      times.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const opsPerSecond = (times.length / (performance.now() - began)) * 1000;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))] as number;
  return { opsPerSecond, p50Ms: at(0.5), p99Ms: at(0.99) };
}

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}
