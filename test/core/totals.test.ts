/** Lifetime totals: which entries count, in what, and that sums beyond the safe integers stay exact. */
import { describe, expect, test } from 'vitest';
import { UNITS_MAX } from '../../src/core/amounts.js';
import { replay } from '../../src/core/replay.js';
import { accountFromRow, accountToRow } from '../../src/core/rows.js';
import { NO_TOTALS, totalCredits, withEntry } from '../../src/core/totals.js';
import type { AccountRow } from '../../src/models/account.js';
import { Ledger } from './ledger.js';

const totalsOf = (ledger: Ledger, user?: string) => ledger.account(user).totals;
const totals = (added: number, spent: number, rechargedAt: number | null = null) => ({ added, spent, rechargedAt });

describe('what was added', () => {
  test('counts a grant when it becomes effective, not when it is made', () => {
    const ledger = new Ledger();
    ledger.add(10, { effectiveAt: 50, source: 'purchase' });
    expect(totalsOf(ledger)).toEqual(totals(0, 0));
    ledger.now = 60;
    ledger.add(1);
    expect(totalsOf(ledger)).toEqual(totals(11, 0, 50));
  });

  test('counts the trial, positive adjustments and what others sent, and is not lowered by sending', () => {
    const ledger = new Ledger();
    ledger.defaults = { ...ledger.defaults, trialCredits: 5 };
    ledger.add(20);
    ledger.apply({ type: 'adjust', delta: 3 });
    ledger.defaults = { ...ledger.defaults, trialCredits: 0 };
    ledger.apply({ type: 'transfer', amount: 7 }, ['u', 'v']);
    expect([totalsOf(ledger), totalsOf(ledger, 'v')]).toEqual([totals(28, 0), totals(7, 0)]);
  });

  test('is lowered neither by expiry nor by taking an addition back', () => {
    const ledger = new Ledger();
    ledger.add(10, { expiresAt: 20 });
    ledger.reverse(ledger.add(8), 3);
    ledger.apply({ type: 'claw_back', amount: 2, grantIds: [], reference: 'r' });
    ledger.now = 30;
    ledger.apply({ type: 'expire', asOf: null });
    expect(totalsOf(ledger)).toEqual(totals(18, 0));
  });
});

describe('what was spent', () => {
  test('counts deductions, debt and captures, less what reversals gave back', () => {
    const ledger = new Ledger();
    ledger.add(10);
    const spent = ledger.spend(4);
    const owed = ledger.owe(9);
    expect(totalsOf(ledger)).toEqual(totals(10, 13));
    ledger.reverse(spent, 1);
    ledger.add(20);
    // The debt of it was repaid: its reversal makes a grant, and that is nothing new.
    ledger.reverse(owed);
    expect(totalsOf(ledger)).toEqual(totals(30, 3));
    const hold = ledger.hold(6);
    expect(totalsOf(ledger)).toEqual(totals(30, 3));
    ledger.commit(hold, { amount: 2 });
    ledger.apply({ type: 'adjust', delta: -1 });
    expect(totalsOf(ledger)).toEqual(totals(30, 6));
  });
});

test('the last recharge is that of a purchase or of a subscription', () => {
  const ledger = new Ledger();
  const at: (number | null | undefined)[] = [];
  for (const [i, source] of (
    ['promo', 'purchase', 'adjustment', 'subscription', 'refund', 'other'] as const
  ).entries()) {
    ledger.now = 10 * (i + 1);
    ledger.add(1, { source });
    at.push(totalsOf(ledger)?.rechargedAt);
  }
  expect(at).toEqual([null, 20, 20, 40, 40, 40]);
});

test('a sum beyond the safe integers is exact, there and back', () => {
  const ledger = new Ledger();
  for (let i = 0; i < 5; i++) {
    ledger.add(UNITS_MAX - 1);
    ledger.spend(UNITS_MAX - 1);
  }
  const beyond = String(5n * (BigInt(UNITS_MAX) - 1n));
  expect(totalsOf(ledger)).toEqual({ added: beyond, spent: beyond, rechargedAt: null });
  const last = ledger.entries.at(-1);
  if (last) ledger.reverse(last);
  expect(totalsOf(ledger)?.spent).toBe(4 * (UNITS_MAX - 1));
  const row = accountToRow(ledger.account(), 1);
  expect(accountFromRow(row).totals).toEqual(totalsOf(ledger));
  expect(accountToRow(replay(ledger.entries), 1)).toEqual(row);
  expect([totalCredits(beyond, 6), totalCredits(beyond, 0)]).toEqual([11258999068.426235, 11258999068426236]);
});

describe('the row of an account', () => {
  const rowOf = (numbers: object, seq = 2) => {
    const ledger = new Ledger();
    ledger.add(5);
    ledger.spend(2);
    const row = accountToRow(ledger.account(), 1);
    return { ...row, seq, numbers: { ...row.numbers, ...numbers } } as AccountRow;
  };
  const known = { seq: 2, added: 5, spent: 2, rechargedAt: null };

  test('has the totals, with the sequence of the entry that they include last', () => {
    expect(rowOf({}).numbers?.totals).toEqual(known);
    expect(accountFromRow(rowOf({})).totals).toEqual(totals(5, 2));
  });

  test.each<[string, object, number?]>([
    ['none, as an older version writes it', { totals: undefined }],
    ['those of an earlier entry, as an older version keeps them', { totals: { ...known, seq: 1 } }],
    ['a sum that is none', { totals: { ...known, added: -1 } }],
    ['digits that are none', { totals: { ...known, spent: '12' } }],
    ['an instant that is none', { totals: { ...known, rechargedAt: 'x' } }],
  ])('with %s has no known ones, and an entry more does not make them known', (_, numbers) => {
    const account = accountFromRow(rowOf(numbers));
    expect(account.totals).toBe(null);
    const ledger = new Ledger();
    ledger.accounts.set('u', account);
    ledger.add(1);
    expect(accountToRow(ledger.account(), 2).numbers).not.toHaveProperty('totals');
  });
});

test('an entry that is no movement changes nothing', () => {
  const entry = { type: 'plan_changed', delta: 0, details: {}, at: new Date(0) } as const;
  expect(withEntry(NO_TOTALS, entry)).toBe(NO_TOTALS);
  expect(withEntry(NO_TOTALS, { ...entry, type: 'expire', delta: -1 })).toBe(NO_TOTALS);
});
