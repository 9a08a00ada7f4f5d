/** Asks the host who sends a request. */
import { creditError, isCreditError } from '../errors.js';
import { isIdentifier } from '../models/inputs/values.js';
import type { Authenticate, Identity } from './contract.js';
import { misconfigured } from './misconfigured.js';

/**
 * Answers the one who sends a request. An error of `authenticate` is reported and counts as nobody.
 *
 * @throws UNAUTHENTICATED where nobody is named, CONFIGURATION for an identity that is none
 */
export async function identify<Req>(
  authenticate: Authenticate<Req>,
  request: Req,
  report: (error: unknown) => void,
): Promise<Identity> {
  let who: Identity | null = null;
  try {
    who = await authenticate(request);
  } catch (error) {
    if (isCreditError(error)) throw error;
    report(error);
  }
  if (typeof who !== 'object' || who === null) {
    throw creditError('UNAUTHENTICATED', 'The request names nobody.', {});
  }
  if (!isIdentifier(who.userId)) throw misconfigured('authenticate answered an identity without a valid userId');
  // A text has an `includes` too, which finds its parts.
  if (who.accounts !== undefined && !Array.isArray(who.accounts))
    throw misconfigured('accounts is not a list of users');
  return who;
}

/** Whether an account is the caller's own, or one that they may use as their own. */
export function isOwn(who: Identity, account: unknown): boolean {
  return account === who.userId || (who.accounts?.includes(account as string) ?? false);
}
