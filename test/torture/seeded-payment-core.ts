/** Seeded bugs of payments themselves: the inbox, the grant, refunds and disputes, the audit. */
import type { SeededBug } from './seeded-bug.js';

const PAYMENTS = 'test/payments/payments.test.ts';
const EDGES = 'test/payments/edges.test.ts';
const COMMAND = 'src/core/payment.ts';
const RETURNS = 'src/core/payment-returns.ts';
const STATE = 'src/core/payment-state.ts';

const inMemory = (name: string) => ({ file: PAYMENTS, name: `payments, in memory ${name}` });
const BESIDE = 'test/payments/beside.test.ts';
const beside = (name: string) => ({ file: BESIDE, name: `payments beside all else, in memory ${name}` });
const atTheEdge = (name: string) => ({ file: EDGES, name: `payments at the edge, in memory ${name}` });

export const PAYMENT_CORE_BUGS: readonly SeededBug[] = [
  {
    id: 'SB-05',
    title: 'an event is marked as applied before its credits are there',
    file: 'src/services/payments/inbox.ts',
    find: '    const options = { correlationId: payment.id, ...metadataOf(message), ...rest() };',
    replace: `    await this.payments.write({ ...row, status: 'applied', processedAt: this.payments.now() }, fresh);
    const options = { correlationId: payment.id, ...metadataOf(message), ...rest() };`,
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
    find: 'BigInt(Math.min(Math.max(0, calledBack(payment)), payment.amountMinor))',
    replace: 'BigInt(Math.max(0, calledBack(payment)))',
    tests: [inMemory('refunds take back their part, never more than was granted; spent credits become debt')],
  },
  {
    id: 'SM-pay1',
    title: 'the refund of a second payment of one link takes back the credits of the first',
    file: STATE,
    find: 'return Math.max(0, Math.max(unnamed, arrived) - amountMinor);',
    replace: 'return Math.min(0, Math.max(unnamed, arrived) - amountMinor);',
    tests: [atTheEdge('of two payments of one link, either may go back: the credits stay')],
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
    find: 'if (due < before) return giveBack(draft, payment, due);',
    replace: 'if (due < before) return giveBack(draft, payment, before);',
    tests: [inMemory('a refund that fails and a dispute that is won give the credits back')],
  },
  {
    id: 'SM-pay4',
    title: 'credits that lapsed are taken back a second time',
    file: 'src/core/payment-credits.ts',
    find: '    sum += grant?.expired ?? 0;',
    replace: '    sum += (grant?.expired ?? 0) * 0;',
    tests: [atTheEdge('credits of a pack that have lapsed count as taken back')],
  },
  {
    id: 'SM-pay5',
    title: 'credits that were taken back by hand are taken once more by the refund',
    file: 'src/core/payment-credits.ts',
    find: '    for (const { amount } of reversals) sum += amount;',
    replace: '    for (const { amount } of reversals) sum += amount * 0;',
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
    find: 'if (asked === before) return parts;',
    replace: 'if (asked === before || before !== 0) return parts;',
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
  {
    id: 'SM-pay11',
    title: 'credits that a dispute took of other grants come back on other terms',
    file: RETURNS,
    find: "{ debt, draws: last, how: 'revoke' }",
    replace: "{ debt, draws: last.slice(0, 0), how: 'revoke' }",
    tests: [atTheEdge('credits given back have the terms of the grants that they were taken from')],
  },
  {
    id: 'SM-pay12',
    title: 'credits that were given back and taken by hand are taken a third time',
    file: RETURNS,
    find: 'payment.grantedBy = [...payment.grantedBy, draft.baseId];',
    replace: 'payment.grantedBy = [...payment.grantedBy];',
    tests: [atTheEdge('credits given back, and then taken back by hand, are not taken once more by a refund')],
  },
  {
    id: 'SM-pay13',
    title: 'a repeated key asks the provider again, which may have forgotten it',
    file: 'src/services/payments/refunds.ts',
    find: "if (await payments.reads.get('payment_message', answerId, reading())) return;",
    replace: "if ((await payments.reads.get('payment_message', answerId, reading()))?.status === 'failed') return;",
    tests: [atTheEdge('a key gives money back once, also after the provider has forgotten it')],
  },
  {
    id: 'SM-pay14',
    title: 'a refund is asked for once more after a time in which nobody knows what became of it',
    file: 'src/services/payments/refunds.ts',
    find: '> REMEMBERED_MS) {',
    replace: '> REMEMBERED_MS * 100) {',
    tests: [atTheEdge('a key gives money back once, also after the provider has forgotten it')],
  },
  {
    id: 'SM-pay15',
    title: 'the messages that keep a key from refunding twice are deleted with the others',
    file: 'src/services/payments/reconcile.ts',
    find: '!REFUNDS.has(row.type)',
    replace: '!REFUNDS.has(row.type.toUpperCase())',
    tests: [atTheEdge('a key gives money back once, also after the provider has forgotten it')],
  },
  {
    id: 'SM-pay16',
    title: 'a payment of two parts is refunded by the first alone',
    file: STATE,
    find: 'return [...surplus.sort(), ...providerPaymentIds]',
    replace: 'return [...surplus.sort(), ...providerPaymentIds.slice(0, 1)]',
    tests: [atTheEdge('a payment of two parts is refunded by both')],
  },
  {
    id: 'SM-pay17',
    title: 'a dispute that is won gives back what it never took',
    file: 'src/core/payment-credits.ts',
    find: 'const taken = Math.max(least, Math.min(above.taken, due - (above.due - above.taken)));',
    replace: 'const taken = Math.max(0, Math.min(least, above.taken - (above.due - due)));',
    tests: [beside('a dispute that was opened and won leaves the balance as it was, after credits were taken by hand')],
  },
  {
    id: 'SM-pay18',
    title: 'credits that lapse when their hold ends leave the debt of their own refund',
    file: 'src/core/holds.ts',
    find: 'repayDebt(draft, next.draws, lapsed)',
    replace: 'repayDebt(draft, next.draws, lapsed.slice(0, 0))',
    tests: [beside('credits that lapse when their hold ends, after the refund took them, are not taken twice')],
  },
  {
    id: 'SM-pay19',
    title: 'an attempt teaches names that its payer wrote',
    file: STATE,
    find: "if (bringsMoney(event) || kind === 'expired' || kind === 'cancelled') {",
    replace: "if (bringsMoney(event) || kind !== 'expired') {",
    tests: [
      {
        file: 'test/payments/trust.test.ts',
        name: 'our reference in notes that the payer wrote leads no money of others to us',
      },
    ],
  },
  {
    id: 'SM-pay20',
    title: 'of two refunds in one event only the first counts',
    file: 'src/services/payments/service.ts',
    find: "events.length > 1 ? partOf(event, i) : ''",
    replace: "events.length > 9 ? partOf(event, i) : ''",
    tests: [
      {
        file: 'test/payments/trust.test.ts',
        name: 'a charge.refunded of Stripe that names two refunds takes back both',
      },
    ],
  },
  {
    id: 'SM-pay21',
    title: 'currencies have the decimals that they are written with today',
    file: 'src/core/money.ts',
    find: "'GNF', 'ISK',",
    replace: "'GNF', 'HUF', 'IDR', 'ISK',",
    tests: [
      {
        file: 'test/payments/trust.test.ts',
        name: 'Stripe is asked for the money that the credits are sold for: 5,000 HUF',
      },
    ],
  },
  {
    id: 'SM-pay22',
    title: 'another key asks for money that is asked for already',
    file: 'src/services/payments/refunds.ts',
    find: 'withoutParts(refundable(row), await this.#unanswered(row, call))',
    replace: 'withoutParts(refundable(row), (await this.#unanswered(row, call)).slice(0, 0))',
    tests: [beside('a refund of all that is left leaves out what another key has asked for')],
  },
];
