/** Asks the library what accounts were at earlier instants and will be at later ones. */
import type { Chance } from '../support/chance.js';
import { compareInfo, type Differences } from './compare.js';
import type { Happened } from './happened.js';
import type { Library } from './library.js';
import type { Oracle } from './oracle.js';
import { nextInstant } from './oracle-clock.js';
import { balanceAt, type Records } from './oracle-past.js';

const KINDS = ['at an earlier step', 'between two steps', 'beside an entry', 'in the future', 'before all'] as const;
const KINDS_PER_SEQUENCE = 2;
type Kind = (typeof KINDS)[number];
const DAY_MS = 86_400_000;

export interface Known {
  readonly oracle: Oracle;
  readonly library: Library;
  readonly users: readonly string[];
  readonly records: Records;
  readonly happened: Happened;
}

/** Every user's balance at one instant of each of some kinds. */
export async function auditInstants(known: Known, chance: Chance): Promise<Differences> {
  const found: Differences = [];
  const first = chance.below(KINDS.length);
  for (const kind of [...KINDS, ...KINDS].slice(first, first + KINDS_PER_SEQUENCE)) {
    const at = drawInstant(kind, known, chance);
    if (at === null) continue;
    known.happened.count(`balance ${kind}`);
    for (const user of known.users) found.push(...(await compareAt(known, user, at, chance)));
  }
  return found;
}

async function compareAt(known: Known, user: string, at: number, chance: Chance): Promise<Differences> {
  const { oracle, library, records, happened } = known;
  const expected = balanceAt(oracle, user, at, library.clockNow);
  const recorded = records.at(user, at);
  countWhat(known, user, at);
  const options = chance.below(3) === 0 ? { fresh: true } : {};
  const actual = await library.balanceAt(user, at, chance.below(100), options);
  const found = compareInfo(user, expected, at, actual);
  if (recorded) {
    if (at < oracle.stored(user).lastAt) happened.count('balance that a step left and later ones changed');
    found.push(...compareInfo(user, recorded, at, actual).map((difference) => `as recorded: ${difference}`));
  }
  return found.map((difference) => `at ${at}: ${difference}`);
}

function countWhat({ oracle, happened }: Known, user: string, at: number): void {
  const { entries, lastAt } = oracle.stored(user);
  const next = nextInstant(oracle.stored(user));
  if (at >= lastAt) {
    if (next !== null && next <= at) happened.count('balance after what the clock will do');
    return;
  }
  const after = entries.findIndex((entry) => entry.at > at);
  const [last, following] = [entries[after - 1], entries[after]];
  // The clock's entry was written by a later call, and counts from its own instant.
  if (last && last.operation === following?.operation) happened.count('balance between the clock and who wrote it');
}

function drawInstant(kind: Kind, known: Known, chance: Chance): number | null {
  const { oracle, library, users, records } = known;
  const user = chance.pick(users);
  const { entries, lots, holds } = oracle.stored(user);
  const steps = records.instants(user);
  switch (kind) {
    case 'at an earlier step':
      return steps.length > 0 ? chance.pick(steps) : null;
    case 'between two steps': {
      const gaps = steps.flatMap((end, i) => (i > 0 && end - (steps[i - 1] ?? end) > 1 ? [i] : []));
      if (gaps.length === 0) return null;
      const i = chance.pick(gaps);
      const [start, end] = [steps[i - 1] ?? 0, steps[i] ?? 0];
      return start + 1 + chance.below(end - start - 1);
    }
    case 'beside an entry':
      return entries.length > 0 ? chance.pick(entries).at + chance.pick([-1, 0, 1]) : null;
    case 'in the future': {
      const now = Math.max(library.clockNow, oracle.stored(user).lastAt);
      const ends = [...lots.values()].flatMap((lot) => [lot.effectiveAt, lot.expiresAt ?? 0]);
      const due = [...ends, ...[...holds.values()].map((hold) => hold.expiresAt)].filter((instant) => instant >= now);
      const beside = due.map((instant) => instant + chance.pick([-1, 0, 1]));
      return chance.pick([now + 1, now + chance.below(10 * DAY_MS), now + 3650 * DAY_MS, ...beside, ...beside]);
    }
    case 'before all': {
      const firsts = users.flatMap((one) => oracle.stored(one).entries[0]?.at ?? []);
      return Math.min(library.clockNow, ...firsts) - chance.pick([1, 1000, DAY_MS]);
    }
  }
}
