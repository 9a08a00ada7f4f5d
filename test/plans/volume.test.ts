/** Many due rows on a server: what a sweep costs. `CREDIT_VOLUME` of each; the rates are printed, not judged. */
import { expect, test } from 'vitest';
import { ADAPTER, amount } from '../processes/servers.js';
import { describeStore } from './stores.js';
import { MONTHLY } from './world.js';

const VOLUME = Math.floor(amount('CREDIT_VOLUME', 300));
const DAY_MS = 86_400_000;

await describeStore('volume', ({ withStore }) => {
  test(
    `${VOLUME} due expiries and ${VOLUME} due allocations`,
    () =>
      withStore(async (store) => {
        const users = Array.from({ length: VOLUME }, (_, i) => `u${i}`);
        const past = store.open({ clock: { now: () => new Date(Date.now() - 40 * DAY_MS) } });
        const plan = await past.subscriptions.addSubscriptionPlan({ ...MONTHLY, validityDays: 10 });
        await Promise.all(users.map((user) => past.subscriptions.setUserSubscriptionPlan(user, plan)));
        const { jobs, credits, ledger } = store.open();
        let heap = 0;
        const onProgress = () => {
          heap = Math.max(heap, process.memoryUsage().heapUsed);
        };
        const before = process.memoryUsage().heapUsed;
        const expiry = await jobs.runExpiration({ onProgress });
        expect(expiry).toMatchObject({
          status: 'completed',
          processed: VOLUME,
          expired: 100 * VOLUME,
          skippedCount: 0,
        });
        const allocation = await jobs.runAllocation({ onProgress });
        expect(allocation).toMatchObject({ status: 'completed', processed: VOLUME, granted: 100 * VOLUME });
        const rate = ({ durationMs }: { durationMs: number }) => Math.round((1000 * VOLUME) / durationMs);
        const began = performance.now();
        await Promise.all(users.map((user) => credits.deductCreditsAfterService(user, 1)));
        const rates = { expiries: rate(expiry), allocations: rate(allocation) };
        const deductions = rate({ durationMs: performance.now() - began });
        const heapGrowthMb = Math.round((heap - before) / 2 ** 20);
        const perSecond = { ...rates, deductions };
        console.log(`volume on ${ADAPTER}: ${JSON.stringify({ rows: VOLUME, perSecond, heapGrowthMb })}`);
        if (VOLUME <= 1_000) expect((await ledger.verify()).problems).toEqual([]);
      }),
    600_000,
  );
});
