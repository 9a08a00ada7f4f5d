/** Conformance: init, ping, close, and options that end a call before it does anything. */
import assert from 'node:assert/strict';
import type { DbManager, StoreOptions } from '../../ports/db-manager.js';
import { COMMITTED, commit, insert, readOne, rejectsWith, type Tests } from './fixture.js';
import { item, keyOf, type TestModels, testModels } from './models.js';

export function lifeTests<S>(): Tests<S> {
  return {
    'init answers the time of the server': async ({ db, models }) => {
      isInstant((await db.init(Object.values(models))).now);
    },

    'init again keeps what is stored': async ({ db, models }) => {
      const row = item();
      await commit(db, insert(models.item, row));
      await db.init(Object.values(models));
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), row);
    },

    'init again may bring new models': async ({ db, models }) => {
      const row = item();
      await commit(db, insert(models.item, row));
      const more = testModels();
      await db.init([...Object.values(models), ...Object.values(more)]);
      assert.deepEqual(await commit(db, insert(more.item, item())), COMMITTED);
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), row);
    },

    'several inits at once, of one manager and of several, all succeed': async ({ db, another }) => {
      const models = testModels();
      const managers = [db, await another(), await another()];
      const inits = [...managers, ...managers].map((manager) => manager.init(Object.values(models)));
      for (const { now } of await Promise.all(inits)) isInstant(now);
      for (const manager of managers) {
        const row = item({ code: keyOf(item()) });
        assert.deepEqual(await commit(manager, insert(models.item, row)), COMMITTED);
        assert.deepEqual(await readOne(manager, models.item, keyOf(row)), row);
        const again = await commit(manager, insert(models.item, item({ code: row.code as string })));
        assert.equal(again.status, 'duplicate', 'the unique index was made');
      }
    },

    'ping answers the time of the server': async ({ db }) => {
      isInstant((await db.ping()).now);
    },

    'close twice is harmless': async ({ db }) => {
      await db.close();
      await db.close();
      await Promise.all([db.close(), db.close()]);
    },

    'close before init is harmless': async ({ another }) => {
      const db = await another();
      await db.close();
    },

    'every call after close rejects with CLOSED': async ({ db, models }) => {
      await db.close();
      await rejectsWith('CLOSED', () => db.init(Object.values(models)));
      for (const call of calls(db, models, {})) await rejectsWith('CLOSED', call);
      const { transaction } = db;
      if (transaction) await rejectsWith('CLOSED', () => transaction.call(db, async () => {}));
    },

    'an aborted signal rejects with ABORTED and writes nothing': async ({ db, models }) => {
      const row = item();
      const signal = AbortSignal.abort();
      for (const call of calls(db, models, { signal })) await rejectsWith('ABORTED', call);
      await rejectsWith('ABORTED', () => db.commit([[insert(models.item, row)]], { signal }));
      assert.equal(await readOne(db, models.item, keyOf(row)), null);
    },

    'a signal that is not aborted changes nothing': async ({ db, models }) => {
      const { signal } = new AbortController();
      for (const call of calls(db, models, { signal, timeoutMs: 60_000 })) await call();
    },

    'a value that is not a session of the adapter is INVALID_ARGUMENT': async ({ db, models }) => {
      const row = item();
      for (const value of [{}, { kind: 'memory' }, 'session', 1, () => {}, new Date(0)]) {
        const session = value as unknown as S;
        for (const call of calls(db, models, { session })) await rejectsWith('INVALID_ARGUMENT', call);
        await rejectsWith('INVALID_ARGUMENT', () => db.commit([[insert(models.item, row)]], { session }));
        await rejectsWith('INVALID_ARGUMENT', () => db.getMany(models.item.name, ['k'], { session, lock: true }));
      }
      assert.equal(await readOne(db, models.item, keyOf(row)), null);
    },

    'a model that was never declared is INVALID_ARGUMENT': async ({ db }) => {
      for (const model of ['nowhere', '__proto__', 'constructor', '']) {
        await rejectsWith('INVALID_ARGUMENT', () => db.getMany(model, ['k']));
        await rejectsWith('INVALID_ARGUMENT', () => db.find(model, { index: 'by_account', limit: 1 }));
        await rejectsWith('INVALID_ARGUMENT', () => db.count(model, { index: 'by_account' }));
      }
    },

    'an index that was never declared is INVALID_ARGUMENT': async ({ db, models }) => {
      for (const index of ['nowhere', 'account', 'by_time', '__proto__', '']) {
        await rejectsWith('INVALID_ARGUMENT', () => db.find(models.item.name, { index, limit: 1 }));
        await rejectsWith('INVALID_ARGUMENT', () => db.count(models.item.name, { index }));
      }
    },
  };
}

/** One call of every verb; none of them finds a row. */
function calls<S>(db: DbManager<S>, { item: model }: TestModels, options: StoreOptions<S>) {
  const query = { index: 'by_account', equals: { account: 'nobody' } };
  return [
    () => db.getMany(model.name, ['nothing'], options),
    () => db.find(model.name, { ...query, limit: 1 }, options),
    () => db.count(model.name, query, options),
    () => db.commit([[insert(model, item())]], options),
    () => db.ping(options),
  ];
}

function isInstant(value: unknown): void {
  assert.ok(value instanceof Date && !Number.isNaN(value.getTime()), 'a valid Date');
}
