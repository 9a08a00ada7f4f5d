/**
 * An endpoint that streams as the one of OpenAI does, for credits: `npx tsx examples/openai-stream.ts`. The hold is
 * what `max_tokens` may cost. The charge is for the tokens that were made: all, or those until the client left.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { addLlmUsage, createCreditManagement } from 'credit-management';
import { creditDeduction } from 'credit-management/express';
import express, { type Request } from 'express';

const CREDITS_PER_TOKEN = 0.25;
const manager = createCreditManagement(); // in memory; give it a database to keep anything
const { credits } = manager;

const app = express();
app.use(express.json()); // above creditDeduction, because estimate reads the body
app.use(
  '/v1',
  creditDeduction({
    credits,
    authenticate: (request: Request) => {
      const userId = /^Bearer sk-(\w+)$/.exec(request.get('authorization') ?? '')?.[1]; // your own API keys
      return userId ? { userId } : null;
    },
    estimate: ({ body }) => body.max_tokens,
    creditsPerUnit: CREDITS_PER_TOKEN,
  }),
);

/** Stands for a model. */
const model = { made: 0, isBusy: false };
async function* callModel(tokens: number): AsyncGenerator<string> {
  Object.assign(model, { made: 0, isBusy: true });
  try {
    while (model.made < tokens) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      model.made++;
      yield `token-${model.made} `;
    }
  } finally {
    model.isBusy = false;
  }
}

/** The events of one answer. Usage is recorded as it comes, so that it is known whenever the client leaves. */
async function* eventsOf(name: string, maxTokens: number): AsyncGenerator<string> {
  const common = { object: 'chat.completion.chunk', model: name };
  const event = (fields: object) => `data: ${JSON.stringify({ ...common, ...fields })}\n\n`;
  let tokens = 0;
  for await (const content of callModel(maxTokens)) {
    tokens++;
    addLlmUsage({ model: name, provider: 'openai', cost: CREDITS_PER_TOKEN });
    yield event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
  }
  yield event({ choices: [{ index: 0, delta: {}, finish_reason: 'length' }] });
  yield event({ choices: [], usage: { completion_tokens: tokens, total_tokens: tokens } });
  yield 'data: [DONE]\n\n';
}

app.post('/v1/chat/completions', async ({ body }, response) => {
  response.setHeader('content-type', 'text/event-stream');
  // When the client leaves, this ends the model.
  await pipeline(Readable.from(eventsOf(body.model, body.max_tokens)), response).catch(() => response.destroy());
});

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`;

const complete = (user: string, maxTokens: number, signal: AbortSignal | null = null) =>
  fetch(url, {
    ...{ method: 'POST', signal, headers: { authorization: `Bearer sk-${user}`, 'content-type': 'application/json' } },
    body: JSON.stringify({ model: 'gpt-4o', max_tokens: maxTokens, stream: true }),
  });

try {
  await credits.addCredits('ada', 100, { source: 'purchase', idempotencyKey: 'payment-1' });

  const events = (await (await complete('ada', 20)).text()).split('\n\n');
  console.log(events.slice(-4).join('\n'));
  const { usage } = JSON.parse(events.at(-3)?.slice('data: '.length) ?? '');
  assert.deepEqual([usage.total_tokens, events.at(-2)], [20, 'data: [DONE]']);
  // A stream is charged a moment after its last byte.
  while ((await credits.getReservedCredits('ada')) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await credits.getUserCreditsInfo('ada')).balance, 100 - 20 * CREDITS_PER_TOKEN);

  // Of 300 tokens this client reads the first ones, and leaves.
  const leave = new AbortController();
  const { body } = await complete('ada', 300, leave.signal);
  await body?.getReader().read();
  leave.abort();
  // The server learns a moment later that a client has left. What is made meanwhile is charged as it comes.
  const balance = async () => (await credits.getUserCreditsInfo('ada')).balance;
  const paid = () => 95 - model.made * CREDITS_PER_TOKEN;
  while (model.isBusy || (await balance()) > paid()) await new Promise((resolve) => setTimeout(resolve, 5));
  console.log(`left after ${model.made} of 300 tokens: ${await balance()} credits are left`);
  assert.deepEqual([await balance(), await credits.getReservedCredits('ada')], [paid(), 0]);
  assert.ok(model.made < 300);

  const refused = await complete('bob', 20);
  console.log('bob has no credits:', refused.status);
  assert.equal(refused.status, 402);
} finally {
  server.close();
  await manager.close();
}
