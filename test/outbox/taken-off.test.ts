/** A sink that is taken off and registered again at the same moment as the outbox job deletes what waits for it. */
import { expect, test } from 'vitest';
import { bench } from '../backends/gated-db.js';
import { Recorder } from '../support/outbox-world.js';
import { QUIET } from '../support/quiet.js';

const WAITING = { index: 'queue', equals: { sink: 'gone', status: 'pending' } };

test('retention deletes no new event of a sink that is registered again during its run', async () => {
  const gone = new Recorder('gone');
  const { db, manager, open } = bench({ sinks: [new Recorder()], logger: QUIET });
  await open({ sinks: [gone] }).credits.addCredits('u', 1);
  await manager.outbox.removeSink('gone');
  const before = await db.inner.count('outbox', WAITING);
  const events = new Set<string>();
  // After the job has read which sinks were taken off, and before it reads what waits for this one.
  db.methods.find = async (model, query, ...rest) => {
    if (model === 'outbox' && query.equals?.sink === 'gone' && events.size === 0) {
      events.add('written');
      const again = open({ sinks: [gone] });
      await again.credits.addCredits('u', 1);
    }
    return db.inner.find(model, query, ...rest);
  };
  const report = await manager.jobs.runOutbox();
  db.methods = {};
  expect([report.status, report.deleted, events.size]).toEqual(['completed', 0, 1]);
  expect(await db.inner.count('outbox', WAITING)).toBeGreaterThan(before);
  const relay = open({ sinks: [gone] });
  expect(await relay.jobs.runOutbox()).toMatchObject({ status: 'completed', skippedCount: 0 });
  expect(gone.received.filter(({ type }) => type === 'credits.recharged')).toHaveLength(2);
});

test('a sink that waits in many pages is deleted as a whole', async () => {
  const gone = new Recorder('gone');
  const { db, manager, open } = bench({ sinks: [new Recorder()], logger: QUIET });
  const other = open({ sinks: [gone] });
  for (let user = 0; user < 400; user++) void other.credits.addCredits(`u-${user}`, 1);
  await other.credits.addCredits('last', 1);
  await manager.outbox.removeSink('gone');
  const before = await db.inner.count('outbox', WAITING);
  expect(before).toBeGreaterThan(1_000);
  expect(await manager.jobs.runOutbox()).toMatchObject({ status: 'completed', deleted: before });
  expect(await db.inner.count('outbox', WAITING)).toBe(0);
});

test('a sink is registered although another process takes it off at the same moment', async () => {
  const gone = new Recorder('gone');
  const { db, manager, open } = bench({ logger: QUIET });
  await open({ sinks: [gone] }).init();
  await manager.outbox.removeSink('gone');
  const writes = (units: readonly (readonly { model: string }[])[]) =>
    units.flat().some(({ model }) => model === 'system');
  db.methods.commit = async (units, options) => {
    if (!writes(units)) return db.inner.commit(units, options);
    delete db.methods.commit;
    // Registered and taken off by others, between the look and the write of this one.
    await open({ sinks: [gone] }).init();
    await manager.outbox.removeSink('gone');
    return db.inner.commit(units, options);
  };
  const again = open({ sinks: [gone] });
  await again.credits.addCredits('u', 1);
  expect((await manager.outbox.listSinks()).map(({ name }) => name)).toEqual(['gone']);
  expect(await db.inner.count('outbox', WAITING)).toBeGreaterThan(0);
});
