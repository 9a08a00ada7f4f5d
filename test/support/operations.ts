/** Every operation as the walk runs it: what has to be there first, and the one call under test. */
import type { MutationOptions, Reservation, Transaction } from '../../src/index.js';
import type { Manager, Service, World } from './fault-world.js';

export type Options = MutationOptions<never>;
type Prepared = Partial<{ hold: Reservation; entry: Transaction }>;

export interface OperationCase {
  readonly name: string;
  /** `fresh`: the account had no write before. */
  readonly account: 'fresh' | 'existing';
  /** The code it is refused with when nothing fails. */
  readonly refused?: string;
  readonly type?: 'trial';
  prepare?(credits: Service, world: World): Promise<Prepared>;
  run(credits: Service, options: Options, prepared: Prepared): Promise<unknown>;
}

export function serviceOf(manager: Manager, operation: OperationCase): Service {
  return manager.creditType(operation.type ?? 'credits');
}

/** Two lots, one of them soon to lapse. */
async function twoLots(credits: Service): Promise<Prepared> {
  await credits.addCredits('u', 50, { source: 'purchase', reference: 'order-1' });
  await credits.addCredits('u', 100, { source: 'promo', expiresAt: '2030-02-01T00:00:00Z', priority: 10 });
  return {};
}

/** A hold over both lots. */
async function held(credits: Service, ttlSeconds = 900): Promise<Prepared> {
  await twoLots(credits);
  return { hold: await credits.reserveCredits('u', 120, { ttlSeconds, reason: 'a job' }) };
}

async function expiredHold(credits: Service, world: World): Promise<Prepared> {
  const prepared = await held(credits, 60);
  world.clock.advance({ seconds: 61 });
  return prepared;
}

const add = (name: string, run: OperationCase['run'], prepare?: OperationCase['prepare']): OperationCase[] => [
  { name, account: 'existing', run, prepare: prepare ?? twoLots },
];
const fresh = (name: string, run: OperationCase['run'], more: Partial<OperationCase> = {}): OperationCase[] => [
  { name: `${name} on a fresh account`, account: 'fresh', run, ...more },
];

const notes = { description: 'why', metadata: { order: { id: 7 } }, actor: 'admin', correlationId: 'c-1' } as const;
const scheduled = { effectiveAt: '2030-01-02T00:00:00Z', expiresAt: '2030-01-03T00:00:00Z' } as const;
const reason = { actor: 'admin', reason: 'a correction' } as const;

const additions: OperationCase[] = [
  ...add('addCredits', (c, o) => c.addCredits('u', 10, { ...o, ...notes })),
  ...add('addCredits scheduled', (c, o) => c.addCredits('u', 10, { ...o, ...scheduled })),
  ...add(
    'addCredits that repays debt',
    (c, o) => c.addCredits('u', '70.000001', o),
    async (credits) => {
      await twoLots(credits);
      await credits.deductCreditsAfterService('u', 200);
      return {};
    },
  ),
  ...add('adjustCredits up', (c, o) => c.adjustCredits('u', 10, { ...o, ...reason })),
  ...fresh('addCredits', (c, o) => c.addCredits('u', 10, o)),
  ...fresh('addCredits with a trial', (c, o) => c.addCredits('u', 10, o), { type: 'trial' }),
  ...fresh('addCredits scheduled', (c, o) => c.addCredits('u', 10, { ...o, ...scheduled })),
  ...fresh('adjustCredits up', (c, o) => c.adjustCredits('u', 10, { ...o, ...reason })),
];

const deductions: OperationCase[] = [
  ...add('deductCredits', (c, o) => c.deductCredits('u', 110, { ...o, ...notes })),
  ...add('deductCreditsAfterService into debt', (c, o) => c.deductCreditsAfterService('u', 170, o)),
  ...add('adjustCredits down', (c, o) => c.adjustCredits('u', -10, { ...o, ...reason })),
  ...fresh('deductCreditsAfterService', (c, o) => c.deductCreditsAfterService('u', 7, o)),
  ...fresh('deductCredits of a trial', (c, o) => c.deductCredits('u', 7, o), { type: 'trial' }),
  ...fresh('deductCredits refused', (c, o) => c.deductCredits('u', 7, o), { refused: 'INSUFFICIENT_CREDITS' }),
  ...fresh('deductCredits refused beyond the trial', (c, o) => c.deductCredits('u', 21, o), {
    type: 'trial',
    refused: 'INSUFFICIENT_CREDITS',
  }),
  {
    name: 'deductCredits refused',
    account: 'existing',
    refused: 'INSUFFICIENT_CREDITS',
    prepare: twoLots,
    run: (c, o) => c.deductCredits('u', 151, o),
  },
];

const holds: OperationCase[] = [
  ...add('reserveCredits', (c, o) => c.reserveCredits('u', 110, o)),
  ...fresh('reserveCredits of a trial', (c, o) => c.reserveCredits('u', 7, o), { type: 'trial' }),
  ...add(
    'commit of the whole',
    (c, o, p) => c.commitReservedCredits(p.hold!, o),
    (c) => held(c),
  ),
  ...add(
    'commit of a part',
    (c, o, p) => c.commitReservedCredits(p.hold!.id, { ...o, amount: 70 }),
    (c) => held(c),
  ),
  ...add(
    'commit of a part that is not final',
    (c, o, p) => c.commitReservedCredits(p.hold!.id, { ...o, amount: 70, final: false }),
    (c) => held(c),
  ),
  ...add(
    'commit with overage charged',
    (c, o, p) => c.commitReservedCredits(p.hold!.id, { ...o, amount: 140, overage: 'charge' }),
    (c) => held(c),
  ),
  ...add(
    'commit with overage into debt',
    (c, o, p) => c.commitReservedCredits(p.hold!.id, { ...o, amount: 180, overage: 'overdraft' }),
    (c) => held(c),
  ),
  ...add(
    'commit of an expired hold',
    (c, o, p) => c.commitReservedCredits(p.hold!.id, { ...o, amount: 70, ifExpired: 'charge' }),
    expiredHold,
  ),
  ...add(
    'commit of zero',
    (c, o, p) => c.commitReservedCredits(p.hold!.id, { ...o, amount: 0 }),
    (c) => held(c),
  ),
  ...add(
    'releaseReservedCredits',
    (c, o, p) => c.releaseReservedCredits(p.hold!.id, o),
    (c) => held(c),
  ),
  ...add(
    'extendReservation',
    (c, o, p) => c.extendReservation(p.hold!.id, { ...o, ttlSeconds: 3600 }),
    (c) => held(c),
  ),
  {
    name: 'commit refused above the hold',
    account: 'existing',
    refused: 'COMMIT_EXCEEDS_RESERVATION',
    prepare: (c) => held(c),
    run: (c, o, p) => c.commitReservedCredits(p.hold!.id, { ...o, amount: 121 }),
  },
  {
    name: 'release refused after the end',
    account: 'existing',
    refused: 'RESERVATION_NOT_ACTIVE',
    prepare: expiredHold,
    run: (c, o, p) => c.releaseReservedCredits(p.hold!.id, o),
  },
];

const others: OperationCase[] = [
  ...add(
    'reverse of a debit',
    (c, o, p) => c.reverseTransaction(p.entry!.id, o),
    async (c) => {
      await twoLots(c);
      return { entry: await c.deductCreditsAfterService('u', 170) };
    },
  ),
  ...add(
    'reverse of a part of an addition',
    (c, o, p) => c.reverseTransaction(p.entry!.id, { ...o, amount: 30 }),
    async (c) => {
      await twoLots(c);
      return { entry: await c.addCredits('u', 40) };
    },
  ),
  ...add(
    'void of a part of a grant',
    (c, o, p) => c.voidGrant(p.entry!.grantId!, { ...o, amount: 30, actor: 'admin', reason: 'Granted twice' }),
    async (c) => {
      await twoLots(c);
      return { entry: await c.addCredits('u', 40) };
    },
  ),
  ...add(
    'updateGrant',
    (c, o, p) =>
      c.updateGrant(
        p.entry!.grantId!,
        { expiresAt: '2030-01-05T00:00:00Z', priority: 1 },
        { ...o, reason: 'Goodwill' },
      ),
    async (c) => {
      await twoLots(c);
      return { entry: await c.addCredits('u', 40, { expiresAt: '2030-03-01T00:00:00Z' }) };
    },
  ),
  ...add('deductCredits from one source', (c, o) =>
    c.deductCredits('u', 30, { ...o, from: { sources: ['purchase'] } }),
  ),
  {
    name: 'deductCredits refused where the named grants have too little',
    account: 'existing',
    refused: 'INSUFFICIENT_CREDITS',
    prepare: twoLots,
    run: (c, o) => c.deductCredits('u', 60, { ...o, from: { sources: ['purchase'] } }),
  },
  ...add(
    'deductCredits of late usage',
    (c, o) => c.deductCredits('u', 120, { ...o, occurredAt: '2030-01-31T23:00:00Z' }),
    async (c, { clock }) => {
      await twoLots(c);
      clock.set('2030-02-01T00:30:00Z');
      await c.expireCredits('u');
      return {};
    },
  ),
  ...add(
    'reverse of a capture',
    (c, o, p) => c.reverseTransaction(p.entry!.id, o),
    async (c) => {
      const { hold } = await held(c);
      return { entry: await c.commitReservedCredits(hold!.id, { amount: 110 }) };
    },
  ),
  ...add(
    'transferCredits',
    (c, o) => c.transferCredits({ from: 'u', to: 'v', amount: 110 }, o),
    async (c) => {
      await twoLots(c);
      await c.deductCreditsAfterService('v', 20);
      return {};
    },
  ),
  ...add('transferCredits to a fresh account', (c, o) => c.transferCredits({ from: 'u', to: 'v', amount: 110 }, o)),
  ...add(
    'expireCredits',
    (c, o) => c.expireCredits('u', o),
    async (c, world) => {
      const prepared = await held(c);
      world.clock.advance({ days: 40 });
      return prepared;
    },
  ),
  ...add('createAccount', (c, o) => c.createAccount('u', { ...o, trialCredits: 5, overdraftLimit: 100 })),
  ...add('updateAccount', (c, o) =>
    c.updateAccount('u', { ...o, lowCreditThreshold: 40, overdraftLimit: 'unlimited' }),
  ),
  ...fresh('createAccount', (c, o) => c.createAccount('u', { ...o, trialCredits: 5, metadata: { plan: 'x' } })),
  ...fresh('updateAccount', (c, o) => c.updateAccount('u', { ...o, overdraftLimit: 3 })),
];

export const operations: readonly OperationCase[] = [...additions, ...deductions, ...holds, ...others];
