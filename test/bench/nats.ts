/**
 * Events a second that the relay publishes to JetStream, from PostgreSQL with the broker's acknowledgement and the mark
 * of each, against raw acknowledged publishes of messages of the same size; and messages a second that are taken from
 * JetStream, applied and acknowledged, against `addCredits` on the same database with as many calls at once. Rounds
 * alternate in one run. NATS_URL and CREDIT_DATABASE_URL name the servers.
 */
import { type JetStreamClient, jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { createCreditManagement } from 'credit-management';
import { natsSink, natsSource } from 'credit-management/nats';
import { SqlDbManager } from 'credit-management/sql';
import { median } from './closed-loop.js';

const ACCOUNTS = 1_000;
const EVENTS_EACH = 5;
const IN_FLIGHT = 64;
const GOAL = 0.5;

export async function benchNats(options: { rounds: number; json: boolean }): Promise<void> {
  const { NATS_URL: natsUrl, CREDIT_DATABASE_URL: url } = process.env;
  if (!natsUrl || !url) throw new Error('Set NATS_URL and CREDIT_DATABASE_URL.');
  const sink = natsSink({ url: natsUrl, createStreams: true, name: 'bench' });
  const manager = createCreditManagement({
    db: new SqlDbManager({ url, poolSize: 10 }),
    sinks: [sink],
    outbox: { concurrency: IN_FLIGHT },
  });
  const connection = await connect({ servers: natsUrl });
  const client = jetstream(connection);
  await manager.jobs.runOutbox();
  const body = new TextEncoder().encode(JSON.stringify({ text: 'x'.repeat(550) }));
  const rates = { raw: [] as number[], relay: [] as number[] };
  for (let round = 0; round < options.rounds; round++) {
    const began = performance.now();
    let sent = 0;
    const publisher = async () => {
      while (sent < ACCOUNTS * EVENTS_EACH) {
        sent++;
        await client.publish('evt.credits.raw', body, { msgID: `raw-${began}-${sent}` });
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, publisher));
    rates.raw.push(sent / ((performance.now() - began) / 1000));

    for (let i = 0; i < EVENTS_EACH; i++) {
      const users = Array.from({ length: ACCOUNTS }, (_, user) => `bench-${user}`);
      await Promise.all(users.map((user) => manager.credits.addCredits(user, 1)));
    }
    const relayBegan = performance.now();
    const { delivered } = await manager.jobs.runOutbox();
    rates.relay.push(delivered / ((performance.now() - relayBegan) / 1000));
  }
  const [raw, relay] = [median(rates.raw), median(rates.relay)];
  const lines = [
    { design: 'raw acknowledged publish', perSecond: Math.round(raw) },
    { design: 'relay', perSecond: Math.round(relay), ratio: Number((relay / raw).toFixed(2)), goal: GOAL },
  ];
  for (const line of lines) console.log(options.json ? JSON.stringify(line) : line);
  await manager.close();
  await benchIn(natsUrl, url, client, options);
  await connection.close();
}

const MESSAGES = 10_000;
const AT_ONCE = 256;
const SUBJECT = 'evt.credits.manual_adjustment';

async function benchIn(
  natsUrl: string,
  url: string,
  client: JetStreamClient,
  options: { rounds: number; json: boolean },
): Promise<void> {
  const open = (sources: readonly ReturnType<typeof natsSource>[] = []) =>
    createCreditManagement({ db: new SqlDbManager({ url, poolSize: 10 }), sources });
  const rates = { add: [] as number[], messages: [] as number[] };
  const users = Array.from({ length: ACCOUNTS }, (_, user) => `bench-${user}`);
  for (let round = 0; round < options.rounds; round++) {
    const manager = open();
    await manager.init();
    const began = performance.now();
    let added = 0;
    const adder = async () => {
      while (added < MESSAGES) {
        const i = added++;
        await manager.credits.addCredits(users[i % ACCOUNTS] as string, 1, { idempotencyKey: `${began}-${i}` });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, adder));
    rates.add.push(MESSAGES / ((performance.now() - began) / 1000));
    await manager.close();

    const publish = async (from: number) => {
      for (let i = from; i < MESSAGES; i += AT_ONCE) {
        const id = `${began}-${i}`;
        const payload = { merchant_id: users[i % ACCOUNTS], adjustment_id: id, amount: 1, admin_id: 'bench' };
        const body = { event_id: id, event_type: SUBJECT, timestamp: new Date().toISOString(), payload };
        await client.publish(SUBJECT, JSON.stringify(body));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => publish(i)));
    const source = natsSource({ url: natsUrl, createStreams: true, maxInFlight: AT_ONCE, subjects: [SUBJECT] });
    const taking = open([source]);
    await taking.init();
    let taken = 0;
    const takingBegan = performance.now();
    await new Promise<void>((resolve) => {
      source.start({
        ...taking.inbox,
        receive: async (message) => {
          const reception = await taking.inbox.receive(message);
          if (++taken === MESSAGES) resolve();
          return reception;
        },
      });
    });
    rates.messages.push(MESSAGES / ((performance.now() - takingBegan) / 1000));
    await taking.close();
  }
  const [add, messages] = [median(rates.add), median(rates.messages)];
  const lines = [
    { design: 'addCredits', perSecond: Math.round(add) },
    { design: 'messages in', perSecond: Math.round(messages), ratio: Number((messages / add).toFixed(2)), goal: GOAL },
  ];
  for (const line of lines) console.log(options.json ? JSON.stringify(line) : line);
}
