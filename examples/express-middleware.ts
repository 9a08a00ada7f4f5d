/**
 * A middleware that charges for requests, in Express: `npx tsx examples/express-middleware.ts`. It is the counterpart
 * of the `fastapi_middleware_example` of the original.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { addLlmUsage, createCreditManagement } from 'credit-management';
import { creditDeduction } from 'credit-management/express';
import express, { type Request } from 'express';

/** Your own sign-in: who sends a request, or null for nobody. */
const sessions = new Map(Object.entries({ 'session-of-ada': 'ada', 'session-of-bob': 'bob' }));
const authenticate = (request: Request) => {
  const userId = sessions.get(request.get('authorization') ?? '');
  return userId ? { userId } : null;
};

/** Stands for a model. */
const callModel = async (prompt: string) => ({ text: `You said: ${prompt}`, tokens: 42 });

const app = express();
app.use(express.json());

// The whole set-up.
const manager = createCreditManagement(); // in memory; give it a database to keep anything
app.use('/api', creditDeduction({ credits: manager.credits, authenticate, skipPaths: ['/api/health'] }));

app.get('/api/health', (_request, response) => {
  response.json({ status: 'ok' });
});
app.post('/api/generate', async (request, response) => {
  const { text, tokens } = await callModel(request.body.prompt);
  addLlmUsage({ model: 'gpt-4o', provider: 'openai', cost: tokens * 0.05, metadata: { tokens } });
  response.json({ text });
});

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function generate(headers: Record<string, string>): Promise<Response> {
  const body = JSON.stringify({ prompt: 'Hello' });
  return fetch(`${root}/api/generate`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body },
  });
}

try {
  await manager.credits.addCredits('ada', 200, { source: 'purchase', idempotencyKey: 'payment-1' });
  assert.equal((await fetch(`${root}/api/health`)).status, 200); // free, and for everybody

  const nobody = await generate({});
  console.log('nobody:', nobody.status, await nobody.json());
  assert.equal(nobody.status, 401);

  const broke = await generate({ authorization: 'session-of-bob' });
  const refusal = (await broke.json()) as { code: string };
  console.log('bob, who has no credits:', broke.status, refusal);
  assert.deepEqual([broke.status, refusal.code], [402, 'INSUFFICIENT_CREDITS']);

  const paid = await generate({ authorization: 'session-of-ada' });
  const deducted = paid.headers.get('x-credits-deducted');
  console.log('ada:', paid.status, await paid.json(), `for ${deducted} credits`);
  assert.deepEqual([paid.status, deducted], [200, '2.1']); // 42 tokens; the rest of the hold is free again

  const { balance, reserved } = await manager.credits.getUserCreditsInfo('ada');
  assert.deepEqual([balance, reserved], [197.9, 0]);
  const [entry] = (await manager.credits.getCreditHistory('ada')).items;
  console.log('in the ledger:', entry?.delta, entry?.metadata);
} finally {
  server.close();
  await manager.close();
}
