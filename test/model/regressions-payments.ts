/** Of renewal by payment: edges that random sequences reach too rarely, or say too little about. */
import { DAY } from './oracle-plans.js';
import { MICRO } from './oracle-state.js';
import { call, clock, type Script } from './regressions.js';
import { START } from './sequence.js';
import type { Step } from './steps.js';

const user = 'ada';
const HOUR = 3_600_000;
const config = { plans: { startedAt: START, thresholds: [{ perMille: 500n }], hysteresis: 0n } };

function set(plan: string, more: { allocate?: boolean; autoRenew?: boolean } = {}): Step {
  return call({ op: 'setPlan', user, plan, ...more });
}

function change(plan: string, more: { when?: 'period_end'; proration?: 'time'; autoRenew?: boolean } = {}): Step {
  return call({ op: 'upgrade', user, plan, ...more });
}

function cancel(when?: 'now'): Step {
  return call({ op: 'cancel', user, ...(when && { when }) });
}

/** The payment of the next period that is not paid, or of the one that starts nearest to a time after the start. */
function pay(key: string, ms?: number): Step {
  return call({ op: 'pay', user, key, ...(ms !== undefined && { periodStart: START + ms }) });
}

const job = () => call({ op: 'runAllocation' });
const spend = (credits: bigint) => call({ op: 'after', user, amount: credits * MICRO });

export const PAYMENT_REGRESSIONS: readonly (Script & { found: string })[] = [
  {
    found: 'the oracle put the key of an allocation on what lapsed after the last renewal',
    config,
    steps: [
      call({ op: 'setPlan', user, plan: 'paid-both', label: 'first' }),
      clock(30 * DAY),
      call({ op: 'allocate', subscription: 'first', key: 'k' }),
    ],
  },
];

export const PAYMENT_EDGES: readonly (Script & { edge: string })[] = [
  {
    edge: 'early payments are kept for their periods, one after another, and then the subscription waits',
    config,
    steps: [
      set('paid-daily'),
      pay('p1'),
      pay('p2', 2 * DAY + 180_000),
      pay('far', 4 * DAY),
      clock(DAY),
      spend(5n),
      clock(2.5 * DAY),
      clock(3 * DAY),
      clock(6 * DAY - 1),
      clock(6 * DAY),
      pay('late'),
    ],
  },
  {
    edge: 'periods that were missed are paid one after another: one that is over repays nothing',
    config,
    steps: [
      set('paid-daily'),
      spend(55n),
      clock(2.5 * DAY),
      pay('p1'),
      pay('p2'),
      pay('p3'),
      clock(4 * DAY),
      pay('p2'),
      job(),
    ],
  },
  {
    edge: 'a period is paid once, whichever payment names it and however near its start',
    config,
    steps: [
      set('paid-weekly'),
      pay('first', -HOUR),
      pay('again', 3.5 * DAY - 1),
      pay('next', 3.5 * DAY),
      pay('next', 3.5 * DAY),
      pay('next', 7 * DAY),
      pay('other', 10.5 * DAY - 1),
      pay('second', 10.5 * DAY),
      clock(8 * DAY),
      pay('first', -HOUR),
      pay('other', 10 * DAY),
      clock(21 * DAY - 1),
      clock(21 * DAY),
    ],
  },
  {
    edge: 'the grace is counted from the end of the period, of the plan that went unpaid',
    config,
    steps: [
      set('paid-both'),
      clock(7 * DAY),
      change('paid-daily', { when: 'period_end' }),
      clock(9 * DAY - 1),
      call({ op: 'pause', user }),
      clock(9 * DAY),
      job(),
      set('daily'),
      change('paid-daily', { when: 'period_end' }),
      clock(13 * DAY - 1),
      clock(13 * DAY),
    ],
  },
  {
    edge: 'a trial is followed by a payment, and a change while none comes begins a period',
    config,
    steps: [
      set('paid-monthly'),
      clock(2 * DAY),
      pay('p1'),
      clock(40 * DAY),
      change('paid-both', { proration: 'time' }),
      clock(47 * DAY),
      change('daily', { when: 'period_end' }),
      clock(48 * DAY),
    ],
  },
  {
    edge: 'paid periods stay paid when the plan changes: at once, in proportion, at the end, to the clock and back',
    config,
    steps: [
      set('paid-weekly'),
      pay('p1'),
      pay('p2'),
      pay('p3'),
      clock(DAY),
      change('paid-both', { when: 'period_end' }),
      clock(8 * DAY),
      change('paid-weekly', { proration: 'time' }),
      clock(15 * DAY),
      set('daily'),
      clock(16 * DAY),
      change('paid-daily'),
      pay('p4'),
      set('daily-both', { autoRenew: false }),
      clock(17 * DAY),
      clock(18 * DAY),
    ],
  },
  {
    edge: 'a subscription that is cancelled at its end goes on to the end of the last period that is paid',
    config,
    steps: [
      set('paid-monthly'),
      pay('p1'),
      pay('p2'),
      change('paid-both', { when: 'period_end' }),
      cancel(),
      pay('p3'),
      clock(3 * DAY),
      job(),
      clock(17 * DAY - 1),
      clock(17 * DAY),
      set('paid-weekly'),
      pay('p4'),
      cancel('now'),
      set('paid-weekly'),
      clock(24 * DAY),
    ],
  },
  {
    edge: 'a pause moves the periods that are paid, and their end where it was cancelled',
    config,
    steps: [
      set('paid-weekly'),
      pay('p1'),
      clock(2 * DAY),
      call({ op: 'pause', user }),
      pay('p2'),
      cancel(),
      clock(33 * DAY),
      call({ op: 'resume', user }),
      clock(38 * DAY),
      clock(45 * DAY),
    ],
  },
  {
    edge: 'removing loses what is paid, and a plan that is offered no more keeps it',
    config,
    steps: [
      set('paid-daily'),
      pay('p1'),
      call({ op: 'offer', plan: 'paid-daily', isActive: false }),
      clock(1.5 * DAY),
      pay('p2'),
      clock(3 * DAY),
      call({ op: 'offer', plan: 'paid-daily', isActive: true }),
      set('paid-daily'),
      pay('p3'),
      call({ op: 'remove', user }),
      set('paid-daily'),
      clock(4 * DAY),
    ],
  },
  {
    edge: 'a current period that was set without its credits is the first to be paid',
    config,
    steps: [
      set('paid-both', { allocate: false }),
      pay('early', 7 * DAY),
      pay('old', -4 * DAY),
      pay('first', HOUR),
      pay('first', HOUR),
      pay('early', 7 * DAY),
      clock(7 * DAY),
      set('paid-monthly', { allocate: false }),
      pay('p1'),
      clock(10 * DAY),
      clock(41 * DAY),
      set('paid-daily', { allocate: false }),
      clock(42 * DAY),
      pay('lost', 41 * DAY),
      pay('p2'),
    ],
  },
  {
    edge: 'the period that waits for its payment is told from the next one, of a plan that renews otherwise',
    config,
    steps: [
      set('daily', { allocate: false }),
      change('paid-daily', { when: 'period_end' }),
      pay('p1'),
      clock(DAY),
      set('paid-daily', { allocate: false }),
      change('daily', { when: 'period_end' }),
      pay('p2'),
      pay('p3'),
      clock(2 * DAY),
    ],
  },
];
