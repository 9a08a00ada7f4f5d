/**
 * Every call of the store fails once, in every way, under every verb of payments; then the caller does what a caller
 * does: a provider sends again, a host repeats its call with the key. Each payment has its credits once.
 */
import { expect, test } from 'vitest';
import { createCreditManagement, type DbManager, type MemorySession } from '../../src/index.js';
import { type Fate, FaultyDb } from '../backends/faulty-db.js';
import { QUIET } from '../support/quiet.js';
import { eventOf, plainProvider, type Told } from './plain-provider.js';
import { bodyOf, eventsOf } from './world.js';

const FATES: readonly Fate[] = ['refused', 'lost', 'late'];
const link = { userId: 'u', amount: 500, currency: 'INR' } as const;
const elsewhere = { ...link, provider: 'plain', providerPaymentId: 'pay_9' };

function open() {
  const db = new FaultyDb();
  const provider = plainProvider();
  const manager = createCreditManagement<DbManager<MemorySession>>({
    ...{ db, logger: QUIET, timeoutMs: 400, payments: { providers: [provider] } },
  });
  return { db, provider, manager };
}
type Opened = ReturnType<typeof open>;

interface Case {
  readonly name: string;
  readonly prepare: (world: Opened) => Promise<string>;
  readonly run: (world: Opened, id: string) => Promise<unknown>;
  readonly balance: number;
  /** Links that the provider made, and refunds that it gave. */
  readonly made: readonly [links: number, refunds: number];
}

const deliver = ({ manager }: Opened, ...told: Told[]) => manager.payments.handleWebhook('plain', bodyOf(...told), {});
const made = async ({ manager }: Opened) =>
  (await manager.payments.createPaymentLink(link, { idempotencyKey: 'k' })).id;
const paid = async (world: Opened) => {
  const id = await made(world);
  await deliver(world, eventsOf({ id, userId: 'u' }).paid);
  return id;
};
const refund = { id: 're_1', status: 'done', amountMinor: 20_000, currency: 'INR' } as const;

const charged = new Set<string>();

const CASES: readonly Case[] = [
  { name: 'createPaymentLink', prepare: async () => '', run: made, balance: 0, made: [1, 0] },
  {
    ...{ name: 'handleWebhook with what was paid', prepare: made, balance: 500, made: [1, 0] },
    run: (world, id) => deliver(world, eventsOf({ id, userId: 'u' }).paid),
  },
  {
    ...{ name: 'handleWebhook with a refund', prepare: paid, balance: 300, made: [1, 0] },
    run: (world, id) => deliver(world, eventsOf({ id, userId: 'u' }).refund(20_000, 're_1')),
  },
  {
    ...{ name: 'handleWebhook with two events', prepare: made, balance: 300, made: [1, 0] },
    run: (world, id) => {
      const events = eventsOf({ id, userId: 'u' });
      return deliver(world, events.refund(20_000, 're_1'), events.paid);
    },
  },
  {
    ...{ name: 'handleWebhook of a payment that is not known yet', balance: 300, made: [0, 0] },
    prepare: async () => '',
    run: async (world) => {
      await deliver(world, { kind: 'refunded', providerPaymentId: 'pay_9', refund });
      await world.manager.payments.recordPayment(elsewhere, { idempotencyKey: 'k' });
    },
  },
  {
    ...{ name: 'recordPayment', prepare: async () => '', balance: 500, made: [0, 0] },
    run: ({ manager }) => manager.payments.recordPayment(elsewhere, { idempotencyKey: 'k' }),
  },
  {
    ...{ name: 'refundPayment', prepare: paid, balance: 300, made: [1, 1] },
    run: ({ manager }, id) =>
      manager.payments.refundPayment(id, { amount: 200 }, { idempotencyKey: 'r', actor: 'a', reason: 'b' }),
  },
  {
    ...{ name: 'a deduction that begins a top-up, and its charge', balance: 590, made: [0, 0] },
    prepare: async ({ manager, provider }) => {
      await manager.credits.addCredits('u', 150);
      const customer = { threshold: 100, customerId: 'cus_1', maxAmount: 500 } as const;
      await manager.payments.setAutoTopUp('u', { amount: 500, currency: 'INR', ...customer });
      const paid = { amountMinor: 50_000, currency: 'INR' };
      const answer = { kind: 'paid', providerPaymentId: 'ch_1', asked: paid, paid } as const;
      provider.charge = async ({ reference }) => {
        charged.add(reference);
        return { event: eventOf({ ...answer, reference }), traffic: { request: {}, response: {}, httpStatus: 200 } };
      };
      charged.clear();
      return '';
    },
    run: async ({ manager }) => {
      await manager.credits.deductCredits('u', 60, { idempotencyKey: 'k' });
      const { skippedCount } = await manager.payments.reconcilePayments();
      const { attempts = [] } = (await manager.payments.getAutoTopUp('u', { fresh: true })) ?? {};
      if (skippedCount > 0 || attempts[0]?.status !== 'paid') throw new Error('skipped');
      expect([charged.size, attempts.length]).toEqual([1, 1]);
    },
  },
  {
    ...{ name: 'reconcilePayments', prepare: made, balance: 500, made: [1, 0] },
    run: ({ manager, provider }, id) => {
      provider.told.set(id, [eventOf(eventsOf({ id, userId: 'u' }).paid)]);
      return manager.payments.reconcilePayments().then(({ skippedCount }) => {
        if (skippedCount > 0) throw new Error('skipped');
      });
    },
  },
];

test.each(CASES)('$name', async ({ prepare, run, balance, made: [links, refunds] }) => {
  let injected = 0;
  for (const fate of FATES) {
    for (let at = 1; ; at++) {
      const world = open();
      const { db, manager, provider } = world;
      const id = await prepare(world);
      db.arm({ fateOf: (call) => (call === at ? fate : null), landing: 'after_account_read', plain: at % 2 === 0 });
      let answer = await run(world, id).then(
        () => 'done',
        (error: unknown) => String((error as { code?: string }).code ?? error),
      );
      const isMet = db.injected > 0;
      injected += db.injected;
      db.heal();
      for (let tries = 0; answer !== 'done' && tries < 5; tries++) {
        answer = await run(world, id).then(
          () => 'done',
          (error: unknown) => String(error),
        );
      }
      await db.land();
      const where = `${fate} at call ${at}`;
      expect([where, answer]).toEqual([where, 'done']);
      const { available } = await manager.credits.getUserCreditsInfo('u', { fresh: true });
      const references = new Set(provider.links.map(({ reference }) => reference));
      expect([where, available, references.size, provider.refunds.length]).toEqual([where, balance, links, refunds]);
      expect([where, (await manager.ledger.verify()).problems]).toEqual([where, []]);
      const { items } = await manager.payments.listMessages({ status: 'waiting' });
      expect([where, items]).toEqual([where, []]);
      await manager.close();
      if (!isMet) break;
    }
  }
  expect(injected).toBeGreaterThan(8);
});
