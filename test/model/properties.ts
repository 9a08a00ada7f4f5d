/**
 * The library against an oracle that shares no code with it: random sequences of calls, clock jumps, retries and
 * restarts. After every command codes, results and balances are compared (a quarter of the sequences has a cache:
 * through it and past it); every tenth the lots, holds and rows; at the end everything that can be read, balances at
 * other instants, the ledger and, in every sixteenth sequence, its file. Reproduce a failure by CREDIT_SEED=<the seed
 * printed>; CREDIT_MODEL_RUNS sets the number of sequences of all files together.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { amount } from '../support/amounts.js';
import { SEED } from '../support/chance.js';
import { Happened } from './happened.js';
import { runSequence, type Sequence } from './sequence.js';

const FILES = 2;
const RUNS = Math.ceil(amount('CREDIT_MODEL_RUNS') / FILES);

const nat = fc.nat({ max: 9999 });
const raw = fc.record({ kind: nat, user: nat, a: nat, b: nat, c: nat, d: nat, key: nat });
const sequences: fc.Arbitrary<Sequence> = fc.record({
  seed: fc.nat({ max: 2 ** 30 }),
  users: fc.integer({ min: 1, max: 3 }),
  steps: fc.array(raw, { minLength: 1, maxLength: 100, size: 'max' }),
});

/**
 * For 1,000 runs, other counts in proportion. What is common must reach half of what runs have shown, the rare
 * less.
 */
const FLOORS: Readonly<Record<string, number>> = {
  commands: 40_000,
  audits: 2500,
  restart: 300,
  join: 400,
  'clock forward': 2000,
  'clock back': 150,
  'applied add': 4000,
  'applied amend': 100,
  'deducted from some lots': 50,
  'late usage brought credits back by deduct': 20,
  'late usage brought credits back by after': 10,
  'late usage brought credits back by commit': 2,
  'applied adjust': 400,
  'applied after': 800,
  'applied commit': 450,
  'applied create': 200,
  'applied deduct': 1200,
  'applied expire': 70,
  'applied extend': 90,
  'applied release': 220,
  'applied reserve': 1300,
  'applied reverse': 800,
  'applied transfer': 220,
  'applied update': 400,
  'nothing due expire': 800,
  'part capture': 130,
  'final capture': 200,
  'commit that releases': 25,
  'commit that ends a hold with nothing more': 30,
  'late charge of an expired hold': 15,
  'reversal of a debit': 450,
  'reversal of a debit whose debt was repaid': 25,
  'reversal of an addition': 250,
  'reversal of a scheduled addition': 70,
  'left in debt': 500,
  holdsExpired: 300,
  lotsLapsed: 1000,
  lotsLapsedUnderHold: 70,
  lotsActivated: 600,
  debtsRepaidByActivation: 25,
  freedPartsLapsed: 50,
  'what a release freed lapsed': 5,
  'what a commit freed lapsed': 1,
  'what a reverse freed lapsed': 25,
  'debt repaid by a release': 2,
  'debt repaid by a commit': 1,
  'retry same': 1000,
  'retry other': 500,
  'replayed add': 250,
  'replayed adjust': 20,
  'replayed after': 50,
  'replayed commit': 20,
  'replayed create': 25,
  'replayed deduct': 60,
  'replayed expire': 3,
  'replayed extend': 1,
  'replayed release': 70,
  'replayed reserve': 60,
  'replayed reverse': 40,
  'replayed transfer': 8,
  'replayed update': 25,
  'conflict add': 450,
  'conflict adjust': 7,
  'conflict after': 50,
  'conflict commit': 30,
  'conflict create': 80,
  'conflict deduct': 90,
  'conflict release': 1,
  'conflict reserve': 90,
  'conflict reverse': 45,
  'conflict transfer': 7,
  'conflict update': 20,
  'refused ALREADY_REVERSED': 250,
  'refused AMOUNT_TOO_LARGE': 100,
  'refused COMMIT_EXCEEDS_RESERVATION': 70,
  'refused INSUFFICIENT_CREDITS': 1100,
  'refused INVALID_AMOUNT': 120,
  'refused INVALID_ARGUMENT': 150,
  'refused LIMIT_EXCEEDED': 120,
  'refused OVERDRAFT_LIMIT': 80,
  'refused RESERVATION_NOT_ACTIVE': 450,
  'refused RESERVATION_NOT_FOUND': 90,
  'refused TRANSACTION_NOT_FOUND': 20,
  'balance at an earlier step': 200,
  'balance between two steps': 110,
  'balance beside an entry': 190,
  'balance in the future': 190,
  'balance before all': 200,
  'balance that a step left and later ones changed': 220,
  'balance between the clock and who wrote it': 110,
  'balance after what the clock will do': 250,
  'sequences with a cache': 150,
  'audits of the cache': 600,
  'balances from the cache': 15_000,
  'ledgers verified': 150,
  'entries verified': 5000,
  'entries of the future': 20,
  'files compared': 30,
  'files of one instance': 5,
  'files of several instances': 18,
  'files cut short': 6,
  'files rebuilt': 3,
  'lines compared': 1500,
  'lines that no instance wrote': 20,
  'lines cut in two': 4,
  'lines brought back': 60,
  'users verified alone': 5,
  'damage named': 1,
};

/** Declares one file's share; each has a seed of its own, so that two processes search twice as much. */
export function testProperties(file: number): void {
  const seed = SEED + file;
  test(`the library agrees with the oracle on ${RUNS} random sequences`, async () => {
    console.log(`SEED=${seed} ADAPTER=memory RUNS=${RUNS}`);
    const happened = new Happened();
    const property = fc.asyncProperty(sequences, (sequence) => runSequence(sequence, happened));
    await fc.assert(property, { seed, numRuns: RUNS, unbiased: true });
    console.log(`happened: ${happened}`);
    expect(happened.below(FLOORS, RUNS / 1000)).toEqual([]);
    const refusedShare = happened.get('could not spend') / happened.get('asked to spend');
    expect(refusedShare).toBeGreaterThan(0.05);
    expect(refusedShare).toBeLessThan(0.4);
  });
}
