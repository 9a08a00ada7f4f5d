/**
 * The session itself: whose it is, how long a call may wait for it, and what is answered for a call that it
 * outlives.
 */
import { describe, expect, test } from 'vitest';
import { InMemoryDbManager, type MemorySession } from '../../src/index.js';
import { audit } from '../support/audit.js';
import { endOf } from '../support/codes.js';
import { dump } from '../support/dump.js';
import { gate } from '../support/wait.js';
import { host } from './host.js';

describe('a session', () => {
  test('of another database, of the past, or that is none, is INVALID_ARGUMENT', async () => {
    const { db, credits, begin } = host();
    await credits.addCredits('u', 10);
    const before = await dump(db.inner);
    const other = new InMemoryDbManager();
    let ended: MemorySession | undefined;
    await begin(async (session) => {
      ended = session;
    });
    const sessions = [ended, { kind: 'memory' }, {}, [], null, 'session', 1] as unknown as MemorySession[];
    for (const session of sessions) {
      expect(await endOf(credits.deductCredits('u', 1, { session }))).toBe('INVALID_ARGUMENT not_applied');
      expect(await endOf(credits.getUserCreditsInfo('u', { session }))).toBe('INVALID_ARGUMENT not_applied');
      expect(await endOf(credits.getCreditHistory('u', { session }))).toBe('INVALID_ARGUMENT not_applied');
    }
    await other.transaction(async (session) => {
      expect(await endOf(credits.deductCredits('u', 1, { session }))).toBe('INVALID_ARGUMENT not_applied');
      expect(await endOf(credits.getUserCreditsInfo('u', { session }))).toBe('INVALID_ARGUMENT not_applied');
    });
    expect(await dump(db.inner)).toEqual(before);
  });

  test('takes no call whose signal is aborted', async () => {
    const { credits, begin } = host();
    await credits.addCredits('u', 10);
    await begin(async (session) => {
      const signal = AbortSignal.abort();
      expect(await endOf(credits.deductCredits('u', 1, { session, signal }))).toBe('ABORTED not_applied');
    });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(10);
  });

  test('does not carry out later what it has answered with TIMEOUT', async () => {
    const { db, credits, begin } = host();
    await credits.addCredits('u', 10);
    const mayRead = gate();
    const codes = await begin(async (session) => {
      db.methods.getMany = async (...args) => {
        await mayRead.opened;
        return db.inner.getMany(...args);
      };
      const first = endOf(credits.deductCredits('u', 1, { session }));
      const second = endOf(credits.deductCredits('u', 2, { session, timeoutMs: 50 }));
      const late = await second;
      mayRead.open();
      db.methods = {};
      return [await first, late, await endOf(credits.deductCredits('u', 4, { session }))];
    });
    expect(codes).toEqual(['resolved', 'TIMEOUT not_applied', 'resolved']);
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(5);
  });

  test('waits for the account of another transaction no longer than its deadline', async () => {
    const { db, credits, begin } = host();
    await credits.addCredits('u', 10);
    const [locked, mayEnd] = [gate(), gate()];
    const first = begin(async (session) => {
      await credits.deductCredits('u', 1, { session });
      locked.open();
      await mayEnd.opened;
    });
    await locked.opened;
    await begin(async (session) => {
      const call = credits.deductCredits('u', 2, { session, timeoutMs: 60 });
      expect(await endOf(call)).toMatch(/^(CONTENTION|TIMEOUT) not_applied$/);
    });
    mayEnd.open();
    await first;
    await begin((session) => credits.deductCredits('u', 4, { session }));
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(5);
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  test('keeps two transactions on two accounts from each other’s way', async () => {
    const { credits, begin } = host();
    const users = ['a', 'b', 'c', 'd'];
    await Promise.all(
      users.map((user) =>
        begin(async (session) => {
          await credits.addCredits(user, 10, { session });
          await credits.deductCredits(user, 4, { session });
        }),
      ),
    );
    expect((await credits.getUsersCreditsInfo(users)).map((info) => info.balance)).toEqual([6, 6, 6, 6]);
  });
});
