/** A request as the API reads it, whether Fetch or Node.js brought it. */
import { creditError } from '../errors.js';
import { clearTimeout, setTimeout } from '../timers.js';
import { LIMITS, tooLarge } from './limits.js';
import { misconfigured } from './misconfigured.js';
import { invalid } from './wire.js';

const PARSED = 'the body was read before the webhook came to the API; hand the request on unread';

/** The bytes of a body that nobody has parsed. */
export interface RawBody {
  readonly body: Uint8Array;
  readonly headers: Headers;
}

export interface Message {
  /** As Fetch writes it: those that everybody knows in capitals. */
  readonly method: string;
  readonly url: string;
  readonly headers: Pick<Headers, 'get'>;
  /** Characters of the names and the values of all headers. */
  readonly headerChars: number;
  readonly query: URLSearchParams;
  /** The body; `''` where there is none. @throws PAYLOAD_TOO_LARGE, ABORTED, INVALID_ARGUMENT */
  text(): Promise<string> | string;
  /** The body as it came, and the headers. @throws as `text` does */
  bytes(): Promise<RawBody> | RawBody;
  /** The request of Fetch, made where there is none yet. */
  fetched(): Request;
  /** Whether somebody has read the body of the request of Fetch. */
  readonly isBodyUsed: boolean;
}

export class FetchMessage implements Message {
  readonly #request: Request;
  readonly #url: URL;

  constructor(request: Request, url: URL) {
    this.#request = request;
    this.#url = url;
  }

  get method(): string {
    return this.#request.method;
  }

  get url(): string {
    return this.#request.url;
  }

  get headers(): Headers {
    return this.#request.headers;
  }

  get headerChars(): number {
    let chars = 0;
    for (const [name, value] of this.#request.headers) chars += name.length + value.length;
    return chars;
  }

  get query(): URLSearchParams {
    return this.#url.searchParams;
  }

  get isBodyUsed(): boolean {
    return this.#request.bodyUsed;
  }

  text(): Promise<string> | string {
    const { body } = this.#request;
    return body ? readBytes(body).then(decodedAtOnce) : '';
  }

  async bytes(): Promise<RawBody> {
    const { body, headers, bodyUsed } = this.#request;
    if (bodyUsed) throw misconfigured(PARSED);
    return { body: body ? await readBytes(body) : new Uint8Array(), headers };
  }

  fetched(): Request {
    return this.#request;
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** The text of a body whose bytes are all there. */
export function decodedAtOnce(bytes: Uint8Array): string {
  if (bytes.byteLength > LIMITS.bodyBytes) throw tooLarge(LIMITS.bodyBytes);
  try {
    return UTF8.decode(bytes);
  } catch {
    throw invalid('body', 'JSON in UTF-8');
  }
}

export function endedEarly() {
  return creditError('ABORTED', 'The body ended before its time.', {});
}

async function readBytes(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(creditError('ABORTED', 'The body did not arrive in time.', {})), LIMITS.bodyMs);
  });
  try {
    return await Promise.race([collected(reader), isLate]);
  } catch (error) {
    // Nobody needs the rest of the body.
    void reader.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function collected(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw endedEarly();
    });
    if (done) return Buffer.concat(chunks);
    bytes += value.byteLength;
    if (bytes > LIMITS.bodyBytes) throw tooLarge(LIMITS.bodyBytes);
    chunks.push(value);
  }
}
