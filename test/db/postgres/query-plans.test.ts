/** Pages are read along their index: nothing is sorted, however much there is before and after a page. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { NAMING } from '../../../src/db/sql/postgres/columns.js';
import { readPage } from '../../../src/db/sql/postgres/read.js';
import { Table } from '../../../src/db/sql/table.js';
import { createCreditManagement } from '../../../src/index.js';
import { storedModels } from '../../../src/models/stored-models.js';
import type { FindQuery, StoredModel, StoredValue } from '../../../src/ports/db-manager.js';
import { describePostgres } from '../../backends/postgres.js';
import { QUIET } from '../../support/quiet.js';
import { withBench } from './fixture.js';

const SAMPLES = { string: 'x', integer: 1, boolean: true, instant: new Date(0), json: {} };

await describePostgres('plans on PostgreSQL', (database) => {
  test('a usage summary walks the part of the index that holds the account and the time, in its order', () =>
    withBench(database, async ({ db, client }) => {
      await db.init(storedModels);
      const manager = createCreditManagement({ db, logger: QUIET });
      const users = Array.from({ length: 300 }, (_, i) => `user-${i}`);
      await Promise.all(users.flatMap((user) => [1, 2, 3].map(() => manager.credits.addCredits(user, 1))));
      await client.query('analyze; set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off');
      const asked: FindQuery[] = [];
      const find = db.find.bind(db);
      db.find = (model, query, options) => {
        if (model === 'entry') asked.push(query);
        return find(model, query, options);
      };
      await manager.credits.getUsageSummary('user-7', { from: '2020-01-01', to: '2120-01-01', by: 'day' });
      const model = storedModels.find(({ name }) => name === 'entry') as unknown as StoredModel;
      const { text, values } = readPage(new Table(model, 'credit_', 'public', NAMING), asked[0] as FindQuery);
      const { rows } = await client.query(`explain (format json) ${text}`, values as string[]);
      const plan = JSON.stringify(rows[0]);
      assert.equal(asked.length, 1);
      assert.match(plan, /"Index Name": ?"credit_entry_history"/);
      assert.match(plan, /"Index Cond": ?"[^"]*account[^"]*at >= [^"]*at < /);
      assert.doesNotMatch(plan, /"Node Type": ?"Sort"/);
    }));

  test('no page is sorted: by any index, with any number of its fields fixed, in both directions', () =>
    withBench(database, async ({ db, client }) => {
      await db.init(storedModels);
      // Of an empty table the planner would as soon sort the one row it expects; it still has to where no index helps.
      await client.query('set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off');
      for (const model of storedModels) {
        const table = new Table(model, 'credit_', 'public', NAMING);
        for (const { name, fields } of model.indexes) {
          // Rows without a value in the first field are in no index: only a walk over all of it has to sort.
          const isPartial = table.column(fields[0] as string).nullable;
          for (let fixed = isPartial ? 1 : 0; fixed < fields.length; fixed++) {
            const values = fields.slice(0, fixed).map((field) => [field, SAMPLES[table.column(field).kind]] as const);
            const equals = Object.fromEntries(values) as Record<string, StoredValue>;
            for (const direction of ['asc', 'desc'] as const) {
              const { text, values: given } = readPage(table, { index: name, equals, direction, limit: 20 });
              const { rows } = await client.query(`explain (format json) ${text}`, given as string[]);
              const plan = JSON.stringify(rows[0]);
              const what = `${model.name} ${name} ${fixed} ${direction}`;
              // Ties are broken by the key, which sorts within equal values and never more.
              assert.ok(
                !plan.includes('"Node Type":"Sort"') && !plan.includes('"Node Type": "Sort"'),
                `${what}: ${plan}`,
              );
            }
          }
        }
      }
    }));
});
