/** Pages are read along their index: nothing is sorted in memory, however much there is before and after a page. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { StoredCollection } from '../../../src/db/mongodb/collection.js';
import { findOf } from '../../../src/db/mongodb/query.js';
import { storedModels } from '../../../src/models/stored-models.js';
import type { StoredValue } from '../../../src/ports/db-manager.js';
import { describeMongo } from '../../backends/mongo.js';
import { withBench } from './fixture.js';

const SAMPLES = { string: 'x', integer: 1, boolean: true, instant: new Date(0), json: {} };
const DIRECTIONS = ['asc', 'desc'] as const;

await describeMongo('plans on MongoDB', (database) => {
  test('no page is sorted: by any index, with any number of its fields fixed, in both directions', () =>
    withBench(database, async ({ db, raw }) => {
      await db.init(storedModels);
      const sorted: string[] = [];
      for (const model of storedModels) {
        const collection = new StoredCollection(model, 'credit_');
        for (const { name, fields } of model.indexes) {
          for (let fixed = 0; fixed < fields.length; fixed++) {
            const values = fields
              .slice(0, fixed)
              .map((field) => [field, SAMPLES[collection.field(field).kind]] as const);
            const equals = Object.fromEntries(values) as Record<string, StoredValue>;
            for (const direction of DIRECTIONS) {
              const { filter, sort, hint } = findOf(collection, { index: name, equals, direction });
              // What has no value in the first field is in no index: only a walk over all of it has to sort.
              if (hint === null) continue;
              const plan = await raw.collection(collection.name).find(filter, { sort, hint, limit: 20 }).explain();
              const stages = JSON.stringify(plan.queryPlanner.winningPlan);
              const isWalked = stages.includes('"IXSCAN"') && !stages.includes('"SORT"');
              if (!isWalked) sorted.push(`${model.name} ${name} ${fixed} ${direction}: ${stages}`);
            }
          }
        }
      }
      assert.deepEqual(sorted, []);
    }));
});
