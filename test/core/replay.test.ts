import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Account } from '../../src/core/account.js';
import { dueDraft } from '../../src/core/advance.js';
import { fingerprintOf, sha256 } from '../../src/core/canonical-json.js';
import type { Command } from '../../src/core/command.js';
import { nextDue } from '../../src/core/draft.js';
import { entryBody } from '../../src/core/entry-line.js';
import { PLAIN_TERMS } from '../../src/core/grants.js';
import { replay } from '../../src/core/replay.js';
import { accountFromRow, accountToRow } from '../../src/core/rows.js';
import { commitOf, expectRebuilt, Ledger } from './ledger.js';

const small = fc.integer({ min: 1, max: 40 });
const step = fc.record({
  kind: fc.constantFrom(
    'add',
    'later',
    'deduct',
    'owe',
    'adjust',
    'reserve',
    'commit',
    'release',
    'extend',
    'reverse',
    'transfer',
    'expire',
    'claw',
    'options',
  ),
  amount: small,
  pick: fc.nat(50),
  wait: fc.constantFrom(0, 0, 1, 7, 30),
  flag: fc.boolean(),
  overage: fc.constantFrom('reject', 'charge', 'overdraft'),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function commandOf(ledger: Ledger, { kind, amount, pick, flag, overage }: Step, calls: number): Command | null {
  const { now } = ledger;
  const holds = [...ledger.reservations.keys()];
  const reservationId = holds[pick % Math.max(1, holds.length)] ?? 'none';
  const terms = { ...PLAIN_TERMS, priority: pick, ...(flag && { expiresAt: now + 20 + pick }) };
  switch (kind) {
    case 'add':
      return { type: 'add', amount, terms };
    case 'later':
      return { type: 'add', amount, terms: { ...terms, effectiveAt: now + (pick % 20) } };
    case 'deduct':
    case 'owe':
      return { type: 'deduct', amount, afterService: kind === 'owe' };
    case 'adjust':
      return { type: 'adjust', delta: flag ? amount : -amount };
    case 'reserve':
      return { type: 'reserve', amount, ttlMs: 1 + pick, planId: null, reservationId: `r-op${calls + 1}` };
    case 'commit': {
      const ifExpired = flag ? overage : 'reject';
      return commitOf(reservationId, { amount: pick % 5 ? amount : null, final: flag, overage, ifExpired });
    }
    case 'release':
      return { type: 'release', reservationId, fingerprint: 'f' };
    case 'extend':
      return { type: 'extend', reservationId, ttlMs: pick };
    case 'reverse': {
      const original = ledger.entries[pick % Math.max(1, ledger.entries.length)];
      return original?.userId === 'u' ? { type: 'reverse', original, amount: flag ? null : amount } : null;
    }
    case 'transfer':
      return { type: 'transfer', amount };
    case 'expire':
      return { type: 'expire', asOf: null };
    case 'claw':
      return { type: 'claw_back', amount, grantIds: [...ledger.grants.keys()].slice(0, 2), reference: 'p' };
    case 'options':
      return { type: 'update_account', options: { overdraftLimit: flag ? amount * 3 : 'unlimited' } };
    default:
      return kind satisfies never;
  }
}

function checkParts(account: Account): void {
  let balance = 0 - account.debt;
  let held = 0;
  for (const grant of account.grants) {
    expect(Math.min(grant.remaining, grant.held, grant.expired, grant.revoked, grant.amount)).toBeGreaterThanOrEqual(0);
    expect(grant.held).toBeLessThanOrEqual(grant.remaining);
    if (grant.effectiveAt <= account.at) balance += grant.remaining;
    held += grant.held;
    const onHold = account.holds.flatMap((hold) => hold.draws.filter((draw) => draw.grantId === grant.id));
    expect(onHold.reduce((sum, draw) => sum + draw.amount, 0)).toBe(grant.held);
  }
  expect([balance, held]).toEqual([account.balance, account.reserved]);
}

/** Time brings the same, whether the due instant is exact or one that a hold has left. */
function checkDue(ledger: Ledger, account: Account): void {
  const exact = { ...account, dueAt: nextDue(account) };
  expect(account.dueAt ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(exact.dueAt ?? Number.POSITIVE_INFINITY);
  for (const wait of [0, 1, 3, 10, 100]) {
    const [found, wanted] = [account, exact].map((one) => dueDraft(one, account.at + wait, ledger.context()));
    expect(found?.entries).toEqual(wanted?.entries);
    expect({ ...found?.account, dueAt: nextDue(found?.account as Account) }).toEqual(wanted?.account);
  }
}

describe('the entries of an account', () => {
  test('rebuild it exactly, and chain: every step of random histories', () => {
    let applied = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), (steps) => {
        const ledger = new Ledger();
        ledger.defaults = { ...ledger.defaults, trialCredits: 10 };
        let calls = 0;
        for (const one of steps) {
          ledger.now += one.wait;
          const command = commandOf(ledger, one, calls);
          if (!command) continue;
          calls++;
          if (ledger.run(command, command.type === 'transfer' ? ['u', 'v'] : ['u']).kind === 'applied') applied++;
        }
        for (const [userId, account] of ledger.accounts) {
          const entries = ledger.entries.filter((entry) => entry.userId === userId);
          expectRebuilt(entries, account);
          expect(accountFromRow(accountToRow(account, 1))).toEqual(account);
          checkParts(account);
          checkDue(ledger, account);
          let prev: string | null = null;
          for (const [i, entry] of entries.entries()) {
            expect([entry.seq, entry.prev]).toEqual([i + 1, prev]);
            expect(entry.hash).toBe(sha256(entryBody(entry, 'ledger')));
            prev = entry.hash;
          }
        }
      }),
      { numRuns: 600 },
    );
    expect(applied).toBeGreaterThan(5_000);
  });

  test('of no entry there is an empty account', () => {
    expect(replay([])).toMatchObject({ seq: 0, balance: 0, grants: [] });
  });

  test('options and creation are in them too', () => {
    const ledger = new Ledger();
    const options = { overdraftLimit: 5, lowCreditThreshold: '20%', metadata: { a: 1 } } as const;
    ledger.apply({ type: 'create_account', options, trialCredits: 10, fingerprint: 'f' });
    expect(replay(ledger.entries)).toEqual(ledger.account());
  });
});

describe('canonical bytes', () => {
  test('do not depend on the order in which keys were given', () => {
    const ledger = new Ledger();
    const entry = ledger.apply({ type: 'deduct', amount: 1, afterService: true }, ['u'], {
      metadata: { b: [{ d: 1, c: null }], a: 'x' },
    });
    const shuffled = { ...entry, metadata: { a: 'x', b: [{ c: null, d: 1 }] } };
    expect(entryBody(shuffled, 'l')).toBe(entryBody(entry, 'l'));
    expect(fingerprintOf({ b: 1, a: [2] })).toBe(fingerprintOf({ a: [2], b: 1 }));
    expect(fingerprintOf({ a: [1, 2] })).not.toBe(fingerprintOf({ a: [2, 1] }));
  });

  test('change with every field', () => {
    const ledger = new Ledger();
    const entry = ledger.add(10);
    for (const [field, value] of Object.entries(entry)) {
      if (['version', 'hash', 'account', 'scopedKey'].includes(field)) continue;
      const other =
        value instanceof Date
          ? new Date(9)
          : typeof value === 'number'
            ? value + 1
            : Array.isArray(value)
              ? [{ grantId: 'x', amount: 1 }]
              : typeof value === 'object' && value !== null
                ? { x: 1 }
                : `${value}x`;
      expect([field, entryBody({ ...entry, [field]: other }, 'l') === entryBody(entry, 'l')]).toEqual([field, false]);
    }
  });
});
