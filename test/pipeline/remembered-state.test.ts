/** What a process remembers is never the truth: every answer is of the stored state, and conflicts end at once. */
import { describe, expect, test } from 'vitest';
import { InMemoryDbManager, isCreditError, type Unit } from '../../src/index.js';
import { bench, GatedDb } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { endOf } from '../support/codes.js';

describe('an answer that writes nothing is of the stored state', () => {
  test('expireCredits sees a lot that another process added and the clock took since', async () => {
    const { credits, open, clock } = bench();
    await credits.addCredits('u', 10);
    await open().credits.addCredits('u', 5, { expiresAt: new Date(clock.now().getTime() + 60_000) });
    clock.advance({ hours: 1 });
    expect(await credits.expireCredits('u')).toBe(5);
  });

  test('AMOUNT_TOO_LARGE is not refused by a balance that another process lowered', async () => {
    const { credits, open } = bench();
    await credits.addCredits('u', 2_251_799_813);
    await open().credits.deductCredits('u', 10);
    expect(await endOf(credits.addCredits('u', 10))).toBe('resolved');
  });

  test('createAccount with other options after another process created the account is a conflict', async () => {
    const { credits, open } = bench();
    await credits.addCredits('u', 1, { expiresAt: '2031-01-01T00:00:00Z' });
    await open().credits.createAccount('u', { overdraftLimit: 5 });
    expect(await endOf(credits.createAccount('u', { overdraftLimit: 6 }))).toContain('IDEMPOTENCY_CONFLICT');
  });
});

test('a commit that meets another writer inside a host transaction is refused', async () => {
  const { db, credits } = bench();
  await credits.addCredits('u', 100);
  let lies = 1;
  db.methods.commit = async (units, options) => {
    if (!options?.session || lies-- <= 0) return db.inner.commit(units, options);
    return units.map(() => ({ status: 'conflict', model: 'account', key: 'credits/u' }) as const);
  };
  await db.inner.transaction(async (session) => {
    expect(await endOf(credits.deductCredits('u', 30, { session }))).toBe('CONTENTION not_applied');
  });
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(100);
});

describe('a conflict drops what was remembered', () => {
  test('without transactions: what another process wrote is read after the first conflict', async () => {
    const { credits, open } = bench({ timeoutMs: 500 }, new GatedDb(new InMemoryDbManager(), { transactions: false }));
    await credits.addCredits('u', 10);
    await open().credits.addCredits('u', 90);
    expect((await credits.deductCredits('u', 95)).balanceAfter).toBe(5);
  });

  test('with transactions: one conflict costs one more commit, and no lock', async () => {
    const { db, credits, open } = bench();
    await credits.addCredits('u', 10);
    await open().credits.addCredits('u', 90);
    let locked = 0;
    db.methods.transaction = (run, options) => {
      locked++;
      return db.inner.transaction(run, options);
    };
    db.commits.length = 0;
    expect((await credits.deductCredits('u', 95)).balanceAfter).toBe(5);
    expect([db.commits.length, locked]).toEqual([2, 0]);
  });
});

test('retries with one op_ key that share a batch are one change: no unit names a document twice', async () => {
  const { db, credits, open } = bench();
  await credits.addCredits('u', 100);
  let late: readonly Unit[] = [];
  db.onceInCommit((units) => {
    late = units;
    return new Promise(() => {});
  });
  const error: unknown = await credits.deductCredits('u', 5, { timeoutMs: 40 }).catch((reason) => reason);
  if (!isCreditError(error, 'OUTCOME_UNKNOWN')) throw error;
  const { idempotencyKey } = error.details;
  const service = open().credits;
  db.commits.length = 0;
  await Promise.all([1, 2, 3].map(() => service.deductCredits('u', 5, { idempotencyKey })));
  expect(late).toHaveLength(1);
  expect(db.commits).toHaveLength(1);
  for (const unit of db.commits.flat()) {
    const names = unit.map((change) => `${change.model} ${change.op === 'delete' ? change.key : change.row.id}`);
    expect(new Set(names).size).toBe(names.length);
  }
});

test('a reversal by another process counts that came after the reversals were read, and before the state', async () => {
  const { db, credits, open } = bench();
  const other = open().credits;
  await credits.addCredits('u', 10);
  const { id } = await credits.deductCredits('u', 4);
  let nothing: Promise<unknown> | null = null;
  db.methods.getMany = async (...args) => {
    const rows = await db.inner.getMany(...args);
    if (args[0] !== 'entry') return rows;
    delete db.methods.getMany;
    // With the reversal in one batch: it has nothing to do, so the state is read again.
    nothing = credits.expireCredits('u');
    return rows;
  };
  db.methods.find = async (...args) => {
    const page = await db.inner.find(...args);
    if (args[1].index !== 'reverses') return page;
    delete db.methods.find;
    await other.reverseTransaction(id);
    return page;
  };
  expect(await endOf(credits.reverseTransaction(id))).toBe('ALREADY_REVERSED not_applied');
  expect(await nothing).toBe(0);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(10);
  expect(await audit(db.inner, 'credits/u')).toEqual([]);
});
