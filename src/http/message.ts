/** A request as the API reads it, whether Fetch or Node.js brought it. */
import { creditError } from '../errors.js';
import { clearTimeout, setTimeout } from '../timers.js';
import { LIMITS, tooLarge } from './limits.js';
import { invalid } from './wire.js';

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
    return body ? readText(body) : '';
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

async function readText(body: ReadableStream<Uint8Array>): Promise<string> {
  const reader = body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(creditError('ABORTED', 'The body did not arrive in time.', {})), LIMITS.bodyMs);
  });
  try {
    return await Promise.race([decoded(reader), isLate]);
  } catch (error) {
    // Nobody needs the rest of the body.
    void reader.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function decoded(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw endedEarly();
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
