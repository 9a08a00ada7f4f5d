/** Deadlines, aborts, closing, bounded waiting and first use: every call ends, and says no more than is known. */
import { describe, expect, test } from 'vitest';
import { creditError, isCreditError, type Unit } from '../../src/index.js';
import { bench, isMoney, unknown } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { endOf } from '../support/codes.js';
import { gate, sleep } from '../support/wait.js';

const never = <T>() => new Promise<T>(() => {});

/** The next commit hangs until the first gate opens, then applies; the second opens when it has begun. */
function hangNextCommit(db: ReturnType<typeof bench>['db']) {
  const [mayAnswer, hung] = [gate(), gate()];
  db.onceInCommit(async (units) => {
    hung.open();
    await mayAnswer.opened;
    return db.inner.commit(units);
  });
  return [mayAnswer, hung] as const;
}

describe('at the deadline', () => {
  test('a call that was never sent is TIMEOUT, and nothing of it is written later', async () => {
    const { db, credits, open } = bench();
    const mayRead = gate();
    await credits.addCredits('u', 100);
    db.methods.getMany = async (...args) => {
      await mayRead.opened;
      return db.inner.getMany(...args);
    };
    const cold = open().credits;
    const code = await endOf(cold.deductCredits('u', 30, { timeoutMs: 60 }));
    expect(code).toBe('TIMEOUT not_applied');
    expect(await endOf(credits.getUserCreditsInfo('u', { timeoutMs: 60 }))).toBe('TIMEOUT not_applied');
    mayRead.open();
    await cold.deductCredits('u', 1);
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(99);
  });

  test.each([
    ['is cut short by it', (timeoutMs: number) => sleep(timeoutMs - 5), 200, 'CONTENTION not_applied'],
    ['fails long before it', async () => {}, 60_000, 'STORAGE_UNAVAILABLE not_applied'],
  ])('after a conflict, a read that %s says so', async (_, wait, timeoutMs, expected) => {
    const { db, credits } = bench();
    await credits.addCredits('u', 100);
    db.onceInCommit(async (units) => units.map(() => ({ status: 'conflict', model: 'account', key: 'credits/u' })));
    db.methods.getMany = async (_model, _keys, options) => {
      await wait(options?.timeoutMs ?? 0);
      throw creditError('STORAGE_UNAVAILABLE', 'The database did not answer.', {});
    };
    expect(await endOf(credits.deductCredits('u', 1, { timeoutMs }))).toBe(expected);
  });

  test.each([undefined, 'my-key'])(
    'a commit that hangs is OUTCOME_UNKNOWN with a safe key (given: %s)',
    async (key) => {
      const { db, credits, open } = bench();
      await credits.addCredits('u', 100);
      let late: readonly Unit[] = [];
      db.onceInCommit((units) => {
        late = units;
        return never();
      });
      const call = credits.deductCredits('u', 30, { timeoutMs: 60, idempotencyKey: key });
      const error: unknown = await call.catch((reason) => reason);
      if (!isCreditError(error, 'OUTCOME_UNKNOWN')) throw error;
      const { idempotencyKey } = error.details;
      expect(key ?? 'op_').toBe(key === undefined ? idempotencyKey.slice(0, 3) : idempotencyKey);
      expect(await db.inner.commit(late)).toEqual([{ status: 'committed' }]);
      const again = await open().credits.deductCredits('u', 30, { idempotencyKey });
      expect([again.replayed, again.balanceAfter]).toEqual([true, 70]);
      expect((await credits.deductCredits('u', 30, { idempotencyKey })).id).toBe(again.id);
      expect(await audit(db.inner, 'credits/u')).toEqual([]);
    },
  );

  test('a hung commit that lands after the retry was applied does nothing', async () => {
    const { db, credits, open } = bench();
    await credits.addCredits('u', 100);
    let late: readonly Unit[] = [];
    db.onceInCommit((units) => {
      late = units;
      return never();
    });
    const error: unknown = await credits.deductCredits('u', 30, { timeoutMs: 60 }).catch((reason) => reason);
    if (!isCreditError(error, 'OUTCOME_UNKNOWN')) throw error;
    const { idempotencyKey } = error.details;
    expect((await open().credits.deductCredits('u', 30, { idempotencyKey })).replayed).toBe(false);
    expect(await db.inner.commit(late)).toMatchObject([{ status: 'conflict' }]);
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(70);
  });

  test('a call queued behind a hung commit is TIMEOUT, and is not applied when the store answers', async () => {
    const { db, credits } = bench();
    await credits.addCredits('u', 100);
    const [mayAnswer, hung] = hangNextCommit(db);
    const first = credits.deductCredits('u', 30);
    await hung.opened;
    // Long before the deadline of the call in front of it.
    const queued = endOf(credits.deductCredits('u', 7, { timeoutMs: 50 }));
    const late = new Promise((resolve) => setTimeout(resolve, 5_000, 'late'));
    expect(await Promise.race([queued, late])).toBe('TIMEOUT not_applied');
    mayAnswer.open();
    expect((await first).balanceAfter).toBe(70);
    expect((await credits.deductCredits('u', 1)).balanceAfter).toBe(69);
  });

  test('calls of one batch with different deadlines each hear the truth', async () => {
    const { db, credits } = bench();
    await credits.addCredits('u', 100);
    const [mayAnswer, hung] = hangNextCommit(db);
    const impatient = endOf(credits.deductCredits('u', 30, { timeoutMs: 60 }));
    const patient = credits.deductCredits('u', 5);
    await hung.opened;
    expect(await impatient).toBe('OUTCOME_UNKNOWN unknown');
    mayAnswer.open();
    expect((await patient).balanceAfter).toBe(65);
  });
});

test('one deadline holds for all that a verb on a hold has to ask', async () => {
  const { db, credits, open } = bench();
  await credits.addCredits('u', 100);
  const { id } = await credits.reserveCredits('u', 10);
  const cold = open().credits;
  await cold.getUserCreditsInfo('u');
  const order: string[] = [];
  db.methods.getMany = async (model, ...rest) => {
    if (model === 'account') return never();
    await sleep(180);
    return db.inner.getMany(model, ...rest);
  };
  const call = endOf(cold.releaseReservedCredits(id, { timeoutMs: 200 })).then((code) => order.push(code));
  const timer = sleep(320).then(() => order.push('much later'));
  await Promise.all([call, timer]);
  // Both are timers of one process: their order, unlike their times, does not depend on the machine.
  expect(order).toEqual(['TIMEOUT not_applied', 'much later']);
});

describe('an abort signal', () => {
  test('that is aborted already refuses reads and writes, and nothing is sent', async () => {
    const { db, manager, credits } = bench();
    await manager.init();
    const signal = AbortSignal.abort();
    expect(await endOf(credits.addCredits('u', 1, { signal }))).toBe('ABORTED not_applied');
    expect(await endOf(credits.getUserCreditsInfo('u', { signal }))).toBe('ABORTED not_applied');
    expect(db.commits).toEqual([]);
  });

  test('ends a queued call at once, and what was sent is told its true outcome', async () => {
    const { db, credits } = bench();
    await credits.addCredits('u', 100);
    const [mayAnswer, hung] = hangNextCommit(db);
    const abort = new AbortController();
    const sent = credits.deductCredits('u', 30, { signal: abort.signal });
    await hung.opened;
    const queued = endOf(credits.deductCredits('u', 7, { signal: abort.signal }));
    abort.abort();
    expect(await queued).toBe('ABORTED not_applied');
    mayAnswer.open();
    expect((await sent).balanceAfter).toBe(70);
    expect((await credits.deductCredits('u', 1)).balanceAfter).toBe(69);
  });

  test('after a lost answer does not make it "not applied"', async () => {
    const { db, credits } = bench();
    await credits.addCredits('u', 100);
    const abort = new AbortController();
    db.onceInCommit(async (units) => {
      await db.inner.commit(units);
      abort.abort();
      return unknown(units);
    });
    expect((await credits.deductCredits('u', 30, { signal: abort.signal })).balanceAfter).toBe(70);
  });
});

describe('close', () => {
  test('answers what waits, then refuses with CLOSED', async () => {
    const { manager, credits, db } = bench();
    const calls = Array.from({ length: 50 }, () => credits.addCredits('u', 1));
    const closing = manager.close();
    expect(await endOf(credits.addCredits('u', 1))).toBe('CLOSED not_applied');
    const balances = (await Promise.all(calls)).map((call) => call.balanceAfter);
    expect(Math.max(...balances)).toBe(50);
    await closing;
    expect(await endOf(credits.addCredits('u', 1))).toBe('CLOSED not_applied');
    expect(await endOf(credits.getUserCreditsInfo('u'))).toBe('CLOSED not_applied');
    expect(await endOf(credits.releaseReservedCredits('r-1'))).toBe('CLOSED not_applied');
    await manager.close();
    expect(db.commits.length).toBeGreaterThan(0);
  });

  test('waits for a hung commit no longer than its deadline', async () => {
    const { manager, credits, db } = bench();
    await credits.addCredits('u', 1);
    db.onceInCommit(() => never());
    const call = endOf(credits.addCredits('u', 1, { timeoutMs: 60 }));
    await manager.close();
    expect(await call).toBe('OUTCOME_UNKNOWN unknown');
  });

  test('waits for calls that may take an hour no longer than five seconds', async () => {
    const { manager, credits, db } = bench();
    await credits.addCredits('u', 1);
    db.onceInCommit(() => never());
    const hour = { timeoutMs: 3_600_000 };
    const calls = [endOf(credits.addCredits('u', 1, hour)), endOf(credits.addCredits('u', 2, hour))];
    await manager.close();
    expect(await Promise.all(calls)).toEqual(['OUTCOME_UNKNOWN unknown', 'OUTCOME_UNKNOWN unknown']);
  });

  test('a settlement that began before is made, and one that begins after is refused', async () => {
    const { manager, credits } = bench();
    await credits.addCredits('u', 10);
    const [first, second, third] = [
      await credits.reserveCredits('u', 2),
      await credits.reserveCredits('u', 3),
      await credits.reserveCredits('u', 4),
    ];
    const begun = [endOf(credits.commitReservedCredits(first)), endOf(credits.releaseReservedCredits(second))];
    const closing = manager.close();
    expect(await endOf(credits.commitReservedCredits(third))).toBe('CLOSED not_applied');
    expect(await Promise.all(begun)).toEqual(['resolved', 'resolved']);
    await closing;
  });

  test('without a single call before closes too', async () => {
    const { manager, credits } = bench();
    await manager.close();
    expect(await endOf(credits.addCredits('u', 1))).toBe('CLOSED not_applied');
    expect(await endOf(manager.init())).toBe('CLOSED not_applied');
  });
});

describe('bounded waiting', () => {
  test('refuses the next call on a full account at once, and others not', async () => {
    const { credits } = bench({ pipeline: { maxWaitingPerAccount: 5 } });
    const calls = Array.from({ length: 8 }, () => endOf(credits.addCredits('u', 1)));
    const other = credits.addCredits('v', 1);
    const codes = await Promise.all(calls);
    expect(codes.filter((code) => code === 'resolved')).toHaveLength(5);
    expect(codes.slice(5)).toEqual(Array.from({ length: 3 }, () => 'CONTENTION not_applied'));
    await other;
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(5);
    expect((await credits.addCredits('u', 1)).balanceAfter).toBe(6);
  });

  test('refuses the next call of a full process at once', async () => {
    const { credits } = bench({ pipeline: { maxWaiting: 5 } });
    const codes = await Promise.all(Array.from({ length: 8 }, (_, i) => endOf(credits.addCredits(`u${i}`, 1))));
    expect(codes.filter((code) => code === 'resolved')).toHaveLength(5);
    expect(await endOf(credits.addCredits('u7', 1))).toBe('resolved');
  });
});

describe('first use', () => {
  test('fails with the store and is tried again by the next call', async () => {
    const { db, credits, manager } = bench();
    db.methods.init = () => Promise.reject(creditError('STORAGE_UNAVAILABLE', 'down', {}));
    const codes = await Promise.all([endOf(credits.addCredits('u', 1)), endOf(credits.getUserCreditsInfo('u'))]);
    expect(codes).toEqual(['STORAGE_UNAVAILABLE not_applied', 'STORAGE_UNAVAILABLE not_applied']);
    expect(await endOf(manager.init())).toBe('STORAGE_UNAVAILABLE not_applied');
    db.methods = {};
    expect((await credits.addCredits('u', 1)).balanceAfter).toBe(1);
  });

  test('that hangs is TIMEOUT for every waiting call', async () => {
    const { db, credits } = bench();
    const mayBegin = gate();
    db.methods.init = async (models) => {
      await mayBegin.opened;
      return db.inner.init(models);
    };
    const codes = await Promise.all([
      endOf(credits.addCredits('u', 1, { timeoutMs: 50 })),
      endOf(credits.getUserCreditsInfo('u', { timeoutMs: 50 })),
    ]);
    expect(codes).toEqual(['TIMEOUT not_applied', 'TIMEOUT not_applied']);
    mayBegin.open();
    expect((await credits.addCredits('u', 1)).balanceAfter).toBe(1);
  });

  test('by several processes at once leaves one setting and no harm', async () => {
    const { db, open } = bench();
    const services = Array.from({ length: 6 }, () => open().credits);
    await Promise.all(services.map((service) => service.addCredits('u', 1)));
    expect((await services[0]!.getUserCreditsInfo('u')).balance).toBe(6);
    const system = await db.inner.find('entry', { index: 'history', equals: { account: '' }, limit: 10 });
    expect(system.rows).toHaveLength(1);
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  test('with a settings commit that gets no answer goes on or fails cleanly, and works at the next call', async () => {
    const { db, credits } = bench();
    let lost = 0;
    db.methods.commit = async (units, options) => {
      const outcomes = await db.inner.commit(units, options);
      if (units.some(isMoney) || lost++ > 0) return outcomes;
      return unknown(units);
    };
    const code = await endOf(credits.addCredits('u', 1));
    expect(['resolved', 'STORAGE_UNAVAILABLE not_applied']).toContain(code);
    const { balanceAfter } = await credits.addCredits('u', 1);
    expect(balanceAfter).toBe(code === 'resolved' ? 2 : 1);
  });
});
