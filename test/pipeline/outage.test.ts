/** A store that fails from its n-th call on until it is healed, for every n and every operation. */
import { describe, test } from 'vitest';
import { persistent } from '../support/shots.js';
import { cases, openWalk, variantsOf } from './walk-runner.js';

const walk = openWalk('all calls fail', { points: 2_000, not_applied: 1_000, unknown: 60, landed: 30 });
const rules = { timeoutMs: 150, mustKnow: false };

describe.each(cases)('$name', ({ operation }) => {
  test('keeps its promise when every call of the store fails from some call on', async () => {
    await walk.run(variantsOf(operation), ({ calls }) => calls.flatMap((_, i) => persistent(i + 1)), rules);
  });
});
