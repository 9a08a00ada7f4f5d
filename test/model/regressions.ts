/** What random sequences once found, cut down to a few steps; they run first for ever. */
import type { OracleConfig } from './oracle.js';
import type { Call } from './oracle-call.js';
import { LARGEST, MICRO, type Micro } from './oracle-state.js';
import { START } from './sequence.js';
import type { Step } from './steps.js';

export const OPEN: OracleConfig = {
  trialCredits: 0n,
  overdraftLimit: 'unlimited',
  openGrants: 1000,
  activeReservations: 1000,
};

const user = 'ada';
let calls = 0;

type Bare<C> = C extends Call ? Omit<C, 'label' | 'key'> & { label?: string; key?: string } : never;

function call(bare: Bare<Call>): Step {
  calls += 1;
  return { step: 'call', call: { label: `s${calls}`, key: null, ...bare } as Call, retry: 'no' };
}

function add(amount: Micro, expiresInMs?: number): Step {
  return call({ op: 'add', user, amount, ...(expiresInMs !== undefined && { expiresAt: START + expiresInMs }) });
}

function clock(ms: number): Step {
  return { step: 'clock', to: START + ms };
}

function times(count: number, step: () => Step): Step[] {
  return Array.from({ length: count }, step);
}

const TEN = 10n * MICRO;

export const REGRESSIONS: readonly { found: string; config?: Partial<OracleConfig>; steps: readonly Step[] }[] = [
  {
    found: 'the shortfall of a preview left the debt out',
    steps: [call({ op: 'after', user, amount: 1n }), clock(1)],
  },
  {
    found: 'a refused transfer told what can be moved as available',
    config: { trialCredits: 100n * MICRO },
    steps: [call({ op: 'transfer', from: user, to: 'bob', amount: 1n })],
  },
  {
    found: 'a lapsed lot counted towards the limit of open grants',
    config: { openGrants: 5 },
    steps: [...times(4, () => add(TEN)), add(TEN, 1), clock(1), add(TEN)],
  },
  {
    found: 'a keyed expireCredits was not replayed once nothing was due',
    steps: [
      add(TEN, 1),
      clock(1),
      call({ op: 'expire', user, key: 'k' }),
      call({ op: 'expire', user, key: 'k' }),
      call({ op: 'expire', user, key: 'k', asOf: START }),
    ],
  },
  {
    found: 'repeating what ended a hold hid that its key belongs to another call',
    steps: [
      add(TEN),
      call({ op: 'reserve', user, amount: MICRO, label: 'one' }),
      call({ op: 'reserve', user, amount: MICRO, label: 'two' }),
      call({ op: 'release', hold: 'two', key: 'k' }),
      call({ op: 'release', hold: 'one' }),
      call({ op: 'release', hold: 'one', key: 'k' }),
    ],
  },
  {
    found: 'a reversal reopened lots above the limit of open grants',
    config: { openGrants: 5 },
    steps: [
      ...times(4, () => add(TEN)),
      call({ op: 'deduct', user, amount: TEN + 1n }),
      ...times(2, () => add(TEN)),
      call({ op: 'reverse', entry: { user, seq: 5 } }),
    ],
  },
  {
    found: 'createAccount made a trial grant above the limit of open grants',
    config: { openGrants: 5 },
    steps: [...times(5, () => add(TEN)), call({ op: 'create', user, trialCredits: 7n * MICRO })],
  },
  {
    found: 'createAccount with other options was judged by the limit of open grants first',
    config: { openGrants: 5 },
    steps: [
      call({ op: 'create', user }),
      ...times(5, () => add(TEN)),
      call({ op: 'create', user, trialCredits: 7n * MICRO }),
    ],
  },
  {
    found: 'a reversal lifted the balance above the largest amount',
    steps: [
      add(LARGEST),
      call({ op: 'after', user, amount: 1n }),
      add(1n),
      call({ op: 'reverse', entry: { user, seq: 2 } }),
    ],
  },
];
