/** Tables are made once, whoever comes first, and never taken from somebody else. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import pg from 'pg';
import { test } from 'vitest';
import { SqlDbManager } from '../../../src/entries/sql.js';
import { isCreditError } from '../../../src/errors.js';
import { createCreditManagement } from '../../../src/index.js';
import { storedModels } from '../../../src/models/stored-models.js';
import type { StoredField, StoredModel } from '../../../src/ports/db-manager.js';
import { insert } from '../../../src/testing/db-manager/fixture.js';
import { item, testModels } from '../../../src/testing/db-manager/models.js';
import { createDatabase, describePostgres, dropDatabase } from '../../backends/postgres.js';
import { QUIET } from '../../support/quiet.js';
import { forkScript } from '../../support/script.js';
import { statuses, withBench } from './fixture.js';

/** The model with a field of a closed set; without values, as a version would have it that does not enforce them. */
function withPhase(model: StoredModel, values?: readonly string[]): StoredModel {
  const phase: StoredField = { kind: 'string', nullable: true, ...(values && { values }) };
  return { ...model, fields: { ...model.fields, phase } };
}

const problemsOf = async (call: Promise<unknown>): Promise<string> => {
  const error = await call.then(
    () => assert.fail('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (!isCreditError(error, 'CONFIGURATION')) throw error;
  return error.details.problems.join('; ');
};

await describePostgres('init on PostgreSQL', (database) => {
  test('four processes at once make one set of tables', async () => {
    const url = await createDatabase(database.url);
    const script = new URL('./init-process.ts', import.meta.url);
    const children: ChildProcess[] = Array.from({ length: 4 }, () => forkScript(script, [url]));
    await Promise.all(children.map((child) => once(child, 'message')));
    const answers = children.map((child) => once(child, 'message'));
    for (const child of children) child.send('go');
    for (const [answer] of await Promise.all(answers)) assert.deepEqual(answer, { count: 0 });
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query("select relname from pg_class where relname ~ '^credit_' and relkind = 'r'");
    await client.end();
    assert.deepEqual(rows.map((row) => row.relname).sort(), storedModels.map(({ name }) => `credit_${name}`).sort());
    await dropDatabase(database.url, url);
  });

  test('columns, constraints and indexes are what the models say', () =>
    withBench(database, async ({ db, client, models, table }) => {
      const columns = await client.query(
        `select column_name as name, data_type as type, is_nullable = 'YES' as nullable, collation_name as collation
          from information_schema.columns where table_name = $1`,
        [table(models.item)],
      );
      const found = Object.fromEntries(columns.rows.map(({ name, ...rest }) => [name, Object.values(rest).join(' ')]));
      assert.equal(found.version, 'bigint false ');
      assert.equal(found.is_hidden, 'boolean true ');
      assert.equal(found.made_at, 'timestamp with time zone false ');
      assert.equal(found.data, 'json false ');
      assert.equal(found.slug, 'text true C');
      const checks = await client.query(
        "select count(*)::int as n from pg_constraint where conrelid = $1::regclass and contype = 'c'",
        [table(models.item)],
      );
      assert.equal(checks.rows[0].n, 3, 'version, amount and rank');
      const indexes = await client.query(
        'select indexname as name, indexdef as text from pg_indexes where tablename = $1',
        [table(models.item)],
      );
      const bySlug = indexes.rows.find(({ name }) => name.endsWith('_by_slug'));
      assert.match(bySlug.text, /^CREATE UNIQUE INDEX .*\(account, slug\)/);
      assert.equal(indexes.rows.length, models.item.indexes.length + 1);
      const rewritten = { ...testModels().item, rewritten: true };
      await db.init([...Object.values(models), rewritten]);
      const options = await client.query('select reloptions from pg_class where relname = any($1) order by oid', [
        [table(models.item), table(rewritten)],
      ]);
      assert.deepEqual(
        options.rows.map(({ reloptions }) => reloptions),
        [null, ['fillfactor=70']],
      );
    }));

  test('a table with rows that is not ours is refused, and left as it is', () =>
    withBench(database, async ({ client, db }) => {
      const { item: model } = testModels();
      await client.query(`create table credit_${model.name} (id int); insert into credit_${model.name} values (7)`);
      assert.match(await problemsOf(db.init([model])), /has rows and is not ours/);
      assert.deepEqual((await client.query(`select * from credit_${model.name}`)).rows, [{ id: 7 }]);
    }));

  test('an empty table of our name with columns of other types is refused', () =>
    withBench(database, async ({ client, db }) => {
      const { item: model } = testModels();
      await client.query(`create table credit_${model.name} (id int primary key)`);
      assert.match(await problemsOf(db.init([model])), /\.id is of type integer, not text/);
    }));

  test('a view of our name is refused', () =>
    withBench(database, async ({ client, db }) => {
      const { item: model } = testModels();
      await client.query(`create view credit_${model.name} as select 1 as id`);
      assert.match(await problemsOf(db.init([model])), /is not a table/);
    }));

  test('a field and an index that a model gained are added, and rows keep their values', () =>
    withBench(database, async ({ db, models, pool }) => {
      const row = item();
      await db.commit([[insert(models.item, row)]]);
      const gained: StoredModel = {
        ...models.item,
        fields: { ...models.item.fields, colour: { kind: 'string', nullable: true } },
        indexes: [...models.item.indexes, { name: 'by_colour', fields: ['colour'], unique: true }],
      };
      const next = new SqlDbManager({ pool });
      await next.init([gained]);
      assert.deepEqual(await next.getMany(gained.name, [row.id as string]), [{ ...row, colour: null }]);
      const red = [insert(gained, { ...item(), colour: 'red' })];
      assert.deepEqual(statuses(await next.commit([red])), ['committed']);
      assert.deepEqual(statuses(await next.commit([[insert(gained, { ...item(), colour: 'red' })]])), ['duplicate']);
      // The process that does not know the field goes on.
      assert.deepEqual(statuses(await db.commit([[insert(models.item, item())]])), ['committed']);
      await next.close();
    }));

  test('a value that is not of a closed set is refused, whoever writes it', () =>
    withBench(database, async ({ client }) => {
      const db = new SqlDbManager({ url: database.url, prefix: 'closed_' });
      await db.init(storedModels);
      const { rows } = await client.query(
        `select conrelid::regclass::text as table, pg_get_constraintdef(oid) as text from pg_constraint
          where conname like 'closed\\_%\\_values'`,
      );
      const closed = storedModels.flatMap(({ name, fields }) =>
        Object.values<StoredField>(fields).flatMap(({ values }) => (values ? [`closed_${name} ${values}`] : [])),
      );
      const valuesOf = (text: string) => [...text.matchAll(/'(\w+)'::text/g)].map(([, value]) => value);
      assert.deepEqual(rows.map(({ table, text }) => `${table} ${valuesOf(text)}`).sort(), closed.sort());
      const manager = createCreditManagement({ db, logger: QUIET });
      await manager.credits.addCredits('u', 5, { source: 'promo' });
      for (const [table, column] of [
        ['closed_grant', 'source'],
        ['closed_entry', 'type'],
        ['closed_entry', 'event_type'],
      ]) {
        const written = client.query(`update ${table} set ${column} = 'nonsense'`);
        await assert.rejects(written, { code: '23514', constraint: `${table}_${column}_values` });
      }
      await manager.close();
    }));

  test('a table that was made without closed sets is used as it is, and lacks nothing', () =>
    withBench(database, async ({ db, models, client, table, pool }) => {
      const next = new SqlDbManager({ pool });
      const closed = withPhase(models.item, ['new', 'old']);
      await db.init([withPhase(models.item)]);
      assert.deepEqual(await next.lacking([closed]), []);
      await next.init([closed]);
      assert.deepEqual(statuses(await next.commit([[insert(closed, { ...item(), phase: 'old' })]])), ['committed']);
      const { rows } = await client.query("select from pg_constraint where conname ~ 'phase'");
      assert.equal(rows.length, 0, table(closed));
      await next.close();
    }));

  test('values that a newer version knows are allowed from its start on, and never taken back', () =>
    withBench(database, async ({ client, table, pool }) => {
      const { item: model } = testModels();
      const versions = [['new', "it's"], ['new', 'gone'], ['new']].map((values) => withPhase(model, values));
      const [first, second, older] = versions as [StoredModel, StoredModel, StoredModel];
      const dbs = versions.map(() => new SqlDbManager({ pool }));
      const [one, two, three] = dbs as [SqlDbManager, SqlDbManager, SqlDbManager];
      const write = async (db: SqlDbManager, phase: string) =>
        statuses(await db.commit([[insert(model, { ...item(), phase })]]));
      await one.init([first]);
      assert.deepEqual(await write(one, "it's"), ['committed']);
      await assert.rejects(client.query(`update ${table(model)} set phase = 'gone'`), { code: '23514' });
      assert.deepEqual(await two.lacking([second]), [`values of ${table(model)}_phase_values`]);
      await Promise.all([two.init([second]), new SqlDbManager({ pool }).init([second])]);
      assert.deepEqual(await two.lacking([second]), []);
      await three.init([older]);
      for (const [db, phase] of [
        [one, "it's"],
        [two, 'gone'],
        [three, 'new'],
      ] as const) {
        assert.deepEqual(await write(db, phase), ['committed']);
      }
      await assert.rejects(client.query(`update ${table(model)} set phase = 'other'`), { code: '23514' });
      for (const db of dbs) await db.close();
    }));

  test('a gained field that may not be null is refused where there are rows', () =>
    withBench(database, async ({ db, models }) => {
      const fields = { ...models.item.fields, colour: { kind: 'string', nullable: false } } as const;
      await db.init([{ ...models.entry, fields: { ...models.entry.fields, colour: fields.colour } }]);
      await db.commit([[insert(models.item, item())]]);
      assert.match(await problemsOf(db.init([{ ...models.item, fields }])), /has rows without colour/);
    }));

  test('options that do not go together are refused at once', async () => {
    const url = 'postgres://localhost/nowhere';
    const bad = [
      { url, pool: {} as never },
      { url, prefix: 'x; drop table y' },
      { url, prefix: 'a"b' },
    ];
    for (const options of [...bad, { url, poolSize: 0 }, { url, timeoutMs: Number.NaN }]) {
      assert.throws(
        () => new SqlDbManager(options),
        (error) => isCreditError(error, 'CONFIGURATION'),
      );
    }
  });
});
