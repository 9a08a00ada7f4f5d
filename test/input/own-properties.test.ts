/** Own properties alone: what a prototype holds is neither given by a caller nor part of what is stored. */
import { afterEach, expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';
import { createCreditManagement, InMemoryDbManager } from '../../src/index.js';

const put = new Set<string>();

/** What a careless library leaves behind. */
function pollute(name: string, value: unknown): void {
  Object.defineProperty(Object.prototype, name, { value, enumerable: true, configurable: true, writable: true });
  put.add(name);
}

function clean(): void {
  for (const name of put) Reflect.deleteProperty(Object.prototype, name);
  put.clear();
}

afterEach(clean);

test('an option that is inherited was not given', async () => {
  const { credits } = createTestCredits();
  const inherited = Object.create({ idempotencyKey: 'k', description: 'inherited' }) as object;
  for (let call = 1; call <= 2; call++) {
    expect(await credits.addCredits('u', 5, inherited)).toMatchObject({ replayed: false, description: null });
  }
  const hold = await credits.reserveCredits('u', 1);
  await expect(credits.releaseReservedCredits(Object.create(hold) as typeof hold)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});

test('options that Object.prototype holds are options of no call, with options of its own and without', async () => {
  const { credits, subscriptions, ledger, jobs, promos } = createTestCredits();
  for (const [name, value] of Object.entries({
    ...{ idempotencyKey: 'k', description: 'theirs', expiresAt: new Date(0), limit: 1, includeHolds: true },
    ...{ effectiveAt: new Date(0), source: 'trial', actor: 'theirs', metadata: { theirs: 1 }, autoRenew: false },
    ...{ maxUses: 1, validUntil: new Date(0), userId: 'theirs', asOf: new Date(0), leaked: 1 },
  })) {
    pollute(name, value);
  }
  const answers = [];
  for (const options of [undefined, {}, { reason: 'r' }]) answers.push(await credits.addCredits('u', 5, options));
  expect(answers.map(({ replayed, description, actor }) => [replayed, description, actor])).toEqual(
    Array(3).fill([false, null, null]),
  );
  expect((await credits.getCreditHistory('u')).items).toHaveLength(3);
  const daily = { name: 'P', creditLimit: 10, price: 0, billingPeriod: 'daily' } as const;
  const set = await subscriptions.setUserSubscriptionPlan('s', await subscriptions.addSubscriptionPlan(daily));
  expect(set).toMatchObject({ autoRenew: true });
  expect(await promos.createPromo({ code: 'P', credits: 1 })).toMatchObject({ maxUses: null, validUntil: null });
  expect(await jobs.runExpiration()).toMatchObject({ status: 'completed' });
  expect((await ledger.list()).items.length).toBeGreaterThan(3);
  clean();
  expect(await ledger.verify()).toMatchObject({ ok: true });
});

test('what Object.prototype holds is no part of an entry: processes with it and without it agree', async () => {
  const db = new InMemoryDbManager();
  const open = () => createCreditManagement({ db, ledger: { errors: true } });
  const polluted = open();
  pollute('leaked', { deep: 1 });
  await polluted.credits.addCredits('u', 5);
  await polluted.credits.addCredits('u', 5, { metadata: { a: 1 }, idempotencyKey: 'k' });
  await polluted.credits.deductCredits('u', 100).catch(() => {});
  expect(await polluted.ledger.verify()).toMatchObject({ ok: true });
  clean();
  const plain = open();
  expect(await plain.ledger.verify()).toMatchObject({ ok: true, problemCount: 0 });
  expect(await plain.credits.addCredits('u', 5, { metadata: { a: 1 }, idempotencyKey: 'k' })).toMatchObject({
    replayed: true,
  });
  pollute('leaked', 2);
  expect(await open().ledger.verify()).toMatchObject({ ok: true });
  expect((await open().credits.getUserCreditsInfo('u')).balance).toBe(10);
});

test('a manager takes no option from a prototype', async () => {
  pollute('creditScale', 9);
  pollute('openGrants', -1);
  pollute('leaked', 1);
  const manager = createCreditManagement({ limits: { activeReservations: 5 }, creditTypes: { image: {} } });
  await manager.creditType('image').addCredits('u', 0.5);
  expect((await manager.creditType('image').getUserCreditsInfo('u')).balance).toBe(0.5);
});
