/** From units to looks and commands, and from what was seen to outcomes; no server is needed. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { StoredCollection } from '../../../src/db/mongodb/collection.js';
import { ContendedDocuments } from '../../../src/db/mongodb/contended-documents.js';
import { looksOf, refusalsOf } from '../../../src/db/mongodb/preflight.js';
import { translated } from '../../../src/db/mongodb/units.js';
import { bulksOf } from '../../../src/db/mongodb/write-commands.js';
import { isCreditError } from '../../../src/errors.js';
import type { Unit } from '../../../src/ports/db-manager.js';
import { insert, remove, replace } from '../../../src/testing/db-manager/fixture.js';
import { entry, item, testModels } from '../../../src/testing/db-manager/models.js';

const models = testModels();
const collections = new Map(Object.values(models).map((model) => [model.name, new StoredCollection(model, 'c_')]));
const plan = (units: readonly Unit[]) => translated(units, (name) => collections.get(name) as StoredCollection);
const name = (model: { name: string }) => `c_${model.name}`;
const a = item({ id: 'a', version: 2, code: 'A' });
const b = item({ id: 'b', version: 2 });

test('units become one command a collection and kind of change: deletes, updates, inserts', () => {
  const line = entry({ id: 'e' });
  const { sent: units } = plan([
    [insert(models.entry, line), replace(models.item, a, 1)],
    [replace(models.item, b, 4), remove(models.item, 'c', 3)],
    [insert(models.entry, entry({ id: 'f' }))],
  ]);
  const bulks = bulksOf(units, false);
  assert.deepEqual(
    bulks.map(({ command, count }) => [Object.entries(command)[0], count]),
    [
      [['delete', name(models.item)], 1],
      [['update', name(models.item)], 2],
      [['insert', name(models.entry)], 2],
    ],
  );
  const updates = bulks[1]?.command.updates as { q: unknown; u: { $set: { version: bigint } } }[];
  assert.deepEqual(
    updates.map(({ q, u }) => [q, u.$set.version]),
    [
      [{ _id: 'a', version: 1 }, 2n],
      [{ _id: 'b', version: 4 }, 2n],
    ],
  );
  assert.deepEqual(bulks[0]?.command.deletes, [{ q: { _id: 'c', version: 3 }, limit: 1 }]);
});

test('after a look in the same transaction the key is enough', () => {
  const { sent: units } = plan([[replace(models.item, a, 1), remove(models.item, 'c', 3)]]);
  const bulks = bulksOf(units, true);
  assert.deepEqual(bulks[0]?.command.deletes, [{ q: { _id: 'c' }, limit: 1 }]);
  const updates = bulks.flatMap(({ command }) => (command.updates ?? []) as { q: unknown }[]);
  assert.deepEqual(
    updates.map(({ q }) => q),
    [{ _id: 'a' }],
  );
});

test('large units travel in several commands', () => {
  const rows = Array.from({ length: 6 }, (_, i) => item({ id: `r${i}`, label: 'x'.repeat(2 ** 20) }));
  const { sent: units } = plan(rows.map((row) => [insert(models.item, row)]));
  assert.deepEqual(
    bulksOf(units, false).map(({ count }) => count),
    [3, 3],
  );
});

test('a unit that the server would refuse is rejected before it is sent, and alone', () => {
  const { sent: units, settled } = plan([
    [insert(models.item, item({ amount: 1.5 })), insert(models.entry, entry())],
    [insert(models.item, item())],
    [],
    [insert(models.item, b), insert(models.item, b)],
    [insert(models.item, item({ id: 'x', code: 'C' })), insert(models.item, item({ id: 'y', code: 'C' }))],
  ]);
  assert.deepEqual(
    units.map(({ place }) => place),
    [1],
  );
  assert.deepEqual(
    [...settled].map(([place, { status }]) => [place, status]),
    [
      [0, 'rejected'],
      [2, 'committed'],
      [3, 'rejected'],
      [4, 'duplicate'],
    ],
  );
  const twice = () => plan([[replace(models.item, a, 1)], [remove(models.item, 'a', 1)]]);
  assert.throws(twice, (error) => isCreditError(error, 'INVALID_ARGUMENT'));
});

test('a look asks for versions, for keys that nothing guards, and for unique values', () => {
  const { sent: units } = plan([
    [replace(models.item, a, 1), insert(models.entry, entry({ id: 'guarded', ref: 'R' }))],
    [insert(models.entry, entry({ id: 'alone' }))],
  ]);
  const asked = (every: boolean) =>
    looksOf(units, every).map(({ collection, index, filter }) => [collection.model.name, index, filter]);
  assert.deepEqual(asked(false), [
    [models.item.name, null, { _id: { $in: ['a'] } }],
    [models.entry.name, null, { _id: { $in: ['alone'] } }],
    [models.item.name, 'by_code', { code: { $in: ['A'] } }],
    [models.entry.name, 'by_ref', { ref: { $in: ['R'] } }],
  ]);
  assert.deepEqual(asked(true)[1], [models.entry.name, null, { _id: { $in: ['alone', 'guarded'] } }]);
});

test('what was seen decides: stale, missing, taken, fitting', () => {
  const { sent: units } = plan([
    [replace(models.item, a, 1)],
    [replace(models.item, b, 1)],
    [remove(models.item, 'missing', 1)],
    [insert(models.item, item({ id: 'there' }))],
    [insert(models.entry, entry({ id: 'e', ref: 'R' })), replace(models.item, item({ id: 'd', version: 2 }), 1)],
  ]);
  const answers: Record<string, unknown>[][] = [
    [
      { _id: 'a', version: 1 },
      { _id: 'b', version: 7 },
      { _id: 'there', version: 1 },
      { _id: 'd', version: 1 },
    ],
    [{ _id: 'a', code: 'A' }],
    [{ _id: 'other', ref: 'R' }],
  ];
  const seen = looksOf(units, false).map((look, i) => ({ look, documents: answers[i] ?? [] }));
  const refused = refusalsOf(units, seen);
  const conflict = (key: string) => ({ status: 'conflict', model: models.item.name, key });
  assert.deepEqual(
    units.map((unit) => refused.get(unit) ?? 'fits'),
    [
      'fits',
      conflict('b'),
      conflict('missing'),
      conflict('there'),
      { status: 'duplicate', found: [{ model: models.entry.name, index: 'by_ref', key: 'other' }] },
    ],
  );
});

test('units whose documents another transaction had lately travel apart, until they are written', () => {
  const { sent: units } = plan([
    [replace(models.item, a, 1), insert(models.entry, entry())],
    [replace(models.item, b, 1)],
  ]);
  const contended = new ContendedDocuments();
  assert.deepEqual(contended.split(units).contended, []);
  contended.note(units.slice(0, 1));
  assert.deepEqual(contended.split(units), { free: units.slice(1), contended: units.slice(0, 1) });
  assert.deepEqual(contended.split(units.slice(0, 1)).contended, [], 'alone it is alone anyway');
  contended.forget(units);
  assert.deepEqual(contended.split(units).free, units);
});
