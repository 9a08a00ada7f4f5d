/**
 * A search for strategies that gain: whatever a user does with plans for a year, by any instant the credits granted are
 * never more than those of the best single plan held since the first act, plus one period. CREDIT_STRATEGIES of them.
 */
import { expect, test } from 'vitest';
import { monthsAfter } from '../model/calendar.js';
import { amount } from '../support/amounts.js';
import { Chance, SEED } from '../support/chance.js';
import { MONTHLY, memoryWorld } from '../support/plan-world.js';

const RUNS = amount('CREDIT_STRATEGIES');
const DAY = 86_400_000;
const YEAR = 365 * DAY;

const PERIODS = ['daily', 'weekly', 'monthly', 'yearly'] as const;
/** Credits a period of plans that come to about the same in the long run, which is where switching could gain most. */
const LIMITS = { daily: [10, 7, 13], weekly: [70, 60, 77], monthly: [300, 310, 200], yearly: [3650, 3000] } as const;
/** Months are not of one length: counted from another day, a month may end this much earlier. */
const MONTHS_MAY_DIFFER = 3 * DAY;

const ACTS = [
  'set',
  'set',
  'set',
  'upgrade',
  'move',
  'prorated',
  'full',
  'remove',
  'cancel',
  'pause',
  'resume',
  'wait',
] as const;
type Act = (typeof ACTS)[number];

interface Offer {
  readonly id: string;
  readonly period: (typeof PERIODS)[number];
  /** How often the limit is granted. */
  readonly every: (typeof PERIODS)[number];
  readonly limit: number;
  readonly trialDays: number;
}

/** The credits that one plan grants by an instant, held since `since`, without a trial; or by a little later. */
function heldAlone({ period, every, limit }: Offer, since: number, at: number): number {
  const start = (from: number, unit: Offer['period'], n: number) => {
    if (unit === 'daily') return from + n * DAY;
    if (unit === 'weekly') return from + n * 7 * DAY;
    return monthsAfter(from, n * (unit === 'monthly' ? 1 : 12));
  };
  let granted = 0;
  const isByMonth = every === 'monthly' || every === 'yearly' || (every === 'weekly' && period !== 'weekly');
  const until = at + (isByMonth ? MONTHS_MAY_DIFFER : 0);
  for (let bill = 0, from = since; from <= until; bill++) {
    const [begun, end] = [from, start(since, period, bill + 1)];
    for (let n = 1; from < end && from <= until; n++) {
      const next = start(begun, every, n);
      // A period that its bill cuts short is granted in proportion.
      granted += (limit * (Math.min(next, end) - from)) / (next - from);
      from = Math.min(next, end);
    }
  }
  return granted;
}

class Life {
  readonly #world = memoryWorld();
  readonly #used = new Set<Offer>();
  readonly #log: string[] = [];
  #start: number;
  #granted = 0;
  #heard = 0;

  constructor(start: number) {
    this.#start = start;
    this.#world.clock.set(new Date(start));
  }

  get #now(): number {
    return this.#world.clock.now().getTime();
  }

  get isOver(): boolean {
    return this.#now > this.#start + YEAR;
  }

  async offer(period: Offer['period'], limit: number, trialDays: number, every = period): Promise<Offer> {
    const terms = { ...MONTHLY, billingPeriod: period, allocationPeriod: every, creditLimit: limit, trialDays };
    const { id } = await this.#world.manager.subscriptions.addSubscriptionPlan(terms);
    return { id, period, every, limit, trialDays };
  }

  wait(days: number): void {
    this.#world.clock.set(new Date(this.#now + days * DAY));
  }

  /** Grants what is due meanwhile, acts, and checks the credits that were granted in all. */
  async act(act: Act, offer: Offer): Promise<void> {
    const { jobs, subscriptions } = this.#world.manager;
    await jobs.runAllocation();
    this.#check(`${act} ${offer.period} of ${offer.limit} ${offer.every}`);
    if (act === 'set' || act === 'upgrade' || act === 'move' || act === 'prorated' || act === 'full')
      this.#used.add(offer);
    const proration = act === 'prorated' ? 'time' : 'none';
    const calls: Record<Act, () => Promise<unknown>> = {
      set: () => subscriptions.setUserSubscriptionPlan('u', offer.id),
      upgrade: () => subscriptions.upgradeUserSubscriptionPlan('u', offer.id, { when: 'now' }),
      move: () => subscriptions.changeUserSubscriptionPlan('u', offer.id),
      full: () => subscriptions.changeUserSubscriptionPlan('u', offer.id, { proration: 'full' }),
      prorated: () => subscriptions.upgradeUserSubscriptionPlan('u', offer.id, { proration }),
      remove: () => subscriptions.deleteUserSubscriptionPlan('u'),
      cancel: () => subscriptions.cancelUserSubscription('u', { when: 'now' }),
      pause: () => subscriptions.pauseUserSubscription('u'),
      resume: () => subscriptions.resumeUserSubscription('u'),
      wait: async () => undefined,
    };
    await calls[act]().catch((error: { code?: string }) => {
      if (error.code !== 'SUBSCRIPTION_NOT_FOUND') throw error;
    });
    this.#check(`${act} ${offer.period} of ${offer.limit} ${offer.every}`);
  }

  /** The credits that an upgrade to this plan would grant now. */
  async wouldGrant({ id }: Offer): Promise<number> {
    const { granted } = await this.#world.manager.subscriptions.previewChange('u', id, { when: 'now' });
    return granted.credits ?? 0;
  }

  async close(): Promise<void> {
    await this.#world.expectSound();
    await this.#world.close();
  }

  #check(act: string): void {
    const { events } = this.#world;
    for (; this.#heard < events.length; this.#heard++) {
      const event = events[this.#heard];
      if (event?.type === 'subscription.allocated') this.#granted += (event.data as { amount: number }).amount;
    }
    const day = ((this.#now - this.#start) / DAY).toFixed(2);
    this.#log.push(`day ${day}: ${act}, ${this.#granted} in all`);
    if (this.#used.size === 0) return;
    const used = [...this.#used];
    const best = Math.max(...used.map((offer) => heldAlone(offer, this.#start, this.#now)));
    // There is one trial a user, which is granted on top.
    const trial = Math.max(...used.map(({ limit, trialDays }) => (trialDays > 0 ? limit : 0)));
    const most = best + Math.max(...used.map(({ limit }) => limit)) + trial;
    if (this.#granted > most + 0.001) expect.fail(`${this.#granted} is more than ${most}:\n${this.#log.join('\n')}`);
  }
}

/** Plans of one user: of one, two or three lengths, trials now and then. */
async function offersOf(life: Life, chance: Chance): Promise<Offer[]> {
  const offers: Offer[] = [];
  for (let n = 1 + chance.below(3); n > 0; n--) {
    const period = chance.pick(PERIODS);
    const trialDays = chance.below(4) === 0 ? 1 + chance.below(20) : 0;
    const every = chance.pick(PERIODS.slice(0, PERIODS.indexOf(period) + 1));
    offers.push(await life.offer(period, chance.pick<number>(LIMITS[every]), trialDays, every));
  }
  return offers;
}

const STRIDES = [0.5, 1, 3.5, 7, 7.5, 15, 15.5, 16, 27, 30] as const;

type Strategy = (life: Life, offers: readonly Offer[], chance: Chance) => Promise<void>;

const strategies: Readonly<Record<string, Strategy>> = {
  /** Anything at any time. */
  async random(life, offers, chance) {
    while (!life.isOver) {
      life.wait(chance.below(3) === 0 ? chance.pick(STRIDES) : chance.below(1000) / 50);
      await life.act(chance.pick(ACTS), chance.pick(offers));
    }
  },
  /** The same few acts again and again. */
  async repeating(life, offers, chance) {
    const round = Array.from({ length: 1 + chance.below(5) }, () => ({
      days: chance.pick(STRIDES),
      act: chance.below(3) > 0 ? ('set' as const) : chance.pick(ACTS),
      offer: chance.pick(offers),
    }));
    while (!life.isOver) {
      for (const { days, act, offer } of round) {
        await life.act(act, offer);
        life.wait(days);
      }
    }
  },
  /** Whatever grants most at this moment; where nothing does, wait. */
  async greedy(life, offers, chance) {
    const days = chance.pick(STRIDES);
    await life.act('set', chance.pick(offers));
    while (!life.isOver) {
      life.wait(days);
      let best: { readonly offer: Offer; readonly units: number } | null = null;
      for (const offer of offers) {
        const units = await life.wouldGrant(offer);
        if (units > (best?.units ?? 0)) best = { offer, units };
      }
      await (best
        ? life.act(chance.below(2) === 0 ? 'set' : 'upgrade', best.offer)
        : life.act('wait', offers[0] as Offer));
    }
  },
};

for (const [name, strategy] of Object.entries(strategies)) {
  test(`no ${name} strategy gains more than one period on the best plan`, async () => {
    console.log(`SEED=${SEED} CREDIT_STRATEGIES=${RUNS}`);
    for (let run = 0; run < RUNS; run++) {
      const chance = new Chance(SEED + run);
      const life = new Life(Date.parse('2027-01-01T00:00:00Z') + chance.below(60) * (DAY / 2));
      const offers = await offersOf(life, chance);
      await strategy(life, offers, chance);
      await life.close();
    }
  });
}

test('plans of a week and of a day by turns grant no more than the week, and one period', async () => {
  const life = new Life(Date.parse('2027-01-01T00:00:00Z'));
  const offers = [await life.offer('weekly', 7000, 0), await life.offer('daily', 1000, 0)] as const;
  for (const [i, days] of [0.5, 7, 0.5, 7, 0.5, 7, 0.5, 7, 0.5, 7, 0.5, 7, 0.5, 7, 0.5, 3].entries()) {
    await life.act('set', offers[i % 2] as Offer);
    life.wait(days);
  }
  await life.act('set', offers[0]);
  await life.close();
});

test('a week that takes over a day again and again grants no more than the week, and one period', async () => {
  const life = new Life(Date.parse('2027-01-01T00:00:00Z'));
  const [weekly, daily] = [await life.offer('weekly', 77, 0), await life.offer('daily', 13, 0)];
  while (!life.isOver) {
    await life.act('set', daily);
    life.wait(30.5);
    await life.act('prorated', weekly);
    life.wait(1);
  }
  await life.close();
});

test.each([
  ['monthly', 100, 15.5],
  ['weekly', 100, 3.5],
] as const)(
  'a %s plan of %i that is set again every %f days grants one limit a period',
  async (period, limit, days) => {
    const life = new Life(Date.parse('2027-01-01T00:00:00Z'));
    const offer = await life.offer(period, limit, 0);
    while (!life.isOver) {
      await life.act('set', offer);
      life.wait(days);
    }
    await life.close();
  },
);
