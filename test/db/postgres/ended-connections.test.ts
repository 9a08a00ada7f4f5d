/** Connections that are over, although nobody has said so clearly. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { expect, test } from 'vitest';
import { CallConnection } from '../../../src/db/sql/calls.js';
import { PgSource } from '../../../src/db/sql/drivers/pg.js';
import { postgres } from '../../../src/db/sql/postgres/dialect.js';
import { SqlDbManager } from '../../../src/entries/sql.js';
import { createCreditManagement } from '../../../src/index.js';
import { createDatabase, describePostgres, dropDatabase } from '../../backends/postgres.js';
import { QUIET } from '../../support/quiet.js';

const NEVER = new AbortController().signal;

/** Passes everything on but the end of a connection that the server closes. */
async function proxyOf(url: string): Promise<{ url: string; close(): void }> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const database = connect({ port: Number(target.port || 5432), host: target.hostname, allowHalfOpen: true });
    for (const each of [client, database]) {
      sockets.add(each);
      each.on('error', () => {});
    }
    client.on('data', (data) => database.write(data));
    database.on('data', (data) => client.write(data));
    client.on('end', () => {
      database.end();
      client.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxied = new URL(url);
  proxied.hostname = '127.0.0.1';
  proxied.port = String((server.address() as AddressInfo).port);
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: proxied.href, close };
}

await describePostgres('connections that are over', (database) => {
  test('are not handed out once the server has said so, whenever it closes them', async () => {
    const proxy = await proxyOf(database.url);
    const pool = new pg.Pool({ connectionString: proxy.url, max: 5, allowExitOnIdle: true });
    const told = new Promise((resolve) => pool.once('connect', (client) => client.once('error', resolve)));
    const timeouts = { statementMs: 10_000, lockMs: 1_000 };
    const source = new PgSource(pool, { timeouts, prepare: true, owned: true });
    try {
      const lease = await source.lease(NEVER);
      const { pid } = (await lease.query('select pg_backend_pid() as pid')).rows[0] as { pid: number };
      lease.release();
      const killer = new pg.Client({ connectionString: database.url });
      await killer.connect();
      await killer.query('select pg_terminate_backend($1)', [pid]);
      await killer.end();
      await told;
      const next = await source.lease(NEVER);
      expect((await next.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
      next.release();
    } finally {
      proxy.close();
    }
  });

  test('send their values where a host has wrapped the query of its clients', async () => {
    const url = await createDatabase(database.url);
    const options = '-c default_transaction_isolation=serializable';
    const pool = new pg.Pool({ connectionString: url, max: 5, options });
    pool.on('connect', (client) => {
      const query = client.query.bind(client) as (...given: unknown[]) => unknown;
      const later = async (...given: unknown[]) => {
        await Promise.resolve();
        return query(...given);
      };
      Object.assign(client, { query: later });
    });
    const manager = createCreditManagement({ db: new SqlDbManager({ pool }), logger: QUIET });
    try {
      expect(await manager.credits.addCredits('user', 10)).toMatchObject({ balanceAfter: 10 });
    } finally {
      await manager.close();
      await pool.end();
      await dropDatabase(database.url, url);
    }
  });
});

test('a query that is lost is an error also where its connection cannot be destroyed', async () => {
  const lost = new Error('Connection terminated unexpectedly');
  const lease = {
    query: () => Promise.reject(lost),
    queryAlone: () => Promise.reject(lost),
    waitForLocks() {},
    release() {},
    destroy() {
      throw new Error('a listener of the host');
    },
  };
  const connection = new CallConnection(lease, postgres, performance.now() + 60_000);
  await expect(connection.query('select 1')).rejects.toThrow('a listener of the host');
  connection.end();
});
