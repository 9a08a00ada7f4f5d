/** Publishers that are killed at any moment, and between the broker's acknowledgement and their mark. */
import { once } from 'node:events';
import { connect } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { natsSink } from '../../src/entries/nats.js';
import { createCreditManagement } from '../../src/index.js';
import { ADAPTER, describeDatabase } from '../backends/by-adapter.js';
import { describeNats } from '../backends/nats.js';
import { openDb } from '../backends/open-adapter.js';
import { amount } from '../support/amounts.js';
import { Chance, SEED } from '../support/chance.js';
import { QUIET } from '../support/quiet.js';
import { forkScript } from '../support/script.js';
import { eventually, sleep } from '../support/wait.js';
import { sentRows } from './sent-rows.js';

const SCRIPT = new URL('./doomed-publisher.ts', import.meta.url);
const AT_ONCE = 4;
/** A claim of somebody who was killed is over by then. */
const ROUND_MS = 120_000;

await describeDatabase(`publishers that are killed on ${ADAPTER}`, (database) => {
  describeNats('and a stream', (server) => {
    test('lose no event, and what comes again is the same', async () => {
      const connection = await connect({ servers: server().url });
      onTestFinished(() => connection.close());
      /** Every copy that was published, those too that the stream dropped as known. */
      const copies = new Map<string, string[]>();
      const order: { user: string; id: string }[] = [];
      connection.subscribe('evt.>', {
        callback: (_, message) => {
          const id = message.headers?.get('Nats-Msg-Id') ?? '';
          if (!copies.has(id))
            order.push({ user: message.json<{ payload: { merchant_id: string } }>().payload.merchant_id, id });
          copies.set(id, [...(copies.get(id) ?? []), message.string()]);
        },
      });
      await connection.flush();

      const chance = new Chance(SEED);
      const rounds = amount('CREDIT_NATS_KILLS');
      let killed = 0;
      for (let round = 0; round < rounds; round++) {
        const children = Array.from({ length: AT_ONCE }, (_, i) => {
          // Half of them kill themselves after a publish, the others are killed.
          const lastPublish = i % 2 === 0 ? 20 + chance.below(60) : 0;
          const args = [database.url, server().url, round * ROUND_MS, chance.below(1e9), lastPublish].map(String);
          const child = forkScript(SCRIPT, args, { env: { ...process.env, ADAPTER } });
          return { child, isOurs: i % 2 === 1, ended: once(child, 'close'), ready: once(child, 'message') };
        });
        await Promise.all(
          children.map(async ({ child, isOurs, ended, ready }) => {
            if (isOurs) {
              await ready;
              await sleep(100 + chance.below(900));
              child.kill('SIGKILL');
            }
            const [, signal] = await ended;
            expect(signal).toBe('SIGKILL');
            killed++;
          }),
        );
      }

      const db = openDb({ adapter: ADAPTER, url: database.url, poolSize: 4 });
      const clock = { now: () => new Date(Date.now() + rounds * ROUND_MS) };
      const sinks = [natsSink({ url: server().url })];
      const manager = createCreditManagement({ db, clock, sinks, logger: QUIET });
      onTestFinished(() => manager.close());
      await eventually(async () => {
        await manager.jobs.runOutbox();
        expect((await manager.outbox.listSinks())[0]).toMatchObject({ pending: 0, failed: 0 });
      });
      const rows = await sentRows(db);
      expect(rows.length).toBeGreaterThan(killed * 10);
      await eventually(async () => expect(copies.size).toBe(rows.length));
      const again = [...copies.values()].filter((texts) => texts.length > 1);
      expect(again.length, 'events that were published and not marked').toBeGreaterThanOrEqual(rounds);
      for (const texts of again) expect(new Set(texts).size).toBe(1);
      const info = await (await import('@nats-io/jetstream')).jetstreamManager(connection);
      expect((await info.streams.info('CREDIT')).state.messages).toBe(rows.length);

      const wanted = new Map<string, string[]>();
      for (const { userId, eventId } of rows) wanted.set(userId, [...(wanted.get(userId) ?? []), eventId]);
      const seen = new Map<string, string[]>();
      for (const { user, id } of order) seen.set(user, [...(seen.get(user) ?? []), id]);
      expect(seen).toEqual(wanted);
      expect((await manager.ledger.verify()).problems).toEqual([]);
      console.log(`kills: ${killed} of ${rounds} rounds, ${rows.length} events, ${again.length} published again`);
    });
  });
});
