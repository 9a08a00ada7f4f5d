/** When periods start, by hand-made tables, whatever zone the process itself is in. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PlanInput } from '../../src/index.js';
import { codeOf } from '../support/codes.js';
import { MONTHLY, memoryWorld } from '../support/plan-world.js';

interface Table {
  readonly name: string;
  readonly plan: Partial<PlanInput>;
  /** The first start, and the ones that follow. */
  readonly starts: readonly string[];
}

const NEW_YORK = 'America/New_York';
const table = (name: string, plan: Partial<PlanInput>, ...starts: string[]): Table => ({ name, plan, starts });
const days = (month: string, ...list: string[]) => list.map((day) => `${month}-${day}`);
const daily = { billingPeriod: 'daily' } as const;

const TABLES: readonly Table[] = [
  table(
    'monthly from Jan 31, and back on Jan 31 a year later',
    {},
    ...['2025-01-31T10:00', '2025-02-28T10:00', '2025-03-31T10:00', '2025-04-30T10:00', '2025-05-31T10:00'],
    ...['2025-06-30T10:00', '2025-07-31T10:00', '2025-08-31T10:00', '2025-09-30T10:00', '2025-10-31T10:00'],
    ...['2025-11-30T10:00', '2025-12-31T10:00', '2026-01-31T10:00'],
  ),
  table('monthly from Jan 31 of a leap year', {}, '2024-01-31', '2024-02-29', '2024-03-31', '2024-04-30'),
  table('monthly from Dec 30', {}, '2024-12-30', '2025-01-30', '2025-02-28', '2025-03-30'),
  table(
    'yearly from Feb 29',
    { billingPeriod: 'yearly' },
    ...['2024-02-29', '2025-02-28', '2026-02-28', '2027-02-28', '2028-02-29'],
  ),
  table('weekly', { billingPeriod: 'weekly' }, '2024-02-26', '2024-03-04', '2024-03-11'),
  table(
    'weekly at ten in New York when summer begins',
    { billingPeriod: 'weekly', timeZone: NEW_YORK },
    ...['2025-03-05T15:00', '2025-03-12T14:00', '2025-03-19T14:00'],
  ),
  table(
    'daily at midnight in New York: a day of 23 hours',
    { ...daily, timeZone: NEW_YORK },
    ...days('2025-03', '08T05:00', '09T05:00', '10T04:00', '11T04:00'),
  ),
  table(
    'daily at midnight in New York: a day of 25 hours',
    { ...daily, timeZone: NEW_YORK },
    ...days('2025-11', '01T04:00', '02T04:00', '03T05:00', '04T05:00'),
  ),
  table(
    'daily at 01:30 in New York, which is there twice: the first of them',
    { ...daily, timeZone: NEW_YORK },
    ...days('2025-11', '01T05:30', '02T05:30', '03T06:30'),
  ),
  table(
    'daily at 02:30 in New York, which is skipped: as much later as the clock is put forward',
    { ...daily, timeZone: NEW_YORK },
    ...days('2025-03', '08T07:30', '09T07:30', '10T06:30'),
  ),
  table(
    'daily at midnight in São Paulo, where one was skipped',
    { ...daily, timeZone: 'America/Sao_Paulo' },
    ...days('2018-11', '03T03:00', '04T03:00', '05T02:00'),
  ),
  table(
    'daily at midnight in Beirut, where one was skipped',
    { ...daily, timeZone: 'Asia/Beirut' },
    ...days('2021-03', '26T22:00', '27T22:00', '28T21:00'),
  ),
  table(
    'daily at midnight in Cairo, where one was skipped',
    { ...daily, timeZone: 'Africa/Cairo' },
    ...days('2023-04', '26T22:00', '27T22:00', '28T21:00'),
  ),
  table(
    'daily at midnight in Kolkata',
    { ...daily, timeZone: 'Asia/Kolkata' },
    ...days('2025-02', '27T18:30', '28T18:30'),
    '2025-03-01T18:30',
  ),
  table(
    'monthly on the 31st on Lord Howe, with summer time of half an hour',
    { timeZone: 'Australia/Lord_Howe' },
    ...['2025-07-30T23:30', '2025-08-30T23:30', '2025-09-29T23:30', '2025-10-30T23:00'],
  ),
];

const full = (text: string) => new Date(`${text.includes('T') ? text : `${text}T00:00`}:00Z`).toISOString();

describe.each(['UTC', NEW_YORK, 'Pacific/Kiritimati', 'Asia/Beirut'])('in a process of the zone %s', (zone) => {
  const before = process.env.TZ;
  beforeAll(() => {
    process.env.TZ = zone;
  });
  afterAll(() => {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  });

  test('the zone is in force', () => {
    expect(new Intl.DateTimeFormat().resolvedOptions().timeZone).toBe(zone);
  });

  test.each(TABLES)('$name', async ({ plan, starts }) => {
    const expected = starts.map(full);
    for (const isLate of [false, true]) {
      const world = memoryWorld();
      const { subscriptions, jobs, credits, ledger } = world.manager;
      world.clock.set(expected[0] as string);
      await subscriptions.setUserSubscriptionPlan(
        'u',
        await subscriptions.addSubscriptionPlan({ ...MONTHLY, ...plan }),
      );
      const told: string[] = [];
      for (const start of isLate ? expected.slice(-1) : expected.slice(1)) {
        // A moment before, nothing is due.
        if (!isLate) {
          world.clock.set(new Date(Date.parse(start) - 1));
          expect(await jobs.runAllocation()).toMatchObject({ processed: 0 });
        }
        world.clock.set(start);
        expect(await jobs.runAllocation()).toMatchObject({ processed: 1, skippedCount: 0 });
        told.push((await subscriptions.getUserSubscriptionPlan('u'))?.periodStart.toISOString() ?? '');
      }
      expect(told).toEqual(isLate ? expected.slice(-1) : expected.slice(1));
      const { items } = await credits.getGrants('u', { includeClosed: true, limit: 100 });
      const grants = items.toSorted((a, b) => a.effectiveAt.getTime() - b.effectiveAt.getTime());
      expect(grants.map(({ effectiveAt }) => effectiveAt.toISOString())).toEqual(expected);
      // Each lasts until the next one starts.
      const ends = grants.slice(0, -1).map(({ expiresAt }) => expiresAt?.toISOString());
      expect(ends).toEqual(expected.slice(1));
      expect((await credits.getUserCreditsInfo('u')).balance).toBe(100);
      expect((await ledger.verify()).problems).toEqual([]);
    }
  });
});

test('days of validity and of a trial are days of the wall clock of the plan', async () => {
  const world = memoryWorld();
  const { subscriptions, credits } = world.manager;
  world.clock.set('2025-03-05T15:00:00Z');
  const plan = { ...MONTHLY, timeZone: NEW_YORK, validityDays: 7 };
  await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(plan));
  const [grant] = (await credits.getGrants('u')).items;
  expect(grant?.expiresAt?.toISOString()).toBe('2025-03-12T14:00:00.000Z');
  const trial = await subscriptions.addSubscriptionPlan({ ...MONTHLY, timeZone: NEW_YORK, trialDays: 5 });
  const { periodEnd, status } = await subscriptions.setUserSubscriptionPlan('v', trial);
  expect([status, periodEnd.toISOString()]).toEqual(['trialing', '2025-03-10T14:00:00.000Z']);
});

test('a plan that names a zone without Temporal, or one that there is not, is refused', async () => {
  const world = memoryWorld();
  const without = memoryWorld({ temporal: undefined }).manager.subscriptions;
  const plan = { ...MONTHLY, timeZone: 'Europe/Berlin' };
  expect(await codeOf(without.addSubscriptionPlan(plan))).toBe('CONFIGURATION');
  const utc = await without.addSubscriptionPlan(MONTHLY);
  const update = { id: utc.id, timeZone: 'Europe/Berlin' };
  expect(await codeOf(without.updateSubscriptionPlan(update))).toBe('CONFIGURATION');
  expect((await without.getSubscriptionPlan(utc.id))?.timeZone).toBe(null);
  const { subscriptions } = world.manager;
  expect((await subscriptions.addSubscriptionPlan(plan)).timeZone).toBe('Europe/Berlin');
  for (const timeZone of ['Mars/Olympus', 'Not A Zone', '٣']) {
    expect(await codeOf(subscriptions.addSubscriptionPlan({ ...plan, timeZone }))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(without.addSubscriptionPlan({ ...plan, timeZone }))).toBe('INVALID_ARGUMENT');
  }
});
