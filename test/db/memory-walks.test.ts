/** Walks of the in-memory database, against a filter and a sort of all rows. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InMemoryDbManager } from '../../src/index.js';
import { encodeCursor } from '../../src/ports/cursor.js';
import type { Change, FindQuery, Row, StoredModel, StoredValue } from '../../src/ports/db-manager.js';

const model = {
  name: 'm',
  key: 'k',
  fields: {
    k: { kind: 'string', nullable: false },
    a: { kind: 'string', nullable: true },
    n: { kind: 'integer', nullable: true },
    d: { kind: 'instant', nullable: true },
    u: { kind: 'string', nullable: true },
    version: { kind: 'integer', nullable: false },
  },
  indexes: [
    { name: 'and', fields: ['a', 'n', 'd'], unique: false },
    { name: 'd', fields: ['d'], unique: false },
    { name: 'na', fields: ['n', 'a'], unique: false },
    { name: 'u', fields: ['u'], unique: true },
  ],
} as const satisfies StoredModel;

const valuesOf: Record<string, fc.Arbitrary<StoredValue>> = {
  k: fc.constantFrom('', '9', '10', 'A', 'é', ...Array.from({ length: 12 }, (_, i) => `k${i}`)),
  a: fc.constantFrom('', 'p', 'q', 'é', null),
  n: fc.constantFrom(-1, 0, 1, 2, null),
  d: fc.constantFrom(...[0, 1, 2, 3].map((second) => new Date(second * 1000)), null),
  u: fc.constantFrom(...'abcdefghij', null),
};
const fields = fc.record(valuesOf);
const change = fc.record({ fields, isDelete: fc.boolean(), isMoved: fc.boolean() });

const query = fc.constantFrom(...model.indexes).chain((index) => {
  const present = (field: string) => (valuesOf[field] as fc.Arbitrary<StoredValue>).filter((value) => value !== null);
  return fc.integer({ min: 0, max: index.fields.length }).chain((count) => {
    const next = index.fields[count];
    const equals = fc.record(Object.fromEntries(index.fields.slice(0, count).map((field) => [field, present(field)])));
    const range =
      next && fc.record({ from: fc.option(present(next)), to: fc.option(present(next)), isOpen: fc.boolean() });
    const anyOf = fc
      .constantFrom(...index.fields)
      .chain((field) => fc.record({ field: fc.constant(field), values: fc.array(present(field), { maxLength: 4 }) }));
    return fc.record({
      index: fc.constant(index.name as string),
      equals: count > 0 ? equals : fc.constant(undefined),
      range: range ? range.map((given) => rangeOf(next, given)) : fc.constant(undefined),
      anyOf: fc.option(anyOf, { nil: undefined }),
      direction: fc.constantFrom('asc' as const, 'desc' as const),
      limit: fc.constantFrom(1, 3, 100),
    });
  });
});

function rangeOf(field: string, given: { from: StoredValue; to: StoredValue; isOpen: boolean }): FindQuery['range'] {
  const { from, to, isOpen } = given;
  if (from === null && to === null) return undefined;
  const lower = from !== null && { [isOpen ? 'gt' : 'gte']: from };
  return { field, ...lower, ...(to !== null && { [isOpen ? 'lt' : 'lte']: to }) };
}

function compare(a: StoredValue, b: StoredValue): number {
  const [x, y] = [a instanceof Date ? Number(a) : a, b instanceof Date ? Number(b) : b];
  if (x === y) return 0;
  if (x === null) return -1;
  return y === null || x > y ? 1 : -1;
}

function expected(rows: readonly Row[], { index, equals = {}, range, anyOf, direction }: FindQuery): readonly Row[] {
  const order = [...(model.indexes.find(({ name }) => name === index)?.fields ?? []), 'k'];
  const by = (a: Row, b: Row) => order.map((field) => compare(a[field]!, b[field]!)).find((side) => side !== 0) ?? 0;
  const isIn = (row: Row) => {
    const value = range ? row[range.field]! : null;
    const isWithin =
      !range ||
      (value !== null &&
        (range.gte === undefined || compare(value, range.gte) >= 0) &&
        (range.gt === undefined || compare(value, range.gt) > 0) &&
        (range.lte === undefined || compare(value, range.lte) <= 0) &&
        (range.lt === undefined || compare(value, range.lt) < 0));
    const isOne = !anyOf || anyOf.values.some((one) => compare(row[anyOf.field]!, one) === 0);
    return isWithin && isOne && Object.entries(equals).every(([field, wanted]) => compare(row[field]!, wanted) === 0);
  };
  const found = rows.filter(isIn).sort(by);
  return direction === 'desc' ? found.reverse() : found;
}

test('a walk answers the rows of its query in order, page by page, whatever was written before', async () => {
  const step = fc.oneof(change, query);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), fc.boolean(), async (steps, isStaged) => {
      const db = new InMemoryDbManager();
      await db.init([model]);
      const rows = new Map<string, Row>();
      const run = async (session?: never) => {
        for (const one of steps) {
          if ('index' in one) {
            const given = one as FindQuery;
            const found: Row[] = [];
            for (let after: string | undefined; ; ) {
              const page = await db.find('m', { ...given, ...(after !== undefined && { after }) }, { session });
              found.push(...page.rows);
              if (page.nextCursor === null) break;
              expect(page.nextCursor).toBe(encodeCursor(model, given, page.rows.at(-1) as Row));
              after = page.nextCursor;
            }
            expect(found).toEqual(expected([...rows.values()], given));
            continue;
          }
          const key = one.fields.k as string;
          const before = rows.get(key);
          const version = ((before?.version as number | undefined) ?? 0) + 1;
          const row = { ...(one.isMoved || !before ? one.fields : before), version } as Row;
          const expectedVersion = version - 1;
          const written: Change = !before
            ? { op: 'insert', model: 'm', row }
            : one.isDelete
              ? { op: 'delete', model: 'm', key, expectedVersion }
              : { op: 'replace', model: 'm', row, expectedVersion };
          const [outcome] = await db.commit([[written]], { session });
          if (outcome?.status !== 'committed') continue;
          if (written.op === 'delete') rows.delete(key);
          else rows.set(key, row);
        }
      };
      await (isStaged ? db.transaction((session) => run(session as never)) : run());
    }),
    { numRuns: 400 },
  );
});
