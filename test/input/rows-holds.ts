/** B-093 … B-100: holds, and B-113 … B-116 and their like: paging and other options. */
import { expect } from 'vitest';
import type { CorpusRow } from './row.js';
import { everyOption, type Setting } from './setting.js';

const everyEnd = (pick: (setting: Setting) => string): CorpusRow['attempts'] => [
  (setting) => setting.credits.commitReservedCredits(pick(setting), { amount: 1, description: 'another' }),
  (setting) => setting.credits.releaseReservedCredits(pick(setting), { description: 'another' }),
  (setting) => setting.credits.extendReservation(pick(setting), { ttlSeconds: 60 }),
];

const UNKNOWN = 'r-01a1fdec-0000-7000-8000-000000000000';

const holdRows: readonly CorpusRow[] = [
  {
    id: 'B-093',
    input: 'commit more than the hold',
    expected: 'COMMIT_EXCEEDS_HOLD',
    attempts: [
      ({ credits, holdId }) => credits.commitReservedCredits(holdId, { amount: '20.000001' }),
      ({ credits, holdId }) => credits.commitReservedCredits(holdId, { amount: 21, final: false }),
    ],
  },
  ...[-1, Number.NaN, '5 ', '-0', {}].map((amount) => ({
    id: 'B-094',
    input: `commit ${JSON.stringify(amount)}`,
    expected: 'INVALID amount' as const,
    attempts: [({ loose, holdId }: Setting) => loose.commitReservedCredits(holdId, { amount })],
  })),
  {
    id: 'B-095',
    input: 'an unknown hold',
    expected: 'HOLD_NOT_FOUND',
    attempts: [UNKNOWN, 'r-', 'x', '__proto__', 'r-__proto__', '$ne'].flatMap((id) => everyEnd(() => id)),
  },
  {
    id: 'B-095',
    input: 'the id of a transaction',
    expected: 'HOLD_NOT_FOUND',
    attempts: [...everyEnd((setting) => setting.entryId), ...everyEnd((setting) => `r-${setting.entryId}`)],
  },
  { id: 'B-097', input: 'anything after a release', expected: 'HOLD_CLOSED', attempts: everyEnd((s) => s.releasedId) },
  { id: 'B-098', input: 'anything after a commit', expected: 'HOLD_CLOSED', attempts: everyEnd((s) => s.committedId) },
  { id: 'B-099', input: 'anything after the TTL', expected: 'HOLD_EXPIRED', attempts: everyEnd((s) => s.expiredId) },
  {
    id: 'B-100',
    input: 'a hold object with another amount, user and status',
    expected: 'ok',
    attempts: [
      async ({ credits, holdId }) => {
        const hold = await credits.getReservation(holdId);
        const forged = { ...hold, id: holdId, amount: 1e6, remaining: 1e6, userId: 'v', status: 'released' };
        await credits.extendReservation(forged, { ttlSeconds: 100 });
        await credits.commitReservedCredits(forged);
        expect((await credits.getReservation(holdId))?.committed).toBe(20);
      },
    ],
    check: async ({ credits }) => {
      const [u, v] = await credits.getUsersCreditsInfo(['u', 'v']);
      expect([u?.balance, u?.reserved, v?.balance]).toEqual([74, 0, 10]);
    },
  },
  {
    id: 'B-100',
    input: 'a hold object without a usable id',
    expected: 'INVALID',
    attempts: [{}, { id: 5 }, { id: '' }, { id: { id: 'r-1' } }, [], ['r-1'], null, 5, { ID: 'r-1' }].map(
      (ref) => (setting) => setting.loose.commitReservedCredits(ref),
    ),
  },
];

/** Every call that answers in pages. */
const everyPage = (options: object): CorpusRow['attempts'] => [
  ({ loose }) => loose.getCreditHistory('u', options),
  ({ loose }) => loose.getGrants('u', options),
  ({ loose }) => loose.getGrants('u', { ...options, includeClosed: true }),
  ({ loose }) => loose.getActiveReservations('u', options),
  ({ loose }) => loose.listAccounts(options),
  ({ loose }) => loose.listAccounts({ ...options, maxAvailable: 5 }),
];
const page = (id: string, input: string, options: object): CorpusRow => ({
  id,
  input,
  expected: 'INVALID',
  attempts: everyPage(options),
});
const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

const pageRows: readonly CorpusRow[] = [
  ...[0, -1, 101, 1e9, 1.5, 'abc', '10', '0x10', '10abc', ['10'], Number.NaN, null, true].map((limit) =>
    page('B-113', `limit ${JSON.stringify(limit)}`, { limit }),
  ),
  page('B-114', 'offset', { offset: 1 }),
  page('B-114', 'skip -1', { skip: -1 }),
  page('B-115', 'cursor "garbage"', { cursor: 'garbage' }),
  page('B-115', 'cursor ""', { cursor: '' }),
  page('B-115', 'cursor of 10 KB', { cursor: 'A'.repeat(10_000) }),
  page('B-115', 'cursor that is no text', { cursor: 5 }),
  page('B-115', 'cursor of a list of wrong values', { cursor: text([{ $gt: '' }, null]) }),
  page('B-115', 'cursor of an object', { cursor: text({ a: 1 }) }),
  page('B-115', 'cursor of another list', { cursor: text(['due', true, 5, 'x', 'y', 'z']) }),
  {
    id: 'B-115',
    input: 'a cut or foreign cursor of a real page',
    expected: 'INVALID',
    attempts: [
      async ({ credits, loose }) => {
        const { nextCursor } = await credits.getCreditHistory('u', { limit: 1 });
        return loose.getCreditHistory('u', { cursor: nextCursor!.slice(0, -9) });
      },
      async ({ credits, loose }) => {
        const { nextCursor } = await credits.getCreditHistory('u', { limit: 1 });
        return loose.listAccounts({ cursor: nextCursor });
      },
      async ({ credits, loose }) => {
        const { nextCursor } = await credits.listAccounts({ limit: 1 });
        return loose.getGrants('u', { cursor: nextCursor, includeClosed: true });
      },
    ],
  },
  {
    id: 'B-116',
    input: 'from after to',
    expected: 'INVALID',
    attempts: [
      ({ credits }) => credits.getCreditHistory('u', { from: '2030-01-02T00:00:00Z', to: '2030-01-01T00:00:00Z' }),
    ],
  },
  {
    id: 'B-116',
    input: 'a range of more than 400 days',
    expected: 'INVALID',
    attempts: [
      ({ credits }) => credits.getCreditHistory('u', { from: '2020-01-01T00:00:00Z', to: '2035-01-01T00:00:00Z' }),
    ],
    instead: { result: 'resolved', rule: 'issue 4: a period, both bounds inclusive, in pages; no rule bounds it' },
  },
];

const everyOptions = (options: object): CorpusRow['attempts'] => [
  ({ loose }) => loose.addCredits('u', 1, options),
  ({ loose }) => loose.getUserCreditsInfo('u', options),
  ({ loose }) => loose.getCreditHistory('u', options),
  ({ loose }) => loose.transferCredits(options),
  ({ loose }) => loose.openMeter(options),
  ({ loose, holdId }) => loose.commitReservedCredits(holdId, options),
];

const boom = () => {
  throw new Error('secret-of-the-getter');
};
const revoked = Proxy.revocable({}, {});
revoked.revoke();
/** Objects that throw when they are looked at. */
const traps = {
  'a getter that throws': Object.defineProperties(
    {},
    { id: { get: boom }, idempotencyKey: { get: boom, enumerable: true } },
  ),
  'a Proxy that throws': new Proxy({}, { get: boom, has: boom, ownKeys: boom, getPrototypeOf: boom }),
  'a Proxy that was revoked': revoked.proxy,
  'a Date that throws': Object.assign(new Date(), { getTime: boom }),
  'an AbortSignal that is none': Object.create(AbortSignal.prototype) as object,
};

/** What no row names but the same door lets in. */
const optionRows: readonly CorpusRow[] = [
  { id: 'B-137', input: 'an unknown option', expected: 'INVALID', attempts: everyOption({ isAdmin: true }) },
  { id: 'B-137', input: 'a misspelt key', expected: 'INVALID', attempts: everyOption({ idempotencykey: 'k' }) },
  { id: 'B-137', input: 'a signal that is none', expected: 'INVALID', attempts: everyOption({ signal: {} }) },
  ...[0, -1, Number.NaN, '5', Number.POSITIVE_INFINITY].map((timeoutMs) => ({
    id: 'B-137',
    input: `timeoutMs ${timeoutMs}`,
    expected: 'INVALID' as const,
    attempts: everyOption({ timeoutMs }),
  })),
  ...[null, 'x', 5, [], true].map((options) => ({
    id: 'B-137',
    input: `options ${JSON.stringify(options)}`,
    expected: 'INVALID' as const,
    attempts: [
      ({ loose }: Setting) => loose.addCredits('u', 1, options),
      ({ loose }: Setting) => loose.getUserCreditsInfo('u', options),
      ({ loose }: Setting) => loose.getCreditHistory('u', options),
      ({ loose }: Setting) => loose.transferCredits(options),
      ({ loose }: Setting) => loose.transferCredits({ from: 'u', to: 'v', amount: 1 }, options),
      ({ loose, holdId }: Setting) => loose.extendReservation(holdId, options),
    ],
  })),
  ...[new Date('2040-01-01T00:00:00Z'), new Map([['expiresAt', '2040-01-01T00:00:00Z']]), new Set()].map((options) => ({
    id: 'B-137',
    input: `a ${options.constructor.name} as options`,
    expected: 'INVALID' as const,
    attempts: everyOptions(options),
  })),
  ...Object.entries(traps).map(([input, trap]) => ({
    id: 'B-137',
    input,
    expected: 'INVALID' as const,
    attempts: [
      ...everyOptions(trap),
      ({ loose }: Setting) => loose.addCredits('u', 1, { signal: trap }),
      ({ loose }: Setting) => loose.addCredits('u', 1, { expiresAt: trap }),
      ({ loose }: Setting) => loose.addCredits('u', 1, { description: trap, priority: trap }),
      ({ loose }: Setting) => loose.releaseReservedCredits(trap),
    ],
  })),
  {
    id: 'B-137',
    input: 'a transfer to oneself',
    expected: 'INVALID',
    attempts: [({ credits }) => credits.transferCredits({ from: 'u', to: 'u', amount: 1 })],
  },
  {
    id: 'B-137',
    input: 'priority, source, overage out of range',
    expected: 'INVALID',
    attempts: [
      ...[-1, 101, 1.5, '5', null].map(
        (priority) =>
          ({ loose }: Setting) =>
            loose.addCredits('u', 1, { priority }),
      ),
      ...['gift', '', '__proto__', 5].map(
        (source) =>
          ({ loose }: Setting) =>
            loose.addCredits('u', 1, { source }),
      ),
      ...['maybe', 'toString'].map(
        (overage) =>
          ({ loose, holdId }: Setting) =>
            loose.commitReservedCredits(holdId, { overage }),
      ),
      ({ loose, holdId }) => loose.commitReservedCredits(holdId, { final: 'yes' }),
      ({ loose }) => loose.adjustCredits('u', 1, { reason: 'r' }),
      ({ loose }) => loose.adjustCredits('u', 1, { actor: 'a' }),
      ({ loose }) => loose.adjustCredits('u', 1),
      ({ loose }) => loose.getUsersCreditsInfo(Array.from({ length: 101 }, (_, i) => `u${i}`)),
      ({ loose }) => loose.getExpiringCreditsInDays('u', -1),
      ({ loose }) => loose.getExpiringCreditsInDays('u', '5'),
      ({ loose }) => loose.getCreditHistory('u', { types: ['gift'] }),
      ({ loose, entryId }) => loose.reverseTransaction(entryId, { session: 5 }),
    ],
  },
];

export const restRows: readonly CorpusRow[] = [...holdRows, ...pageRows, ...optionRows];
