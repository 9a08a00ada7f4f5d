/**
 * Checks of the access status a second: from the cache of the process, through Redis, and from PostgreSQL, against a
 * raw GET and a raw select of one row by the same drivers, rounds alternating in one run. REDIS_URL and
 * CREDIT_DATABASE_URL name the servers.
 */

import { type CacheBackend, type CreditManagement, createCreditManagement, InMemoryCache } from 'credit-management';
import { RedisCache } from 'credit-management/redis';
import { SqlDbManager } from 'credit-management/sql';
import pg from 'pg';
import { createClient } from 'redis';
import { accountKey } from '../../src/models/account.js';
import { ACCOUNTS, accountsOf, fund, loop, median } from './closed-loop.js';

const IN_FLIGHT = 64;
const POOL = 10;

interface Contestant {
  readonly design: string;
  check(user: string): Promise<unknown>;
  /** What it is compared with, and which part of its rate is the goal. */
  readonly against?: { readonly design: string; readonly goal: number };
}

export async function benchAccess(options: { seconds: number; rounds: number; json: boolean }): Promise<void> {
  const { REDIS_URL: redisUrl, CREDIT_DATABASE_URL: url } = process.env;
  if (!redisUrl || !url) throw new Error('Set REDIS_URL and CREDIT_DATABASE_URL.');
  const client = await createClient({ url: redisUrl }).connect();
  const pool = new pg.Pool({ connectionString: url, max: POOL });
  const managers: CreditManagement[] = [];
  const open = (cache?: CacheBackend) => {
    const made = createCreditManagement({ db: new SqlDbManager({ pool }), ...(cache && { cache }) });
    managers.push(made as unknown as CreditManagement);
    return made;
  };
  const [own, shared, bare] = [
    open(new InMemoryCache({ maxEntries: 2 * ACCOUNTS })),
    open(new RedisCache({ client })),
    open(),
  ];
  await fund(bare as never);
  const users = Array.from({ length: ACCOUNTS }, (_, i) => `user-${i}`);
  for (const manager of [own, shared]) for (const user of users) await manager.access.getStatus(user);
  for (const user of users)
    await client.set(`raw:${user}`, '[7,1790000000000,7,1790000000000,1790000000000,5000000,0,0,null]');
  const row = 'select * from credit_account where id = $1';
  const contestants: readonly Contestant[] = [
    { design: 'raw GET', check: (user) => client.get(`raw:${user}`) },
    {
      design: 'raw select',
      check: (user) => pool.query({ name: 'raw', text: row, values: [accountKey('credits', user)] }),
    },
    {
      design: 'through Redis',
      check: (user) => shared.access.getStatus(user),
      against: { design: 'raw GET', goal: 0.6 },
    },
    {
      design: 'process cache',
      check: (user) => own.access.getStatus(user),
      against: { design: 'through Redis', goal: 20 },
    },
    { design: 'database', check: (user) => bare.access.getStatus(user), against: { design: 'raw select', goal: 0.6 } },
  ];
  const rates = new Map<string, number[]>(contestants.map(({ design }) => [design, []]));
  const accountOf = accountsOf('uniform');
  for (let round = 0; round < options.rounds; round++) {
    for (const { design, check } of contestants) {
      const one = async (n: number) => void (await check(`user-${accountOf(n)}`));
      const { opsPerSecond } = await loop(one, IN_FLIGHT, options.seconds);
      rates.get(design)?.push(opsPerSecond);
    }
  }
  for (const { design, against } of contestants) {
    const rate = median(rates.get(design) as number[]);
    const ratio = against ? rate / median(rates.get(against.design) as number[]) : null;
    const goal = ratio !== null && { ratio: Number(ratio.toFixed(2)), of: against?.design, goal: against?.goal };
    const line = { design, perSecond: Math.round(rate), ...goal };
    console.log(options.json ? JSON.stringify(line) : line);
  }
  for (const manager of managers) await manager.close();
  await pool.end().catch(() => {});
  client.destroy();
}
