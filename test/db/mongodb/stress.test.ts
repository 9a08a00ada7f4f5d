/** Many writers on few rows, of which hosts hold some in transactions that they abort. */
import { randomInt } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { MONGODB } from '../../backends/adapters.js';
import { databaseOf } from '../../backends/mongo-uri.js';
import { testStress } from '../../backends/suites/stress.js';
import { sleep } from '../../support/wait.js';

await testStress(MONGODB, ({ url }, models, goesOn) => async (keys) => {
  const client = new MongoClient(url);
  const items = client.db(databaseOf(url)).collection<{ _id: string }>(`credit_${models.item.name}`);
  while (goesOn()) {
    const session = client.startSession();
    session.startTransaction();
    const key = keys[randomInt(keys.length)] as string;
    // Others may have it: then the transaction is over already.
    await items.updateOne({ _id: key }, { $set: { held: true } }, { session }).catch(() => {});
    await sleep(randomInt(15));
    await session.abortTransaction().catch(() => {});
    await session.endSession();
  }
  await client.close();
});
