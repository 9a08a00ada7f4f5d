/** The set-up of README.md with few rights: the owner makes what `schema` prints, a role only reads and writes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { postgresSchema } from '../../../src/db/sql/postgres/schema-text.js';
import { SqlDbManager } from '../../../src/entries/sql.js';
import { createCreditManagement } from '../../../src/index.js';
import { testClock } from '../../../src/testing/clock.js';
import { describePostgres } from '../../backends/postgres.js';
import { ROOT } from '../../package/source-files.js';
import { codeOf } from '../../support/codes.js';
import { Recorder } from '../../support/outbox-world.js';
import { QUIET } from '../../support/quiet.js';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const [, rights = ''] = /^```sql\n(CREATE ROLE app .*?)^```$/ms.exec(readme) ?? [];

await describePostgres('a role that may only read and write rows, on PostgreSQL', (database) => {
  test('runs everything, and the ledger can be added to and not changed', async () => {
    const owner = new pg.Client({ connectionString: database.url });
    await owner.connect();
    const role = `app_${process.pid}`;
    const url = new URL(database.url);
    url.username = role;
    url.password = 'change-me';
    const sinks = [new Recorder()];
    const clock = testClock('2030-01-01T00:00:00Z');
    const open = () => {
      const db = new SqlDbManager({ url: String(url), schema: 'credits' });
      return createCreditManagement({ db, clock, sinks, logger: QUIET });
    };
    const manager = open();
    try {
      await owner.query('CREATE SCHEMA credits');
      await owner.query(postgresSchema('credit_', 'credits'));
      expect(rights).toContain('REVOKE');
      await owner.query(rights.replaceAll(/\bapp\b/g, role));
      const { credits, subscriptions, promos, jobs, ledger } = manager;
      await credits.addCredits('u', 100, { idempotencyKey: 'k', expiresAt: '2030-01-05T00:00:00Z' });
      const hold = await credits.reserveCredits('u', 10);
      await credits.commitReservedCredits(hold, { amount: 4 });
      await credits.transferCredits({ from: 'u', to: 'v', amount: 3 });
      expect(await codeOf(credits.deductCredits('u', 500))).toBe('INSUFFICIENT_CREDITS');
      const plan = { name: 'P', creditLimit: 5, price: 0, billingPeriod: 'monthly' } as const;
      await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(plan));
      await promos.createPromo({ code: 'WELCOME', credits: 5 });
      await promos.claimPromo('u', 'welcome');
      clock.advance({ days: 40 });
      for (const { status } of await jobs.runAll()) expect(status).toBe('completed');
      clock.advance({ days: 10 });
      expect((await jobs.runOutbox()).deleted).toBeGreaterThan(0);
      expect(await ledger.verify()).toMatchObject({ ok: true });

      const app = new pg.Client({ connectionString: String(url) });
      await app.connect();
      for (const text of ['update credits.credit_entry set delta = 0', 'delete from credits.credit_entry']) {
        expect(await codeOf(app.query(text)), text).toBe('42501');
      }
      await app.end();
      // Such a role does not make what a later version would add: its first call says so.
      await owner.query('drop index credits.credit_account_due');
      expect(await codeOf(open().credits.addCredits('u', 1))).toBe('CONFIGURATION');
    } finally {
      await manager.close();
      await owner.query(`drop schema if exists credits cascade; drop owned by ${role}; drop role ${role}`);
      await owner.end();
    }
  });
});
