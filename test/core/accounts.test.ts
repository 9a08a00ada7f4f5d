import { describe, expect, test } from 'vitest';
import { magnitudeOf } from '../../src/core/account.js';
import { withTrial } from '../../src/core/advance.js';
import { UNITS_MAX } from '../../src/core/amounts.js';
import { compareBurnOrder } from '../../src/core/burn-down.js';
import { previewDebit } from '../../src/core/deduction-preview.js';
import { PLAIN_TERMS } from '../../src/core/grants.js';
import type { OpenGrant } from '../../src/models/account.js';
import { Ledger } from './ledger.js';

const OPTIONS = { overdraftLimit: null, lowCreditThreshold: null, metadata: null };
const create = (options = {}, trialCredits: number | null = null) =>
  ({ type: 'create_account', options: { ...OPTIONS, ...options }, trialCredits, fingerprint: 'f' }) as const;

function types(ledger: Ledger): string[] {
  return ledger.events.map((event) => event.type.replace('credits.', ''));
}

describe('burn-down order', () => {
  const grant = (terms: Partial<OpenGrant>): OpenGrant => ({
    id: 'g',
    source: 'other',
    amount: 1,
    remaining: 1,
    held: 0,
    expired: 0,
    revoked: 0,
    priority: 50,
    effectiveAt: 0,
    expiresAt: null,
    seq: 1,
    place: 0,
    createdAt: 0,
    planId: null,
    reference: null,
    rowVersion: 1,
    ...terms,
  });

  test.each<[string, Partial<OpenGrant>, Partial<OpenGrant>]>([
    ['lower priority', { priority: 10 }, { priority: 20, expiresAt: 5 }],
    ['sooner expiry', { expiresAt: 5 }, { expiresAt: 6, source: 'promo' }],
    ['expiring before never expiring', { expiresAt: 5 }, { source: 'promo' }],
    ['free before paid', { source: 'promo', effectiveAt: 9 }, { source: 'purchase' }],
    ['trial is free', { source: 'trial', effectiveAt: 9 }, { source: 'other' }],
    ['earlier effective', { effectiveAt: 1, seq: 9 }, { effectiveAt: 2 }],
    ['earlier entry', { seq: 1, place: 9 }, { seq: 2 }],
    ['earlier place', { place: 1 }, { place: 2 }],
  ])('%s first', (_, a, b) => {
    expect(compareBurnOrder(grant(a), grant(b))).toBeLessThan(0);
    expect(compareBurnOrder(grant(b), grant(a))).toBeGreaterThan(0);
    expect(compareBurnOrder(grant(a), grant(a))).toBe(0);
  });
});

describe('additions and adjustments', () => {
  test('a scheduled grant moves the balance when it becomes effective', () => {
    const ledger = new Ledger();
    expect(ledger.add(10, { effectiveAt: 50 })).toMatchObject({ delta: 0, amount: 10 });
    ledger.now = 50;
    expect(ledger.spend(4).balanceAfter).toBe(6);
    expect(ledger.history()[1]).toEqual(['activate', 10, 50]);
  });

  test('expiresAt must be later than now and than effectiveAt; a past effectiveAt is kept', () => {
    const ledger = new Ledger();
    ledger.now = 100;
    for (const terms of [{ expiresAt: 100 }, { effectiveAt: 200, expiresAt: 200 }]) {
      expect(ledger.refused({ type: 'add', amount: 1, terms: { ...PLAIN_TERMS, ...terms } })).toBe('INVALID_ARGUMENT');
    }
    ledger.add(1, { effectiveAt: 5, expiresAt: 101 });
    expect(ledger.account().grants[0]).toMatchObject({ effectiveAt: 5 });
  });

  test('beyond the largest balance nothing is added, scheduled lots counted', () => {
    const ledger = new Ledger();
    ledger.add(UNITS_MAX - 10, { effectiveAt: 50 });
    expect(ledger.refused({ type: 'add', amount: 11, terms: PLAIN_TERMS })).toBe('AMOUNT_TOO_LARGE');
    ledger.add(10);
  });

  test('debt stays within the largest amount', () => {
    const ledger = new Ledger();
    ledger.owe(UNITS_MAX);
    expect(ledger.refused({ type: 'deduct', amount: 1, afterService: true })).toBe('AMOUNT_TOO_LARGE');
    const paid = { type: 'claw_back', amount: 1, grantIds: [], reference: 'p' } as const;
    expect(ledger.refused(paid)).toBe('AMOUNT_TOO_LARGE');
  });

  test('open grants are limited; lapsed ones do not count', () => {
    const ledger = new Ledger();
    ledger.limits = { openGrants: 2, activeReservations: 1, lateUsageMs: 0 };
    ledger.add(1);
    ledger.add(1, { expiresAt: 10 });
    expect(ledger.refused({ type: 'add', amount: 1, terms: PLAIN_TERMS })).toBe('LIMIT_EXCEEDED');
    ledger.now = 10;
    ledger.add(1);
  });

  test('an adjustment up is a grant without expiry, down a deduction that refuses beyond available', () => {
    const ledger = new Ledger();
    const info = { actor: 'admin', reason: 'fix' };
    expect(ledger.apply({ type: 'adjust', delta: 5 }, ['u'], info)).toMatchObject({ type: 'add', delta: 5, ...info });
    expect(ledger.apply({ type: 'adjust', delta: -2 }, ['u'], info)).toMatchObject({ type: 'deduct', delta: -2 });
    expect(ledger.refused({ type: 'adjust', delta: -4 })).toBe('INSUFFICIENT_CREDITS');
    expect(ledger.events.filter((event) => event.type === 'credits.adjusted')).toMatchObject([
      { data: { amount: 5, ...info } },
      { data: { amount: -2, ...info } },
    ]);
  });

  test('an overdraft limit bounds debt; the account decides before the service', () => {
    const ledger = new Ledger();
    ledger.defaults = { ...ledger.defaults, overdraftLimit: 5 };
    expect(ledger.refused({ type: 'deduct', amount: 6, afterService: true })).toBe('OVERDRAFT_LIMIT');
    ledger.apply({ type: 'update_account', options: { overdraftLimit: 10 } });
    ledger.owe(10);
    ledger.apply({ type: 'update_account', options: { overdraftLimit: 'unlimited' } });
    ledger.owe(10);
    ledger.apply({ type: 'update_account', options: { overdraftLimit: null } });
    expect(ledger.refused({ type: 'deduct', amount: 1, afterService: true })).toBe('OVERDRAFT_LIMIT');
  });
});

describe('trial and account options', () => {
  test('the first applied write makes the trial grant, before it is decided, once for ever', () => {
    const ledger = new Ledger();
    ledger.defaults = { ...ledger.defaults, trialCredits: 20 };
    expect(ledger.refused({ type: 'deduct', amount: 21, afterService: false })).toBe('INSUFFICIENT_CREDITS');
    expect(ledger.entries).toEqual([]);
    expect(previewDebit(withTrial(ledger.account(), ledger.now, ledger.context()), 25)).toEqual({
      shortfall: 5,
      draws: [{ grantId: 'trial', amount: 20 }],
    });
    ledger.spend(15);
    ledger.spend(5);
    expect(ledger.history()).toEqual([
      ['add', 20, 0],
      ['deduct', -15, 0],
      ['deduct', -5, 0],
    ]);
  });

  test('an account that had its first write before trials were switched on gets none', () => {
    const ledger = new Ledger();
    ledger.add(1);
    ledger.defaults = { ...ledger.defaults, trialCredits: 20 };
    ledger.add(1);
    expect(ledger.totals()).toEqual([2, 0, 0]);
  });

  test('createAccount repeats with the same options, conflicts with others', () => {
    const ledger = new Ledger();
    const entry = ledger.apply(create({}, 10));
    expect(ledger.totals()).toEqual([10, 0, 0]);
    expect(ledger.run(create({}, 10))).toEqual({ kind: 'repeated', entryId: entry.id });
    expect(ledger.refused({ ...create(), fingerprint: 'other' })).toBe('IDEMPOTENCY_CONFLICT');
  });

  test('on an account that exists only by its first write it sets options, and makes the trial it names', () => {
    const ledger = new Ledger();
    ledger.defaults = { ...ledger.defaults, trialCredits: 3 };
    ledger.add(1);
    ledger.apply(create({ overdraftLimit: 7 }, 10));
    expect(ledger.account().options.overdraftLimit).toBe(7);
    expect(ledger.totals()).toEqual([4, 0, 0]);
    const other = new Ledger();
    other.add(1);
    other.apply(create({}, 10));
    expect(other.totals()).toEqual([11, 0, 0]);
  });
});

describe('transfers', () => {
  test('lots move in burn-down order with their terms, and repay the debt of the receiver', () => {
    const ledger = new Ledger();
    ledger.defaults = { ...ledger.defaults, trialCredits: 5 };
    ledger.add(10, { priority: 10, expiresAt: 500, source: 'promo', reference: 'r' });
    ledger.add(10, { planId: 'pro' });
    ledger.apply({ type: 'deduct', amount: 9, afterService: true }, ['v']);
    const out = ledger.apply({ type: 'transfer', amount: 12 }, ['u', 'v']);
    expect(out).toMatchObject({ type: 'transfer_out', delta: -12, details: { from: 'u', to: 'v' } });
    const into = ledger.entries.at(-1);
    expect(into).toMatchObject({ id: `${out.operationId}.to`, type: 'transfer_in', delta: 12, debtAfter: 0 });
    expect(into?.repaid).toEqual([{ grantId: into?.draws[0]?.grantId, amount: 4 }]);
    expect(ledger.account('v').grants).toMatchObject([
      { source: 'promo', remaining: 6, priority: 10, expiresAt: 500, reference: 'r' },
      { source: 'other', remaining: 2, planId: 'pro' },
    ]);
  });

  test('trial lots stay, holds stay, and a full receiver refuses', () => {
    const ledger = new Ledger();
    ledger.defaults = { ...ledger.defaults, trialCredits: 5 };
    ledger.add(10);
    ledger.hold(7);
    expect(ledger.refused({ type: 'transfer', amount: 9 }, ['u', 'v'])).toBe('INSUFFICIENT_CREDITS');
    ledger.limits = { openGrants: 1, activeReservations: 1, lateUsageMs: 0 };
    expect(ledger.refused({ type: 'transfer', amount: 1 }, ['u', 'v'])).toBe('LIMIT_EXCEEDED');
    expect(ledger.accounts.has('v')).toBe(false);
  });
});

describe('crossings', () => {
  test('30 → −5 with threshold 20 is low, exhausted, status; back is status, restored; each once', () => {
    const ledger = new Ledger();
    ledger.apply(create({ lowCreditThreshold: 20 }));
    ledger.add(30);
    ledger.events.length = 0;
    ledger.apply({ type: 'deduct', amount: 35, afterService: true }, ['u'], { correlationId: 'c' });
    expect(types(ledger)).toEqual(['low_balance_reached', 'balance_exhausted', 'plugin_status_changed']);
    expect(ledger.events[0]).toMatchObject({
      correlationId: 'c',
      sequence: 3,
      data: { previousBalance: 30, balance: -5, available: -5, threshold: 20 },
    });
    ledger.owe(1);
    ledger.events.length = 0;
    ledger.add(40);
    expect(types(ledger)).toEqual(['recharged', 'plugin_status_changed', 'balance_restored']);
  });

  test('the first operation sets the level: its status alone is news', () => {
    const ledger = new Ledger();
    ledger.apply(create({ lowCreditThreshold: 20 }, 10));
    expect(types(ledger)).toEqual(['account.created', 'recharged', 'plugin_status_changed']);
  });

  test('20 % of a trial of 100: low at 20, restored at 21; a changed threshold sets the level silently', () => {
    const ledger = new Ledger();
    ledger.defaults = { ...ledger.defaults, trialCredits: 100, lowCreditThreshold: '20%' };
    ledger.spend(79);
    ledger.events.length = 0;
    ledger.spend(1);
    ledger.add(1);
    expect(types(ledger)).toEqual(['low_balance_reached', 'recharged', 'balance_restored']);
    ledger.events.length = 0;
    ledger.apply({ type: 'update_account', options: { lowCreditThreshold: 50 } });
    ledger.spend(1);
    ledger.apply({ type: 'update_account', options: { lowCreditThreshold: 'none' } });
    ledger.add(100);
    expect(types(ledger)).toEqual(['recharged']);
  });

  test('a percentage is rounded up', () => {
    const ledger = new Ledger();
    ledger.defaults = { ...ledger.defaults, trialCredits: 101, lowCreditThreshold: '12.5%' };
    ledger.spend(87);
    ledger.events.length = 0;
    ledger.spend(1);
    expect(ledger.events).toMatchObject([{ type: 'credits.low_balance_reached', data: { threshold: 13 } }]);
  });

  test('without plan and trial a percentage is of the last purchase, from the instant it can be spent', () => {
    const ledger = new Ledger();
    ledger.defaults = { ...ledger.defaults, lowCreditThreshold: '50%' };
    const low = () => {
      const thresholds = ledger.events.flatMap((event) =>
        event.type === 'credits.low_balance_reached' ? [event.data.threshold] : [],
      );
      ledger.events.length = 0;
      return thresholds;
    };
    ledger.add(10, { source: 'promo' });
    ledger.spend(10);
    expect(low()).toEqual([]);
    ledger.add(100, { source: 'purchase' });
    ledger.add(1_000, { effectiveAt: 60 });
    for (const source of ['promo', 'adjustment', 'refund'] as const) ledger.add(1, { source });
    ledger.spend(60);
    expect(low()).toEqual([50]);
    ledger.now = 70;
    ledger.spend(600);
    expect(low()).toEqual([500]);
    ledger.add(200);
    expect(low()).toEqual([]);
    ledger.spend(600);
    expect(low()).toEqual([100]);
  });

  test('the clock crosses too, once, judged after each instant', () => {
    const ledger = new Ledger();
    ledger.add(10, { expiresAt: 50 });
    ledger.add(5, { effectiveAt: 60 });
    ledger.events.length = 0;
    ledger.now = 100;
    ledger.spend(1);
    expect(ledger.events.map((event) => [event.type, event.occurredAt])).toEqual([
      ['credits.balance_exhausted', new Date(50).toISOString()],
      ['credits.plugin_status_changed', new Date(50).toISOString()],
      ['credits.grant_activated', new Date(60).toISOString()],
      ['credits.recharged', new Date(60).toISOString()],
      ['credits.plugin_status_changed', new Date(60).toISOString()],
    ]);
  });

  test('deductions and expiries are events only where all are wanted', () => {
    const ledger = new Ledger();
    ledger.allEvents = true;
    ledger.add(10, { expiresAt: 50, source: 'refund', reference: 'order-1' });
    ledger.commit(ledger.hold(2));
    ledger.commit(ledger.hold(2), { amount: 3, overage: 'charge' });
    ledger.spend(1);
    ledger.now = 50;
    ledger.apply({ type: 'expire', asOf: null });
    expect(types(ledger)).toEqual([
      'account.created',
      'refunded',
      'plugin_status_changed',
      ...['reserved', 'committed', 'deducted', 'reserved', 'deducted', 'committed', 'deducted', 'deducted'],
      'expired',
      'balance_exhausted',
      'plugin_status_changed',
    ]);
  });
});

test('the magnitude of an amount is its count of binary digits, and none for what is not positive', () => {
  for (let digits = 0; digits < 53; digits++) {
    const power = 2 ** digits;
    expect([magnitudeOf(power - 1), magnitudeOf(power), magnitudeOf(power * 2 - 1)]).toEqual([
      digits,
      digits + 1,
      digits + 1,
    ]);
  }
  for (const none of [0, -1, -UNITS_MAX]) expect(magnitudeOf(none)).toBe(0);
});
