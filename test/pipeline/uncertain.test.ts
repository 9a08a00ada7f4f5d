/** Commits whose answer was lost, followed by something that must not make the library claim too much. */
import { describe, expect, test } from 'vitest';
import { isCreditError, type Unit } from '../../src/index.js';
import { bench, isMoney, unknown } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { endOf } from '../support/codes.js';
import { gate } from '../support/wait.js';

const KEY = 'credits/u';

describe('a commit without an answer', () => {
  test('is not "not applied" because a second attempt is rejected by the database', async () => {
    const { db, credits } = bench({ timeoutMs: 300 });
    await credits.addCredits('u', 100);
    let late: readonly Unit[] = [];
    let sent = 0;
    db.methods.commit = async (units, options) => {
      if (!units.some(isMoney)) return db.inner.commit(units, options);
      sent++;
      if (sent === 1) late = units;
      return sent === 1 ? unknown(units) : units.map(() => ({ status: 'rejected', cause: new Error('disk full') }));
    };
    const answer = await endOf(credits.deductCredits('u', 30));
    db.methods = {};
    await db.inner.commit(late);
    const { balance } = await credits.getUserCreditsInfo('u');
    expect(balance).toBe(70);
    expect(answer).toBe('OUTCOME_UNKNOWN unknown');
  });

  test('is not "not applied" because the second decision is refused without a fence', async () => {
    const { db, credits, clock } = bench();
    await credits.addCredits('u', 100);
    let late: readonly Unit[] = [];
    db.onceInCommit(async (units) => {
      late = units;
      clock.advance({ days: 1 });
      return unknown(units);
    });
    const expiresAt = new Date(clock.now().getTime() + 3_600_000);
    const adding = endOf(credits.addCredits('u', 50, { expiresAt, timeoutMs: 300 }));
    const answer = await adding;
    await db.inner.commit(late);
    clock.set('2030-01-02T00:00:01Z');
    const { items } = await credits.getCreditHistory('u');
    const applied = items.some((entry) => entry.type === 'add' && entry.amount === 50);
    if (applied) expect(answer).not.toContain('not_applied');
    else expect(answer).toContain('not_applied');
  });

  test('is not "not applied" because the clock fails or an amount no longer fits', async () => {
    const { db, credits, open } = bench();
    await credits.addCredits('u', 2_251_799_813);
    await credits.deductCredits('u', 10);
    let late: readonly Unit[] = [];
    db.onceInCommit(async (units) => {
      late = units;
      return unknown(units);
    });
    // While the first attempt is on its way, nothing else moves the account: the second attempt decides alike.
    const adding = await endOf(credits.addCredits('u', 10));
    await db.inner.commit(late);
    const { balance } = await open().credits.getUserCreditsInfo('u');
    expect([adding, balance]).toEqual(['resolved', 2_251_799_813]);
  });

  test('is answered by its own entry when others wrote in between', async () => {
    const { db, credits, open } = bench();
    await credits.addCredits('u', 100);
    const other = open().credits;
    db.onceInCommit(async (units) => {
      await db.inner.commit(units);
      await other.deductCredits('u', 60);
      return unknown(units);
    });
    const entry = await credits.deductCredits('u', 30);
    expect(entry).toMatchObject({ delta: -30, balanceAfter: 70, replayed: false });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(10);
  });

  test('is decided anew when others wrote in between and it never arrived', async () => {
    const { db, credits, open } = bench();
    await credits.addCredits('u', 100);
    const other = open().credits;
    let late: readonly Unit[] = [];
    db.onceInCommit(async (units) => {
      late = units;
      await other.deductCredits('u', 80);
      return unknown(units);
    });
    expect(await endOf(credits.deductCredits('u', 30))).toBe('INSUFFICIENT_CREDITS not_applied');
    expect(await db.inner.commit(late)).toMatchObject([{ status: 'conflict' }]);
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(20);
    expect(await audit(db.inner, KEY)).toEqual([]);
  });

  test('of a refusal keeps an earlier attempt from landing after the refusal was answered', async () => {
    const { db, credits, open, clock } = bench();
    await credits.addCredits('u', 100, { expiresAt: '2030-01-01T01:00:00Z' });
    let late: readonly Unit[] = [];
    db.onceInCommit(async (units) => {
      late = units;
      clock.advance({ hours: 2 });
      return unknown(units);
    });
    expect(await endOf(credits.deductCredits('u', 30))).toBe('INSUFFICIENT_CREDITS not_applied');
    expect(await db.inner.commit(late)).toMatchObject([{ status: 'conflict' }]);
    expect((await open().credits.getUserCreditsInfo('u')).balance).toBe(0);
  });

  test('gives a key that ends in one effect when several retries run at once', async () => {
    const { db, credits, open } = bench();
    await credits.addCredits('u', 100);
    let late: readonly Unit[] = [];
    db.methods.commit = async (units, options) => {
      if (!units.some(isMoney)) return db.inner.commit(units, options);
      late = units;
      return unknown(units);
    };
    const error: unknown = await credits.deductCredits('u', 30, { timeoutMs: 50 }).catch((reason) => reason);
    if (!isCreditError(error, 'OUTCOME_UNKNOWN')) throw error;
    db.methods = {};
    const { idempotencyKey } = error.details;
    expect(idempotencyKey).toMatch(/^op_/);
    const services = [credits, open().credits, open().credits];
    const landing = db.inner.commit(late);
    const answers = await Promise.all(services.map((service) => service.deductCredits('u', 30, { idempotencyKey })));
    await landing;
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(70);
    expect(await audit(db.inner, KEY)).toEqual([]);
  });
});

describe('a key that the library made', () => {
  type Credits = ReturnType<typeof bench>['credits'];

  /** A call that was applied and never answered, after `before` on the same account. */
  async function unknownCall(
    run: (credits: Credits) => Promise<unknown>,
    before?: (credits: Credits) => Promise<void>,
  ) {
    const made = bench();
    await made.credits.addCredits('u', 100);
    await before?.(made.credits);
    made.db.onceInCommit(async (units) => {
      await made.db.inner.commit(units);
      made.db.methods.getMany = () => new Promise(() => {});
      return unknown(units);
    });
    const error: unknown = await run(made.credits).catch((reason) => reason);
    made.db.methods = {};
    if (!isCreditError(error, 'OUTCOME_UNKNOWN')) throw error;
    return { ...made, credits: made.open().credits, idempotencyKey: error.details.idempotencyKey };
  }

  test('is refused with another amount', async () => {
    const { credits, idempotencyKey } = await unknownCall((c) => c.deductCredits('u', 5, { timeoutMs: 50 }));
    expect(await endOf(credits.deductCredits('u', 6, { idempotencyKey }))).toContain('IDEMPOTENCY_CONFLICT');
  });

  test('is refused for another verb, and for another account', async () => {
    const { credits, idempotencyKey } = await unknownCall((c) => c.deductCredits('u', 5, { timeoutMs: 50 }));
    expect(await endOf(credits.addCredits('u', 5, { idempotencyKey }))).toContain('IDEMPOTENCY_CONFLICT');
    expect(await endOf(credits.deductCredits('v', 5, { idempotencyKey }))).not.toBe('resolved');
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(95);
  });

  test('is refused for a transfer to somebody else', async () => {
    const { credits, idempotencyKey } = await unknownCall((c) =>
      c.transferCredits({ from: 'u', to: 'v', amount: 5 }, { timeoutMs: 50 }),
    );
    const elsewhere = credits.transferCredits({ from: 'u', to: 'w', amount: 5 }, { idempotencyKey });
    expect(await endOf(elsewhere)).toContain('IDEMPOTENCY_CONFLICT');
    const again = await credits.transferCredits({ from: 'u', to: 'v', amount: 5 }, { idempotencyKey });
    expect([again.out.replayed, again.in.userId]).toEqual([true, 'v']);
  });

  test('is refused for another hold of the same account', async () => {
    const holds: string[] = [];
    const { credits, idempotencyKey } = await unknownHold(holds);
    expect(await endOf(credits.releaseReservedCredits(holds[1]!, { idempotencyKey }))).toContain(
      'IDEMPOTENCY_CONFLICT',
    );
    expect((await credits.releaseReservedCredits(holds[0]!, { idempotencyKey })).replayed).toBe(true);
  });

  async function unknownHold(holds: string[]) {
    return unknownCall(
      (c) => c.releaseReservedCredits(holds[0]!, { timeoutMs: 50 }),
      async (c) => {
        for (const amount of [10, 10]) holds.push((await c.reserveCredits('u', amount)).id);
      },
    );
  }

  test('ends in one effect when two retries share a batch, before and after the first attempt landed', async () => {
    for (const lands of [true, false]) {
      const { db, credits, open } = bench();
      await credits.addCredits('u', 100);
      let late: readonly Unit[] = [];
      db.onceInCommit((units) => {
        late = units;
        return new Promise(() => {});
      });
      const error: unknown = await credits.deductCredits('u', 5, { timeoutMs: 40 }).catch((reason) => reason);
      if (!isCreditError(error, 'OUTCOME_UNKNOWN')) throw error;
      if (lands) await db.inner.commit(late);
      const { idempotencyKey } = error.details;
      const service = open().credits;
      const answers = await Promise.all([1, 2, 3].map(() => service.deductCredits('u', 5, { idempotencyKey })));
      expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
      expect(answers.filter((answer) => !answer.replayed)).toHaveLength(lands ? 0 : 1);
      const other = endOf(service.deductCredits('u', 6, { idempotencyKey }));
      expect(await other).toContain('IDEMPOTENCY_CONFLICT');
      await db.inner.commit(late);
      expect((await credits.getUserCreditsInfo('u')).balance).toBe(95);
      expect(await audit(db.inner, KEY)).toEqual([]);
    }
  });

  test('is not accepted when it was made up', async () => {
    const { credits } = bench();
    expect(await endOf(credits.addCredits('u', 5, { idempotencyKey: 'op_1' }))).toContain('INVALID_ARGUMENT');
    expect(await endOf(credits.addCredits('u', 5, { idempotencyKey: 'op_' }))).toContain('INVALID_ARGUMENT');
  });
});

describe('an answer given meanwhile', () => {
  test('stays true when another group of the batch was still reading: aborted means nothing is written', async () => {
    const { db, credits, open } = bench();
    await credits.addCredits('u', 100);
    await credits.addCredits('v', 100);
    const hold = await credits.reserveCredits('v', 10);
    await credits.releaseReservedCredits(hold.id);
    const reading = gate();
    const mayRead = gate();
    db.methods.getMany = async (model, keys, options) => {
      if (model === 'reservation') {
        reading.open();
        await mayRead.opened;
      }
      return db.inner.getMany(model, keys, options);
    };
    const abort = new AbortController();
    const deducting = endOf(credits.deductCredits('u', 30, { signal: abort.signal }));
    const extending = endOf(credits.extendReservation(hold.id, { ttlSeconds: 60 }));
    await reading.opened;
    abort.abort();
    mayRead.open();
    const answer = await deducting;
    expect(await extending).toContain('RESERVATION_NOT_ACTIVE');
    await credits.addCredits('u', 1);
    const { balance } = await open().credits.getUserCreditsInfo('u');
    expect([answer, balance]).toEqual(balance === 101 ? ['ABORTED not_applied', 101] : ['resolved', 71]);
  });
});
