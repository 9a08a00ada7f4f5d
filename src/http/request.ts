/** Reads requests within limits: their size, their depth, their time, and nothing but JSON. */
import { randomUUID } from 'node:crypto';
import { creditError } from '../errors.js';
import { LIMITS, tooLarge } from './limits.js';
import type { Message } from './message.js';
import { invalid } from './wire.js';

const REQUEST_ID = /^[!-~]{1,255}$/;

/** The id that the client gave its request; a new one where it gave none that is an identifier. */
export function requestIdOf(given: string | null): string {
  return given !== null && REQUEST_ID.test(given) ? given : randomUUID();
}

/** @throws PAYLOAD_TOO_LARGE for a URL, or for headers, that no client of ours needs */
export function checkSize({ url, headerChars }: Message): void {
  if (url.length > LIMITS.urlChars) throw tooLarge(LIMITS.urlChars);
  if (headerChars > LIMITS.headerChars) throw tooLarge(LIMITS.headerChars);
}

/** A signed body: its type is of no account, and it is never unpacked, as the signature is over the bytes as sent. */
export function checkRaw({ headers }: Message): Record<string, never> {
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') throw unsupported();
  if (Number(headers.get('content-length') ?? 0) > LIMITS.bodyBytes) throw tooLarge(LIMITS.bodyBytes);
  return {};
}

/** The JSON object in the body; {} where there is none. */
export async function readJson(message: Message): Promise<unknown> {
  const { headers } = message;
  // A form of another site cannot send this type without asking first, also where it sends no body.
  if (!/^application\/json *(; *charset="?utf-8"? *)?$/i.test(headers.get('content-type') ?? '')) throw unsupported();
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') throw unsupported();
  if (Number(headers.get('content-length') ?? 0) > LIMITS.bodyBytes) throw tooLarge(LIMITS.bodyBytes);
  const text = await message.text();
  if (text === '') return {};
  if (isDeep(text)) throw invalid('body', `JSON of at most ${LIMITS.depth} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('body', 'JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw invalid('body', 'a JSON object');
}

const [BACKSLASH, QUOTE] = [0x5c, 0x22];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Whether brackets are nested deeper than allowed. Those in texts do not count. */
function isDeep(text: string): boolean {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text.charCodeAt(at);
    if (isText && letter === BACKSLASH) at++;
    else if (letter === QUOTE) isText = !isText;
    else if (!isText && (letter === OPEN_BRACE || letter === OPEN_BRACKET)) depth++;
    else if (!isText && (letter === CLOSE_BRACE || letter === CLOSE_BRACKET)) depth--;
    if (depth > LIMITS.depth) return true;
  }
  return false;
}

function unsupported() {
  return creditError('UNSUPPORTED_MEDIA_TYPE', 'The body is not plain JSON.', {});
}
