/** Compares the counters of promo codes with the claims that the entries made. */
import { pagesOf, type VerifyTools } from './pages.js';

export type Counters = ReadonlyMap<string, number>;

/** The counters as they are now. */
export async function promoCounters(tools: VerifyTools): Promise<Counters> {
  const counters = new Map<string, number>();
  for await (const promos of pagesOf(tools, 'promo', { index: 'created' })) {
    for (const { code, claims } of promos) counters.set(code, claims);
  }
  return counters;
}

/**
 * Codes are claimed during the audit too: so the claims that it met are at least those counted before it, and at most
 * those counted after it.
 */
export async function checkCounters(tools: VerifyTools, before: Counters, met: Counters): Promise<void> {
  const after = await promoCounters(tools);
  for (const code of new Set([...before.keys(), ...met.keys(), ...after.keys()])) {
    const claims = met.get(code) ?? 0;
    const isMet = claims >= (before.get(code) ?? 0) && claims <= (after.get(code) ?? 0);
    if (!isMet)
      tools.problems.add('promo', code, `The code counts ${after.get(code)} claims, and there are ${claims}.`);
  }
}
