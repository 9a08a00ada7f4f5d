/** What a real server does, line by line of what the adapter relies on; asked with the driver alone. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Collection, MongoClient } from 'mongodb';
import { beforeAll, test } from 'vitest';
import { MongoDbManager } from '../../../src/entries/mongodb.js';
import { isCreditError } from '../../../src/errors.js';
import { describeAbsent } from '../../backends/find.js';
import { freePort } from '../../backends/free-port.js';
import { describeMongo } from '../../backends/mongo.js';
import { findMongod } from '../../backends/own-mongo.js';
import { ownNow } from '../../support/pace.js';
import { sleep } from '../../support/wait.js';
import { type Bench, errorOf, hasLabel, withBench } from './fixture.js';

type Doc = { _id: string; n?: number; code?: string };
const TRANSIENT = 'TransientTransactionError';

await describeMongo('what MongoDB does', (database) => {
  const docs = ({ raw }: Bench): Collection<Doc> => raw.collection<Doc>('things');
  const bench = (body: (bench: Bench, things: Collection<Doc>) => Promise<void>) => () =>
    withBench(database, async (made) => {
      await docs(made).deleteMany({});
      await body(made, docs(made));
    });

  beforeAll(() =>
    withBench(database, async ({ raw }) => {
      await raw.createCollection('things');
      await raw.collection('things').createIndex({ code: 1 }, { unique: true, sparse: true });
    }),
  );

  test(
    'a duplicate key in a transaction has no label, names the first alone, and ends the transaction',
    bench(async ({ begin }, things) => {
      await things.insertMany([
        { _id: 'a', code: 'A' },
        { _id: 'b', code: 'B' },
      ]);
      const session = begin();
      const doubles = [
        { _id: 'c', code: 'A' },
        { _id: 'd', code: 'B' },
      ];
      const error = (await errorOf(things.insertMany(doubles, { session, ordered: false }))) as Error & {
        code: number;
        writeErrors: unknown[];
      };
      assert.equal(error.code, 11000);
      assert.equal([error.writeErrors].flat().length, 1);
      assert.ok(!hasLabel(error, TRANSIENT));
      const next = await errorOf(things.findOne({}, { session }));
      assert.ok(next.code === 251 && hasLabel(next, TRANSIENT));
      const end = await errorOf(session.commitTransaction());
      assert.ok(end.code === 251 && hasLabel(end, TRANSIENT));
    }),
  );

  test(
    'an update of many statements answers the sum, and a read in the transaction tells who missed',
    bench(async ({ begin, raw }, things) => {
      await things.insertMany([
        { _id: 'a', n: 1 },
        { _id: 'b', n: 2 },
      ]);
      const session = begin();
      const updates = ['a', 'b'].map((_id) => ({ q: { _id, n: 1 }, u: { n: 9 } }));
      const answer = await raw.command({ update: 'things', updates, ordered: false }, { session });
      assert.deepEqual([answer.n, answer.nModified], [1, 1]);
      const found = await things.find({}, { session }).sort({ _id: 1 }).toArray();
      assert.deepEqual(
        found.map(({ n }) => n),
        [9, 2],
      );
    }),
  );

  test(
    'a document that another open transaction has changed is a write conflict at once, and all is gone',
    bench(async ({ begin }, things) => {
      await things.insertOne({ _id: 'a', n: 1 });
      const [first, second] = [begin(), begin()];
      await things.updateOne({ _id: 'a' }, { $inc: { n: 1 } }, { session: first });
      await things.insertOne({ _id: 'b' }, { session: second });
      const began = ownNow();
      const error = await errorOf(things.updateOne({ _id: 'a' }, { $inc: { n: 1 } }, { session: second }));
      assert.ok(ownNow() - began < 500);
      assert.ok(error.code === 112 && hasLabel(error, TRANSIENT));
      assert.equal((await errorOf(things.findOne({}, { session: second }))).code, 251);
      await first.commitTransaction();
      assert.deepEqual(await things.find().toArray(), [{ _id: 'a', n: 2 }]);
    }),
  );

  test(
    'a unique value in two open transactions is a write conflict too, not a duplicate',
    bench(async ({ begin }, things) => {
      const [first, second] = [begin(), begin()];
      await things.insertOne({ _id: 'a', code: 'X' }, { session: first });
      const error = await errorOf(things.insertOne({ _id: 'b', code: 'X' }, { session: second }));
      assert.ok(error.code === 112 && hasLabel(error, TRANSIENT));
    }),
  );

  test(
    'a plain write waits for the open transaction',
    bench(async ({ begin }, things) => {
      await things.insertOne({ _id: 'a', n: 1 });
      const session = begin();
      await things.updateOne({ _id: 'a' }, { $inc: { n: 1 } }, { session });
      let isOver = false;
      const plain = things.updateOne({ _id: 'a' }, { $inc: { n: 1 } }).then(() => {
        isOver = true;
      });
      await sleep(150);
      assert.equal(isOver, false);
      await session.commitTransaction();
      await plain;
      assert.equal((await things.findOne({ _id: 'a' }))?.n, 3);
    }),
  );

  test(
    'a commit may be sent twice',
    bench(async ({ begin }, things) => {
      const session = begin();
      await things.insertOne({ _id: 'a' }, { session });
      await session.commitTransaction();
      await session.commitTransaction();
      assert.equal(await things.countDocuments(), 1);
    }),
  );

  test(
    'the same session begins another transaction: what was left open is gone, and a commit of it comes too late',
    bench(async ({ begin, client }, things) => {
      await things.insertOne({ _id: 'a', n: 1 });
      const session = client.startSession();
      // The same session, as whoever has lost an answer goes on with it: its next transaction has a higher number.
      const { serverSession: id } = session;
      const before = client.startSession();
      Reflect.set(before, '_serverSession', Reflect.construct(id.constructor, [id]));
      before.startTransaction();
      await things.updateOne({ _id: 'a' }, { $inc: { n: 1 } }, { session: before });
      const other = begin();
      assert.equal((await errorOf(things.updateOne({ _id: 'a' }, { $inc: { n: 5 } }, { session: other }))).code, 112);
      session.startTransaction();
      await session.abortTransaction();
      session.startTransaction();
      await things.updateOne({ _id: 'a' }, { $inc: { n: 10 } }, { session });
      await session.commitTransaction();
      assert.equal((await errorOf(before.commitTransaction())).code, 225);
      assert.equal((await things.findOne({ _id: 'a' }))?.n, 11);
      await session.endSession();
    }),
  );

  test(
    'long in a validator refuses the numbers of JavaScript, takes bigint, and comes back as a number',
    bench(async ({ raw }) => {
      const validator = { $jsonSchema: { properties: { n: { bsonType: ['long'] } } } };
      const strict = await raw.createCollection<Doc>(`strict${Date.now()}`, { validator });
      for (const n of [1, 2 ** 31, 2 ** 53, 0.5])
        assert.equal((await errorOf(strict.insertOne({ _id: 'a', n }))).code, 121);
      await strict.insertOne({ _id: 'a', n: (2n ** 53n - 1n) as never });
      assert.deepEqual(await strict.findOne(), { _id: 'a', n: 2 ** 53 - 1 });
    }),
  );

  test(
    'a collection is made inside a transaction where there is none',
    bench(async ({ begin, raw }) => {
      const session = begin();
      const name = `made${Date.now()}`;
      await raw.collection(name).insertOne({ n: 1 }, { session });
      await session.commitTransaction();
      assert.equal(await raw.collection(name).countDocuments(), 1);
    }),
  );

  test(
    'names that look like operators are kept by insert and replace; a NUL in a name is refused by the driver',
    bench(async (_, things) => {
      const n = JSON.parse('{"a.b":1,"$x":2,"__proto__":3,"":4,"deep":{"$ne":{"c.d":5}}}') as never;
      await things.insertOne({ _id: 'a', n });
      await things.replaceOne({ _id: 'a' }, { n });
      assert.equal(JSON.stringify((await things.findOne({ _id: 'a' }))?.n), JSON.stringify(n));
      await assert.rejects(things.insertOne({ _id: 'b', n: { 'a\0b': 1 } as never }));
      assert.equal(await things.countDocuments(), 1);
    }),
  );

  test(
    'a document of more than 16 MiB is refused, and nothing is written',
    bench(async ({ raw, db, models }, things) => {
      const large = 'x'.repeat(16.5 * 2 ** 20);
      const error = await errorOf(raw.command({ insert: 'things', documents: [{ _id: 'a', n: large }] }));
      assert.equal(error.code, 10334);
      assert.equal(await things.countDocuments(), 0);
      assert.deepEqual(await db.getMany(models.item.name, ['a']), [null]);
    }),
  );

  test(
    'what fails in a transaction without a label ends it all the same',
    bench(async ({ begin, raw, models }) => {
      const session = begin();
      const documents = [{ _id: '' }];
      const answer = await raw.command({ insert: `credit_${models.item.name}`, documents }, { session });
      assert.equal(answer.writeErrors[0].code, 121);
      const next = await errorOf(raw.collection('things').findOne({}, { session }));
      assert.ok(next.code === 251 && hasLabel(next, TRANSIENT));
    }),
  );
});

const mongod = findMongod();
if ('missing' in mongod || mongod.path === null) {
  describeAbsent('mongo', 'a server that stands alone', 'missing' in mongod ? mongod.missing : 'no mongod of our own');
} else {
  const { path } = mongod;
  test('a server that stands alone is refused by init, with the remedy', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'credit-alone-'));
    const port = await freePort();
    const args = ['--port', String(port), '--bind_ip', '127.0.0.1', '--dbpath', folder];
    const server = spawn(path, args, { stdio: 'ignore' });
    const exited = once(server, 'exit');
    const url = `mongodb://127.0.0.1:${port}/`;
    const client = new MongoClient(url);
    try {
      const hello = await client.db('admin').command({ hello: 1 });
      assert.deepEqual([hello.setName, hello.msg], [undefined, undefined]);
      const session = client.startSession();
      session.startTransaction();
      const first = await errorOf(client.db('x').collection('y').insertOne({}, { session }));
      assert.match(first.message, /does not support retryable writes|Transaction numbers are only allowed/);
      await session.endSession();
      const db = MongoDbManager.fromClientUri(url);
      const error = await errorOf(db.init([]));
      assert.ok(isCreditError(error, 'TRANSACTIONS_UNSUPPORTED'));
      assert.match(error.details.remedy, /--replSet rs0/);
      assert.match(error.message, /rs\.initiate\(\)/);
      await db.close();
    } finally {
      await client.close();
      server.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
