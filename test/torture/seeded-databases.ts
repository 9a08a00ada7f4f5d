/** Seeded bugs of the adapters of databases: connections, transactions, schemas. */
import type { SeededBug } from './seeded-bug.js';

const OWN = 'test/db/postgres/own-transactions.test.ts';
const SILENT = 'test/db/postgres/silent-server.test.ts';

export const DATABASE_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-pg01',
    title: 'connecting has no deadline: a pool stays full of connections that are never answered',
    file: 'src/db/sql/drivers/pg.ts',
    find: 'super({ connectionTimeoutMillis: connectMs, ...config });',
    replace: 'super({ ...config });',
    tests: [
      { file: SILENT, name: 'a pool of ours works again when the server does' },
      { file: SILENT, name: 'close() ends though connections were never answered' },
    ],
  },
  {
    id: 'SM-pg02',
    title: 'connecting has no deadline in a pool that was given',
    file: 'src/db/sql/drivers/pg.ts',
    find: 'if (pool.options) pool.options.connectionTimeoutMillis ||= settings.connectMs;',
    replace: 'void settings;',
    tests: [{ file: SILENT, name: 'a pool that was given works again when the server does' }],
  },
  {
    id: 'SM-pg03',
    title: 'a call in a transaction that has the only connection makes its account beside it',
    file: 'src/services/pipeline/transactions.ts',
    find: 'isAlone ? options : { timeoutMs }',
    replace: '{ timeoutMs }',
    tests: [{ file: OWN, name: 'an account that a transaction with the only connection made is gone' }],
  },
  {
    id: 'SM-pg04',
    title: 'transactions take every connection of the pool',
    file: 'src/db/sql/long-leases.ts',
    find: 'Math.max(1, source.connectionsMax - 1)',
    replace: 'source.connectionsMax',
    tests: [{ file: OWN, name: 'a call without the session finds a connection, however many transactions wait' }],
  },
  {
    id: 'SM-pg05',
    title: 'a transaction takes its connection before anything is done in it',
    file: 'src/db/sql/own-transaction.ts',
    find: '    this.#open = open;\n',
    replace: '    this.#open = open;\n    this.#begun = this.#begin();\n',
    tests: [{ file: OWN, name: 'with one connection they may be the first calls of a process' }],
  },
  {
    id: 'SM-pg06',
    title: 'a first call waits for the end of the transaction that it is in',
    file: 'src/services/store/store.ts',
    find: '      if (inside !== undefined) throw notBeforeInit();\n',
    replace: '',
    tests: [{ file: OWN, name: 'a first call inside a transaction of the host is refused at once' }],
  },
];
