/**
 * One step or many, on random sequences with long gaps of time. Left out is where a look counts on purpose: what has no
 * room, a cycle, a plan that is offered again, and a clock that is set back. Reproduce a failure by CREDIT_SEED=<the
 * seed printed>; CREDIT_LOOK_RUNS sets the number of sequences.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { amount } from '../support/amounts.js';
import { SEED } from '../support/chance.js';
import { storyOf } from './acts.js';
import { Happened } from './happened.js';
import { compareLooks } from './looks.js';

const RUNS = amount('CREDIT_LOOK_RUNS');

const nat = fc.nat({ max: 9999 });
const raw = fc.record({ kind: nat, user: nat, a: nat, b: nat, c: nat, d: nat, key: nat });
const sequences = fc.record({
  seed: fc.nat({ max: 2 ** 30 }),
  users: fc.integer({ min: 1, max: 2 }),
  steps: fc.array(raw, { minLength: 1, maxLength: 50, size: 'max' }),
});

/** For 100 runs, other counts in proportion. */
const FLOORS: Readonly<Record<string, number>> = {
  sequences: 100,
};

test(`${RUNS} random sequences end alike, whoever looks in between`, async () => {
  console.log(`SEED=${SEED} ADAPTER=memory RUNS=${RUNS}`);
  const happened = new Happened();
  const property = fc.asyncProperty(sequences, (one) => compareLooks(storyOf(one), one.seed, happened));
  await fc.assert(property, { seed: SEED, numRuns: RUNS, unbiased: true });
  console.log(`happened: ${happened}`);
  expect(happened.below(FLOORS, RUNS / 100)).toEqual([]);
});
