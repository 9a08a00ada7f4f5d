/**
 * A middleware that charges for requests, in Hono: `npx tsx examples/hono-middleware.ts`. An answer that streams is
 * charged when it ends.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { addLlmUsage, createCreditManagement, type Reservation } from 'credit-management';
import { creditDeduction } from 'credit-management/hono';
import { type Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';

const manager = createCreditManagement(); // in memory; give it a database to keep anything
const { credits } = manager;

const authenticate = (c: Context) => {
  const userId = c.req.header('authorization'); // your own sign-in
  return userId ? { userId } : null;
};

/** Stands for a model. */
async function* callModel(prompt: string) {
  for (const word of prompt.split(' ')) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    addLlmUsage({ model: 'gpt-4o', provider: 'openai', cost: 0.5 });
    yield word;
  }
}

const app = new Hono<{ Variables: { creditReservation: Reservation } }>();
app.use('/api/*', creditDeduction({ credits, authenticate, defaultEstimatedTokens: 5 }));

app.get('/health', (c) => c.json({ status: 'ok' })); // free
app.get('/api/generate', async (c) => {
  const words = [];
  for await (const word of callModel('one two three')) words.push(word);
  return c.json({ words, held: c.get('creditReservation').amount });
});
app.get('/api/stream', (c) =>
  streamSSE(c, async (stream) => {
    for await (const data of callModel('one two three four')) await stream.writeSSE({ data });
  }),
);

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
await once(server, 'listening');
const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const ask = (path: string, headers: Record<string, string> = {}) => fetch(`${root}${path}`, { headers });

try {
  await credits.addCredits('ada', 8, { source: 'purchase', idempotencyKey: 'payment-1' });
  assert.equal((await ask('/health')).status, 200);
  assert.equal((await ask('/api/generate')).status, 401);

  const whole = await ask('/api/generate', { authorization: 'ada' });
  const answer = await whole.json();
  console.log('in one piece:', answer, `for ${whole.headers.get('x-credits-deducted')} credits`);
  assert.deepEqual(answer, { words: ['one', 'two', 'three'], held: 5 });

  const stream = await ask('/api/stream', { authorization: 'ada' });
  console.log('a stream:', (await stream.text()).match(/^data: .*$/gm));
  // A stream is charged a moment after its last byte.
  while ((await credits.getReservedCredits('ada')) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const { balance, reserved } = await credits.getUserCreditsInfo('ada');
  console.log(`${balance} credits are left, ${reserved} on hold`);
  assert.deepEqual([balance, reserved], [8 - 3 * 0.5 - 4 * 0.5, 0]);

  const refused = await ask('/api/generate', { authorization: 'ada' }); // 5 would be on hold
  console.log('too few for another call:', refused.status);
  assert.equal(refused.status, 402);
} finally {
  server.close();
  await manager.close();
}
