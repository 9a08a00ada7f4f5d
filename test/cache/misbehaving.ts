/** A cache that misbehaves by chance, and a story of random calls told to a manager. */
import { expect } from 'vitest';
import type { TestClock } from '../../src/entries/testing.js';
import { type CreditService, InMemoryCache, type MemorySession, type Reservation } from '../../src/index.js';
import { sleep } from '../support/wait.js';
import { TestCache } from './bench.js';

/** A small deterministic source of chance: 0 … `below` − 1. */
export function chance(seed: number): (below: number) => number {
  let state = seed % 2 ** 31;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

/** Lies only, which a cache may go on with for ever; or failures too, after which it is left alone for a while. */
export type Mood = 'lies' | 'fails';

export class MisbehavingCache extends TestCache {
  /** What it did, by name. */
  readonly did = new Set<string>();

  constructor(mood: Mood, seed: number) {
    super(new InMemoryCache({ maxEntries: 3 }));
    const random = chance(seed);
    const pick = (...whats: readonly string[]) => {
      const what = whats[random(whats.length)] as string;
      this.did.add(what);
      return what;
    };
    const failures = mood === 'fails';
    const one = (values: readonly string[]) => values[random(values.length)] ?? null;
    const fail = () => Promise.reject(new Error('the cache failed'));

    this.onGet = async (key, read) => {
      const lies = ['nothing', 'garbage', 'old', 'another', 'cut', 'changed', 'slow'];
      switch (pick('right', 'right', 'right', 'right', ...lies, ...(failures ? ['reject', 'hang'] : []))) {
        case 'nothing':
          return null;
        case 'garbage':
          return '{"balance":1000000}';
        case 'old':
          return one(this.sets.filter((kept) => kept.key === key).map((kept) => kept.value));
        case 'another':
          return one(this.sets.filter((kept) => kept.key !== key).map((kept) => kept.value));
        case 'cut':
          return (await read())?.slice(0, random(60)) ?? null;
        case 'changed':
          return (await read())?.replace(/[0-9]/, String(random(10))) ?? null;
        case 'slow':
          return sleep(random(4)).then(read);
        case 'reject':
          return fail();
        case 'hang':
          return new Promise(() => {});
        default:
          return read();
      }
    };
    this.onSet = (_, write) => {
      const more = failures ? ['reject', 'throw', 'hang'] : [];
      switch (pick('right', 'right', 'right', 'drop', 'later', 'slow', ...more)) {
        case 'drop':
          return Promise.resolve();
        case 'later':
          void sleep(random(6)).then(write);
          return Promise.resolve();
        case 'slow':
          return sleep(random(4)).then(write);
        case 'reject':
          return fail();
        case 'throw':
          throw new Error('the cache failed');
        case 'hang':
          return new Promise(() => {});
        default:
          return write();
      }
    };
    this.onDelete = (_, remove) => (pick('delete', 'keep') === 'delete' ? remove() : Promise.resolve());
  }
}

export interface Step {
  readonly kind: number;
  readonly user: number;
  readonly a: number;
  readonly b: number;
}

const USERS = ['u', 'v', 'w'];

/**
 * All answers, codes and balances of a story, by as many processes as there are services, in turn; ids count, so that
 * two tellings can be compared. `check` compares `canAfford` with the preview, which never asks a cache.
 */
export async function tell(
  services: readonly CreditService<MemorySession>[],
  clock: TestClock,
  steps: readonly Step[],
  check = false,
): Promise<unknown[]> {
  const told: unknown[] = [];
  const holds: Reservation[] = [];
  for (const [i, step] of steps.entries()) {
    const writer = services[i % services.length] as CreditService<MemorySession>;
    told.push(await act(writer, clock, step, holds));
    for (const credits of services) {
      const user = USERS[step.user] as string;
      told.push(await credits.getUserCreditsInfo(user), await credits.getUsersCreditsInfo(USERS));
      const affordable = await credits.canAfford(user, step.a + 1);
      told.push(affordable, await credits.getReservedCredits(user));
      if (check) expect((await credits.previewDeduction(user, step.a + 1)).sufficient).toBe(affordable);
    }
  }
  return told;
}

async function act(
  credits: CreditService<MemorySession>,
  clock: TestClock,
  { kind, user, a, b }: Step,
  holds: Reservation[],
): Promise<unknown> {
  const name = USERS[user] as string;
  const other = USERS[(user + 1 + (b % 2)) % 3] as string;
  const hold = holds[a % Math.max(1, holds.length)];
  const at = (seconds: number) => new Date(clock.now().getTime() + seconds * 1_000);
  const calls: readonly (() => Promise<unknown>)[] = [
    () => credits.addCredits(name, a + 1),
    () => credits.addCredits(name, a + 1, { expiresAt: at(b + 1) }),
    () => credits.addCredits(name, a + 1, { effectiveAt: at(b + 1), expiresAt: at(b + 40) }),
    () => credits.addCredits(name, a + 1, { idempotencyKey: `key ${b % 3}` }),
    () => credits.deductCredits(name, a + 1),
    () => credits.deductCreditsAfterService(name, a + 1),
    () => credits.reserveCredits(name, a + 1, { ttlSeconds: b + 1 }).then((made) => void holds.push(made)),
    () => credits.commitReservedCredits(hold?.id ?? 'r-none', { amount: a, overage: 'charge' }),
    () => credits.releaseReservedCredits(hold?.id ?? 'r-none'),
    () => credits.transferCredits({ from: name, to: other, amount: a + 1 }),
    () => credits.expireCredits(name),
    async () => clock.advance({ seconds: b + 1 }),
    async () => clock.advance({ seconds: -(b % 8) }),
    () =>
      Promise.allSettled(Array.from({ length: 4 }, (_, i) => credits.deductCredits(i % 2 ? name : other, a + i + 1))),
  ];
  const outcome = (calls[kind % calls.length] as () => Promise<unknown>)();
  return outcome.catch(({ code, details }: { code: string; details: unknown }) => ({ code, details }));
}
