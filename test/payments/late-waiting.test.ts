/** A refund comes to wait in the very moment in which its payment gets the name that the refund knows it by. */
import { expect, test } from 'vitest';
import { createCreditManagement, type DbManager, type MemorySession } from '../../src/index.js';
import { GatedDb } from '../backends/gated-db.js';
import { QUIET } from '../support/quiet.js';
import { plainProvider } from './plain-provider.js';
import { bodyOf, eventsOf } from './world.js';

test('a message that comes to wait between the look and the commit is applied all the same', async () => {
  const db = new GatedDb();
  const payments = { providers: [plainProvider()] };
  const managers = [0, 1].map(() =>
    createCreditManagement<DbManager<MemorySession>>({ db, logger: QUIET, payments }),
  ) as [ReturnType<typeof createCreditManagement>, ReturnType<typeof createCreditManagement>];
  const [one, other] = managers;
  const made = await one.payments.createPaymentLink({ userId: 'u', amount: 500, currency: 'INR' });
  const { paid, refund } = eventsOf(made);
  // The refund names the payment at the provider alone.
  const unnamed = { ...refund(20_000, 're_1'), reference: null, asked: null };
  let refunded: unknown = null;
  db.methods.find = async (...args) => {
    const found = await db.inner.find(...args);
    const [model, { index }] = args;
    if (model === 'payment_message' && index === 'provider_payment' && refunded === null) {
      refunded = {};
      refunded = await other.payments.handleWebhook('plain', bodyOf(unnamed), {});
    }
    return found;
  };
  await one.payments.handleWebhook('plain', bodyOf(paid), {});
  expect(refunded).toMatchObject({ success: false, status: 'waiting' });
  expect((await one.credits.getUserCreditsInfo('u', { fresh: true })).balance).toBe(300);
  expect((await one.payments.listMessages({ status: 'waiting' })).items).toEqual([]);
  expect((await one.ledger.verify()).problems).toEqual([]);
});
