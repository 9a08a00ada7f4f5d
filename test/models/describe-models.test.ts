/** The logical schema: what it tells of the stored models, and that adapters and generators work by the same. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createCreditManagement, describeModels, InMemoryDbManager, storedModels } from '../../src/index.js';
import { defineModel } from '../../src/models/define-model.js';
import { storedModels as declared } from '../../src/models/stored-models.js';
import { run } from '../package/child.js';
import { ROOT } from '../package/source-files.js';

/** What the program prints. */
function schemaOf(backend: 'sql' | 'nosql'): string {
  const program = ['--import', 'tsx', 'src/entries/cli.ts', 'schema', '--backend', backend];
  return run(process.execPath, program, { cwd: ROOT });
}

type Collections = Record<string, { validator: { $jsonSchema: { properties: object } } } | undefined>;

describe('describeModels', () => {
  test('is plain JSON, a copy each time', () => {
    const models = describeModels();
    expect(JSON.parse(JSON.stringify(models))).toEqual(models);
    for (const model of models) (model.fields as unknown[]).length = 0;
    expect(describeModels()[0]?.fields.length).toBeGreaterThan(5);
  });

  test('tells of every stored model its fields with kind and meaning, its key and its indexes', () => {
    const models = describeModels();
    expect(models.map(({ name }) => name)).toEqual(storedModels.map(({ name }) => name));
    for (const [i, { name, key, fields, indexes }] of models.entries()) {
      const stored = storedModels[i] as (typeof storedModels)[number];
      const kinds = Object.fromEntries(
        fields.map((field) => [
          field.name,
          { kind: field.kind, nullable: field.nullable, ...(field.values && { values: field.values }) },
        ]),
      );
      expect(kinds).toEqual({ ...stored.fields, version: { kind: 'integer', nullable: false } });
      expect([key, indexes]).toEqual([stored.key, stored.indexes]);
      for (const field of fields) expect(field.description, `${name}.${field.name}`).toMatch(/^[A-Z`].+\.$/s);
    }
  });

  test('says what a field may be', () => {
    const field = (model: string, name: string) =>
      describeModels()
        .find((one) => one.name === model)
        ?.fields.find((one) => one.name === name);
    expect(field('promo', 'maxUses')).toEqual({
      ...{ name: 'maxUses', kind: 'integer', nullable: true, values: null },
      description: 'Claims of all users together; null for any number.',
    });
    expect(field('cycle', 'status')?.values).toEqual(['active', 'canceled', 'ended']);
    expect(field('account', 'state')).toMatchObject({ kind: 'json', nullable: false });
    expect(field('entry', 'at')).toMatchObject({ kind: 'instant', nullable: false });
  });

  test('is true of the rows that are written', async () => {
    const db = new InMemoryDbManager();
    const manager = createCreditManagement({ db });
    await manager.credits.addCredits('u', 5, { reference: 'r' });
    await manager.credits.reserveCredits('u', 2);
    await manager.promos.createPromo({ code: 'A', credits: 1 });
    await manager.promos.claimPromo('u', 'A');
    await manager.subscriptions.startCycle('u', { amount: 1, recurring: true });
    const seen: string[] = [];
    for (const [i, { name, key, fields, indexes }] of describeModels().entries()) {
      const { rows } = await db.find(name, { index: (indexes[0] as { name: string }).name, limit: 100 });
      for (const row of rows) {
        expect(Object.keys(row).sort(), name).toEqual(fields.map((field) => field.name).sort());
        expect(typeof row[key]).toBe('string');
        const { success, error } = (declared[i] as { schema: z.ZodType }).schema.safeParse(row);
        expect(success, `${name}: ${error?.message}`).toBe(true);
        seen.push(name);
      }
    }
    expect([...new Set(seen)].sort()).toEqual(
      ['account', 'cycle', 'entry', 'grant', 'promo', 'promo_claim', 'reservation', 'system'].sort(),
    );
  });
});

describe('one source', () => {
  test('the schemas that the program prints, for both kinds of databases, have every field that is described', () => {
    const ddl = schemaOf('sql');
    const collections = JSON.parse(schemaOf('nosql')) as Collections;
    for (const { name, fields, key } of describeModels()) {
      const [table = ''] = ddl.split(`."credit_${name}" (`)[1]?.split(';') ?? [];
      const properties = Object.keys(collections[`credit_${name}`]?.validator.$jsonSchema.properties ?? {});
      for (const field of fields) {
        const column = field.name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
        expect(table, `${name}.${field.name}`).toContain(`"${column}"`);
        expect(properties).toContain(field.name === key ? '_id' : field.name);
      }
    }
  });

  test('a description changes no kind, wherever it stands', () => {
    const of = (text: string) => z.string().describe(text);
    const schema = z.object({
      ...{
        id: of('a'),
        version: z.int(),
        one: z.int().describe('b').nullable(),
        two: z.int().nullable().describe('c'),
      },
      ...{ kind: z.enum(['x', 'y']).describe('d'), at: z.date().describe('e'), is: z.boolean().describe('f') },
      data: z.object({}).describe('g'),
    });
    expect(defineModel('m', schema, 'id', []).fields).toEqual({
      id: { kind: 'string', nullable: false },
      one: { kind: 'integer', nullable: true },
      two: { kind: 'integer', nullable: true },
      kind: { kind: 'string', nullable: false, values: ['x', 'y'] },
      at: { kind: 'instant', nullable: false },
      is: { kind: 'boolean', nullable: false },
      data: { kind: 'json', nullable: false },
    });
  });
});
