/** A store that fails at its n-th call, for every n, every operation, in every way: the answer is true, one effect. */
import { describe, test } from 'vitest';
import { oneShots, pairs } from '../support/shots.js';
import { cases, openWalk, variantsOf } from './walk-runner.js';

const walk = openWalk('one call fails', { points: 3_000, resolved: 2_000, not_applied: 600, landed: 800 });
const rules = { timeoutMs: 60_000, mustKnow: true };

describe.each(cases)('$name', ({ operation }) => {
  test('keeps its promise when any one call of the store fails', async () => {
    const shots = ({ calls }: { calls: readonly string[] }) => calls.flatMap((method, i) => oneShots(i + 1, method));
    await walk.run(variantsOf(operation), shots, rules);
  });

  test('keeps its promise when any one call fails on the way to a lock and under it', async () => {
    const shots = ({ calls }: { calls: readonly string[] }) => calls.flatMap((method, i) => oneShots(i + 1, method));
    const variants = variantsOf(operation, 2).filter((variant) => variant.start === 'warm');
    await walk.run(variants, shots, rules);
  });

  test('keeps its promise when a commit gets no answer and one of the next calls fails too', async () => {
    const shots = ({ calls }: { calls: readonly string[] }) => calls.flatMap((method, i) => pairs(i + 1, method));
    await walk.run(variantsOf(operation), shots, rules);
  });
});
