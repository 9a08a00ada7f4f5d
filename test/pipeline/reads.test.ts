/** Reads on a store that fails: a typed error that says nothing of the driver, no crash, and the next read is right. */
import { describe, expect, test } from 'vitest';
import { isCreditError } from '../../src/index.js';
import { DRIVER_TEXT } from '../backends/faulty-db.js';
import { bench } from '../backends/gated-db.js';
import { endOf } from '../support/codes.js';
import { type Service, World } from '../support/fault-world.js';
import { gate } from '../support/wait.js';

const reads: Readonly<Record<string, (credits: Service, ids: { hold: string; entry: string }) => Promise<unknown>>> = {
  getUserCreditsInfo: (c) => c.getUserCreditsInfo('u'),
  'getUserCreditsInfo fresh': (c) => c.getUserCreditsInfo('u', { fresh: true }),
  getUsersCreditsInfo: (c) => c.getUsersCreditsInfo(['u', 'v', 'nobody']),
  getBalanceAt: (c) => c.getBalanceAt('u', '2029-12-31T00:00:00Z'),
  getAccount: (c) => c.getAccount('u'),
  getBalanceBreakdown: (c) => c.getBalanceBreakdown('u'),
  getCreditHistory: (c) => c.getCreditHistory('u'),
  'getCreditHistory of a source': (c) => c.getCreditHistory('u', { source: 'other' }),
  explainTransaction: (c, { entry }) => c.explainTransaction(entry),
  getTransaction: (c, { entry }) => c.getTransaction(entry),
  getExpiringCreditsInDays: (c) => c.getExpiringCreditsInDays('u', 5),
  getGrants: (c) => c.getGrants('u'),
  'getGrants with closed ones': (c) => c.getGrants('u', { includeClosed: true }),
  getActiveReservations: (c) => c.getActiveReservations('u'),
  getReservation: (c, { hold }) => c.getReservation(hold),
  previewDeduction: (c) => c.previewDeduction('u', 5),
  canAfford: (c) => c.canAfford('u', 5),
  listAccounts: (c) => c.listAccounts(),
};

describe.each(Object.keys(reads))('%s', (name) => {
  const read = reads[name]!;

  test.each([true, false])(
    'fails with STORAGE_UNAVAILABLE at every call of the store (driver error: %s)',
    async (plain) => {
      for (let at = 1; ; at++) {
        const world = new World();
        const { credits } = world.open();
        await credits.addCredits('u', 10);
        const { id: hold } = await credits.reserveCredits('u', 2);
        const { id: entry } = await credits.deductCredits('u', 1);
        const cold = world.open().credits;
        world.db.arm({ fateOf: (call) => (call === at ? 'refused' : null), landing: 'at_the_end', plain });
        const error: unknown = await read(cold, { hold, entry }).then(
          () => null,
          (reason) => reason,
        );
        world.db.heal();
        const expected = await read(credits, { hold, entry });
        expect(await read(cold, { hold, entry })).toEqual(expected);
        if (world.db.injected === 0) {
          expect([error, at > 3]).toEqual([null, true]);
          return;
        }
        if (!isCreditError(error, 'STORAGE_UNAVAILABLE')) throw error;
        expect(JSON.stringify([error.message, error.details])).not.toContain(DRIVER_TEXT);
        expect([error.outcome, error.retryable]).toEqual(['not_applied', true]);
      }
    },
  );
});

test('a read with little time does not take it from those that share its query', async () => {
  const { db, credits } = bench();
  await credits.addCredits('u', 10);
  db.methods.getMany = async (model, keys, options) => {
    if ((options?.timeoutMs ?? Number.POSITIVE_INFINITY) < 1_000) throw new Error('this store takes its time');
    return db.inner.getMany(model, keys, options);
  };
  const hurried = endOf(credits.getUserCreditsInfo('u', { timeoutMs: 5 }));
  const [same, other] = await Promise.all([credits.getUserCreditsInfo('u'), credits.getUserCreditsInfo('v')]);
  expect([same.balance, other.balance]).toEqual([10, 0]);
  await hurried;
});

test('a store that throws instead of rejecting ends the call, not the process', async () => {
  const { db, credits } = bench();
  await credits.addCredits('u', 10);
  const fail = () => {
    throw new Error(DRIVER_TEXT);
  };
  db.methods = { getMany: fail, find: fail, commit: fail, ping: fail };
  for (const read of Object.values(reads)) {
    const answer = await endOf(read(credits, { hold: 'r-x', entry: 'x' }));
    expect(answer).toBe('STORAGE_UNAVAILABLE not_applied');
  }
  expect(await endOf(credits.deductCredits('u', 1))).toBe('STORAGE_UNAVAILABLE not_applied');
  db.methods = {};
  expect((await credits.deductCredits('u', 1)).balanceAfter).toBe(9);
});

test('an aborted read is ABORTED at once, though the store hangs', async () => {
  const { db, credits, manager } = bench();
  await manager.init();
  const asked = gate();
  db.methods.getMany = () => {
    asked.open();
    return new Promise(() => {});
  };
  const abort = new AbortController();
  const reading = endOf(credits.getUserCreditsInfo('u', { signal: abort.signal }));
  await asked.opened;
  abort.abort();
  expect(await reading).toBe('ABORTED not_applied');
});
