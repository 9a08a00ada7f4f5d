/** Who watches an account is told how it is, and of every change: by this process, by others, and by the clock. */
import { expect, test, vi } from 'vitest';
import {
  type AccessInfo,
  createCreditManagement,
  type DbManager,
  InMemoryCache,
  InMemoryDbManager,
  type MemorySession,
} from '../../src/index.js';
import { GatedDb } from '../backends/gated-db.js';
import { paced } from '../support/pace.js';
import { QUIET } from '../support/quiet.js';

const WAIT_MS = paced(8_000);

function watcher() {
  const told: AccessInfo[] = [];
  const until = (statuses: readonly string[]) =>
    vi.waitFor(() => expect(told.map(({ userId, status }) => `${userId} ${status}`)).toEqual(statuses), WAIT_MS);
  return { told, until, handler: (status: AccessInfo) => void told.push(status) };
}

test('a commit of this process is told at once, each change once and in order', async () => {
  const manager = createCreditManagement({ logger: QUIET });
  const { told, until, handler } = watcher();
  const stop = manager.access.watch(['u', 'v', 'u'], handler);
  await until(['u disabled', 'v disabled']);
  await manager.credits.addCredits('u', 5);
  await until(['u disabled', 'v disabled', 'u enabled']);
  const other = watcher();
  manager.access.watch(['u'], other.handler);
  await other.until(['u enabled']);
  await manager.credits.deductCredits('u', 2);
  await manager.credits.deductCredits('u', 3);
  await until(['u disabled', 'v disabled', 'u enabled', 'u disabled']);
  expect(told.at(-1)).toMatchObject({ reason: 'Insufficient credits', available: 0 });
  stop();
  await manager.credits.addCredits('u', 5);
  await manager.access.getStatus('u', { fresh: true });
  expect(told).toHaveLength(4);
  await manager.close();
});

test('a change by another process and one by the clock are told within the TTL', async () => {
  const db = new InMemoryDbManager();
  const access = { ttlSeconds: 1 };
  const [one, other] = [0, 1].map(() => createCreditManagement({ db, logger: QUIET, access })) as [
    ReturnType<typeof createCreditManagement>,
    ReturnType<typeof createCreditManagement>,
  ];
  const { until, handler } = watcher();
  one.access.watch(['u'], handler);
  await until(['u disabled']);
  await other.credits.addCredits('u', 5, { expiresAt: new Date(Date.now() + 1_500) });
  await until(['u disabled', 'u enabled']);
  await until(['u disabled', 'u enabled', 'u disabled']);
  await one.close();
  await other.close();
});

test('a change by another process is told although the cache of this one has the status from before', async () => {
  const db = new InMemoryDbManager();
  // Time stands still, so that the value in the cache stays young, and `v` is looked at again and again.
  const now = Date.UTC(2030, 0);
  const options = { db, clock: { now: () => new Date(now) }, logger: QUIET };
  const one = createCreditManagement({ ...options, cache: new InMemoryCache() });
  const other = createCreditManagement(options);
  await other.credits.addCredits('u', 5);
  await other.credits.addCredits('v', 5, { expiresAt: new Date(now + 20) });
  expect(await one.access.getStatus('u')).toMatchObject({ status: 'enabled' });
  const { until, handler } = watcher();
  one.access.watch(['u', 'v'], handler);
  await until(['u enabled', 'v enabled']);
  await other.credits.deductCredits('u', 5);
  expect(await one.access.getStatus('u')).toMatchObject({ status: 'enabled' });
  await until(['u enabled', 'v enabled', 'u disabled']);
  await one.close();
  await other.close();
});

test('a handler that fails, and a database that is away, end nothing', async () => {
  const db = new GatedDb();
  const logged: unknown[] = [];
  const logger = { ...QUIET, error: (...args: unknown[]) => void logged.push(args.at(-1)) };
  const manager = createCreditManagement<DbManager<MemorySession>>({ db, logger, access: { ttlSeconds: 1 } });
  await manager.credits.addCredits('u', 5);
  const { until, handler } = watcher();
  manager.access.watch(['u'], (status) => {
    handler(status);
    throw new Error('of the host');
  });
  await until(['u enabled']);
  db.methods.getMany = () => Promise.reject(new Error('away'));
  await vi.waitFor(() => expect(logged).toContain('The database does not tell whether accounts may be served'), {
    timeout: WAIT_MS,
  });
  expect(await manager.access.getStatus('u')).toMatchObject({ status: 'disabled', accountStatus: 'error' });
  await until(['u enabled']);
  delete db.methods.getMany;
  await manager.credits.deductCredits('u', 5);
  await until(['u enabled', 'u disabled']);
  expect(logged).toContain('A watcher failed');
  await manager.close();
  expect(() => manager.access.watch(['u'], handler)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
});

test('no more than a hundred accounts, and a function', () => {
  const { access } = createCreditManagement({ logger: QUIET });
  const many = Array.from({ length: 101 }, (_, i) => `u${i}`);
  const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' });
  expect(() => access.watch(many, () => {})).toThrow(invalid);
  expect(() => access.watch([''], () => {})).toThrow(invalid);
  expect(() => access.watch(['u'], null as never)).toThrow(invalid);
});
