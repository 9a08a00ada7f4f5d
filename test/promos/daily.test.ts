/** Promo codes that can be claimed so many times a day: by all users together, and by one user. */
import { expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';
import type { Row } from '../../src/index.js';
import { describeBackends, type World } from '../support/plan-world.js';

const ALL_TODAY = 'Promo has reached maximum uses today';
const OWN_TODAY = "You've already claimed this promo today";

/** Makes the rows of OLD and of u's first claim of it what the version before wrote. */
async function forgetDays({ host }: World): Promise<void> {
  for (const [model, key] of [
    ['promo', 'OLD'],
    ['promo_claim', 'OLD/1/u'],
  ] as const) {
    const [row] = (await host.getMany(model, [key])) as [Row];
    const isOfDay = (name: string) => name.endsWith('Day');
    const older = Object.fromEntries(Object.entries(row).filter(([name]) => !isOfDay(name))) as Row;
    const unit = [
      { op: 'delete', model, key, expectedVersion: row.version },
      { op: 'insert', model, row: older },
    ] as const;
    for (const write of unit) expect(await host.commit([[write]])).toMatchObject([{ status: 'committed' }]);
  }
}

await describeBackends('claims of a day', (open) => {
  test('are at most those of all users, and begin again at midnight UTC', async () => {
    const world = await open();
    const { promos } = world.manager;
    world.clock.set('2026-02-01T12:00:00Z');
    const made = await promos.createPromo({ code: 'DAILY', credits: 1, maxUsesPerDay: 3 });
    expect(made).toMatchObject({ maxUsesPerDay: 3, maxUsesPerUserPerDay: null });
    const others = [world.manager, world.open(), world.open()];
    const claimAll = (day: number) =>
      Promise.all(
        Array.from({ length: 12 }, (_, n) => others[n % 3]?.promos.claimPromo(`u-${day}-${n}`, 'daily')),
      ).then((claims) => claims.map((claim) => (claim?.success ? 'claimed' : claim?.message)).sort());
    const wanted = [...Array(9).fill(ALL_TODAY), 'claimed', 'claimed', 'claimed'];
    expect(await claimAll(1)).toEqual(wanted);
    world.clock.set('2026-02-01T23:59:59.999Z');
    expect(await promos.checkEligibility('late', 'daily')).toEqual({
      ...{ eligible: false, promoCode: 'DAILY', reason: ALL_TODAY },
    });
    expect(await promos.claimPromo('late', 'daily')).toMatchObject({ success: false, message: ALL_TODAY });
    world.clock.set('2026-02-02T00:00:00Z');
    expect(await promos.checkEligibility('late', 'daily')).toMatchObject({ eligible: true });
    expect(await claimAll(2)).toEqual(wanted);
    expect(await promos.getPromo('daily')).toMatchObject({ totalClaims: 6, maxUsesPerDay: 3 });
    await world.expectSound();
  });

  test('are at most those of one user, whatever other users claim', async () => {
    const world = await open();
    const { promos } = world.manager;
    world.clock.set('2026-02-01T12:00:00Z');
    await promos.createPromo({ code: 'TWICE', credits: 1, maxUsesPerUser: 5, maxUsesPerUserPerDay: 2 });
    const others = [world.manager, world.open()];
    const claimAll = (user: string) =>
      Promise.all(Array.from({ length: 6 }, (_, n) => others[n % 2]?.promos.claimPromo(user, 'twice'))).then((claims) =>
        claims.map((claim) => (claim?.success ? 'claimed' : claim?.message)).sort(),
      );
    for (const user of ['u', 'v']) {
      expect(await claimAll(user)).toEqual([...Array(4).fill(OWN_TODAY), 'claimed', 'claimed']);
      expect(await promos.checkEligibility(user, 'twice')).toMatchObject({ eligible: false, reason: OWN_TODAY });
    }
    world.clock.advance({ days: 1 });
    expect(await claimAll('u')).toEqual([...Array(4).fill(OWN_TODAY), 'claimed', 'claimed']);
    world.clock.advance({ days: 1 });
    expect(await claimAll('u')).toEqual([...Array(5).fill("You've already claimed this promo"), 'claimed']);
    expect(await world.balance('u')).toBe(5);
    await world.expectSound();
  });

  test('are counted without a limit too, so that one that is set later holds for the day', async () => {
    const world = await open();
    const { promos } = world.manager;
    world.clock.set('2026-02-01T12:00:00Z');
    const code = { code: 'OPEN', credits: 1, maxUsesPerUser: 9 };
    await promos.createPromo(code);
    for (const user of ['u', 'u', 'v']) await promos.claimPromo(user, 'open');
    await promos.updatePromo({ code: 'open', maxUsesPerDay: 4, maxUsesPerUserPerDay: 2 });
    expect(await promos.claimPromo('u', 'open')).toMatchObject({ message: OWN_TODAY });
    expect(await promos.claimPromo('v', 'open')).toMatchObject({ success: true });
    expect(await promos.claimPromo('w', 'open')).toMatchObject({ message: ALL_TODAY });
    await promos.definePromos([{ ...code, maxUsesPerDay: 4 }]);
    expect(await promos.claimPromo('w', 'open')).toMatchObject({ message: ALL_TODAY });
    await promos.updatePromo({ code: 'open', maxUsesPerDay: null });
    expect(await promos.claimPromo('w', 'open')).toMatchObject({ success: true });
    await world.expectSound();
  });

  test('of a code that is stored without the counters of a day are counted from the next one on', async () => {
    const world = await open();
    const { promos } = world.manager;
    await promos.createPromo({ code: 'OLD', credits: 1, maxUsesPerUser: 9 });
    await promos.claimPromo('u', 'old');
    await forgetDays(world);
    expect(await world.open().promos.getPromo('old')).toMatchObject({ maxUsesPerDay: null, totalClaims: 1 });
    const { unchanged } = await promos.definePromos([{ code: 'OLD', credits: 1, maxUsesPerUser: 9 }]);
    expect(unchanged).toEqual(['OLD']);
    await promos.updatePromo({ code: 'OLD', maxUsesPerDay: 2, maxUsesPerUserPerDay: 1 });
    expect(await promos.claimPromo('u', 'old')).toMatchObject({ success: true });
    expect(await promos.claimPromo('u', 'old')).toMatchObject({ message: OWN_TODAY });
    expect(await promos.claimPromo('v', 'old')).toMatchObject({ success: true });
    expect(await promos.claimPromo('w', 'old')).toMatchObject({ message: ALL_TODAY });
  });

  test('go on counting on the day that has begun, where the clock goes back over midnight', async () => {
    const world = await open();
    const { promos } = world.manager;
    world.clock.set('2026-02-02T00:00:00Z');
    await promos.createPromo({ code: 'BACK', credits: 1, maxUsesPerDay: 2, validFrom: '2026-01-01T00:00:00Z' });
    await promos.claimPromo('u', 'back');
    world.clock.set('2026-02-01T23:59:59Z');
    const behind = world.open();
    expect(await behind.promos.claimPromo('v', 'back')).toMatchObject({ success: true });
    expect(await behind.promos.claimPromo('w', 'back')).toMatchObject({ message: ALL_TODAY });
    await world.expectSound();
  });
});

test('a claim under a key is answered again on a day that has no claim left', async () => {
  const { promos } = createTestCredits({ now: '2026-02-01T12:00:00Z' });
  await promos.createPromo({ code: 'ONE', credits: 1, maxUsesPerDay: 1 });
  const first = await promos.claimPromo('u', 'one', { idempotencyKey: 'k' });
  expect(first.success).toBe(true);
  expect(await promos.claimPromo('v', 'one')).toMatchObject({ success: false, message: ALL_TODAY });
  expect(await promos.claimPromo('u', 'one', { idempotencyKey: 'k' })).toEqual(first);
});

test.each([{ maxUsesPerDay: 0 }, { maxUsesPerUserPerDay: 1.5 }, { maxUsesPerDay: -1 }])(
  'a limit of %o is refused',
  async (wrong) => {
    const made = createTestCredits().promos.createPromo({ code: 'C', credits: 1, ...wrong });
    await expect(made).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  },
);
