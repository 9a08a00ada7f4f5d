/** Serves an API from `node:http` and from the frameworks that hand on its requests: Express, Connect, NestJS, Koa. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { creditError, isCreditError } from '../errors.js';
import { clearTimeout, setTimeout } from '../timers.js';
import type { Api } from './contract.js';
import { PROBLEMS } from './problems.js';
import { LIMITS } from './request.js';
import { ApiServer, type WireAnswer } from './server.js';

/** What Express adds to a request. */
interface MountedRequest extends IncomingMessage {
  /** The whole path; `url` has lost the part that the API is mounted at. */
  readonly originalUrl?: string;
  /** What a body parser made of the body. */
  readonly body?: unknown;
  /** The bytes of the body, where a parser was told to keep them. */
  readonly rawBody?: unknown;
}

const PARSED =
  'a body parser has read the request before the API did; move app.use(toNode(api)) above app.use(express.json())';

/**
 * A handler for `node:http` and Express: `createServer(toNode(api))`, `app.use('/billing', toNode(api))`. In Express it
 * stands above body parsers. Below one it works where the parser kept the bytes in `req.rawBody`, or with
 * `express.raw()`; else the request is answered with 500 and `CONFIGURATION`, whose message names the line to move, and
 * Express gets the error. The request that `authenticate` sees has the host `localhost`, whatever the client asked for.
 *
 * @example createServer(toNode(api)).listen(8000);
 */
export function toNode(api: Api): (req: unknown, res: unknown, next?: unknown) => void {
  return (req, res, next) => {
    const [request, response] = [req as MountedRequest, res as ServerResponse];
    void serve(api, request, response).catch((error: unknown) => {
      if (typeof next === 'function') return next(error);
      // Without a framework nobody else answers.
      if (response.headersSent) return response.destroy();
      const isSetup = isCreditError(error, 'CONFIGURATION');
      const code = isSetup ? error.code : 'INVARIANT_VIOLATION';
      const detail = isSetup ? error.message : PROBLEMS.INVARIANT_VIOLATION.detail;
      response.writeHead(500, { 'content-type': 'application/json', connection: 'close' });
      return response.end(JSON.stringify({ code, detail, request_id: '' }));
    });
  };
}

/** Answers a request of Node.js. `path` is its path below the place where the API is mounted. */
export async function serve(
  api: Api,
  request: IncomingMessage,
  response: ServerResponse,
  path = pathOf(request.url),
): Promise<void> {
  const { method = 'GET', url, originalUrl = url } = request as MountedRequest;
  const body = await bodyOf(request);
  // Fetch knows no request with these methods, and none of GET with a body.
  const isKnown = !/^(CONNECT|TRACE|TRACK)$/i.test(method);
  const init = { method: isKnown ? method : 'OPTIONS', headers: headersOf(request) };
  const isBare = method === 'GET' || method === 'HEAD' || body?.length === 0;
  const given = isBare ? init : { ...init, body: body ?? BROKEN(), duplex: 'half' as const };
  const fetched = new Request(urlOf(originalUrl), given);
  const { status, headers, text } = await answerOf(api, fetched, path, body);
  if (response.destroyed) return;
  // The rest of a body that was too large, or too late, is not read.
  if (!request.complete) response.setHeader('connection', 'close');
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text ?? '') });
  response.end(text ?? '');
}

async function answerOf(api: Api, request: Request, path: string, body: Uint8Array | null): Promise<WireAnswer> {
  if (api instanceof ApiServer) return api.serve(request, path, body);
  const response = await api.fetch(request);
  const { status, headers } = response;
  return { status, headers: Object.fromEntries(headers), text: await response.text() };
}

/** A body that did not arrive. */
const BROKEN = () => new ReadableStream({ start: (controller) => controller.error(new Error('not arrived')) });

function pathOf(url: string | undefined): string {
  return new URL(urlOf(url)).pathname;
}

/** A path that begins with // would name a host. */
function urlOf(url = '/'): string {
  return `http://localhost/${url.replace(/^(https?:\/\/[^/]*)?\/*/i, '')}`;
}

function headersOf({ rawHeaders }: IncomingMessage): [string, string][] {
  const headers: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]];
    // HTTP/2 has names such as :path.
    if (!name.startsWith(':')) headers.push([name, value]);
  }
  return headers;
}

/** The bytes of the body, and one more than is allowed of one that is too large; null where it did not arrive. */
async function bodyOf(request: MountedRequest): Promise<Uint8Array<ArrayBuffer> | null> {
  const { body, rawBody, headers } = request;
  if (Buffer.isBuffer(rawBody)) return new Uint8Array(rawBody);
  if (Buffer.isBuffer(body)) return new Uint8Array(body);
  if (request.readableDidRead || request.readableEnded) {
    const hadBody = Number(headers['content-length'] ?? 0) > 0 || 'transfer-encoding' in headers;
    if (hadBody) throw creditError('CONFIGURATION', `toNode: ${PARSED}.`, { problems: [PARSED] });
    return new Uint8Array();
  }
  return read(request);
}

function read(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (isWhole: boolean) => {
      clearTimeout(timer);
      request.off('data', add).off('end', whole).off('error', broken).off('close', broken);
      resolve(isWhole ? new Uint8Array(Buffer.concat(chunks)) : null);
    };
    const whole = () => end(true);
    const broken = () => end(false);
    const add = (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes <= LIMITS.bodyBytes) return;
      request.pause();
      whole();
    };
    const timer = setTimeout(broken, LIMITS.bodyMs);
    request.on('data', add).on('end', whole).on('error', broken).on('close', broken);
  });
}
