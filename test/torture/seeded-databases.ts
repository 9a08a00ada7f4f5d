/** Seeded bugs of the adapters of databases: connections, transactions, schemas. */
import type { SeededBug } from './seeded-bug.js';

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
];
