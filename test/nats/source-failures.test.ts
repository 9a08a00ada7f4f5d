/** A source whose broker loses its leader, and one whose database is away: every message is applied, once. */
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { natsSource } from '../../src/entries/nats.js';
import { SqlDbManager } from '../../src/entries/sql.js';
import { createCreditManagement, InMemoryDbManager, type MessageInbox } from '../../src/index.js';
import { describeNats, describeNatsCluster, type NatsServer } from '../backends/nats.js';
import { describePostgres } from '../backends/postgres.js';
import { TcpProxy } from '../backends/proxy.js';
import { message, PAYLOADS, SUBJECTS } from '../inbox/messages.js';
import { QUIET } from '../support/quiet.js';
import { eventually } from '../support/wait.js';

const adjusted = (i: number) => message('adjusted', `e-${i}`, { ...PAYLOADS.adjusted, adjustment_id: i, amount: 1 });

/** Publishes messages, each until a broker has it. */
async function publish(urls: readonly string[], from: number, to: number): Promise<void> {
  const connection = await connect({ servers: [...urls] });
  try {
    const client = jetstream(connection);
    for (let i = from; i < to; i++) {
      const { subject, body } = adjusted(i);
      await eventually(async () => {
        await client.publish(subject, body, { timeout: 1_000 });
      });
    }
  } finally {
    await connection.close();
  }
}

describeNatsCluster('a source on a cluster whose leader is killed', (servers) => {
  test('takes every message', async () => {
    const [first] = servers() as [NatsServer];
    const urls = servers().map(({ url }) => url);
    await eventually(async () => {
      const stream = { name: 'CREDIT', subjects: ['evt.credits.>'], num_replicas: 3 };
      await first.with((_, manager) => manager.streams.add(stream));
    });
    const source = natsSource({ url: urls, subjects: [SUBJECTS.adjusted] });
    const manager = createCreditManagement({ db: new InMemoryDbManager(), sources: [source], logger: QUIET });
    onTestFinished(() => manager.close());
    manager.start();
    await publish(urls, 0, 20);
    const balance = async () => (await manager.credits.getUserCreditsInfo('shop')).balance;
    await eventually(async () => expect(await balance()).toBe(20));
    const leader = await first.with(async (_, { streams }) => (await streams.info('CREDIT')).cluster?.leader);
    const killed = servers()[Number(leader?.slice(1))] as NatsServer;
    await killed.stop();
    const rest = servers().filter((server) => server !== killed);
    await publish(
      rest.map(({ url }) => url),
      20,
      60,
    );
    await eventually(async () => expect(await balance()).toBe(60));
    await eventually(async () => expect((await manager.health()).sourceProblems).toEqual([]));
    expect((await manager.inbox.listDeadLetters()).items).toEqual([]);
  });
});

await describePostgres('a source whose database is away, on PostgreSQL', (database) => {
  describeNats('and a stream', (server) => {
    test.each(['down', 'frozen'] as const)('gives messages back while it is %s, and loses none', async (state) => {
      const proxy = await TcpProxy.start(database.url);
      onTestFinished(() => proxy.close());
      const source = natsSource({ url: server().url, subjects: [SUBJECTS.adjusted], createStreams: true });
      const db = new SqlDbManager({ url: proxy.url, poolSize: 2 });
      const manager = createCreditManagement({ db, timeoutMs: 1_000, logger: QUIET });
      onTestFinished(async () => {
        await source.close();
        await manager.close();
      });
      await manager.init();
      const before = (await manager.credits.getUserCreditsInfo('shop')).balance;
      let given = 0;
      const counting: MessageInbox = {
        ...manager.inbox,
        receive: async (one) =>
          manager.inbox.receive(one).catch((error: unknown) => {
            given++;
            throw error;
          }),
      };
      source.start(counting);
      await eventually(async () => expect(source.problem?.()).toBeNull());
      if (state === 'down') proxy.down();
      else proxy.freeze();
      const from = before;
      await publish([server().url], from, from + 30);
      await eventually(async () => expect(given).toBeGreaterThan(60));
      proxy.heal();
      await eventually(async () => {
        expect((await manager.credits.getUserCreditsInfo('shop')).balance).toBe(before + 30);
      });
      expect((await manager.inbox.listDeadLetters()).items).toEqual([]);
      expect((await manager.ledger.verify()).problems).toEqual([]);
    });
  });
});
