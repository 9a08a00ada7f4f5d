/** Conformance: rows of the library's own models, which are made from their description by `describeModels`. */
import assert from 'node:assert/strict';
import { describeModels, type LogicalField, type LogicalModel } from '../../models/describe-models.js';
import type { Row, StoredModel, StoredValue } from '../../ports/db-manager.js';
import { storedModels } from '../../ports/stored-models.js';
import { insertAll, readOne, type Tests } from './fixture.js';
import { freshKey } from './models.js';

const AT = new Date('2024-02-29T12:00:00.123Z');

export function storedModelTests<S>(): Tests<S> {
  return {
    "rows of the library's own models come back as they were, full and with every null": async ({ db, models }) => {
      const suffix = models.item.name.slice('item'.length);
      const own = storedModels.map((model) => ({ ...model, name: `own_${model.name}${suffix}` }));
      await db.init([...Object.values(models), ...own]);
      for (const [i, logical] of describeModels().entries()) {
        const model = own[i] as StoredModel;
        const rows = [rowOf(logical, false), rowOf(logical, true)];
        await insertAll(db, model, rows);
        for (const row of rows) {
          const key = row[model.key] as string;
          assert.deepEqual(await readOne(db, model, key), row, `${logical.name}: ${key}`);
        }
        const [full] = rows as [Row];
        for (const { name, fields } of model.indexes) {
          const equals = Object.fromEntries(fields.map((field) => [field, full[field] as StoredValue]));
          const { rows: found } = await db.find(model.name, { index: name, equals, limit: 100 });
          const keys = found.map((row) => row[model.key]);
          assert.ok(keys.includes(full[model.key]), `${logical.name}: found along ${name}`);
        }
      }
    },
  };
}

function rowOf({ fields, key }: LogicalModel, isEmpty: boolean): Row {
  const values = fields.map((field) => {
    if (field.name === key) return [key, freshKey()];
    return [field.name, field.nullable && isEmpty ? null : valueFor(field)];
  });
  return { ...Object.fromEntries(values), version: 1 };
}

function valueFor({ kind, values }: LogicalField): StoredValue {
  if (kind === 'string') return values?.[0] ?? freshKey('text');
  if (kind === 'integer') return 2 ** 51;
  if (kind === 'boolean') return true;
  return kind === 'instant' ? AT : { a: [1, null, { b: 'c' }] };
}
