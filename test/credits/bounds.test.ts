/** Bounds that callers write by hand: days of a period, percentages of a threshold. */
import { expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';
import { createCreditManagement } from '../../src/index.js';

test('a day in from and to is its midnight in UTC', async () => {
  const { credits, ledger, clock } = createTestCredits({ now: '2026-01-01T00:00:00Z' });
  await credits.addCredits('u', 1);
  clock.advance({ hours: 24 });
  await credits.addCredits('u', 2);
  clock.advance({ seconds: 1 });
  await credits.addCredits('u', 3);
  const deltas = async (period: { from?: string; to?: string }) => [
    (await credits.getCreditHistory('u', period)).items.map(({ delta }) => delta),
    (await ledger.list({ userId: 'u', ...period })).items.map(({ delta }) => delta),
  ];
  expect(await deltas({ from: '2026-01-01' })).toEqual(Array(2).fill([3, 2, 1]));
  expect(await deltas({ from: '2026-01-02' })).toEqual(Array(2).fill([3, 2]));
  expect(await deltas({ to: '2026-01-02' })).toEqual(Array(2).fill([2, 1]));
  expect(await deltas({ from: '2026-01-02', to: '2026-01-02' })).toEqual(Array(2).fill([2]));
  await expect(credits.getCreditHistory('u', { from: '2026-02-30' })).rejects.toMatchObject({
    details: { path: 'from' },
  });
});

test('a percentage that is refused is told why', async () => {
  const { credits } = createTestCredits();
  const reasonOf = (lowCreditThreshold: string) =>
    credits.updateAccount('u', { lowCreditThreshold: lowCreditThreshold as `${number}%` }).then(
      () => null,
      (error: Error) => error.message,
    );
  expect(await reasonOf('33.33333%')).toContain('at most four decimals, and 33.33333% has 5');
  expect(await reasonOf('100.0001%')).toContain('at most 100%, and 100.0001% is above');
  expect(await reasonOf('150%')).toContain('at most 100%, and 150% is above');
  expect(await reasonOf('1e2%')).toContain("a percentage such as '20%'");
  for (const fine of ['100%', '100.0000%', '0%', '33.3333%'])
    expect([fine, await reasonOf(fine)]).toEqual([fine, null]);
  const defaults = { lowCreditThreshold: '101%' as const };
  expect(() => createCreditManagement({ defaults })).toThrow('at most 100%, and 101% is above');
});
