/** Forecasts: the rate of spending, the instant at which credits end, and what expires on the way. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { emptyAccount } from '../../src/core/account.js';
import { outlookOf } from '../../src/core/forecast.js';
import { type OpenGrant, openGrantSchema } from '../../src/models/account.js';
import { sampleOf } from '../models/changed-fields.js';
import { describeBackends } from '../support/plan-world.js';

const DAY_MS = 24 * 3600 * 1000;

await describeBackends('a forecast', (open) => {
  test('tells the rates of 7 and of 30 days, and when the credits end, with what expires before', async () => {
    const world = await open();
    const { credits } = world.manager;
    await credits.addCredits('u', 500);
    await credits.deductCredits('u', 90);
    world.clock.set('2026-02-20T00:00:00Z');
    await credits.deductCredits('u', 190);
    const sent = await credits.deductCredits('u', 100);
    world.clock.set('2026-03-10T00:00:00Z');
    await credits.reverseTransaction(sent.id, { amount: 80 });
    await credits.transferCredits({ from: 'u', to: 'v', amount: 10 });
    await credits.deductCredits('u', 130);
    world.clock.set('2026-03-15T00:00:00Z');
    // 60 are left. Spent were 60 within 7 days, and 350 within 30.
    await credits.addCredits('u', 100, { expiresAt: '2026-03-20T00:00:00Z' });
    await credits.addCredits('u', 50, { effectiveAt: '2026-03-22T00:00:00Z' });
    const forecast = await credits.getForecast('u');
    expect(forecast).toEqual({
      perDay7: 8.571428,
      perDay30: 11.666666,
      emptyAt: new Date('2026-04-01T19:59:59.992Z'),
      expiring: [{ at: new Date('2026-03-20T00:00:00Z'), amount: 57.142858 }],
    });
    expect((await credits.getForecast('v')).perDay7).toBe(0);
    await world.expectSound();
  });

  test('of a young account is over its age, and of one that spends nothing without an end', async () => {
    const world = await open({ defaults: { trialCredits: 7 } });
    const { credits } = world.manager;
    expect(await credits.getForecast('nobody')).toEqual({ perDay7: 0, perDay30: 0, emptyAt: null, expiring: [] });
    await credits.addCredits('u', 93);
    world.clock.advance({ days: 2 });
    expect(await credits.getForecast('u')).toMatchObject({ perDay7: 0, emptyAt: null });
    await credits.deductCredits('u', 40);
    const emptyAt = new Date(world.clock.now().getTime() + 3 * DAY_MS);
    expect(await credits.getForecast('u')).toMatchObject({ perDay7: 20, perDay30: 20, emptyAt });
    world.clock.advance({ days: 28 });
    // Nothing was spent for a week: the month tells.
    const { perDay7, perDay30, emptyAt: later } = await credits.getForecast('u');
    expect([perDay7, perDay30, later?.toISOString()]).toEqual([0, 1.333333, '2026-03-17T00:00:00.000Z']);
    await credits.deductCreditsAfterService('u', 61);
    expect(await credits.getForecast('u')).toMatchObject({ emptyAt: world.clock.now() });
  });

  test('counts what time has brought about and nothing has written yet, and leaves holds alone', async () => {
    const world = await open();
    const { credits } = world.manager;
    await credits.addCredits('u', 30, { expiresAt: '2026-01-05T00:00:00Z' });
    await credits.reserveCredits('u', 10, { ttlSeconds: 3600 });
    await credits.addCredits('u', 20, { effectiveAt: '2026-01-03T00:00:00Z', expiresAt: '2026-01-09T00:00:00Z' });
    await credits.reserveCredits('u', 5, { ttlSeconds: 7 * 24 * 3600 });
    world.clock.set('2026-01-04T00:00:00Z');
    expect((await credits.getForecast('u')).expiring).toEqual([
      { at: new Date('2026-01-05T00:00:00Z'), amount: 25 },
      { at: new Date('2026-01-09T00:00:00Z'), amount: 20 },
    ]);
    expect((await credits.getForecast('u')).emptyAt).toEqual(new Date('2026-01-09T00:00:00Z'));
  });
});

test('at any rate, what is spent until the end and what expires are all the credits there are', () => {
  const grant = fc.record({ amount: fc.integer({ min: 1, max: 500 }), from: fc.nat(40), days: fc.option(fc.nat(40)) });
  fc.assert(
    fc.property(fc.array(grant, { maxLength: 6 }), fc.nat(50), fc.integer({ min: 1, max: 9 }), (given, units, ms) => {
      const now = 1_000;
      const grants = given.map(({ amount, from, days }, seq): OpenGrant => {
        const effectiveAt = now - 5 + from;
        const expiresAt = days === null ? null : Math.max(now, effectiveAt) + 1 + days;
        const parts = { amount, remaining: amount, held: 0, expired: 0, revoked: 0, priority: 50 };
        const blank = sampleOf(openGrantSchema) as unknown as OpenGrant;
        return { ...blank, id: `g${seq}`, ...parts, effectiveAt, expiresAt, seq, place: 0 };
      });
      grants.sort((a, b) => (a.expiresAt ?? 1e15) - (b.expiresAt ?? 1e15));
      const { emptyAt, expiring } = outlookOf({ ...emptyAccount('credits', 'u'), at: now, grants }, { units, ms });
      const end = emptyAt ?? Number.POSITIVE_INFINITY;
      const lapsed = expiring.reduce((sum, { units: left }) => sum + left, 0);
      const begun = grants.filter(({ effectiveAt }) => effectiveAt < end || effectiveAt <= now);
      const all = begun.reduce((sum, { remaining }) => sum + remaining, 0);
      for (const { at } of expiring) expect(at).toBeLessThanOrEqual(end);
      if (emptyAt === null) {
        expect(units === 0 && grants.some(({ expiresAt }) => expiresAt === null)).toBe(true);
        return;
      }
      // Spent is the rest: never more than the rate allows, and less only where credits expired last.
      const spent = all - lapsed;
      expect(spent).toBeLessThanOrEqual(Math.floor((units * (emptyAt - now)) / ms));
      if (expiring.at(-1)?.at !== emptyAt) expect(spent).toBeGreaterThan((units * (emptyAt - 1 - now)) / ms - 1);
    }),
  );
});
