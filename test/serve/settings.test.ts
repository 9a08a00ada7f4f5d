/** What the service refuses to start with: everything that is wrong, in one message. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { serviceLogger } from '../../src/serve/logger.js';
import { openService } from '../../src/serve/service.js';
import { TOKEN_SHA256 } from './service-process.js';

const GOOD = {
  CREDIT_ALLOW_MEMORY: '1',
  CREDIT_API_ADMIN_TOKENS: TOKEN_SHA256,
  SERVICE_PORT: '0',
  SERVICE_HOST: '127.0.0.1',
};
const lines: string[] = [];
const logger = serviceLogger({ name: 't', level: 'warn', stream: { write: (line) => void lines.push(line) } });

async function problemsOf(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const opened = await openService(env, logger);
  if ('problems' in opened) return opened.problems;
  await opened.close();
  return [];
}

const JWKS = { CREDIT_API_JWKS_URL: 'https://id.example.com/keys' };
const RAZORPAY = { RAZORPAY_KEY_ID: 'rzp_test_1', RAZORPAY_KEY_SECRET: 's', RAZORPAY_WEBHOOK_SECRET: 'w'.repeat(20) };

/** Each with what its one problem names. */
const WRONG: readonly (readonly [env: Readonly<Record<string, string>>, named: string])[] = [
  [{ CREDIT_ALLOW_MEMORY: '' }, 'no database'],
  [{ CREDIT_ALLOW_MEMORY: '', NODE_ENV: 'production' }, 'no database'],
  [{ CREDIT_API_ADMIN_TOKENS: '' }, 'CREDIT_DANGEROUSLY_OPEN=1'],
  [{ CREDIT_API_ADMIN_TOKENS: 'secret' }, 'CREDIT_API_ADMIN_TOKENS is not the SHA-256'],
  [{ CREDIT_DANGEROUSLY_OPEN: '1' }, 'CREDIT_DANGEROUSLY_OPEN goes with neither'],
  [{ CREDIT_DANGEROUSLY_OPEN: 'yes' }, 'CREDIT_DANGEROUSLY_OPEN is not 1'],
  [{ CREDIT_DATABASE_URL: 'mysql://root:secret@h/x' }, 'CREDIT_DATABASE_URL does not begin'],
  [{ DATABASE_URL: 'mysql://root:secret@h/x' }, 'DATABASE_URL does not begin'],
  [{ CREDIT_MONGO_URI: 'mongo://root:secret@h/x' }, 'CREDIT_MONGO_URI does not begin'],
  [{ CREDIT_DATABASE_URL: 'postgres://h/x', CREDIT_MONGO_URI: 'mongodb://h/x' }, 'both set'],
  [{ CREDIT_DATABASE_POOL_SIZE: 'many' }, 'CREDIT_DATABASE_POOL_SIZE'],
  [{ DATABASE_MAX_OVERFLOW: '-1' }, 'DATABASE_MAX_OVERFLOW'],
  [{ REDIS_URL: 'http://u:secret@h' }, 'REDIS_URL'],
  [{ CACHE_TTL_SECONDS: '0' }, 'CACHE_TTL_SECONDS'],
  [{ NATS_URL: 'localhost:4222' }, 'NATS_URL'],
  [{ CREDIT_NATS_CONSUME: '1' }, 'CREDIT_NATS_CONSUME'],
  [{ SERVICE_PORT: '65536' }, 'SERVICE_PORT'],
  [{ SERVICE_NAME: 'two words' }, 'SERVICE_NAME'],
  [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL'],
  [{ TRIAL_CREDITS: '1e3' }, 'TRIAL_CREDITS'],
  [{ ORDER_CREDIT_PERCENTAGE: '-1' }, 'ORDER_CREDIT_PERCENTAGE'],
  [{ CREDIT_WEBHOOK_URL: 'https://x.example' }, 'CREDIT_WEBHOOK_SECRET'],
  [JWKS, 'CREDIT_API_JWT_ISSUER'],
  [
    { ...JWKS, CREDIT_API_JWT_ISSUER: 'i', CREDIT_API_JWT_AUDIENCE: 'a', CREDIT_API_JWT_ALGORITHMS: 'none' },
    'algorithm',
  ],
  [{ ...RAZORPAY, RAZORPAY_KEY_SECRET: '' }, 'RAZORPAY_KEY_SECRET'],
  [{ RAZERPAY_TEST_KEY: 'k' }, 'RAZORPAY_KEY_ID'],
  [{ APP_BASE_URL: 'shop.example.com' }, 'APP_BASE_URL'],
];

describe('a configuration that is wrong', () => {
  test.each(WRONG)('%j is refused', async (env, named) => {
    const problems = await problemsOf({ ...GOOD, ...env });
    expect(problems).toEqual([expect.stringContaining(named)]);
    expect(problems.join()).not.toContain('secret@');
  });

  test('is told of as a whole', async () => {
    // Of two that set the same variable the first one counts.
    const all = Object.assign({}, ...[...WRONG].reverse().map(([env]) => env));
    const problems = await problemsOf({ ...GOOD, ...all });
    const named = [
      'ORDER_CREDIT_PERCENTAGE',
      'CREDIT_DATABASE_URL',
      'CREDIT_DANGEROUSLY_OPEN',
      'CREDIT_DATABASE_POOL_SIZE',
      'REDIS_URL',
    ];
    const more = ['NATS_URL', 'SERVICE_PORT', 'LOG_LEVEL', 'TRIAL_CREDITS', 'CREDIT_WEBHOOK_SECRET', 'RAZORPAY_KEY_ID'];
    for (const name of [...named, ...more]) expect(problems.join('\n')).toContain(name);
    expect(new Set(problems).size).toBe(problems.length);
    expect(problems.length).toBeGreaterThan(18);
    expect(problems.join()).not.toContain('secret@');
  });

  test('a port that is taken is one, too', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await problemsOf({ ...GOOD, SERVICE_PORT: String(port) })).toEqual([expect.stringContaining(`${port}`)]);
    server.close();
  });
});

test('the URLs of SQLAlchemy are taken, and nothing is opened for them', async () => {
  for (const name of ['CREDIT_DATABASE_URL', 'DATABASE_URL']) {
    const opened = await openService({ ...GOOD, [name]: 'postgresql+asyncpg://u:secret@127.0.0.1:1/x' }, logger);
    expect(opened).not.toHaveProperty('problems');
    if (!('problems' in opened)) {
      expect(opened.manager.db.name).toBe('postgres');
      await opened.close();
    }
  }
  expect(lines.join('')).toContain('The database cannot be reached; the service waits for it');
  expect(lines.join('')).not.toContain('secret@');
});

test('a variable that nothing reads is told of, with the nearest one', async () => {
  lines.length = 0;
  expect(await problemsOf({ ...GOOD, CREDIT_DATBASE_URL: 'postgres://h/x' })).toEqual([]);
  expect(lines.join('')).toContain('CREDIT_DATBASE_URL is read by nothing; is it meant to be CREDIT_DATABASE_URL?');
});
