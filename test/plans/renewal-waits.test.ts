/** Calls that wait for a renewal, on a store that hangs or fails: none waits for ever, none is decided too early. */
import { expect, test } from 'vitest';
import { type DbManager, InMemoryDbManager, isCreditError } from '../../src/index.js';
import { MONTHLY, type Session, World } from '../support/plan-world.js';
import { sleep } from '../support/wait.js';

const DUE = '2026-02-01T00:00:00Z';

const never = () => new Promise<never>(() => {});

/** A store with a part of the test's own before its reads and its commits. */
class WatchedDb extends InMemoryDbManager {
  beforeRead: (model: string, keys: readonly string[]) => unknown = () => null;
  beforeCommit: () => unknown = () => null;

  override async getMany(...call: Parameters<InMemoryDbManager['getMany']>) {
    await this.beforeRead(call[0], call[1]);
    return super.getMany(...call);
  }

  override async commit(...call: Parameters<InMemoryDbManager['commit']>) {
    await this.beforeCommit();
    return super.commit(...call);
  }
}

/** It is February, and u and v spent 40 of their 100 credits of January. The plan of v names a time zone. */
async function due() {
  const db = new WatchedDb();
  const adapter = db as unknown as DbManager<Session>;
  const world = new World(() => adapter, adapter);
  const { subscriptions, credits } = world.manager;
  const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
  const zoned = await subscriptions.addSubscriptionPlan({ ...MONTHLY, name: 'Zoned', timeZone: 'Asia/Kolkata' });
  await subscriptions.setUserSubscriptionPlan('u', plan);
  await subscriptions.setUserSubscriptionPlan('v', zoned);
  for (const user of ['u', 'v']) await credits.deductCredits(user, 40);
  world.clock.set(DUE);
  return { db, world, credits };
}

/** Lets the first read of this user's subscription do something else. */
function onceOnSubscription(db: WatchedDb, userId: string, instead: () => unknown): void {
  db.beforeRead = (model, keys) => {
    if (model !== 'subscription' || !keys.includes(userId)) return;
    db.beforeRead = () => null;
    return instead();
  };
}

const endOf = (call: Promise<unknown>) =>
  call.then(
    () => 'done',
    (error: unknown) => (isCreditError(error) ? `${error.code} ${error.outcome}` : error),
  );

test('a renewal whose read never ends ends with its call, and the next call starts another', async () => {
  const { db, world, credits } = await due();
  onceOnSubscription(db, 'u', never);
  expect(await endOf(credits.deductCredits('u', 90, { timeoutMs: 50 }))).toBe('TIMEOUT not_applied');
  expect(await endOf(credits.deductCredits('u', 90, { timeoutMs: 2_000 }))).toBe('done');
  await world.expectSound();
});

test('a call waits for the next attempt where a read before its renewal fails', async () => {
  const { db, world, credits } = await due();
  onceOnSubscription(db, 'u', () => {
    throw new Error('the connection was closed');
  });
  expect(await endOf(credits.deductCredits('u', 90))).toBe('done');
  await world.expectSound();
});

test('close waits for a renewal no longer than for a call', async () => {
  const { db, world, credits } = await due();
  let closing: Promise<void> | undefined;
  onceOnSubscription(db, 'u', () => {
    db.beforeCommit = never;
    closing = world.manager.close();
  });
  expect(await endOf(credits.deductCredits('u', 90, { timeoutMs: 60_000 }))).toBe('TIMEOUT not_applied');
  expect(await Promise.race([closing, sleep(10_000).then(() => 'still open')])).toBeUndefined();
});

test('a transfer waits for the renewal that may still work where the other one is refused', async () => {
  const { db, world } = await due();
  // This process cannot renew v, who is only to receive.
  const { credits } = world.open({ temporal: undefined });
  onceOnSubscription(db, 'u', () => {
    throw new Error('the connection was closed');
  });
  expect(await endOf(credits.transferCredits({ from: 'u', to: 'v', amount: 90 }))).toBe('done');
  expect(await world.balance('u')).toBe(10);
  await world.expectSound();
});
