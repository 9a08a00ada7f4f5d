/** What the adapters of databases refuse before anything is opened. */
import { expect, test } from 'vitest';
import { MongoDbManager } from '../../src/entries/mongodb.js';
import { SqlDbManager } from '../../src/entries/sql.js';

const url = 'postgres://app:s3cret@localhost/shop';
const uri = 'mongodb://app:s3cret@localhost/?replicaSet=rs0';

test.each([
  ['two databases', { url, pool: { connect() {} } }, 'give one of url, pool, kysely and pglite'],
  ['the URL of another server', { url: 'mysql://app:s3cret@localhost/shop' }, 'begin with postgres://'],
  ['a URL that is none', { url: 5 }, 'begin with postgres://'],
  ['a pool that is none', { pool: {} }, 'pool is not a pg Pool'],
  ['a Kysely that is none', { kysely: {} }, 'kysely is not a Kysely'],
  ['a PGlite that is none', { pglite: {} }, 'pglite is not a PGlite'],
  ['a misspelt option, which would put the tables elsewhere', { url, scheme: 'billing' }, 'no option "scheme"'],
])('SqlDbManager refuses %s', (_, options, problem) => {
  expect(refusalOf(() => new SqlDbManager(options as never))).toContain(problem);
});

test.each([
  ['a client that is none', { client: {} }, 'client is not a MongoClient'],
  ['a misspelt option, which would put the credits elsewhere', { uri, dbname: 'shop' }, 'no option "dbname"'],
])('MongoDbManager refuses %s', (_, options, problem) => {
  expect(refusalOf(() => new MongoDbManager(options as never))).toContain(problem);
});

test.each([
  ['SqlDbManager', (options: object) => new SqlDbManager({ url, ...options })],
  ['MongoDbManager', (options: object) => new MongoDbManager({ uri, ...options })],
])('%s tells every problem of its options at once', (name, make) => {
  const bad = { Prefix: 'x', prefix: 'My-', poolSize: 0, timeoutMs: 2 ** 31, initTimeoutMs: 1.5 };
  const problems = [
    'there is no option "Prefix"',
    'prefix is not of the form [a-z_][a-z0-9_]*',
    'poolSize is not a positive integer',
    'timeoutMs is not a positive integer',
    'initTimeoutMs is not a positive integer',
  ];
  expect(refusalOf(() => make(bad))).toBe(`${name} cannot be made: ${problems.join('; ')}.`);
  expect(refusalOf(() => make({ prefix: 'a'.repeat(40), poolSize: 1, timeoutMs: 2 ** 31 - 1 }))).toBe('made');
  expect(refusalOf(() => make({ prefix: 'a'.repeat(41) }))).toContain('prefix is not');
});

test.each([
  [
    'SqlDbManager',
    (options?: object) => new SqlDbManager(options as never),
    'give one of url, pool, kysely and pglite',
  ],
  ['MongoDbManager', (options?: object) => new MongoDbManager(options as never), 'give one of client and uri'],
])('%s without a database is made, and its first call says what is missing', async (name, make, problem) => {
  for (const options of [undefined, {}, { url: undefined }, { uri: undefined }]) {
    if (name === 'SqlDbManager' && options && 'uri' in options) continue;
    if (name === 'MongoDbManager' && options && 'url' in options) continue;
    const db = make(options);
    await expect(db.init([])).rejects.toMatchObject({ code: 'CONFIGURATION', details: { problems: [problem] } });
    await db.close();
  }
});

function refusalOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIGURATION', outcome: 'not_applied', retryable: false });
    expect((error as Error).message).not.toContain('s3cret');
    return (error as Error).message;
  }
  return 'made';
}
