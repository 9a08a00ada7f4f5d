/** Tells people by JSON Web Tokens that an identity provider signed. */
import { creditError } from '../errors.js';
import type { JsonObject } from '../models/values.js';
import type { Authenticate, Identity, RequestWithHeaders } from './contract.js';
import { bearerOf, byHeaders } from './identity.js';
import { misconfigured } from './misconfigured.js';

/** The options of `jwt`. All checks are on: there is none to switch off. */
export interface JwtOptions {
  /** The claim `iss` that tokens must have: your identity provider. */
  readonly issuer: string;
  /** The claim `aud` that tokens must have: this service. */
  readonly audience: string;
  /** The algorithms that are accepted, such as `['RS256']`; symmetric ones and `none` are refused. */
  readonly algorithms: readonly string[];
  /** The URL of the provider's keys, a JWKS; `https://…`. They are fetched when they are needed, and kept. */
  readonly jwksUrl?: string | undefined;
  /** The keys themselves, a JWKS, instead of the URL. */
  readonly jwks?: JsonObject | undefined;
  /** Seconds by which the provider's clock may differ, 0–300, default 5. */
  readonly clockToleranceSeconds?: number | undefined;
  /** Makes the identity of the claims; default `{ userId: claims.sub }`. Null refuses the token. */
  readonly identity?: ((claims: JsonObject) => Identity | null) | undefined;
}

/** Public keys alone: with a symmetric algorithm a public key would be the secret that anybody signs with. */
const ALGORITHM = /^(RS|PS|ES)(256|384|512)$|^EdDSA$|^Ed25519$/;

type Verify = (token: string) => Promise<JsonObject>;

/**
 * Tells people by a JSON Web Token: `Authorization: Bearer …`. Signature, issuer, audience, expiry and algorithm are
 * checked, each of them always. A token that fails any of it is nobody's. Needs the package `jose`, which is loaded by
 * the first request.
 *
 * @throws CONFIGURATION for a wrong option; the first request meets it where `jose` is not installed.
 * @example
 * const authenticate = jwt({
 *   issuer: 'https://login.example/', audience: 'credits', algorithms: ['RS256'],
 *   jwksUrl: 'https://login.example/.well-known/jwks.json',
 * });
 */
export function jwt(options: JwtOptions): Authenticate<RequestWithHeaders> {
  check(options);
  let verify: Promise<Verify> | null = null;
  return byHeaders(async (request) => {
    const token = bearerOf(request);
    if (token === null) return null;
    verify ??= verifierOf(options);
    const check = await verify.catch((error: unknown) => {
      // The next request tries again.
      verify = null;
      throw error;
    });
    const claims = await check(token).catch(refused);
    if (claims === null) return null;
    if (options.identity) return options.identity(claims);
    return typeof claims.sub === 'string' ? { userId: claims.sub } : null;
  });
}

async function verifierOf(options: JwtOptions): Promise<Verify> {
  const { createLocalJWKSet, createRemoteJWKSet, jwtVerify } = await import('jose').catch((cause: unknown) => {
    throw creditError(
      'CONFIGURATION',
      'jwt needs the package jose: npm install jose.',
      { problems: ['jose'] },
      {
        cause,
      },
    );
  });
  const { issuer, audience, algorithms, jwks, jwksUrl, clockToleranceSeconds = 5 } = options;
  const keys = jwks ? createLocalJWKSet(jwks as never) : createRemoteJWKSet(new URL(jwksUrl ?? ''));
  const checks = { issuer, audience, algorithms: [...algorithms], clockTolerance: clockToleranceSeconds };
  return async (token) =>
    (await jwtVerify(token, keys as never, { ...checks, requiredClaims: ['exp'] })).payload as JsonObject;
}

/** Null for a token that is not valid. Where the keys cannot be fetched, nobody knows whether it is. */
function refused(error: unknown): null {
  const code = (error as { code?: unknown }).code;
  const isOfToken = typeof code === 'string' && /^ERR_(JWT|JWS|JOSE|JWKS_NO_MATCHING_KEY|JWKS_MULTIPLE)/.test(code);
  if (isOfToken && code !== 'ERR_JOSE_GENERIC') return null;
  const cause = { cause: error };
  throw creditError('STORAGE_UNAVAILABLE', 'The keys of the identity provider cannot be fetched.', {}, cause);
}

function check({ issuer, audience, algorithms, jwks, jwksUrl, clockToleranceSeconds = 5 }: JwtOptions): void {
  const isText = (value: unknown) => typeof value === 'string' && value !== '';
  if (!isText(issuer) || !isText(audience)) throw misconfigured('jwt needs issuer and audience');
  const areFine = Array.isArray(algorithms) && algorithms.length > 0 && algorithms.every((one) => ALGORITHM.test(one));
  if (!areFine) throw misconfigured("jwt needs algorithms with public keys, such as ['RS256']");
  if ((jwks === undefined) === (jwksUrl === undefined)) throw misconfigured('jwt needs one of jwks and jwksUrl');
  const isLocal = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(jwksUrl ?? '');
  if (jwksUrl !== undefined && !isLocal && !/^https:\/\/./.test(jwksUrl))
    throw misconfigured('jwksUrl is not https://…');
  if (!(clockToleranceSeconds >= 0 && clockToleranceSeconds <= 300))
    throw misconfigured('clockToleranceSeconds is not 0–300');
}
