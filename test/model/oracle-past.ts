/** Rule 10, seen from any instant: what had taken effect by then, or what will have if nothing else happens. */
import type { Oracle } from './oracle.js';
import { type Entry, type Info, infoOf } from './oracle-state.js';

const NOTHING: Info = { balance: 0n, reserved: 0n, available: 0n, debt: 0n };

/** The past is the sum of the entries up to an instant; from the last operation on, the clock alone goes on. */
export function balanceAt(oracle: Oracle, user: string, at: number, clockNow: number): Info {
  const { entries, lastAt } = oracle.stored(user);
  // No first write makes a trial grant in the past.
  if (entries.length === 0 && at < clockNow) return NOTHING;
  return at >= lastAt ? infoOf(oracle.read(user, at).account) : sumOf(entries.filter((entry) => entry.at <= at));
}

function sumOf(entries: readonly Entry[]): Info {
  let { balance, reserved, debt } = NOTHING;
  for (const entry of entries) {
    balance += entry.delta;
    reserved += entry.reservedDelta;
    debt = entry.debtAfter;
  }
  return { balance, reserved, available: balance - reserved, debt };
}

/** What accounts were after each step: the answer that later steps must not change. */
export class Records {
  readonly #byUser = new Map<string, { byInstant: Map<number, Info>; entries: number }>();

  /** Notes an account as it is at `now`. What was noted for later than a new operation counts no more. */
  note(oracle: Oracle, user: string, now: number, info: Info): void {
    const { entries, lastAt } = oracle.stored(user);
    const known = this.#byUser.get(user) ?? { byInstant: new Map<number, Info>(), entries: 0 };
    this.#byUser.set(user, known);
    if (entries.length > known.entries) {
      for (const at of known.byInstant.keys()) if (at > lastAt) known.byInstant.delete(at);
      known.entries = entries.length;
    }
    known.byInstant.set(now, info);
  }

  /** Forgets everything, after an act that changes what the clock will have done. */
  forget(): void {
    this.#byUser.clear();
  }

  at(user: string, at: number): Info | undefined {
    return this.#byUser.get(user)?.byInstant.get(at);
  }

  /** In order of time. */
  instants(user: string): number[] {
    return [...(this.#byUser.get(user)?.byInstant.keys() ?? [])].sort((a, b) => a - b);
  }
}
