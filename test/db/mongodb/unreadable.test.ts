/** A text that is no JSON in one document: whoever needs it is told, and nobody else. */
import { expect, test } from 'vitest';
import { testClock } from '../../../src/entries/testing.js';
import { describeMongo } from '../../backends/mongo.js';
import { type MongoStore, withStore } from '../../backends/mongodb-store.js';

const MONTHLY = { name: 'Pro', creditLimit: 100, price: 5, currency: 'USD', billingPeriod: 'monthly' } as const;
const USERS = ['u1', 'u2', 'u3'];

/** A model, its document, the field that is damaged, and whose user allocation, expiry and events then leave out. */
const DAMAGES = [
  ['account', { _id: 'credits/u2' }, 'state', [1, 1, 0]],
  ['subscription', { _id: 'u2' }, 'terms', [1, 0, 0]],
  ['plan', { name: 'Other' }, 'alsoGrants', [0, 0, 0]],
  ['outbox', { userId: 'u2' }, 'payload', [0, 0, 1]],
] as const;

await describeMongo('a document that cannot be read', (database) => {
  for (const [model, where, field, [allocation, expiry, events]] of DAMAGES) {
    test(`${model}.${field}`, () => withStore(database.url, (store) => damaged(store)));

    async function damaged(store: MongoStore): Promise<void> {
      const clock = testClock('2026-01-01T00:00:00Z');
      const delivered = new Set<string>();
      const sink = { name: 'sink', publish: async ({ userId }: { userId: string }) => void delivered.add(userId) };
      const open = () => store.open({ clock, sinks: [sink], queue: { enqueue: async () => {} } });
      const { subscriptions, credits } = open();
      const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
      const other = await subscriptions.addSubscriptionPlan({ ...MONTHLY, name: 'Other' });
      for (const user of USERS) {
        await credits.addCredits(user, 3, { expiresAt: '2026-01-15T00:00:00Z' });
        await subscriptions.setUserSubscriptionPlan(user, user === 'u2' ? other : plan);
      }
      const collection = store.database.collection(`credit_${model}`);
      const { modifiedCount } = await collection.updateOne(where as object, { $set: { [field]: '{' } });
      expect(modifiedCount).toBe(1);
      const job = { status: 'completed' };
      const sent = await open().jobs.runOutbox();
      expect(sent).toMatchObject({ ...job, skippedCount: events });
      expect(delivered).toEqual(new Set(events ? ['u1', 'u3'] : USERS));
      expect(await open().jobs.runExpiringNotifications({ withinDays: 20 })).toMatchObject({
        ...job,
        skippedCount: expiry,
      });
      clock.set('2026-02-01T00:00:00Z');
      const granted = { processed: 3 - allocation, granted: 100 * (3 - allocation), skippedCount: allocation };
      expect(await open().jobs.runAllocation()).toMatchObject({ ...job, ...granted });
      expect(await open().jobs.runExpiration()).toMatchObject({ ...job, skippedCount: expiry });
      const late = open();
      const calls = USERS.map((user) =>
        late.credits.addCredits(user, 1).then(
          () => 'added',
          ({ code }) => code,
        ),
      );
      expect(await Promise.all(calls)).toEqual(['added', expiry ? 'INVARIANT_VIOLATION' : 'added', 'added']);
      const cancels = USERS.map((user) =>
        late.subscriptions.cancelUserSubscription(user).then(
          () => 'cancelled',
          ({ code }) => code,
        ),
      );
      const cancelled = allocation ? 'INVARIANT_VIOLATION' : 'cancelled';
      expect(await Promise.all(cancels)).toEqual(['cancelled', cancelled, 'cancelled']);
    }
  }
});
