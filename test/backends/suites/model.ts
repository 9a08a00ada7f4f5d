/**
 * The property model of test/model on a database: the same oracle and every check of it, on shorter sequences.
 * Reproduce a failure by CREDIT_SEED=<the seed printed>; CREDIT_STORE_MODEL_RUNS sets the number.
 */
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { InMemoryDbManager } from '../../../src/index.js';
import { Happened } from '../../model/happened.js';
import { stores } from '../../model/library.js';
import { runSequence, type Sequence } from '../../model/sequence.js';
import { amount } from '../../support/amounts.js';
import { SEED } from '../../support/chance.js';
import type { StoreAdapter } from '../adapters.js';

const nat = fc.nat({ max: 9999 });
const raw = fc.record({ kind: nat, user: nat, a: nat, b: nat, c: nat, d: nat, key: nat });
const sequences: fc.Arbitrary<Sequence> = fc.record({
  seed: fc.nat({ max: 2 ** 30 }),
  users: fc.integer({ min: 1, max: 3 }),
  plans: fc.boolean(),
  steps: fc.array(raw, { minLength: 10, maxLength: 40, size: 'max' }),
});

/** For 30 runs, other counts in proportion: that the sequences do what they are for. */
const FLOORS = {
  commands: 400,
  audits: 50,
  restart: 4,
  join: 4,
  'clock forward': 15,
  'applied add': 50,
  'applied deduct': 8,
  'applied commit': 2,
  'refused INSUFFICIENT_CREDITS': 8,
  'retry same': 8,
  'sequences with plans': 7,
  'applied setPlan': 10,
  'granted period': 20,
};

export function testModel(adapter: StoreAdapter): Promise<void> {
  const RUNS = amount('CREDIT_STORE_MODEL_RUNS', adapter.share);
  return adapter.describeDatabase(`the property model on ${adapter.title}`, (database) =>
    test(`the library agrees with the oracle on ${RUNS} random sequences`, async () => {
      console.log(`SEED=${SEED} ADAPTER=${adapter.name} RUNS=${RUNS}`);
      const place = adapter.open(database.url);
      const { make } = stores;
      onTestFinished(async () => {
        stores.make = make;
        await place.close();
      });
      // The model reads rows through the same adapter; it uses no more of the class than the port.
      stores.make = () => place.db as unknown as InMemoryDbManager;
      const happened = new Happened();
      const property = fc.asyncProperty(sequences, async (sequence) => {
        await place.empty();
        await runSequence(sequence, happened);
      });
      await fc.assert(property, { seed: SEED, numRuns: RUNS, unbiased: true });
      console.log(`happened: ${happened}`);
      expect(happened.below(FLOORS, RUNS / 30)).toEqual([]);
    }),
  );
}
