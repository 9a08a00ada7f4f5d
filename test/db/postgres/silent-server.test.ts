/** A server that accepts connections and never answers them. */
import pg from 'pg';
import { expect, test } from 'vitest';
import { SqlDbManager, type SqlOptions } from '../../../src/entries/sql.js';
import { describePostgres } from '../../backends/postgres.js';
import { TcpProxy } from '../../backends/proxy.js';
import { codeOf } from '../../support/codes.js';
import { paced } from '../../support/pace.js';
import { until } from '../../support/wait.js';

const POOL = 3;
const CONNECT_MS = paced(200);

await describePostgres('a server that accepts connections and does not answer', (database) => {
  const withProxy = async (body: (proxy: TcpProxy) => Promise<void>) => {
    const proxy = await TcpProxy.start(database.url);
    try {
      await body(proxy);
    } finally {
      await proxy.close();
    }
  };
  /** Calls until every connection of the pool is waiting for an answer. */
  const fill = async (db: SqlDbManager, proxy: TcpProxy) => {
    proxy.ignore();
    const calls = Array.from({ length: POOL }, () => codeOf(db.ping({ timeoutMs: CONNECT_MS })));
    await until(() => proxy.ignored === POOL, 'the pool is full of connections without an answer');
    expect(await Promise.all(calls)).toEqual(calls.map(() => 'STORAGE_UNAVAILABLE'));
  };

  test.each<[string, (url: string) => { options: SqlOptions; end?: () => Promise<void> }]>([
    ['a pool of ours', (url) => ({ options: { url, poolSize: POOL } })],
    [
      'a pool that was given',
      (url) => {
        const pool = new pg.Pool({ connectionString: url, max: POOL });
        return { options: { pool }, end: () => pool.end() };
      },
    ],
  ])('%s works again when the server does', (_, make) =>
    withProxy(async (proxy) => {
      const { options, end } = make(proxy.url);
      const db = new SqlDbManager({ ...options, connectTimeoutMs: CONNECT_MS });
      await fill(db, proxy);
      proxy.up();
      await db.ping();
      await db.close();
      await end?.();
    }),
  );

  test('close() ends though connections were never answered', () =>
    withProxy(async (proxy) => {
      const db = new SqlDbManager({ url: proxy.url, poolSize: POOL, connectTimeoutMs: CONNECT_MS });
      await fill(db, proxy);
      let isClosed = false;
      const closing = db.close().then(() => (isClosed = true));
      await until(() => isClosed, 'close() ends');
      await closing;
      await until(() => proxy.ignored === 0, 'no connection is left');
    }));

  test('the connect timeout of a pool that was given stays as it is', () =>
    withProxy(async (proxy) => {
      const pool = new pg.Pool({ connectionString: proxy.url, max: POOL, connectionTimeoutMillis: CONNECT_MS });
      const db = new SqlDbManager({ pool, connectTimeoutMs: 2 ** 31 - 1 });
      await fill(db, proxy);
      proxy.up();
      await db.ping();
      await db.close();
      await pool.end();
    }));
});
