/** Taking back one grant, and no other. */
import { describe, expect, test } from 'vitest';
import { bench } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { codeOf } from '../support/codes.js';

const by = { actor: 'admin-7', reason: 'Granted twice' };

async function granted() {
  const world = bench();
  const { credits } = world;
  const first = await credits.addCredits('u', 100, { expiresAt: new Date(world.clock.now().getTime() + 86_400_000) });
  const other = await credits.addCredits('u', 50);
  const info = async () => {
    const { balance, reserved, debt } = await credits.getUserCreditsInfo('u');
    return [balance, reserved, debt];
  };
  const expectSound = async () => {
    expect(await audit(world.db.inner, 'credits/u')).toEqual([]);
    expect(await world.manager.ledger.verify()).toMatchObject({ ok: true });
  };
  return { ...world, first, grant: first.grantId as string, other: other.grantId as string, info, expectSound };
}

describe('voidGrant', () => {
  test('takes the free rest of one grant, where a reversal would take from others and make debt', async () => {
    const { credits, first, grant, other, info, expectSound } = await granted();
    await credits.deductCredits('u', 80);
    const entry = await credits.voidGrant(grant, by);
    expect(entry).toMatchObject({ type: 'reverse', delta: -20, reverses: first.id, grantId: grant, ...by });
    expect(entry.draws).toEqual([{ grantId: grant, amount: 20 }]);
    expect(await info()).toEqual([50, 0, 0]);
    expect((await credits.getGrants('u')).items).toMatchObject([{ id: other, remaining: 50 }]);
    await expectSound();
  });

  test('credits on hold stay on hold, and what is taken back is none of the reversal any more', async () => {
    const { credits, first, grant, info, expectSound } = await granted();
    await credits.reserveCredits('u', 70);
    expect(await codeOf(credits.voidGrant(grant, { ...by, amount: 31 }))).toBe('ALREADY_REVERSED');
    await credits.voidGrant({ id: grant }, { ...by, amount: 10 });
    await credits.voidGrant(grant, by);
    await expect(credits.voidGrant(grant, by)).rejects.toMatchObject({
      ...{ code: 'ALREADY_REVERSED', details: { id: grant, reversible: 0 } },
      message: expect.stringContaining('70 are on hold'),
    });
    expect(await info()).toEqual([120, 70, 0]);
    await expect(credits.reverseTransaction(first, { amount: 71 })).rejects.toMatchObject({
      details: { reversible: 70 },
    });
    await expectSound();
  });

  test('a scheduled grant shrinks before it takes effect', async () => {
    const { credits, clock, info, expectSound } = await granted();
    const effectiveAt = new Date(clock.now().getTime() + 3_600_000);
    const { grantId } = await credits.addCredits('u', 30, { effectiveAt });
    expect(await credits.voidGrant(grantId as string, { ...by, amount: 12 })).toMatchObject({ delta: 0, amount: 12 });
    clock.advance({ hours: 2 });
    expect(await info()).toEqual([168, 0, 0]);
    await expectSound();
  });

  test('received credits and grants of a reversal can be taken back, too', async () => {
    const { credits, info, expectSound } = await granted();
    await credits.transferCredits({ from: 'u', to: 'w', amount: 40 });
    const [received] = (await credits.getGrants('w')).items;
    expect(await credits.voidGrant(received as { id: string }, by)).toMatchObject({ userId: 'w', delta: -40 });
    const spent = await credits.deductCreditsAfterService('u', 130);
    await credits.addCredits('u', 20);
    await credits.reverseTransaction(spent);
    const made = (await credits.getGrants('u')).items.find(({ source }) => source === 'adjustment');
    const before = await info();
    expect(await credits.voidGrant(made?.id as string, by)).toMatchObject({ delta: -(made?.remaining as number) });
    expect(before[0]).toBeGreaterThan((await info())[0] as number);
    await expectSound();
  });

  test('of many calls at once each credit is taken once, and a key repeats its answer', async () => {
    const { credits, grant, info, expectSound } = await granted();
    const keyed = { ...by, amount: 30, idempotencyKey: 'case-1' };
    const ends = await Promise.all(
      Array.from({ length: 12 }, (_, i) => codeOf(credits.voidGrant(grant, i < 6 ? keyed : { ...by, amount: 30 }))),
    );
    expect(ends.filter((end) => end === 'resolved').length).toBeGreaterThanOrEqual(6);
    expect(await info()).toEqual([60, 0, 0]);
    expect(await codeOf(credits.voidGrant(grant, { ...keyed, amount: 31 }))).toBe('IDEMPOTENCY_CONFLICT');
    await expectSound();
  });

  test('an unknown grant, one of another credit type, and a call without actor or reason are refused', async () => {
    const { credits, open, grant } = await granted();
    expect(await codeOf(credits.voidGrant('none', by))).toBe('TRANSACTION_NOT_FOUND');
    const image = await open({ creditTypes: { image: {} } });
    expect(await codeOf(image.creditType('image' as 'credits').voidGrant(grant, by))).toBe('TRANSACTION_NOT_FOUND');
    expect(await codeOf(credits.voidGrant(grant, { reason: 'x' } as never))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(credits.voidGrant(grant, { actor: 'a' } as never))).toBe('INVALID_ARGUMENT');
  });
});
