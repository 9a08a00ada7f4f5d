/** Messages from streams of NATS: each is applied once and acknowledged, and nothing ends the loop that takes them. */
import { AckPolicy, jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createCreditManagementFromEnv } from '../../src/entries/env.js';
import { type NatsSourceOptions, natsSink, natsSource, natsSubjects } from '../../src/entries/nats.js';
import {
  type CreditManagement,
  type CreditManagementOptions,
  createCreditManagement,
  InMemoryDbManager,
  type MemorySession,
} from '../../src/index.js';
import { describeNats, describeOwnNats, type NatsServer, OPERATOR } from '../backends/nats.js';
import { TcpProxy } from '../backends/proxy.js';
import { envelope, message, PAYLOADS, SUBJECTS } from '../inbox/messages.js';
import { QUIET } from '../support/quiet.js';
import { eventually } from '../support/wait.js';
import { received } from './world.js';

type Options = Omit<CreditManagementOptions<MemorySession>, 'db' | 'sources'>;

function sourceWorld(server: NatsServer, given: Partial<NatsSourceOptions> = {}, options: Options = {}) {
  const db = new InMemoryDbManager();
  const source = natsSource({ ...(given.connection ? {} : { url: server.url }), createStreams: true, ...given });
  const manager = createCreditManagement({ logger: QUIET, ...options, db, sources: [source] });
  onTestFinished(() => manager.close());
  const balance = async (user: string) => (await manager.credits.getUserCreditsInfo(user, { fresh: true })).balance;
  return { db, manager: manager as unknown as CreditManagement, source, balance };
}

/** Publishes messages with the broker's acknowledgement. */
async function publish(server: NatsServer, messages: readonly { subject: string; body: string }[]): Promise<void> {
  const connection = await connect({ servers: server.url });
  try {
    const client = jetstream(connection);
    for (const { subject, body } of messages) await client.publish(subject, body);
  } finally {
    await connection.close();
  }
}

const adjusted = (i: number, merchant = 'shop') =>
  message('adjusted', `e-${i}`, { ...PAYLOADS.adjusted, merchant_id: merchant, adjustment_id: i, amount: 1 });
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** What the durable consumer of a subject still has to give. */
async function left(server: NatsServer, stream: string, subject: string): Promise<number> {
  const name = `credit-management_${subject.replaceAll('.', '_')}`;
  return server.with(async (_, manager) => {
    const info = await manager.consumers.info(stream, name);
    return info.num_pending + info.num_ack_pending;
  });
}

/** The source has a problem, which health tells with the remedy. */
async function expectProblem({ manager }: ReturnType<typeof sourceWorld>, problem: RegExp): Promise<void> {
  await eventually(async () => {
    expect(await manager.health()).toMatchObject({
      ...{ status: 'degraded', sourceProblems: [{ source: 'nats', problem: expect.stringMatching(problem) }] },
    });
  });
}

describeNats('a source', (server) => {
  test('takes every subject, once, and acknowledges; the streams are made where none takes them', async () => {
    const world = sourceWorld(server(), { subjects: [...natsSubjects, SUBJECTS.granted, SUBJECTS.trial] });
    world.manager.inbox.on('quiz.finished', z.object({ user: z.string() }), async ({ payload, options }) => {
      await world.manager.credits.addCredits(payload.user, 3, options);
    });
    world.manager.start();
    await eventually(async () => expect((await world.manager.health()).sourceProblems).toEqual([]));
    const kinds = ['paid', 'refunded', 'billed', 'created', 'adjusted', 'granted', 'trial'] as const;
    const streams = await server().with(async (_, manager) => {
      const all: Record<string, readonly string[]> = {};
      for await (const { config } of manager.streams.list()) all[config.name] = config.subjects;
      return all;
    });
    expect(streams.CREDIT).toContain('evt.credits.>');
    expect(streams.CREDIT_IN?.toSorted()).toEqual(
      [
        ...kinds.map((kind) => SUBJECTS[kind]).filter((subject) => subject !== SUBJECTS.adjusted),
        'quiz.finished',
      ].toSorted(),
    );
    const quiz = { subject: 'quiz.finished', body: JSON.stringify({ ...envelope('created', 'q', { user: 'shop' }) }) };
    const all = [...kinds.map((kind) => message(kind, `e-${kind}`)), quiz];
    await publish(server(), [...all, ...all, ...all]);
    await eventually(async () => {
      expect(await world.balance('shop')).toBe(10 + 49.9 + 7.5 + 50 + 30 + 3);
      for (const { subject } of all) {
        expect(await left(server(), subject === SUBJECTS.adjusted ? 'CREDIT' : 'CREDIT_IN', subject)).toBe(0);
      }
    });
    expect(await world.manager.inbox.getReceipt(SUBJECTS.adjusted, 'e-adjusted')).toMatchObject({
      ...{ stream: 'CREDIT', sequence: expect.any(Number), userId: 'shop' },
    });
    expect((await world.manager.inbox.listDeadLetters()).items).toEqual([]);
    await world.manager.close();
    expect(await left(server(), 'CREDIT', SUBJECTS.adjusted)).toBe(0);
  });
});

describeNats('dead letters', (server) => {
  test('end on the server, are told on a subject of their own, and hold nothing up', async () => {
    const sink = natsSink({ url: server().url, createStreams: true });
    const world = sourceWorld(server(), {}, { sinks: [sink] });
    world.manager.start({ outboxEverySeconds: 0.1 });
    const bad = [
      { subject: SUBJECTS.paid, body: 'no JSON' },
      message('adjusted', 'bad', { ...PAYLOADS.adjusted, amount: -1 }),
    ];
    await eventually(async () => expect((await world.manager.health()).sourceProblems).toEqual([]));
    await publish(server(), [...bad, ...bad, adjusted(1)]);
    await eventually(async () => expect(await world.balance('shop')).toBe(1));
    await eventually(async () => {
      const told = (await received(server())).filter(({ subject }) => subject.startsWith('dlq.'));
      expect(told.map(({ subject }) => subject).toSorted()).toEqual(
        [1, 2].flatMap(() => [`dlq.credits.${SUBJECTS.adjusted}`, `dlq.credits.${SUBJECTS.paid}`]).toSorted(),
      );
      expect(told[0]?.body).toMatchObject({
        event_type: 'inbox.dead_lettered',
        payload: {
          dead_letter_id: expect.any(String),
          stream_sequence: expect.any(Number),
          reason: expect.any(String),
        },
      });
    });
    // Two of each: they came as two messages of the stream.
    expect((await world.manager.inbox.listDeadLetters()).items.length).toBe(4);
    await eventually(async () => {
      expect(await left(server(), 'CREDIT_IN', SUBJECTS.paid)).toBe(0);
      expect(await left(server(), 'CREDIT', SUBJECTS.adjusted)).toBe(0);
    });
  });
});

describeOwnNats('with a server of its own', (start) => {
  test.each([
    ['takes messages with CREDIT_NATS_CONSUME', { CREDIT_NATS_CONSUME: 'true' }, 1],
    ['takes none without it', {}, 0],
  ])('a manager from the environment %s', async (_, env, count) => {
    const server = await start();
    const all = { NATS_URL: server.url, CREDIT_NATS_CREATE_STREAMS: 'true', CREDIT_ALLOW_MEMORY: '1', ...env };
    const manager = createCreditManagementFromEnv({ logger: QUIET }, all);
    onTestFinished(() => manager.close());
    manager.start({ outboxEverySeconds: 0.1 });
    // Its own event tells that the sink works; the stream of foreign subjects is made by the source alone.
    await manager.credits.addCredits('u', 1);
    await eventually(async () => expect((await received(server)).length).toBeGreaterThan(0));
    const streams = async () =>
      server.with(async (__, { streams }) => (await streams.names(SUBJECTS.paid).next()).length);
    if (count > 0) await eventually(async () => expect(await streams()).toBe(count));
    else expect(await streams()).toBe(0);
  });

  test('the stream that a source makes takes all events of a sink that comes later', async () => {
    const server = await start();
    const first = sourceWorld(server);
    first.manager.start();
    await eventually(async () => expect((await first.manager.health()).sourceProblems).toEqual([]));
    const later = sourceWorld(server, {}, { sinks: [natsSink({ url: server.url, createStreams: true })] });
    await later.manager.inbox.receive(message('paid', 'e'));
    await later.manager.jobs.runOutbox();
    expect(await later.manager.health()).toMatchObject({ sinkProblems: [] });
    expect((await received(server)).map(({ subject }) => subject)).toContain('evt.payment.paid');
  });

  test('dead letters get a stream where the one of the events does not take them', async () => {
    const server = await start();
    await server.with((_, manager) => manager.streams.add({ name: 'THEIRS', subjects: ['evt.>'] }));
    const sink = natsSink({ url: server.url, createStreams: true });
    const { manager } = sourceWorld(server, {}, { sinks: [sink] });
    await manager.jobs.runOutbox();
    expect((await manager.health()).sinkProblems).toEqual([]);
    await manager.inbox.receive({ subject: SUBJECTS.paid, body: '{' });
    await eventually(async () => {
      await manager.jobs.runOutbox();
      expect((await received(server)).map(({ subject }) => subject)).toEqual([`dlq.credits.${SUBJECTS.paid}`]);
    });
    expect((await manager.health()).sinkProblems).toEqual([]);
  });
});

describeOwnNats('a source', (start) => {
  const addStream = (server: NatsServer, name: string, subjects: string[]) =>
    server.with((_, manager) => manager.streams.add({ name, subjects }));
  const taken = (world: ReturnType<typeof sourceWorld>, count: number) =>
    eventually(async () => expect(await world.balance('shop')).toBe(count));

  test('goes on after the server was stopped and frozen, and its consumer and stream were deleted', async () => {
    const server = await start();
    const world = sourceWorld(server);
    world.manager.start();
    await eventually(async () => expect((await world.manager.health()).sourceProblems).toEqual([]));
    await publish(
      server,
      numbers(0, 5).map((i) => adjusted(i)),
    );
    await taken(world, 5);
    await server.stop();
    await expectProblem(world, /not connected|cannot be reached/);
    await server.start();
    await publish(
      server,
      numbers(5, 10).map((i) => adjusted(i)),
    );
    await taken(world, 10);
    server.freeze();
    await new Promise((resolve) => setTimeout(resolve, 200));
    server.thaw();
    await publish(
      server,
      numbers(10, 15).map((i) => adjusted(i)),
    );
    await taken(world, 15);
    const consumer = `credit-management_${SUBJECTS.adjusted.replaceAll('.', '_')}`;
    await server.with((_, manager) => manager.consumers.delete('CREDIT', consumer));
    await publish(
      server,
      numbers(15, 20).map((i) => adjusted(i)),
    );
    // A new consumer begins with the first message again: receipts tell.
    await taken(world, 20);
    await eventually(async () => expect(await left(server, 'CREDIT', SUBJECTS.adjusted)).toBe(0));
    await server.with((_, manager) => manager.streams.delete('CREDIT'));
    await eventually(async () => {
      await server.with((_, manager) => manager.consumers.info('CREDIT', consumer));
    });
    await publish(
      server,
      numbers(20, 25).map((i) => adjusted(i)),
    );
    await taken(world, 25);
    expect((await world.manager.ledger.verify()).problems).toEqual([]);
    expect((await world.manager.inbox.listDeadLetters()).items).toEqual([]);
  });

  test('waits for a server that comes last, behind a network that was cut', async () => {
    const server = await start();
    const proxy = await TcpProxy.start(server.url);
    onTestFinished(() => proxy.close());
    proxy.down();
    const world = sourceWorld(server, { url: proxy.url });
    world.manager.start();
    await expectProblem(world, /cannot be reached/);
    proxy.heal();
    await eventually(async () => expect((await world.manager.health()).sourceProblems).toEqual([]));
    await publish(server, [adjusted(1)]);
    await taken(world, 1);
    proxy.ignore();
    proxy.cut();
    await publish(server, [adjusted(2)]);
    await expectProblem(world, /not connected|cannot be reached|does not answer/);
    proxy.heal();
    await taken(world, 2);
  });

  test.each<
    [
      string,
      string,
      (server: NatsServer) => Promise<unknown>,
      Partial<NatsSourceOptions>,
      RegExp,
      (server: NatsServer) => Promise<unknown>,
    ]
  >([
    [
      ...(['a missing stream', ''] as const),
      async () => {},
      ...([{ createStreams: false }, /^No stream of NATS takes evt\..*createStreams/] as const),
      (server) => addStream(server, 'LATER', ['evt.>']),
    ],
    [
      ...(['a stream that overlaps', ''] as const),
      (server) => addStream(server, 'THEIRS', ['evt.shopify.webhook.*.more', 'evt.credits.*.deep']),
      ...([{}, /overlap/] as const),
      (server) => server.with((_, manager) => manager.streams.delete('THEIRS')),
    ],
    [
      ...(['a stream of the same name', ''] as const),
      (server) => addStream(server, 'CREDIT_IN', ['other']),
      ...([{}, /There is a stream CREDIT_IN that does not take/] as const),
      (server) => addStream(server, 'LATER', ['evt.shopify.>', 'evt.billing.>', 'evt.merchant.>']),
    ],
    [
      ...(['a consumer that gives messages up', ''] as const),
      async (server) => {
        await addStream(server, 'CREDIT', ['evt.>']);
        const name = `credit-management_${SUBJECTS.paid.replaceAll('.', '_')}`;
        const own = {
          durable_name: name,
          filter_subject: SUBJECTS.paid,
          ack_policy: AckPolicy.Explicit,
          max_deliver: 3,
        };
        await server.with((_, manager) => manager.consumers.add('CREDIT', own));
      },
      ...([{}, /max_deliver/] as const),
      (server) =>
        server.with((_, manager) =>
          manager.consumers.delete('CREDIT', `credit-management_${SUBJECTS.paid.replaceAll('.', '_')}`),
        ),
    ],
    [
      ...([
        'a wrong password',
        'authorization { users: [ { user: operator, password: operator-password } ] }',
      ] as const),
      async () => {},
      ...([{ user: 'operator', password: 'wrong' }, /refuses the user or the password/] as const),
      async (server) => {
        await server.stop();
        server.config = '';
        await server.start();
      },
    ],
  ])('names %s, and goes on when it is mended', async (_, config, spoil, given, problem, mend) => {
    const server = await start(config);
    await spoil(server);
    const world = sourceWorld(server, given);
    world.manager.start();
    await expectProblem(world, problem);
    await mend(server);
    await eventually(async () => expect((await world.manager.health()).sourceProblems).toEqual([]));
    await publish(server, [adjusted(1), message('paid', 'e')]);
    await taken(world, 21);
  });

  test('names a user that may not consume', async () => {
    const server = await start(
      `authorization { users: [
        { user: ${OPERATOR.user}, password: ${OPERATOR.pass} },
        { user: app, password: right, permissions: { publish: ["$JS.API.STREAM.>"], subscribe: ["_INBOX.>"] } } ] }`,
    );
    await addStream(server, 'ALL', ['evt.>']);
    const world = sourceWorld(server, { user: 'app', password: 'right', subjects: [SUBJECTS.paid] });
    world.manager.start();
    await expectProblem(world, /does not allow the user to consume evt\.shopify\.webhook\.order_paid/);
  });

  test('gives a message back while the database is away, without limit, and loses none', async () => {
    const server = await start();
    const world = sourceWorld(server, {}, { timeoutMs: 200 });
    await world.manager.init();
    const commit = world.db.commit.bind(world.db);
    let refused = 0;
    world.db.commit = async () => {
      refused++;
      throw new Error('no database');
    };
    world.manager.start();
    await eventually(async () => expect((await world.manager.health()).sourceProblems).toEqual([]));
    await publish(server, [...numbers(0, 20).map((i) => adjusted(i)), { subject: SUBJECTS.paid, body: 'broken' }]);
    await eventually(async () => expect(refused).toBeGreaterThan(60));
    world.db.commit = commit;
    await taken(world, 20);
    await eventually(async () => expect((await world.manager.inbox.listDeadLetters()).items.length).toBe(1));
    await eventually(async () => expect(await left(server, 'CREDIT', SUBJECTS.adjusted)).toBe(0));
  });

  test('takes fewer messages at once while they fail, and more again when they are taken', async () => {
    const server = await start();
    await addStream(server, 'ALL', ['evt.>']);
    await publish(
      server,
      numbers(0, 300).map((i) => adjusted(i)),
    );
    const source = natsSource({ url: server.url, subjects: [SUBJECTS.adjusted], maxInFlight: 64 });
    onTestFinished(() => source.close());
    const waiting: ((isTaken: boolean) => void)[] = [];
    const end = (isTaken: boolean) => {
      for (const settle of waiting.splice(0)) settle(isTaken);
    };
    onTestFinished(() => end(true));
    const taken = { outcome: 'applied', reason: null, deadLetterId: null } as const;
    source.start({
      onSubject: () => () => {},
      receive: () =>
        new Promise((resolve, reject) => {
          waiting.push((isTaken) => (isTaken ? resolve(taken) : reject(new Error('not now'))));
        }),
    });
    // Places that are freed one by one, as acknowledgements come in, are not asked for below a quarter of them.
    for (const [least, most, isTaken] of [
      [64, 64, false],
      [32, 32, false],
      [16, 16, true],
      [25, 32, true],
    ] as const) {
      await eventually(async () => expect(waiting.length).toBeGreaterThanOrEqual(least));
      // Nothing more is fetched while they are under way.
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(waiting.length).toBeGreaterThanOrEqual(least);
      expect(waiting.length).toBeLessThanOrEqual(most);
      end(isTaken);
    }
  });

  test('lets the messages under way end when it is closed, and leaves the others to the next process', async () => {
    const server = await start();
    const world = sourceWorld(server, { maxInFlight: 4 });
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    let began = 0;
    world.manager.inbox.on('slow', z.object({}).loose(), async ({ options, eventId }) => {
      began++;
      await gate;
      await world.manager.credits.addCredits(eventId, 1, options);
    });
    world.manager.start();
    await eventually(async () => expect((await world.manager.health()).sourceProblems).toEqual([]));
    await publish(
      server,
      numbers(0, 10).map((i) => ({ subject: 'slow', body: JSON.stringify(envelope('created', `s-${i}`)) })),
    );
    await eventually(async () => expect(began).toBe(4));
    const closing = world.manager.close();
    open();
    await closing;
    expect(began).toBe(4);
    expect(await left(server, 'CREDIT_IN', 'slow')).toBe(6);
  });

  test.each([
    [{}, /either connection or url/],
    [{ url: 'nats://x', subjects: ['evt.>'] }, /subjects/],
    [{ url: 'nats://x', durable: 'a.b' }, /durable/],
    [{ url: 'nats://x', maxInFlight: 0 }, /maxInFlight/],
    [{ url: 'nats://x', createStreams: 'yes' }, /createStreams/],
    [{ url: 'nats://x', stream: 'x' }, /no option stream/],
    [null, /object of options/],
  ])('refuses the options %j', (options, problem) => {
    const make = () => natsSource(options as never);
    expect(make).toThrow(expect.objectContaining({ code: 'CONFIGURATION', message: expect.stringMatching(problem) }));
  });
});
