/**
 * Events a second that the relay publishes to JetStream, from PostgreSQL with the broker's acknowledgement and the mark
 * of each, against raw acknowledged publishes of messages of the same size, rounds alternating in one run. NATS_URL and
 * CREDIT_DATABASE_URL name the servers.
 */
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { natsSink } from '../../src/entries/nats.js';
import { SqlDbManager } from '../../src/entries/sql.js';
import { createCreditManagement } from '../../src/index.js';
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
  await connection.close();
}
