/** What random sequences once found, cut down to a few steps, and edges of the rules that they reach too rarely. */
import type { OracleConfig } from './oracle.js';
import type { Call, CallOf } from './oracle-call.js';
import { LARGEST, MICRO, type Micro } from './oracle-state.js';
import { START } from './sequence.js';
import type { Step } from './steps.js';

export const OPEN: OracleConfig = {
  trialCredits: 0n,
  overdraftLimit: 'unlimited',
  openGrants: 1000,
  lateUsageMs: 0,
  activeReservations: 1000,
  plans: null,
};

const user = 'ada';
let calls = 0;

/** A call without what is the same for all of them. */
export type Bare<C> = C extends Call ? Omit<C, 'label' | 'key'> & { label?: string; key?: string } : never;

export function call(bare: Bare<Call>): Step {
  calls += 1;
  return { step: 'call', call: { label: `s${calls}`, key: null, ...bare } as Call, retry: 'no' };
}

export function add(amount: Micro, expiresInMs?: number): Step {
  return call({ op: 'add', user, amount, ...(expiresInMs !== undefined && { expiresAt: START + expiresInMs }) });
}

type Terms = Pick<CallOf<'add'>, 'source' | 'priority' | 'effectiveAt' | 'expiresAt'>;

function ordered(terms: Terms): Step {
  return call({ op: 'add', user, amount: MICRO, ...terms });
}

export function clock(ms: number): Step {
  return { step: 'clock', to: START + ms };
}

function times(count: number, step: () => Step): Step[] {
  return Array.from({ length: count }, step);
}

const TEN = 10n * MICRO;

export interface Script {
  config?: Partial<OracleConfig>;
  steps: readonly Step[];
}

export const REGRESSIONS: readonly (Script & { found: string })[] = [
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
    found: 'a keyed expireCredits with nothing due kept no key',
    steps: [
      add(TEN, 10),
      call({ op: 'expire', user, key: 'k' }),
      clock(20),
      call({ op: 'expire', user, key: 'k' }),
      call({ op: 'expire', user }),
      call({ op: 'expire', user: 'bob', key: 'k' }),
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

export const EDGES: readonly (Script & { edge: string })[] = [
  {
    edge: 'rule 14: a part freed in the very instant its lot ends lapses and repays no debt',
    steps: [
      add(TEN, 60_000),
      call({ op: 'reserve', user, amount: 5n * MICRO, ttlSeconds: 60 }),
      call({ op: 'after', user, amount: 8n * MICRO }),
      clock(60_000),
      call({ op: 'expire', user }),
    ],
  },
  {
    edge: 'rule 14: of a freed hold one part lapses and the other repays debt',
    steps: [
      add(TEN, 1000),
      add(TEN),
      call({ op: 'reserve', user, amount: 15n * MICRO, label: 'hold' }),
      call({ op: 'after', user, amount: 8n * MICRO }),
      clock(1000),
      call({ op: 'release', hold: 'hold' }),
    ],
  },
  {
    edge: 'rule 10: debt, a grant that became effective and lapsed since, first touched afterwards',
    steps: [
      call({ op: 'after', user, amount: 60n * MICRO }),
      call({ op: 'add', user, amount: 100n * MICRO, effectiveAt: START + 1000, expiresAt: START + 2000 }),
      clock(3000),
      call({ op: 'deduct', user, amount: MICRO }),
      call({ op: 'expire', user }),
    ],
  },
  {
    edge: 'rule 18: a captured part of a lot that lapsed under the hold, the rest lapses with the final commit',
    steps: [
      add(TEN, 1000),
      call({ op: 'reserve', user, amount: TEN, label: 'hold-2' }),
      clock(1000),
      call({ op: 'commit', hold: 'hold-2', amount: 3n * MICRO, final: false }),
      call({ op: 'commit', hold: 'hold-2', amount: 4n * MICRO }),
    ],
  },
  {
    edge: 'rule 15: parts of a reversal undo debt, return to lots last drawn first, and become a grant',
    steps: [
      add(3n * MICRO, 1000),
      add(3n * MICRO),
      call({ op: 'after', user, amount: TEN }),
      add(2n * MICRO),
      clock(1000),
      ...times(5, () => call({ op: 'reverse', entry: { user, seq: 3 }, amount: 2n * MICRO })),
      call({ op: 'reverse', entry: { user, seq: 3 } }),
    ],
  },
  {
    edge: 'rule 19: a late charge happens once, is repeated by the same call, and debt needs both policies',
    steps: [
      add(TEN),
      call({ op: 'reserve', user, amount: TEN, ttlSeconds: 1, label: 'late' }),
      clock(1000),
      call({ op: 'commit', hold: 'late', amount: 11n * MICRO, ifExpired: 'overdraft' }),
      call({ op: 'commit', hold: 'late', amount: 11n * MICRO, ifExpired: 'overdraft', overage: 'charge' }),
      call({ op: 'commit', hold: 'late', amount: 11n * MICRO, ifExpired: 'charge', overage: 'overdraft' }),
      call({ op: 'commit', hold: 'late', amount: 11n * MICRO, ifExpired: 'overdraft', overage: 'overdraft' }),
      call({ op: 'commit', hold: 'late', amount: 11n * MICRO, ifExpired: 'overdraft', overage: 'overdraft' }),
      call({ op: 'commit', hold: 'late', amount: 12n * MICRO, ifExpired: 'overdraft', overage: 'overdraft' }),
      call({ op: 'release', hold: 'late' }),
    ],
  },
  {
    edge: 'rule 7: everything that orders lots, one after the other',
    steps: [
      ...(['other', 'promo'] as const).flatMap((source) =>
        [undefined, 60_000, 120_000].flatMap((ends) =>
          [50, 10].flatMap((priority) => [
            ordered({ source, priority, ...(ends !== undefined && { expiresAt: START + ends }) }),
            ordered({
              source,
              priority,
              effectiveAt: START - 1000,
              ...(ends !== undefined && { expiresAt: START + ends }),
            }),
          ]),
        ),
      ),
      call({ op: 'transfer', from: user, to: 'bob', amount: 11n * MICRO }),
      call({ op: 'deduct', user: 'bob', amount: TEN }),
      call({ op: 'deduct', user, amount: TEN }),
    ],
  },
];
