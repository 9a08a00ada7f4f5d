/** Three processes, random calls, random faults: in the end every answer that was given is true. */
import { afterAll, expect, test } from 'vitest';
import { amount } from '../support/amounts.js';
import { SEED } from '../support/chance.js';
import { Chaos } from '../support/chaos.js';

const ROUNDS = amount('CREDIT_CHAOS_ROUNDS');
/** That are made without waiting for the one before; others follow an answer. */
const CALLS = 75;
const codes: Record<string, number> = {};

test.each(Array.from({ length: ROUNDS }, (_, i) => SEED + i))('every answer is true with seed %i', async (seed) => {
  const chaos = new Chaos(seed);
  await chaos.prepare();
  chaos.arm();
  const running: Promise<void>[] = [];
  for (let i = 0; i < CALLS; i++) {
    running.push(chaos.random() < 0.04 ? chaos.transaction() : chaos.call());
    if (chaos.random() < 0.2) await new Promise((resolve) => setImmediate(resolve));
    if (chaos.random() < 0.05) await running[Math.floor(chaos.random() * running.length)];
  }
  await Promise.all(running);
  for (const { code } of chaos.calls) codes[code] = (codes[code] ?? 0) + 1;
  await chaos.settle();
  expect(await chaos.calm()).toEqual([]);
  expect(await chaos.problems()).toEqual([]);
});

afterAll(() => {
  console.log(`chaos: seeds ${SEED} … ${SEED + ROUNDS - 1}, first answers ${JSON.stringify(codes)}`);
  for (const code of ['resolved', 'OUTCOME_UNKNOWN', 'STORAGE_UNAVAILABLE', 'ABORTED', 'INSUFFICIENT_CREDITS']) {
    expect(codes[code], code).toBeGreaterThan(0);
  }
});
