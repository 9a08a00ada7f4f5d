/** The longest lines: 256 KiB with their newline, and what would exceed them. */
import { expect, test } from 'vitest';
import { testClock } from '../../src/entries/testing.js';
import { isCreditError } from '../../src/index.js';
import { dump } from '../support/dump.js';
import { caughtUp, type Opened, openFile } from './file-folder.js';
import { bytesOf, judge, parsed, splitLines } from './file-oracle.js';

const MOST = 256 * 1024;
/** A user id and operation ids that take as much room as they may, so that some hundred grants fill a line. */
const LONG_ID = `\u{1f600}"${'漢'.repeat(252)}`;

function openLong(): Opened & { clock: ReturnType<typeof testClock> } {
  let made = 0;
  const ids = () => `${'long-'.repeat(38)}${String(++made).padStart(10, '0')}`;
  const clock = testClock('2030-01-01T00:00:00Z');
  return { ...openFile({ clock, ids, ledger: { fsync: 'never' } }), clock };
}

/** Gives a user `count` grants of one credit. */
async function grant({ credits }: Opened, userId: string, count: number, options = {}): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => credits.addCredits(userId, 1, options)));
}

async function isRefused(call: Promise<unknown>): Promise<boolean> {
  const error = await call.then(
    () => null,
    (problem: unknown) => problem,
  );
  if (error && !isCreditError(error, 'LIMIT_EXCEEDED')) throw error;
  return error !== null;
}

function longest(path: string): { bytes: number; type: unknown } {
  const { whole } = splitLines(bytesOf(path));
  const line = whole.reduce((longest, other) => (other.length > longest.length ? other : longest));
  const { details } = parsed(line.toString('utf8')) as { details?: { type?: string } };
  return { bytes: line.length + 1, type: details?.type };
}

test('a line is filled to its very last byte; one byte more is refused, and nothing of it is written', async () => {
  const opened = openLong();
  const { credits, db, path, manager } = opened;
  await grant(opened, 'u', 900, { reference: 'r'.repeat(200) });
  const transfer = (lots: number, text: string) => {
    const options = { description: text, actor: '漢'.repeat(100) };
    return credits.transferCredits({ from: 'u', to: LONG_ID, amount: lots }, options);
  };
  // How much a lot takes, from two small ones; the first of an account has no predecessor.
  for (const lots of [1, 100, 150]) await transfer(lots, '');
  await caughtUp(opened);
  const { whole } = splitLines(bytesOf(path));
  const [, first, second] = whole.filter((line) => line.includes('"type":"transfer_in"')).map((line) => line.length);
  const perLot = ((second as number) - (first as number)) / 50;
  const room = MOST - 1 - (second as number);
  const lots = 150 + Math.floor((room - 50) / perLot);
  // From a text that is a little too long down to the first that fits, byte by byte.
  let length = Math.round(room - (lots - 150) * perLot) + 4;
  let refusals = 0;
  for (; ; length--) {
    const known = new Set((await dump(db)).split('\n'));
    if (!(await isRefused(transfer(lots, 'x'.repeat(length))))) break;
    refusals++;
    const changed = (await dump(db)).split('\n').filter((line) => !known.has(line));
    // The refusal's entry and the fence of the sender, nothing else.
    expect(changed.map((line) => line.split(' ')[0]).sort()).toEqual(['account', 'entry']);
    expect(changed.find((line) => line.startsWith('entry'))).toContain('"eventType":"error"');
  }
  await caughtUp(opened);
  console.log(`longest line: ${longest(path).bytes} of ${MOST} bytes, ${lots} grants, after ${refusals} refusals`);
  expect(refusals).toBeGreaterThan(0);
  expect(longest(path)).toEqual({ bytes: MOST, type: 'transfer_in' });
  expect(await judge(db, path)).toMatchObject({ missing: [], strange: [], torn: 0 });
  expect(await manager.ledger.verify()).toMatchObject({ ok: true, file: { torn: 0, foreign: 0 } });
  await manager.ledger.rebuildFile();
  expect(await manager.ledger.verify()).toMatchObject({ ok: true });
  expect(longest(path).bytes).toBe(MOST);
});

/** The largest hold that is not refused, on a user whose id and grants make every entry long. */
async function largestHold(opened: Opened, userId: string, grants: object): Promise<{ id: string; amount: number }> {
  const { credits } = opened;
  await grant(opened, userId, 640, grants);
  let [works, fails] = [1, 641];
  while (fails - works > 1) {
    const middle = Math.floor((works + fails) / 2);
    const trial = credits.reserveCredits(userId, middle, { ttlSeconds: 60 });
    if (await isRefused(trial)) fails = middle;
    else {
      works = middle;
      await credits.releaseReservedCredits(await trial);
    }
  }
  expect(fails).toBeLessThan(641);
  return { id: (await credits.reserveCredits(userId, works, { ttlSeconds: 60 })).id, amount: works };
}

/** Everything free is spent, and as much is owed that all that a hold frees repays. */
async function oweMuch({ credits }: Opened, userId: string): Promise<void> {
  const { available } = await credits.getUserCreditsInfo(userId);
  for (let left = available; left > 0; left -= 300) await credits.deductCredits(userId, Math.min(300, left));
  await credits.deductCreditsAfterService(userId, 5_000);
}

async function expectSound(opened: Opened): Promise<void> {
  await caughtUp(opened);
  expect(longest(opened.path).bytes).toBeLessThanOrEqual(MOST);
  expect(await judge(opened.db, opened.path)).toMatchObject({ missing: [], strange: [], torn: 0 });
  expect(await opened.manager.ledger.verify()).toMatchObject({ ok: true });
}

test('what the clock writes of the largest hold fits, also when every part of it repays debt', async () => {
  const opened = openLong();
  const { credits, clock, path } = opened;
  const hold = await largestHold(opened, LONG_ID, {});
  await oweMuch(opened, LONG_ID);
  clock.advance({ minutes: 2 });
  await credits.expireCredits(LONG_ID);
  expect(await credits.getUserCreditsInfo(LONG_ID)).toMatchObject({ reserved: 0, debt: 5_000 - hold.amount });
  await expectSound(opened);
  const { bytes, type } = longest(path);
  console.log(`the largest hold: ${hold.amount} grants; its expiry repays them all in ${bytes} of ${MOST} bytes`);
  expect(type).toBe('expire_reserved');
  expect(bytes).toBeGreaterThan(MOST * 0.9);
});

test('what the clock writes of the largest hold fits, also when all its grants have lapsed', async () => {
  const opened = openLong();
  const { credits, clock } = opened;
  await largestHold(opened, LONG_ID, { expiresAt: '2030-01-01T00:00:30Z' });
  clock.advance({ minutes: 2 });
  await credits.expireCredits(LONG_ID);
  expect(await credits.getUserCreditsInfo(LONG_ID)).toMatchObject({ balance: 0, reserved: 0, debt: 0 });
  await expectSound(opened);
});

test.each(['commit', 'release', 'commit a part'] as const)('the largest hold can end: %s', async (how) => {
  const opened = openLong();
  const { credits } = opened;
  const { id, amount } = await largestHold(opened, LONG_ID, {});
  await credits.extendReservation(id, { ttlSeconds: 3_000 });
  await oweMuch(opened, LONG_ID);
  if (how === 'commit') await credits.commitReservedCredits(id);
  else if (how === 'release') await credits.releaseReservedCredits(id);
  else {
    await credits.commitReservedCredits(id, { amount: 1, final: false });
    await credits.commitReservedCredits(id, { amount: Math.floor(amount / 2) });
  }
  expect(await credits.getReservedCredits(LONG_ID)).toBe(0);
  await expectSound(opened);
});

test('no refusal has a line that is too long, whatever the call carries', async () => {
  const opened = openLong();
  const text = '\u0001'.repeat(1_024);
  const id = '漢'.repeat(255);
  const options = { description: text, reason: text, actor: id, correlationId: id, idempotencyKey: id };
  const call = opened.credits.deductCredits(LONG_ID, 5, { ...options, metadata: { text: '\u0001'.repeat(2_700) } });
  await expect(call).rejects.toMatchObject({ code: 'INSUFFICIENT_CREDITS' });
  await expectSound(opened);
  expect(longest(opened.path).bytes).toBeLessThan(64 * 1024);
});
