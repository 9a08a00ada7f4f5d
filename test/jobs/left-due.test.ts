/** The due instant that a hold leaves behind when it ends before its time: it is early, and corrected when it comes. */
import { expect, test } from 'vitest';
import type { AccountRow } from '../../src/models/account.js';
import { describeBackends, type World } from '../support/plan-world.js';

const USERS = ['a', 'b', 'c'];
const at = (time: string) => new Date(`2026-01-01T${time}Z`);
const FAR = new Date('2026-03-01T00:00:00Z');

async function rowOf({ host }: World, user: string): Promise<AccountRow> {
  return (await host.getMany('account', [`credits/${user}`]))[0] as unknown as AccountRow;
}

async function dueOf(world: World, user: string): Promise<Date | null> {
  return (await rowOf(world, user)).dueAt;
}

/** Users with a grant that ends in March, and a hold of a quarter of an hour that was settled at once. */
async function settled(world: World): Promise<void> {
  const { credits } = world.manager;
  for (const user of USERS) {
    await credits.addCredits(user, 10, { expiresAt: FAR });
    await credits.commitReservedCredits(await credits.reserveCredits(user, 4), { amount: 3 });
  }
}

await describeBackends('the due instant that a hold has left', (open) => {
  test('stays while holds are made and end, and the first operation after it is due corrects it', async () => {
    const world = await open();
    const { credits } = world.manager;
    await settled(world);
    expect(await dueOf(world, 'a')).toEqual(at('00:15:00'));
    world.clock.advance({ minutes: 10 });
    await credits.releaseReservedCredits(await credits.reserveCredits('a', 4));
    await credits.deductCredits('a', 1);
    expect(await dueOf(world, 'a')).toEqual(at('00:15:00'));
    world.clock.advance({ minutes: 10 });
    await credits.deductCredits('a', 1);
    expect(await dueOf(world, 'a')).toEqual(FAR);
    await world.expectSound();
  });

  test.each(['runExpiration', 'runReservationExpiry'] as const)(
    '%s corrects it once, without an entry',
    async (job) => {
      const world = await open();
      const { credits, jobs } = world.manager;
      await settled(world);
      await credits.reserveCredits('c', 1, { ttlSeconds: 1_000 });
      world.clock.advance({ minutes: 16 });
      const before = await Promise.all(USERS.map((user) => rowOf(world, user)));
      expect(await jobs[job]()).toMatchObject({ status: 'completed', processed: 3, expired: 0, skippedCount: 0 });
      const after = await Promise.all(USERS.map((user) => rowOf(world, user)));
      expect(after.map(({ dueAt }) => dueAt)).toEqual([FAR, FAR, at('00:16:40')]);
      expect(after.map(({ seq, hash, at }) => [seq, hash, at])).toEqual(
        before.map(({ seq, hash, at }) => [seq, hash, at]),
      );
      expect(await jobs[job]()).toMatchObject({ processed: 0 });
      // Other managers remember the accounts as they were before.
      await Promise.all(USERS.map((user) => world.open().credits.deductCredits(user, 1)));
      await world.expectSound();
    },
  );

  test('a hold that is extended leaves the earlier end behind, and expires at the later one', async () => {
    const world = await open();
    const { credits, jobs } = world.manager;
    await credits.addCredits('a', 10, { expiresAt: FAR });
    const hold = await credits.reserveCredits('a', 4);
    world.clock.advance({ minutes: 5 });
    await credits.extendReservation(hold, { ttlSeconds: 3_600 });
    expect(await dueOf(world, 'a')).toEqual(at('00:15:00'));
    world.clock.set('2026-01-01T00:15:00Z');
    expect(await credits.getUserCreditsInfo('a')).toMatchObject({ reserved: 4, available: 6 });
    await jobs.runReservationExpiry();
    expect(await dueOf(world, 'a')).toEqual(at('01:05:00'));
    world.clock.set('2026-01-01T01:05:00Z');
    expect(await credits.getUserCreditsInfo('a')).toMatchObject({ reserved: 0, available: 10 });
    await jobs.runReservationExpiry();
    expect(await dueOf(world, 'a')).toEqual(FAR);
    await world.expectSound();
  });

  test('credits that a hold frees are due when their grant ends', async () => {
    const world = await open();
    const { credits } = world.manager;
    await credits.addCredits('a', 5, { expiresAt: '2026-01-01T00:10:00Z' });
    const hold = await credits.reserveCredits('a', 5, { ttlSeconds: 3_600 });
    expect(await dueOf(world, 'a')).toEqual(at('01:00:00'));
    await credits.releaseReservedCredits(hold);
    expect(await dueOf(world, 'a')).toEqual(at('00:10:00'));
    world.clock.set('2026-01-01T00:10:00Z');
    expect(await world.manager.jobs.runExpiration()).toMatchObject({ processed: 1, expired: 5 });
    expect(await dueOf(world, 'a')).toBe(null);
    await world.expectSound();
  });

  test('a user who asks what has expired corrects it too, and a dry run does not', async () => {
    const world = await open();
    const { credits } = world.manager;
    await settled(world);
    world.clock.advance({ minutes: 15 });
    await credits.expireCredits('a', { dryRun: true });
    expect(await dueOf(world, 'a')).toEqual(at('00:15:00'));
    await credits.expireCredits('a');
    expect(await dueOf(world, 'a')).toEqual(FAR);
    await world.expectSound();
  });
});
