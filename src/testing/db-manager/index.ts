/** The conformance suite of the `DbManager` port: what every adapter must do, told as tests. */

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
