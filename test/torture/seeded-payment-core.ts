/** Seeded bugs of payments themselves: the inbox, the grant, refunds and disputes, the audit. */
import type { SeededBug } from './seeded-bug.js';

const PAYMENTS = 'test/payments/payments.test.ts';
const EDGES = 'test/payments/edges.test.ts';
const COMMAND = 'src/core/payment.ts';
const STATE = 'src/core/payment-state.ts';

const inMemory = (name: string) => ({ file: PAYMENTS, name: `payments, in memory ${name}` });
const atTheEdge = (name: string) => ({ file: EDGES, name: `payments at the edge, in memory ${name}` });

export const PAYMENT_CORE_BUGS: readonly SeededBug[] = [
  {
    id: 'SB-05',
    title: 'an event is marked as applied before its credits are there',
    file: 'src/services/payments/inbox.ts',
    find: '    const options = { correlationId: payment.id, ...rest() };',
    replace: `    await this.payments.write({ ...row, status: 'applied', processedAt: this.payments.now() }, fresh);
    const options = { correlationId: payment.id, ...rest() };`,
    tests: [inMemory('a paid link grants its credits once, however often it is told')],
  },
  {
    id: 'SB-06',
    title: 'a payment counts as credited although the account took no credits',
    file: COMMAND,
    find: `    const refusal = addGrant(draft, payment.creditsToAdd, terms);
    if (refusal) return refusal;`,
    replace: '    addGrant(draft, payment.creditsToAdd, terms);',
    tests: [atTheEdge('paid credits that do not fit the account wait until there is room')],
  },
  {
    id: 'SB-21',
    title: 'an event that differs from its payment is only noted',
    file: COMMAND,
    find: '  if (mismatch !== null) {\n    payment.mismatch =',
    replace: "  if (mismatch === '') {\n    payment.mismatch =",
    tests: [inMemory('events that differ from their payment change nothing, and are kept with the reason')],
  },
  {
    id: 'SB-22',
    title: 'a part of the money grants everything',
    file: STATE,
    find: 'return paidMinor >= amountMinor;',
    replace: 'return paidMinor > 0 || amountMinor === 0;',
    tests: [inMemory('a part grants nothing; the whole grants everything, also after the link expired')],
  },
  {
    id: 'SB-23',
    title: 'refunds together take back more than was granted',
    file: STATE,
    find: 'BigInt(Math.min(taken, payment.amountMinor))',
    replace: 'BigInt(taken)',
    tests: [inMemory('refunds take back their part, never more than was granted; spent credits become debt')],
  },
  {
    id: 'SM-pay1',
    title: 'the refund of a second payment of one link takes back the credits of the first',
    file: STATE,
    find: 'return providerPaymentId === null || providerPaymentIds.includes(providerPaymentId);',
    replace: 'return providerPaymentId === null || providerPaymentIds.length > 0;',
    tests: [inMemory('events that differ from their payment change nothing, and are kept with the reason')],
  },
  {
    id: 'SM-pay2',
    title: 'the status of a refund goes back when an older event comes late',
    file: STATE,
    find: 'known && order.indexOf(known.status) > order.indexOf(told.status) ? known.status : told.status',
    replace: 'order.includes(told.status) ? told.status : (known?.status ?? told.status)',
    tests: [inMemory('a refund that fails and a dispute that is won give the credits back')],
  },
  {
    id: 'SM-pay3',
    title: 'a dispute that is won gives nothing back',
    file: COMMAND,
    find: 'if (due < before) return giveBack(draft, payment, Math.min(payment.creditsTakenBack, before - due));',
    replace: 'if (due < before) return payment.id === "" ? giveBack(draft, payment, 0) : null;',
    tests: [inMemory('a refund that fails and a dispute that is won give the credits back')],
  },
  {
    id: 'SM-pay4',
    title: 'credits that lapsed are taken back a second time',
    file: COMMAND,
    find: '    sum += grant?.expired ?? 0;',
    replace: '    sum += (grant?.expired ?? 0) * 0;',
    tests: [atTheEdge('credits of a pack that have lapsed count as taken back')],
  },
  {
    id: 'SM-pay5',
    title: 'credits that were taken back by hand are taken once more by the refund',
    file: COMMAND,
    find: '  for (const { amount } of reversals) sum += amount;',
    replace: '  for (const { amount } of reversals) sum += amount * 0;',
    tests: [atTheEdge('credits that were taken back by hand are not taken once more by the refund')],
  },
  {
    id: 'SM-pay6',
    title: 'a repeated request for a link conflicts with its own log for ever',
    file: COMMAND,
    find: 'const unlogged = sent.filter((_, i) => logged[i] === null);',
    replace: 'const unlogged = sent.filter((_, i) => logged[i] !== undefined);',
    tests: [atTheEdge('a link that was made twice at once is logged once')],
  },
  {
    id: 'SM-pay7',
    title: 'a payment of anybody is shown to everybody',
    file: 'src/services/payments/service.ts',
    find: 'row && (owner === null || row.userId === owner)',
    replace: "row && (owner === null || owner !== '')",
    tests: [inMemory('history has pages, a total, and nothing of others')],
  },
  {
    id: 'SM-pay8',
    title: 'a key of a refund is not remembered with its amount',
    file: 'src/services/payments/refunds.ts',
    find: 'if (asked === null || asked === amountMinor) return amountMinor;',
    replace: 'if (asked !== 0) return amountMinor;',
    tests: [inMemory('the host refunds through the provider, once for a key')],
  },
  {
    id: 'SM-pay9',
    title: 'verify does not look at the rows of payments',
    file: 'src/services/ledger/side-rows.ts',
    find: '    const payments = [...this.#payments].map(([id, told]) => paymentOf(id, told));',
    replace:
      '    const payments: ExpectedRow[] = [...this.#payments].slice(0, 0).map(([id, told]) => paymentOf(id, told));',
    tests: [
      {
        file: EDGES,
        name: 'verify names a payment whose row was changed, taken away, or made beside the library',
      },
    ],
  },
  {
    id: 'SM-pay10',
    title: 'the reference of a payment can be guessed',
    file: 'src/services/payments/links.ts',
    find: "randomBytes(16).toString('hex')",
    replace: "randomBytes(4).toString('hex')",
    tests: [inMemory('a paid link grants its credits once, however often it is told')],
  },
];
