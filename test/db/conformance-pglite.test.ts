/** The conformance suite of the `DbManager` port on PGlite: one connection, shared with the host. */
import assert from 'node:assert/strict';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { SqlDbManager } from '../../src/entries/sql.js';
import { isCreditError } from '../../src/errors.js';
import { insert, readOne } from '../../src/testing/db-manager/fixture.js';
import { testDbManager } from '../../src/testing/db-manager/index.js';
import { item, keyOf, testModels } from '../../src/testing/db-manager/models.js';
import { isFull } from '../support/amounts.js';

// PostgreSQL compiled to WebAssembly needs as long as a tenth of all other tests.
describe.runIf(isFull)('SqlDbManager on PGlite (with CREDIT_TEST_FULL=1)', () => {
  let pglite: PGlite;
  beforeAll(() => {
    pglite = new PGlite();
  });
  afterAll(() => pglite.close());

  testDbManager({ describe, test }, () => new SqlDbManager({ pglite }));

  test('calls without a session wait for the transaction of the host, then CONTENTION', async () => {
    const db = new SqlDbManager({ pglite });
    const models = testModels();
    await db.init(Object.values(models));
    const [inside, late, after] = [item(), item(), item()];
    const commit = (row: typeof inside, options = {}) => db.commit([[insert(models.item, row)]], options);
    const contended = async () => {
      await assert.rejects(commit(late, { timeoutMs: 150 }), (error) => isCreditError(error, 'CONTENTION'));
    };
    let waiting: ReturnType<typeof commit> | undefined;
    await pglite.transaction(async (session) => {
      assert.deepEqual(await commit(inside, { session }), [{ status: 'committed' }]);
      await contended();
      waiting = commit(after);
    });
    assert.deepEqual(await waiting, [{ status: 'committed' }]);
    await pglite.query('begin');
    await contended();
    await pglite.query('rollback');
    const keys = [inside, late, after].map(keyOf);
    assert.deepEqual(await db.getMany(models.item.name, keys), [inside, null, after]);
    assert.equal(await readOne(db, models.item, keyOf(late)), null, 'what was given up is never written');
    await db.close();
  });
});
