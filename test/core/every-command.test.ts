/** Each command and each type of entry is known everywhere: a new one is found until it is. */
import { describe, expect, test } from 'vitest';
import type { Command, CommandOf, InboxMessage } from '../../src/core/command.js';
import { PLAIN_TERMS } from '../../src/core/grants.js';
import { createCreditManagement } from '../../src/index.js';
import type { EntryRow, EntryType } from '../../src/models/entry.js';
import { quietTypes, transactionTypes } from '../../src/models/enums.js';
import type { PlanRow } from '../../src/models/plan.js';
import { planSchema } from '../../src/models/plan.js';
import type { PromoRow } from '../../src/models/promo.js';
import { promoSchema, UNCLAIMED } from '../../src/models/promo.js';
import type { TopUpSettings } from '../../src/models/top-up.js';
import type { Operation } from '../../src/services/pipeline/operation.js';
import { sameInput } from '../../src/services/pipeline/same-input.js';
import { sampleOf } from '../models/changed-fields.js';
import { sourceFiles } from '../package/source-files.js';
import { commitOf, expectRebuilt, Ledger } from './ledger.js';

const DAY_MS = 24 * 3600 * 1000;
const OPTIONS = { overdraftLimit: 5, lowCreditThreshold: '20%', metadata: { a: 1 } } as const;
const subscribe: CommandOf<'subscribe'> = {
  ...{ type: 'subscribe', planId: 'p', subscriptionId: 's', autoRenew: true, allocate: true, upgrade: false },
  ...{ when: 'now', proration: 'none', credit: 'deduct' },
};
const cycle = { type: 'start_cycle', cycleId: 'c', amount: 5, days: 1, recurring: true } as const;

const NAMES = { reference: 'p', providerLinkId: null, providerPaymentId: 'pay_1', userId: null };
const PAID: InboxMessage = {
  ...{ id: 'x/1', direction: 'inbound', provider: 'x', type: 'paid', status: 'waiting', reason: null, paymentId: null },
  ...{ ...NAMES, httpStatus: null, payload: {}, createdAt: new Date(0), processedAt: null },
  event: {
    ...{ eventId: '1', type: 'paid', kind: 'paid', occurredAt: 0, ...NAMES, providerOrderId: null, asked: null },
    ...{
      paid: { amountMinor: 5, currency: 'INR' },
      arrived: null,
      subscription: null,
      refund: null,
      dispute: null,
      method: null,
    },
    reason: null,
  },
};

const TOP_UP: TopUpSettings = {
  ...{ threshold: 5, provider: 'x', customerId: null, customerEmail: null, customerPhone: null, pack: null },
  ...{ amountMinor: 5, currency: 'INR', creditsToAdd: 5, target: null, rate: null, coolDownMs: 1, offAfter: 1 },
  ...{ terms: { priority: 50, validityDays: null }, maxCount: 1, maxAmountMinor: 5, windowDays: 1 },
};

/** One command of each type, after what has to be there before it. */
const COMMANDS: { readonly [T in Command['type']]: (ledger: Ledger) => CommandOf<T> } = {
  add: () => ({ type: 'add', amount: 5, terms: { ...PLAIN_TERMS, source: 'purchase', reference: 'r' } }),
  deduct: (ledger) => {
    ledger.limits = { ...ledger.limits, lateUsageMs: 9 };
    ledger.add(5, { expiresAt: ledger.now + 5, source: 'promo' });
    ledger.now += 6;
    const from = { sources: ['promo'] } as const;
    return { type: 'deduct', amount: 5, afterService: false, from, occurredAt: ledger.now - 2 };
  },
  adjust: () => ({ type: 'adjust', delta: -5 }),
  reserve: () => ({ type: 'reserve', amount: 5, ttlMs: 9, planId: null, reservationId: 'r' }),
  commit: (ledger) => commitOf(ledger.hold(5)),
  release: (ledger) => ({ type: 'release', reservationId: ledger.hold(5), fingerprint: 'f' }),
  extend: (ledger) => ({ type: 'extend', reservationId: ledger.hold(5), ttlMs: 5_000 }),
  reverse: (ledger) => ({ type: 'reverse', original: ledger.spend(5), amount: null }),
  void_grant: (ledger) => {
    const { id, grantId } = ledger.add(9);
    return { type: 'void_grant', grantId: grantId as string, madeBy: id, amount: 5 };
  },
  update_grant: (ledger) => {
    const { grantId } = ledger.add(9);
    return { type: 'update_grant', grantId: grantId as string, terms: { expiresAt: ledger.now + 9, priority: 1 } };
  },
  claw_back: (ledger) => ({
    ...{ type: 'claw_back', amount: 5, reference: 'r' },
    grantIds: [ledger.add(9).grantId as string],
  }),
  transfer: () => ({ type: 'transfer', amount: 5 }),
  expire: (ledger) => {
    ledger.add(5, { expiresAt: ledger.now + 5 });
    ledger.add(5, { effectiveAt: ledger.now + 5 });
    ledger.hold(5, 5);
    ledger.now += 5;
    return { type: 'expire', asOf: null };
  },
  create_account: () => ({ type: 'create_account', options: OPTIONS, trialCredits: 5, fingerprint: 'f' }),
  update_account: () => ({ type: 'update_account', options: OPTIONS }),
  subscribe: (ledger) => {
    const plan = { ...sampleOf(planSchema), id: 'p', creditType: 'credits', creditLimit: 5, alsoGrants: [] };
    const periods = { billingPeriod: 'daily', timeZone: null, trialDays: 0, validityDays: null, rolloverCap: 2 };
    Object.assign(plan, { creditDecimals: null });
    ledger.side.set('plan/p', { ...plan, ...periods, isActive: true } as unknown as PlanRow);
    return subscribe;
  },
  pay_period: (ledger) => {
    const command = COMMANDS.subscribe(ledger);
    const plan = ledger.side.get('plan/p') as PlanRow;
    ledger.side.set('plan/p', { ...plan, renewOn: 'payment', graceDays: 3 });
    ledger.apply(command);
    ledger.now += DAY_MS;
    return { type: 'pay_period', paymentId: 'pay', periodStart: null };
  },
  renew: (ledger) => {
    ledger.apply(COMMANDS.subscribe(ledger));
    ledger.now += DAY_MS;
    return { type: 'renew', subscriptionId: 's' };
  },
  change_subscription: (ledger) => {
    ledger.apply(COMMANDS.subscribe(ledger));
    return { type: 'change_subscription', to: 'paused', freezeCredits: true };
  },
  start_cycle: () => cycle,
  stop_cycle: (ledger) => {
    ledger.apply(cycle);
    return { type: 'stop_cycle', cycleId: 'c' };
  },
  renew_cycle: (ledger) => {
    ledger.apply(cycle);
    ledger.now += DAY_MS;
    return { type: 'renew_cycle', cycleId: 'c' };
  },
  claim_promo: (ledger) => {
    const open = { maxUses: null, validFrom: new Date(0), validUntil: null, targetType: 'all_users', ...UNCLAIMED };
    const refers = { validityDays: 3, referrerId: 'v', referrerCredits: 5 };
    const promo = { ...sampleOf(promoSchema), code: 'A', creditType: 'credits', isActive: true, ...open, ...refers };
    ledger.side.set('promo/A', promo as unknown as PromoRow);
    return { type: 'claim_promo', code: 'A', creditType: 'credits' };
  },
  change_payment: (ledger) => {
    const sold = { provider: 'x', amountMinor: 5, currency: 'INR', creditsToAdd: 5, pack: null, paidAs: null };
    const terms = {
      terms: { priority: 50, validityDays: 1 },
      callbackUrl: null,
      customerEmail: null,
      customerPhone: null,
    };
    const command = { type: 'change_payment', paymentId: 'p', messages: [], sent: [] } as const;
    ledger.apply({ ...command, opened: { ...sold, ...terms } });
    return { ...command, messages: [PAID] };
  },
  bill_subscription: (ledger) => {
    COMMANDS.subscribe(ledger);
    const [periodStart, periodEnd] = [ledger.now, ledger.now + DAY_MS];
    const of = { id: 'sub', customerId: 'cus', priceIds: ['price'], invoiceId: 'in', cancelsAtPeriodEnd: false };
    const event = { ...PAID.event, kind: 'invoice_paid', subscription: { ...of, periodStart, periodEnd } } as const;
    const message = { ...PAID, event };
    return { type: 'bill_subscription', id: 'x/subscription/sub', customerId: null, planId: 'p', message };
  },
  change_top_up: () => ({ type: 'change_top_up', settings: TOP_UP, seed: 's' }),
};

const OF_TWO: ReadonlySet<Command['type']> = new Set(['transfer', 'claim_promo']);

function run(type: Command['type']): { ledger: Ledger; command: Command; entry: EntryRow } {
  const ledger = new Ledger();
  ledger.add(100);
  const command = COMMANDS[type](ledger);
  return { ledger, command, entry: ledger.apply(command, OF_TWO.has(type) ? ['u', 'v'] : ['u']) };
}

const types = Object.keys(COMMANDS) as Command['type'][];

describe.each(types)('the command %s', (type) => {
  test('leaves accounts that its entries rebuild', () => {
    const { ledger } = run(type);
    for (const [userId, account] of ledger.accounts) {
      const entries = ledger.entries.filter((entry) => entry.userId === userId);
      expectRebuilt(entries, account, 'src/core/replay.ts');
    }
  });

  test('is found again by its entry when the answer to its commit was lost', () => {
    const { ledger, command, entry } = run(type);
    const { operation, operationId, description, actor, reason, metadata } = entry;
    const call = { operation, operationId, description, actor, reason, metadata };
    const accounts = ['u', 'v'].map((userId) => ledger.account(userId));
    const where = 'src/services/pipeline/same-input.ts';
    expect(sameInput({ call, command, accounts } as unknown as Operation, entry), where).toBe(true);
  });
});

test('a payment that is recorded together with its refund is found again by what was asked for', () => {
  const ledger = new Ledger();
  const sold = { provider: 'x', amountMinor: 5, currency: 'INR', creditsToAdd: 5, pack: null, paidAs: 'pay_1' };
  const plain = { callbackUrl: null, customerEmail: null, customerPhone: null };
  const opened = { ...sold, ...plain, terms: { priority: 50, validityDays: null } };
  const refund = { id: 're_1', status: 'done', amountMinor: 2, currency: 'INR' } as const;
  const event = { ...PAID.event, kind: 'refunded', paid: null, refund } as const;
  const command = { type: 'change_payment', paymentId: 'p', sent: [] } as const;
  const entry = ledger.apply({ ...command, opened, messages: [{ ...PAID, event }] });
  expect(ledger.entries.map(({ type }) => type)).toEqual(['add', 'claw_back']);
  const { operation, operationId, description, actor, reason, metadata } = entry;
  const call = { operation, operationId, description, actor, reason, metadata };
  const again = { ...command, paymentId: 'another', messages: [], opened };
  const isFound = (asked: typeof opened) =>
    sameInput(
      { call, command: { ...again, opened: asked }, accounts: [ledger.account('u')] } as unknown as Operation,
      entry,
    );
  expect([isFound(opened), isFound({ ...opened, amountMinor: 6 })]).toEqual([true, false]);
});

describe('every type of entry', () => {
  const written = new Map<EntryType, Set<boolean>>();
  for (const type of types) {
    for (const entry of run(type).ledger.entries) {
      written.set(entry.type, (written.get(entry.type) ?? new Set()).add(entry.delta !== 0));
    }
  }

  test('of an account is written by one of these commands', () => {
    expect([...written.keys()].sort()).toEqual([...transactionTypes].sort());
  });

  test('that never moves a balance is left out of histories, in src/models/enums.ts', () => {
    const quiet = [...written].filter(([, moves]) => !moves.has(true)).map(([type]) => type);
    expect(quiet.sort()).toEqual([...quietTypes].sort());
  });
});

/** Calls that the random histories of test/model leave out. */
const NOT_RANDOM = {
  deleteSubscriptionPlan: 'a plan in use is refused; test/plans has it',
  changeUserSubscriptionPlan: 'is upgradeUserSubscriptionPlan by another name',
  definePlans: 'writes no account; test/plans/define.test.ts has it',
  definePromos: 'writes no account; test/plans/define.test.ts has it',
  updatePromo: 'test/promos has it',
  togglePromo: 'test/promos has it',
  withCredits: 'holds and commits by the calls that are there',
  openMeter: 'holds and commits by the calls that are there',
};
const READS = /^(get|list|can|check|preview|explain)/;

test('every call that changes something is among the random calls of test/model', () => {
  const { credits, subscriptions, promos } = createCreditManagement();
  const verbs = [credits, subscriptions, promos].flatMap((service) => Object.keys(service));
  const model = [...sourceFiles('test/model').values()].join('\n');
  const left = verbs.filter((verb) => !READS.test(verb) && !new RegExp(`\\.${verb}\\b`).test(model));
  expect(verbs.length).toBeGreaterThan(50);
  expect(left.sort()).toEqual(Object.keys(NOT_RANDOM).sort());
});
