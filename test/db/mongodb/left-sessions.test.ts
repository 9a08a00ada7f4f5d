/** Hosts that end their transaction while a call in it is still under way: nothing of it may be written outside. */
import assert from 'node:assert/strict';
import { type ClientSession, type Db, MongoClient, MongoNetworkError } from 'mongodb';
import { test } from 'vitest';
import { MongoDbManager } from '../../../src/entries/mongodb.js';
import { createCreditManagement, isCreditError } from '../../../src/index.js';
import { describeMongo } from '../../backends/mongo.js';
import { databaseOf } from '../../backends/mongo-uri.js';
import { sleep } from '../../support/wait.js';

type Step = (session: ClientSession) => Promise<void>;

/** Runs a step before the driver is given a command or query of a session, and another one after its answer. */
function intercept(client: MongoClient, before: Step, after: Step): void {
  const dbOf = client.db.bind(client);
  const around = async (options: { session?: ClientSession } | undefined, work: () => Promise<unknown>) => {
    if (options?.session) await before(options.session);
    const answer = await work();
    if (options?.session) await after(options.session);
    return answer;
  };
  client.db = (...given) => {
    const db = dbOf(...given);
    const wrapped = {
      command: (document: object, options?: { session?: ClientSession }) =>
        around(options, () => db.command(document, options)),
      collection: (name: string) => ({
        find: (filter: object, options?: { session?: ClientSession }) => ({
          toArray: () => around(options, () => db.collection(name).find(filter, options).toArray()),
        }),
        countDocuments: (filter: object, options?: object) => db.collection(name).countDocuments(filter, options),
      }),
    };
    return wrapped as unknown as Db;
  };
}

const LEAVE: Readonly<Record<string, Step>> = {
  async abort(session) {
    await session.abortTransaction();
  },
  async commit(session) {
    await session.commitTransaction();
  },
  async 'abort and start'(session) {
    await session.abortTransaction();
    session.startTransaction();
  },
};

await describeMongo('sessions on MongoDB that their host has left', (database) => {
  for (const [how, when] of [
    ['abort', 'before the driver sends'],
    ['abort', 'after the answer of'],
    ['commit', 'after the answer of'],
    ['abort and start', 'after the answer of'],
  ] as const) {
    test(`a host that does ${how} ${when} any command of a call finds what it was told`, async () => {
      const client = new MongoClient(database.url);
      let [sent, leaveAt] = [0, 0];
      const leave: Step = async (session) => {
        if (sent === leaveAt) await LEAVE[how]?.(session);
      };
      const isBefore = when.startsWith('before');
      const before: Step = async (session) => {
        sent++;
        if (isBefore) await leave(session);
      };
      intercept(client, before, isBefore ? async () => {} : leave);
      const manager = createCreditManagement({ db: new MongoDbManager({ client, dbName: databaseOf(database.url) }) });
      const { credits, ledger } = manager;
      const user = `left by ${how} ${when}`;
      let balance = (await credits.addCredits(user, 100)).balanceAfter;
      let isTorn = false;
      try {
        for (leaveAt = 1; !isTorn && (leaveAt === 1 || sent + 1 >= leaveAt); leaveAt++) {
          const session = client.startSession();
          session.startTransaction();
          sent = 0;
          const call = credits.deductCredits(user, 1, { session, idempotencyKey: `${leaveAt}` });
          const answer = await call.catch((error: unknown) => error);
          if (session.inTransaction()) await session.commitTransaction();
          await session.endSession();
          const after = (await credits.getUserCreditsInfo(user)).balance;
          if (isCreditError(answer, 'OUTCOME_UNKNOWN')) {
            assert.equal(answer.details.idempotencyKey, `${leaveAt}`);
            // What a host commits in the middle of a unit is half of it: MongoDB has no way to forbid that.
            isTorn = how === 'commit';
          } else if (isCreditError(answer)) assert.equal(after, balance, `${answer.code} at ${leaveAt}`);
          else assert.equal(after, how !== 'commit' && sent === leaveAt ? balance : balance - 1, `at ${leaveAt}`);
          balance = after;
        }
        assert.equal(isTorn, how === 'commit');
        const { problems } = await ledger.verify({ userId: user });
        if (!isTorn) assert.deepEqual(problems, []);
      } finally {
        await manager.close();
        await client.close();
      }
    });
  }

  for (const [what, timeoutMs] of [
    ['no answer to', 10_000],
    ['the deadline after', 400],
  ] as const) {
    test(`a host that takes no notice of ${what} a command of a call cannot commit half of it`, async () => {
      const client = new MongoClient(database.url);
      let [sent, failAt] = [0, 0];
      intercept(
        client,
        async () => {
          sent++;
        },
        async () => {
          if (sent !== failAt) return;
          if (timeoutMs > 1_000) throw new MongoNetworkError('The answer was lost.');
          await sleep(timeoutMs);
        },
      );
      const manager = createCreditManagement({ db: new MongoDbManager({ client, dbName: databaseOf(database.url) }) });
      const { credits, ledger } = manager;
      const user = `taken no notice of ${what}`;
      let balance = (await credits.addCredits(user, 100)).balanceAfter;
      let [refused, kept] = [0, 0];
      try {
        for (failAt = 1; failAt === 1 || sent + 1 >= failAt; failAt++) {
          const session = client.startSession();
          session.startTransaction();
          sent = 0;
          const call = credits.deductCredits(user, 1, { session, timeoutMs });
          const answer = await call.catch((error: unknown) => error);
          const isKept = await session.commitTransaction().then(
            () => true,
            () => false,
          );
          await session.endSession();
          const { balance: after } = await credits.getUserCreditsInfo(user);
          if (!isKept) assert.equal(after, balance, `at ${failAt}`);
          else if (!(answer instanceof Error)) assert.equal(after, balance - 1, `at ${failAt}`);
          else assert.ok(after === balance || after === balance - 1, `at ${failAt}`);
          assert.deepEqual((await ledger.verify({ userId: user })).problems, [], `at ${failAt}`);
          balance = after;
          if (isKept) kept++;
          else refused++;
        }
        assert.ok(refused >= 1 && kept >= 1, `${refused} refused, ${kept} kept`);
      } finally {
        await manager.close();
        await client.close();
      }
    });
  }

  test('a transaction of the adapter that its host leaves with a call in it is rolled back with it', async () => {
    const db = MongoDbManager.fromClientUri(database.url, databaseOf(database.url));
    const { credits, ledger, close } = createCreditManagement({ db });
    await credits.addCredits('left', 100);
    await credits.addCredits('other', 100);
    const left = new Error('left');
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 100; i++) {
      const transaction = db.transaction(async (session) => {
        calls.push(credits.deductCredits('left', 1, { session }).catch(() => {}));
        await sleep(i % 20);
        throw left;
      });
      await assert.rejects(transaction, (error) => error === left);
      // Whoever comes next must not find the call that was left in a transaction of its own.
      await db.transaction(async (session) => credits.deductCredits('other', 1, { session }));
    }
    await Promise.all(calls);
    assert.equal((await credits.getUserCreditsInfo('left')).balance, 100);
    assert.equal((await credits.getUserCreditsInfo('other')).balance, 0);
    assert.deepEqual((await ledger.verify({ userId: 'left' })).problems, []);
    await close();
  });
});
