/** Automatic top-ups at the edge: settings that are refused, what is read, what an audit finds. */
import { expect, test } from 'vitest';
import type { Row } from '../../src/index.js';
import { memoryWorld, type OpenWorld } from '../support/plan-world.js';
import { until } from '../support/wait.js';
import { SETTINGS, topUpWorld } from './top-up-world.js';
import { paymentWorld } from './world.js';

const open: OpenWorld = async (options) => memoryWorld(options);

test('settings of a top-up that make no sense are refused, with the field', async () => {
  const { manager } = await topUpWorld(open, { pricing: { INR: { creditsPerUnit: 1 }, USD: { creditsPerUnit: 90 } } });
  const { amount: _, currency: __, ...plain } = SETTINGS;
  const set = (settings: object) => manager.payments.setAutoTopUp('u', settings as never);
  const refused: readonly (readonly [object, string])[] = [
    [plain, 'settings'],
    [{ ...SETTINGS, target: 500 }, 'settings'],
    [{ ...plain, target: 500 }, 'settings.currency'],
    [{ ...plain, target: 100, currency: 'INR' }, 'settings.target'],
    [{ ...SETTINGS, maxAmount: 499 }, 'settings.maxAmount'],
    [{ ...SETTINGS, coolDownSeconds: 0 }, 'settings.coolDownSeconds'],
    [{ ...SETTINGS, offAfter: 21 }, 'settings.offAfter'],
    [{ ...SETTINGS, maxCount: 0 }, 'settings.maxCount'],
  ];
  for (const [settings, path] of refused) {
    await expect(set(settings)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', details: { path } });
  }
  await expect(set({ ...SETTINGS, threshold: 0 })).rejects.toMatchObject({ code: 'INVALID_AMOUNT' });
  await expect(set({ ...SETTINGS, provider: 'other' })).rejects.toMatchObject({ code: 'PROVIDER_NOT_FOUND' });
  expect(await manager.payments.getAutoTopUp('u')).toBeNull();
});

test('a provider that cannot charge gets a link made, also for a customer that it keeps', async () => {
  const { world, manager, provider } = await paymentWorld(open);
  await manager.credits.addCredits('u', 150);
  await manager.payments.setAutoTopUp('u', SETTINGS);
  await manager.credits.deductCredits('u', 60);
  await until(() => world.count('top_up.link_made') === 1, 'a link was made');
  expect(world.events.at(-1)?.data).toMatchObject({ reason: 'no_charge', url: expect.stringContaining('https://') });
  await manager.payments.reconcilePayments();
  expect(provider.links).toHaveLength(1);
});

test('more money than there is keeps a top-up from buying, and nobody from spending', async () => {
  const pricing = { INR: { creditsPerUnit: '0.000003' } };
  const { world, provider, start, spend, told, state } = await topUpWorld(open, { pricing });
  await start({ target: 2_000_000_000 });
  await spend(60);
  for (let i = 0; i < 20; i++) await spend(0.000001);
  expect(told()).toEqual(['skipped: amount_too_large']);
  expect(await state()).toMatchObject({ isOn: true, inFlight: null, dueAt: null });
  expect([await world.balance('u'), provider.asked]).toEqual([89.99998, 0]);
  await world.expectSound();
});

test('settings are repeated with their key, and begin a payment at once where too little is there', async () => {
  const { manager, provider, settled, told } = await topUpWorld(open);
  const key = { idempotencyKey: 'k' };
  await manager.payments.setAutoTopUp('u', SETTINGS, key);
  await settled();
  await manager.payments.setAutoTopUp('u', SETTINGS, key);
  expect(provider.charges.size).toBe(1);
  expect(told()).toEqual(['started: below_threshold', 'succeeded: paid']);
  const other = manager.payments.setAutoTopUp('u', { ...SETTINGS, maxCount: 3 }, key);
  await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
});

test('an account above its threshold reads no row of a top-up', async () => {
  const { world, manager, start, spend, settled } = await topUpWorld(open);
  await start();
  const { host } = world;
  const read: string[] = [];
  const getMany = host.getMany.bind(host);
  host.getMany = (model, keys, options) => {
    read.push(model);
    return getMany(model, keys, options);
  };
  for (let i = 0; i < 5; i++) await spend(10);
  expect(read).not.toContain('top_up');
  await spend(1);
  expect(read.filter((model) => model === 'top_up').length).toBeGreaterThan(0);
  await settled();
  await manager.payments.setAutoTopUp('u', null);
  read.length = 0;
  await spend(1);
  expect(read).not.toContain('top_up');
});

test('verify names a top-up whose row was changed, taken away, or made beside the library', async () => {
  const { world, manager, start, spend, settled } = await topUpWorld(open);
  await start();
  await spend(60);
  await settled();
  const [row] = (await world.host.getMany('top_up', ['credits/u'])) as [Row];
  const expectNamed = async (id: string, kind = 'top_up') => {
    expect((await manager.ledger.verify()).problems).toMatchObject([{ kind, id }]);
  };
  let { version } = row;
  for (const change of [{ maxAmountMinor: 9_999_999 }, { attempts: [] }, { inFlight: null, declines: 1 }]) {
    const changed = { ...row, ...change, version: ++version } as Row;
    await world.host.commit([[{ op: 'replace', model: 'top_up', row: changed, expectedVersion: version - 1 }]]);
    await expectNamed('credits/u');
    expect((await manager.ledger.verify({ userId: 'u' })).problems).toHaveLength(1);
    expect((await manager.ledger.verify({ userId: 'v' })).problems).toEqual([]);
  }
  await world.host.commit([[{ op: 'delete', model: 'top_up', key: 'credits/u', expectedVersion: version }]]);
  await expectNamed('credits/u');
  const forged = { ...row, id: 'credits/v', userId: 'v' } as Row;
  await world.host.commit([
    [
      { op: 'insert', model: 'top_up', row },
      { op: 'insert', model: 'top_up', row: forged },
    ],
  ]);
  await expectNamed('credits/v');
});
