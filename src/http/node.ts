/** Serves an API from `node:http` and from the frameworks that hand on its requests: Express, Connect, NestJS, Koa. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { creditError, isCreditError } from '../errors.js';
import { clearTimeout, setTimeout } from '../timers.js';
import type { Api } from './contract.js';
import { LIMITS } from './limits.js';
import { type MountedRequest, NodeMessage, pathOf } from './node-message.js';
import { PROBLEMS } from './problems.js';
import { ApiServer, type WireAnswer } from './server.js';

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
  const message = new NodeMessage(request, await bodyOf(request));
  const { status, headers, text, stream } = await answerOf(api, message, path);
  if (response.destroyed) return void stream?.cancel();
  // The rest of a body that was too large, or too late, is not read.
  if (!request.complete) response.setHeader('connection', 'close');
  if (stream) {
    response.writeHead(status, headers);
    return pipe(stream, response);
  }
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text ?? '') });
  response.end(text ?? '');
}

async function answerOf(api: Api, message: NodeMessage, path: string): Promise<WireAnswer> {
  if (api instanceof ApiServer) return api.serve(message, path);
  const response = await api.fetch(message.fetched());
  const { status, headers } = response;
  const stream = headers.get('content-type')?.startsWith('text/event-stream') ? response.body : null;
  return { status, headers: Object.fromEntries(headers), text: stream ? null : await response.text(), stream };
}

/** Sends a stream as fast as the client reads it, until either ends. */
async function pipe(stream: ReadableStream<Uint8Array>, response: ServerResponse): Promise<void> {
  const reader = stream.getReader();
  const closed = new Promise<void>((resolve) => void response.once('close', resolve));
  void closed.then(() => reader.cancel().catch(() => {}));
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (response.write(value)) continue;
    await Promise.race([closed, new Promise((resolve) => void response.once('drain', resolve))]);
  }
  response.end();
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
      resolve(isWhole ? joined(chunks) : null);
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

function joined(chunks: readonly Buffer[]): Uint8Array<ArrayBuffer> {
  const [first] = chunks;
  return (first && chunks.length === 1 ? first : Buffer.concat(chunks)) as Uint8Array<ArrayBuffer>;
}
