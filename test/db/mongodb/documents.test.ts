/** Validators, indexes, documents and queries as the server is told them; no server is needed. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { StoredCollection } from '../../../src/db/mongodb/collection.js';
import { findOf } from '../../../src/db/mongodb/query.js';
import { indexDocument, propertiesOf, requiredOf, validatorOf } from '../../../src/db/mongodb/schema.js';
import { storedModels } from '../../../src/models/stored-models.js';
import { encodeCursor } from '../../../src/ports/cursor.js';
import type { Row, StoredModel, StoredValue } from '../../../src/ports/db-manager.js';
import { item, testModels } from '../../../src/testing/db-manager/models.js';

const { item: model } = testModels();
const items = new StoredCollection({ ...model, name: 'item' }, 'credit_');
const indexOf = (name: string) => {
  const index = items.indexes.find((each) => each.name === name);
  assert.ok(index);
  return indexDocument(items, index);
};

describe('validators', () => {
  test('each model has one: integers are long alone, the key is _id, nullable fields may be absent', () => {
    for (const each of storedModels) {
      const collection = new StoredCollection(each, 'credit_');
      const properties = propertiesOf(collection);
      assert.equal(collection.name, `credit_${each.name}`);
      assert.deepEqual(properties._id, { bsonType: ['string'] });
      assert.deepEqual(properties.version, { bsonType: ['long'], minimum: 1 });
      assert.ok(!(each.key in properties));
      for (const [field, { kind, nullable }] of Object.entries(each.fields)) {
        if (kind === 'integer') assert.deepEqual(properties[field], { bsonType: ['long'] });
        if (field !== each.key)
          assert.equal(requiredOf(collection).includes(field), !nullable, `${each.name}.${field}`);
      }
    }
  });

  test('a validator says whose it is, and lets unknown fields pass', () => {
    const { $jsonSchema } = validatorOf(propertiesOf(items), requiredOf(items)) as { $jsonSchema: Row };
    assert.equal($jsonSchema.title, 'credit-management');
    assert.deepEqual($jsonSchema.required, ['version', '_id', 'account', 'amount', 'isOpen', 'madeAt', 'data']);
    assert.ok(!('additionalProperties' in $jsonSchema));
  });
});

describe('indexes', () => {
  test('the key stands at the end, so that the index has the order of ties', () => {
    assert.deepEqual(indexOf('by_rank'), { name: 'by_rank', key: { account: 1, rank: 1, _id: 1 } });
  });

  test('a unique index holds only what has a value in every field', () => {
    assert.deepEqual(indexOf('by_code'), {
      ...{ name: 'by_code', key: { code: 1 }, unique: true },
      partialFilterExpression: { code: { $exists: true } },
    });
    assert.deepEqual(indexOf('by_slug').partialFilterExpression, { slug: { $exists: true } });
  });

  test('another index leaves out what is null in its first field', () => {
    assert.deepEqual(indexOf('by_due').partialFilterExpression, { dueAt: { $exists: true } });
    assert.ok(!('partialFilterExpression' in indexOf('by_label')));
  });
});

describe('documents', () => {
  test('integers are bigint, json is its text, null is nothing, and all come back', () => {
    const row = item({ amount: 2 ** 53 - 1, rank: -1, data: { 'a.b': 1, $x: [null], '': 2 }, extra: null, label: 'l' });
    const document = items.toDocument(row);
    assert.equal(document._id, row.id);
    assert.equal(document.amount, 9007199254740991n);
    assert.equal(document.version, 1n);
    assert.equal(document.data, '{"a.b":1,"$x":[null],"":2}');
    assert.ok(!('extra' in document) && !('id' in document));
    const stored = Object.entries(document).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? Number(value) : value,
    ]);
    assert.deepEqual(items.toRow(Object.fromEntries(stored)), row);
  });

  test('fields that stay as they are are not sent, but with a large row, whose size counts', () => {
    const unchanged = ['label', 'data', 'extra'];
    const row = item({ label: 'l', rank: 1, extra: null });
    const update = (values: object) => {
      const changed = { ...row, ...values } as typeof row;
      return items.updateTo(items.toDocument(changed, unchanged), unchanged) as { $set: object; $unset?: object };
    };
    const { $set, $unset } = update({});
    assert.deepEqual(
      unchanged.filter((name) => name in $set || name in ($unset ?? {})),
      [],
    );
    assert.ok('rank' in $set && 'version' in $set);
    assert.ok('label' in update({ slug: 's'.repeat(2 ** 16 + 1) }).$set);
    assert.throws(() => update({ label: 'x'.repeat(8 * 2 ** 20), slug: 's'.repeat(8 * 2 ** 20) }), RangeError);
  });

  test('a value that the server would refuse or change is refused before it is sent', () => {
    const bad: Record<string, StoredValue>[] = [
      { amount: 1.5 },
      { amount: 2 ** 53 },
      { amount: '1' },
      { amount: null },
      { label: 'a\ud800b' },
      { label: 7 },
      { label: { $gt: '' } },
      { madeAt: new Date(Number.NaN) },
      { isOpen: 1 },
      { data: null },
      { version: 0 },
      { id: { $ne: '' } },
      { label: 'ü'.repeat(8 * 2 ** 20) },
    ];
    for (const values of bad) assert.throws(() => items.toDocument(item(values)), JSON.stringify(values).slice(0, 60));
    items.toDocument(item({ label: 'x'.repeat(15 * 2 ** 20) }));
  });

  test('a model whose field would mean something to the server is refused', () => {
    for (const name of ['$x', 'a.b', '_id', '_lock', 'a\0']) {
      const fields = { ...model.fields, [name]: { kind: 'string', nullable: true } } as StoredModel['fields'];
      assert.throws(() => new StoredCollection({ ...model, fields }, 'credit_'), TypeError);
    }
  });
});

describe('queries', () => {
  const rank = (query: object) => findOf(items, { index: 'by_rank', equals: { account: 'a' }, ...query });

  test('a walk says its conditions, its order and its index', () => {
    assert.deepEqual(rank({}), {
      filter: { $and: [{ account: { $eq: 'a' } }] },
      sort: { rank: 1, _id: 1 },
      hint: 'by_rank',
    });
    assert.deepEqual(findOf(items, { index: 'by_account', direction: 'desc' }), {
      filter: {},
      sort: { account: -1, _id: -1 },
      hint: 'by_account',
    });
  });

  test('an index that lacks documents is walked only where they are not asked for', () => {
    assert.equal(findOf(items, { index: 'by_due' }).hint, null);
    assert.equal(findOf(items, { index: 'by_due', range: { field: 'dueAt', lte: new Date() } }).hint, 'by_due');
    assert.equal(findOf(items, { index: 'by_code', anyOf: { field: 'code', values: ['x'] } }).hint, 'by_code');
    assert.equal(findOf(items, { index: 'by_slug', equals: { account: 'a' } }).hint, null);
  });

  test('a null matches nothing', () => {
    const never = { _id: { $in: [] } };
    assert.deepEqual(rank({ equals: { account: 'a', rank: null } }).filter.$and, [{ account: { $eq: 'a' } }, never]);
    assert.deepEqual(rank({ anyOf: { field: 'label', values: [null] } }).filter, {
      $and: [{ account: { $eq: 'a' } }, { label: { $in: [] } }],
    });
  });

  test('a cursor bounds the first field of the order; null comes first ascending and last descending', () => {
    const query = { index: 'by_rank', equals: { account: 'a' } };
    const after = (value: number | null) => encodeCursor(items.model, query, item({ id: 'k', rank: value }));
    const found = (value: number | null, direction: 'asc' | 'desc') =>
      (rank({ after: after(value), direction }).filter.$and as unknown[]).slice(1);
    const same = { rank: { $eq: 5 } };
    assert.deepEqual(found(5, 'asc'), [
      { $or: [{ $and: [{ rank: { $gt: 5 } }] }, { $and: [same, { _id: { $gt: 'k' } }] }] },
      { rank: { $gte: 5 } },
    ]);
    assert.deepEqual(found(5, 'desc'), [
      {
        $or: [
          { $and: [{ rank: { $lt: 5 } }] },
          { $and: [{ rank: { $eq: null } }] },
          { $and: [same, { _id: { $lt: 'k' } }] },
        ],
      },
    ]);
    assert.deepEqual(found(null, 'asc'), [
      { $or: [{ $and: [{ rank: { $ne: null } }] }, { $and: [{ rank: { $eq: null } }, { _id: { $gt: 'k' } }] }] },
    ]);
    assert.deepEqual(found(null, 'desc'), [{ $or: [{ $and: [{ rank: { $eq: null } }, { _id: { $lt: 'k' } }] }] }]);
  });

  test('operators in values are refused', () => {
    assert.throws(() => rank({ equals: { account: { $gt: '' } } }), TypeError);
    assert.throws(() => rank({ range: { field: 'rank', gte: { $gt: 0 } } }), TypeError);
    assert.throws(() => rank({ anyOf: { field: 'label', values: [{ $ne: '' }] } }), TypeError);
  });
});
