import { test } from 'vitest';
import { isFull } from '../support/amounts.js';
import { Happened } from './happened.js';
import { EDGES, OPEN, REGRESSIONS, type Script } from './regressions.js';
import { PAYMENT_EDGES, PAYMENT_REGRESSIONS } from './regressions-payments.js';
import { PLAN_EDGES, PLAN_REGRESSIONS } from './regressions-plans.js';
import { runScript } from './sequence.js';

const happened = new Happened();

/** With everything around the database and, where the long suites run as a whole, on it alone too. */
async function runBoth({ config, steps }: Script): Promise<void> {
  for (const around of isFull ? [false, true] : [true]) {
    const setting = { cached: around, filed: around, pipeline: around ? { lanes: 1, maxBatch: 1 } : {} };
    await runScript({ ...OPEN, ...config }, steps, setting, happened);
  }
}

test.each([...REGRESSIONS, ...PLAN_REGRESSIONS, ...PAYMENT_REGRESSIONS].map((one) => [one.found, one] as const))(
  'no more: %s',
  async (_found, script) => {
    await runBoth(script);
  },
);

test.each([...EDGES, ...PLAN_EDGES, ...PAYMENT_EDGES].map((one) => [one.edge, one] as const))(
  '%s',
  async (_edge, script) => {
    await runBoth(script);
  },
);
