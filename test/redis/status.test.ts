/** The access status through Redis: two managers with clients of their own, one database. */
import { expect, test } from 'vitest';
import { RedisCache } from '../../src/entries/redis.js';
import { createCreditManagement } from '../../src/index.js';
import { CLIENTS, describeRedis } from '../backends/redis.js';
import { CountingDb } from '../cache/bench.js';
import { amount } from '../support/amounts.js';
import { Chance, SEED } from '../support/chance.js';
import { QUIET } from '../support/quiet.js';

const CHANGES = amount('CREDIT_STATUS_READS');
/** No answer of Redis is late, however busy the machine is. */
const TIMEOUT_MS = 30_000;

describeRedis('access status through Redis', (server) => {
  test(`after each of ${CHANGES} mutations the next status in another process is that of the database`, async () => {
    const db = new CountingDb();
    const names = ['redis', 'ioredis'] as const;
    const clients = await Promise.all(names.map((name) => CLIENTS[name]?.(server().url)));
    const managers = clients.map((client) => {
      const backend = new RedisCache({ client: client?.client, timeoutMs: TIMEOUT_MS });
      return createCreditManagement({ db, logger: QUIET, cache: { backend, timeoutMs: TIMEOUT_MS } });
    });
    const chance = new Chance(SEED);
    let fromDatabase = 0;
    let differing = 0;
    for (let i = 0; i < CHANGES; i++) {
      const [writer, reader] = chance.shuffle(managers) as [(typeof managers)[0], (typeof managers)[0]];
      const user = `shop-${chance.below(5)}`;
      const credits = 1 + chance.below(3);
      if (chance.below(2) === 0) await writer.credits.deductCreditsAfterService(user, credits);
      else await writer.credits.addCredits(user, credits);
      const before = db.reads.length;
      const { status } = await reader.access.getStatus(user);
      fromDatabase += db.reads.length - before;
      const { available } = await reader.credits.getUserCreditsInfo(user, { fresh: true });
      if (status !== (available > 0 ? 'enabled' : 'disabled')) differing++;
    }
    expect(differing).toBe(0);
    // Opening the database, and nothing else.
    expect(fromDatabase).toBeLessThan(10);
    for (const manager of managers) await manager.close();
    for (const client of clients) client?.close();
  });

  test('readers in other languages find the status, until time alone changes it', async () => {
    const client = await CLIENTS.redis?.(server().url);
    const backend = new RedisCache({ client: client?.client, timeoutMs: TIMEOUT_MS });
    const access = { publish: true, ttlSeconds: 15 };
    const cache = { backend, timeoutMs: TIMEOUT_MS };
    const { credits, close } = createCreditManagement({ logger: QUIET, cache, access });
    const read = async () => {
      const text = await server().cli('get', 'credit:plugin_status:shop');
      return text === '' ? null : JSON.parse((JSON.parse(text) as { value: string }).value);
    };
    const left = async () => Number(await server().cli('pttl', 'credit:plugin_status:shop'));
    await credits.addCredits('shop', 3);
    const enabled = { status: 'enabled', reason: 'Sufficient credits', balance: 3, account_status: 'active' };
    expect(await read()).toEqual(enabled);
    expect(await left()).toBeGreaterThan(5_000);
    expect(await left()).toBeLessThanOrEqual(15_000);
    await credits.deductCredits('shop', 3);
    expect(await read()).toEqual({ ...enabled, status: 'disabled', reason: 'Insufficient credits', balance: 0 });
    await credits.addCredits('shop', 1, { expiresAt: new Date(Date.now() + 4_000) });
    expect(await left()).toBeLessThanOrEqual(4_000);
    await close();
    client?.close();
  });
});
