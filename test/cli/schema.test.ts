/** what the program prints is what `init` creates, and real servers take it. */
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { mongodbSchema } from '../../src/db/mongodb/schema-text.js';
import { postgresSchema } from '../../src/db/sql/postgres/schema-text.js';
import { MongoDbManager } from '../../src/entries/mongodb.js';
import { SqlDbManager } from '../../src/entries/sql.js';
import { defineModel } from '../../src/models/define-model.js';
import { promoSchema } from '../../src/models/promo.js';
import { storedModels } from '../../src/models/stored-models.js';
import type { DbManager, Row, StoredModel } from '../../src/ports/db-manager.js';
import { describeMongo } from '../backends/mongo.js';
import { databaseOf } from '../backends/mongo-uri.js';
import { describePostgres } from '../backends/postgres.js';

const promo: Row = {
  ...{ code: 'X', version: 1, id: 'p-1', creditType: 'credits', credits: 5, description: null },
  ...{ targetType: 'all_users', targetUserIds: [], maxUses: null, maxUsesPerUser: 1, validFrom: new Date(0) },
  ...{ maxUsesPerDay: null, maxUsesPerUserPerDay: null, claimsDay: null, claimsOfDay: null },
  ...{ validityDays: null, referrerId: null, referrerCredits: null },
  ...{ validUntil: null, isActive: true, metadata: {}, claims: 0, createdAt: new Date(0), updatedAt: new Date(0) },
};

/** The model of promos as it would be with one more optional field in its zod object, and no other edit. */
const grown: StoredModel = defineModel(
  'promo',
  promoSchema.extend({ campaign: z.string().nullable() }),
  'code',
  storedModels.find(({ name }) => name === 'promo')?.indexes as never,
);

/** A database with rows gains the field: old rows are without it, new ones keep it. */
async function grows(db: DbManager<unknown>): Promise<void> {
  await db.init(storedModels);
  await db.commit([[{ op: 'insert', model: 'promo', row: promo }]]);
  await db.init(storedModels.map((model) => (model.name === 'promo' ? grown : model)));
  const next: Row = { ...promo, code: 'Y', id: 'p-2', campaign: 'spring' };
  expect(await db.commit([[{ op: 'insert', model: 'promo', row: next }]])).toEqual([{ status: 'committed' }]);
  expect(await db.getMany('promo', ['X', 'Y'])).toEqual([{ ...promo, campaign: null }, next]);
}

const CATALOG = `select c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
    a.attnotnull as needed, col.collname as collation
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    left join pg_collation col on col.oid = a.attcollation
  where n.nspname = $1 and c.relkind = 'r' and a.attnum > 0 order by 1, a.attnum`;
const INDEXES = 'select indexname, indexdef from pg_indexes where schemaname = $1 order by indexname';
const CHECKS = `select conrelid::regclass::text as table, pg_get_constraintdef(oid) as text from pg_constraint
  where connamespace = $1::regnamespace order by 1, 2`;
const OPTIONS = `select relname, reloptions, obj_description(oid, 'pg_class') from pg_class
  where relnamespace = $1::regnamespace and relkind = 'r' order by 1`;

await describePostgres('the schema of PostgreSQL', (database) => {
  test('is taken by the server, and is what init creates', async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query('create schema printed; create schema made');
    await client.query(postgresSchema('credit_', 'printed'));
    const db = new SqlDbManager({ url: database.url, schema: 'made' });
    await db.init(storedModels);
    const described = async (schema: string) => {
      const found = [];
      for (const text of [CATALOG, INDEXES, CHECKS, OPTIONS]) found.push((await client.query(text, [schema])).rows);
      return JSON.parse(JSON.stringify(found).replaceAll(`${schema}.`, ''));
    };
    const made = await described('made');
    expect(await described('printed')).toEqual(made);
    expect(made[0].length).toBeGreaterThan(100);
    const unique = (made[1] as { indexdef: string }[]).filter(({ indexdef }) => indexdef.includes('UNIQUE'));
    const what = unique.map(({ indexdef }) => indexdef.replace(/^CREATE UNIQUE INDEX \S+ ON /, ''));
    expect(what).toContain('credit_entry USING btree (scoped_key) WHERE (scoped_key IS NOT NULL)');
    expect(what).toContain('credit_promo USING btree (code)');
    expect(what).toContain('credit_subscription USING btree (user_id)');
    // A database that was made from the text is used as if it were made by init.
    const other = new SqlDbManager({ url: database.url, schema: 'printed' });
    await other.init(storedModels);
    await Promise.all([db.close(), other.close(), client.end()]);
  });

  test('follows a field that a zod model gains, and so do init and rows', async () => {
    const db = new SqlDbManager({ url: database.url });
    await grows(db as DbManager<unknown>);
    await db.close();
    expect(postgresSchema('credit_', 'public', [grown])).toContain('campaign" text collate "C",');
  });
});

await describeMongo('the schema of MongoDB', (database) => {
  test('is taken by the server, and is what init creates', async () => {
    const client = new MongoClient(database.url);
    const db = client.db(databaseOf(database.url));
    const schema = mongodbSchema('printed_');
    for (const [name, { validator, indexes }] of Object.entries(schema)) {
      await db.createCollection(name, { validator });
      await db.command({ createIndexes: name, indexes });
    }
    const manager = new MongoDbManager({ client, dbName: databaseOf(database.url), prefix: 'made_' });
    await manager.init(storedModels);
    const described = async (prefix: string) => {
      const found: Record<string, unknown> = {};
      for (const { name } of storedModels) {
        const [info] = await db.listCollections({ name: `${prefix}${name}` }).toArray();
        const indexes = await db.collection(`${prefix}${name}`).indexes();
        found[name] = { options: (info as { options?: unknown }).options, indexes };
      }
      return found;
    };
    const made = await described('made_');
    expect(await described('printed_')).toEqual(made);
    expect(JSON.stringify(made)).toContain('one of trialing, active, past_due, paused, cancelled, ended');
    const bad = { $set: { status: 'nonsense' } };
    for (const prefix of ['made_', 'printed_']) {
      const outbox = db.collection(`${prefix}outbox`);
      await outbox.insertOne({ status: 'sent' }, { bypassDocumentValidation: true });
      await expect(outbox.updateOne({}, bad)).rejects.toMatchObject({ code: 121 });
    }
    await manager.close();
    await client.close();
  });

  test('follows a field that a zod model gains, and so do init and rows', async () => {
    const db = new MongoDbManager({ uri: database.url, dbName: databaseOf(database.url) });
    await grows(db as DbManager<unknown>);
    await db.close();
    const properties = mongodbSchema('', [grown]).promo?.validator.$jsonSchema as { properties: object };
    expect(properties.properties).toHaveProperty('campaign');
  });
});
