/** What a host sees of its own transaction: a connection that breaks, and a database without the credits. */
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { expect, test } from 'vitest';
import { SqlDbManager } from '../../../src/entries/sql.js';
import { createCreditManagement, isCreditError } from '../../../src/index.js';
import { findPostgresBinaries, startKillablePostgres } from '../../backends/killable-postgres.js';
import { createDatabase, describePostgres, dropDatabase } from '../../backends/postgres.js';
import { TcpProxy } from '../../backends/proxy.js';
import { isFull } from '../../support/amounts.js';
import { codeOf } from '../../support/codes.js';
import { QUIET } from '../../support/quiet.js';
import { eventually } from '../../support/wait.js';

const open = (url: string) => createCreditManagement({ db: new SqlDbManager({ url }), logger: QUIET });

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return client;
}

await describePostgres('the transaction of a host', (database) => {
  test('whose connection breaks in a call gets an error of the library', async () => {
    const manager = open(database.url);
    const { credits, subscriptions } = manager;
    await credits.addCredits('ada', 5);
    let broken = 0;
    const proxy = await TcpProxy.start(database.url);
    const plan = { name: 'Pro', creditLimit: 1, price: 1, currency: 'USD', billingPeriod: 'monthly' } as const;
    for (const marker of ['savepoint credit_management', 'with dup(']) {
      for (const loses of ['request', 'answer'] as const) {
        for (const call of [
          (session: pg.Client) => credits.deductCredits('ada', 1, { session }),
          (session: pg.Client) => subscriptions.addSubscriptionPlan(plan, { session }),
          (session: pg.Client) => credits.getUserCreditsInfo('ada', { session }),
        ]) {
          const client = await connect(proxy.url);
          await client.query('begin');
          proxy.traps.splice(0, 1, { marker, loses });
          const error = await call(client).catch((thrown: unknown) => thrown);
          // A read sends no statement that writes.
          const isBroken = proxy.traps.length === 0;
          await client.end();
          if (!isBroken) continue;
          expect(isCreditError(error, 'STORAGE_UNAVAILABLE'), String(error)).toBe(true);
          broken++;
        }
      }
    }
    expect(broken).toBe(10);
    expect((await credits.getUserCreditsInfo('ada')).balance).toBe(5);
    await manager.close();
    await proxy.close();
  });

  test('on another database is refused, and goes on', async () => {
    const otherUrl = await createDatabase(database.url);
    const [manager, other] = [open(database.url), open(otherUrl)];
    for (const { credits } of [manager, other]) await credits.addCredits('bob', 5);
    const client = await connect(otherUrl);
    await client.query('begin; create table orders (id text)');
    for (const call of [
      () => manager.credits.deductCredits('bob', 1, { session: client }),
      () => manager.credits.getUserCreditsInfo('bob', { session: client }),
    ]) {
      expect(await codeOf(call())).toBe('INVALID_ARGUMENT');
      await expect(call()).rejects.toThrow('another database');
    }
    await other.credits.deductCredits('bob', 2, { session: client });
    await client.query('commit; select from orders');
    expect((await other.credits.getUserCreditsInfo('bob')).balance).toBe(3);
    expect((await manager.credits.getUserCreditsInfo('bob')).balance).toBe(5);
    await client.end();
    for (const each of [manager, other]) await each.close();
    await dropDatabase(database.url, otherUrl);
  });
});

test.skipIf('missing' in findPostgresBinaries())('is that of the credits after a restart of the server', async () => {
  const server = await startKillablePostgres();
  const { credits, close } = open(server.url);
  await credits.addCredits('ada', 5);
  await server.kill('immediate');
  await server.start();
  await eventually(async () => {
    const client = await connect(server.url);
    try {
      await client.query('begin');
      await credits.deductCredits('ada', 2, { session: client });
      await client.query('commit');
    } finally {
      await client.end();
    }
  });
  expect((await credits.getUserCreditsInfo('ada')).balance).toBe(3);
  await close();
  await server.remove();
});

// Two of them take longer to start than all other tests of this folder.
test.runIf(isFull)('a transaction of another PGlite is refused', async () => {
  const [pglite, other] = [new PGlite(), new PGlite()];
  const { credits, init, close } = createCreditManagement({ db: new SqlDbManager({ pglite }), logger: QUIET });
  await init();
  await other.transaction(async (session) => {
    expect(await codeOf(credits.addCredits('ada', 5, { session }))).toBe('INVALID_ARGUMENT');
  });
  await close();
  for (const each of [pglite, other]) await each.close();
});
