/** Records are what their schemas say: their types, their descriptions, and what a wrong one is refused for. */
import ts from 'typescript';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import * as library from '../../src/index.js';
import * as fields from '../../src/models/records/fields.js';
import { sourceFiles } from '../package/source-files.js';
import type * as written from './written-types.js';

/** Every field that was written by hand is there with its type, in both directions; new fields may come. */
type Keeps<New, Old> = [New] extends [Old] ? ([Old] extends [Pick<New, keyof New & keyof Old>] ? true : false) : false;

describe('the inferred types', () => {
  test('are those that users wrote code against', () => {
    expectTypeOf<Keeps<library.UserCreditsInfo, written.UserCreditsInfo>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.Transaction, written.Transaction>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.Draw, written.Draw>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.Grant, written.Grant>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.Reservation, written.Reservation>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.SubscriptionPlan, written.SubscriptionPlan>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.UserSubscription, written.UserSubscription>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.SubscriptionChange, written.SubscriptionChange>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.ChangePreview, written.ChangePreview>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.Cycle, written.Cycle>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.Promo, written.Promo>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.PromoClaim, written.PromoClaim>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.Eligibility, written.Eligibility>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.ClaimResult, written.ClaimResult>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.Notification, written.Notification>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.ExpiringReport, written.ExpiringReport>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.LedgerEntry, written.LedgerEntry>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.VerifyReport, written.VerifyReport>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.Problem, written.Problem>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.Health, written.Health>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.JobProgress, written.JobProgress>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.JobReport, written.JobReport>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.JobReport<'outbox'>, written.JobReport<'outbox'>>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.OutboxReport, written.OutboxReport>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.SinkInfo, written.SinkInfo>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.NotificationMessage, written.NotificationMessage>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.CreditEvent, written.CreditEvent>>().toEqualTypeOf<true>();
    expectTypeOf<Keeps<library.CreditEventMap, written.CreditEventMap>>().toEqualTypeOf<true>();
  });

  test('would be told apart from others', () => {
    expectTypeOf<Keeps<Omit<library.Grant, 'held'>, written.Grant>>().toEqualTypeOf<false>();
    expectTypeOf<Keeps<library.Grant & { priority: 1 }, written.Grant>>().toEqualTypeOf<false>();
    expectTypeOf<Keeps<Omit<library.Grant, 'source'> & { source: string }, written.Grant>>().toEqualTypeOf<false>();
  });
});

const isObject = (value: unknown): value is z.ZodObject => value instanceof z.ZodObject;

/** The objects within a schema, with the path that leads to each. */
function objectsIn(name: string, schema: unknown): [string, z.ZodObject][] {
  if (isObject(schema)) {
    const inner = Object.entries(schema.shape).flatMap(([field, type]) => objectsIn(`${name}.${field}`, type));
    return [[name, schema], ...inner];
  }
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodReadonly || schema instanceof z.ZodOptional) {
    return objectsIn(name, schema.unwrap());
  }
  if (schema instanceof z.ZodArray) return objectsIn(`${name}[]`, schema.element);
  if (schema instanceof z.ZodDiscriminatedUnion) {
    return schema.options.flatMap((option, i) => objectsIn(`${name}|${i}`, option));
  }
  return [];
}

const records = Object.entries(library).filter(
  ([name]) =>
    /^[A-Z]\w*Schema$/.test(name) && !/(Options|Input|Update|Query|Defaults|Transfer|Definitions)Schema$/.test(name),
);
const objects = records.flatMap(([name, schema]) => objectsIn(name, schema));

describe('the schemas', () => {
  test('describe each of their fields, and let no other through', () => {
    expect(objects.length).toBeGreaterThan(35);
    for (const [name, schema] of objects) {
      expect(schema.def.catchall, name).toBeInstanceOf(z.ZodNever);
      for (const [field, type] of Object.entries(schema.shape)) {
        expect((type as z.ZodType).description ?? '', `${name}.${field}`).toMatch(/^[A-Z`].*\.$/s);
      }
    }
  });

  test('say what the comments of their fields say, which editors show', () => {
    let compared = 0;
    for (const [path, text] of sourceFiles('src/models/records')) {
      for (const { name, field, comment } of commentsOf(path, text)) {
        const schema = (library as Readonly<Record<string, unknown>>)[name];
        // A part of a record has its comments alone.
        if (schema === undefined) continue;
        const described = isObject(schema) ? (schema.shape[field] as z.ZodType).description : undefined;
        expect(described, `${name}.${field}`).toContain(comment.replace(/\.$/, ''));
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(25);
  });
});

/** The comments of the fields of `export const XSchema = z.strictObject({ … })`. */
function commentsOf(path: string, text: string): { name: string; field: string; comment: string }[] {
  const found: { name: string; field: string; comment: string }[] = [];
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      const [shape] = initializer && ts.isCallExpression(initializer) ? initializer.arguments : [];
      if (!shape || !ts.isObjectLiteralExpression(shape)) continue;
      for (const property of shape.properties) {
        const [doc] = ts.getJSDocCommentsAndTags(property);
        const comment = doc && ts.getTextOfJSDocComment(doc.comment)?.replace(/\s+/g, ' ');
        if (comment) found.push({ name: name.getText(), field: property.name?.getText() ?? '', comment });
      }
    }
  }
  return found;
}

describe('the fields', () => {
  const cases: readonly [z.ZodType, readonly unknown[], readonly unknown[]][] = [
    [fields.credits, [0, -1.5, 0.000001, 2_251_799_813.685248], [-0, 0.1 + 0.2, 1e-7, Number.NaN, '1']],
    [fields.count, [0, 7], [-1, 0.5, '1']],
    [fields.instant, [new Date(0)], [new Date(Number.NaN), 0, '2030-01-01T00:00:00.000Z']],
    [fields.isoInstant, ['2030-01-01T00:00:00.000Z'], ['2030-01-01', new Date(0)]],
    [fields.identifier, ['a'], ['', 1]],
    [
      fields.jsonObject,
      [{}, { a: [{ b: null }] }],
      [[], null, { a: new Date(0) }, { a: undefined }, { a: Number.NaN }],
    ],
  ];

  test.each(cases)('take what they are for, and nothing else: %#', (field, good, bad) => {
    for (const value of good) expect(field.safeParse(value).success, JSON.stringify(value)).toBe(true);
    for (const value of bad) expect(field.safeParse(value).success, String(value)).toBe(false);
  });
});

test('each type of event has its schema, and CreditEventSchema takes them all', () => {
  const movement = { amount: 5, balance: 5, available: 5, transactionId: 't', reference: null, referenceType: null };
  const event = {
    ...{
      id: 'e',
      version: 1,
      type: 'credits.recharged',
      userId: 'u',
      creditType: 'credits',
      sequence: 1,
      correlationId: null,
    },
    ...{ occurredAt: '2030-01-01T00:00:00.000Z', data: { ...movement, source: 'purchase' } },
  };
  const isEvent = (value: unknown) => library.CreditEventSchema.safeParse(value).success;
  expect(isEvent(event)).toBe(true);
  expect(isEvent({ ...event, type: 'credits.refunded' })).toBe(false);
  expect(isEvent({ ...event, type: 'credits.refunded', data: { ...movement, reason: null } })).toBe(true);
  expect(library.creditEventSchemas['credits.refunded'].safeParse(event).success).toBe(false);
  expect(Object.keys(library.creditEventSchemas)).toHaveLength(41);
});
