/** Rule 39: one event and one notification a crossing, whoever causes it. */
import { expect, test } from 'vitest';
import { InMemoryNotificationQueue } from '../../src/index.js';
import { type Manager, notificationRows, onEveryBackend, Recorder, type World } from '../support/outbox-world.js';

const SHORT = { low_balance_reached: 'low', balance_restored: 'restored', balance_exhausted: 'exhausted' };

function crossings(sink: Recorder): string[] {
  return sink.received.flatMap(({ type, bytes }) => {
    const name = type.slice('credits.'.length);
    const { data } = JSON.parse(bytes);
    if (name === 'plugin_status_changed') return [data.status];
    return name in SHORT ? [`${SHORT[name as keyof typeof SHORT]} ${data.available}`] : [];
  });
}

/** An account with 11 credits that was told of everything so far. */
async function start(world: World, first: (manager: Manager) => Promise<unknown>) {
  const sink = new Recorder();
  const queue = new InMemoryNotificationQueue();
  const manager = world.open({ sinks: [sink], queue, defaults: { lowCreditThreshold: 10 } });
  await first(manager);
  expect((await manager.credits.getUserCreditsInfo('u')).available).toBe(11);
  await manager.jobs.runOutbox();
  sink.received.length = 0;
  queue.messages.length = 0;
  return { sink, queue, manager };
}

const lows = (queue: InMemoryNotificationQueue) =>
  queue.messages.map(({ type, payload }) => `${type} ${JSON.stringify(payload)}`);
const low = (balance: number) =>
  `low_credits {"current_credits":{"balance":${balance},"reserved":0,"available":${balance}}}`;

await onEveryBackend('thresholds', (withWorld) => {
  test('11→10→9→12→10→−5→0→11 is low, restored, low, exhausted, restored, with the status between', async () => {
    await withWorld(async (world) => {
      const { sink, queue, manager } = await start(world, (it) => it.credits.addCredits('u', 11));
      const { credits } = manager;
      await credits.deductCredits('u', 1);
      await credits.deductCredits('u', 1);
      await credits.addCredits('u', 3);
      await credits.deductCredits('u', 2);
      await credits.deductCreditsAfterService('u', 15);
      await credits.addCredits('u', 5);
      await credits.addCredits('u', 11);
      await manager.jobs.runOutbox();
      const path = ['low 10', 'restored 12', 'low 10', 'exhausted -5', 'disabled', 'enabled', 'restored 11'];
      expect(crossings(sink)).toEqual(path);
      expect(lows(queue)).toEqual([low(10), low(10)]);
    });
  });

  test.each(['in one sweep', 'day by day'])('the same by the clock alone, %s', async (how) => {
    await withWorld(async (world) => {
      const day = (count: number) => new Date(Date.UTC(2030, 0, 1 + count));
      const { sink, queue, manager } = await start(world, async ({ credits }) => {
        await credits.addCredits('u', 9, { expiresAt: day(5) });
        await credits.addCredits('u', 1, { expiresAt: day(1) });
        await credits.addCredits('u', 1, { expiresAt: day(2) });
        await credits.addCredits('u', 2, { effectiveAt: day(3), expiresAt: day(4) });
        await credits.addCredits('u', 1, { effectiveAt: day(3), expiresAt: day(5) });
        await credits.addCredits('u', 11, { effectiveAt: day(6) });
      });
      for (let i = 0; i < 7; i++) {
        world.clock.advance({ days: 1 });
        if (how === 'day by day' || i === 6) await manager.credits.expireCredits('u');
      }
      await manager.jobs.runOutbox();
      const path = ['low 10', 'restored 12', 'low 10', 'exhausted 0', 'disabled', 'enabled', 'restored 11'];
      expect(crossings(sink)).toEqual(path);
      expect(lows(queue)).toEqual([low(10), low(10)]);
      const dates = (await notificationRows(world)).map(({ createdAt }) => createdAt);
      expect(dates).toEqual([day(1), day(4)]);
    });
  });

  test('250 deductions at once across the threshold, in two processes: one event, one notification', async () => {
    await withWorld(async (world) => {
      const { sink, queue, manager } = await start(world, (it) => it.credits.addCredits('u', 11));
      await manager.credits.addCredits('u', 1);
      const other = world.open({ defaults: { lowCreditThreshold: 10 } });
      await other.init();
      const each = (i: number) => (i % 2 === 0 ? manager : other).credits.deductCredits('u', '0.01');
      await Promise.all(Array.from({ length: 250 }, (_, i) => each(i)));
      expect((await manager.credits.getUserCreditsInfo('u')).balance).toBe(9.5);
      await manager.jobs.runOutbox();
      expect(crossings(sink)).toEqual(['low 10']);
      expect(lows(queue)).toEqual([low(10)]);
    });
  });

  test('A-15 available = threshold is low, one unit above it is not', async () => {
    await withWorld(async (world) => {
      const { sink, queue, manager } = await start(world, (it) => it.credits.addCredits('u', 11));
      await manager.credits.reserveCredits('u', '0.999999');
      await manager.jobs.runOutbox();
      expect(crossings(sink)).toEqual([]);
      await manager.credits.reserveCredits('u', '0.000001');
      await manager.jobs.runOutbox();
      expect(crossings(sink)).toEqual(['low 10']);
      const { payload } = queue.messages[0] as (typeof queue.messages)[number];
      expect(payload).toEqual({ current_credits: { balance: 11, reserved: 1, available: 10 } });
    });
  });
});
