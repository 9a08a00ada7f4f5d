/** A world with automatic top-ups, and short words for them. */
import { expect } from 'vitest';
import type { AutoTopUp, AutoTopUpInput, CreditEvent, CreditEventMap, PaymentOptions } from '../../src/index.js';
import type { Manager, OpenWorld, World } from '../support/plan-world.js';
import { until } from '../support/wait.js';
import { type ChargingProvider, chargingProvider } from './charging-provider.js';

export const SETTINGS = {
  ...{ threshold: 100, amount: 500, currency: 'INR', customerId: 'cus_1', maxAmount: 5_000 },
  ...{ coolDownSeconds: 60, maxCount: 10, windowDays: 30, offAfter: 3 },
} as const satisfies AutoTopUpInput;

type TopUpEventType = Extract<keyof CreditEventMap, `top_up.${string}`>;

export interface TopUpWorld {
  readonly world: World;
  readonly manager: Manager;
  readonly provider: ChargingProvider;
  /** Sets a top-up for an account with 150 credits: it buys 500 for less than 100. */
  readonly start: (changed?: Partial<AutoTopUpInput>, userId?: string) => Promise<void>;
  readonly spend: (credits: number, userId?: string) => Promise<unknown>;
  readonly state: (userId?: string) => Promise<AutoTopUp>;
  /** Waits until nothing is under way. */
  readonly settled: (userId?: string) => Promise<AutoTopUp>;
  /** What was told of top-ups, as type and reason. */
  readonly told: () => string[];
  readonly last: (type: TopUpEventType) => CreditEvent<TopUpEventType>['data'];
}

export async function topUpWorld(open: OpenWorld, payments: PaymentOptions = {}): Promise<TopUpWorld> {
  const provider = chargingProvider();
  const world = await open({ payments: { providers: [provider], ...payments } });
  const { manager } = world;
  const state = async (userId = 'u') => {
    const found = await manager.payments.getAutoTopUp(userId, { fresh: true });
    expect(found).not.toBeNull();
    return found as AutoTopUp;
  };
  const ofTopUps = () => world.events.filter(({ type }) => type.startsWith('top_up.'));
  return {
    ...{ world, manager, provider, state },
    start: async (changed = {}, userId = 'u') => {
      await manager.credits.addCredits(userId, 150);
      const { amount, ...rest } = SETTINGS;
      const bought = changed.target === undefined && changed.pack === undefined ? { amount } : {};
      await manager.payments.setAutoTopUp(userId, { ...rest, ...bought, ...changed });
    },
    spend: (credits, userId = 'u') => manager.credits.deductCredits(userId, credits),
    settled: async (userId = 'u') => {
      await until(async () => (await state(userId)).inFlight === null, 'nothing is in flight');
      return state(userId);
    },
    told: () => ofTopUps().map(({ type, data }) => `${type.slice('top_up.'.length)}: ${(data as Told).reason}`),
    last: (type) => ofTopUps().findLast((event) => event.type === type)?.data as CreditEvent<TopUpEventType>['data'],
  };
}

interface Told {
  readonly reason: string;
}
