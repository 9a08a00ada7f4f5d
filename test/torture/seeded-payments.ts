/** Seeded bugs of the payment providers: whom they believe, and what they make of an event. */
import type { SeededBug } from './seeded-bug.js';

const SIGNATURES = 'test/payments/signatures.test.ts';
const UNCLAIMED = 'test/payments/unclaimed.test.ts';
const STAYS = 'in memory they go after their days; money that waits for room on its account stays';
const SAMPLES = 'test/payments/samples.test.ts';
const SDK = 'test/payments/sdk-requests.test.ts';
const OPTIONS = 'test/payments/options.test.ts';

export const PAYMENT_BUGS: readonly SeededBug[] = [
  {
    id: 'SB-19',
    title: 'the signature of a webhook is taken over JSON that was written anew',
    file: 'src/payments/razorpay.ts',
    find: 'const digests = secrets.map((secret) => digestOf(secret, rawBody));',
    replace: `const anew = JSON.stringify(signedObject(rawBody, NAME));
      const digests = secrets.map((secret) => digestOf(secret, anew));`,
    tests: [{ file: SIGNATURES, name: "Razorpay's helper and ours agree on a body pretty-printed" }],
  },
  {
    id: 'SB-19b',
    title: 'a webhook of the future is believed: the tolerance looks backwards only',
    file: 'src/payments/stripe-signature.ts',
    find: 'return Math.abs(Math.floor(now.getTime() / 1000) - Number(time)) <= toleranceSeconds;',
    replace: 'return Math.floor(now.getTime() / 1000) - Number(time) <= toleranceSeconds;',
    tests: [{ file: SIGNATURES, name: "Stripe's helper and ours a clock that is 301 seconds away" }],
  },
  {
    id: 'SB-19c',
    title: 'only the first of several secrets is tried',
    file: 'src/payments/signature.ts',
    find: 'for (const digest of digests) found',
    replace: 'for (const digest of digests.slice(0, 1)) found',
    tests: [{ file: SIGNATURES, name: 'a secret that is replaced the old one beside the new one' }],
  },
  {
    id: 'SB-19d',
    title: 'a signature of another length reaches the comparison, which throws',
    file: 'src/payments/signature.ts',
    find: '    if (!/^[0-9a-f]{64}$/.test(text)) continue;\n',
    replace: '',
    tests: [{ file: SIGNATURES, name: 'nothing is believed by the signature of Razorpay: one that is too short' }],
  },
  {
    id: 'SB-20',
    title: 'a provider is made without the secret of its webhooks',
    file: 'src/payments/options.ts',
    find: "    if (typeof secret !== 'string' || secret === '') throw wrongOption(where, 'webhookSecret is missing');",
    replace: "    if (typeof secret !== 'string') return '';",
    tests: [{ file: OPTIONS, name: 'razorpayProvider webhookSecret: undefined' }],
  },
  {
    id: 'SB-21b',
    title: 'amounts of currencies that Stripe counts otherwise are sent as they are',
    file: 'src/payments/stripe-money.ts',
    find: 'const amount = (amountMinor * (UNITS_IN_ONE.get(currency) ?? 1)) / (ONE_OF_UNITS.get(currency) ?? 1);',
    replace: 'const amount = currency === currency.toUpperCase() ? amountMinor : Number.NaN;',
    tests: [{ file: SDK, name: 'Stripe a session of Checkout, in ISK' }],
  },
  {
    id: 'SB-21c',
    title: 'an event of the test mode counts beside a live key',
    file: 'src/payments/stripe-events.ts',
    find: "if (livemode !== null && at(event, 'livemode') !== livemode) {",
    replace: "if (livemode === false && at(event, 'livemode') === true) {",
    tests: [{ file: SAMPLES, name: 'Stripe an event of the other mode is ignored' }],
  },
  {
    id: 'SB-21d',
    title: 'the reference on the address of a payment link is believed, which anybody can write',
    file: 'src/payments/stripe-events.ts',
    find: "const client = idAt(session, 'payment_link') === null ? textAt(session, 'client_reference_id') : null;",
    replace: "const client = textAt(session, 'client_reference_id');",
    tests: [
      { file: SAMPLES, name: 'Stripe a session of a link to another product, with our reference on its address' },
    ],
  },
  {
    id: 'SB-22b',
    title: 'a link that is called paid is paid in full, whatever has arrived',
    file: 'src/payments/razorpay-events.ts',
    find: "kind: paid.amountMinor < asked.amountMinor ? 'partially_paid' : kind, asked,",
    replace: 'kind, asked,',
    tests: [{ file: SAMPLES, name: 'Razorpay payment_link.paid, with less than asked' }],
  },
  {
    id: 'SB-22c',
    title: 'a session of Checkout that is complete counts as paid while the money is on its way',
    file: 'src/payments/stripe-events.ts',
    find: "  if (at(session, 'payment_status') === 'unpaid') return { kind: 'authorized', ...known };\n",
    replace: '',
    tests: [{ file: SAMPLES, name: 'Stripe a session that is complete and unpaid' }],
  },
  {
    id: 'SB-23b',
    title: 'a charge that was refunded is a refund under the id of the charge, at every event anew',
    file: 'src/payments/stripe-events.ts',
    find: "  const refunds = listAt(charge, 'refunds', 'data').map((each) => refundOf(each, charge));",
    replace: `  const whole = [{ ...charge, amount: charge.amount_refunded ?? null }];
  const refunds = whole.map((each) => refundOf(each, charge));`,
    tests: [{ file: SAMPLES, name: 'Stripe charge.refunded' }],
  },
  {
    id: 'PM-u1',
    title: 'money that waits for room on its account is deleted with what nobody claims',
    file: 'src/services/payments/unclaimed.ts',
    find: "  if (row.status !== 'waiting' || row.paymentId !== null) return false;",
    replace: "  if (row.status !== 'waiting') return false;",
    tests: [{ file: UNCLAIMED, name: STAYS }],
  },
  {
    id: 'PM-u2',
    title: 'every message that nobody claims is looked at by itself, in every run',
    file: 'src/services/payments/reconcile.ts',
    find: '(isUnclaimed(row) && !claimed.has(row))',
    replace: '(isUnclaimed(row) && claimed.has(row))',
    tests: [{ file: UNCLAIMED, name: 'a run of reconciling looks at all of them in a few reads' }],
  },
];
