/** The checks of a provider's options. An error names the option, and never contains its value. */
import { creditError } from '../errors.js';

/** The fewest characters of a secret that a webhook is signed with. */
const SECRET_MIN = 16;
const TIMEOUT_MAX_MS = 600_000;

export function wrongOption(where: string, problem: string) {
  return creditError('CONFIGURATION', `${where}: ${problem}.`, { problems: [problem] });
}

/** A key, as it was given: nothing is trimmed, and blanks around it are refused. */
export function keyOf(value: unknown, name: string, where: string): string {
  if (typeof value !== 'string' || value === '') throw wrongOption(where, `${name} is missing`);
  // A key goes into a header, where neither a blank nor a letter beyond ASCII has a place.
  if (!/^[\x21-\x7e]+$/.test(value)) throw wrongOption(where, `${name} has blanks or letters that no key has`);
  return value;
}

/** The secrets that webhooks are signed with: one, or several while one of them is replaced. */
export function secretsOf(given: unknown, where: string): readonly string[] {
  const secrets: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (secrets.length === 0) throw wrongOption(where, 'webhookSecret needs at least one entry');
  return secrets.map((secret) => {
    if (typeof secret !== 'string' || secret === '') throw wrongOption(where, 'webhookSecret is missing');
    if (secret !== secret.trim()) throw wrongOption(where, 'webhookSecret has blanks around it');
    if (secret.length >= SECRET_MIN) return secret;
    throw wrongOption(where, `webhookSecret needs at least ${SECRET_MIN} characters`);
  });
}

/** `https:`, or `http:` to this machine. Answers it without a slash at the end. */
export function baseUrlOf(given: unknown, where: string): string {
  if (typeof given !== 'string' || !URL.canParse(given)) throw wrongOption(where, 'baseUrl is not a URL');
  const url = new URL(given);
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  const isAllowed = url.protocol === 'https:' || (url.protocol === 'http:' && isLocal);
  if (!isAllowed) throw wrongOption(where, 'baseUrl must begin with https: (http: to this machine)');
  const isPlain = [url.username, url.password, url.search, url.hash].every((part) => part === '');
  if (!isPlain) throw wrongOption(where, 'baseUrl may hold neither a password nor a query');
  return url.href.replace(/\/+$/, '');
}

/** A whole number of `name` from 1 to `max`. */
export function wholeOf(value: unknown, name: string, max: number, where: string): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) return value as number;
  throw wrongOption(where, `${name} must be a whole number from 1 to ${max}`);
}

export function timeoutOf(value: unknown, where: string): number {
  return wholeOf(value, 'timeoutMs', TIMEOUT_MAX_MS, where);
}
