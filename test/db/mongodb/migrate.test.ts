/** Collections are made once, whoever comes first, and never taken from somebody else. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { MongoClient } from 'mongodb';
import { test } from 'vitest';
import { MongoDbManager } from '../../../src/entries/mongodb.js';
import { isCreditError } from '../../../src/errors.js';
import { storedModels } from '../../../src/models/stored-models.js';
import type { StoredField, StoredModel } from '../../../src/ports/db-manager.js';
import { insert } from '../../../src/testing/db-manager/fixture.js';
import { item, testModels } from '../../../src/testing/db-manager/models.js';
import { collectionsOf } from '../../backends/adapters.js';
import { describeMongo, dropMongoDatabase } from '../../backends/mongo.js';
import { databaseOf, onDatabase } from '../../backends/mongo-uri.js';
import { forkScript } from '../../support/script.js';
import { errorOf, statuses, withBench } from './fixture.js';

/** The model with a field of a closed set; without values, as a version would have it that does not enforce them. */
function withPhase(model: StoredModel, values?: readonly string[]): StoredModel {
  const phase: StoredField = { kind: 'string', nullable: true, ...(values && { values }) };
  return { ...model, fields: { ...model.fields, phase } };
}

const problemsOf = async (call: Promise<unknown>): Promise<string> => {
  const error = await errorOf(call);
  if (!isCreditError(error, 'CONFIGURATION')) throw error;
  return error.details.problems.join('; ');
};

await describeMongo('init on MongoDB', (database) => {
  test('four processes at once make one set of collections', async () => {
    const url = onDatabase(database.url);
    const script = new URL('./init-process.ts', import.meta.url);
    const children: ChildProcess[] = Array.from({ length: 4 }, () => forkScript(script, [url]));
    await Promise.all(children.map((child) => once(child, 'message')));
    const answers = children.map((child) => once(child, 'message'));
    for (const child of children) child.send('go');
    for (const [answer] of await Promise.all(answers)) assert.deepEqual(answer, { count: 0 });
    const client = new MongoClient(url);
    const names = await collectionsOf(client, databaseOf(url));
    assert.deepEqual(names, storedModels.map(({ name }) => `credit_${name}`).sort());
    for (const { name, indexes } of storedModels) {
      const made = await client.db(databaseOf(url)).collection(`credit_${name}`).indexes();
      assert.deepEqual(made.map((index) => index.name).sort(), ['_id_', ...indexes.map((index) => index.name)].sort());
    }
    await client.close();
    await dropMongoDatabase(url);
  });

  test('the server enforces what the models say, whoever writes', () =>
    withBench(database, async ({ collection, models, db }) => {
      const row = item();
      await db.commit([[insert(models.item, row)]]);
      const things = collection(models.item);
      const bad = [{ amount: 5 }, { amount: 2 ** 40 }, { label: 7 }, { madeAt: 'now' }, { isOpen: 1 }, { version: 0n }];
      for (const set of bad) assert.equal((await errorOf(things.updateOne({}, { $set: set }))).code, 121);
      assert.equal((await errorOf(things.updateOne({}, { $unset: { account: 1 } }))).code, 121);
      await things.updateOne({}, { $set: { amount: 5n, unknown: 'is fine' } });
      assert.deepEqual(await db.getMany(models.item.name, [row.id as string]), [{ ...row, amount: 5 }]);
    }));

  test('a collection that was made without closed sets is used as it is, and lacks nothing', () =>
    withBench(database, async ({ db, models, collection, client, raw }) => {
      const next = new MongoDbManager({ client, dbName: raw.databaseName });
      const closed = withPhase(models.item, ['new', 'old']);
      await db.init([withPhase(models.item)]);
      assert.deepEqual(await next.lacking([closed]), []);
      await next.init([closed]);
      assert.deepEqual(statuses(await next.commit([[insert(closed, { ...item(), phase: 'old' })]])), ['committed']);
      await collection(closed).updateOne({}, { $set: { phase: 'other' } });
      await next.close();
    }));

  test('values that a newer version knows are allowed from its start on, and never taken back', () =>
    withBench(database, async ({ client, raw, collection }) => {
      const { item: model } = testModels();
      const versions = [['new', "it's"], ['new', 'gone'], ['new']].map((values) => withPhase(model, values));
      const [first, second, older] = versions as [StoredModel, StoredModel, StoredModel];
      const open = () => new MongoDbManager({ client, dbName: raw.databaseName });
      const [one, two, three] = [open(), open(), open()];
      const write = async (db: MongoDbManager, phase: string) =>
        statuses(await db.commit([[insert(model, { ...item(), phase })]]));
      await one.init([first]);
      assert.deepEqual(await write(one, "it's"), ['committed']);
      const byHand = async (phase: string) =>
        (await errorOf(collection(model).updateOne({}, { $set: { phase } }))).code;
      assert.equal(await byHand('gone'), 121);
      assert.deepEqual(await two.lacking([second]), [`values of credit_${model.name}.phase`]);
      await Promise.all([two.init([second]), open().init([second])]);
      assert.deepEqual(await two.lacking([second]), []);
      await three.init([older]);
      for (const [db, phase] of [
        [one, "it's"],
        [two, 'gone'],
        [three, 'new'],
      ] as const) {
        assert.deepEqual(await write(db, phase), ['committed']);
      }
      // Nor by one that adds a field.
      const other = open();
      await other.init([{ ...older, fields: { ...older.fields, colour: { kind: 'string', nullable: true } } }]);
      assert.deepEqual(await write(two, 'gone'), ['committed']);
      await other.close();
      assert.equal(await byHand('other'), 121);
      for (const db of [one, two, three]) await db.close();
    }));

  test('a collection with documents that is not ours is refused, and left as it is', () =>
    withBench(database, async ({ raw, db }) => {
      const { item: model } = testModels();
      const theirs = raw.collection<{ _id: string; n: number }>(`credit_${model.name}`);
      await theirs.insertOne({ _id: 'x', n: 7 });
      assert.match(await problemsOf(db.init([model])), /has documents and is not ours/);
      assert.deepEqual(await theirs.find().toArray(), [{ _id: 'x', n: 7 }]);
      assert.deepEqual(
        (await theirs.indexes()).map(({ name }) => name),
        ['_id_'],
      );
    }));

  test('the collections of the Python package stay as they are', () =>
    withBench(database, async ({ raw, client }) => {
      const names = ['users', 'transactions', 'subscription_plans', 'ledger', 'credits', 'reserved_credits', 'promos'];
      for (const name of names) await raw.collection(name).insertOne({ user_id: 'u', credits: 5 });
      const before = JSON.stringify(await Promise.all(names.map((name) => raw.collection(name).find().toArray())));
      const db = new MongoDbManager({ client, dbName: raw.databaseName });
      await db.init(storedModels);
      const after = JSON.stringify(await Promise.all(names.map((name) => raw.collection(name).find().toArray())));
      assert.equal(after, before);
      for (const name of names) assert.equal((await raw.collection(name).indexes()).length, 1);
    }));

  test('an empty collection of our name becomes ours; a view, and an index of another kind, are refused', () =>
    withBench(database, async ({ raw, db }) => {
      const [empty, view, indexed] = [testModels().item, testModels().item, testModels().item];
      await raw.createCollection(`credit_${empty.name}`);
      await db.init([empty]);
      assert.deepEqual(statuses(await db.commit([[insert(empty, item())]])), ['committed']);
      assert.equal((await errorOf(raw.collection(`credit_${empty.name}`).insertOne({}))).code, 121);
      await raw.createCollection(`credit_${view.name}`, { viewOn: 'things', pipeline: [] });
      assert.match(await problemsOf(db.init([view])), /is not a collection/);
      await raw.collection(`credit_${indexed.name}`).createIndex({ label: 1 }, { name: 'by_code' });
      assert.match(await problemsOf(db.init([indexed])), /another index/);
    }));

  test('a field and an index that a model gained are added, and documents keep their values', () =>
    withBench(database, async ({ db, models, client, raw }) => {
      const row = item();
      await db.commit([[insert(models.item, row)]]);
      const gained: StoredModel = {
        ...models.item,
        fields: { ...models.item.fields, colour: { kind: 'string', nullable: true } },
        indexes: [...models.item.indexes, { name: 'by_colour', fields: ['colour'], unique: true }],
      };
      const next = new MongoDbManager({ client, dbName: raw.databaseName });
      await next.init([gained]);
      assert.deepEqual(await next.getMany(gained.name, [row.id as string]), [{ ...row, colour: null }]);
      const red = () => next.commit([[insert(gained, { ...item(), colour: 'red' })]]);
      assert.deepEqual(statuses(await red()), ['committed']);
      assert.deepEqual(statuses(await red()), ['duplicate']);
      // The process that does not know the field goes on, and starting it takes nothing back.
      await db.init(Object.values(models));
      assert.deepEqual(statuses(await db.commit([[insert(models.item, item())]])), ['committed']);
      // It keeps the field of what it changes.
      const own = item({ label: 'a', rank: 1 });
      assert.deepEqual(statuses(await next.commit([[insert(gained, { ...own, colour: 'blue' })]])), ['committed']);
      const changed = { ...own, version: 2, label: null, rank: 2 };
      const change = { op: 'replace', model: models.item.name, row: changed, expectedVersion: 1 } as const;
      assert.deepEqual(statuses(await db.commit([[change]])), ['committed']);
      assert.deepEqual(await next.getMany(gained.name, [own.id as string]), [{ ...changed, colour: 'blue' }]);
      const wrong = raw.collection(`credit_${gained.name}`).updateOne({ colour: 'red' }, { $set: { colour: 7 } });
      assert.equal((await errorOf(wrong)).code, 121);
      await next.close();
    }));

  test('a field of another kind is refused, and one that is gained and needed where there are documents', () =>
    withBench(database, async ({ db, models }) => {
      const colour = { kind: 'string', nullable: false } as const;
      await db.init([{ ...models.entry, fields: { ...models.entry.fields, colour } }]);
      await db.commit([[insert(models.item, item())]]);
      const gained = { ...models.item, fields: { ...models.item.fields, colour } };
      assert.match(await problemsOf(db.init([gained])), /has documents without colour/);
      const amount = { kind: 'string', nullable: false } as const;
      const changed = { ...models.item, fields: { ...models.item.fields, amount } };
      assert.match(await problemsOf(db.init([changed])), /\.amount is of type long, not string/);
    }));

  test('options that do not go together are refused at once, and nothing is opened', async () => {
    const uri = 'mongodb://127.0.0.1:1/nowhere';
    const bad = [{ uri, client: {} as never }, { uri: 'postgres://h' }, { uri, prefix: '$x' }, { uri, dbName: 'a b' }];
    for (const options of [...bad, { uri, poolSize: 0 }, { uri, timeoutMs: Number.NaN }, { client: {} as never }]) {
      assert.throws(
        () => new MongoDbManager(options),
        (error) => isCreditError(error, 'CONFIGURATION'),
      );
    }
    const db = MongoDbManager.fromClientUri(uri, { dbName: 'shop' });
    await db.close();
    const secret = MongoDbManager.fromClientUri('mongodb://user:s3cret@h1:99999/?x=y');
    const error = await errorOf(secret.init([]));
    assert.ok(isCreditError(error, 'CONFIGURATION') && !JSON.stringify(error.details).includes('s3cret'));
  });
});
