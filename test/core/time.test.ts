import { describe, expect, test } from 'vitest';
import { advanced } from '../../src/core/advance.js';
import { Ledger } from './ledger.js';

describe('what the clock brings about', () => {
  test('a grant that becomes effective and lapses while an account owes repays first and lapses with the rest', () => {
    const ledger = new Ledger();
    ledger.owe(60);
    ledger.add(100, { effectiveAt: 10, expiresAt: 20 });
    ledger.now = 30;
    ledger.add(5);
    expect(ledger.history()).toEqual([
      ['deduct', -60, 0],
      ['add', 0, 0],
      ['activate', 100, 10],
      ['expire', -40, 20],
      ['add', 5, 30],
    ]);
    expect(ledger.entries[2]).toMatchObject({
      repaid: [{ grantId: 'g-op2', amount: 60 }],
      debtAfter: 0,
      balanceAfter: 40,
    });
    expect(ledger.totals()).toEqual([5, 0, 0]);
  });

  test('a lot that lapses under a hold, then release with debt: the freed part lapses and repays nothing', () => {
    const ledger = new Ledger();
    ledger.add(100, { expiresAt: 10 });
    const hold = ledger.hold(60, 1_000);
    ledger.owe(70);
    expect(ledger.totals()).toEqual([30, 60, 30]);
    ledger.now = 20;
    ledger.release(hold);
    expect(ledger.history().slice(3)).toEqual([
      ['release_reserved', 0, 20],
      ['expire', -60, 20],
    ]);
    expect(ledger.totals()).toEqual([-30, 0, 30]);
  });

  test('what is released while a lot is alive repays debt in the same entry', () => {
    const ledger = new Ledger();
    ledger.add(100);
    const hold = ledger.hold(60);
    ledger.owe(70);
    const released = ledger.release(hold);
    expect(released).toMatchObject({ delta: 0, repaid: [{ grantId: 'g-op1', amount: 30 }], debtAfter: 0 });
    expect(ledger.totals()).toEqual([30, 0, 0]);
  });

  test('at one instant holds expire first, then grants lapse, then grants become effective', () => {
    const ledger = new Ledger();
    ledger.add(10, { expiresAt: 50 });
    ledger.hold(4, 50);
    ledger.hold(3, 50);
    ledger.add(20, { effectiveAt: 50 });
    ledger.now = 50;
    ledger.apply({ type: 'expire', asOf: null });
    expect(ledger.history().slice(4)).toEqual([
      ['expire_reserved', 0, 50],
      ['expire', -4, 50],
      ['expire_reserved', 0, 50],
      ['expire', -3, 50],
      ['expire', -3, 50],
      ['activate', 20, 50],
    ]);
    expect(ledger.entries.at(-1)?.details).toMatchObject({ expired: 10, grant: { source: 'other' } });
  });

  test('an expired hold pays debt from what it frees, never from a grant effective at that instant', () => {
    const ledger = new Ledger();
    ledger.add(10);
    ledger.hold(10, 50);
    ledger.owe(25);
    ledger.add(30, { effectiveAt: 50, priority: 0 });
    ledger.now = 50;
    ledger.apply({ type: 'expire', asOf: null });
    const [expired, activated] = ledger.entries.slice(-2);
    expect(expired?.repaid).toEqual([{ grantId: 'g-op1', amount: 10 }]);
    expect(activated?.repaid).toEqual([{ grantId: 'g-op4', amount: 15 }]);
    expect(ledger.totals()).toEqual([15, 0, 0]);
  });

  test('grants that become effective at one instant repay debt in burn-down order', () => {
    const ledger = new Ledger();
    ledger.owe(15);
    ledger.add(10, { effectiveAt: 5, priority: 60 });
    ledger.add(10, { effectiveAt: 5, priority: 40 });
    ledger.now = 5;
    ledger.apply({ type: 'expire', asOf: null });
    expect(ledger.entries.slice(-2).map((entry) => [entry.grantId, entry.repaid[0]?.amount])).toEqual([
      ['g-op3', 10],
      ['g-op2', 5],
    ]);
  });

  test('expiry is half-open: spendable one unit of time before, lapsed at the instant', () => {
    const ledger = new Ledger();
    ledger.add(10, { expiresAt: 100 });
    ledger.now = 99;
    ledger.spend(1);
    ledger.now = 100;
    expect(ledger.refused({ type: 'deduct', amount: 1, afterService: false })).toBe('INSUFFICIENT_CREDITS');
  });

  test('expireCredits counts only lots that lapsed by asOf, and asOf is clamped to now', () => {
    const ledger = new Ledger();
    ledger.add(10, { expiresAt: 10 });
    ledger.add(20, { expiresAt: 20 });
    ledger.now = 30;
    expect(ledger.apply({ type: 'expire', asOf: 10 }).details).toEqual({ expired: 10 });
    ledger.add(5, { expiresAt: 40 });
    ledger.now = 50;
    expect(ledger.apply({ type: 'expire', asOf: 9_999 }).details).toEqual({ expired: 5 });
    expect(ledger.run({ type: 'expire', asOf: null })).toEqual({ kind: 'nothing' });
  });

  test('an instant before the last operation counts as the last operation: time never goes back on an account', () => {
    const ledger = new Ledger();
    ledger.now = 100;
    ledger.add(10);
    ledger.now = 50;
    expect(ledger.spend(1).at.getTime()).toBe(100);
  });

  test('a read computes what is due and changes nothing', () => {
    const ledger = new Ledger();
    ledger.add(10, { expiresAt: 10 });
    ledger.hold(4, 100);
    const before = ledger.account();
    expect(advanced(before, 10, ledger.context())).toMatchObject({ balance: 4, reserved: 4, at: 10 });
    expect(advanced(before, 100, ledger.context())).toMatchObject({ balance: 0, reserved: 0, grants: [], holds: [] });
    expect(before).toMatchObject({ balance: 10, reserved: 4, at: 0 });
    expect(advanced(before, 5, ledger.context())).toMatchObject({ balance: 10, at: 5 });
  });

  test('a refusal writes nothing of what was due', () => {
    const ledger = new Ledger();
    ledger.add(10, { expiresAt: 10 });
    ledger.now = 20;
    expect(ledger.refused({ type: 'deduct', amount: 1, afterService: false })).toBe('INSUFFICIENT_CREDITS');
    expect(ledger.entries).toHaveLength(1);
  });
});
