/** Where the suites of the HTTP API keep their credits: in memory, and on each database. */
import { afterAll } from 'vitest';
import { type CreditManagement, createCreditManagement } from '../../src/index.js';
import { MONGODB, type Place, POSTGRES } from '../backends/adapters.js';
import { amount, someOf } from '../support/amounts.js';
import { SEED } from '../support/chance.js';
import { QUIET } from '../support/quiet.js';
import { type HttpWorld, httpWorld, type WorldOptions } from './world.js';

export interface Store {
  /** A world that nobody has changed. It stands until the next one is opened. */
  open(options?: WorldOptions): Promise<HttpWorld>;
  /** Of the cases of a test, those that are tried here. */
  some<T>(all: readonly T[]): readonly T[];
}

export const MEMORY: Store = { open: httpWorld, some: (all) => all };

/** Registers a suite for each database. */
export async function onDatabases(suite: (store: Store) => void): Promise<void> {
  const step = amount('CREDIT_HTTP_STEP');
  for (const adapter of [POSTGRES, MONGODB]) {
    await adapter.describeDatabase(`on ${adapter.title}`, (database) => {
      let closeLast = async () => {};
      afterAll(() => closeLast());
      suite({
        async open(options) {
          await closeLast();
          const place = adapter.open(database.url);
          const manager = createCreditManagement({ db: place.db, logger: QUIET });
          closeLast = () => closed(manager, place);
          await place.empty();
          return httpWorld(options, manager as never);
        },
        some: (all) => someOf(all, step, SEED),
      });
    });
  }
}

async function closed(manager: Pick<CreditManagement<never>, 'close'>, place: Place): Promise<void> {
  await manager.close();
  await place.close();
}
