/**
 * One recorded script on memory and on a database: identical answers, codes, details, messages, events, order, page
 * boundaries, cursors and rows. CREDIT_TRANSCRIPT_STEPS sets its length; reproduce a
 * failure by CREDIT_SEED=<the seed printed>.
 */
import { expect, test } from 'vitest';
import { InMemoryDbManager } from '../../../src/index.js';
import { amount } from '../../support/amounts.js';
import { SEED } from '../../support/chance.js';
import { dump } from '../../support/dump.js';
import type { StoreAdapter } from '../adapters.js';
import { transcriptOf } from './script.js';

/** Codes that a script of this length meets, or it would not say much. */
const MET = ['INSUFFICIENT_CREDITS', 'OVERDRAFT_LIMIT', 'RESERVATION_NOT_ACTIVE', 'ALREADY_REVERSED', 'INVALID_AMOUNT'];
const MET_LATER = ['IDEMPOTENCY_CONFLICT', 'LIMIT_EXCEEDED', 'COMMIT_EXCEEDS_RESERVATION', 'INVALID_ARGUMENT'];

const HASHES = ['hash', 'prev'];

export function testTranscript(adapter: StoreAdapter): Promise<void> {
  const STEPS = amount('CREDIT_TRANSCRIPT_STEPS', adapter.share);
  return adapter.describeDatabase('a recorded script', (database) =>
    test(`of ${STEPS} operations on 20 users reads the same on memory and on ${adapter.title}`, async () => {
      console.log(`SEED=${SEED} ADAPTER=${adapter.name} STEPS=${STEPS}`);
      const place = adapter.open(database.url);
      const { db } = place;
      const script = { seed: SEED, steps: STEPS, accountsFirst: adapter.hasSnapshots };
      const memory = new InMemoryDbManager();
      const expected = await transcriptOf(memory, script);
      const actual = await transcriptOf(db, script);
      expectSame(actual, expected);
      const rows = async (of: unknown) => (await dump(of as InMemoryDbManager)).split('\n').map(comparable);
      expectSame(await rows(db), await rows(memory));
      expect(
        expected.slice(-2).every((line) => line.includes('"ok":true')),
        expected.at(-1),
      ).toBe(true);
      const text = expected.join('\n');
      const codes = STEPS < 1_000 ? [] : [...MET, ...(STEPS < 5_000 ? [] : MET_LATER)];
      for (const code of codes) expect(text.includes(`"refused":"${code}"`), code).toBe(true);
      console.log(`${expected.length} lines of transcript, ${text.match(/"refused"/g)?.length} refusals`);
      await place.close();
    }),
  );
}

/** Line by line, so that the first difference is what is shown. */
function expectSame(actual: readonly string[], expected: readonly string[]): void {
  const first = expected.findIndex((line, i) => line !== actual[i]);
  if (first >= 0)
    expect(actual.slice(Math.max(0, first - 3), first + 1)).toEqual(expected.slice(Math.max(0, first - 3), first + 1));
  expect(actual.length).toBe(expected.length);
}

/** Without what covers the random name of the database, and with the fields of a row in one order. */
function comparable(line: string): string {
  const [model, json] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' '))];
  const row = Object.entries(JSON.parse(json) as Record<string, unknown>).filter(([name]) => !HASHES.includes(name));
  const text = JSON.stringify(Object.fromEntries(row.sort(([a], [b]) => (a < b ? -1 : 1))));
  return `${model} ${text.replaceAll(/"(ledgerId)":"[^"]*"/g, '"$1":"…"')}`;
}
