import { test } from 'vitest';
import { PLAIN } from './chance.js';
import { EDGES, OPEN, REGRESSIONS, type Script } from './regressions.js';
import { runScript } from './sequence.js';

/** On the database alone, and with everything around it. */
async function runBoth({ config, steps }: Script): Promise<void> {
  for (const setting of [PLAIN, { cached: true, filed: true }]) await runScript({ ...OPEN, ...config }, steps, setting);
}

test.each(REGRESSIONS.map((one) => [one.found, one] as const))('no more: %s', async (_found, script) => {
  await runBoth(script);
});

test.each(EDGES.map((one) => [one.edge, one] as const))('%s', async (_edge, script) => {
  await runBoth(script);
});
