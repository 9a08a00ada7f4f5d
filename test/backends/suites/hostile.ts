/** Text that some part of a database might take for its own: stored as it is, or refused exactly as on memory. */
import { expect, test } from 'vitest';
import { sequenceIds, testClock } from '../../../src/entries/testing.js';
import { createCreditManagement, InMemoryDbManager, isCreditError, type JsonObject } from '../../../src/index.js';
import { QUIET } from '../../support/quiet.js';
import { expectSound, type HostedAdapter, type HostedStore, type Manager, type Service } from '../hosted.js';

const TEXTS = [
  '$ne',
  '$1',
  '%s',
  'a.b',
  'a/b',
  'credits/u',
  "'; DROP TABLE credit_account;--",
  '"; drop table credit_entry; --',
  '$$NOW',
  '$$',
  '$tag$ $tag$',
  '{"$gt":""}',
  '{a,b}',
  '{"a","b"}',
  'NULL',
  'null',
  '\\',
  '\\\\x00',
  '\\u0000',
  "it's",
  '""',
  '`whoami`',
  '😀 👩‍👩‍👧‍👦',
  'é',
  'e\u0301',
  '日本語 עברית',
  '\u2028\u2029',
  '\u00a0\ufeff',
  ' padded ',
  'CASE',
  'case',
  'constructor',
  '__proto__',
  '_%',
  'x'.repeat(255),
  '😀'.repeat(127),
  '\ufffd',
];

/** Refused as an identifier; some of them are text or metadata all the same. */
const REFUSED = [
  '',
  'x'.repeat(256),
  '😀'.repeat(128),
  'a\0b',
  'a\nb',
  '\u0007',
  '\ud800',
  'a\udc00',
  '\u007f',
  '\u0085',
];

const METADATA: readonly unknown[] = [
  { $ne: 1, 'a.b': { $gt: '' }, '': 'empty name' },
  { z: 1, a: 2, 10: 'ten', 9: 'nine', nested: { y: [1, 'two', null, true, { b: 1, a: 2 }], x: {} } },
  { "'; DROP TABLE x;--": "'; DROP TABLE x;--", '"': '"', '\\': '\\', '😀': '😀', '\u2028': '\u2028\n\t\r' },
  { numbers: [0, -1, 1e21, 1e-7, 0.1, 2 ** 53 - 1, -(2 ** 53), 5e-324, 1.7976931348623157e308], empty: [[], {}, ''] },
  { text: 'x'.repeat(16_000) },
  { hasOwnProperty: 1, toString: 2, valueOf: 3, length: 4 },
  JSON.parse('{"__proto__": 1}'),
  JSON.parse('{"deep": {"__proto__": {"polluted": true}}}'),
  { constructor: 1 },
  { deep: { prototype: 1 } },
  { nul: 'a\0b' },
  { 'a\0b': 1 },
  { lone: '\ud800' },
  { '\udc00': 1 },
  { text: 'x'.repeat(17_000) },
  Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`k${i}`, i])),
  { a: { b: { c: { d: { e: { f: { g: { h: { i: 1 } } } } } } } } },
  { date: new Date(0) },
  { number: Number.NaN },
  ['array'],
  'text',
  null,
];

type Step = readonly [name: string, run: (credits: Service) => Promise<unknown>];

function stepsFor(text: string): Step[] {
  const notes = { description: text, reason: text, metadata: { text, [`k${text}`]: text } };
  const named = { actor: text, correlationId: text };
  return [
    ['user', (c) => c.addCredits(text, 10)],
    ['key', (c) => c.addCredits('u', 1, { idempotencyKey: text })],
    ['key again', (c) => c.addCredits('u', 1, { idempotencyKey: text })],
    ['key with other input', (c) => c.addCredits('u', 2, { idempotencyKey: text })],
    ['key of the user', (c) => c.deductCredits(text, 1, { idempotencyKey: text })],
    ['notes', (c) => c.addCredits('u', 1, notes)],
    ['names', (c) => c.addCredits('u', 1, { ...named, planId: text, reference: text })],
    ['adjustment', (c) => c.adjustCredits('u', 1, { actor: text, reason: text })],
    ['transfer', (c) => c.transferCredits({ from: 'u', to: text, amount: 1 }, notes)],
    ['hold', (c) => c.reserveCredits(text, 1, { ...notes, planId: text })],
    ['refusal', (c) => c.deductCredits(text, 1_000_000, { ...named, ...notes })],
    ['holds', (c) => c.getActiveReservations(text)],
    ['info', (c) => c.getUserCreditsInfo(text)],
    ['history', (c) => c.getCreditHistory(text, { includeHolds: true, limit: 100 })],
    ['history by actor', (c) => c.getCreditHistory('u', { actor: text })],
    ['grants', (c) => c.getGrants(text)],
    ['reservation', (c) => c.getReservation(text)],
    ['transaction', (c) => c.getTransaction(text)],
    ['commit', (c) => c.commitReservedCredits(text)],
    ['reversal', (c) => c.reverseTransaction(text)],
    ['cursor', (c) => c.getCreditHistory('u', { cursor: text })],
  ];
}

function instance(manager: Manager) {
  /** What a step answers or is refused with, as the caller sees it. */
  return async (run: Step[1]): Promise<unknown> => {
    try {
      return structuredClone(await run(manager.credits));
    } catch (error) {
      if (!isCreditError(error)) throw error;
      const { code, message, details, retryable, outcome } = error;
      return { code, message, details, retryable, outcome };
    }
  };
}

const wiring = () => ({ clock: testClock(), ids: sequenceIds(), logger: QUIET });

/** The same instance twice: on the database, and on memory. */
function both(open: (options: ReturnType<typeof wiring>) => Manager): [Manager, Manager] {
  const memory = createCreditManagement({ ...wiring(), db: new InMemoryDbManager() });
  return [open(wiring()), memory as unknown as Manager];
}

export function testHostileText(adapter: HostedAdapter): Promise<void> {
  return adapter.describeDatabase(`hostile text on ${adapter.title}`, (database) => {
    const withStore = (body: (store: HostedStore) => Promise<void>) => adapter.withStore(database.url, body);
    test('as user, key, actor, reason, plan, reference, correlation, cursor: stored literally, as on memory', () =>
      withStore(async (store) => {
        const [here, memory] = both((options) => store.open(options));
        for (const { credits } of [here, memory]) await credits.addCredits('u', 1_000);
        for (const text of TEXTS) {
          for (const [name, run] of stepsFor(text)) {
            const [actual, expected] = [await instance(here)(run), await instance(memory)(run)];
            expect(actual, `${name} ${JSON.stringify(text)}`).toEqual(expected);
          }
          const { items } = await here.credits.getCreditHistory(text, { includeHolds: true, limit: 100 });
          expect(items.map((item) => item.userId)).toEqual(items.map(() => text));
          const hold = items.find(({ type }) => type === 'reserve');
          expect(hold).toMatchObject({ description: text, reason: text, metadata: { text, [`k${text}`]: text } });
        }
        // Every one of them is a user, a key and an actor of its own, whatever a collation says.
        const listed: string[] = [];
        for (let cursor: string | null | undefined; cursor !== null; ) {
          const page = await here.credits.listAccounts({ limit: 7, ...(cursor !== undefined && { cursor }) });
          listed.push(...page.items.map(({ userId }) => userId));
          cursor = page.nextCursor;
        }
        expect([...listed].sort()).toEqual([...TEXTS, 'u'].sort());
        for (const actor of TEXTS) {
          const { items } = await here.credits.getCreditHistory('u', { actor });
          expect(items.map((item) => item.actor)).toEqual([actor, actor]);
        }
        await expectSound(here);
        expect(await here.db.count('account', { index: 'created' })).toBe(TEXTS.length + 1);
      }));

    test('what is no identifier is refused as on memory, and leaves nothing', () =>
      withStore(async (store) => {
        const [here, memory] = both((options) => store.open(options));
        for (const { credits } of [here, memory]) await credits.addCredits('u', 1_000);
        const before = await store.dump();
        for (const text of REFUSED) {
          for (const [name, run] of stepsFor(text)) {
            // Free text and its metadata may be longer and may hold what an identifier must not.
            if (name === 'notes') continue;
            const [actual, expected] = [await instance(here)(run), await instance(memory)(run)];
            expect(actual, `${name} ${JSON.stringify(text)}`).toEqual(expected);
            expect(expected, `${name} ${JSON.stringify(text)}`).toHaveProperty('code');
          }
        }
        expect(await store.dump()).toEqual(before);
      }));

    test('as description and reason: the same free text as on memory', () =>
      withStore(async (store) => {
        const [here, memory] = both((options) => store.open(options));
        for (const text of [...TEXTS, ...REFUSED, 'line\nline\ttab', 'x'.repeat(4_000)]) {
          for (const field of ['description', 'reason']) {
            const run: Step[1] = (c) => c.addCredits('u', 1, { [field]: text });
            const [actual, expected] = [await instance(here)(run), await instance(memory)(run)];
            expect(actual, `${field} ${JSON.stringify(text)}`).toEqual(expected);
          }
        }
        const read: Step[1] = (c) => c.getCreditHistory('u', { limit: 100, order: 'oldest' });
        expect(await instance(here)(read)).toEqual(await instance(memory)(read));
        await expectSound(here);
      }));

    test('as metadata: the same value with its names in order, or the same refusal', () =>
      withStore(async (store) => {
        const [here, memory] = both((options) => store.open(options));
        let stored = 0;
        for (const metadata of METADATA) {
          const key = `key ${stored}`;
          const run: Step[1] = (c) => c.addCredits('u', 1, { metadata: metadata as JsonObject, idempotencyKey: key });
          const [actual, expected] = [await instance(here)(run), await instance(memory)(run)];
          const what = JSON.stringify(metadata).slice(0, 80);
          expect(JSON.stringify(actual), what).toBe(JSON.stringify(expected));
          if (!actual || typeof actual !== 'object' || !('id' in actual)) continue;
          stored++;
          const read = await store.open(wiring()).credits.getTransaction(String(actual.id));
          expect(read?.metadata, what).toStrictEqual(metadata);
          expect(await instance(here)(run)).toStrictEqual(await instance(memory)(run));
        }
        expect(stored).toBe(6);
        expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
        await expectSound(here);
      }));

    test('in a transaction of the host: stored literally or refused, and the transaction goes on', () =>
      withStore(async (store) => {
        const { credits } = store.open();
        // An account that is new to a snapshot makes the host begin again.
        for (const text of TEXTS) await credits.addCredits(text, 1);
        // A few at a time: a server may end transactions that take seconds.
        for (let i = 0; i < Math.max(TEXTS.length, REFUSED.length); i += 3) {
          await store.host()(async ({ session }) => {
            for (const text of [...REFUSED.slice(i, i + 3), ...TEXTS.slice(i, i + 3)]) {
              const options = { session, idempotencyKey: text, actor: text, metadata: { text } };
              const call = credits.addCredits(text, 1, options).catch((error: unknown) => error);
              if (TEXTS.includes(text))
                expect(await call).toMatchObject({ userId: text, actor: text, metadata: { text } });
              else expect(await call).toMatchObject({ code: 'INVALID_ARGUMENT', outcome: 'not_applied' });
            }
          });
        }
        const infos = await credits.getUsersCreditsInfo(TEXTS);
        expect(infos.map(({ userId, balance }) => [userId, balance])).toEqual(TEXTS.map((text) => [text, 2]));
      }));
  });
}
