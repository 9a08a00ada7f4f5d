/**
 * Webhooks of many payments, in any order and often twice, to four processes that are killed at random moments: what
 * was not answered is sent again, as a provider does. CREDIT_PAYMENT_KILLS rounds, CREDIT_SEED.
 */
import { expect, test } from 'vitest';
import { ADAPTER, describeDatabase } from '../backends/by-adapter.js';
import { openManager, type WorkerConfig } from '../backends/open-adapter.js';
import { amount } from '../support/amounts.js';
import { Chance, SEED } from '../support/chance.js';
import { PATIENT_MS } from '../support/pace.js';
import { sleep } from '../support/wait.js';
import { expectOutcome, poolOf } from './events.js';
import { plainProvider, type Told } from './plain-provider.js';
import { Receiver } from './receiver.js';
import { bodyOf } from './world.js';

const ROUNDS = amount('CREDIT_PAYMENT_KILLS');
const PROCESSES = 4;
const PAYMENTS = 5;
const EVENTS = 8;
/** Webhooks that are under way at once. */
const WIDTH = 12;
const SCRIPT = new URL('./worker.ts', import.meta.url);

await describeDatabase(`webhooks of payments under kill -9 on ${ADAPTER}`, (database) => {
  test(`${ROUNDS} rounds: each payment ends as its events say, and verify is clean`, async () => {
    const chance = new Chance(SEED);
    const config: WorkerConfig = { adapter: ADAPTER, url: database.url, timeoutMs: PATIENT_MS, poolSize: 3 };
    const manager = openManager(config);
    manager.payments.registerProvider(plainProvider());
    await manager.init();
    let receivers = Array.from({ length: PROCESSES }, () => new Receiver(SCRIPT, config));
    await Promise.all(receivers.map(({ ready }) => ready));
    const tally = { delivered: 0, again: 0, kills: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const lives: { payment: Awaited<ReturnType<typeof manager.payments.createPaymentLink>>; told: Told[] }[] = [];
      for (let i = 0; i < PAYMENTS; i++) {
        const userId = `u${round}-${i}`;
        const payment = await manager.payments.createPaymentLink({ userId, amount: 500, currency: 'INR' });
        const pool = poolOf(payment, payment.amountMinor);
        const names = Object.keys(pool);
        const of = (told: Told): Told => ({
          ...told,
          ...(told.providerPaymentId && { providerPaymentId: `pay_${userId}` }),
        });
        const picked = ['paid', ...Array.from({ length: EVENTS - 1 }, () => chance.pick(names))];
        lives.push({ payment, told: picked.map((name) => of(pool[name] as Told)) });
      }
      const queue = chance.shuffle(
        lives.flatMap(({ told }) => told.flatMap((one) => (chance.below(3) === 0 ? [one, one] : [one]))),
      );
      const deliver = async () => {
        for (let one = queue.pop(); one; one = queue.pop()) {
          for (let answer: string | null = 'new'; answer !== null; ) {
            answer = await chance.pick(receivers).take(bodyOf(one));
            if (answer === null) tally.delivered++;
            else {
              tally.again++;
              await sleep(5);
            }
          }
        }
      };
      const next = new Receiver(SCRIPT, config);
      const delivering = Promise.all(Array.from({ length: WIDTH }, deliver));
      await sleep(chance.below(120));
      const [victim, ...others] = receivers as [Receiver, ...Receiver[]];
      victim.kill();
      tally.kills++;
      await next.ready;
      receivers = [...others, next];
      await delivering;
      for (const { payment, told } of lives) await expectOutcome(manager, payment, told, 0);
    }
    expect((await manager.ledger.verify()).problems).toEqual([]);
    const { items } = await manager.payments.listMessages({ status: 'waiting' });
    expect(items).toEqual([]);
    for (const receiver of receivers) receiver.kill();
    await manager.close();
    console.log(`payment kills: ${JSON.stringify({ seed: SEED, rounds: ROUNDS, ...tally })}`);
  });
});
