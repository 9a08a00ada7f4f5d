/** Refused claims: what is stored of them, and what their caller is told when the answer of the commit was lost. */
import { expect, test } from 'vitest';
import { InMemoryNotificationQueue } from '../../src/index.js';
import { bench, unknown } from '../backends/gated-db.js';
import { QUIET } from '../support/quiet.js';

const INACTIVE = { success: false, creditsAwarded: 0, message: 'Promo is inactive' };

test("a refused claim keeps the error's code in entry and notification, and the promo's beside it", async () => {
  const queue = new InMemoryNotificationQueue();
  const { manager } = bench({ queue, notifyErrors: true, logger: QUIET });
  await manager.promos.createPromo({ code: 'SPRING', credits: 5, isActive: false });
  await manager.promos.claimPromo('u', 'spring');
  const details = { code: 'PROMO_NOT_ELIGIBLE', promoCode: 'SPRING', reason: 'Promo is inactive' };
  const { items } = await manager.ledger.list({ userId: 'u', types: ['error'] });
  expect(items.map((entry) => entry.details)).toEqual([details]);
  await manager.jobs.runOutbox();
  expect(queue.messages.map(({ payload }) => payload)).toMatchObject([{ details }]);
});

test.each(['SPRING', 'OUTCOME_UNKNOWN', 'CLOSED'])(
  'a claim of %s whose refusal was written and not answered is told the reason, whatever the code is named',
  async (code) => {
    const { db, manager } = bench({ logger: QUIET });
    await manager.promos.createPromo({ code, credits: 5, isActive: false });
    db.onceInCommit(async (units) => {
      await db.inner.commit(units);
      return unknown(units);
    });
    expect(await manager.promos.claimPromo('u', code)).toEqual({ ...INACTIVE, promoCode: code });
    const { items } = await manager.ledger.list({ userId: 'u', types: ['error'] });
    expect(items).toHaveLength(1);
  },
);

test('a code that is there already, or is not, is named by its error', async () => {
  const { manager } = bench({ logger: QUIET });
  await manager.promos.createPromo({ code: 'SPRING', credits: 5 });
  const again = manager.promos.createPromo({ code: 'spring', credits: 5 });
  await expect(again).rejects.toMatchObject({ code: 'PROMO_EXISTS', details: { promoCode: 'SPRING' } });
  const missing = manager.promos.togglePromo('summer');
  await expect(missing).rejects.toMatchObject({ code: 'PROMO_NOT_FOUND', details: { promoCode: 'SUMMER' } });
});
