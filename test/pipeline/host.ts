/** A host that runs transactions of its own on the store of the library. */
import type { MemorySession } from '../../src/index.js';
import { bench } from '../backends/gated-db.js';

/** Thrown by a host to roll back. */
export class RollBack extends Error {}

const sinks = [{ name: 'sink', publish: async () => {} }];

export function host(options: Parameters<typeof bench>[0] = {}) {
  const made = bench({ sinks, creditTypes: { trial: { trialCredits: 20 } }, ...options });
  const begin = <T>(run: (session: MemorySession) => Promise<T>) => made.db.inner.transaction(run);
  const rolledBack = (run: (session: MemorySession) => Promise<unknown>) =>
    begin(async (session) => {
      await run(session);
      throw new RollBack();
    }).catch((error: unknown) => {
      if (!(error instanceof RollBack)) throw error;
    });
  return { ...made, begin, rolledBack };
}
