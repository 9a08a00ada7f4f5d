/** NATS that is away, frozen, cut off, late, or loses its leader: nothing is lost, given up or out of order. */
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { creditEventTypes } from '../../src/models/events.js';
import { describeNats, describeNatsCluster, describeOwnNats, type NatsServer } from '../backends/nats.js';
import { TcpProxy } from '../backends/proxy.js';
import { eventually, until } from '../support/wait.js';
import { natsWorld, type Received, received } from './world.js';

type World = ReturnType<typeof natsWorld>;

const USERS = 20;

/** Calls as they are made all day. Each has to succeed at once, whatever becomes of NATS. */
async function traffic({ manager }: World, rounds: number): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    await Promise.all(Array.from({ length: USERS }, (_, user) => manager.credits.addCredits(`u${user}`, 1)));
    await manager.jobs.runOutbox({ maxDurationMs: 300 });
  }
}

/** None is given up while NATS is away, and health says that events wait. */
async function waits({ manager, rows }: World, problem: RegExp): Promise<void> {
  await eventually(async () => {
    await manager.jobs.runOutbox({ maxDurationMs: 2_000 });
    expect((await manager.health()).sinkProblems).toEqual([{ sink: 'nats', problem: expect.stringMatching(problem) }]);
  });
  const left = (await rows()).filter(({ status }) => status !== 'sent');
  expect(left.length).toBeGreaterThan(0);
  expect(new Set(left.map(({ status, attempts }) => `${status} ${attempts}`))).toEqual(new Set(['pending 0']));
}

/** Everything is sent, and health is well again. */
async function goesOn({ manager, rows }: World): Promise<void> {
  await eventually(async () => {
    await manager.jobs.runOutbox({ maxDurationMs: 2_000 });
    expect((await rows()).filter(({ status }) => status !== 'sent')).toEqual([]);
  });
  expect(await manager.health()).toMatchObject({ status: 'healthy', sinkProblems: [] });
}

/** Each event is in the stream, copies are alike, and the first ones of an account are in order. */
async function isWhole({ rows }: World, messages: readonly Received[]): Promise<void> {
  const texts = new Map<string, string>();
  const last = new Map<string, number>();
  for (const { id, text, body } of messages) {
    const known = texts.get(id);
    if (known !== undefined) {
      expect(text).toBe(known);
      continue;
    }
    texts.set(id, text);
    const { merchant_id: user, sequence } = body.payload;
    expect(sequence).toBeGreaterThanOrEqual(last.get(user) ?? 0);
    last.set(user, sequence);
  }
  expect([...texts.keys()].toSorted()).toEqual((await rows()).map(({ eventId }) => eventId).toSorted());
}

describeNats('a sink', (server) => {
  test('goes on after NATS was stopped and started again', async () => {
    const world = natsWorld(server(), { createStreams: true });
    await traffic(world, 2);
    await server().stop();
    onTestFinished(() => server().start());
    await traffic(world, 3);
    await waits(world, /not connected|cannot be reached/);
    await server().start();
    await goesOn(world);
    await isWhole(world, await received(server()));
  });
});

describeNats('a sink whose server', (server) => {
  test('is frozen tries few events, and goes on when it thaws', async () => {
    const world = natsWorld(server(), { createStreams: true, timeoutMs: 200 }, { outbox: { concurrency: 4 } });
    await traffic(world, 2);
    server().freeze();
    onTestFinished(() => server().thaw());
    await traffic(world, 3);
    await waits(world, /does not answer/);
    const tried = (await world.rows()).filter(({ unreached }) => unreached > 0);
    expect(tried.length).toBeLessThanOrEqual(8);
    server().thaw();
    await goesOn(world);
    await isWhole(world, await received(server()));
  });
});

describeOwnNats('a sink', (start) => {
  test('whose stream is deleted goes on when there is one again', async () => {
    const server = await start();
    const world = natsWorld(server, { createStreams: true });
    await traffic(world, 1);
    await goesOn(world);
    const before = await received(server);
    await server.with((_, manager) => manager.streams.delete('CREDIT'));
    await world.manager.credits.addCredits('u1', 1);
    await goesOn(world);
    await isWhole(world, [...before, ...(await received(server))]);
  });

  test('waits for a server that comes last', async () => {
    const server = await start();
    await server.stop();
    const world = natsWorld(server, { createStreams: true });
    await traffic(world, 2);
    await waits(world, /cannot be reached/);
    await server.start();
    await goesOn(world);
    await isWhole(world, await received(server));
  });

  test.each(['silent', 'frozen', 'cut'] as const)('goes on after a network that was %s', async (state) => {
    const server = await start();
    const proxy = await TcpProxy.start(server.url);
    onTestFinished(() => proxy.close());
    const world = natsWorld(server, { url: proxy.url, createStreams: true, timeoutMs: 300 });
    await traffic(world, 2);
    if (state === 'silent') {
      proxy.ignore();
      proxy.cut();
    }
    if (state === 'frozen') proxy.freeze();
    if (state === 'cut') proxy.down();
    await traffic(world, 2);
    await waits(world, /does not answer|not connected|cannot be reached/);
    proxy.heal();
    await goesOn(world);
    await isWhole(world, await received(server));
  });
});

describeNatsCluster('a cluster whose leader is killed', (servers) => {
  test('has every event', async () => {
    const [first] = servers() as [NatsServer];
    const subjects = [...new Set(creditEventTypes.map((type) => `evt.${type.split('.')[0]}.>`))];
    await eventually(async () => {
      await first.with((_, manager) =>
        manager.streams.add({ name: 'CREDIT', subjects, num_replicas: 3, storage: 'file' as never }),
      );
    });
    const world = natsWorld(first, { url: servers().map(({ url }) => url) });
    await traffic(world, 2);
    await goesOn(world);
    const leader = await first.with(async (_, manager) => (await manager.streams.info('CREDIT')).cluster?.leader);
    const killed = servers()[Number(leader?.slice(1))] as NatsServer;
    await killed.stop();
    await traffic(world, 3);
    await goesOn(world);
    const rest = servers().filter((server) => server !== killed) as [NatsServer];
    const connection = await connect({ servers: rest.map(({ url }) => url) });
    onTestFinished(() => connection.close());
    const manager = await jetstreamManager(connection);
    await until(async () => (await manager.streams.info('CREDIT')).state.messages > 0, 'the stream has a leader');
    await isWhole(world, await received(rest[0]));
  });
});
