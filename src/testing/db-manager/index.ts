/** The conformance suite of the `DbManager` port: tests that every adapter must pass. */

import type { Awaitable } from '../../models/values.js';
import type { DbManager } from '../../ports/db-manager.js';
import { registerTests, type SkippedTests, type TestApi } from '../test-api.js';
import { atomicityTests } from './atomicity.js';
import { changingTests } from './changing.js';
import { commitTests } from './commit.js';
import { copyTests } from './copies.js';
import { cursorTests } from './cursor.js';
import { findTests } from './find.js';
import { type Tests, withFixture } from './fixture.js';
import { lifeTests } from './life.js';
import { lockTests } from './locks.js';
import { testModels } from './models.js';
import { orderTests } from './order.js';
import { raceTests } from './races.js';
import { rangeTests } from './range.js';
import { rowTests } from './rows.js';
import { storedModelTests } from './stored.js';
import { transactionTests } from './transaction.js';
import { uniqueTests } from './unique.js';
import { valueTests } from './values.js';

/**
 * Registers the conformance suite of the `DbManager` port with your test runner. Each test makes its own manager and
 * closes it. Managers may share one database, because the suite's models have a random suffix and its rows random keys.
 * The suite leaves its tables behind, as the port cannot drop any: use a database that you throw away.
 *
 * If the adapter has no `transaction`, the groups `transactions` and `locks` have nothing to test and pass at once.
 * List them under `skip` with the reason, so that the report says so.
 *
 * @param make answers a manager that has opened nothing; each may be a new one on the same database.
 * @param options.skip names the tests or groups that this adapter cannot pass, with the reason.
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
    'the models of the library': storedModelTests(),
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
