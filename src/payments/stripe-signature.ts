/** The header `stripe-signature`: `t=1614265330,v1=…,v1=…`, as https://docs.stripe.com/webhooks/signature tells. */
import { digestOf, isAnyOf } from './signature.js';

/** More than a header with a signature of each of twenty secrets. */
const HEADER_MAX = 2_048;

/**
 * Whether the header has a right signature of these bytes, by any of the secrets, made within the tolerance before or
 * after `now`.
 */
export function isSigned(
  rawBody: Uint8Array,
  header: string | null,
  secrets: readonly string[],
  { now, toleranceSeconds }: { readonly now: Date; readonly toleranceSeconds: number },
): boolean {
  if (header === null || header.length > HEADER_MAX) return false;
  const items = header.split(',');
  const valuesOf = (name: string) =>
    items.filter((item) => item.startsWith(name)).map((item) => item.slice(name.length));
  const [time, ...others] = valuesOf('t=');
  if (time === undefined || others.length > 0 || !/^[1-9]\d{0,11}$/.test(time)) return false;
  const digests = secrets.map((secret) => digestOf(secret, `${time}.`, rawBody));
  if (!isAnyOf(valuesOf('v1='), digests)) return false;
  // In seconds, as the time is: on both sides, because a time to come could be replayed until it is over.
  return Math.abs(Math.floor(now.getTime() / 1000) - Number(time)) <= toleranceSeconds;
}
