/** Walks many injections at once, counts them, and names every one that went wrong. */
import { afterAll, expect } from 'vitest';
import { amount, someOf } from '../support/amounts.js';
import { SEED } from '../support/chance.js';
import { type OperationCase, operations } from '../support/operations.js';
import type { Shot } from '../support/shots.js';
import { type Injection, inject, type Reference, referenceOf, type Variant } from '../support/walk.js';

const CONCURRENT = 128;
const STEP = amount('CREDIT_WALK_STEP');

export interface Walk {
  /** Every shot of every variant of an operation. */
  run(variants: readonly Variant[], shotsOf: (reference: Reference) => readonly Shot[], call: CallRules): Promise<void>;
}

type CallRules = Pick<Injection, 'timeoutMs' | 'mustKnow'>;

export function variantsOf(operation: OperationCase, conflicts = 0): readonly Variant[] {
  return [true, false].flatMap((keyed) =>
    (['warm', 'cold'] as const).map((start) => ({ operation, keyed, start, conflicts })),
  );
}

export const cases = operations.map((operation) => ({ name: operation.name, operation }));

/** Opens a walk for a test file; at its end the counts are printed and compared with their floors. */
export function openWalk(name: string, floors: Readonly<Record<string, number>>): Walk {
  const counts = { points: 0, faults: 0, resolved: 0, not_applied: 0, unknown: 0, landed: 0 };
  const unhandled: unknown[] = [];
  process.on('unhandledRejection', (error) => unhandled.push(error));

  afterAll(() => {
    console.log(`${name}: ${counts.points} injection points walked, ${JSON.stringify(counts)}`);
    expect(unhandled).toEqual([]);
    for (const [what, floor] of Object.entries(floors)) {
      expect(counts[what as keyof typeof counts], what).toBeGreaterThanOrEqual(Math.floor((floor * 0.8) / STEP));
    }
  });

  async function walkAll(injections: Injection[]): Promise<void> {
    const failures: string[] = [];
    const total = injections.length;
    const worker = async () => {
      for (let next = injections.pop(); next; next = injections.pop()) {
        try {
          const { injected, outcome, landed } = await inject(next);
          counts.faults += injected;
          counts[outcome]++;
          counts.landed += landed;
        } catch (error) {
          failures.push(`${nameOf(next)}: ${(error as Error).message}`);
        }
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT }, worker));
    counts.points += total;
    expect(failures.slice(0, 5), `${failures.length} of ${total} went wrong`).toEqual([]);
  }

  return {
    async run(variants, shotsOf, rules) {
      const injections: Injection[] = [];
      for (const variant of variants) {
        const reference = await referenceOf(variant);
        expect(reference.calls.length).toBeGreaterThan(0);
        for (const shot of someOf(shotsOf(reference), STEP, SEED + injections.length))
          injections.push({ variant, reference, ...shot, ...rules });
      }
      await walkAll(injections);
    },
  };
}

/** Fates of the first calls, so that a failure can be run again by hand. */
function nameOf({ variant, fault, landing, timeoutMs }: Injection): string {
  const { operation, keyed, start, conflicts } = variant;
  const fates = Array.from({ length: 16 }, (_, i) => fault.fateOf(i + 1) ?? '.').join(' ');
  const how = `${keyed ? 'keyed' : 'unkeyed'} ${start}, ${conflicts} conflicts`;
  return `${operation.name} ${how} [${fates}] ${fault.landing}, ${landing}, ${timeoutMs} ms`;
}
