/** Rule 40: at least once, in order per account, whoever delivers, and whatever the sink does. */
import { expect, test } from 'vitest';
import { createWebhookSecret, webhookSink } from '../../src/index.js';
import { idsOf, type Manager, onEveryBackend, outboxRows, Recorder, statuses } from '../support/outbox-world.js';
import { gate, sleep, until } from '../support/wait.js';

const FAST = { outbox: { timeoutMs: 60, maxRefusals: 3 } };

/** One event each, and two more of an account that is new: it was created, and may spend. */
async function add(manager: Manager, user: string, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) await manager.credits.addCredits(user, 1);
}

await onEveryBackend('the relay', (withWorld) => {
  test('delivers every event once, in order, as it was stored; a second run has nothing to do', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink] });
      for (const user of ['a', 'b', 'c']) await add(manager, user, 3);
      const report = await manager.jobs.runOutbox();
      expect(report).toEqual({
        ...{ status: 'completed', processed: 15, delivered: 15, failed: 0, waiting: 0, deleted: 0 },
        ...{
          skippedCount: 0,
          skipped: [],
          job: 'outbox',
          granted: 0,
          expired: 0,
          activated: 0,
          freed: 0,
          rolledOver: 0,
        },
        ...{ startedAt: world.clock.now().toISOString(), durationMs: expect.any(Number) },
      });
      expect(JSON.parse(JSON.stringify(report))).toEqual(report);
      for (const user of ['a', 'b', 'c']) expect(sink.ids(user)).toEqual(await idsOf(world, user));
      for (const row of await outboxRows(world)) {
        expect(row).toMatchObject({ status: 'sent', error: null, claimedBy: null, sentAt: world.clock.now() });
        expect(sink.received.find(({ id }) => id === row.eventId)?.bytes).toBe(JSON.stringify(row.payload));
        expect(JSON.parse(JSON.stringify(row.payload))).toEqual(row.payload);
      }
      expect(await manager.jobs.runOutbox()).toMatchObject({ status: 'completed', processed: 0 });
    });
  });

  test('an account with more rows than a batch, and more accounts than that', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink] });
      await add(manager, 'many', 23);
      for (let i = 0; i < 7; i++) await add(manager, `user-${i}`);
      const progress: number[] = [];
      const onProgress = ({ processed }: { processed: number }) => void progress.push(processed);
      expect(await manager.jobs.runOutbox({ batchSize: 5, onProgress })).toMatchObject({
        delivered: 46,
        skippedCount: 0,
      });
      expect(sink.ids('many')).toEqual(await idsOf(world, 'many'));
      expect(progress.length).toBeGreaterThan(2);
    });
  });

  test('two relays with slow sinks never swap two events of one account, and deliver each once', async () => {
    await withWorld(async (world) => {
      const sinks = [new Recorder(), new Recorder()];
      const all: { id: string; userId: string }[] = [];
      for (const sink of sinks) {
        sink.answer = async (event) => {
          await sleep(Math.floor(all.length % 7));
          all.push(event);
        };
      }
      const [one, two] = sinks.map((sink) => world.open({ sinks: [sink] })) as [Manager, Manager];
      const users = ['a', 'b', 'c', 'd'];
      await Promise.all(users.map((user) => add(one, user)));
      let isWriting = true;
      const writing = Promise.all(users.map((user) => add(one, user, 25))).finally(() => {
        isWriting = false;
      });
      const relay = async (manager: Manager) => {
        while (isWriting) {
          await manager.jobs.runOutbox({ batchSize: 3, maxDurationMs: 10 });
          await sleep(1);
        }
      };
      await Promise.all([writing, relay(one), relay(two)]);
      for (let i = 0; i < 3; i++) await Promise.all([one.jobs.runOutbox(), two.jobs.runOutbox()]);
      // On a busy machine one of them may have been first every time: then the other has a turn alone.
      for (const [i, manager] of [one, two].entries()) {
        if (sinks[i]?.received.length !== 0) continue;
        await add(manager, 'a');
        await manager.jobs.runOutbox();
      }
      expect(sinks.every((sink) => sink.received.length > 0)).toBe(true);
      for (const user of users) {
        expect(all.filter(({ userId }) => userId === user).map(({ id }) => id)).toEqual(await idsOf(world, user));
      }
    });
  });

  test('two runs at once in one process are two relays', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink] });
      for (let i = 0; i < 12; i++) await add(manager, `user-${i}`, 3);
      sink.answer = () => sleep(1);
      await Promise.all([manager.jobs.runOutbox(), manager.jobs.runOutbox(), manager.jobs.runOutbox({ batchSize: 3 })]);
      await manager.jobs.runOutbox();
      for (let i = 0; i < 12; i++) expect(sink.ids(`user-${i}`)).toEqual(await idsOf(world, `user-${i}`));
    });
  });

  test('killed after publishing, before marking, again and again: each repeats with its bytes', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink] });
      const events = 52;
      await add(manager, 'a', events - 2);
      // A relay that publishes and is never heard of again, for each event of the account.
      for (let i = 0; i < events; i++) {
        const reached = gate();
        const dead = new Recorder();
        dead.answer = () => {
          sink.received.push(...dead.received);
          reached.open();
          return new Promise(() => {});
        };
        const abandoned = world.open({ sinks: [dead], outbox: { timeoutMs: 600_000 } });
        void abandoned.jobs.runOutbox();
        await reached.opened;
        // Its claim holds the account as long as it may still be at it.
        expect(await manager.jobs.runOutbox()).toMatchObject({ processed: 0, waiting: 1 });
        world.clock.advance({ seconds: 631 });
        const stop = new AbortController();
        sink.answer = async () => stop.abort();
        expect(await manager.jobs.runOutbox({ signal: stop.signal })).toMatchObject({ delivered: 1 });
      }
      expect(new Set(statuses(await outboxRows(world)))).toEqual(new Set(['sent']));
      const firsts = [...new Set(sink.ids('a'))];
      expect(firsts).toEqual(await idsOf(world, 'a'));
      for (const id of firsts) {
        const deliveries = sink.received.filter((event) => event.id === id);
        expect(new Set(deliveries.map(({ bytes }) => bytes)).size).toBe(1);
      }
      expect(sink.received.length).toBe(2 * events);
    });
  });

  test('a claimant that lost its claim may answer late: what the winner stored stays', async () => {
    await withWorld(async (world) => {
      const slow = new Recorder();
      const answering = gate();
      const reached = gate();
      slow.answer = async () => {
        reached.open();
        await answering.opened;
        return { rejected: 'too late to count' };
      };
      const quick = new Recorder();
      const loser = world.open({ sinks: [slow], outbox: { timeoutMs: 20_000 } });
      const winner = world.open({ sinks: [quick] });
      await add(loser, 'a', 2);
      const losing = loser.jobs.runOutbox();
      await reached.opened;
      world.clock.advance({ minutes: 2 });
      expect(await winner.jobs.runOutbox()).toMatchObject({ delivered: 4 });
      answering.open();
      const report = await losing;
      expect(report).toMatchObject({ processed: 1, delivered: 0, failed: 0 });
      expect(report.skipped.map(({ code }) => code)).toContain('LEASE_LOST');
      expect(slow.received.length).toBe(1);
      for (const row of await outboxRows(world)) expect(row).toMatchObject({ status: 'sent', attempts: 0 });
    });
  });

  test('an event that commits late, with a small sequence, is delivered', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink] });
      await add(manager, 'z', 5);
      await add(manager, 'early');
      await manager.jobs.runOutbox();
      await world.host(async (session) => {
        await manager.credits.addCredits('early', 1, { session } as object);
        await add(manager, 'z', 3);
        expect(await manager.jobs.runOutbox()).toMatchObject({ delivered: 3 });
      });
      expect(await manager.jobs.runOutbox()).toMatchObject({ delivered: 1 });
      expect(sink.ids('early')).toEqual(await idsOf(world, 'early'));
    });
  });

  test('an event that is refused again and again is failed; later ones wait and then go on', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink], ...FAST });
      await add(manager, 'a', 3);
      await add(manager, 'b');
      const [, poison] = await idsOf(world, 'a');
      sink.answer = async ({ id }) => (id === poison ? { rejected: 'no \0such schema' } : undefined);
      const first = await manager.jobs.runOutbox();
      expect(first).toMatchObject({ delivered: 4, failed: 0, skippedCount: 1 });
      expect(first.skipped[0]).toMatchObject({ id: `${poison}@sink`, code: 'PROVIDER_ERROR' });
      // Not at once again.
      expect(await manager.jobs.runOutbox()).toMatchObject({ processed: 0, waiting: 1 });
      world.clock.advance({ minutes: 6 });
      expect(await manager.jobs.runOutbox()).toMatchObject({ processed: 1, failed: 0 });
      world.clock.advance({ minutes: 6 });
      expect(await manager.jobs.runOutbox()).toMatchObject({ processed: 4, delivered: 3, failed: 1 });
      const rows = (await outboxRows(world)).filter(({ userId }) => userId === 'a');
      expect(statuses(rows)).toEqual(['sent', 'failed', 'sent', 'sent', 'sent']);
      expect(rows[1]).toMatchObject({ attempts: 3, unreached: 0, error: 'no such schema', claimedBy: null });
      expect(sink.ids('a').filter((id) => id === poison).length).toBe(3);
      expect(await manager.jobs.runOutbox()).toMatchObject({ processed: 0, waiting: 0 });
    });
  });

  test('a sink that is away fails nothing: pauses grow, order is kept, the others of the account wait', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink], ...FAST });
      await add(manager, 'a', 3);
      const [head] = await idsOf(world, 'a');
      sink.answer = () => Promise.reject(new Error('ECONNREFUSED'));
      const pauses: number[] = [];
      for (let i = 0; i < 25; i++) {
        expect(await manager.jobs.runOutbox()).toMatchObject({ processed: 1, delivered: 0, failed: 0 });
        const [row] = await outboxRows(world);
        pauses.push(Number(row?.nextAttemptAt) - world.clock.now().getTime());
        expect(row).toMatchObject({ status: 'pending', attempts: 0, unreached: i + 1, error: 'ECONNREFUSED' });
        world.clock.advance({ minutes: 5 });
      }
      expect(sink.ids()).toEqual(Array.from({ length: 25 }, () => head));
      expect(pauses[0]).toBeLessThanOrEqual(1_000);
      expect(pauses.every((pause) => pause >= 500 && pause <= 60_000)).toBe(true);
      expect(Math.min(...pauses.slice(10))).toBeGreaterThanOrEqual(30_000);
      expect(new Set(pauses.slice(10)).size).toBeGreaterThan(1);
      sink.received.length = 0;
      sink.answer = async () => {};
      expect(await manager.jobs.runOutbox()).toMatchObject({ delivered: 5 });
      expect(sink.ids('a')).toEqual(await idsOf(world, 'a'));
    });
  });

  test('an error of a sink is kept with what caused it, in the row and in the report', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink], ...FAST });
      await add(manager, 'a');
      const tried = [
        Object.assign(new Error(''), { code: 'ETIMEDOUT' }),
        new Error('connect ECONNREFUSED 127.0.0.1:9'),
      ];
      const cause = Object.assign(new AggregateError(tried, ''), { code: 'ECONNREFUSED' });
      const round = new Error('a round');
      round.cause = new Error('of causes', { cause: round });
      const causes: [error: unknown, told: string][] = [
        [new TypeError('fetch failed', { cause }), 'fetch failed: ETIMEDOUT, connect ECONNREFUSED 127.0.0.1:9'],
        [new Error('no reply', { cause: 'the line is dead' }), 'no reply: the line is dead'],
        [Object.assign(new Error('refused'), { code: 'EAUTH' }), 'refused (EAUTH)'],
        [round, 'a round: of causes: a round: of causes'],
        ['away', 'away'],
        [{ status: 503 }, 'a value of type object'],
      ];
      for (const [error, told] of causes) {
        sink.answer = () => Promise.reject(error);
        const { skipped } = await manager.jobs.runOutbox();
        expect(skipped[0]?.message).toBe(`sink: unreached, comes again: ${told}`);
        expect((await outboxRows(world))[0]).toMatchObject({ error: told });
        world.clock.advance({ minutes: 5 });
      }
      const hook = webhookSink({ name: 'sink', url: 'http://127.0.0.1:9/', secret: createWebhookSecret() });
      sink.answer = (event) => hook.publish(event);
      expect((await manager.jobs.runOutbox()).skipped[0]?.message).toMatch(/fetch failed: ./);
    });
  });

  test('one account whose sink hangs, and one with hundreds of rows behind a poison, keep nobody waiting', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink], ...FAST });
      await add(manager, 'a-poison', 120);
      await add(manager, 'b-hangs', 3);
      const users = Array.from({ length: 30 }, (_, i) => `c-${i}`);
      for (const user of users) await add(manager, user);
      sink.answer = async ({ userId }) => {
        if (userId === 'b-hangs') return new Promise<never>(() => {});
        return userId === 'a-poison' ? { rejected: 'never' } : undefined;
      };
      const report = await manager.jobs.runOutbox({ batchSize: 10 });
      expect(report).toMatchObject({ status: 'completed', delivered: 90, failed: 0, skippedCount: 2 });
      expect(report.skipped.map(({ code }) => code).sort()).toEqual(['PROVIDER_ERROR', 'TIMEOUT']);
      for (const user of users) expect(sink.ids(user)).toEqual(await idsOf(world, user));
      const hanging = (await outboxRows(world)).filter(({ userId }) => userId === 'b-hangs');
      expect(hanging[0]).toMatchObject({ status: 'pending', attempts: 0, unreached: 1, claimedBy: null });
    });
  });

  test('each sink has its own order and its own trouble; only a process that has it delivers for it', async () => {
    await withWorld(async (world) => {
      const fine = new Recorder('fine');
      const away = new Recorder('away');
      away.answer = () => Promise.reject(new Error('away'));
      const both = world.open({ sinks: [away, fine] });
      await both.init();
      const neither = world.open();
      await add(neither, 'a', 2);
      expect(await neither.jobs.runOutbox()).toMatchObject({ processed: 0, waiting: 0 });
      expect(await both.jobs.runOutbox()).toMatchObject({ delivered: 4, skippedCount: 1 });
      expect(fine.ids()).toEqual(await idsOf(world, 'a', 'fine'));
      expect(new Set(statuses(await outboxRows(world, 'away')))).toEqual(new Set(['pending']));
    });
  });

  test('no more accounts at once than allowed, and never two events of one account', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink], outbox: { concurrency: 3 } });
      for (let i = 0; i < 9; i++) await add(manager, `user-${i}`, 2);
      const busy = new Set<string>();
      let most = 0;
      sink.answer = async ({ userId }) => {
        expect(busy.has(userId)).toBe(false);
        busy.add(userId);
        most = Math.max(most, busy.size);
        // However slow the commits between them are, three are at it at once.
        await until(() => most >= 3, 'three are at it at once');
        await sleep(3);
        busy.delete(userId);
      };
      expect(await manager.jobs.runOutbox()).toMatchObject({ delivered: 36 });
      expect(most).toBe(3);
    });
  });

  test('the signal and the time stop a run between deliveries; the next run goes on', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink], outbox: { concurrency: 1 } });
      await add(manager, 'a', 9);
      const controller = new AbortController();
      sink.answer = async () => {
        if (sink.received.length === 4) controller.abort();
      };
      const stopped = await manager.jobs.runOutbox({ signal: controller.signal });
      expect(stopped).toMatchObject({ status: 'stopped', processed: 4, delivered: 4, skippedCount: 0 });
      sink.answer = () => sleep(20);
      const late = await manager.jobs.runOutbox({ maxDurationMs: 30 });
      expect(late).toMatchObject({ status: 'stopped', skippedCount: 0 });
      expect(late.delivered).toBeLessThan(7);
      expect(await manager.jobs.runOutbox({ signal: AbortSignal.abort() })).toMatchObject({
        status: 'stopped',
        processed: 0,
      });
      expect(await manager.jobs.runOutbox()).toMatchObject({ status: 'completed' });
      expect(sink.ids('a')).toEqual(await idsOf(world, 'a'));
      const rude = () => Promise.reject(new Error('the host'));
      await add(manager, 'a');
      expect(await manager.jobs.runOutbox({ onProgress: rude })).toMatchObject({
        ...{ status: 'stopped', delivered: 1, skippedCount: 1 },
        skipped: [{ id: '', code: 'INVARIANT_VIOLATION' }],
      });
      await expect(manager.jobs.runOutbox({ batchSize: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });
  });

  test('sent rows are kept seven days; pending and failed ones stay', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink], outbox: { maxRefusals: 1 } });
      await add(manager, 'a', 4);
      const [, bad] = await idsOf(world, 'a');
      sink.answer = async ({ id }) => (id === bad ? { rejected: 'bad' } : undefined);
      await manager.jobs.runOutbox();
      world.clock.advance({ days: 7, seconds: -1 });
      expect(await manager.jobs.runOutbox()).toMatchObject({ deleted: 0 });
      sink.answer = () => Promise.reject(new Error('away'));
      await add(manager, 'b');
      world.clock.advance({ seconds: 1 });
      expect(await manager.jobs.runOutbox()).toMatchObject({ deleted: 5 });
      const rows = await outboxRows(world);
      expect(rows.map(({ userId, status }) => `${userId} ${status}`)).toEqual([
        'a failed',
        'b pending',
        'b pending',
        'b pending',
      ]);
      expect(await manager.jobs.runOutbox()).toMatchObject({ deleted: 0 });
    });
  });
});
