/**
 * The events of one payment in every order, some twice and some two at once, to four processes; credits are spent in
 * between. Some processes are killed at any moment, and some right after the commit and before the answer: the event is
 * sent again, as a provider does. CREDIT_PAYMENT_ORDERS payments, CREDIT_SEED.
 */
import { expect, test } from 'vitest';
import { ADAPTER, describeDatabase } from '../backends/by-adapter.js';
import { openManager, type WorkerConfig } from '../backends/open-adapter.js';
import { amount } from '../support/amounts.js';
import { Chance, SEED } from '../support/chance.js';
import { PATIENT_MS } from '../support/pace.js';
import { sleep } from '../support/wait.js';
import { expectOutcome, ORDERS, toldInOrder } from './events.js';
import { plainProvider } from './plain-provider.js';
import { Receiver } from './receiver.js';
import { bodyOf } from './world.js';

const PAYMENTS = amount('CREDIT_PAYMENT_ORDERS');
const PROCESSES = 4;
/** Payments whose events are under way at once. */
const WIDTH = 10;
/** One delivery in so many kills a process. */
const KILL_STEP = 30;
const SCRIPT = new URL('./worker.ts', import.meta.url);

await describeDatabase(`every order of events under kill -9 on ${ADAPTER}`, (database) => {
  test(`${PAYMENTS} payments end as their events say, and verify is clean`, async () => {
    const chance = new Chance(SEED);
    const config: WorkerConfig = { adapter: ADAPTER, url: database.url, timeoutMs: PATIENT_MS, poolSize: 3 };
    const manager = openManager(config);
    manager.payments.registerProvider(plainProvider());
    await manager.init();
    const start = () => new Receiver(SCRIPT, config).ready;
    const crew = Array.from({ length: PROCESSES }, start);
    const tally = { delivered: 0, again: 0, kills: 0, afterCommit: 0, atOnce: 0, inDebt: 0 };

    const deliver = async (body: string) => {
      for (let isNew = true, answer: string | null = 'new'; answer !== null; isNew = false) {
        const place = chance.below(PROCESSES);
        const kills = isNew && ++tally.delivered % KILL_STEP === 0;
        const ends = kills && chance.below(2) === 0;
        const running = crew[place] as Promise<Receiver>;
        const receiver = await running;
        const answering = receiver.take(body, kills && !ends);
        if (ends) receiver.kill();
        else if (kills) tally.afterCommit++;
        answer = await answering;
        if (answer === null) continue;
        tally.again++;
        if (receiver.isOver && crew[place] === running) {
          tally.kills++;
          crew[place] = start();
        }
        await sleep(2);
      }
    };

    const orders = chance.shuffle(ORDERS.flat()).slice(0, PAYMENTS);
    const work = [...orders.entries()];
    const tellAll = async () => {
      for (let next = work.pop(); next; next = work.pop()) {
        const [i, order] = next;
        const payment = await manager.payments.createPaymentLink({ userId: `u${i}`, amount: 500, currency: 'INR' });
        const told = toldInOrder(payment, order, i);
        const rest = [...told];
        let spent = 0;
        while (rest.length > 0) {
          if (i % 3 === 0 && spent === 0 && rest.length < told.length) {
            spent = 300;
            await manager.credits.deductCreditsAfterService(payment.userId, spent);
          }
          const together = rest.splice(0, 1 + chance.below(2));
          if (together.length > 1) tally.atOnce++;
          const bodies = together.flatMap((one) => (chance.below(3) === 0 ? [one, one] : [one]));
          await Promise.all(bodies.map((one) => deliver(bodyOf(one))));
        }
        await expectOutcome(manager, payment, told, spent);
        const { debt } = await manager.credits.getUserCreditsInfo(payment.userId, { fresh: true });
        if (debt > 0) tally.inDebt++;
      }
    };
    await Promise.all(Array.from({ length: WIDTH }, tellAll));
    expect((await manager.ledger.verify()).problems).toEqual([]);
    expect((await manager.payments.listMessages({ status: 'waiting' })).items).toEqual([]);
    for (const count of [tally.kills, tally.atOnce, tally.inDebt]) expect(count).toBeGreaterThan(0);
    if (PAYMENTS > 50) expect(tally.afterCommit).toBeGreaterThan(0);
    for (const receiver of await Promise.all(crew)) receiver.kill();
    await manager.close();
    console.log(`payment orders: ${JSON.stringify({ seed: SEED, payments: PAYMENTS, ...tally })}`);
  });
});
