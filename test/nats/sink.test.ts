/** Events in a stream of a real NATS: their subjects, ids and bytes, and the streams that take them. */
import { connect } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { natsSink } from '../../src/entries/nats.js';
import { creditEventTypes } from '../../src/models/events.js';
import { subjectOfType } from '../../src/nats/envelope.js';
import { describeNats, describeOwnNats, OPERATOR } from '../backends/nats.js';
import { natsWorld, received } from './world.js';

describeNats('events in a stream', (server) => {
  test('carry the fields that consumers of the merchant service know, under the id of the event', async () => {
    const { manager, rows } = natsWorld(server(), { createStreams: true }, { defaults: { trialCredits: 100 } });
    const { credits } = manager;
    await credits.createAccount('shop-7', { lowCreditThreshold: 20 });
    const order = { source: 'purchase', reference: 'order-1', correlationId: 'corr-1' } as const;
    const paid = await credits.addCredits('shop-7', 10, order);
    await credits.reverseTransaction(paid.id, { amount: 4, reason: 'Returned' });
    const adjusted = await credits.adjustCredits('shop-7', -6, { actor: 'ann', reason: 'Goodwill' });
    await credits.deductCreditsAfterService('shop-7', 105);
    await credits.addCredits('shop-7', 50);
    expect(await manager.jobs.runOutbox()).toMatchObject({ status: 'completed', failed: 0, skippedCount: 0 });
    expect((await rows()).every(({ status, sentAt }) => status === 'sent' && sentAt !== null)).toBe(true);

    const messages = await received(server());
    const events = await rows();
    expect(messages.map(({ id }) => id).toSorted()).toEqual(events.map(({ eventId }) => eventId).toSorted());
    const payloads = new Map<string, unknown>();
    let sequence = 0;
    for (const { id, subject, body, mediaType } of messages) {
      expect(mediaType).toBe('application/json');
      expect(subject).toBe(`evt.${body.event_type}`);
      expect(body).toMatchObject({ event_id: id, idempotency_key: id });
      expect(body.metadata).toEqual({ source_service: 'credit-service', version: '1' });
      expect(body.payload.sequence).toBeGreaterThanOrEqual(sequence);
      sequence = body.payload.sequence;
      payloads.set(subject, body.payload);
    }
    const own = { merchant_id: 'shop-7', credit_type: 'credits', transaction_id: expect.any(String) };
    expect(payloads.get('evt.credits.account.created')).toMatchObject({ merchant_id: 'shop-7', initial_balance: 100 });
    expect(messages.find(({ body }) => body.payload.reference_id === 'order-1')?.body).toMatchObject({
      ...{ correlation_id: 'corr-1', timestamp: paid.createdAt.toISOString() },
      payload: {
        ...own,
        ...{ amount: 10, new_balance: 110, source: 'purchase', reference_type: 'purchase', transaction_id: paid.id },
      },
    });
    expect(payloads.get('evt.credits.refunded')).toMatchObject({
      ...{ ...own, amount: -4, new_balance: 106, original_reference_id: paid.id, reason: 'Returned' },
    });
    expect(payloads.get('evt.credits.adjusted')).toMatchObject({
      ...{ ...own, amount: -6, new_balance: 100, admin_id: 'ann', reason: 'Goodwill', transaction_id: adjusted.id },
    });
    expect(payloads.get('evt.credits.low_balance_reached')).toMatchObject({ ...own, balance: -5, threshold: 20 });
    expect(payloads.get('evt.credits.balance_exhausted')).toMatchObject({ ...own, balance: -5 });
    expect(payloads.get('evt.credits.balance_restored')).toMatchObject({ ...own, balance: 45 });
    expect(payloads.get('evt.credits.plugin_status_changed')).toMatchObject({
      ...{ ...own, previous_status: 'disabled', current_status: 'enabled', balance: 45 },
      ...{ reason: 'Sufficient credits', timestamp: expect.stringMatching(/Z$/) },
    });
  });

  test('are CloudEvents where that is asked for', async () => {
    const { manager } = natsWorld(server(), { format: 'cloudevents', source: 'my.credits', createStreams: true });
    const before = (await received(server())).length;
    await manager.credits.addCredits('cloud', 5, { correlationId: 'c-1' });
    await manager.jobs.runOutbox();
    const messages = (await received(server())).slice(before);
    expect(messages.length).toBeGreaterThan(1);
    for (const { body, subject, id, mediaType } of messages) {
      expect(mediaType).toBe('application/cloudevents+json');
      expect(body).toMatchObject({
        ...{ specversion: '1.0', id, source: '/my.credits', type: subject.slice(4), subject: 'cloud' },
        ...{ time: expect.stringMatching(/Z$/), datacontenttype: 'application/json', correlationid: 'c-1' },
        data: { merchant_id: 'cloud', credit_type: 'credits' },
      });
    }
  });

  test('that come again have the same bytes, and the stream keeps one', async () => {
    const { sink, rows, manager } = natsWorld(server(), { createStreams: true });
    await manager.credits.addCredits('again', 5);
    await manager.jobs.runOutbox();
    const before = await received(server());
    for (const { payload } of await rows()) {
      // As a database gives it back that keeps no order of keys.
      const { data, ...others } = payload;
      const turned = Object.fromEntries(Object.entries(data).toReversed());
      expect(await sink.publish({ data: turned, ...others } as never)).toBe(undefined);
    }
    expect(await received(server())).toEqual(before);
  });

  test('go over a connection of the host, which stays open', async () => {
    const connection = await connect({ servers: server().url });
    onTestFinished(() => connection.close());
    const { manager, rows } = natsWorld(server(), { connection, createStreams: true });
    await manager.credits.addCredits('host', 5);
    await manager.jobs.runOutbox();
    expect((await rows()).map(({ status }) => status)).toEqual((await rows()).map(() => 'sent'));
    await manager.close();
    expect(connection.isClosed()).toBe(false);
    await connection.flush();
  });

  test('of chosen types alone', async () => {
    const { manager, rows } = natsWorld(server(), { types: ['credits.recharged'], createStreams: true });
    await manager.credits.addCredits('few', 5);
    await manager.jobs.runOutbox();
    expect((await rows()).map(({ type, status }) => `${type} ${status}`)).toEqual(['credits.recharged sent']);
  });
});

describeOwnNats('streams', (start) => {
  async function streamWorld(config = '') {
    const server = await start(config);
    const add = (name: string, subjects: string[]) =>
      server.with((_, manager) => manager.streams.add({ name, subjects, storage: 'memory' as never }));
    const infoOf = (name: string) => server.with((_, manager) => manager.streams.info(name));
    return { server, add, infoOf };
  }
  type World = ReturnType<typeof natsWorld>;

  /** Nothing is sent, nothing is given up, and health says why. */
  async function waits({ manager, rows }: World, problem: RegExp) {
    await manager.credits.addCredits('u', 5);
    for (let i = 0; i < 2; i++) expect(await manager.jobs.runOutbox()).toMatchObject({ delivered: 0, failed: 0 });
    expect(new Set((await rows()).map(({ status, attempts }) => `${status} ${attempts}`))).toEqual(
      new Set(['pending 0']),
    );
    const { status, sinkProblems } = await manager.health();
    expect(sinkProblems).toEqual([{ sink: 'nats', problem: expect.stringMatching(problem) }]);
    expect(status).toBe('degraded');
  }

  test('the one that is made takes every type, keeps files for 30 days and knows an id for two minutes', async () => {
    const { server, infoOf } = await streamWorld();
    const { sink } = natsWorld(server, { createStreams: true });
    expect([await sink.isReady?.(), sink.problem?.()]).toEqual([true, null]);
    const { config } = await infoOf('CREDIT');
    expect(config).toMatchObject({
      ...{ storage: 'file', max_msgs: 1_000_000, max_age: 30 * 86_400 * 1e9, duplicate_window: 120 * 1e9 },
      subjects: ['evt.credits.>', 'evt.subscription.>', 'evt.payment.>', 'evt.top_up.>', 'dlq.credits.>'],
    });
    const groups = config.subjects.map((subject) => subject.slice(0, -1));
    const subjects = creditEventTypes.map(subjectOfType);
    expect(subjects.filter((subject) => !groups.some((group) => subject.startsWith(group)))).toEqual([]);
  });

  test('one that is there is used and never changed; what it does not take gets one', async () => {
    const { server, add, infoOf } = await streamWorld();
    await add('THEIRS', ['evt.credits.>']);
    const before = (await infoOf('THEIRS')).config;
    const { manager } = natsWorld(server, { createStreams: true });
    await manager.credits.addCredits('u', 5);
    await manager.jobs.runOutbox();
    expect((await received(server, 'THEIRS')).map(({ subject }) => subject)).toContain('evt.credits.recharged');
    expect((await infoOf('THEIRS')).config).toEqual(before);
    expect((await infoOf('CREDIT')).config.subjects).not.toContain('evt.credits.>');
  });

  test('several processes that make it at once make one', async () => {
    const { server } = await streamWorld();
    const worlds = Array.from({ length: 4 }, () => natsWorld(server, { createStreams: true }));
    await Promise.all(worlds.map(({ sink }) => sink.isReady?.()));
    expect(worlds.map(({ sink }) => sink.problem?.())).toEqual([null, null, null, null]);
  });

  test('where there is none events wait, and go on when there is one', async () => {
    const { server, add } = await streamWorld();
    const world = natsWorld(server);
    await waits(world, /^No stream of NATS takes evt\..*createStreams/);
    await add('LATER', ['evt.>']);
    await goesOn(world);
    expect((await received(server, 'LATER')).length).toBe((await world.rows()).length);
  });

  test('that overlap with ours, or have its name, are told with the remedy', async () => {
    const { server, add } = await streamWorld();
    await add('OTHERS', ['evt.credits.other', 'evt.subscription.>', 'evt.payment.>', 'evt.top_up.>']);
    const world = natsWorld(server, { createStreams: true });
    await waits(world, /overlap.*evt\.credits\.recharged/);
    const named = await streamWorld();
    await named.add('CREDIT', ['something.else']);
    await waits(natsWorld(named.server, { createStreams: true }), /There is a stream CREDIT .*not ours to change/);
    expect((await named.infoOf('CREDIT')).config.subjects).toEqual(['something.else']);
  });

  const USERS = (leave: string) =>
    `authorization { users: [
      { user: ${OPERATOR.user}, password: ${OPERATOR.pass} },
      { user: app, password: right, permissions: { publish: [${leave}], subscribe: ["_INBOX.>"] } } ] }`;

  test('a wrong password is told without it, and the right one works', async () => {
    const { server, add } = await streamWorld(USERS('"evt.>", "$JS.API.>"'));
    await add('ALL', ['evt.>']);
    const world = natsWorld(server, { user: 'app', password: 'the-wrong-one' });
    await waits(world, /refuses the user or the password/);
    expect(JSON.stringify(await world.manager.health())).not.toContain('the-wrong-one');
    const right = natsWorld(server, { user: 'app', password: 'right' });
    await right.manager.credits.addCredits('u', 5);
    await right.manager.jobs.runOutbox();
    expect((await right.rows()).every(({ status }) => status === 'sent')).toBe(true);
  });

  test('a subject that the user may not publish to is named', async () => {
    const { server, add } = await streamWorld(USERS('"$JS.API.>"'));
    await add('ALL', ['evt.>']);
    const world = natsWorld(server, { user: 'app', password: 'right', timeoutMs: 200 });
    await waits(world, /does not allow the user to publish to evt\.credits/);
  });

  test('a message that is too large for the server is given up, and those behind it go on', async () => {
    const { server } = await streamWorld('max_payload: 1500');
    const options = { eventMetadata: true, outbox: { maxRefusals: 1 } };
    const { manager, rows } = natsWorld(server, { createStreams: true }, options);
    await manager.credits.addCredits('u', 5, { metadata: { text: 'x'.repeat(2_000) } });
    await manager.credits.addCredits('u', 6);
    await manager.jobs.runOutbox();
    const failed = (await rows()).filter(({ status }) => status === 'failed');
    expect(failed).toMatchObject([
      { type: 'credits.recharged', error: expect.stringContaining('the server takes 1500') },
    ]);
    expect((await rows()).filter(({ status }) => status === 'pending')).toEqual([]);
  });
});

/** The outbox runs until nothing is left of it. */
async function goesOn({ manager, rows }: ReturnType<typeof natsWorld>): Promise<void> {
  const { eventually } = await import('../support/wait.js');
  await eventually(async () => {
    await manager.jobs.runOutbox();
    expect((await rows()).filter(({ status }) => status !== 'sent')).toEqual([]);
  });
}

test('wrong options are refused by name, and no message has the password', () => {
  const url = 'nats://localhost:4222';
  for (const [options, problem] of [
    [{}, 'give either connection or url'],
    [{ url: '' }, 'url'],
    [{ url, connection: {} }, 'give either'],
    [{ connection: {} }, 'connection is no connection'],
    [{ url, name: 'N' }, 'name'],
    [{ url, format: 'xml' }, 'format'],
    [{ url, source: 'a b' }, 'source'],
    [{ url, createStreams: 1 }, 'createStreams'],
    [{ url, timeoutMs: 0 }, 'timeoutMs'],
    [{ url, other: 1 }, 'there is no option other'],
    [null, 'object of options'],
  ] as const) {
    expect(() => natsSink(options as never)).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }));
    expect(() => natsSink(options as never)).toThrow(problem);
  }
});
