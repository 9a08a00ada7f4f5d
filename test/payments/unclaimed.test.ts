/** Messages that name nothing of ours, as of another product at the same provider: they cost little and end. */
import { expect, test } from 'vitest';
import { createCreditManagement, type DbManager, type MemorySession } from '../../src/index.js';
import { GatedDb } from '../backends/gated-db.js';
import { describeBackends } from '../support/plan-world.js';
import { QUIET } from '../support/quiet.js';
import { plainProvider } from './plain-provider.js';
import { bodyOf, eventsOf, paymentWorld } from './world.js';

const MESSAGES = 150;

test('a run of reconciling looks at all of them in a few reads', async () => {
  const db = new GatedDb();
  let reads = 0;
  for (const name of ['getMany', 'find'] as const) {
    db.methods[name] = (...args: never[]) => {
      reads++;
      return (db.inner[name] as (...given: never[]) => never)(...args);
    };
  }
  const payments = { providers: [plainProvider()] };
  const manager = createCreditManagement<DbManager<MemorySession>>({ db, logger: QUIET, payments });
  for (let i = 0; i < MESSAGES; i++) {
    const nobodys = { kind: 'paid', providerPaymentId: `other_${i}`, eventId: `evt_${i}` } as const;
    expect(await manager.payments.handleWebhook('plain', bodyOf(nobodys), {})).toMatchObject({ status: 'waiting' });
  }
  reads = 0;
  const report = await manager.payments.reconcilePayments();
  expect(report).toMatchObject({ changed: 0, waiting: MESSAGES });
  expect(reads).toBeLessThan(40);
  await manager.close();
});

await describeBackends('messages that nobody claims', (openWorld) => {
  test('they go after their days; money that waits for room on its account stays', async () => {
    const limits = { openGrants: 1 };
    const { world, manager, deliver } = await paymentWorld(openWorld, { messageDays: 5 }, { limits });
    const grant = await manager.credits.addCredits('u', 5);
    const payment = await manager.payments.createPaymentLink({ userId: 'u', amount: 500, currency: 'INR' });
    expect(await deliver(eventsOf(payment).paid)).toMatchObject({ success: false, userId: 'u' });
    await deliver({ kind: 'paid', providerPaymentId: 'other_1' });
    await deliver({ kind: 'paid', providerPaymentId: 'other_2', userId: 'u' });
    world.clock.advance({ days: 6 });
    expect(await manager.jobs.runPayments()).toMatchObject({ status: 'completed', waiting: 3 });
    expect((await manager.payments.listMessages({ status: 'waiting' })).items).toMatchObject([
      { paymentId: payment.id },
    ]);
    await manager.credits.voidGrant(grant.grantId as string, { actor: 'a', reason: 'room' });
    expect(await manager.jobs.runPayments()).toMatchObject({ changed: 1, waiting: 0 });
    expect(await world.balance('u')).toBe(500);
    await world.expectSound();
  });
});
