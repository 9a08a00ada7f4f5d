import { describe, expect, test } from 'vitest';
import { HOLD_MAX_MS } from '../../src/core/holds.js';
import { commitOf, Ledger } from './ledger.js';

function held(amount = 10, more = 10): { ledger: Ledger; hold: string } {
  const ledger = new Ledger();
  ledger.add(amount + more);
  return { ledger, hold: ledger.hold(amount) };
}

describe('commits', () => {
  test('whole: one entry moves balance and reserved', () => {
    const { ledger, hold } = held();
    expect(ledger.commit(hold)).toMatchObject({ type: 'commit_reserved', delta: -10, reservedDelta: -10 });
    expect(ledger.totals()).toEqual([10, 0, 0]);
    expect(ledger.reservations.get(hold)).toMatchObject({
      status: 'committed',
      committed: 10,
      released: 0,
      version: 2,
    });
  });

  test('less: the rest is freed in the same entry', () => {
    const { ledger, hold } = held();
    expect(ledger.commit(hold, { amount: 3 })).toMatchObject({ delta: -3, reservedDelta: -10 });
    expect(ledger.reservations.get(hold)).toMatchObject({ committed: 3, released: 7 });
  });

  test('several captures keep the rest on hold, also when nothing is left', () => {
    const { ledger, hold } = held();
    ledger.commit(hold, { amount: 4, final: false });
    ledger.commit(hold, { amount: 6, final: false });
    expect(ledger.account().holds).toMatchObject([{ id: hold, committed: 10, draws: [] }]);
    expect(ledger.commit(hold)).toMatchObject({ type: 'commit_reserved', delta: 0 });
    expect(ledger.reservations.get(hold)).toMatchObject({ status: 'committed', committed: 10 });
  });

  test('zero frees everything; a hold that ends with nothing captured is released', () => {
    const { ledger, hold } = held();
    expect(ledger.commit(hold, { amount: 0 })).toMatchObject({
      type: 'release_reserved',
      delta: 0,
      reservedDelta: -10,
    });
    expect(ledger.reservations.get(hold)?.status).toBe('released');
  });

  test('captures take the draws of a hold in burn-down order', () => {
    const ledger = new Ledger();
    ledger.add(5, { expiresAt: 500 });
    ledger.add(5, { expiresAt: 400 });
    const hold = ledger.hold(10);
    expect(ledger.commit(hold, { amount: 7, final: false }).draws).toEqual([
      { grantId: 'g-op2', amount: 5 },
      { grantId: 'g-op1', amount: 2 },
    ]);
  });

  test('the same final call again repeats its answer, another one is refused', () => {
    const { ledger, hold } = held();
    const first = ledger.commit(hold, { amount: 3, fingerprint: 'three' });
    expect(ledger.run(commitOf(hold, { amount: 3, fingerprint: 'three' }))).toEqual({
      kind: 'repeated',
      entryId: first.id,
    });
    expect(ledger.refused(commitOf(hold, { amount: 4, fingerprint: 'four' }))).toBe('RESERVATION_NOT_ACTIVE');
    expect(ledger.refused({ type: 'release', reservationId: hold, fingerprint: 'three' })).toBe(
      'RESERVATION_NOT_ACTIVE',
    );
  });

  test.each([
    ['reject', 12, 'COMMIT_EXCEEDS_RESERVATION'],
    ['charge', 25, 'INSUFFICIENT_CREDITS'],
    ['overdraft', 30, 'OVERDRAFT_LIMIT'],
  ] as const)('above the hold, %s of %i is refused with %s and the hold stays', (overage, amount, code) => {
    const { ledger, hold } = held();
    ledger.defaults = { ...ledger.defaults, overdraftLimit: 5 };
    expect(ledger.refused(commitOf(hold, { amount, overage }))).toBe(code);
    expect(ledger.account().holds).toHaveLength(1);
  });

  test('an allowed excess is a deduction in the same commit; the capture is the answer, written last', () => {
    const { ledger, hold } = held();
    const entry = ledger.commit(hold, { amount: 15, overage: 'charge' });
    expect(entry).toMatchObject({ type: 'commit_reserved', delta: -10, balanceAfter: 5, availableAfter: 5 });
    expect(ledger.entries.at(-2)).toMatchObject({ type: 'deduct', delta: -5, reservationId: hold });
  });

  test('an excess may become debt when both the call and the limit allow it', () => {
    const { ledger, hold } = held(10, 0);
    ledger.commit(hold, { amount: 14, overage: 'overdraft' });
    expect(ledger.totals()).toEqual([-4, 0, 4]);
  });
});

describe('a hold whose time has passed', () => {
  function lapsed(more = 10) {
    const { ledger, hold } = held(10, more);
    ledger.now = 1_000;
    return { ledger, hold };
  }

  test('is expired without any sweep: commit, release and extend are refused', () => {
    const { ledger, hold } = lapsed();
    expect(ledger.refused(commitOf(hold))).toBe('RESERVATION_NOT_ACTIVE');
    expect(ledger.refused({ type: 'release', reservationId: hold, fingerprint: 'f' })).toBe('RESERVATION_NOT_ACTIVE');
    expect(ledger.refused({ type: 'extend', reservationId: hold, ttlMs: 5 })).toBe('RESERVATION_NOT_ACTIVE');
    expect(ledger.spend(20).balanceAfter).toBe(0);
  });

  test('can be charged once, and stays expired', () => {
    const { ledger, hold } = lapsed();
    const entry = ledger.commit(hold, { ifExpired: 'charge', fingerprint: 'late' });
    expect(entry).toMatchObject({ type: 'deduct', delta: -10, reservationId: hold });
    expect(ledger.reservations.get(hold)).toMatchObject({
      status: 'expired',
      version: 2,
      lateCharge: { entryId: entry.id },
    });
    const again = commitOf(hold, { ifExpired: 'charge', fingerprint: 'late' });
    expect(ledger.run(again)).toEqual({ kind: 'repeated', entryId: entry.id });
    expect(ledger.refused(commitOf(hold, { ifExpired: 'charge', amount: 1, fingerprint: 'x' }))).toBe(
      'RESERVATION_NOT_ACTIVE',
    );
  });

  test('a charge after the expiry was written raises the version of its row', () => {
    const { ledger, hold } = lapsed();
    ledger.apply({ type: 'expire', asOf: null });
    ledger.commit(hold, { ifExpired: 'overdraft' });
    expect(ledger.reservations.get(hold)?.version).toBe(3);
  });

  test.each([
    ['charge', 'reject', 11, 'COMMIT_EXCEEDS_RESERVATION'],
    ['charge', 'charge', 25, 'INSUFFICIENT_CREDITS'],
    ['overdraft', 'charge', 25, 'INSUFFICIENT_CREDITS'],
    ['charge', 'overdraft', 25, 'INSUFFICIENT_CREDITS'],
    ['overdraft', 'overdraft', 25, null],
    ['overdraft', 'reject', 10, null],
    ['charge', 'charge', 0, 'RESERVATION_NOT_ACTIVE'],
  ] as const)('ifExpired %s with overage %s of %i: %s', (ifExpired, overage, amount, code) => {
    const { ledger, hold } = lapsed();
    const command = commitOf(hold, { ifExpired, overage, amount });
    if (code) expect(ledger.refused(command)).toBe(code);
    else expect(ledger.apply(command).delta).toBe(-amount);
  });
});

describe('the rest', () => {
  test('a reservation is refused for funds, then for the number of holds', () => {
    const { ledger } = held(10, 5);
    ledger.limits = { openGrants: 5, activeReservations: 1, lateUsageMs: 0 };
    const reserve = { type: 'reserve', ttlMs: 9, planId: null, reservationId: 'r' } as const;
    expect(ledger.refused({ ...reserve, amount: 6 })).toBe('INSUFFICIENT_CREDITS');
    expect(ledger.refused({ ...reserve, amount: 5 })).toBe('LIMIT_EXCEEDED');
  });

  test('extending moves the end to now + TTL, never earlier, never beyond 7 days after creation', () => {
    const { ledger, hold } = held();
    const end = () => ledger.account().holds[0]?.expiresAt;
    ledger.now = 10;
    ledger.apply({ type: 'extend', reservationId: hold, ttlMs: 5 });
    expect(end()).toBe(1_000);
    ledger.apply({ type: 'extend', reservationId: hold, ttlMs: 2_000 });
    expect(end()).toBe(2_010);
    ledger.apply({ type: 'extend', reservationId: hold, ttlMs: HOLD_MAX_MS });
    expect(end()).toBe(HOLD_MAX_MS);
  });

  test('an unknown reservation is not found; one that was not read yet is asked for', () => {
    const ledger = new Ledger();
    ledger.add(10);
    const commands = [
      commitOf('r-x'),
      { type: 'release', reservationId: 'r-x', fingerprint: 'f' },
      { type: 'extend', reservationId: 'r-x', ttlMs: 1 },
    ] as const;
    for (const command of commands) expect(ledger.refused(command)).toBe('RESERVATION_NOT_FOUND');
    const context = { ...ledger.context(), facts: { ...ledger.context().facts, row: () => undefined } };
    ledger.context = () => context;
    for (const command of commands) expect(ledger.run(command)).toEqual({ kind: 'pending' });
  });

  test('a hold pins its lots: they are neither spendable by others nor lapse while it is active', () => {
    const ledger = new Ledger();
    ledger.add(100, { expiresAt: 50 });
    const hold = ledger.hold(60, 1_000);
    ledger.now = 60;
    ledger.apply({ type: 'expire', asOf: null });
    expect(ledger.totals()).toEqual([60, 60, 0]);
    expect(ledger.refused({ type: 'deduct', amount: 1, afterService: false })).toBe('INSUFFICIENT_CREDITS');
    expect(ledger.commit(hold).delta).toBe(-60);
  });
});
