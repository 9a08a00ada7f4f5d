/**
 * The same model with plans: subscriptions by the clock and by payment, cycles, promo codes and the allocation job in
 * between everything else.
 * Compared beside what the model compares: the subscription after every step, what was announced, rows at audits.
 * CREDIT_PLAN_MODEL_RUNS of them.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { amount } from '../support/amounts.js';
import { SEED } from '../support/chance.js';
import { Happened } from './happened.js';
import { runSequence, type Sequence } from './sequence.js';

const RUNS = amount('CREDIT_PLAN_MODEL_RUNS');

const nat = fc.nat({ max: 9999 });
const raw = fc.record({ kind: nat, user: nat, a: nat, b: nat, c: nat, d: nat, key: nat });
const sequences: fc.Arbitrary<Sequence> = fc.record({
  seed: fc.nat({ max: 2 ** 30 }),
  users: fc.integer({ min: 1, max: 3 }),
  plans: fc.constant(true),
  steps: fc.array(raw, { minLength: 1, maxLength: 70, size: 'max' }),
});

/** For 400 runs, other counts in proportion. Each is well under half of what runs have shown. */
const FLOORS: Readonly<Record<string, number>> = {
  'applied add': 800,
  'applied deduct': 250,
  'applied reserve': 280,
  'applied commit': 80,
  'applied reverse': 140,
  'applied transfer': 45,
  'applied setPlan': 400,
  'applied upgrade': 170,
  'applied cancel': 80,
  'applied pause': 80,
  'applied resume': 18,
  'applied remove': 40,
  'applied allocate': 10,
  'applied runAllocation': 35,
  'applied startCycle': 120,
  'applied stopCycle': 12,
  'applied claim': 80,
  'applied offer': 25,
  'applied revise': 20,
  'terms of renewals taken over': 3,
  'nothing due runAllocation': 80,
  'replayed setPlan': 20,
  'replayed upgrade': 6,
  'replayed cancel': 1,
  'replayed startCycle': 4,
  'replayed claim': 1,
  'conflict setPlan': 15,
  'conflict upgrade': 4,
  'conflict startCycle': 4,
  'conflict claim': 1,
  'refused CYCLE_ACTIVE': 12,
  'refused NOT_FOUND': 40,
  'refused PLAN_INACTIVE': 1,
  'refused PLAN_NOT_FOUND': 12,
  'refused PROMO_NOT_ELIGIBLE': 50,
  'no more claims today': 4,
  referred: 15,
  'referred before': 1,
  'refused SUBSCRIPTION_NOT_FOUND': 45,
  'refused LIMIT_EXCEEDED': 12,
  'granted period': 550,
  'granted rollover': 80,
  'granted rest': 20,
  'granted cycle': 200,
  'granted and lapsed': 100,
  'debt repaid by an allocation': 7,
  renewed: 260,
  'renewed of images': 70,
  'hold of plan credits': 90,
  'plan credits lapsed when their hold freed them': 8,
  'reversal of an allocation': 18,
  'transfer of plan credits': 18,
  'setPlan wrote two accounts': 150,
  'upgrade wrote two accounts': 55,
  'upgrade at the end of the period of a plan of images': 12,
  'cancel wrote two accounts': 6,
  'cancel at the end of the period of a plan of images': 8,
  'pause of a plan of images': 25,
  'resume of a plan of images': 3,
  'remove wrote two accounts': 12,
  'granted period of images': 350,
  'granted rollover of images': 40,
  'granted rest of images': 1,
  'granted by the job of images': 25,
  'reversal of an allocation of images': 6,
  'hold of plan credits of images': 20,
  lotsLapsedUnderHold: 15,
  'event subscription.allocated': 1200,
  'event credits.grant_activated': 130,
  'event credits.transferred': 100,
  'event credits.low_balance_reached': 150,
  'event credits.balance_restored': 180,
  'event credits.low_balance_reached of a lower threshold': 90,
  'event credits.balance_restored of a lower threshold': 90,
  'event credits.balance_exhausted': 150,
  'event credits.plugin_status_changed': 550,
  'applied pay': 50,
  'applied grace': 8,
  'replayed pay': 6,
  'conflict pay': 1,
  'frozen credits thawed': 4,
  'granted again in a billing period': 20,
  'rest of a billing period begun': 2,
  'past due': 28,
  'paid late': 6,
  'grace was over': 1,
  'paid early': 36,
  'several periods paid': 8,
  'paid period began': 6,
  'first period paid': 1,
  'cancelled with paid periods ahead': 7,
  'paid periods kept by another plan': 2,
  'paid periods kept by another subscription': 6,
  'plan of clock to payments': 75,
  'plan of payments to clock': 75,
  'plan of payments to payments': 35,
  'pay of a plan of images': 20,
  'pay wrote two accounts': 2,
  'ledgers verified': 40,
  'sequences with a cache': 30,
  'lines compared': 400,
};

export function testPlanProperties(file: number): void {
  const seed = SEED + file;
  test(`the library agrees with the oracle on ${RUNS} random sequences with plans`, async () => {
    console.log(`SEED=${seed} ADAPTER=memory RUNS=${RUNS}`);
    const happened = new Happened();
    const property = fc.asyncProperty(sequences, (sequence) => runSequence(sequence, happened));
    await fc.assert(property, { seed, numRuns: RUNS, unbiased: true });
    console.log(`happened: ${happened}`);
    expect(happened.below(FLOORS, RUNS / 400)).toEqual([]);
  });
}
