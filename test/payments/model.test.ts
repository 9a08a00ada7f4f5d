/**
 * Payments against an oracle that knows the set of their events alone: every order, and random lives with duplicates,
 * several processes, restarts and spending in between. CREDIT_PAYMENT_RUNS of them, CREDIT_SEED.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Payment } from '../../src/index.js';
import { amount, isFull } from '../support/amounts.js';
import { SEED } from '../support/chance.js';
import { describeBackends, memoryWorld, type OpenWorld } from '../support/plan-world.js';
import { expectOutcome, ORDERS, poolOf, toldInOrder } from './events.js';
import { eventOf, type Told } from './plain-provider.js';
import { bodyOf, PAID, paymentWorld } from './world.js';

const RUNS = amount('CREDIT_PAYMENT_RUNS');
const open: OpenWorld = async (options) => memoryWorld(options);

/** Events that do not fit, whatever came before. */
const MISFITS: readonly ((told: Told) => Told)[] = [
  (told) => ({ ...told, userId: 'v' }),
  (told) => ({ ...told, asked: { amountMinor: (told.asked?.amountMinor ?? 0) + 1, currency: 'INR' } }),
  (told) => ({ ...told, asked: { amountMinor: told.asked?.amountMinor ?? 0, currency: 'USD' } }),
];

await describeBackends('every order of the events of a payment', (openWorld, isMemory) => {
  test('ends in the one right state, each event once, twice or three times', async () => {
    const { world, manager } = await paymentWorld(openWorld, { pricing: { INR: { creditsPerUnit: '1.5' } } });
    const orders = ORDERS.flatMap((some, i) => some.filter((_, at) => isMemory || at % 24 === i));
    for (const [i, order] of orders.filter((_, at) => isFull || at % 3 === 0).entries()) {
      const payment = await manager.payments.createPaymentLink({ userId: `u${i}`, amount: 500, currency: 'INR' });
      const told = toldInOrder(payment, order, i);
      for (const [at, one] of told.entries()) {
        for (let times = 0; times <= (i + at) % 3; times++) {
          await manager.payments.handleWebhook('plain', bodyOf(one), {});
        }
      }
      await expectOutcome(manager, payment, told, 0);
    }
    await world.expectSound();
  });
});

const names = Object.keys(poolOf({ id: 'p', userId: 'u' } as Payment, PAID.amountMinor));
const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('tell' as const), name: fc.constantFrom(...names) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('misfit' as const),
      name: fc.constantFrom(...names),
      how: fc.nat({ max: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('spend' as const), credits: fc.integer({ min: 1, max: 400 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconcile' as const), name: fc.constantFrom(...names) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('again' as const) }) },
);

test(`${RUNS} random lives of payments end as their events say`, async () => {
  const counts: Record<string, number> = {};
  const lives = fc.record({
    asked: fc.oneof(fc.constant(50_000), fc.integer({ min: 1, max: 100_000 }), fc.constantFrom(1, 3, 7)),
    rate: fc.constantFrom('1', '0.333333', '1.5', '7.000001'),
    steps: fc.array(step, { minLength: 3, maxLength: 24, size: 'max' }),
    width: fc.integer({ min: 1, max: 6 }),
  });
  const property = fc.asyncProperty(lives, async ({ asked, rate, steps, width }) => {
    const { world, provider } = await paymentWorld(open, { pricing: { INR: { creditsPerUnit: rate } } });
    const payments = { providers: [provider], pricing: { INR: { creditsPerUnit: rate } } };
    const managers = [world.manager, world.open({ payments })];
    const money = { amount: (asked / 100).toFixed(2), currency: 'INR' };
    // Less than a unit buys nothing; such a payment is not made.
    const payment = await managers[0]!.payments.createPaymentLink({ userId: 'u', ...money });
    const pool = poolOf(payment, asked);
    const told: Told[] = [];
    const bodies: string[] = [];
    let spent = 0;
    const run = async (one: (typeof steps)[number], at: number) => {
      counts[one.do] = (counts[one.do] ?? 0) + 1;
      const { payments: verbs, credits } = managers[at % managers.length]!;
      if (one.do === 'tell') {
        const event = { ...(pool[one.name] as Told), method: at % 2 === 0 ? 'card' : null };
        told.push(event);
        bodies.push(bodyOf(event));
        await verbs.handleWebhook('plain', bodyOf(event), {});
      } else if (one.do === 'misfit') {
        const given = pool[one.name] as Told;
        // Money that goes back is of its payment, whichever user its event names.
        const how = one.how === 0 && (given.refund || given.dispute) ? 1 : one.how;
        const event = MISFITS[how]?.(given) as Told;
        const { success } = await verbs.handleWebhook('plain', bodyOf(event), {});
        expect(success).toBe(false);
      } else if (one.do === 'spend') {
        const answer = await credits.deductCredits('u', one.credits).catch(({ code }: { code: string }) => code);
        if (typeof answer !== 'string') spent += one.credits;
      } else if (one.do === 'reconcile') {
        const event = pool[one.name] as Told;
        told.push(event);
        provider.listed.push(eventOf(event));
        await verbs.reconcilePayments();
      } else if (one.do === 'restart') managers[at % managers.length] = world.open({ payments });
      else if (bodies.length > 0) await verbs.handleWebhook('plain', bodies[at % bodies.length] as string, {});
    };
    for (let from = 0; from < steps.length; from += width) {
      await Promise.all(steps.slice(from, from + width).map((one, i) => run(one, from + i)));
    }
    await expectOutcome(managers[0]!, payment, told, spent);
    await world.expectSound();
    await world.close();
  });
  await fc.assert(property, { numRuns: RUNS, seed: SEED });
  console.log(`payments: ${JSON.stringify({ seed: SEED, runs: RUNS, ...counts })}`);
});
