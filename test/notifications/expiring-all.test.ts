/** The walk that announces what lapses soon on all accounts. */
import { expect, test } from 'vitest';
import { InMemoryNotificationQueue } from '../../src/index.js';
import type { Row } from '../../src/ports/db-manager.js';
import { type Manager, notificationRows, onEveryBackend, type World } from '../support/outbox-world.js';

const SOON = '2030-01-04T00:00:00Z';
const LATER = '2030-03-01T00:00:00Z';

/** 30 users with lots that lapse soon, among others that have none. */
async function fill({ credits, creditType }: Manager): Promise<void> {
  for (let i = 0; i < 30; i++) {
    await credits.addCredits(`soon-${i}`, 10 + i, { expiresAt: SOON });
    await credits.addCredits(`later-${i}`, 5, { expiresAt: LATER });
    await credits.addCredits(`never-${i}`, 5);
  }
  await creditType('image').addCredits('soon-0', 3, { expiresAt: SOON });
}

async function open(world: World) {
  const queue = new InMemoryNotificationQueue();
  const manager = world.open({ queue });
  await fill(manager);
  return { queue, manager };
}

await onEveryBackend('notifyExpiringForAll', (withWorld, isMemory) => {
  test('looks at the accounts that time will change, tells each once, and leaves delivery to the relay', async () => {
    await withWorld(async (world) => {
      const { queue, manager } = await open(world);
      const progress: number[] = [];
      const onProgress = ({ processed }: { processed: number }) => void progress.push(processed);
      const report = await manager.notifications.notifyExpiringForAll(7, { batchSize: 10, onProgress });
      expect(report).toEqual({
        ...{ status: 'completed', processed: 31, notified: 31, cursor: null, skippedCount: 0, skipped: [] },
      });
      expect(progress).toEqual([10, 20, 30, 31]);
      expect(queue.messages).toEqual([]);
      expect(await manager.jobs.runOutbox()).toMatchObject({ delivered: 31 });
      const amounts = new Map(queue.messages.map((message) => [message.user_id, message.payload]));
      expect(amounts.get('soon-7')).toEqual({ expiring_credits: 17, within_days: 7 });
      expect(queue.messages.map(({ payload }) => payload)).toContainEqual({
        ...{ expiring_credits: 3, within_days: 7, credit_type: 'image' },
      });
      expect(await manager.notifications.notifyExpiringForAll(7)).toMatchObject({ processed: 31, notified: 0 });
      expect(await manager.notifications.notifyExpiringCredits('soon-3', 7)).toBe(false);
      expect(await manager.notifications.notifyExpiringForAll(90)).toMatchObject({ processed: 61, notified: 61 });
    });
  });

  test('stops, goes on from its cursor, and in several processes at once tells nobody twice', async () => {
    await withWorld(async (world) => {
      const { manager } = await open(world);
      const controller = new AbortController();
      const first = await manager.notifications.notifyExpiringForAll(7, {
        batchSize: 12,
        signal: controller.signal,
        onProgress: () => controller.abort(),
      });
      expect(first).toMatchObject({ status: 'stopped', processed: 12, notified: 12 });
      const cursor = first.cursor as string;
      const rest = await manager.notifications.notifyExpiringForAll(7, { cursor });
      expect(rest).toMatchObject({ status: 'completed', processed: 19, notified: 19 });
      expect(await manager.notifications.notifyExpiringForAll(5, { maxDurationMs: 0 })).toMatchObject({
        ...{ status: 'stopped', processed: 0, cursor: null },
      });
      const wrong = manager.notifications.notifyExpiringForAll(7, { cursor: 'x' });
      await expect(wrong).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      const others = [manager, world.open(), world.open()];
      const reports = await Promise.all(
        others.map(({ notifications }) => notifications.notifyExpiringForAll(6, { batchSize: 7 })),
      );
      expect(reports.reduce((sum, { notified }) => sum + notified, 0)).toBe(31);
      expect((await notificationRows(world)).length).toBe(62);
    });
  });

  test.runIf(isMemory)('an account that nobody understands is skipped and reported', async () => {
    await withWorld(async (world) => {
      const { manager } = await open(world);
      const [row] = (await world.db.getMany('account', ['credits/soon-4'])) as [Row];
      const broken = { ...row, version: row.version + 1, state: {} };
      await manager.db.commit([[{ op: 'replace', model: 'account', row: broken, expectedVersion: row.version }]]);
      const report = await manager.notifications.notifyExpiringForAll(7);
      expect(report).toMatchObject({ status: 'completed', processed: 31, notified: 30, skippedCount: 1 });
      expect(report.skipped).toMatchObject([{ id: 'credits/soon-4', code: 'INVARIANT_VIOLATION' }]);
      expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    });
  });
});
