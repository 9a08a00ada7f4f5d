/** Hosts that end their transaction while a call in it is still under way: nothing of it may be written outside. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { test } from 'vitest';
import { SqlDbManager } from '../../../src/entries/sql.js';
import { createCreditManagement, isCreditError } from '../../../src/index.js';
import { describePostgres } from '../../backends/postgres.js';
import { sleep } from '../../support/wait.js';

await describePostgres('sessions on PostgreSQL that their host has left', (database) => {
  for (const how of ['rollback', 'commit', 'rollback; begin', 'commit; begin'] as const) {
    test(`a host that sends ${how} between two statements of a call finds what it was told`, async () => {
      const manager = createCreditManagement({ db: new SqlDbManager({ url: database.url }) });
      const { credits, ledger } = manager;
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      const user = `left by ${how}`;
      let balance = (await credits.addCredits(user, 100)).balanceAfter;
      const codes = new Set<string>();
      try {
        let sent = 0;
        for (let leaveBefore = 1; leaveBefore === 1 || sent + 1 >= leaveBefore; leaveBefore++) {
          sent = 0;
          const session = {
            async query(text: string, values?: unknown[]) {
              if (++sent === leaveBefore) await client.query(how);
              return client.query(text, values);
            },
          };
          await client.query('begin');
          const call = credits.deductCredits(user, 1, { session, idempotencyKey: `${leaveBefore}` });
          const answer = await call.catch((error: unknown) => error);
          // What got into the transaction that was begun meanwhile, or was never left, is committed.
          await client.query(sent < leaveBefore || how.endsWith('begin') ? 'commit' : 'rollback');
          const after = (await credits.getUserCreditsInfo(user)).balance;
          if (isCreditError(answer)) {
            codes.add(answer.code);
            if (answer.outcome === 'not_applied') assert.equal(after, balance, `${answer.code} before ${leaveBefore}`);
            if (how.startsWith('rollback')) assert.equal(after, balance, `before ${leaveBefore}`);
            if (isCreditError(answer, 'OUTCOME_UNKNOWN')) {
              assert.equal(answer.details.idempotencyKey, `${leaveBefore}`);
            }
          } else assert.equal(after, balance - 1, String(answer));
          balance = after;
        }
        assert.deepEqual([...codes].sort(), ['INVALID_ARGUMENT', 'OUTCOME_UNKNOWN']);
        assert.deepEqual((await ledger.verify()).problems, []);
      } finally {
        await client.end();
        await manager.close();
      }
    });
  }

  test('a transaction of the adapter that its host leaves with a call in it is rolled back with it', async () => {
    const db = new SqlDbManager({ url: database.url });
    const { credits, ledger, close } = createCreditManagement({ db });
    await credits.addCredits('left', 100);
    const left = new Error('left');
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 150; i++) {
      const transaction = db.transaction(async (session) => {
        calls.push(credits.deductCredits('left', 1, { session }).catch(() => {}));
        await sleep(i % 15);
        throw left;
      });
      await assert.rejects(transaction, (error) => error === left);
    }
    await Promise.all(calls);
    assert.equal((await credits.getUserCreditsInfo('left')).balance, 100);
    assert.deepEqual((await ledger.verify({ userId: 'left' })).problems, []);
    await close();
  });
});
