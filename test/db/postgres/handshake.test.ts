/** A server that ends in the very moment in which a connection is made: one packet says ready, and that it is over. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import pg from 'pg';
import { expect, test } from 'vitest';
import { SqlDbManager } from '../../../src/entries/sql.js';
import { isCreditError } from '../../../src/errors.js';
import { sleep } from '../../support/wait.js';

const message = (type: string, body: Buffer) => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
};
const AUTHENTICATED = message('R', Buffer.alloc(4));
const READY = message('Z', Buffer.from('I'));
const FATAL = message(
  'E',
  Buffer.from('SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0'),
);

test('no error of a connection ends the process, with a pool of ours and with one that was given', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.concat([AUTHENTICATED, READY, FATAL])));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `postgres://u@127.0.0.1:${(server.address() as AddressInfo).port}/d`;
  const uncaught: unknown[] = [];
  const hear = (error: unknown) => uncaught.push(error);
  const others = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[];
  process.removeAllListeners('uncaughtException').on('uncaughtException', hear);
  const pool = new pg.Pool({ connectionString: url });
  const managers = [new SqlDbManager({ url }), new SqlDbManager({ pool })];
  try {
    for (const db of managers) {
      const error = await db.init([]).catch((thrown: unknown) => thrown);
      expect(isCreditError(error, 'STORAGE_UNAVAILABLE'), String(error)).toBe(true);
      await db.close();
    }
    await pool.end();
    await sleep(50);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
    server.close();
  }
  expect(uncaught).toEqual([]);
});
