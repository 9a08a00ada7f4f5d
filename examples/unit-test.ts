/**
 * How you test your own service: the real library on the in-memory database, with a clock that the test moves and
 * faults on demand. This file runs by `npx tsx examples/unit-test.ts`; under vitest or jest only the imports of `test`
 * and `assert` differ.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CreditService, isCreditError } from 'credit-management';
import { createTestCredits } from 'credit-management/testing';

// Your service: it writes reports, and a page costs 2 credits. What it needs of the library it is given.
function createReports(credits: Pick<CreditService, 'withCredits'>, write: (topic: string) => Promise<string[]>) {
  return (userId: string, topic: string, requestId: string): Promise<string[]> =>
    credits.withCredits(
      { userId, estimate: 20, chargeOnError: 'none', idempotencyKey: requestId, description: topic },
      async (meter) => {
        const pages = await write(topic);
        meter.add(pages.length * 2);
        return pages;
      },
    );
}

/** Everything anew for each test: nothing is left of the one before. */
async function setUp(write = async (topic: string) => [topic, 'page 2', 'page 3']) {
  const kit = createTestCredits({ now: '2030-01-01T00:00:00Z', defaults: { lowCreditThreshold: 50 } });
  await kit.credits.addCredits('ada', 30, { source: 'purchase' });
  await kit.credits.addCredits('ada', 25, { source: 'promo', expiresAt: '2030-01-02T00:00:00Z' });
  return { ...kit, report: createReports(kit.credits, write) };
}

test('charges for the pages that were written', async () => {
  const { credits, events, report } = await setUp();
  assert.equal((await report('ada', 'tides', 'request-1')).length, 3);
  assert.equal((await credits.getUserCreditsInfo('ada')).balance, 49);
  const low = events.filter(({ type }) => type === 'credits.low_balance_reached');
  assert.deepEqual(
    low.map(({ userId }) => userId),
    ['ada'],
  );
});

test('costs nothing when the writer fails', async () => {
  const { credits, report } = await setUp(() => Promise.reject(new Error('no ink')));
  await assert.rejects(report('ada', 'tides', 'request-1'), /no ink/);
  const { balance, reserved } = await credits.getUserCreditsInfo('ada');
  assert.deepEqual({ balance, reserved }, { balance: 55, reserved: 0 });
});

test('does not begin what cannot be paid for', async () => {
  let begun = 0;
  const { report } = await setUp(async () => [`page ${++begun}`]);
  await assert.rejects(report('bob', 'tides', 'request-1'), (error) => isCreditError(error, 'INSUFFICIENT_CREDITS'));
  assert.equal(begun, 0);
});

test('does not spend what was promotional a day later', async () => {
  const { advance, credits, report } = await setUp();
  await advance({ days: 1 });
  await report('ada', 'tides', 'request-1');
  assert.equal((await credits.getUserCreditsInfo('ada')).balance, 24);
});

test('charges once when the answer of the database is lost', async () => {
  const { credits, failNext, report } = await setUp(async (topic) => {
    failNext('after_commit'); // the next commit, which settles
    return [topic];
  });
  await report('ada', 'tides', 'request-1');
  assert.equal((await credits.getUserCreditsInfo('ada')).balance, 53);
});
