/** The same handler behind automatic deduction on real servers of every framework. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { getRequestListener } from '@hono/node-server';
import type { RequestHandler } from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import * as express from '../../../src/entries/express.js';
import * as fastifyEntry from '../../../src/entries/fastify.js';
import * as hono from '../../../src/entries/hono.js';
import type { DeductionSettings, UsageSource } from '../../../src/entries/http.js';
import * as http from '../../../src/entries/http.js';
import type { Reservation } from '../../../src/index.js';

/** An answer, of one piece or of many. */
export interface Reply {
  readonly status?: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Sent as the framework sends JSON. */
  readonly json?: unknown;
  readonly body?: Buffer | string | null;
  readonly stream?: () => AsyncIterable<string>;
}

/** The part of a request that handlers look at. */
export interface Seen {
  readonly path: string;
  readonly reservation: Reservation | undefined;
  text(): Promise<string>;
}
export type Handle = (seen: Seen) => Reply | Promise<Reply>;

/** The identity is the header X-User-Id, whichever way it is asked for. */
export type Options = Omit<DeductionSettings<unknown>, 'account' | 'estimate'> &
  UsageSource & { readonly userIdHeader?: string; readonly trusted?: boolean };

export interface Framework {
  readonly name: string;
  /** Whether an answer in one piece tells what was deducted. */
  listener(options: Options, handle: Handle): Promise<RequestListener>;
}

const load = createRequire(import.meta.url);
type Handler = (
  request: IncomingMessage & { path: string },
  response: ServerResponse,
  next: (e?: unknown) => void,
) => void;
type ExpressLike = () => { use(...handlers: unknown[]): void } & RequestListener;

function idOf(header: (name: string) => string | null | undefined) {
  const userId = header('x-user-id');
  return userId ? { userId } : null;
}

/** Sends a reply through Node.js alone. */
async function sendRaw(response: ServerResponse, reply: Reply): Promise<void> {
  response.statusCode = reply.status ?? 200;
  for (const [name, value] of reply.headers ?? []) response.appendHeader(name, value);
  if (reply.json !== undefined) {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(reply.json));
  } else if (reply.stream) await pipeline(Readable.from(reply.stream()), response).catch(() => {});
  else if (reply.body === undefined || reply.body === null) response.end();
  else response.end(reply.body);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const nodeSeen = (request: IncomingMessage): Seen => ({
  path: (request.url ?? '/').split('?')[0] as string,
  reservation: (request as { creditReservation?: Reservation }).creditReservation,
  text: () => textOf(request),
});

function node(): Framework {
  return {
    name: 'node:http',
    async listener(options, handle) {
      const guard = express.creditDeduction<IncomingMessage>({
        ...options,
        ...(options.userIdHeader === undefined && {
          authenticate: (request: IncomingMessage) => idOf((name) => request.headers[name] as string),
        }),
      } as never);
      return (request, response) => {
        guard(request, response, (error) => {
          const fail = () => sendRaw(response, { status: 500, json: { error: 'failed' } });
          if (error) void fail();
          else
            Promise.resolve()
              .then(() => handle(nodeSeen(request)))
              .then((reply) => sendRaw(response, reply), fail);
        });
      };
    },
  };
}

function expressOf(name: string, packageName: string): Framework {
  return {
    name,
    async listener(options, handle) {
      const app = (load(packageName) as ExpressLike)();
      const guard: RequestHandler = express.creditDeduction({
        ...options,
        ...(options.userIdHeader === undefined && {
          authenticate: (request: IncomingMessage) => idOf((header) => request.headers[header] as string),
        }),
      } as never);
      app.use(guard);
      const answer: Handler = (request, response, next) => {
        Promise.resolve()
          .then(() => handle({ ...nodeSeen(request), path: request.path }))
          .then((reply) => {
            if (reply.json === undefined) return sendRaw(response, reply);
            const { status = 200, headers = [], json } = reply;
            for (const [header, value] of headers) response.appendHeader(header, value);
            return (response as unknown as { status(n: number): { json(v: unknown): void } }).status(status).json(json);
          })
          .catch(next);
      };
      app.use(answer);
      app.use((_error: unknown, _request: unknown, response: ServerResponse, _next: unknown) => {
        void sendRaw(response, { status: 500, json: { error: 'failed' } });
      });
      return app;
    },
  };
}

function fastifyOf(): Framework {
  return {
    name: 'fastify',
    async listener(options, handle) {
      let answer: RequestListener = () => {};
      const app = fastify({
        serverFactory: (handler) => {
          answer = handler as RequestListener;
          return createServer(handler as RequestListener);
        },
      });
      await app.register(
        fastifyEntry.creditDeduction({
          ...options,
          ...(options.userIdHeader === undefined && {
            authenticate: ({ raw }: { raw: IncomingMessage }) => idOf((header) => raw.headers[header] as string),
          }),
        } as never),
      );
      app.removeAllContentTypeParsers();
      app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
      app.all('*', async (request, reply) => {
        const held = (request as { creditReservation?: Reservation | null }).creditReservation ?? undefined;
        const path = request.url.split('?')[0] as string;
        const sent = await handle({ path, reservation: held, text: async () => String(request.body) });
        reply.code(sent.status ?? 200);
        for (const [header, value] of sent.headers ?? []) reply.header(header, value);
        if (sent.json !== undefined) return sent.json;
        return reply.send(sent.stream ? Readable.from(sent.stream()) : (sent.body ?? undefined));
      });
      app.setErrorHandler((_error, _request, reply) => reply.code(500).send({ error: 'failed' }));
      await app.ready();
      return answer;
    },
  };
}

function responseOf(reply: Reply): Response {
  const { status = 200 } = reply;
  const headers = new Headers();
  for (const [name, value] of reply.headers ?? []) headers.append(name, value);
  if (reply.json !== undefined) return Response.json(reply.json, { status, headers });
  const body = reply.stream
    ? (ReadableStream.from(encoded(reply.stream())) as ReadableStream)
    : ((reply.body ?? null) as string | null);
  return new Response(body, { status, headers });
}

async function* encoded(source: AsyncIterable<string>) {
  for await (const chunk of source) yield new TextEncoder().encode(chunk);
}

const fetchSeen = (request: Request, reservation: unknown): Seen => ({
  path: new URL(request.url).pathname,
  reservation: reservation as Reservation | undefined,
  text: () => request.text(),
});

function honoOf(): Framework {
  return {
    name: 'hono',
    async listener(options, handle) {
      const app = new Hono();
      const guard = hono.creditDeduction({
        ...options,
        ...(options.userIdHeader === undefined && {
          authenticate: (c: { req: { raw: Request } }) => idOf((header) => c.req.raw.headers.get(header)),
        }),
      } as never);
      app.use(guard);
      app.all('*', async (c) => {
        const reply = await handle(fetchSeen(c.req.raw, c.get('creditReservation' as never)));
        if (reply.json === undefined) return responseOf(reply);
        for (const [name, value] of reply.headers ?? []) c.header(name, value, { append: true });
        return c.json(reply.json as object, (reply.status ?? 200) as 200);
      });
      app.onError((_error, c) => c.json({ error: 'failed' }, 500));
      return getRequestListener(app.fetch) as RequestListener;
    },
  };
}

function fetchOf(): Framework {
  return {
    name: 'fetch',
    async listener(options, handle) {
      const guard = http.creditDeduction({
        ...options,
        ...(options.userIdHeader === undefined && {
          authenticate: ({ headers }: Request) => idOf((header) => headers.get(header)),
        }),
      } as never);
      const answer = guard(async (request) => responseOf(await handle(fetchSeen(request, request.creditReservation))));
      const safe = (request: Request) =>
        answer(request).catch(() => Response.json({ error: 'failed' }, { status: 500 }));
      return getRequestListener(safe, { overrideGlobalObjects: false }) as RequestListener;
    },
  };
}

export const FRAMEWORKS: readonly Framework[] = [
  node(),
  expressOf('express 5', 'express'),
  expressOf('express 4', 'express4'),
  fastifyOf(),
  honoOf(),
  fetchOf(),
];

export interface Served {
  readonly url: string;
  readonly server: Server;
  close(): Promise<void>;
}

export async function serve(listener: RequestListener): Promise<Served> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
