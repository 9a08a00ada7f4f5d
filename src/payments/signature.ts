/** HMAC-SHA256 signatures in hexadecimal: as both providers make them, and as a receiver compares them. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { creditError } from '../errors.js';

/** The digest over the parts, one after the other. */
export function digestOf(secret: string, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const hmac = createHmac('sha256', secret);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

/**
 * Whether any given signature is one of the digests. Every pair is compared, in a time that does not depend on where
 * they differ.
 */
export function isAnyOf(given: readonly string[], digests: readonly Buffer[]): boolean {
  let found = false;
  for (const text of given) {
    // The comparison throws for another length, and decoding skips what is not hexadecimal.
    if (!/^[0-9a-f]{64}$/.test(text)) continue;
    const signature = Buffer.from(text, 'hex');
    for (const digest of digests) found = timingSafeEqual(signature, digest) || found;
  }
  return found;
}

/** One error for everything that can be wrong, so that nobody learns from it what to try next. */
export function wrongSignature(provider: string) {
  const message = `The signature of this webhook is not one of ${provider}'s, or is too old. Nothing was read.`;
  return creditError('WEBHOOK_SIGNATURE_INVALID', message, { provider });
}
