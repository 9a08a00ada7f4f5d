/** What a host's own unit test does, with `credit-management/testing` alone. See smoke-main.ts. */
import assert from 'node:assert/strict';
import { createTestCredits, sequenceIds, type TestCredits, testClock, testDbManager } from 'credit-management/testing';

async function main(): Promise<void> {
  const test: TestCredits = createTestCredits({ now: '2030-01-01T00:00:00Z', ids: sequenceIds('smoke') });
  await test.credits.addCredits('user-1', 10, { expiresAt: '2030-01-02T00:00:00Z' });
  await test.credits.addCredits('user-1', 5);
  await test.advance({ days: 1 });
  assert.equal((await test.credits.getUserCreditsInfo('user-1')).balance, 5);
  assert.ok(test.events.length > 0);
  test.failNext('before_commit');
  await assert.rejects(test.credits.deductCredits('user-1', 1), { name: 'CreditError', code: 'STORAGE_UNAVAILABLE' });
  await test.close();
  assert.equal(testClock('2030-01-01T00:00:00Z').now().getTime(), Date.UTC(2030, 0, 1));
  assert.equal(typeof testDbManager, 'function');
  console.log('smoke-testing ok');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
