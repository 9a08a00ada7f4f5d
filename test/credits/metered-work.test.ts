/** Work that was done is charged, or recorded as a shortfall: never neither, and never twice. */
import { describe, expect, test } from 'vitest';
import type { CreditEvent, MeterOptions, Unit, UnitOutcome } from '../../src/index.js';
import { bench, unknown } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { Chance, SEED } from '../support/chance.js';
import { codeOf } from '../support/codes.js';
import { QUIET } from '../support/quiet.js';
import { gate, until } from '../support/wait.js';

const work = { userId: 'u', estimate: 10 };

async function funded(credits: number, overdraftLimit: number | 'unlimited' = 0) {
  const world = bench({ logger: QUIET });
  await world.credits.createAccount('u', { overdraftLimit });
  if (credits > 0) await world.credits.addCredits('u', credits);
  const info = async () => {
    const { balance, reserved } = await world.credits.getUserCreditsInfo('u');
    return [balance, reserved];
  };
  const types = ['deduct', 'extend_reserved', 'commit_reserved', 'release_reserved'] as const;
  const history = async () => (await world.credits.getCreditHistory('u', { types, limit: 100 })).items;
  const errors = async () => {
    const { items } = await world.manager.ledger.list({ types: ['error'], limit: 100 });
    return items.filter(({ message }) => message.includes('could not be charged')).map(({ details }) => details);
  };
  const expectSound = async () => {
    expect(await audit(world.db.inner, 'credits/u')).toEqual([]);
    expect(await world.manager.ledger.verify()).toMatchObject({ ok: true });
  };
  return { ...world, info, history, errors, expectSound };
}

describe('cost that nobody has credits for', () => {
  test.each([
    { funds: 10, limit: 0, metered: 15, balance: 0, shortfall: 5 },
    { funds: 12, limit: 0, metered: 15, balance: 0, shortfall: 3 },
    { funds: 12, limit: 2, metered: 15, balance: -2, shortfall: 1 },
    { funds: 12, limit: 2, metered: 14, balance: -2, shortfall: 0 },
    { funds: 10, limit: 'unlimited' as const, metered: 1_000, balance: -990, shortfall: 0 },
  ])('funds $funds, limit $limit, metered $metered: $shortfall is missing, the rest is charged', async (row) => {
    const { credits, manager, info, history, errors, expectSound } = await funded(row.funds, row.limit);
    const events: CreditEvent[] = [];
    manager.on('credits.shortfall', (event) => void events.push(event));
    expect(
      await credits.withCredits(work, async (meter) => {
        meter.add(row.metered);
        return 'the answer';
      }),
    ).toBe('the answer');
    expect(await info()).toEqual([row.balance, 0]);
    const [capture] = await history();
    expect(capture).toMatchObject({ type: 'commit_reserved', shortfall: row.shortfall });
    if (row.shortfall === 0) {
      expect([events, await errors()]).toEqual([[], []]);
    } else {
      const { id: transactionId, reservationId } = capture as { id: string; reservationId: string };
      expect(events.map(({ data }) => data)).toMatchObject([{ amount: row.shortfall, transactionId, reservationId }]);
      expect(await errors()).toMatchObject([
        { code: 'INSUFFICIENT_CREDITS', requested: row.shortfall, balance: row.balance },
      ]);
    }
    await expectSound();
  });

  test('a settlement after the hold has ended is charged as far as the account goes, too', async () => {
    const { credits, clock, info, history, errors, expectSound } = await funded(10, 1);
    await credits.withCredits({ ...work, ttlSeconds: 60 }, async (meter) => {
      clock.advance({ minutes: 5 });
      await credits.deductCredits('u', 7);
      meter.add(6);
    });
    expect(await info()).toEqual([-1, 0]);
    expect((await history())[0]).toMatchObject({ type: 'deduct', delta: -4, shortfall: 2 });
    expect(await errors()).toMatchObject([{ requested: 2 }]);
    await expectSound();
  });

  test('where nothing is left at all, an entry of 0 tells the shortfall', async () => {
    const { credits, clock, info, history, expectSound } = await funded(10);
    const meter = await credits.openMeter({ ...work, ttlSeconds: 60 });
    clock.advance({ minutes: 5 });
    await credits.deductCredits('u', 10);
    meter.add(6);
    expect(await meter.settle()).toMatchObject({ type: 'deduct', delta: 0, shortfall: 6 });
    expect(await meter.settle()).toMatchObject({ delta: 0, shortfall: 6 });
    expect(await info()).toEqual([0, 0]);
    expect((await history()).filter(({ shortfall }) => shortfall > 0)).toHaveLength(1);
    await expectSound();
  });

  test('a partial capture by cap takes what there is and keeps the hold', async () => {
    const { credits, info, history, expectSound } = await funded(12);
    const hold = await credits.reserveCredits('u', 10);
    const capture = await credits.commitReservedCredits(hold, { amount: 15, final: false, overage: 'cap' });
    expect(capture).toMatchObject({ delta: -10, shortfall: 3 });
    expect(await info()).toEqual([0, 0]);
    expect((await history()).map(({ type }) => type).slice(0, 2)).toEqual(['commit_reserved', 'deduct']);
    expect(await credits.releaseReservedCredits(hold)).toMatchObject({ status: 'committed' });
    await expectSound();
  });

  test.each([
    ['cap', 'reject', 'COMMIT_EXCEEDS_RESERVATION'],
    ['cap', 'charge', 'INSUFFICIENT_CREDITS'],
    ['charge', 'cap', 'INSUFFICIENT_CREDITS'],
    ['cap', 'overdraft', 'resolved'],
    ['overdraft', 'cap', 'resolved'],
  ] as const)('late and above the hold the stricter of %s and %s decides: %s', async (ifExpired, overage, code) => {
    const { credits, clock, info } = await funded(20);
    const hold = await credits.reserveCredits('u', 10, { ttlSeconds: 60 });
    clock.advance({ minutes: 5 });
    expect(await codeOf(credits.commitReservedCredits(hold, { amount: 30, ifExpired, overage }))).toBe(code);
    expect(await info()).toEqual([code === 'resolved' ? 0 : 20, 0]);
  });
});

describe('a key that began work before', () => {
  const keyed = { ...work, idempotencyKey: 'job-1' };

  test.each([
    ['settled', 'committed'],
    ['released', 'released'],
    ['expired', 'expired'],
  ] as const)('a hold that was %s is refused before the work runs', async (how, status) => {
    const { credits, clock } = await funded(100);
    const meter = await credits.openMeter(keyed);
    let transactionId: string | null = null;
    if (how === 'settled') {
      meter.add(3);
      transactionId = (await meter.settle())?.id ?? null;
    } else if (how === 'released') await meter.release();
    else clock.advance({ days: 8 });
    let ran = false;
    const again = credits.withCredits({ ...keyed, resume: true }, async () => {
      ran = true;
    });
    const error = await again.catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'RESERVATION_NOT_ACTIVE', details: { id: meter.reservation.id, status } });
    if (how === 'settled') expect(error).toMatchObject({ details: { transactionId } });
    expect(ran).toBe(false);
  });

  test('a hold that is active elsewhere is refused, unless the caller resumes it', async () => {
    const { credits, info } = await funded(100);
    const { reservation } = await credits.openMeter(keyed);
    const details = { id: reservation.id, status: 'active', transactionId: null };
    await expect(credits.openMeter(keyed)).rejects.toMatchObject({ code: 'RESERVATION_NOT_ACTIVE', details });
    await credits.withCredits({ ...keyed, resume: true }, async (meter) => meter.add(4));
    expect(await info()).toEqual([96, 0]);
  });

  test('of many calls at once one runs the work', async () => {
    const { credits, info } = await funded(100);
    let ran = 0;
    const one = () =>
      credits.withCredits(keyed, async (meter) => {
        ran++;
        meter.add(4);
      });
    const ends = await Promise.all(Array.from({ length: 20 }, () => codeOf(one())));
    expect(ends.filter((end) => end === 'resolved')).toHaveLength(1);
    expect(ends.filter((end) => end === 'RESERVATION_NOT_ACTIVE')).toHaveLength(19);
    expect([ran, await info()]).toEqual([1, [96, 0]]);
  });
});

describe('a hold while its work goes on', () => {
  const extensions = (history: readonly { type: string }[]) =>
    history.filter(({ type }) => type === 'extend_reserved').length;

  test('is prolonged at half of its time to live, until it is settled', async () => {
    const { credits, clock, history, expectSound } = await funded(100);
    await credits.withCredits({ ...work, ttlSeconds: 1 }, async (meter) => {
      for (let past = 0; past < 3; past++) {
        await until(async () => extensions(await history()) > past, 'the hold is prolonged');
        clock.advance({ seconds: 0.9 });
      }
      meter.add(4);
    });
    const [last, ...before] = await history();
    expect(last).toMatchObject({ type: 'commit_reserved', delta: -4 });
    expect(extensions(before)).toBeGreaterThanOrEqual(3);
    await expectSound();
  });

  test('is let go by a caller who aborts, and work that goes on is charged', async () => {
    const { credits, clock, info, history } = await funded(100);
    const controller = new AbortController();
    const done = gate();
    const working = credits.withCredits({ ...work, ttlSeconds: 1, signal: controller.signal }, async (meter) => {
      await until(async () => extensions(await history()) > 0, 'the hold is prolonged');
      controller.abort();
      clock.advance({ seconds: 5 });
      await done.opened;
      meter.add(4);
    });
    await until(async () => (await info())[1] === 0, 'the hold ends');
    const seen = extensions(await history());
    done.open();
    await working;
    expect(await info()).toEqual([96, 0]);
    expect(extensions(await history())).toBe(seen);
  });
});

test('a meter takes reason and timeoutMs, and names the session that it refuses', async () => {
  const { credits, history } = await funded(100);
  await credits.withCredits({ ...work, reason: 'a long text', timeoutMs: 5_000 }, async (meter) => meter.add(1));
  expect((await history())[0]).toMatchObject({ reason: 'a long text' });
  const session = { ...work, session: {} } as MeterOptions;
  await expect(credits.openMeter(session)).rejects.toThrow(/session/);
});

test('whatever becomes of work, its cost is charged or recorded as missing, once', async () => {
  const chance = new Chance(SEED);
  for (let round = 0; round < 150; round++) {
    const limit = chance.pick([0, 3, 20, 'unlimited'] as const);
    const world = await funded(chance.pick([10, 12, 30]), limit);
    const { credits, clock, db } = world;
    const key = chance.pick([undefined, 'job']);
    const cost = chance.pick([0, 4, 10, 11, 17, 60]);
    const ttlSeconds = 60;
    const fault = chance.pick(['none', 'lost', 'lost', 'refused', 'crash'] as const);
    const throws = chance.pick([false, true]);
    let done = 0;
    const attempt = (resume: boolean) =>
      credits.withCredits({ ...work, ttlSeconds, ...(key && { idempotencyKey: key, resume }) }, async (meter) => {
        done++;
        meter.add(cost);
        if (chance.pick([true, false])) clock.advance({ minutes: 2 });
        if (chance.pick([true, false])) await credits.deductCredits('u', 1).catch(() => {});
        const rejected = async (units: readonly Unit[]) =>
          units.map((): UnitOutcome => ({ status: 'rejected', cause: new Error('disk full') }));
        if (fault === 'crash' && done === 1) db.methods.commit = rejected;
        else if (fault === 'refused') db.onceInCommit(rejected);
        else
          db.onceInCommit(async (units) => {
            const answers = await db.inner.commit(units);
            return fault === 'lost' ? unknown(units) : answers;
          });
        if (throws) throw new Error('the model failed');
      });
    await attempt(false).catch(() => {});
    delete db.methods.commit;
    const again = key === undefined ? 'none' : await codeOf(attempt(true));
    delete db.methods.commit;
    const told = JSON.stringify({ round, limit, key, cost, fault, throws, done, again });
    const history = await world.history();
    const mine = history.filter(({ reservationId }) => reservationId !== null);
    const charged = mine.reduce((sum, { delta }) => sum - delta, 0);
    const missing = mine.reduce((sum, { shortfall }) => sum + shortfall, 0);
    // A settlement that the store refused was told to the caller or, behind an error of the work, to the log. After a
    // crash nobody knows of the work, unless the caller resumes it.
    const isLost = (fault === 'refused' || fault === 'crash') && charged + missing === 0;
    expect([told, charged + missing]).toEqual([told, isLost ? 0 : cost]);
    expect([told, (await world.errors()).length > 0]).toEqual([told, missing > 0]);
    expect([told, limit === 'unlimited' && missing > 0]).toEqual([told, false]);
    await world.expectSound();
  }
});
