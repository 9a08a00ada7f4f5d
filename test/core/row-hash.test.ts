/** The hash of a row does not depend on how it is made: rows that were hashed before keep theirs. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fingerprintOf } from '../../src/core/canonical-json.js';
import { rowHash } from '../../src/core/row-hash.js';
import type { Json } from '../../src/models/values.js';

const date = fc.date({ min: new Date(-1e15), max: new Date(8e15), noInvalidDate: false });
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.jsonValue(),
    date,
    fc.constantFrom(null, Number.NaN, -0),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('any'), { maxLength: 4 }),
  object: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', '10', '9', 'toJSON')), tie('any'), {
    maxKeys: 6,
  }),
}));

/** By JSON alone, twice. */
function expected(row: object): string {
  const text = JSON.stringify(row, (_, part: unknown) => (part === null ? undefined : part));
  return fingerprintOf(JSON.parse(text) as Json);
}

test('is that of the JSON of the row without nulls, with its keys in order', () => {
  fc.assert(
    fc.property(value.object, (row) => {
      expect(rowHash(row as object)).toBe(expected(row as object));
    }),
    { numRuns: 1_000 },
  );
});

test('of a row with a field more that is null is the same, and of one with another instant is not', () => {
  const row = { id: 's', at: new Date(5), terms: { b: [null, 1], a: 'x' } };
  expect(rowHash({ ...row, later: null, terms: { a: 'x', b: [null, 1], c: null } })).toBe(rowHash(row));
  expect(rowHash({ ...row, at: new Date(6) })).not.toBe(rowHash(row));
});
