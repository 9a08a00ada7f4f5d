/** Reads requests within limits: their size, their depth, their time, and nothing but JSON. */
import { creditError } from '../errors.js';
import { clearTimeout, setTimeout } from '../timers.js';
import { invalid } from './wire.js';

/** The limits of a request. */
export const LIMITS = {
  bodyBytes: 1024 * 1024,
  /** Metadata has eight levels of its own. */
  depth: 16,
  /** A user id of 255 letters, each of them percent-encoded, and a cursor fit. */
  urlChars: 16 * 1024,
  headerChars: 32 * 1024,
  /** Milliseconds until a body must have arrived. */
  bodyMs: 30_000,
} as const;

/** @throws PAYLOAD_TOO_LARGE for a URL, or for headers, that no client of ours needs */
export function checkSize({ url, headers }: Request): void {
  let chars = 0;
  for (const [name, value] of headers) chars += name.length + value.length;
  if (url.length > LIMITS.urlChars) throw tooLarge(LIMITS.urlChars);
  if (chars > LIMITS.headerChars) throw tooLarge(LIMITS.headerChars);
}

/** The JSON object in the body; {} where there is none. `bytes` are those of the body, where somebody has them. */
export async function readJson(request: Request, bytes: Uint8Array | null): Promise<unknown> {
  const { headers } = request;
  // A form of another site cannot send this type without asking first, also where it sends no body.
  if (!/^application\/json *(; *charset="?utf-8"? *)?$/i.test(headers.get('content-type') ?? '')) throw unsupported();
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') throw unsupported();
  if (Number(headers.get('content-length') ?? 0) > LIMITS.bodyBytes) throw tooLarge(LIMITS.bodyBytes);
  const text = bytes ? decodedAtOnce(bytes) : await readText(request);
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

async function readText(request: Request): Promise<string> {
  if (!request.body) return '';
  const reader = request.body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(creditError('ABORTED', 'The body did not arrive in time.', {})), LIMITS.bodyMs);
  });
  try {
    return await Promise.race([decoded(reader), isLate]);
  } catch (error) {
    // What is left of the body is of no use to anybody.
    void reader.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function decodedAtOnce(bytes: Uint8Array): string {
  if (bytes.byteLength > LIMITS.bodyBytes) throw tooLarge(LIMITS.bodyBytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid('body', 'JSON in UTF-8');
  }
}

async function decoded(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw creditError('ABORTED', 'The body ended before its time.', {});
    });
    bytes += value?.byteLength ?? 0;
    if (bytes > LIMITS.bodyBytes) throw tooLarge(LIMITS.bodyBytes);
    try {
      text += done ? decoder.decode() : decoder.decode(value, { stream: true });
    } catch {
      throw invalid('body', 'JSON in UTF-8');
    }
    if (done) return text;
  }
}

/** Whether brackets are nested deeper than allowed. Those in texts do not count. */
function isDeep(text: string): boolean {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (isText && letter === '\\') at++;
    else if (letter === '"') isText = !isText;
    else if (!isText && (letter === '{' || letter === '[')) depth++;
    else if (!isText && (letter === '}' || letter === ']')) depth--;
    if (depth > LIMITS.depth) return true;
  }
  return false;
}

function tooLarge(maxBytes: number) {
  return creditError('PAYLOAD_TOO_LARGE', `The request is larger than ${maxBytes} bytes.`, { maxBytes });
}

function unsupported() {
  return creditError('UNSUPPORTED_MEDIA_TYPE', 'The body is not plain JSON.', {});
}
