/** B-063 … B-083: metadata and texts. */
import { expect } from 'vitest';
import type { JsonObject } from '../../src/index.js';
import type { CorpusRow } from './row.js';
import { everyOption, type Setting } from './setting.js';

const refused = (id: string, input: string, metadata: unknown): CorpusRow => ({
  id,
  input,
  expected: 'INVALID',
  attempts: everyOption({ metadata }),
});

/** Stored and returned literally, by every way of reading it. */
function literally(id: string, input: string, metadata: JsonObject, instead?: CorpusRow['instead']): CorpusRow {
  const attempts = [({ credits }: Setting) => credits.addCredits('fresh', 5, { metadata })];
  const check = async ({ credits }: Setting) => {
    const { id: hold } = await credits.reserveCredits('fresh', 1, { metadata });
    const { items } = await credits.getCreditHistory('fresh', { includeHolds: true });
    for (const entry of items) expect(entry.metadata).toEqual(metadata);
    expect((await credits.getTransaction(items[0]!.id))?.metadata).toEqual(metadata);
    expect((await credits.getReservation(hold))?.metadata).toEqual(metadata);
  };
  return { id, input, expected: instead ? 'INVALID' : 'ok', attempts, check, ...(instead && { instead }) };
}

function text(id: string, description: string): CorpusRow {
  return {
    id,
    input: JSON.stringify(description).slice(0, 40),
    expected: 'ok',
    attempts: [({ credits }) => credits.addCredits('fresh', 5, { description, reason: description })],
    check: async ({ credits }) => {
      const { items } = await credits.getCreditHistory('fresh');
      expect(items[0]).toMatchObject({ description, reason: description });
    },
  };
}

const nested = (levels: number): JsonObject => {
  let value: JsonObject = {};
  for (let i = 1; i < levels; i++) value = { a: value };
  return value;
};
/** `bytes` of JSON text. */
const sized = (bytes: number): JsonObject => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) });
const keyed = (count: number): JsonObject => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
const circular: Record<string, unknown> = {};
circular.self = { circular };
const trap = () => {
  throw new Error('secret-of-the-getter');
};
class Money {
  readonly amount = 5;
}
const literal = {
  result: 'resolved',
  rule: 'rule 47: everything else ($, dots, …) is stored and returned literally',
} as const;
const hole: unknown[] = [1];
hole[2] = 3;

export const metadataRows: readonly CorpusRow[] = [
  literally('B-063', '{"$set":…}', { $set: { balance: 1 }, $where: 'x' }, literal),
  literally('B-064', '{"a.b":1}', { 'a.b': 1, '.': 2, $: 3 }, literal),
  refused('B-065', '__proto__', JSON.parse('{"__proto__":{"isAdmin":true}}')),
  refused('B-065', '__proto__ further down', JSON.parse('{"a":[{"__proto__":{"isAdmin":true}}]}')),
  refused('B-066', 'constructor', { constructor: { prototype: { x: 1 } } }),
  refused('B-066', 'prototype', { a: { prototype: 1 } }),
  refused('B-067', '9 levels', nested(9)),
  literally('B-067', '8 levels', nested(8)),
  refused('B-068', '5,000 levels', JSON.parse(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`)),
  refused('B-068', '5,000 levels of arrays', { a: JSON.parse('['.repeat(5_000) + ']'.repeat(5_000)) }),
  refused('B-069', '16 KiB and one byte', sized(16 * 1024 + 1)),
  literally('B-069', '16 KiB', sized(16 * 1024)),
  refused('B-069', 'more than 16 KiB in bytes, not in characters', { a: 'é'.repeat(8_200) }),
  refused('B-069', 'more than 16 KiB once escaped', { a: '\u0001'.repeat(4_000) }),
  refused('B-070', '257 keys', keyed(257)),
  refused('B-070', '257 keys in all', { a: keyed(128), b: keyed(127) }),
  literally('B-070', '256 keys', keyed(256)),
  refused('B-070', 'an array of 100,000', { a: Array.from({ length: 100_000 }, () => 0) }),
  refused('B-070', 'an array that claims 4 billion', { a: new Array(2 ** 32 - 1) }),
  refused('B-071', 'circular', circular),
  refused('B-072', '{a: 1n}', { a: 1n }),
  refused('B-073', 'a function', { a: trap }),
  refused('B-073', 'a symbol', { a: Symbol('s') }),
  refused('B-073', 'a symbol key', { [Symbol('s')]: 1 }),
  refused('B-073', 'undefined', { a: undefined }),
  refused('B-073', 'undefined in an array', { a: [undefined] }),
  refused('B-073', 'a hole in an array', { a: hole }),
  refused('B-074', 'NaN', { a: Number.NaN }),
  refused('B-074', 'Infinity', { a: [Number.POSITIVE_INFINITY] }),
  refused('B-075', 'a Date', { a: new Date() }),
  refused('B-075', 'a Map', { a: new Map([['k', 1]]) }),
  refused('B-075', 'a Buffer', { a: Buffer.from('x') }),
  refused('B-075', 'a class instance', { a: new Money() }),
  refused('B-075', 'a class instance at the top', new Money()),
  refused('B-076', 'a throwing getter', Object.defineProperty({}, 'a', { get: trap, enumerable: true })),
  refused('B-076', 'a throwing getter in an array', { a: Object.defineProperty([1], '0', { get: trap }) }),
  refused('B-077', 'a Proxy', new Proxy({ a: 1 }, { get: trap, ownKeys: trap, getPrototypeOf: trap })),
  refused('B-077', 'a Proxy inside', { a: new Proxy({ a: 1 }, { get: trap, ownKeys: trap, getPrototypeOf: trap }) }),
  refused('B-077', 'toJSON that throws', { toJSON: trap }),
  refused('B-077', 'toJSON that answers something else', { a: { toJSON: () => ({ b: 2 }) } }),
  refused('B-078', 'a key with NUL', { 'k\u0000': 1 }),
  refused('B-078', 'an ill-formed key', { 'k\ud800': 1 }),
  refused('B-078', 'a value with NUL', { k: 'v\u0000' }),
  refused('B-078', 'an ill-formed value', { k: ['v\udc00'] }),
  literally('B-078', 'an empty key', { '': 1 }, { result: 'resolved', rule: 'rule 47 refuses no empty key' }),
  refused('B-079', 'a text of 10 MB', { a: 'x'.repeat(10_000_000) }),
  refused('B-080', '[]', []),
  refused('B-080', '"x"', 'x'),
  refused('B-080', 'null', null),
  refused('B-080', '5', 5),
  literally('B-080', 'all kinds of JSON', { n: null, b: false, z: 0, f: 1.5e-7, s: '', e: {}, l: [[], {}, '😀"\\\n'] }),
  {
    id: 'B-081',
    input: 'description of 1,025 characters',
    expected: 'INVALID',
    attempts: everyOption({ description: 'x'.repeat(1_025) }),
  },
  {
    id: 'B-081',
    input: 'reason of 1,025 characters',
    expected: 'INVALID',
    attempts: everyOption({ reason: 'x'.repeat(1_025) }),
  },
  {
    id: 'B-081',
    input: 'description that is no text',
    expected: 'INVALID',
    attempts: [
      ...everyOption({ description: 5 }),
      ...everyOption({ description: null }),
      ...everyOption({ description: {} }),
    ],
  },
  {
    id: 'B-081',
    input: 'description with NUL or ill-formed',
    expected: 'INVALID',
    attempts: [...everyOption({ description: 'a\u0000' }), ...everyOption({ description: '\ud800' })],
  },
  text('B-081', 'x'.repeat(1_024)),
  text('B-082', 'x\n{"seq":1}\u001b[2J\u2028'),
  text('B-083', '=HYPERLINK("http://x")'),
  text('B-083', '<script>alert(1)</script>'),
];
