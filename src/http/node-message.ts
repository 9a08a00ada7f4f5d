/** A request of Node.js as the API reads it. One of Fetch is made where somebody asks for it, because it is dear. */
import type { IncomingMessage } from 'node:http';
import { LIMITS, tooLarge } from './limits.js';
import { decodedAtOnce, endedEarly, type Message, type RawBody } from './message.js';

/** A request of Node.js with the fields that Express and body parsers add. */
export interface MountedRequest extends IncomingMessage {
  /** The whole path; `url` has lost the part that the API is mounted at. */
  readonly originalUrl?: string;
  /** The body as a parser read it. */
  readonly body?: unknown;
  /** The bytes of the body, where a parser was told to keep them. */
  readonly rawBody?: unknown;
}

/** The methods that Fetch writes in capitals. */
const CAPITALS = ['GET', 'POST', 'DELETE', 'HEAD', 'OPTIONS', 'PUT'];
/** A path, and a query, that are the same after a URL was made of them. */
const PLAIN = /^\/(?!\/)[\w~/-]*(?:\?[\w~&=%,+.-]*)?$/;
const NO_QUERY = new URLSearchParams();

export class NodeMessage implements Message {
  readonly method: string;
  /** Itself, so that those who read headers alone take it for a request. */
  readonly headers: Pick<Headers, 'get'> = this;
  readonly #raw: readonly string[];
  readonly #path: string;
  /** Those of the body; null where it did not arrive. */
  readonly #bytes: Uint8Array<ArrayBuffer> | null;
  #url: URL | undefined;
  #fetched: Request | undefined;

  constructor(
    { method = 'GET', url = '/', originalUrl = url, rawHeaders }: MountedRequest,
    bytes: Uint8Array<ArrayBuffer> | null,
  ) {
    this.method = methodOf(method);
    this.#raw = rawHeaders;
    this.#path = originalUrl;
    this.#bytes = bytes;
  }

  get url(): string {
    return PLAIN.test(this.#path) ? `http://localhost${this.#path}` : this.#parsed().href;
  }

  get query(): URLSearchParams {
    if (!PLAIN.test(this.#path)) return this.#parsed().searchParams;
    const at = this.#path.indexOf('?');
    return at < 0 ? NO_QUERY : new URLSearchParams(this.#path.slice(at));
  }

  get headerChars(): number {
    return this.#raw.reduce((chars, { length }) => chars + length, 0);
  }

  get isBodyUsed(): boolean {
    return this.#fetched?.bodyUsed ?? false;
  }

  /** The value of a header; of one that came more than once all of them, as Fetch joins them. */
  get(name: string): string | null {
    const wanted = name.toLowerCase();
    let value: string | null = null;
    for (let i = 0; i + 1 < this.#raw.length; i += 2) {
      const [one = '', next = ''] = [this.#raw[i], this.#raw[i + 1]];
      if (one.length !== wanted.length || one.toLowerCase() !== wanted) continue;
      value = value === null ? next : `${value}, ${next}`;
    }
    return value;
  }

  text(): string {
    if (this.#bytes === null) throw endedEarly();
    return decodedAtOnce(this.#bytes);
  }

  bytes(): RawBody {
    if (this.#bytes === null) throw endedEarly();
    if (this.#bytes.byteLength > LIMITS.bodyBytes) throw tooLarge(LIMITS.bodyBytes);
    return { body: this.#bytes, headers: new Headers(this.#headers()) };
  }

  fetched(): Request {
    this.#fetched ??= new Request(this.url, this.#init());
    return this.#fetched;
  }

  #init(): RequestInit {
    const init = { method: this.method, headers: this.#headers() };
    const isBare = this.method === 'GET' || this.method === 'HEAD' || this.#bytes?.length === 0;
    return isBare ? init : { ...init, body: this.#bytes ?? notArrived(), duplex: 'half' };
  }

  #headers(): [string, string][] {
    const headers: [string, string][] = [];
    for (let i = 0; i + 1 < this.#raw.length; i += 2) {
      const [name = '', value = ''] = [this.#raw[i], this.#raw[i + 1]];
      // HTTP/2 has names such as :path.
      if (!name.startsWith(':')) headers.push([name, value]);
    }
    return headers;
  }

  #parsed(): URL {
    this.#url ??= new URL(urlOf(this.#path));
    return this.#url;
  }
}

/** The path of a URL of Node.js, as Fetch has it. */
export function pathOf(url = '/'): string {
  if (!PLAIN.test(url)) return new URL(urlOf(url)).pathname;
  const at = url.indexOf('?');
  return at < 0 ? url : url.slice(0, at);
}

/** A path that begins with // would name a host. */
function urlOf(url: string): string {
  return `http://localhost/${url.replace(/^(https?:\/\/[^/]*)?\/*/i, '')}`;
}

/** Fetch knows no request with three of the methods. */
function methodOf(method: string): string {
  const capitals = method.toUpperCase();
  if (CAPITALS.includes(capitals)) return capitals;
  return ['CONNECT', 'TRACE', 'TRACK'].includes(capitals) ? 'OPTIONS' : method;
}

function notArrived(): ReadableStream {
  return new ReadableStream({ start: (controller) => controller.error(new Error('not arrived')) });
}
