/** Compares the counters of promo codes with the claims that the entries made. */
import { pagesOf, type VerifyTools } from './pages.js';

/** The counters of a code: all claims, and those of the last day. Before the first claim the day is the empty text. */
interface Counter {
  readonly claims: number;
  readonly day: string;
  readonly ofDay: number;
}
export type Counters = ReadonlyMap<string, Counter>;

/** The claims of each code by the day that they count on; claims of older entries have the empty text for a day. */
export class MetClaims {
  readonly #claims = new Map<string, Map<string, number>>();

  take({ code, day }: { readonly code: string; readonly day: string | null }): void {
    const days = this.#claims.get(code) ?? new Map<string, number>();
    this.#claims.set(code, days.set(day ?? '', (days.get(day ?? '') ?? 0) + 1));
  }

  get codes(): Iterable<string> {
    return this.#claims.keys();
  }

  of(code: string): { claims: number; lastDay: string; on: (day: string) => number } {
    const days = this.#claims.get(code) ?? new Map<string, number>();
    let [claims, lastDay] = [0, ''];
    for (const [day, count] of days) {
      claims += count;
      if (day > lastDay) lastDay = day;
    }
    return { claims, lastDay, on: (day) => (day === '' ? 0 : (days.get(day) ?? 0)) };
  }
}

const NONE: Counter = { claims: 0, day: '', ofDay: 0 };

/** The counters as they are now. */
export async function promoCounters(tools: VerifyTools): Promise<Counters> {
  const counters = new Map<string, Counter>();
  for await (const promos of pagesOf(tools, 'promo', { index: 'created' })) {
    for (const { code, claims, claimsDay, claimsOfDay } of promos) {
      counters.set(code, { claims, day: claimsDay ?? '', ofDay: claimsOfDay ?? 0 });
    }
  }
  return counters;
}

/**
 * Codes are claimed during the audit too: so the claims that it met are at least those counted before it, and at most
 * those counted after it. The same holds for the claims of a day, and for the last day.
 */
export async function checkCounters(tools: VerifyTools, before: Counters, met: MetClaims): Promise<void> {
  const now = await promoCounters(tools);
  for (const code of new Set([...before.keys(), ...met.codes, ...now.keys()])) {
    const [first, after] = [before.get(code) ?? NONE, now.get(code) ?? NONE];
    const { claims, lastDay, on } = met.of(code);
    const isMet = claims >= first.claims && claims <= after.claims;
    const isDayMet = lastDay >= first.day && lastDay <= after.day;
    const areOfDay = on(first.day) >= first.ofDay && on(after.day) <= after.ofDay;
    const report = (text: string) => tools.problems.add('promo', code, text);
    if (!isMet) report(`The code counts ${after.claims} claims, and there are ${claims}.`);
    else if (!isDayMet) report(`The code counts its last claim on ${after.day || 'no day'}, and it was on ${lastDay}.`);
    else if (!areOfDay) {
      report(`The code counts ${after.ofDay} claims on ${after.day || 'no day'}, and there are ${on(after.day)}.`);
    }
  }
}
