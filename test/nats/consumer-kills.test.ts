/** Consumers that are killed, at any moment, after a commit and after a publish: each business id has one effect. */
import { once } from 'node:events';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { natsSink, natsSource, natsSubjects } from '../../src/entries/nats.js';
import { createCreditManagement } from '../../src/index.js';
import { ADAPTER, describeDatabase } from '../backends/by-adapter.js';
import { describeNats } from '../backends/nats.js';
import { openDb } from '../backends/open-adapter.js';
import { type Kind, message, SUBJECTS } from '../inbox/messages.js';
import { amount } from '../support/amounts.js';
import { Chance, SEED } from '../support/chance.js';
import { QUIET } from '../support/quiet.js';
import { forkScript } from '../support/script.js';
import { eventually, until } from '../support/wait.js';
import { sentRows } from './sent-rows.js';

const SCRIPT = new URL('./doomed-consumer.ts', import.meta.url);
const AT_ONCE = 4;
/** A claim of somebody who was killed is over by then. */
const ROUND_MS = 120_000;
/** What nobody has acknowledged comes again so much later. */
const ACK_WAIT_MS = 2_000;
const LATE_MS = 10_000;
const ALL = [...natsSubjects, SUBJECTS.granted];

interface Told {
  readonly kind: Kind;
  readonly payload: object;
  readonly user: string;
  readonly credits: number;
}

/** Something of each kind, by a business id of its own. */
function business(count: number, chance: Chance): Told[] {
  const all: Told[] = [];
  const users = Math.max(10, Math.floor(count / 10));
  for (let i = 0; all.length < count; i++) {
    const merchant_id = `m${chance.below(users)}`;
    const tell = (kind: Kind, credits: number, payload: object) =>
      all.push({ kind, user: merchant_id, credits, payload: { merchant_id, ...payload } });
    const total = 1_000 * (1 + chance.below(5));
    const amount = 1 + chance.below(9);
    switch (chance.below(5)) {
      case 0:
        tell('paid', total / 100, { order_id: i, order_total: total });
        break;
      case 1:
        tell('paid', total / 100, { order_id: i, order_total: total });
        for (const part of ['a', 'b']) {
          tell('refunded', -total / 400, { order_id: i, refund_id: `${i}${part}`, refund_amount: total / 4 });
        }
        break;
      case 2:
        tell('billed', amount, { payment_id: `p-${i}`, amount });
        break;
      case 3:
        tell('adjusted', amount, { adjustment_id: i, amount, admin_id: 'ann' });
        break;
      default:
        all.push({
          ...{ kind: 'granted', user: merchant_id, credits: amount },
          payload: { shop_domain: merchant_id, credits: amount, reason: 'manual', external_ref: `g-${i}` },
        });
    }
  }
  return all;
}

/** The streams and consumers, with a short time until what was not acknowledged comes again. */
async function prepare(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection);
  const foreign = ALL.filter((subject) => !subject.startsWith('evt.credits.'));
  await manager.streams.add({ name: 'CREDIT_IN', subjects: foreign });
  await manager.streams.add({ name: 'CREDIT', subjects: ['evt.credits.>', 'evt.payment.>', 'dlq.>'] });
  for (const subject of ALL) {
    await manager.consumers.add(foreign.includes(subject) ? 'CREDIT_IN' : 'CREDIT', {
      durable_name: `credit-management_${subject.replaceAll('.', '_')}`,
      ...{ filter_subject: subject, ack_policy: AckPolicy.Explicit, ack_wait: ACK_WAIT_MS * 1e6, max_ack_pending: 256 },
    });
  }
}

await describeDatabase(`consumers that are killed on ${ADAPTER}`, (database) => {
  describeNats('and streams', (server) => {
    test('apply each message once, and publish what they made', async () => {
      const connection = await connect({ servers: server().url });
      onTestFinished(() => connection.close());
      await prepare(connection);
      /** Every copy that was published, those too that the stream dropped as known. */
      const copies = new Map<string, string[]>();
      connection.subscribe('evt.>', {
        callback: (_, { headers, data }) => {
          const id = headers?.get('Nats-Msg-Id') ?? '';
          if (id !== '') copies.set(id, [...(copies.get(id) ?? []), Buffer.from(data).toString()]);
        },
      });

      const chance = new Chance(SEED);
      const all = business(amount('CREDIT_NATS_MESSAGES'), chance);
      const told = all.flatMap(({ kind, payload }, i) =>
        Array.from({ length: 1 + chance.below(10) }, (_, copy) =>
          // The same event again, or another event about the same.
          message(kind, chance.below(3) > 0 ? `e-${i}` : `e-${i}-${copy}`, payload),
        ),
      );
      const client = jetstream(connection);
      const mixed = chance.shuffle(told);
      const rounds = amount('CREDIT_NATS_KILLS');
      /** Each round has messages of its own. */
      const publish = async (round: number) => {
        const share = Math.ceil(mixed.length / rounds);
        const part = mixed.slice(round * share, (round + 1) * share);
        await Promise.all(part.map(({ subject, body }) => client.publish(subject, body)));
      };
      const applied = new Set<string>();
      let [killed, cameAgain] = [0, 0];
      const listen = (news: unknown) => {
        const { place, outcome } = Object(news) as { place?: string; outcome?: string };
        if (place === undefined) return;
        if (outcome === 'replayed' && applied.has(place)) cameAgain++;
        applied.add(place);
      };
      for (let round = 0; round < rounds; round++) {
        await publish(round);
        const children = Array.from({ length: AT_ONCE }, (_, i) => {
          // Two of them kill themselves, after a commit and after a publish; the others are killed.
          const [lastCommit, lastPublish] = [i === 0 ? 1 + chance.below(8) : 0, i === 1 ? 1 + chance.below(10) : 0];
          const args = [database.url, server().url, round * ROUND_MS, lastCommit, lastPublish].map(String);
          const child = forkScript(SCRIPT, args, { env: { ...process.env, ADAPTER, SUBJECTS: ALL.join(',') } });
          child.on('message', listen);
          return { child, ended: once(child, 'close'), ready: once(child, 'message') };
        });
        await Promise.all(
          children.map(async ({ child, ended, ready }, i) => {
            await Promise.race([ready, ended]);
            // The others may have left those nothing to do that kill themselves.
            const late = setTimeout(() => child.kill('SIGKILL'), i > 1 ? 100 + chance.below(900) : LATE_MS);
            const [, signal] = await ended;
            clearTimeout(late);
            expect(signal).toBe('SIGKILL');
            killed++;
          }),
        );
      }

      const db = openDb({ adapter: ADAPTER, url: database.url, poolSize: 4 });
      const clock = { now: () => new Date(Date.now() + rounds * ROUND_MS) };
      const place = { url: server().url };
      const sources = [natsSource({ ...place, subjects: ALL })];
      const manager = createCreditManagement({ db, clock, sinks: [natsSink(place)], sources, logger: QUIET });
      onTestFinished(() => manager.close());
      const source = sources[0] as (typeof sources)[0];
      source.start({
        ...manager.inbox,
        receive: async (one) => {
          const reception = await manager.inbox.receive(one);
          listen({ place: `${one.stream} ${one.sequence}`, outcome: reception.outcome });
          return reception;
        },
      });
      const streams = await jetstreamManager(connection);
      await until(async () => {
        let left = 0;
        for (const stream of ['CREDIT_IN', 'CREDIT']) {
          for await (const { num_pending, num_ack_pending } of streams.consumers.list(stream)) {
            left += num_pending + num_ack_pending;
          }
        }
        return left === 0;
      }, 'every message is acknowledged');
      await eventually(async () => {
        await manager.jobs.runOutbox();
        expect((await manager.outbox.listSinks())[0]).toMatchObject({ pending: 0, failed: 0 });
      });

      expect((await manager.inbox.listDeadLetters()).items).toEqual([]);
      const wanted = new Map<string, number>();
      for (const { user, credits } of all) wanted.set(user, (wanted.get(user) ?? 0) + credits);
      for (const [user, credits] of wanted) {
        expect([user, (await manager.credits.getUserCreditsInfo(user)).balance]).toEqual([user, credits]);
      }
      const rows = await sentRows(db);
      await eventually(async () => expect(copies.size).toBe(rows.length));
      const again = [...copies.values()].filter((texts) => texts.length > 1);
      for (const texts of again) expect(new Set(texts).size).toBe(1);
      expect((await manager.ledger.verify()).problems).toEqual([]);
      expect(cameAgain, 'messages that came again after their commit').toBeGreaterThanOrEqual(
        Math.min(20, Math.ceil(rounds / 2)),
      );
      expect(again.length, 'events that were published and not marked').toBeGreaterThanOrEqual(
        Math.min(20, Math.ceil(rounds / 2)),
      );
      console.log(
        `kills: ${killed}, messages: ${all.length} told ${told.length} times, again after a commit: ${cameAgain}, ` +
          `events: ${rows.length}, published again: ${again.length}`,
      );
    });
  });
});
