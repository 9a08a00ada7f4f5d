/** The conformance suite of the `DbManager` port: what every adapter must do, told as tests. */

import type { Awaitable } from '../models/values.js';
import type { DbManager } from '../ports/db-manager.js';
import { atomicityTests } from './db-manager-atomicity.js';
import { changingTests } from './db-manager-changing.js';
import { commitTests } from './db-manager-commit.js';
import { copyTests } from './db-manager-copies.js';
import { cursorTests } from './db-manager-cursor.js';
import { findTests } from './db-manager-find.js';
import { type Tests, withFixture } from './db-manager-fixture.js';
import { lifeTests } from './db-manager-life.js';
import { lockTests } from './db-manager-locks.js';
import { testModels } from './db-manager-models.js';
import { orderTests } from './db-manager-order.js';
import { raceTests } from './db-manager-races.js';
import { rangeTests } from './db-manager-range.js';
import { rowTests } from './db-manager-rows.js';
import { transactionTests } from './db-manager-transaction.js';
import { uniqueTests } from './db-manager-unique.js';
import { valueTests } from './db-manager-values.js';
import { registerTests, type SkippedTests, type TestApi } from './test-api.js';

/**
 * Registers the conformance suite of the `DbManager` port with your test runner. Each test makes a manager of its own
 * and closes it; managers may share one database, since the suite's models have a random suffix and its rows random
 * keys. It leaves its tables behind (the port cannot drop any): point it at a database that you throw away.
 *
 * Where the adapter has no `transaction`, the groups `transactions` and `locks` have nothing to test and pass at once:
 * list them under `skip` with the reason, so that the report says so.
 *
 * @param make opens nothing; may answer a new manager on the same database each time.
 * @param options.skip tests (or groups) that this adapter cannot pass, by name, with the reason.
 * @throws Error when `skip` names a test that does not exist.
 * @example
 * import { describe, test } from 'vitest';
 * import { testDbManager } from 'credit-management/testing';
 *
 * describe('MyDbManager', () => testDbManager({ describe, test }, () => new MyDbManager({ url })));
 */
export function testDbManager<S>(
  t: TestApi,
  make: () => Awaitable<DbManager<S>>,
  options: { readonly skip?: readonly SkippedTests[] } = {},
): void {
  const models = testModels();
  const groups: Readonly<Record<string, Tests<S>>> = {
    'opening and closing': lifeTests(),
    rows: rowTests(),
    values: valueTests(),
    copies: copyTests(),
    'changes of one document': commitTests(),
    'units as a whole': atomicityTests(),
    'unique indexes': uniqueTests(),
    queries: findTests(),
    'range and anyOf': rangeTests(),
    order: orderTests(),
    'queries while rows change': changingTests(),
    cursors: cursorTests(),
    races: raceTests(),
    transactions: transactionTests(),
    locks: lockTests(),
  };
  registerTests(
    t,
    Object.entries(groups).map(([name, tests]) => ({
      name,
      tests: Object.fromEntries(
        Object.entries(tests).map(([test, body]) => [test, () => withFixture(make, models, body)]),
      ),
    })),
    options.skip,
  );
}
