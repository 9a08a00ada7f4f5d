/** Changing the terms of one grant that is open. */
import { describe, expect, test } from 'vitest';
import { bench } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { codeOf } from '../support/codes.js';

const HOUR = 3_600_000;

async function granted() {
  const world = bench();
  const { credits, clock } = world;
  const at = (ms: number) => new Date(clock.now().getTime() + ms);
  const soon = (await credits.addCredits('u', 100, { expiresAt: at(HOUR) })).grantId as string;
  const later = (await credits.addCredits('u', 50, { expiresAt: at(2 * HOUR) })).grantId as string;
  const order = async () => (await credits.getGrants('u')).items.map(({ id }) => id);
  const expectSound = async () => {
    expect(await audit(world.db.inner, 'credits/u')).toEqual([]);
    expect(await world.manager.ledger.verify()).toMatchObject({ ok: true, problems: [] });
  };
  return { ...world, at, soon, later, order, expectSound };
}

describe('updateGrant', () => {
  test('moves the end of a grant, and its turn with it', async () => {
    const { credits, clock, at, soon, later, order, expectSound } = await granted();
    expect(await order()).toEqual([soon, later]);
    const before = at(HOUR);
    const entry = await credits.updateGrant(soon, { expiresAt: at(3 * HOUR) }, { actor: 'admin', reason: 'Goodwill' });
    expect(entry).toMatchObject({ type: 'grant_updated', delta: 0, grantId: soon, actor: 'admin', reason: 'Goodwill' });
    expect(await order()).toEqual([later, soon]);
    clock.set(before);
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(150);
    clock.advance({ hours: 2 });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
    await credits.expireCredits('u');
    await expectSound();
  });

  test('an earlier end is kept on time, no end at all for ever, and a term that is not named stays', async () => {
    const { credits, clock, at, soon, later, expectSound } = await granted();
    await credits.updateGrant({ id: later }, { expiresAt: at(HOUR / 2) });
    await credits.updateGrant(soon, { expiresAt: null });
    await credits.updateGrant(soon, { priority: 7 });
    expect((await credits.getGrants('u')).items).toMatchObject([
      { id: soon, expiresAt: null, priority: 7 },
      { id: later, expiresAt: at(HOUR / 2), priority: 50 },
    ]);
    clock.advance({ days: 400 });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(100);
    await expectSound();
  });

  test('a priority puts the grant into its turn at once', async () => {
    const { credits, soon, later, order, expectSound } = await granted();
    await credits.updateGrant(later, { priority: 0 });
    expect(await order()).toEqual([later, soon]);
    expect((await credits.deductCredits('u', 60)).draws).toEqual([
      { grantId: later, amount: 50 },
      { grantId: soon, amount: 10 },
    ]);
    await expectSound();
  });

  test('credits on hold stay on hold, and go back to the grant as it is then', async () => {
    const { credits, clock, at, soon, expectSound } = await granted();
    const hold = await credits.reserveCredits('u', 80);
    await credits.updateGrant(soon, { expiresAt: at(60_000) });
    clock.advance({ minutes: 2 });
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 130, reserved: 80, available: 50 });
    await credits.releaseReservedCredits(hold);
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 50, reserved: 0 });
    await expectSound();
  });

  test('a scheduled grant can be changed before it takes effect', async () => {
    const { credits, clock, at, expectSound } = await granted();
    const { grantId } = await credits.addCredits('u', 30, { effectiveAt: at(HOUR), expiresAt: at(3 * HOUR) });
    await credits.updateGrant(grantId as string, { priority: 1 });
    await expect(credits.updateGrant(grantId as string, { expiresAt: at(HOUR) })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { path: 'expiresAt' },
    });
    await credits.updateGrant(grantId as string, { expiresAt: at(5 * HOUR) });
    clock.advance({ hours: 4 });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(30);
    await expectSound();
  });

  test('what has lapsed stays lapsed, written or not, and what is used up stays closed', async () => {
    const { credits, clock, at, soon, later, expectSound } = await granted();
    await credits.deductCredits('u', 20, { from: { grantIds: [later] } });
    await credits.deductCredits('u', 30, { from: { grantIds: [later] } });
    clock.advance({ hours: 1 });
    for (const grant of [soon, later]) {
      const changed = credits.updateGrant(grant, { expiresAt: at(HOUR) });
      await expect(changed).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', outcome: 'not_applied' });
    }
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
    await expectSound();
  });

  test('refuses an end that is over, an empty change, and a grant that does not exist', async () => {
    const { credits, clock, soon } = await granted();
    const update = (change: object) => codeOf(credits.updateGrant(soon, change));
    expect(await update({ expiresAt: clock.now() })).toBe('INVALID_ARGUMENT');
    expect(await update({})).toBe('INVALID_ARGUMENT');
    expect(await update({ amount: 7 })).toBe('INVALID_ARGUMENT');
    expect(await update({ priority: 101 })).toBe('INVALID_ARGUMENT');
    expect(await codeOf(credits.updateGrant('g-none', { priority: 1 }))).toBe('TRANSACTION_NOT_FOUND');
  });

  test('a key repeats its answer, and another change under it is a conflict', async () => {
    const { credits, soon, expectSound } = await granted();
    const first = await credits.updateGrant(soon, { priority: 1 }, { idempotencyKey: 'k' });
    await credits.updateGrant(soon, { priority: 9 });
    expect(await credits.updateGrant(soon, { priority: 1 }, { idempotencyKey: 'k' })).toEqual({
      ...first,
      replayed: true,
    });
    const other = credits.updateGrant(soon, { priority: 2 }, { idempotencyKey: 'k' });
    expect(await codeOf(other)).toBe('IDEMPOTENCY_CONFLICT');
    await expectSound();
  });

  test('closed grants show the terms of their last change', async () => {
    const { credits, soon, expectSound } = await granted();
    await credits.updateGrant(soon, { expiresAt: null, priority: 3 });
    await credits.deductCredits('u', 100, { from: { grantIds: [soon] } });
    const { items } = await credits.getGrants('u', { includeClosed: true });
    expect(items.find(({ id }) => id === soon)).toMatchObject({ remaining: 0, expiresAt: null, priority: 3 });
    await expectSound();
  });
});
