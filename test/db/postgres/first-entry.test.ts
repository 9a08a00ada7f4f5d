/** What an account gets with its first entry and never changes again: later commits do not send it. */
import pg from 'pg';
import { expect, test } from 'vitest';
import { SqlDbManager } from '../../../src/entries/sql.js';
import { createCreditManagement } from '../../../src/index.js';
import { createDatabase, describePostgres, dropDatabase } from '../../backends/postgres.js';
import { QUIET } from '../../support/quiet.js';

/** More than a combination of changes needs for a text of its own. */
const OFTEN = 12;

await describePostgres('the first entry of an account', (server) => {
  test('gives it its age, alone and among others, before and after commits that leave it alone', async () => {
    const url = await createDatabase(server.url);
    const open = () => createCreditManagement({ db: new SqlDbManager({ url }), logger: QUIET });
    const began = Date.now() - 60_000;
    const first = open();
    await first.credits.addCredits('old', 10);
    await first.close();

    const second = open();
    // So many that each kind of statement gets a text of its own, first the one that leaves the age alone.
    for (let i = 0; i < OFTEN; i++) await second.credits.deductCredits('old', 0.1);
    const alone = Array.from({ length: OFTEN }, (_, i) => `alone-${i}`);
    for (const user of alone) await second.credits.addCredits(user, 10);
    // The same kinds of changes as a deduction, without a grant.
    const made = Array.from({ length: OFTEN }, (_, i) => `made-${i}`);
    for (const user of made) await second.credits.createAccount(user);
    const users = Array.from({ length: 40 * OFTEN }, (_, i) => `user-${i}`);
    for (let from = 0; from < users.length; from += 40) {
      await Promise.all(users.slice(from, from + 40).map((user) => second.credits.addCredits(user, 10)));
    }
    for (let i = 0; i < OFTEN; i++) {
      await Promise.all(users.slice(0, 40).map((user) => second.credits.addCredits(user, 10)));
    }
    users.push(...alone);
    for (let i = 0; i < 40; i++) users.push(`mixed-${i}`);
    await Promise.all(users.slice(-80).map((user) => second.credits.addCredits(user, 10)));
    expect(await second.ledger.verify()).toMatchObject({ ok: true });
    await second.close();

    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(
      `select user_id, credit_type, visible, seq::int, created_at from credit_account where id like 'credits/%'`,
    );
    await client.end();
    await dropDatabase(server.url, url);
    expect(rows.map(({ user_id }) => user_id).sort()).toEqual(['old', ...users, ...made].sort());
    for (const { user_id, credit_type, visible, created_at } of rows) {
      expect({ credit_type, visible }, user_id).toEqual({ credit_type: 'credits', visible: true });
      expect(created_at.getTime(), user_id).toBeGreaterThan(began);
    }
  });
});
