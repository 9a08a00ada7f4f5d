/** Sinks as an operator sees them: listed, sent to again, taken off. */
import { expect, test } from 'vitest';
import { endOf } from '../support/codes.js';
import { idsOf, onEveryBackend, outboxRows, Recorder } from '../support/outbox-world.js';

const REFUSING = { outbox: { maxRefusals: 1 } };

await onEveryBackend('sinks', (withWorld) => {
  test('what was given up is sent again, as it was, when somebody asks for it', async () => {
    await withWorld(async (world) => {
      const sink = new Recorder();
      const manager = world.open({ sinks: [sink], ...REFUSING });
      sink.answer = async () => ({ rejected: 'no' });
      for (const user of ['a', 'b']) await manager.credits.addCredits(user, 1);
      const first = await manager.jobs.runOutbox();
      expect(first.failed).toBe(first.processed);
      const registeredAt = world.clock.now();
      expect(await manager.outbox.listSinks()).toEqual([
        { name: 'sink', types: null, registeredAt, pending: 0, oldestPendingAt: null, failed: first.failed },
      ]);
      sink.answer = async () => {};
      const sent = [...sink.received];
      sink.received.length = 0;
      expect(await manager.jobs.runOutbox()).toMatchObject({ processed: 0 });
      expect(await manager.outbox.retryFailed('sink')).toEqual({ retried: first.failed });
      expect(await manager.outbox.retryFailed()).toEqual({ retried: 0 });
      expect(await manager.jobs.runOutbox()).toMatchObject({ delivered: first.failed });
      for (const user of ['a', 'b']) expect(sink.ids(user)).toEqual(await idsOf(world, user));
      const byId = (events: typeof sent) => events.map(({ id, bytes }) => `${id} ${bytes}`).toSorted();
      expect(byId(sink.received)).toEqual(byId(sent));
      expect(await endOf(manager.outbox.retryFailed('other'))).toBe('NOT_FOUND not_applied');
    });
  });

  test('what was taken is sent again, as it was and in order, when its receiver has lost it', async () => {
    await withWorld(async (world) => {
      const [sink, other] = [new Recorder(), new Recorder('other')];
      const manager = world.open({ sinks: [sink, other] });
      await manager.credits.addCredits('a', 1);
      await manager.jobs.runOutbox();
      world.clock.advance({ hours: 1 });
      const since = world.clock.now();
      for (const user of ['a', 'b', 'a']) await manager.credits.addCredits(user, 1);
      await manager.jobs.runOutbox();
      const bytes = ({ received }: Recorder) => received.map(({ id, bytes }) => `${id} ${bytes}`);
      const [all, others] = [bytes(sink), other.received.length];
      sink.received.length = 0;
      const { replayed } = await manager.outbox.replay('sink', { since });
      expect(replayed).toBeGreaterThan(3);
      expect(await manager.jobs.runOutbox()).toMatchObject({ delivered: replayed });
      expect(bytes(sink).toSorted()).toEqual(all.slice(-replayed).toSorted());
      for (const user of ['a', 'b']) expect(await idsOf(world, user)).toEqual(expect.arrayContaining(sink.ids(user)));
      expect(sink.ids('a')).toEqual((await idsOf(world, 'a')).slice(-sink.ids('a').length));
      expect(other.received).toHaveLength(others);
      expect(await endOf(manager.outbox.replay('nobody', { since }))).toBe('NOT_FOUND not_applied');
      expect(await endOf(manager.outbox.replay('sink', {} as never))).toBe('INVALID_ARGUMENT not_applied');
    });
  });

  test('a sink that was taken off gets no more rows, loses those it had, and may come back', async () => {
    await withWorld(async (world) => {
      const [kept, gone] = [new Recorder(), new Recorder('gone')];
      const before = world.open({ sinks: [kept, gone] });
      await before.credits.addCredits('u', 1);
      const others = (await outboxRows(world, 'gone')).length;
      expect(others).toBeGreaterThan(0);
      const manager = world.open({ sinks: [kept] });
      expect((await manager.outbox.listSinks()).map(({ name, pending }) => [name, pending])).toEqual([
        ['gone', others],
        ['sink', others],
      ]);
      expect(await manager.outbox.removeSink('gone')).toBe(true);
      expect(await manager.outbox.removeSink('gone')).toBe(false);
      expect(await manager.outbox.removeSink('never')).toBe(false);
      await manager.credits.addCredits('u', 1);
      expect(await outboxRows(world, 'gone')).toHaveLength(others);
      expect(await manager.jobs.runOutbox()).toMatchObject({ status: 'completed', deleted: others });
      expect(await outboxRows(world, 'gone')).toEqual([]);
      expect(kept.ids('u')).toEqual(await idsOf(world, 'u'));
      expect((await manager.outbox.listSinks()).map(({ name }) => name)).toEqual(['sink']);
      // Who starts with it registers it again.
      const after = world.open({ sinks: [gone] });
      await after.credits.addCredits('u', 1);
      expect((await after.outbox.listSinks()).map(({ name, pending }) => [name, pending])).toEqual([
        ['gone', 1],
        ['sink', 1],
      ]);
    });
  });
});
