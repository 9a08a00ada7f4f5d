/** With a cache, whatever it does, every answer is the one that there is without. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sequenceIds } from '../../src/entries/testing.js';
import { type CacheBackend, type CacheOptions, InMemoryCache } from '../../src/index.js';
import { bench } from './bench.js';
import { MisbehavingCache, type Mood, type Step, tell } from './misbehaving.js';
import { wrongCaches } from './wrong-caches.js';

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.nat({ max: 13 }),
    user: fc.nat({ max: 2 }),
    a: fc.nat({ max: 40 }),
    b: fc.nat({ max: 50 }),
  }),
  { minLength: 5, maxLength: 30, size: 'max' },
);

/** A story told by `processes` managers that share a store and a cache, and how often the store was read. */
async function storyOf(story: readonly Step[], cache: CacheBackend | CacheOptions | undefined, processes = 1) {
  const options = { cache, ids: sequenceIds(), defaults: { trialCredits: 7, overdraftLimit: 60 } };
  const { db, clock, credits, open } = bench(options);
  const services = [credits, ...Array.from({ length: processes - 1 }, () => open().credits)];
  const told = await tell(services, clock, story, cache === undefined);
  return { told, reads: db.reads.filter((read) => read === 'getMany account').length };
}

test.concurrent.each<[Mood, number]>([
  ['lies', 15],
  ['fails', 10],
])('a cache that %s at random changes no answer (%i stories)', async (mood, numRuns) => {
  const did = new Set<string>();
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), async (story, seed) => {
      const cache = new MisbehavingCache(mood, seed);
      const { told } = await storyOf(story, { backend: cache, timeoutMs: 30 });
      expect(told).toEqual((await storyOf(story, undefined)).told);
      for (const what of cache.did) did.add(what);
    }),
    { numRuns },
  );
  const lies = ['right', 'old', 'another', 'garbage', 'cut', 'changed', 'drop', 'later'];
  if (mood === 'lies') expect([...did]).toEqual(expect.arrayContaining(lies));
  else expect(['reject', 'throw', 'hang'].some((failure) => did.has(failure))).toBe(true);
});

test.concurrent.each([1, 2, 3])('a cache that works changes no answer of %i processes on it', async (processes) => {
  let [cached, uncached] = [0, 0];
  await fc.assert(
    fc.asyncProperty(steps, async (story) => {
      const withCache = await storyOf(story, new InMemoryCache(), processes);
      const without = await storyOf(story, undefined, processes);
      expect(withCache.told).toEqual(without.told);
      cached += withCache.reads;
      uncached += without.reads;
    }),
    { numRuns: 6 },
  );
  expect(cached, 'reads of accounts').toBeLessThan(uncached / 2);
});

describe.concurrent('caches that the conformance suite finds wrong', () => {
  test.each(wrongCaches)('change no answer: one that %s', async (_, make) => {
    await fc.assert(
      fc.asyncProperty(steps, async (story) => {
        expect((await storyOf(story, make())).told).toEqual((await storyOf(story, undefined)).told);
      }),
      { numRuns: 2 },
    );
  });
});
