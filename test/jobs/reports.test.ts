/** Jobs leave their reports in the ledger where they did something. */
import { expect, test } from 'vitest';
import { createCreditManagement } from '../../src/index.js';
import { bench } from '../backends/gated-db.js';
import { describeBackends, type Manager, MONTHLY } from '../support/plan-world.js';
import { QUIET } from '../support/quiet.js';

const reported = async ({ ledger }: Manager) => {
  const { items } = await ledger.list({ types: ['system'], order: 'oldest', limit: 100 });
  return items.filter(({ message }) => message.startsWith('Job '));
};

await describeBackends('reports of jobs', (open) => {
  test('are entries of the ledger where the job did something, and else none', async () => {
    const world = await open();
    const { manager } = world;
    const { credits, jobs, subscriptions } = manager;
    await jobs.runAll();
    expect(await reported(manager)).toEqual([]);
    await credits.addCredits('u', 5, { expiresAt: '2026-01-02T00:00:00Z' });
    await subscriptions.setUserSubscriptionPlan('v', await subscriptions.addSubscriptionPlan(MONTHLY));
    world.clock.set('2026-02-01T00:00:00Z');
    const expired = await jobs.runExpiration();
    const allocated = await jobs.runAllocation();
    const entries = await reported(manager);
    expect(entries.map(({ message }) => message)).toEqual(['Job expiration completed']);
    const { skipped: _, ...told } = expired;
    expect(entries[0]).toMatchObject({ eventType: 'system', userId: null, seq: 0, details: told });
    expect(told).toMatchObject({ job: 'expiration', processed: 2, granted: 100 });
    // The expiry has renewed the subscription: nothing was left to do.
    expect(allocated.processed).toBe(0);
    world.clock.set('2026-03-01T00:00:00Z');
    await jobs.runAllocation();
    expect((await reported(manager)).map(({ message }) => message)).toContain('Job allocation completed');
    await world.expectSound();
  });
});

test('the report of a relay is an entry where it gave up an event, not for what it delivered', async () => {
  let isWanted = true;
  const publish = async () => (isWanted ? undefined : { rejected: 'no' });
  const options = { sinks: [{ name: 'sink', publish }], outbox: { maxRefusals: 1 }, logger: QUIET };
  const manager = createCreditManagement(options);
  await manager.credits.addCredits('u', 1);
  await manager.jobs.runOutbox();
  expect(await reported(manager as never)).toEqual([]);
  isWanted = false;
  await manager.credits.addCredits('u', 1);
  await manager.jobs.runOutbox();
  expect(await reported(manager as never)).toMatchObject([{ details: { job: 'outbox', failed: 1 } }]);
  await manager.close();
});

test('a report that cannot be written is told to the log, and the job answers all the same', async () => {
  const warned: object[] = [];
  const logger = { ...QUIET, warn: (entry: object) => void warned.push(entry) };
  const { db, clock, manager } = bench({ logger });
  await manager.credits.addCredits('u', 5, { expiresAt: new Date(clock.now().getTime() + 1000) });
  clock.advance({ days: 1 });
  db.methods.commit = async (units, options) => {
    const isReport = units.some((unit) =>
      unit.some((change) => change.op === 'insert' && change.row.type === 'system'),
    );
    if (isReport) throw new Error('away');
    return db.inner.commit(units, options);
  };
  expect(await manager.jobs.runExpiration()).toMatchObject({ status: 'completed', expired: 5, skippedCount: 0 });
  expect(warned).toMatchObject([{ job: 'expiration' }]);
});
