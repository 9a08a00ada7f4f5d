/** B-055 … B-061: idempotency keys. */
import { expect } from 'vitest';
import type { CorpusRow } from './row.js';
import { everyOption, type Setting } from './setting.js';

const refused = (id: string, input: string, idempotencyKey: unknown): CorpusRow => ({
  id,
  input,
  expected: 'INVALID',
  attempts: everyOption({ idempotencyKey }),
});

const first = { idempotencyKey: 'used', description: 'first', metadata: { a: 1, b: { c: 2 } } } as const;

const reused = (id: string, input: string, attempts: CorpusRow['attempts']): CorpusRow => ({
  id,
  input,
  expected: 'IDEMPOTENCY_KEY_REUSED',
  attempts,
});

const replays = async ({ credits }: Setting) => {
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(94);
};

export const keyRows: readonly CorpusRow[] = [
  refused('B-055', '""', ''),
  refused('B-056', '256 characters', 'k'.repeat(256)),
  refused('B-057', '{}', {}),
  refused('B-057', '["k"]', ['k']),
  refused('B-057', '1', 1),
  refused('B-057', 'null', null),
  refused('B-058', '"k\\0"', 'k\u0000'),
  refused('B-058', '"k\\n"', 'k\n'),
  refused('B-058', '"k\\ud800"', 'k\ud800'),
  refused('B-058', 'a key that only the library makes', 'op_123'),
  reused('B-059', 'the same key with another amount', [
    ({ credits }) => credits.addCredits('u', 101, first),
    ({ credits }) => credits.addCredits('u', '100.000001', first),
  ]),
  reused('B-060', 'the same key with another description, metadata or term', [
    ({ credits }) => credits.addCredits('u', 100, { ...first, description: 'second' }),
    ({ credits }) => credits.addCredits('u', 100, { ...first, description: undefined }),
    ({ credits }) => credits.addCredits('u', 100, { ...first, metadata: { a: 1, b: { c: 3 } } }),
    ({ credits }) => credits.addCredits('u', 100, { ...first, metadata: { a: 1 } }),
    ({ credits }) => credits.addCredits('u', 100, { ...first, source: 'promo' }),
    ({ credits }) => credits.addCredits('u', 100, { ...first, source: 'other' }),
    ({ credits }) => credits.addCredits('u', 100, { ...first, priority: 50 }),
    ({ credits }) => credits.addCredits('u', 100, { ...first, expiresAt: '2031-01-01T00:00:00Z' }),
    ({ credits }) => credits.addCredits('u', 100, { ...first, actor: 'a' }),
    ({ credits }) => credits.addCredits('u', 100, { ...first, reason: 'r' }),
  ]),
  {
    id: 'B-061',
    input: 'the same key with the same values in another form',
    expected: 'ok',
    attempts: [
      ({ credits }) => credits.addCredits('u', '100', first),
      ({ credits }) => credits.addCredits('u', '0100.000000', first),
      ({ credits }) => credits.addCredits('u', 100, { ...first, metadata: { b: { c: 2 }, a: 1 } }),
      ({ credits }) => credits.addCredits('u', 100, { ...first, metadata: { b: { c: 2 }, a: 1 }, actor: undefined }),
      ({ credits }) => credits.addCredits('u', 100, { ...first, correlationId: 'another', timeoutMs: 5_000 }),
      ({ credits }) => credits.addCredits('u', 100, { ...first, signal: new AbortController().signal }),
    ],
    check: replays,
  },
  {
    id: 'B-061',
    input: 'a date by value: Date, text, and text with another offset',
    expected: 'ok',
    attempts: ['2031-01-01T00:00:00Z', '2031-01-01T05:30:00+05:30', new Date('2031-01-01T00:00:00.000Z')].map(
      (expiresAt) => (setting) => setting.credits.addCredits('fresh', 1, { idempotencyKey: 'dated', expiresAt }),
    ),
    check: async ({ credits }) => {
      await Promise.all(
        ['2031-01-01T00:00:00Z', new Date('2031-01-01T00:00:00Z')].map((expiresAt) =>
          credits.addCredits('fresh', 1, { idempotencyKey: 'dated', expiresAt }),
        ),
      );
      expect((await credits.getUserCreditsInfo('fresh')).balance).toBe(1);
    },
  },
  {
    id: 'B-061',
    input: 'one key in the scopes of other operations and accounts',
    expected: 'ok',
    attempts: [
      ({ credits }) => credits.deductCredits('u', 1, { idempotencyKey: 'used' }),
      ({ credits }) => credits.deductCreditsAfterService('u', 1, { idempotencyKey: 'used' }),
      ({ credits }) => credits.addCredits('v', 1, { idempotencyKey: 'used' }),
      ({ credits }) => credits.transferCredits({ from: 'u', to: 'v', amount: 1 }, { idempotencyKey: 'used' }),
      ({ credits }) => credits.addCredits('u/4', 1, { idempotencyKey: 'k' }),
      ({ credits }) => credits.addCredits('u', 1, { idempotencyKey: '4/k' }),
    ],
  },
  {
    id: 'B-056',
    input: 'keys of 255 characters, with spaces, slashes and emoji',
    expected: 'ok',
    attempts: ['k'.repeat(255), ' k ', 'a/b', '😀'].map(
      (idempotencyKey) => (setting) => setting.credits.addCredits('u', 1, { idempotencyKey }),
    ),
  },
];
