/** Metered work on a store that fails: a hold never leaks, what is charged is charged once. */
import { describe, expect, test } from 'vitest';
import { bench, unknown } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { endOf } from '../support/codes.js';

const failing = { status: 'rejected', cause: new Error('disk full') } as const;

describe('withCredits', () => {
  test('charges once when the answer to the settlement is lost', async () => {
    const { db, credits } = bench();
    await credits.addCredits('u', 100);
    const result = await credits.withCredits({ userId: 'u', estimate: 10 }, async (meter) => {
      meter.add(3);
      db.onceInCommit(async (units) => {
        await db.inner.commit(units);
        return unknown(units);
      });
      return 'done';
    });
    expect(result).toBe('done');
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 97, reserved: 0 });
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  test('does not run the work when the hold was refused or could not be made', async () => {
    const { db, credits } = bench();
    await credits.addCredits('u', 5);
    let ran = 0;
    const work = async () => {
      ran++;
    };
    expect(await endOf(credits.withCredits({ userId: 'u', estimate: 6 }, work))).toContain('INSUFFICIENT_CREDITS');
    db.onceInCommit(async (units) => units.map(() => failing));
    expect(await endOf(credits.withCredits({ userId: 'u', estimate: 1 }, work))).toContain('STORAGE_UNAVAILABLE');
    expect(ran).toBe(0);
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 5, reserved: 0 });
  });

  test('charges what was metered when the work throws, and rethrows its error', async () => {
    const { credits } = bench();
    await credits.addCredits('u', 100);
    for (const [chargeOnError, balance] of [
      ['metered', 96],
      ['none', 96],
      ['estimate', 86],
    ] as const) {
      const working = credits.withCredits({ userId: 'u', estimate: 10, chargeOnError }, async (meter) => {
        meter.add(4);
        throw new Error('the model failed');
      });
      await expect(working).rejects.toThrow('the model failed');
      expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance, reserved: 0 });
    }
  });
});

describe('a meter', () => {
  test('can be settled again after a failure, and is charged once', async () => {
    const { db, credits } = bench();
    await credits.addCredits('u', 100);
    const meter = await credits.openMeter({ userId: 'u', estimate: 10 });
    meter.add(12);
    db.onceInCommit(async (units) => units.map(() => failing));
    expect(await endOf(meter.settle())).toContain('STORAGE_UNAVAILABLE');
    const settled = await Promise.all([meter.settle(), meter.settle()]);
    expect(settled[0]?.id).toBe(settled[1]?.id);
    await meter.release();
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 88, reserved: 0 });
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  test('takes no cost that is negative, not finite or no number, and counts none of it', async () => {
    const { credits } = bench();
    await credits.addCredits('u', 100);
    const meter = await credits.openMeter({ userId: 'u', estimate: 10 });
    for (const cost of [-1, Number.NaN, Number.POSITIVE_INFINITY, '1', null, undefined, 1n, { valueOf: () => 1 }]) {
      expect(() => meter.add(cost as number)).toThrow(expect.objectContaining({ code: 'INVALID_AMOUNT' }));
    }
    expect(() => meter.add(1e308)).toThrow(expect.objectContaining({ code: 'AMOUNT_TOO_LARGE' }));
    meter.add(0.1);
    meter.add(0.2);
    expect(meter.total).toBe(0.3);
    expect((await meter.settle())?.delta).toBe(-0.3);
    expect(() => meter.add(1)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  test('settles a stream at its end, at its error and at its cancellation, each time once', async () => {
    const { db, credits } = bench();
    await credits.addCredits('u', 100);
    async function* chunks(fail: boolean) {
      yield 1;
      yield 2;
      if (fail) throw new Error('the stream broke');
      yield 3;
    }
    const open = async (fail: boolean) => {
      const meter = await credits.openMeter({ userId: 'u', estimate: 10 });
      return meter.stream(chunks(fail), (chunk, by) => by.add(chunk));
    };
    for await (const _ of await open(false));
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 94, reserved: 0 });
    const broken = (async () => {
      for await (const _ of await open(true));
    })();
    await expect(broken).rejects.toThrow('the stream broke');
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 91, reserved: 0 });
    const reader = (await open(false)).getReader();
    await reader.read();
    await reader.cancel();
    const info = await credits.getUserCreditsInfo('u');
    expect(info.reserved).toBe(0);
    expect([90, 88]).toContain(info.balance);
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });
});
