/**
 * The events of one payment in every order, some of them twice, to four processes. Some of these are killed at any
 * moment, and some right after the commit and before the answer: the event is sent again, as a provider does.
 * CREDIT_PAYMENT_ORDERS payments, CREDIT_SEED.
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
    const tally = { delivered: 0, again: 0, kills: 0 };

    const deliver = async (body: string) => {
      for (let isNew = true, answer: string | null = 'new'; answer !== null; isNew = false) {
        const place = chance.below(PROCESSES);
        const kills = isNew && ++tally.delivered % KILL_STEP === 0;
        const ends = kills && chance.below(2) === 0;
        const running = crew[place] as Promise<Receiver>;
        const receiver = await running;
        const answering = receiver.take(body, kills && !ends);
        if (ends) receiver.kill();
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
        for (const one of told) {
          const times = chance.below(3) === 0 ? 2 : 1;
          await Promise.all(Array.from({ length: times }, () => deliver(bodyOf(one))));
        }
        await expectOutcome(manager, payment, told, 0);
      }
    };
    await Promise.all(Array.from({ length: WIDTH }, tellAll));
    expect((await manager.ledger.verify()).problems).toEqual([]);
    expect((await manager.payments.listMessages({ status: 'waiting' })).items).toEqual([]);
    expect(tally.kills).toBeGreaterThan(0);
    for (const receiver of await Promise.all(crew)) receiver.kill();
    await manager.close();
    console.log(`payment orders: ${JSON.stringify({ seed: SEED, payments: PAYMENTS, ...tally })}`);
  });
});
