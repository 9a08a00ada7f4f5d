/** A server that accepts connections and never answers them. */
import { expect, test } from 'vitest';
import { MongoDbManager } from '../../../src/entries/mongodb.js';
import { describeMongo } from '../../backends/mongo.js';
import { databaseOf } from '../../backends/mongo-uri.js';
import { TcpProxy } from '../../backends/proxy.js';
import { codeOf } from '../../support/codes.js';
import { paced } from '../../support/pace.js';
import { until } from '../../support/wait.js';

const POOL = 3;
const CONNECT_MS = paced(300);

await describeMongo('a server that accepts connections and does not answer', (database) => {
  test('the client works again when the server does, and close() ends', async () => {
    const proxy = await TcpProxy.start(database.url);
    const options = { dbName: databaseOf(database.url), poolSize: POOL, connectTimeoutMs: CONNECT_MS };
    const db = MongoDbManager.fromClientUri(proxy.url, options);
    const idle = MongoDbManager.fromClientUri(proxy.url, options);
    try {
      proxy.ignore();
      const calls = Array.from({ length: POOL }, () => codeOf(db.ping({ timeoutMs: CONNECT_MS })));
      const unheard = codeOf(idle.ping({ timeoutMs: CONNECT_MS }));
      await until(() => proxy.ignored > 0, 'the driver connects');
      expect(await Promise.all(calls)).toEqual(calls.map(() => 'STORAGE_UNAVAILABLE'));
      await unheard;
      await idle.close();
      proxy.up();
      const isItself = async () => (await codeOf(db.ping())) === 'resolved';
      await until(isItself, 'the client recovers');
      await db.close();
    } finally {
      await proxy.close();
    }
  });
});
