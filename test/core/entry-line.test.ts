/** The canonical text of an entry, against the text that `JSON.stringify` makes of its fields. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { entryBody } from '../../src/core/entry-line.js';
import type { EntryRow } from '../../src/models/entry.js';
import { entryText } from '../ledger/file-oracle.js';

const string = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('"', '\\', '\n', '\u001f', ''));
const halves = fc.constantFrom(
  '\ud800',
  'a\udfff',
  '\udc00\ud800',
  '\ud83d\ude00',
  '\ud7ff',
  '\ue000',
  '\u2028',
  '\u007f',
);
const text = fc.oneof(string, halves);
const maybe = fc.option(text);
const whole = fc.maxSafeInteger();
const draws = fc.array(fc.record({ grantId: text, amount: whole }), { maxLength: 3 });
const object = fc.dictionary(text, fc.jsonValue());
const at = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });

const texts = ['id', 'eventType', 'message', 'type', 'operation', 'operationId', 'userId', 'creditType'];
const optionals = ['correlationId', 'grantId', 'reservationId', 'reverses', 'description', 'actor', 'reason'];
const rest = ['idempotencyKey', 'fingerprint', 'prev'];
const numbers = ['amount', 'delta', 'reservedDelta', 'balanceAfter', 'availableAfter', 'debtAfter', 'seq'];
const fields = (names: string[], value: fc.Arbitrary<unknown>) =>
  Object.fromEntries(names.map((name) => [name, value]));

const rows = fc.record({
  ...fields(texts, text),
  ...fields([...optionals, ...rest], maybe),
  ...fields(numbers, whole),
  ...{ draws, repaid: draws, metadata: object, details: object, at },
}) as unknown as fc.Arbitrary<EntryRow>;

test('the canonical text is JSON, whatever its texts hold', () => {
  fc.assert(
    fc.property(rows, text, (row, ledgerId) => {
      expect(entryBody(row, ledgerId)).toBe(entryText(row, ledgerId));
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['amount', '5', 5],
  ['seq', '5', 5],
  ['message', 5, '5'],
  ['operation', ['deduct'], 'deduct'],
  ['id', undefined, 'undefined'],
  ['actor', 5, '5'],
  ['draws', [{ grantId: 5, amount: 1 }], [{ grantId: '5', amount: 1 }]],
  ['draws', [{ grantId: 'g' }], [{ grantId: 'g', amount: 0 }]],
])('a damaged %s, %o, does not read like %o', (field, damage, value) => {
  const [row] = fc.sample(rows, { numRuns: 1, seed: 1 }) as [EntryRow];
  const [damaged, whole] = [damage, value].map((given) => entryBody({ ...row, [field]: given } as EntryRow, 'ledger'));
  // Either is a line that everybody can read.
  for (const text of [damaged, whole]) expect(JSON.parse(text as string)).toBeDefined();
  expect(damaged).not.toBe(whole);
});
