import { describe, expect, test } from 'vitest';
import { Ledger } from './ledger.js';

describe('reversal of debits', () => {
  test('a debit whose debt was repaid since: that part becomes a new adjustment grant without expiry', () => {
    const ledger = new Ledger();
    ledger.add(10);
    const debit = ledger.owe(25);
    ledger.add(20);
    expect(ledger.totals()).toEqual([5, 0, 0]);
    const reversal = ledger.reverse(debit);
    expect(reversal).toMatchObject({
      delta: 25,
      draws: [{ grantId: 'g-op1', amount: 10 }],
      grantId: 'g-op4',
      details: { undoneDebt: 0, adjustment: 15 },
    });
    expect(ledger.grants.get('g-op4')).toMatchObject({ source: 'adjustment', expiresAt: null, amount: 15 });
    expect(ledger.totals()).toEqual([30, 0, 0]);
  });

  test('debt is undone first, as much as the debit made and the account still has', () => {
    const ledger = new Ledger();
    ledger.add(10);
    const debit = ledger.owe(25);
    ledger.add(5);
    const reversal = ledger.reverse(debit, 12);
    expect(reversal.details).toMatchObject({ undoneDebt: 10, adjustment: 0 });
    expect(reversal.draws).toEqual([{ grantId: 'g-op1', amount: 2 }]);
    expect(ledger.totals()).toEqual([2, 0, 0]);
    const rest = ledger.reverse(debit);
    expect(rest.details).toMatchObject({ undoneDebt: 0, adjustment: 5 });
    expect(rest.draws).toEqual([{ grantId: 'g-op1', amount: 8 }]);
    expect(ledger.refused({ type: 'reverse', original: debit, amount: null })).toBe('ALREADY_REVERSED');
  });

  test('credits return to their lots, last drawn first, with their original terms', () => {
    const ledger = new Ledger();
    ledger.add(10, { expiresAt: 1_000 });
    ledger.add(10, { expiresAt: 2_000 });
    const debit = ledger.spend(15);
    ledger.reverse(debit, 7);
    expect(ledger.account().grants.map((grant) => [grant.id, grant.remaining, grant.expiresAt])).toEqual([
      ['g-op1', 2, 1_000],
      ['g-op2', 10, 2_000],
    ]);
    expect(ledger.grants.get('g-op1')).toMatchObject({ open: true, version: 3 });
  });

  test('what has expired meanwhile lapses at once', () => {
    const ledger = new Ledger();
    ledger.add(10, { expiresAt: 100 });
    const debit = ledger.spend(10);
    ledger.now = 200;
    ledger.reverse(debit);
    expect(ledger.history().slice(2)).toEqual([
      ['reverse', 10, 200],
      ['expire', -10, 200],
    ]);
    expect(ledger.totals()).toEqual([0, 0, 0]);
    expect(ledger.grants.get('g-op1')).toMatchObject({ open: false, expired: 10, remaining: 0 });
  });

  test('returned credits repay other debt', () => {
    const ledger = new Ledger();
    ledger.add(10);
    const debit = ledger.spend(10);
    ledger.owe(4);
    expect(ledger.reverse(debit)).toMatchObject({ delta: 10, repaid: [{ grantId: 'g-op1', amount: 4 }], debtAfter: 0 });
    expect(ledger.totals()).toEqual([6, 0, 0]);
  });

  test('a capture is a debit', () => {
    const ledger = new Ledger();
    ledger.add(10);
    const capture = ledger.commit(ledger.hold(6), { amount: 4 });
    ledger.reverse(capture);
    expect(ledger.totals()).toEqual([10, 0, 0]);
  });

  test('a reversal that would leave too many open grants is refused', () => {
    const ledger = new Ledger();
    ledger.limits = { openGrants: 2, activeReservations: 10, lateUsageMs: 0 };
    ledger.add(1);
    ledger.add(1);
    const debit = ledger.spend(2);
    ledger.add(1);
    ledger.add(1);
    expect(ledger.refused({ type: 'reverse', original: debit, amount: null })).toBe('LIMIT_EXCEEDED');
  });

  test('what was not read yet is asked for', () => {
    const ledger = new Ledger();
    ledger.add(10);
    const debit = ledger.spend(10);
    ledger.grants.delete('g-op1');
    expect(ledger.run({ type: 'reverse', original: debit, amount: null })).toEqual({ kind: 'pending' });
    const context = { ...ledger.context(), facts: { ...ledger.context().facts, reversals: () => undefined } };
    ledger.context = () => context;
    expect(ledger.run({ type: 'reverse', original: debit, amount: null })).toEqual({ kind: 'pending' });
  });
});

describe('reversal of additions', () => {
  test('takes from its own lot, then from other unheld lots in burn-down order, the rest becomes debt', () => {
    const ledger = new Ledger();
    ledger.defaults = { ...ledger.defaults, overdraftLimit: 0 };
    ledger.add(10, { priority: 10 });
    const addition = ledger.add(20);
    ledger.add(5);
    ledger.spend(15);
    ledger.hold(3);
    const reversal = ledger.reverse(addition);
    expect(reversal.delta).toBe(-20);
    expect(reversal.draws).toEqual([
      { grantId: 'g-op2', amount: 12 },
      { grantId: 'g-op3', amount: 5 },
    ]);
    expect(ledger.totals()).toEqual([0, 3, 3]);
  });

  test('what has lapsed counts as taken; what was spent does not', () => {
    const ledger = new Ledger();
    const addition = ledger.add(10, { expiresAt: 100 });
    ledger.spend(4);
    ledger.now = 200;
    expect(ledger.refused({ type: 'reverse', original: addition, amount: 5 })).toBe('ALREADY_REVERSED');
    expect(ledger.reverse(addition).amount).toBe(4);
    expect(ledger.totals()).toEqual([-4, 0, 4]);
  });

  test('a scheduled lot is taken away, delta 0', () => {
    const ledger = new Ledger();
    const addition = ledger.add(10, { effectiveAt: 100 });
    expect(ledger.reverse(addition, 4)).toMatchObject({ delta: 0, amount: 4 });
    expect(ledger.reverse(addition)).toMatchObject({ delta: 0, amount: 6 });
    ledger.now = 200;
    expect(ledger.run({ type: 'expire', asOf: null })).toEqual({ kind: 'nothing' });
    expect(ledger.grants.get('g-op1')).toMatchObject({ open: false, revoked: 10 });
  });

  test('entries of the clock, reversals, transfers and holds cannot be reversed', () => {
    const ledger = new Ledger();
    ledger.add(10, { expiresAt: 100 });
    ledger.hold(2, 50);
    ledger.apply({ type: 'transfer', amount: 1 }, ['u', 'v']);
    const debit = ledger.spend(1);
    ledger.reverse(debit);
    ledger.now = 100;
    ledger.apply({ type: 'expire', asOf: null });
    const types = ['reserve', 'transfer_out', 'transfer_in', 'reverse', 'expire_reserved', 'expire'];
    for (const type of types) {
      const original = ledger.entries.find((entry) => entry.type === type);
      if (!original) throw new Error(type);
      expect([type, ledger.refused({ type: 'reverse', original, amount: null })]).toEqual([type, 'INVALID_ARGUMENT']);
    }
  });

  test('a claw-back takes from the named lots first, whatever the overdraft limit', () => {
    const ledger = new Ledger();
    ledger.defaults = { ...ledger.defaults, overdraftLimit: 0 };
    ledger.add(10, { priority: 0 });
    const paid = ledger.add(10, { reference: 'payment-1' });
    const grantIds = [paid.grantId as string];
    const entry = ledger.apply({ type: 'claw_back', amount: 25, grantIds, reference: 'payment-1' });
    expect(entry).toMatchObject({ type: 'claw_back', delta: -25, debtAfter: 5, details: { reference: 'payment-1' } });
    expect(entry.draws.map((draw) => draw.grantId)).toEqual(['g-op2', 'g-op1']);
    expect(ledger.events.at(-3)).toMatchObject({
      type: 'credits.refunded',
      data: { amount: -25, reference: 'payment-1' },
    });
  });
});
