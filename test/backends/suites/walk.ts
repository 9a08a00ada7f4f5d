/**
 * The walk of test/pipeline on a database: one call of the adapter fails at the n-th call, for every n, or a commit's
 * answer is lost, applied or not. The answer must be true, a retry under the key must end in one effect, and the ledger
 * must be sound. CREDIT_STORE_WALK=all walks every operation with and without a key, warm and cold.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { testClock } from '../../../src/entries/testing.js';
import { createCreditManagement, type DbManager, type InMemoryDbManager } from '../../../src/index.js';
import { amount, someOf } from '../../support/amounts.js';
import { SEED } from '../../support/chance.js';
import { operations } from '../../support/operations.js';
import { QUIET } from '../../support/quiet.js';
import { oneShots, pairs, type Shot } from '../../support/shots.js';
import { inject, type Reference, referenceOf, type Variant } from '../../support/walk.js';
import type { Place, StoreAdapter } from '../adapters.js';

type Injected = { readonly variant: Variant; readonly reference: Reference; readonly shot: Shot };

async function expectSound({ db }: Place): Promise<void> {
  // Later than the clock of the walk ever is.
  const clock = testClock('2031-01-01T00:00:00Z');
  const { ledger } = createCreditManagement<DbManager<unknown>>({
    db,
    logger: QUIET,
    creditTypes: { trial: {} },
    clock,
  });
  const { problems } = await ledger.verify();
  if (problems.length > 0) throw new Error(`verify: ${JSON.stringify(problems)}`);
}

/** The store that a walker walks on. */
const current = new AsyncLocalStorage<Place>();

vi.mock('../../support/fault-world.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../support/fault-world.js')>();
  const { FaultyDb } = await import('../faulty-db.js');
  class World extends original.World {
    override readonly db = new FaultyDb(current.getStore()?.db as unknown as InMemoryDbManager);
  }
  return { ...original, World };
});

const STEP = amount('CREDIT_STORE_WALK_STEP');
const ALL = process.env.CREDIT_STORE_WALK === 'all';
const LANES = 4;
/** The main verbs; everything that they do differently on a store is among these. */
const MAIN = [
  'addCredits',
  'addCredits on a fresh account',
  'deductCredits',
  'deductCredits refused',
  'deductCreditsAfterService into debt',
  'reserveCredits',
  'commit with overage charged',
  'releaseReservedCredits',
  'reverse of a debit',
  'transferCredits to a fresh account',
  'expireCredits',
];
const cases = operations.filter(({ name }) => ALL || MAIN.includes(name)).map((operation) => ({ operation }));

type Walk = { readonly variant: Variant; readonly shots: (call: number, method: string) => readonly Shot[] };

/** By default every call of a cold instance, and the commits alone on the way under a lock and without a key. */
function walksOf(operation: Variant['operation']): Walk[] {
  const walk = (keyed: boolean, start: Variant['start'], conflicts: number, shots: Walk['shots'] = oneShots): Walk => ({
    variant: { operation, keyed, start, conflicts },
    shots,
  });
  if (!ALL)
    return [walk(true, 'cold', 0, mainShots), walk(true, 'warm', 2, commitShots), walk(false, 'warm', 0, commitShots)];
  return [true, false].flatMap((keyed) => [
    walk(keyed, 'cold', 0),
    walk(keyed, 'warm', 0),
    walk(keyed, 'warm', 2),
    walk(keyed, 'warm', 0, pairs),
    walk(keyed, 'cold', 0, pairs),
  ]);
}

/** A read refused; a commit refused, applied without an answer, applied after the reload, or after the retry. */
function mainShots(call: number, method: string): readonly Shot[] {
  return oneShots(call, method).filter((_, i, all) => i < 3 || i === all.length - 1);
}

function commitShots(call: number, method: string): readonly Shot[] {
  if (!method.startsWith('commit') && method !== 'transaction') return [];
  return mainShots(call, method).filter(({ fault }) => fault.landing === 'at_the_end');
}

export function testWalk(adapter: StoreAdapter): Promise<void> {
  return adapter.describeDatabase(`the fault walk on ${adapter.title}`, (database) => {
    // A store of its own for each walker.
    const lanes: Place[] = [];
    const counts = { points: 0, resolved: 0, not_applied: 0, unknown: 0, landed: 0 };
    beforeAll(() => {
      for (let i = 0; i < LANES; i++) lanes.push(adapter.open(database.url, `lane${i}_`));
    });
    afterAll(async () => {
      console.log(`one call fails on ${adapter.title}: ${JSON.stringify(counts)}`);
      for (const lane of lanes) await lane.close();
      expect(counts.points).toBeGreaterThan((ALL ? 3_000 : 180) / STEP);
      expect(counts.landed).toBeGreaterThan(5 / STEP);
    });

    /** On a lane whose store is empty. */
    const on = <T>(lane: Place, run: () => Promise<T>): Promise<T> => lane.empty().then(() => current.run(lane, run));

    async function injectionsOf({ variant, shots }: Walk): Promise<Injected[]> {
      const [lane] = lanes as [Place];
      const reference = await on(lane, () => referenceOf(variant));
      return reference.calls.flatMap((method, i) => shots(i + 1, method)).map((shot) => ({ variant, reference, shot }));
    }

    describe.each(cases)('$operation.name', ({ operation }) => {
      test('keeps its promise when any one call of the adapter fails', async () => {
        const all: Injected[] = [];
        for (const walk of walksOf(operation)) all.push(...(await injectionsOf(walk)));
        const injections = [...someOf(all, STEP, SEED)];
        const total = injections.length;
        expect(total).toBeGreaterThan(5 / STEP);
        const failures: string[] = [];
        const walker = async (lane: Place) => {
          for (let next = injections.pop(); next; next = injections.pop()) {
            const { variant, reference, shot } = next;
            const given = { variant, reference, ...shot, timeoutMs: 60_000, mustKnow: true };
            try {
              const { outcome, landed } = await on(lane, () => inject(given));
              await expectSound(lane);
              counts[outcome]++;
              counts.landed += landed;
            } catch (error) {
              const fates = Array.from({ length: 20 }, (_, i) => shot.fault.fateOf(i + 1) ?? '.').join(' ');
              const { keyed, start, conflicts } = variant;
              const what = JSON.stringify({ keyed, start, conflicts, landing: [shot.fault.landing, shot.landing] });
              failures.push(`[${fates}] ${what} calls ${reference.calls}: ${(error as Error).message}`);
            }
          }
        };
        await Promise.all(lanes.map(walker));
        counts.points += total;
        expect(failures.slice(0, 3), `${failures.length} of ${total} went wrong`).toEqual([]);
      });
    });
  });
}
