/** The same handler with and without automatic deduction, on each framework. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { getRequestListener } from '@hono/node-server';
import { addLlmUsage, type CreditManagement } from 'credit-management';
import * as ofExpress from 'credit-management/express';
import * as ofFastify from 'credit-management/fastify';
import * as ofHono from 'credit-management/hono';
import fastify from 'fastify';
import { type Context, Hono } from 'hono';
import { accountsOf } from './closed-loop.js';
import type { Contestant } from './http.js';

type ExpressLike = { use(handler: unknown): void; post(path: string, handler: unknown): void } & RequestListener;
const makeExpress = createRequire(import.meta.url)('express') as () => ExpressLike;

const ANSWER = { text: 'an answer', tokens: 30 };
const PATH = '/chat/';
const accountOf = accountsOf('uniform');
const request = (n: number) => ({ path: `${PATH}user-${accountOf(n)}`, body: '{}' });
const userOf = (url: string | undefined) => ({ userId: (url ?? '').slice(PATH.length) });
const use = (isGuarded: boolean) => {
  if (isGuarded) addLlmUsage({ model: 'm', provider: 'p', cost: 0.01 });
  return ANSWER;
};

export async function middlewareContestants(manager: CreditManagement): Promise<readonly Contestant[]> {
  const { credits } = manager;
  const settings = { credits, defaultEstimatedTokens: 1 };
  const onExpress = (isGuarded: boolean): RequestListener => {
    const app = makeExpress();
    const authenticate = ({ url }: ofExpress.NodeRequest) => userOf(url);
    if (isGuarded) app.use(ofExpress.creditDeduction({ ...settings, authenticate }));
    app.post(`${PATH}:user`, (_: IncomingMessage, response: ServerResponse & { json(value: object): void }) =>
      response.json(use(isGuarded)),
    );
    return app;
  };
  const onFastify = async (isGuarded: boolean): Promise<RequestListener> => {
    let listener: RequestListener = () => {};
    const app = fastify({
      serverFactory: (handler) => {
        listener = handler as RequestListener;
        return createServer();
      },
    });
    const authenticate = ({ raw }: ofFastify.FastifyRequestLike) => userOf(raw.url);
    if (isGuarded) await app.register(ofFastify.creditDeduction({ ...settings, authenticate }));
    app.post(`${PATH}:user`, async () => use(isGuarded));
    await app.ready();
    return (incoming, response) => listener(incoming, response);
  };
  const onHono = (isGuarded: boolean): RequestListener => {
    const app = new Hono();
    const authenticate = (c: Context) => userOf(c.req.path);
    if (isGuarded) app.use(ofHono.creditDeduction({ ...settings, authenticate }));
    app.post(`${PATH}:user`, (c) => c.json(use(isGuarded)));
    return getRequestListener(app.fetch) as RequestListener;
  };
  const pairs: [string, RequestListener, RequestListener][] = [
    ['Express', onExpress(false), onExpress(true)],
    ['Fastify', await onFastify(false), await onFastify(true)],
    ['Hono', onHono(false), onHono(true)],
  ];
  return pairs.flatMap(([name, bare, guarded]) => [
    { design: `${name}, bare`, handler: bare, request },
    {
      design: `${name}, with creditDeduction`,
      handler: guarded,
      request,
      against: [{ design: `${name}, bare`, goal: 0.75 }],
    },
  ]);
}
