/** The signature of Standard Webhooks (https://www.standardwebhooks.com), as the sender makes it and a receiver. */
import { createHmac } from 'node:crypto';
import { creditError } from '../errors.js';

// Bound when the library is loaded: a host's fake timers would make every signature too old.
export const wallNow = Date.now.bind(Date);

/** The HMAC over id, time and body. The body is signed as the bytes that it has on the wire. */
export function digestOf(key: Buffer, id: string, seconds: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest();
}

/** The keys of one or several secrets. `where` names the call in the error, which never contains a secret. */
export function keysOf(secrets: unknown, where: string): readonly Buffer[] {
  const keys = [secrets].flat().map((secret, i) => keyOf(secret, i, where));
  if (keys.length === 0) throw wrongOption(where, 'secret needs at least one entry');
  return keys;
}

function keyOf(secret: unknown, i: number, where: string): Buffer {
  const text = typeof secret === 'string' && secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : '';
  const key = Buffer.from(text, 'base64');
  // Decoding skips characters that are not base64. Such a text does not come back the same when it is encoded again.
  const isWhole = key.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '');
  if (isWhole && key.length >= 24 && key.length <= 64) return key;
  throw wrongOption(
    where,
    `secret ${i + 1} must be whsec_ and 24 to 64 bytes as base64; createWebhookSecret() makes one`,
  );
}

export function wrongOption(where: string, problem: string) {
  return creditError('CONFIGURATION', `${where}: ${problem}.`, { problems: [problem] });
}
