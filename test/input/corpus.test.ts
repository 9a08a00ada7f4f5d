/**
 * The bad-input corpus: every input gets its typed code and leaves the store as it was; the controls are plain
 * data.
 */
import { describe, expect, test } from 'vitest';
import { createCreditManagement, isCreditError } from '../../src/index.js';
import { dump } from '../support/dump.js';
import { type CorpusRow, RECORDED, resultOf } from './row.js';
import { amountRows } from './rows-amounts.js';
import { restRows } from './rows-holds.js';
import { keyRows } from './rows-keys.js';
import { metadataRows } from './rows-metadata.js';
import { timeRows } from './rows-times.js';
import { userRows } from './rows-users.js';
import { setUp } from './setting.js';

const rows: readonly CorpusRow[] = [...amountRows, ...userRows, ...keyRows, ...metadataRows, ...timeRows, ...restRows];

/** Rows of the corpus that this issue has no call for. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'B-062': 'no option requireIdempotencyKey in the contract',
  'B-096': 'a hold is named by its id alone; of another credit type it is unknown, see below',
};

const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Promise.prototype];
const untouched = prototypes.map((prototype) => Reflect.ownKeys(prototype).length);

/** Error entries of recorded refusals and the versions that fence them come on top of what was stored. */
function withoutFences(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('entry') || !line.includes('"eventType":"error"'))
    .map((line) => (line.startsWith('account') ? line.replace(/"version":\d+,|,"refusals":\d+/g, '') : line))
    .join('\n');
}

test.each(rows.map((row) => ({ name: `${row.id} ${row.input} is ${resultOf(row)}`, row })))(
  '$name',
  async ({ row }) => {
    const setting = await setUp();
    const expected = resultOf(row);
    for (const [i, attempt] of row.attempts.entries()) {
      const before = await dump(setting.db.inner);
      const error: unknown = await attempt(setting).then(
        () => null,
        (reason) => reason,
      );
      const code = error === null ? 'resolved' : isCreditError(error) ? error.code : String(error);
      expect(code, `attempt ${i}: ${attempt}`).toBe(expected);
      if (!isCreditError(error)) continue;
      expect([error.outcome, error.retryable]).toEqual(['not_applied', false]);
      expect(JSON.stringify([error.message, error.details])).not.toMatch(/secret|called into/);
      expect(error.message.length).toBeLessThan(600);
      const after = await dump(setting.db.inner);
      if (RECORDED.has(error.code)) expect(withoutFences(after)).toBe(withoutFences(before));
      else expect(after === before, `attempt ${i} changed the store`).toBe(true);
    }
    await row.check?.(setting);
  },
);

describe('the corpus', () => {
  test('is covered from B-001 to B-100 and B-113 to B-116', () => {
    const ids = new Set(rows.map((row) => row.id));
    const wanted = [...Array.from({ length: 100 }, (_, i) => i + 1), 113, 114, 115, 116]
      .map((n) => `B-${String(n).padStart(3, '0')}`)
      .filter((id) => ELSEWHERE[id] === undefined);
    expect(wanted.filter((id) => !ids.has(id))).toEqual([]);
  });

  test('differs from the rules in these rows, where the rule wins', () => {
    const differences = rows.filter((row) => row.instead).map((row) => `${row.id} ${row.input}: ${row.instead!.rule}`);
    console.log(`corpus rows where a rule wins:\n${differences.join('\n')}`);
    expect(new Set(rows.filter((row) => row.instead).map((row) => row.id))).toEqual(
      new Set([
        ...['B-002', 'B-003', 'B-009', 'B-010', 'B-015', 'B-025', 'B-029', 'B-030', 'B-032', 'B-043', 'B-048'],
        ...['B-063', 'B-064', 'B-078', 'B-116'],
      ]),
    );
  });

  test('B-096: a hold of another credit type is unknown, as any other unknown one', async () => {
    const setting = await setUp();
    const manager = createCreditManagement({ db: setting.db, creditTypes: { image: {} } });
    await manager.init();
    const before = await dump(setting.db.inner);
    for (const verb of ['commitReservedCredits', 'releaseReservedCredits'] as const) {
      const error: unknown = await manager
        .creditType('image')
        [verb](setting.holdId)
        .catch((reason) => reason);
      expect(isCreditError(error, 'RESERVATION_NOT_FOUND')).toBe(true);
    }
    expect(await manager.creditType('image').getReservation(setting.holdId)).toBeNull();
    expect(await manager.creditType('image').getTransaction(setting.entryId)).toBeNull();
    const error: unknown = await manager
      .creditType('image')
      .reverseTransaction(setting.entryId)
      .catch((reason) => reason);
    expect(isCreditError(error, 'TRANSACTION_NOT_FOUND')).toBe(true);
    expect(await dump(setting.db.inner)).toBe(before);
    for (const name of ['__proto__', 'constructor', 'toString', '', 'Image', 5, null]) {
      expect(() => manager.creditType(name as 'image')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
  });

  test('pollutes no prototype', () => {
    expect(prototypes.map((prototype) => Reflect.ownKeys(prototype).length)).toEqual(untouched);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });
});
