/** Seeded bugs of the adapters of databases: connections, transactions, schemas. */
import type { SeededBug } from './seeded-bug.js';

const CONNECTIONS = 'test/db/postgres/connections.test.ts';
const HOSTS = 'test/db/postgres/host-errors.test.ts';
const INDEXES = 'test/db/postgres/index-build.test.ts';
const MIGRATE = 'test/db/postgres/migrate.test.ts';
const KYSELY = 'test/db/postgres/kysely.test.ts';
const OWN = 'test/db/postgres/own-transactions.test.ts';
const STATEMENTS = 'test/db/postgres/statements.test.ts';
const SILENT = 'test/db/postgres/silent-server.test.ts';

export const DATABASE_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-pg21',
    title: 'a call in a transaction of the host is answered before its adapter has taken half a unit back',
    file: 'src/services/store/tables.ts',
    find: 'if (timeoutMs === undefined || options.session !== undefined) return committing;',
    replace: 'if (timeoutMs === undefined) return committing;',
    tests: [
      {
        file: 'test/db/mongodb/left-sessions.test.ts',
        name: 'sessions on MongoDB that their host has left a host that takes no notice of the deadline after',
      },
    ],
  },
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
    find: 'isAlone ? { session, timeoutMs: rest() } : { timeoutMs: rest() }',
    replace: '{ timeoutMs: rest() }',
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
  {
    id: 'SM-pg07',
    title: 'connections keep every statement that they ever prepared',
    file: 'src/db/sql/drivers/kept-statements.ts',
    find: 'if (this.#names.size <= KEPT_MAX) return',
    replace: 'if (this.#names.size <= 10 * KEPT_MAX) return',
    tests: [
      { file: STATEMENTS, name: 'keep few statements and little memory, whatever was called' },
      { file: STATEMENTS, name: 'a statement that was given up is prepared again when it is wanted' },
    ],
  },
  {
    id: 'SM-pg08',
    title: 'the driver goes on using a statement that its connection has given up',
    file: 'src/db/sql/drivers/kept-statements.ts',
    find: '      this.#names.delete(oldest);\n',
    replace: '      void oldest;\n',
    tests: [{ file: STATEMENTS, name: 'a statement that was given up is prepared again when it is wanted' }],
  },
  {
    id: 'SM-pg09',
    title: 'every combination of changes has a statement of its own',
    file: 'src/db/sql/postgres/write-shapes.ts',
    find: 'if (this.#usedAt.size >= SHAPES_MAX) {',
    replace: 'if (this.#usedAt.size < 0) {',
    also: [{ find: 'return this.#usedAt.size < SHAPES_MAX ||', replace: 'return this.#usedAt.size > 0 ||' }],
    tests: [{ file: 'test/db/postgres/batches.test.ts', name: 'there are few statements, and each batch takes one' }],
  },
  {
    id: 'SM-pg10',
    title: 'a new index keeps the writers of its table waiting',
    file: 'src/db/sql/postgres/index-build.ts',
    find: "indexDefinition(table, index, 'concurrently')",
    replace: 'indexDefinition(table, index)',
    tests: [{ file: INDEXES, name: 'a new index on a table in use is built while others write' }],
  },
  {
    id: 'SM-pg11',
    title: 'an index that a killed build left behind is in the way of the next one',
    file: 'src/db/sql/postgres/index-build.ts',
    find: "if ((await stateOf(connection, table, index)) === 'broken') {",
    replace: "if ((await stateOf(connection, table, index)) === 'valid') {",
    tests: [{ file: INDEXES, name: 'a new index on a table in use is begun again where a build was broken off' }],
  },
  {
    id: 'SM-pg12',
    title: 'close() waits for the end of a build',
    file: 'src/db/sql/manager.ts',
    find: '    this.#indexBuilds.close();\n',
    replace: '',
    tests: [{ file: INDEXES, name: 'a new index on a table in use does not keep close() waiting' }],
  },
  {
    id: 'SM-pg13',
    title: 'the tables are in the first schema of the path, wherever they were',
    file: 'src/db/sql/postgres/migrate.ts',
    find: 'wanted ?? holders[0] ?? first',
    replace: 'wanted ?? first',
    tests: [
      {
        file: 'test/db/postgres/search-path.test.ts',
        name: 'a schema that appears earlier on the search_path does not begin a second ledger',
      },
    ],
  },
  {
    id: 'SM-pg14',
    title: 'a broken connection of a host is thrown as the driver made it',
    file: 'src/db/sql/session-calls.ts',
    find: 'this.#dialect.asksForRedo(error)',
    replace: 'this.#dialect.endsTransaction(error)',
    tests: [{ file: HOSTS, name: 'whose connection breaks in a call gets an error of the library' }],
  },
  {
    id: 'SM-pg15',
    title: 'the transaction of another database is written in',
    file: 'src/db/sql/session-calls.ts',
    find: '      if (!(await this.#isHere(place))) throw ofAnotherDatabase();\n',
    replace: '      void place;\n',
    tests: [{ file: HOSTS, name: 'on another database is refused, and goes on' }],
  },
  {
    id: 'SM-pg16',
    title: 'a read-only database is one that does not answer, and is asked again and again',
    file: 'src/db/sql/postgres/errors.ts',
    find: '|42P01|25006)$/',
    replace: '|42P01)$/',
    tests: [{ file: CONNECTIONS, name: 'a database that is read-only is CONFIGURATION, new or in use' }],
  },
  {
    id: 'SM-pg17',
    title: 'a URL that cannot be parsed is a database that does not answer',
    file: 'src/db/sql/drivers/pg.ts',
    find: '    new pg.Client({ connectionString: url });\n',
    replace: '',
    tests: [{ file: CONNECTIONS, name: 'a URL that cannot be parsed is CONFIGURATION, and is not told' }],
  },
  {
    id: 'SM-pg18',
    title: 'construction throws where the environment names no database',
    file: 'src/db/sql/drivers/choice.ts',
    find: '.length > 1) problems.push(ONE_OF);',
    replace: '.length !== 1) problems.push(ONE_OF);',
    tests: [
      { file: 'test/db/options.test.ts', name: 'SqlDbManager without a database is made, and its first call says' },
    ],
  },
  {
    id: 'SM-pg19',
    title: 'through kysely, a commit that was answered by a rollback counts as committed',
    file: 'src/db/sql/drivers/kysely.ts',
    find: "          if (text === 'commit') await guest.query('select 1');\n",
    replace: '',
    tests: [{ file: KYSELY, name: 'a transaction that cannot commit, or is late, leaves nothing' }],
  },
  {
    id: 'SM-pg24',
    title: 'fields that one change of a batch keeps are kept in all of them',
    file: 'src/db/sql/postgres/write-values.ts',
    find: 'group.kept = common(group.kept, change.unchanged);',
    replace: 'void group.kept;',
    tests: [
      {
        file: 'test/db/conformance-postgres.test.ts',
        name: 'with a URL queries while rows change a replacement may name fields',
      },
    ],
  },
  {
    id: 'SM-pg20',
    title: 'connections of a Kysely or a pool keep the settings of the library',
    file: 'src/db/sql/postgres/dialect.ts',
    find: "const isLocal = scope === 'transaction';",
    replace: 'const isLocal = false as boolean;',
    tests: [
      { file: KYSELY, name: 'has its own settings behind calls' },
      { file: 'test/db/postgres/kept-settings.test.ts', name: 'of a pool have the settings of before' },
    ],
  },
  {
    id: 'SM-pg22',
    title: 'a constraint does not learn the values of a newer version, which the server then refuses',
    file: 'src/db/sql/postgres/migrate.ts',
    find: 'return allowed.values.every((value) => known.includes(value)) ?',
    replace: 'return allowed.values.some((value) => known.includes(value)) ?',
    tests: [{ file: MIGRATE, name: 'values that a newer version knows are allowed' }],
  },
  {
    id: 'SM-pg23',
    title: 'a version that learns values takes those of others back',
    file: 'src/db/sql/postgres/migrate.ts',
    find: ': [...new Set([...known, ...allowed.values])];',
    replace: ': [...new Set([...known.slice(0, 0), ...allowed.values])];',
    tests: [{ file: MIGRATE, name: 'values that a newer version knows are allowed' }],
  },
  {
    id: 'SM-mongo-values',
    title: 'a validator that is changed for a field takes the values of a newer version back',
    file: 'src/db/mongodb/migrate.ts',
    find: 'const [theirs, values] = [valuesOf(known[path]) ?? [], valuesOf(property)];',
    replace: 'const [theirs, values] = [(valuesOf(known[path]) ?? []).slice(0, 0), valuesOf(property)];',
    tests: [{ file: 'test/db/mongodb/migrate.test.ts', name: 'values that a newer version knows are allowed' }],
  },
];
