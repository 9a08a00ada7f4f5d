/** Of plans: what random sequences once found, and edges that they reach too rarely. */
import { DAY, recurringLabel } from './oracle-plans.js';
import { LARGEST, MICRO } from './oracle-state.js';
import { add, call, clock, type Script } from './regressions.js';
import { START } from './sequence.js';
import type { Step } from './steps.js';

const user = 'ada';
const HOUR = 3_600_000;
const config = { plans: { startedAt: START, thresholds: [{ perMille: 500n }], hysteresis: 0n } };

function set(plan: string): Step {
  return call({ op: 'setPlan', user, plan });
}

function job(): Step {
  return call({ op: 'runAllocation' });
}

export const PLAN_REGRESSIONS: readonly (Script & { found: string })[] = [
  {
    found: 'periods of another length were counted from the first period of the plan before',
    config,
    steps: [
      set('daily'),
      clock(9.5 * DAY),
      job(),
      call({ op: 'upgrade', user, plan: 'monthly', when: 'period_end' }),
      clock(10 * DAY),
      job(),
      call({ op: 'upgrade', user, plan: 'weekly', when: 'period_end' }),
      clock(42 * DAY),
      job(),
    ],
  },
  {
    found: 'a share of a period lost a unit to binary fractions',
    config,
    // 213.9 of 744 hours are left, of 230 credits more.
    steps: [set('monthly-short'), clock(744 * HOUR - 213.9 * HOUR)].concat(
      call({ op: 'upgrade', user, plan: 'monthly', proration: 'time' }),
    ),
  },
  {
    found: 'a change after more than a hundred periods was one of a period long past',
    config,
    steps: [set('daily'), clock(130 * DAY + HOUR), call({ op: 'cancel', user })],
  },
  {
    found: 'a clock that went back brought a subscription that had ended back',
    config,
    steps: [set('daily'), call({ op: 'cancel', user }), clock(DAY), add(MICRO), clock(DAY - HOUR)],
  },
  {
    found: 'a clock that went back hid that a subscription was late',
    config,
    steps: [set('daily'), clock(DAY), add(MICRO), clock(DAY - HOUR), call({ op: 'cancel', user })],
  },
  {
    found: 'a renewal that nobody had written stayed in the cache when its plan was no longer offered',
    config,
    steps: [set('daily'), clock(DAY), call({ op: 'offer', plan: 'daily', isActive: false })],
  },
  {
    found: 'a clock that went back brought a cycle that had ended back',
    config,
    steps: [call({ op: 'startCycle', user, amount: MICRO, days: 1 }), clock(DAY), add(MICRO), clock(DAY - HOUR)],
  },
  {
    found: 'a repeated allocation told of the type of the plan that the user had since',
    config,
    steps: [
      call({ op: 'setPlan', user, plan: 'daily', label: 'first' }),
      clock(DAY),
      call({ op: 'allocate', subscription: 'first', key: 'k' }),
      call({ op: 'upgrade', user, plan: 'weekly-image' }),
      call({ op: 'allocate', subscription: 'first', key: 'k' }),
    ],
  },
  {
    found: 'an allocation told of the type of the plan that had ended with the period before',
    config,
    steps: [
      call({ op: 'setPlan', user, plan: 'daily', label: 'first' }),
      call({ op: 'upgrade', user, plan: 'weekly-image', when: 'period_end' }),
      clock(DAY),
      call({ op: 'allocate', subscription: 'first' }),
    ],
  },
  {
    found: 'a day of a plan of another type let what the week was granted be granted again',
    config,
    steps: [
      set('weekly-image'),
      clock(HOUR),
      set('daily'),
      clock(DAY + 2 * HOUR),
      set('weekly-image'),
      clock(2 * DAY),
      call({ op: 'remove', user }),
      set('daily-image'),
      clock(9 * DAY),
      job(),
    ],
  },
  {
    found: 'the oracle let nobody stop a late cycle whose grant has no room',
    config,
    steps: [
      call({ op: 'startCycle', user, amount: MICRO, recurring: true }),
      clock(30 * DAY),
      add(LARGEST),
      call({ op: 'stopCycle', cycle: recurringLabel(user) }),
    ],
  },
  {
    found: 'the oracle allocated no more than a hundred periods of a subscription',
    config,
    steps: [
      call({ op: 'setPlan', user, plan: 'daily-both', label: 'first' }),
      clock(102 * DAY),
      call({ op: 'allocate', subscription: 'first' }),
    ],
  },
];

export const PLAN_EDGES: readonly (Script & { edge: string })[] = [
  {
    edge: 'rollover while a hold keeps a part of the period that ended',
    config,
    steps: [
      set('daily-rollover'),
      call({ op: 'reserve', user, amount: 30n * MICRO, ttlSeconds: 90_000, label: 'over' }),
      clock(DAY),
      job(),
      call({ op: 'commit', hold: 'over', amount: 10n * MICRO }),
      clock(2 * DAY),
      job(),
    ],
  },
  {
    edge: 'a late job grants and lets lapse in order, and only the last of it repays debt',
    config,
    steps: [
      set('daily'),
      call({ op: 'after', user, amount: 160n * MICRO }),
      clock(5 * DAY + HOUR),
      job(),
      call({ op: 'reverse', entry: { user, seq: 1 } }),
    ],
  },
  {
    edge: 'an allocation that was taken back counts as granted all the same',
    config,
    steps: [
      set('monthly'),
      call({ op: 'reverse', entry: { user, seq: 1 } }),
      call({ op: 'upgrade', user, plan: 'monthly-kept' }),
      set('yearly'),
    ],
  },
  {
    edge: 'plan credits move to another user with their end and do not roll over',
    config,
    steps: [
      set('daily-rollover'),
      call({ op: 'transfer', from: user, to: 'bob', amount: 60n * MICRO }),
      clock(DAY),
      job(),
    ],
  },
  {
    edge: 'a threshold in percent follows the plan, and the trial grant once there is none',
    config: { ...config, trialCredits: 20n * MICRO },
    steps: [
      set('daily'),
      call({ op: 'deduct', user, amount: 61n * MICRO }),
      call({ op: 'upgrade', user, plan: 'monthly' }),
      call({ op: 'deduct', user, amount: 200n * MICRO }),
      call({ op: 'cancel', user, when: 'now' }),
      call({ op: 'deduct', user, amount: 45n * MICRO }),
    ],
  },
  {
    edge: 'a threshold in percent is of the last purchase or cycle once there is neither plan nor trial',
    config,
    steps: [
      add(50n * MICRO),
      set('daily'),
      call({ op: 'cancel', user, when: 'now' }),
      call({ op: 'deduct', user, amount: 100n * MICRO }),
      add(10n * MICRO),
      call({ op: 'startCycle', user, amount: 100n * MICRO, days: 3 }),
      call({ op: 'deduct', user, amount: 100n * MICRO }),
    ],
  },
  {
    edge: 'of a threshold in credits and one in percent that pass one another, the one that was low is restored',
    config: { plans: { startedAt: START, thresholds: [{ amount: 20n * MICRO }, { perMille: 500n }], hysteresis: 0n } },
    steps: [
      add(30n * MICRO),
      call({ op: 'deduct', user, amount: 12n * MICRO }),
      add(100n * MICRO),
      call({ op: 'deduct', user, amount: 117n * MICRO }),
      add(3n * MICRO),
      add(40n * MICRO),
    ],
  },
  {
    edge: 'three thresholds warn on the way down, each once, and are restored above the hysteresis, the lowest first',
    config: {
      plans: {
        startedAt: START,
        thresholds: [{ amount: 10n * MICRO }, { amount: 60n * MICRO }, { amount: 35n * MICRO }],
        hysteresis: 15n * MICRO,
      },
    },
    steps: [
      add(80n * MICRO),
      ...[30n, 5n, 12n, 25n].map((amount) => call({ op: 'deduct', user, amount: amount * MICRO })),
      add(10n * MICRO),
      call({ op: 'deduct', user, amount: 9n * MICRO }),
      ...[9n, 30n, 9n].map((amount) => add(amount * MICRO)),
      call({ op: 'deduct', user, amount: 4n * MICRO }),
      add(5n * MICRO),
      call({ op: 'deduct', user, amount: 58n * MICRO }),
      add(200n * MICRO),
    ],
  },
  {
    edge: 'a job skips who has no room and goes on with the others, and what is missed stays due',
    config: { ...config, openGrants: 5 },
    steps: [
      set('daily'),
      call({ op: 'setPlan', user: 'bob', plan: 'daily' }),
      ...[1, 2, 3, 4].map(() => add(MICRO)),
      clock(DAY),
      add(MICRO),
      job(),
      call({ op: 'deduct', user, amount: 2n * MICRO }),
      job(),
    ],
  },
  {
    edge: 'what a pause kept back goes on where it stood, and is granted once',
    config,
    steps: [
      set('weekly'),
      clock(DAY),
      call({ op: 'pause', user, key: 'k' }),
      clock(20 * DAY),
      job(),
      call({ op: 'pause', user, key: 'k' }),
      call({ op: 'resume', user }),
      clock(21 * DAY),
      job(),
      call({ op: 'upgrade', user, plan: 'monthly' }),
      clock(60 * DAY),
      job(),
    ],
  },
  {
    edge: 'a transfer to an account whose clock was ahead does not renew the one who pays before its own time',
    config: { ...config, trialCredits: 100n * MICRO },
    steps: [
      call({ op: 'setPlan', user, plan: 'daily', allocate: false }),
      clock(DAY),
      call({ op: 'add', user: 'bob', amount: MICRO }),
      clock(DAY - 1),
      call({ op: 'transfer', from: user, to: 'bob', amount: 500n * MICRO }),
      call({ op: 'transfer', from: user, to: 'bob', amount: 50n * MICRO }),
      call({ op: 'deduct', user, amount: MICRO }),
    ],
  },
  {
    edge: 'a code with three claims in all is claimed by two users, each no more than twice',
    config,
    steps: [
      ...[user, user, user, 'bob', 'bob'].map((one) => call({ op: 'claim', user: one, code: 'FEW' })),
      call({ op: 'claim', user: 'bob', code: 'ADA' }),
      call({ op: 'claim', user, code: 'LATER' }),
    ],
  },
  {
    edge: 'of the codes of two referrers each user claims one, and never the own; what ada gets is of the claim of bob',
    config,
    steps: [
      ...['OF-ADA', 'OF-BOB', 'OF-BOB', 'OF-ADA'].map((code) => call({ op: 'claim', user, code })),
      ...['OF-BOB', 'OF-ADA', 'OF-ADA'].map((code) => call({ op: 'claim', user: 'bob', code, key: 'k' })),
      clock(2 * DAY),
      call({ op: 'deduct', user: 'bob', amount: 9_000_000n }),
      call({ op: 'claim', user: 'bob', code: 'OF-ADA' }),
    ],
  },
  {
    edge: 'a code with two claims a day, and one with a claim of each user a day, are claimed over midnight',
    config,
    steps: [
      ...[user, 'bob', user].map((one) => call({ op: 'claim', user: one, code: 'DAILY' })),
      ...[user, user, 'bob'].map((one) => call({ op: 'claim', user: one, code: 'OWN-DAILY' })),
      clock(DAY),
      ...['bob', user, 'bob'].map((one) => call({ op: 'claim', user: one, code: 'DAILY' })),
      ...[user, user].map((one) => call({ op: 'claim', user: one, code: 'OWN-DAILY' })),
    ],
  },
];
