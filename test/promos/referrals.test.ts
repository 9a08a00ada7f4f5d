/** Referral codes: both users are granted once, in one commit, whoever claims at the same time. */
import { describe, expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';
import { bench, unknown } from '../backends/gated-db.js';
import { describeBackends, memoryWorld, type World } from '../support/plan-world.js';
import { QUIET } from '../support/quiet.js';

const OWN = 'You cannot claim your own referral code';
const REFERRED = "You've already been referred";

/** Makes a code of ann's: 20 for her, 10 for who claims it. */
const codeOfAnn = ({ manager: { promos } }: World, more: object = {}) =>
  promos.createPromo({ code: 'ANN-20', credits: 10, referrerId: 'ann', referrerCredits: 20, ...more });

await describeBackends('a referral', (open) => {
  test('grants both users in one commit, with an entry, a grant and an event on either side', async () => {
    const world = await open();
    const { promos, credits } = world.manager;
    const promo = await codeOfAnn(world, { maxUses: 5, validityDays: 30 });
    expect(promo).toMatchObject({ referrerId: 'ann', referrerCredits: 20, credits: 10, validityDays: 30 });
    const claimed = await promos.claimPromo('ben', ' ann-20 ');
    expect(claimed).toMatchObject({ creditsAwarded: 10, referrerId: 'ann', referrerCreditsAwarded: 20 });
    expect([await world.balance('ben'), await world.balance('ann')]).toEqual([10, 20]);
    const { items } = await promos.listClaims({ code: 'ANN-20' });
    expect(items).toMatchObject([
      { userId: 'ben', creditsAwarded: 10, referrerId: 'ann', referrerCreditsAwarded: 20, promoCode: 'ANN-20' },
    ]);
    for (const [user, id] of [
      ['ben', items[0]?.transactionId],
      ['ann', items[0]?.referrerTransactionId],
    ] as const) {
      const entry = await credits.getTransaction(id ?? '');
      expect(entry).toMatchObject({ userId: user, description: 'Referral: ANN-20' });
      const grants = await credits.getGrants(user);
      const expiresAt = new Date('2026-01-31T00:00:00Z');
      expect(grants.items).toMatchObject([{ source: 'promo', reference: promo.id, expiresAt }]);
    }
    const told = world.events.flatMap((event) =>
      event.type === 'credits.recharged' ? [[event.userId, event.data.amount, event.data.reference]] : [],
    );
    expect(told).toEqual([
      ['ben', 10, promo.id],
      ['ann', 20, promo.id],
    ]);
    await world.expectSound();
    world.clock.advance({ days: 30 });
    expect([await world.balance('ben'), await world.balance('ann')]).toEqual([0, 0]);
  });

  test('is claimed once by a user, for ever and whatever the code; never by its referrer', async () => {
    const world = await open();
    const { promos, ledger } = world.manager;
    await codeOfAnn(world);
    await promos.createPromo({ code: 'CAT', credits: 1, referrerId: 'cat', referrerCredits: 1, creditType: 'image' });
    const reasonOf = async (user: string, code: string) => {
      const [asked, claimed] = [await promos.checkEligibility(user, code), await promos.claimPromo(user, code)];
      if (!asked.eligible) expect(claimed).toMatchObject({ success: false, message: asked.reason });
      else expect(claimed.success).toBe(true);
      return asked.eligible ? null : asked.reason;
    };
    expect(await reasonOf('ann', 'ANN-20')).toBe(OWN);
    expect(await reasonOf('ben', 'ANN-20')).toBe(null);
    expect(await reasonOf('ben', 'ANN-20')).toBe(REFERRED);
    expect(await reasonOf('ben', 'CAT')).toBe(REFERRED);
    // Who was referred may refer, and be granted any number of times.
    expect(await reasonOf('ann', 'CAT')).toBe(null);
    expect(await reasonOf('dan', 'ANN-20')).toBe(null);
    // Other codes are claimed all the same.
    await promos.createPromo({ code: 'PLAIN', credits: 5 });
    expect(await reasonOf('ben', 'PLAIN')).toBe(null);
    world.clock.advance({ days: 4_000 });
    expect(await reasonOf('ben', 'ANN-20')).toBe(REFERRED);
    expect([await world.balance('ann'), await world.balance('ann', 'image')]).toEqual([40, 1]);
    expect([await world.balance('ben'), await world.balance('cat', 'image')]).toEqual([15, 1]);
    const { items } = await ledger.list({ types: ['error'] });
    expect(items.map(({ userId }) => userId).sort()).toEqual(['ann', 'ben', 'ben', 'ben']);
    await world.expectSound();
  });

  test('is never claimed more often than it may be, however many processes claim the last use', async () => {
    const world = await open();
    const managers = [world.manager, world.open(), world.open()];
    await codeOfAnn(world, { maxUses: 4 });
    const claims = await Promise.all(
      Array.from({ length: 15 }, (_, n) => managers[n % 3]?.promos.claimPromo(`u${n}`, 'ann-20')),
    );
    expect(claims.filter((claim) => claim?.success)).toHaveLength(4);
    expect((await world.manager.promos.getPromo('ANN-20'))?.totalClaims).toBe(4);
    expect(await world.balance('ann')).toBe(80);
    await world.expectSound();
  });

  test('is claimed once by a user who claims codes of several referrers in several processes at once', async () => {
    const world = await open();
    const managers = [world.manager, world.open(), world.open()];
    const types = ['credits', 'image', 'credits'] as const;
    for (const [n, creditType] of types.entries()) {
      const referrer = { referrerId: `r${n}`, referrerCredits: 3 };
      await world.manager.promos.createPromo({ code: `CODE-${n}`, credits: 1, creditType, ...referrer });
    }
    for (const user of ['u', 'v', 'w']) {
      const claims = await Promise.all(
        Array.from({ length: 9 }, (_, n) => managers[n % 3]?.promos.claimPromo(user, `code-${(n * 2) % 3}`)),
      );
      expect(claims.flatMap((claim) => (claim?.success ? [] : [claim?.message]))).toEqual(Array(8).fill(REFERRED));
    }
    const awarded = await Promise.all(types.map((type, n) => world.balance(`r${n}`, type)));
    expect(awarded.reduce((a, b) => a + b, 0)).toBe(9);
    await world.expectSound();
  });

  test('in a transaction of the host grants both users with it, or neither', async () => {
    const world = await open();
    const { promos } = world.manager;
    await codeOfAnn(world);
    await world.rolledBack((session) => promos.claimPromo('ben', 'ann-20', { session }));
    expect([await world.balance('ben'), await world.balance('ann')]).toEqual([0, 0]);
    expect((await promos.listClaims({ userId: 'ben' })).items).toEqual([]);
    const claimed = await world.begin((session) => promos.claimPromo('ben', 'ann-20', { session }));
    expect(claimed).toMatchObject({ success: true, referrerCreditsAwarded: 20 });
    expect([await world.balance('ben'), await world.balance('ann')]).toEqual([10, 20]);
    await world.expectSound();
  });

  test('that is only tried tells what both users would get, and grants nobody', async () => {
    const world = await open();
    const { promos } = world.manager;
    await codeOfAnn(world);
    const tried = await promos.claimPromo('ben', 'ann-20', { dryRun: true });
    expect(tried).toMatchObject({ success: true, creditsAwarded: 10, referrerId: 'ann', referrerCreditsAwarded: 20 });
    const { transactions, events } = (tried.success && tried.dryRun) || { transactions: [], events: [] };
    expect(transactions.map(({ userId, amount }) => [userId, amount])).toEqual([
      ['ben', 10],
      ['ann', 20],
    ]);
    expect(events.filter(({ type }) => type === 'credits.recharged').map(({ userId }) => userId)).toEqual([
      'ben',
      'ann',
    ]);
    expect(await promos.claimPromo('ann', 'ann-20', { dryRun: true })).toMatchObject({ success: false, message: OWN });
    expect([await world.balance('ben'), await world.balance('ann')]).toEqual([0, 0]);
    expect((await promos.getPromo('ann-20'))?.totalClaims).toBe(0);
    await world.expectSound();
  });

  test('of two users who refer one another does not stop, whoever comes first', async () => {
    const world = await open();
    const managers = [world.manager, world.open()];
    const pairs = Array.from({ length: 6 }, (_, n) => [`a${n}`, `b${n}`] as const);
    for (const user of pairs.flat()) {
      await world.manager.promos.createPromo({ code: user, credits: 1, referrerId: user, referrerCredits: 2 });
    }
    const claims = pairs.flatMap(([a, b], n) => [
      managers[n % 2]?.promos.claimPromo(a, b),
      managers[(n + 1) % 2]?.promos.claimPromo(b, a),
    ]);
    for (const claim of await Promise.all(claims)) expect(claim).toMatchObject({ success: true });
    for (const user of pairs.flat()) expect(await world.balance(user)).toBe(3);
    await world.expectSound();
  });
});

describe('a referral code', () => {
  test('without a name is given one, and the same one as often as it is asked for under a key', async () => {
    const { manager } = memoryWorld();
    const terms = { credits: 10, referrerId: 'ann', referrerCredits: 20 };
    const make = () => manager.promos.createPromo(terms, { idempotencyKey: 'referral-of-ann' });
    const made = await make();
    expect(made.code).toMatch(/^[0-9A-HJKMNP-TV-Z]{10}$/);
    expect(await make()).toEqual({ ...made, replayed: true });
    const other = await manager.promos.createPromo(terms);
    expect(other.code).not.toBe(made.code);
    expect(await manager.promos.claimPromo('ben', made.code.toLowerCase())).toMatchObject({ success: true });
  });

  test('that is given a name keeps it where the answer of its commit is lost', async () => {
    const { db, manager } = bench({ logger: QUIET });
    for (const isWritten of [true, false]) {
      db.onceInCommit(async (units) => {
        if (isWritten) await db.inner.commit(units);
        return unknown(units);
      });
      const { code } = await manager.promos.createPromo({ credits: 1, referrerId: 'ann', referrerCredits: 1 });
      expect(await manager.promos.getPromo(code)).toMatchObject({ referrerId: 'ann' });
    }
    expect((await manager.promos.listPromos()).items).toHaveLength(2);
  });

  test('is found by its referrer, newest first, switched off or not', async () => {
    const { manager, clock } = memoryWorld();
    const { promos } = manager;
    for (const [code, referrerId] of [
      ['ONE', 'ann'],
      ['TWO', 'ben'],
      ['THREE', 'ann'],
      ['FOUR', 'ann'],
    ] as const) {
      await promos.createPromo({ code, credits: 1, referrerId, referrerCredits: 1 });
      clock.advance({ seconds: 1 });
    }
    await promos.createPromo({ code: 'PLAIN', credits: 1 });
    await promos.togglePromo('THREE');
    const codes = async (more: object) =>
      (await promos.listPromos({ referrerId: 'ann', ...more })).items.map(({ code }) => code);
    expect(await codes({})).toEqual(['FOUR', 'ONE']);
    expect(await codes({ activeOnly: false, order: 'oldest' })).toEqual(['ONE', 'THREE', 'FOUR']);
    const first = await promos.listPromos({ referrerId: 'ann', limit: 1 });
    expect(await codes({ limit: 1, cursor: first.nextCursor })).toEqual(['ONE']);
  });

  test('keeps its referrer once it was claimed, and names one and the credits together', async () => {
    const world = memoryWorld();
    const { promos } = world.manager;
    const refused = (path: string) => ({ code: 'INVALID_ARGUMENT', details: { path } });
    const wrong = [{ referrerId: 'ann' }, { referrerCredits: 5 }, { referrerId: 'ann', referrerCredits: null }];
    for (const fields of wrong) {
      const made = promos.createPromo({ code: 'X', credits: 1, ...fields });
      await expect(made).rejects.toMatchObject(refused('promo.referrerCredits'));
    }
    await codeOfAnn(world);
    await promos.updatePromo({ code: 'ANN-20', referrerId: 'cat' });
    await promos.claimPromo('ben', 'ann-20');
    for (const referrerId of ['ann', null]) {
      const changed = promos.updatePromo({ code: 'ANN-20', referrerId, referrerCredits: referrerId && 5 });
      await expect(changed).rejects.toMatchObject(refused('promo.referrerId'));
    }
    await promos.createPromo({ code: 'PLAIN', credits: 5, maxUsesPerUser: 2 });
    await promos.claimPromo('ben', 'plain');
    const changed = promos.updatePromo({ code: 'PLAIN', referrerId: 'ann', referrerCredits: 5 });
    await expect(changed).rejects.toMatchObject(refused('promo.referrerId'));
    await promos.updatePromo({ code: 'ANN-20', credits: 1, referrerCredits: '2.5' });
    await promos.claimPromo('dan', 'ann-20');
    expect([await world.balance('cat'), await world.balance('dan'), await world.balance('ann')]).toEqual([22.5, 1, 0]);
    await world.expectSound();
  });

  test('is left alone by a list of codes that switches the others off', async () => {
    const world = memoryWorld();
    const { promos } = world.manager;
    await codeOfAnn(world);
    await promos.createPromo({ code: 'OLD', credits: 1 });
    const report = await promos.definePromos([{ code: 'NEW', credits: 1 }], { deactivateMissing: true });
    expect(report).toMatchObject({ created: ['NEW'], missing: ['OLD'], deactivated: ['OLD'] });
    expect(await promos.claimPromo('ben', 'ann-20')).toMatchObject({ success: true });
  });

  test('that cannot grant the referrer grants nobody, and counts nothing', async () => {
    const world = memoryWorld({ limits: { openGrants: 2 } });
    const { promos, credits } = world.manager;
    await codeOfAnn(world);
    for (let n = 0; n < 2; n++) await credits.addCredits('ann', 1);
    const claim = promos.claimPromo('ben', 'ann-20', { idempotencyKey: 'k' });
    await expect(claim).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect((await promos.getPromo('ann-20'))?.totalClaims).toBe(0);
    expect([await world.balance('ann'), await world.balance('ben')]).toEqual([2, 0]);
    await credits.deductCredits('ann', 1);
    const claimed = await promos.claimPromo('ben', 'ann-20', { idempotencyKey: 'k' });
    expect(claimed).toMatchObject({ success: true });
    expect(await promos.claimPromo('ben', 'ann-20', { idempotencyKey: 'k' })).toEqual(claimed);
    expect(await world.balance('ann')).toBe(21);
    await world.expectSound();
  });

  test('that becomes one while it is claimed is claimed as it is then, or not at all', async () => {
    const { promos, credits } = createTestCredits();
    await promos.createPromo({ code: 'LATE', credits: 5 });
    const [, claim] = await Promise.allSettled([
      promos.updatePromo({ code: 'LATE', referrerId: 'ann', referrerCredits: 7 }),
      promos.claimPromo('ben', 'late'),
    ]);
    const ann = (await credits.getUserCreditsInfo('ann')).balance;
    const referrer = claim.status === 'fulfilled' && claim.value.success ? claim.value.referrerId : null;
    expect(ann).toBe(referrer === null ? 0 : 7);
    if (claim.status === 'rejected') expect(claim.reason).toMatchObject({ code: 'CONTENTION', retryable: true });
  });
});
