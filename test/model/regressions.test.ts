import { test } from 'vitest';
import { EDGES, OPEN, REGRESSIONS } from './regressions.js';
import { runScript } from './sequence.js';

test.each(REGRESSIONS.map((one) => [one.found, one] as const))('no more: %s', async (_found, { config, steps }) => {
  await runScript({ ...OPEN, ...config }, steps);
});

test.each(EDGES.map((one) => [one.edge, one] as const))('%s', async (_edge, { config, steps }) => {
  await runScript({ ...OPEN, ...config }, steps);
});
