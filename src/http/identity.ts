/** Ready ways to tell who sends a request: secret tokens, and a header of a proxy that is trusted. */
import { hash, timingSafeEqual } from 'node:crypto';
import { isIdentifier } from '../models/inputs/values.js';
import type { LoggerLike } from '../ports/logger.js';
import { defaultLogger } from '../services/manager/default-logger.js';
import type { Authenticate, Identity, RequestWithHeaders } from './contract.js';
import { misconfigured } from './misconfigured.js';

const ofHeaders = new WeakSet<object>();

/** Marks a way that reads headers and nothing else: no request of Fetch has to be made for it. */
export function byHeaders(authenticate: Authenticate<RequestWithHeaders>): Authenticate<RequestWithHeaders> {
  ofHeaders.add(authenticate);
  return authenticate;
}

export function isOfHeaders(authenticate: Authenticate<Request>): boolean {
  return ofHeaders.has(authenticate);
}

/** The value of a header; null without it. */
export function headerOf(request: RequestWithHeaders, name: string): string | null {
  const { headers } = 'headers' in request ? request : request.req.raw;
  if (typeof headers.get === 'function') return headers.get(name);
  const value = (headers as Readonly<Record<string, string | string[] | undefined>>)[name.toLowerCase()];
  return value === undefined ? null : String(value);
}

/** The token of `Authorization: Bearer …`; null without one. */
export function bearerOf(request: RequestWithHeaders): string | null {
  return /^Bearer +([\w.~+/-]+=*) *$/i.exec(headerOf(request, 'authorization') ?? '')?.[1] ?? null;
}

/**
 * Tells people and programs by secret tokens: `Authorization: Bearer …`. The keys are the SHA-256 of the tokens in hex,
 * so the program that checks a token does not know it. Every token is compared with every key, in constant time. Take
 * tokens of 32 random bytes: a short one can be guessed. It serves the API and `creditDeduction` of every framework.
 *
 * @throws CONFIGURATION for a key that is no SHA-256 in lower-case hex, and for an identity without a `userId`.
 * @example
 * // node -e "const c=require('crypto'),t=c.randomBytes(32).toString('hex');console.log(t,c.hash('sha256',t))"
 * const authenticate = bearerTokens({ [process.env.ADMIN_TOKEN_SHA256!]: { userId: 'ops', roles: ['admin'] } });
 */
export function bearerTokens(tokens: Readonly<Record<string, Identity>>): Authenticate<RequestWithHeaders> {
  const known = Object.entries(tokens).map(([key, identity]) => {
    if (!/^[0-9a-f]{64}$/.test(key)) throw misconfigured('a key of bearerTokens is not the SHA-256 of a token in hex');
    if (!isIdentifier(identity?.userId)) throw misconfigured('an identity of bearerTokens has no valid userId');
    return { key: Buffer.from(key, 'hex'), identity };
  });
  return byHeaders((request) => {
    const token = bearerOf(request);
    if (token === null) return null;
    const key = hash('sha256', token, 'buffer');
    let found: Identity | null = null;
    for (const one of known) if (timingSafeEqual(one.key, key)) found = one.identity;
    return found;
  });
}

/**
 * Takes the user from a header, such as `X-User-Id`. Everybody who reaches the server can send any header, so this is
 * safe only behind a proxy that sets the header itself and removes the one of the client. It logs one warning.
 *
 * @param header the name of the header
 * @example const authenticate = dangerouslyTrustHeader('X-User-Id');
 */
export function dangerouslyTrustHeader(
  header: string,
  { logger = defaultLogger() }: { /** Gets the warning. */ readonly logger?: LoggerLike | undefined } = {},
): Authenticate<RequestWithHeaders> {
  if (!/^[\w-]{1,100}$/.test(header)) throw misconfigured('dangerouslyTrustHeader needs the name of a header');
  logger.warn({ header }, 'Users are taken from a header that anybody can send, unless a proxy sets it');
  return byHeaders((request) => {
    const userId = headerOf(request, header);
    return isIdentifier(userId) ? { userId } : null;
  });
}
