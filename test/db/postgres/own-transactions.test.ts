/** Calls inside `db.transaction(run)`, and the connections that they need beside it. */
import { PGlite } from '@electric-sql/pglite';
import { expect, test } from 'vitest';
import { SqlDbManager, type SqlOptions } from '../../../src/entries/sql.js';
import { createCreditManagement } from '../../../src/index.js';
import { describePostgres } from '../../backends/postgres.js';
import { isFull } from '../../support/amounts.js';
import { PATIENT_MS } from '../../support/pace.js';
import { QUIET } from '../../support/quiet.js';
import { until } from '../../support/wait.js';

function open(options: SqlOptions, timeoutMs?: number) {
  const db = new SqlDbManager({ timeoutMs, ...options });
  return { ...createCreditManagement({ db, logger: QUIET, timeoutMs }), db };
}

/** The host's own statement, which begins the transaction. */
const order = (session: object) => (session as { query(text: string): Promise<unknown> }).query('select 1');
const users = Array.from({ length: 10 }, (_, i) => `user-${i}`);

await describePostgres('transactions of our own', (database) => {
  test.each([1, 2, 10])(
    'ten at once with %i connections, each with a new account, are ten grants',
    async (poolSize) => {
      const { db, credits, init, close } = open({ url: database.url, poolSize, prefix: `ten_${poolSize}_` });
      await init();
      await Promise.all(
        users.map((user) =>
          db.transaction(async (session) => {
            await order(session);
            await credits.addCredits(user, 5, { session });
            await credits.transferCredits({ from: user, to: `${user}-friend`, amount: 2 }, { session });
          }),
        ),
      );
      const infos = await credits.getUsersCreditsInfo(users);
      expect(infos.map(({ balance }) => balance)).toEqual(users.map(() => 3));
      await close();
    },
  );

  test.each([
    ['one connection', 1, async () => {}],
    ['two connections, after a statement of the host', 2, order],
  ])('with %s they may be the first calls of a process', async (_, poolSize, before) => {
    const { db, credits, close } = open({ url: database.url, poolSize, prefix: `first_${poolSize}_` });
    const first = (user: string) =>
      db.transaction(async (session) => {
        await before(session);
        await credits.addCredits(user, 5, { session });
      });
    await Promise.all(users.map(first));
    const infos = await credits.getUsersCreditsInfo(users);
    expect(infos.map(({ balance }) => balance)).toEqual(users.map(() => 5));
    await close();
  });

  test('a call without the session finds a connection, however many transactions wait for it', async () => {
    const { db, credits, init, close } = open({ url: database.url, poolSize: 3, prefix: 'beside_' });
    await init();
    const balances = await Promise.all(
      users.map((user) =>
        db.transaction(async (session) => {
          await credits.addCredits(user, 5, { session });
          return (await credits.getUserCreditsInfo(user)).balance;
        }),
      ),
    );
    expect(balances).toEqual(users.map(() => 0));
    await close();
  });

  test('an account that a transaction with the only connection made is gone with its rollback', async () => {
    const { db, credits, init, close } = open({ url: database.url, poolSize: 1, prefix: 'gone_' });
    await init();
    const undone = db.transaction(async (session) => {
      await order(session);
      await credits.addCredits('ada', 5, { session });
      throw new Error('undo it');
    });
    await expect(undone).rejects.toThrow('undo it');
    expect(await credits.getUserCreditsInfo('ada')).toMatchObject({ balance: 0 });
    expect((await credits.addCredits('ada', 7)).balanceAfter).toBe(7);
    await close();
  });
});

test.runIf(isFull)('on PGlite, calls join transactions of the host and of our own', async () => {
  const pglite = new PGlite();
  const { db, credits, init, close } = open({ pglite });
  await db.transaction((session) => credits.addCredits('ada', 1, { session }));
  await init();
  await pglite.transaction(async (session) => {
    await session.query('create table orders (id text)');
    await credits.addCredits('ada', 5, { session });
    await credits.transferCredits({ from: 'ada', to: 'bob', amount: 2 }, { session });
    await session.query("insert into orders values ('o')");
  });
  await db.transaction(async (session) => {
    await order(session);
    await credits.addCredits('cleo', 3, { session });
  });
  const infos = await credits.getUsersCreditsInfo(['ada', 'bob', 'cleo']);
  expect(infos.map(({ balance }) => balance)).toEqual([4, 2, 3]);
  await close();
  await pglite.close();
});

test.runIf(isFull)(
  'on PGlite, a first call inside a transaction of the host is refused at once, and says why',
  async () => {
    const pglite = new PGlite();
    const { credits, init, close } = open({ pglite }, PATIENT_MS);
    await pglite.transaction(async (session) => {
      const calls = [credits.addCredits('ada', 5, { session }), credits.getUserCreditsInfo('ada', { session })];
      const ends: string[] = [];
      for (const call of calls) call.catch(({ code, message }) => ends.push(`${code}: ${message}`));
      await until(() => ends.length === calls.length, 'both are refused');
      for (const end of ends) expect(end).toMatch(/^CONFIGURATION: .* Await manager.init\(\) before the transaction.$/);
    });
    await init();
    await pglite.transaction((session) => credits.addCredits('ada', 5, { session }));
    expect((await credits.getUserCreditsInfo('ada')).balance).toBe(5);
    await close();
    await pglite.close();
  },
);
