/** Who sends a request: bearer tokens, JSON Web Tokens, a trusted header, and the environment. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { bearerTokens, createCreditsApiFromEnv, dangerouslyTrustHeader, jwt } from '../../src/entries/http.js';
import type { JsonObject } from '../../src/index.js';
import { QUIET } from '../support/quiet.js';
import { answerOf, httpWorld, sha256 } from './world.js';

const with_ = (headers: Record<string, string>) => new Request('http://localhost/', { headers });
const bearer = (token: string) => with_({ authorization: `Bearer ${token}` });
const wrong = expect.objectContaining({ code: 'CONFIGURATION' });

describe('bearerTokens', () => {
  const token = 'a'.repeat(64);
  const authenticate = bearerTokens({ [sha256(token)]: { userId: 'ops' }, [sha256('b')]: { userId: 'two' } });

  test.each([
    ['the token', `Bearer ${token}`, 'ops'],
    ['another token', 'Bearer b', 'two'],
    ['the scheme in another case', `bearer ${token}`, 'ops'],
    ['one letter less', `Bearer ${token.slice(1)}`, null],
    ['the key instead of the token', `Bearer ${sha256(token)}`, null],
    ['no scheme', token, null],
    ['another scheme', `Basic ${token}`, null],
    ['two tokens', `Bearer ${token} b`, null],
    ['nothing', 'Bearer ', null],
  ])('%s', async (_, authorization, userId) => {
    expect((await authenticate(with_({ authorization })))?.userId ?? null).toBe(userId);
  });

  test('without a header nobody is told', async () => {
    expect(await authenticate(with_({}))).toBe(null);
  });

  test.each([
    [{ [token]: { userId: 'ops' } }, 'hex that is no hash is one by its look'],
    [{ plain: { userId: 'ops' } }, 'a token itself'],
    [{ [sha256('A').toUpperCase()]: { userId: 'ops' } }, 'upper case'],
    [{ [sha256('A')]: { userId: '' } }, 'no user'],
  ])('%j: %s', (tokens, why) => {
    if (why.startsWith('hex')) expect(() => bearerTokens(tokens as never)).not.toThrow();
    else expect(() => bearerTokens(tokens as never)).toThrow(wrong);
  });
});

describe('jwt', () => {
  const checks = { issuer: 'https://login.example/', audience: 'credits', algorithms: ['RS256'] };
  let jwks: JsonObject;
  let sign: (change?: JsonObject, header?: JsonObject) => Promise<string>;
  let forge: typeof sign;

  beforeAll(async () => {
    const pairs = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')]);
    const signer =
      (key: (typeof pairs)[number]['privateKey']): typeof sign =>
      (change = {}, header = {}) => {
        const now = Math.floor(Date.now() / 1000);
        const claims = { iss: checks.issuer, aud: checks.audience, sub: 'user-1', iat: now, exp: now + 60, ...change };
        return new SignJWT(claims as never).setProtectedHeader({ alg: 'RS256', kid: 'k', ...header }).sign(key);
      };
    jwks = { keys: [{ ...(await exportJWK(pairs[0].publicKey)), kid: 'k', alg: 'RS256' }] } as JsonObject;
    sign = signer(pairs[0].privateKey);
    forge = signer(pairs[1].privateKey);
  });

  test('a token of the provider tells the user', async () => {
    expect(await jwt({ ...checks, jwks })(bearer(await sign()))).toEqual({ userId: 'user-1' });
    const identity = (claims: JsonObject) => ({ userId: String(claims.sub), roles: ['member'] });
    expect(await jwt({ ...checks, jwks, identity })(bearer(await sign()))).toMatchObject({ roles: ['member'] });
    expect(await jwt({ ...checks, jwks })(with_({}))).toBe(null);
  });

  test.each<[string, JsonObject]>([
    ['of another issuer', { iss: 'https://evil.example/' }],
    ['for another service', { aud: 'mail' }],
    ['whose time is over', { exp: 1 }],
    ['without an end', { exp: undefined as never }],
    ['that is not valid yet', { nbf: 4_000_000_000 }],
    ['without a user', { sub: undefined as never }],
  ])("a token %s is nobody's", async (_, change) => {
    const kept = Object.fromEntries(Object.entries(change));
    expect(await jwt({ ...checks, jwks })(bearer(await sign(kept)))).toBe(null);
  });

  test("a forged token, one with no signature, and one of another algorithm are nobody's", async () => {
    const authenticate = jwt({ ...checks, jwks });
    expect(await authenticate(bearer(await forge()))).toBe(null);
    expect(await authenticate(bearer('x.y.z'))).toBe(null);
    const [, payload] = (await sign()).split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    expect(await authenticate(bearer(`${none}.${payload}.`))).toBe(null);
    expect(await jwt({ ...checks, algorithms: ['ES256'], jwks })(bearer(await sign()))).toBe(null);
  });

  test('keys are fetched once; where they cannot be, a retry may succeed', async () => {
    let fetched = 0;
    const server = createServer((_, response) => {
      fetched++;
      response.setHeader('content-type', 'application/json').end(JSON.stringify(jwks));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
    const authenticate = jwt({ ...checks, jwksUrl });
    for (let i = 0; i < 3; i++) expect(await authenticate(bearer(await sign()))).toEqual({ userId: 'user-1' });
    expect(fetched).toBe(1);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const away = await httpWorld({ authenticate: jwt({ ...checks, jwksUrl }) });
    const answer = await away.send(await sign(), 'GET', '/credits/balance/user-1');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  });

  test.each([
    [{ issuer: '' }],
    [{ audience: undefined }],
    [{ algorithms: [] }],
    [{ algorithms: ['none'] }],
    [{ algorithms: ['HS256'] }],
    [{ jwksUrl: 'http://login.example/jwks' }],
    [{ jwksUrl: 'https://login.example/jwks', jwks: {} }],
    [{ clockToleranceSeconds: 301, jwks: {} }],
    [{}],
  ])('a wrong option is told: %j', (change) => {
    expect(() => jwt({ ...checks, ...change } as never)).toThrow(wrong);
  });
});

test('a header is trusted only where that was said, and a warning is logged', async () => {
  const warned: object[] = [];
  const logger = { ...QUIET, warn: (o: object) => warned.push(o) };
  const authenticate = dangerouslyTrustHeader('X-User-Id', { logger });
  expect(warned).toEqual([{ header: 'X-User-Id' }]);
  expect(await authenticate(with_({ 'x-user-id': 'user-1' }))).toEqual({ userId: 'user-1' });
  expect(await authenticate(with_({}))).toBe(null);
  expect(await authenticate(with_({ 'x-user-id': '' }))).toBe(null);
  expect(() => dangerouslyTrustHeader('two words')).toThrow(wrong);
});

describe('createCreditsApiFromEnv', () => {
  const env = { CREDIT_ALLOW_MEMORY: '1', CREDIT_API_ADMIN_TOKENS: `${sha256('one')},${sha256('two')}` };
  const get = async (api: { fetch(request: Request): Promise<Response> }, path: string, headers = {}) =>
    answerOf(await api.fetch(new Request(`http://localhost${path}`, { headers })));

  test('makes the whole API with its manager', async () => {
    const api = createCreditsApiFromEnv({ logger: QUIET }, env);
    for (const token of ['one', 'two']) {
      const answer = await get(api, '/admin/credits/balance/user-1', { authorization: `Bearer ${token}` });
      expect(answer).toMatchObject({ status: 200, body: { credits: 0 } });
    }
    expect(await get(api, '/admin/credits/balance/user-1', { authorization: 'Bearer three' })).toMatchObject({
      status: 401,
    });
    await api.manager.close();
  });

  test("with the host's own authenticate, roles open nothing by themselves", async () => {
    const authenticate = () => ({ userId: 'user-1', roles: ['admin'] });
    const api = createCreditsApiFromEnv({ logger: QUIET, authenticate }, {});
    expect(await get(api, '/credits/balance/user-1')).toMatchObject({ status: 200 });
    expect(await get(api, '/admin/credits/balance/user-1')).toMatchObject({ status: 404 });
    await api.manager.close();
  });

  test.each([
    [{}],
    [{ CREDIT_API_ADMIN_TOKENS: '' }],
    [{ CREDIT_API_ADMIN_TOKENS: 'secret' }],
    [{ CREDIT_API_JWKS_URL: 'https://login.example/jwks' }],
    [{ CREDIT_API_JWKS_URL: 'http://login.example', CREDIT_API_JWT_ISSUER: 'i', CREDIT_API_JWT_AUDIENCE: 'a' }],
  ])('a wrong environment makes nothing: %j', (given) => {
    expect(() => createCreditsApiFromEnv({ logger: QUIET }, given)).toThrow(wrong);
  });

  test('everything that is wrong is told at once', () => {
    const given = { CREDIT_API_ADMIN_TOKENS: 'secret', CREDIT_DATABASE_URL: 'mysql://x', TRIAL_CREDITS: 'many' };
    const message = /CREDIT_API_ADMIN_TOKENS is not .*CREDIT_DATABASE_URL does not .*TRIAL_CREDITS is no amount/;
    expect(() => createCreditsApiFromEnv({ logger: QUIET }, given)).toThrow(message);
  });

  test('users are told by the tokens of a provider', () => {
    const jwks = { CREDIT_API_JWKS_URL: 'https://login.example/jwks', CREDIT_API_JWT_ISSUER: 'i' };
    const api = createCreditsApiFromEnv({ logger: QUIET }, { ...jwks, CREDIT_API_JWT_AUDIENCE: 'a' });
    expect(Object.keys((api.openapi() as { paths: object }).paths)).toContain('/admin/credits/add');
  });
});
