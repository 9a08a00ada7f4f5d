/**
 * A server to try things on: the HTTP API, its page, and two routes that cost credits, one of which streams. `npm run
 * demo`, or `npx tsx examples/demo.ts --stay`, listens on this machine alone until Ctrl-C, and prints commands for it.
 * Everything is in memory. Without `--stay` it sends itself the requests of these commands, and ends.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { addLlmUsage, createCreditManagement } from 'credit-management';
import { createDocs } from 'credit-management/docs';
import { creditDeduction } from 'credit-management/express';
import { bearerTokens, createCreditsApi, toNode } from 'credit-management/http';

const manager = createCreditManagement();
const { credits, promos, subscriptions } = manager;
const plan = await subscriptions.addSubscriptionPlan({
  ...{ code: 'demo', name: 'Demo', creditLimit: 100, billingPeriod: 'monthly', price: 9, currency: 'USD' },
});
await subscriptions.setUserSubscriptionPlan('user-1', plan);
await promos.createPromo({ code: 'WELCOME', credits: 50, maxUsesPerUser: 1 });

// Tokens of this run. The server knows no more than their SHA-256.
const newToken = () => randomBytes(32).toString('hex');
const tokens = { TOKEN: newToken(), USER_2: newToken(), ADMIN: newToken() };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const authenticate = bearerTokens({
  [sha256(tokens.TOKEN)]: { userId: 'user-1' },
  [sha256(tokens.USER_2)]: { userId: 'user-2' },
  [sha256(tokens.ADMIN)]: { userId: 'ops', roles: ['admin'] },
});

const api = createCreditsApi({ manager, authenticate, authorize: (who) => who.roles?.includes('admin') === true });
const [serveApi, servePage] = [toNode(api), toNode(createDocs(api))];

const guard = creditDeduction({
  credits,
  authenticate: ({ headers: { authorization = '' } }: IncomingMessage) =>
    authenticate(new Request('http://localhost', { headers: { authorization } })),
  defaultEstimatedTokens: 10, // on hold while a request is answered
});

/** Stands for a model: each token costs a quarter of a credit. */
async function* callModel(length: number): AsyncGenerator<string> {
  for (let n = 1; n <= length; n++) {
    await wait(50);
    addLlmUsage({ model: 'demo-1', provider: 'demo', cost: 0.25 });
    yield `token-${n}`;
  }
}

async function generate(response: ServerResponse): Promise<void> {
  const words = await Readable.from(callModel(8)).toArray();
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ text: words.join(' ') }));
}

async function stream(response: ServerResponse): Promise<void> {
  response.setHeader('content-type', 'text/event-stream');
  const events = Readable.from(callModel(20)).map((token) => `data: ${token}\n\n`);
  await pipeline(events, response);
}

const server = createServer((request, response) => {
  const [path] = (request.url ?? '/').split('?');
  const costly = { '/api/generate': generate, '/api/stream': stream }[path as string];
  if (costly === undefined) return (path === '/docs' ? servePage : serveApi)(request, response);
  guard(request, response, (error) => {
    if (error) response.writeHead(500).end();
    else costly(response).catch(() => response.destroy()); // a client that leaves pays for what was made
  });
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** What to try: a title, the status of the answer, whose token, and the request. */
const TRIES: readonly [string, number, keyof typeof tokens | null, string, object?][] = [
  ['your credits', 200, 'TOKEN', '/credits/balance/user-1'],
  ['a promo code: 50 more', 200, 'TOKEN', '/credits/promo/claim', { user_id: 'user-1', promo_code: 'WELCOME' }],
  ['a model call, with X-Credits-Deducted', 200, 'TOKEN', '/api/generate'],
  ['a stream; leave it with Ctrl-C, and pay for what was made', 200, 'TOKEN', '/api/stream'],
  ['where they went', 200, 'TOKEN', '/credits/history/user-1'],
  ['nobody', 401, null, '/api/generate'],
  ['user-2 has none', 402, 'USER_2', '/api/generate'],
  ['until an admin gives some', 200, 'ADMIN', '/admin/credits/add', { user_id: 'user-2', amount: 20 }],
  ['which you may not', 403, 'TOKEN', '/admin/credits/add', { user_id: 'user-1', amount: 20 }],
];

function curlOf([, , token, path, body]: (typeof TRIES)[number]): string {
  const authorization = token ? ` -H "Authorization: Bearer $${token}"` : '';
  const data = body ? ` -H "Content-Type: application/json" -d '${JSON.stringify(body)}'` : '';
  return `curl -iN "$HOST${path}"${authorization}${data}`;
}

console.log(`The API, for people: ${host}/docs\n`);
console.log('Paste this first. The commands of that page want it, too, with TOKEN=$ADMIN below /admin.\n');
for (const [name, value] of Object.entries({ HOST: host, ...tokens })) console.log(`export ${name}=${value}`);
for (const one of TRIES) console.log(`\n# ${one[0]} (${one[1]})\n${curlOf(one)}`);

/** What is under way is answered and charged first. */
async function stop(): Promise<void> {
  server.close();
  await once(server, 'close');
  await manager.close();
}

if (process.argv.includes('--stay')) {
  console.log('\nCtrl-C ends it.');
  process.once('SIGINT', stop).once('SIGTERM', stop);
} else {
  const { status, headers } = await fetch(`${host}/docs`);
  assert.deepEqual([status, headers.get('content-type')], [200, 'text/html; charset=utf-8']);
  for (const [title, expected, token, path, body] of TRIES) {
    const authorization = token ? { authorization: `Bearer ${tokens[token]}` } : {};
    const headers = { ...authorization, 'content-type': 'application/json' };
    const post = body && { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(host + path, { headers, ...post });
    assert.equal(response.status, expected, title);
    await response.text();
  }
  assert.equal((await credits.getUserCreditsInfo('user-1')).balance, 100 + 50 - 8 * 0.25 - 20 * 0.25);
  assert.equal((await credits.getUserCreditsInfo('user-2')).balance, 20);
  await stop();
}
