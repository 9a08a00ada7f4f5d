/** Serves an API from Fastify. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Api } from './contract.js';
import { serve } from './node.js';

/** The part of Fastify that is used. */
interface FastifyLike {
  readonly prefix: string;
  removeAllContentTypeParsers(): void;
  addContentTypeParser(type: string, parse: (request: unknown, body: unknown, done: () => void) => void): void;
  all(path: string, answer: (request: { raw: IncomingMessage }, reply: ReplyLike) => void): void;
}

interface ReplyLike {
  readonly raw: ServerResponse;
  hijack(): void;
}

/**
 * A plugin for Fastify: `await app.register(toFastify(api), { prefix: '/billing' })`. Its routes read their bodies
 * themselves; parsers and hooks of the rest of the application stay as they are.
 */
export function toFastify(api: Api): (instance: unknown, options: unknown) => Promise<void> {
  return async (instance) => {
    const app = instance as FastifyLike;
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _body, done) => done());
    const answer = ({ raw }: { raw: IncomingMessage }, reply: ReplyLike) => {
      reply.hijack();
      const [path = '/'] = (raw.url ?? '/').split('?');
      void serve(api, raw, reply.raw, path.slice(app.prefix.length) || '/').catch(() => reply.raw.destroy());
    };
    app.all('/', answer);
    app.all('/*', answer);
  };
}
