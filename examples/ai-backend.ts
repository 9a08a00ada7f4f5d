/**
 * A backend that sells answers of a language model, one that streams and one that does not: `npx tsx
 * examples/ai-backend.ts`. A client that leaves in the middle of a stream pays for what was made until then.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createCreditManagement, isCreditError } from 'credit-management';

const manager = createCreditManagement(); // in memory; give it a database to keep anything
const { credits } = manager;
const CREDITS_PER_TOKEN = 0.25;
const TOKENS_MAX = 200;

/** Stands for a model. The story tells as many tokens as the prompt says; without a number it would never end. */
let made = 0;
async function* callModel(prompt: string): AsyncGenerator<string> {
  const tokens = Number(/\d+/.exec(prompt)?.[0] ?? Number.POSITIVE_INFINITY);
  for (made = 0; made < tokens; ) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    made++;
    yield `token-${made} `;
  }
}

/** The most that one answer may cost is on hold while it is made, so the charge cannot fail for lack of credits. */
const meterOf = (userId: string) => ({ userId, estimate: TOKENS_MAX * CREDITS_PER_TOKEN, description: 'chat' });

async function streamed(userId: string, prompt: string, response: ServerResponse): Promise<void> {
  const meter = await credits.openMeter(meterOf(userId));
  const tokens = meter.stream(callModel(prompt), () => meter.add(CREDITS_PER_TOKEN));
  // When the client leaves, this cancels the stream. That ends the model, and charges what was recorded.
  await pipeline(Readable.fromWeb(tokens), response);
}

async function whole(userId: string, prompt: string, response: ServerResponse): Promise<void> {
  const text = await credits.withCredits(meterOf(userId), async (meter) => {
    let answer = '';
    for await (const token of callModel(prompt)) {
      meter.add(CREDITS_PER_TOKEN);
      answer += token;
    }
    return answer;
  });
  response.end(text);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const user = String(request.headers.authorization); // your own sign-in
  const serve = pathname === '/stream' ? streamed : whole;
  try {
    await serve(user, searchParams.get('prompt') ?? '', response);
  } catch (error) {
    if (response.headersSent)
      response.destroy(); // the client has left, or the model failed on its way
    else response.writeHead(isCreditError(error, 'INSUFFICIENT_CREDITS') ? 402 : 500).end();
  }
}

const server = createServer(answer).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;

const ask = (path: string, user: string, signal: AbortSignal | null = null) =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: user }, signal });

async function tell(what: string): Promise<number> {
  // The server learns a moment later that a client has left.
  while ((await credits.getReservedCredits('ada')) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const { balance } = await credits.getUserCreditsInfo('ada');
  console.log(`${what}: ${balance} credits are left`);
  return balance;
}

try {
  await credits.addCredits('ada', 100, { source: 'purchase', idempotencyKey: 'payment-1' });

  await (await ask('/stream?prompt=40+tokens', 'ada')).text();
  assert.equal(await tell('a stream of 40 tokens'), 90);

  await (await ask('/whole?prompt=20+tokens', 'ada')).text();
  assert.equal(await tell('an answer of 20 tokens'), 85);

  // The client reads a little and leaves. Nothing else would end this answer.
  const leave = new AbortController();
  const { body } = await ask('/stream?prompt=everything', 'ada', leave.signal);
  await body?.getReader().read();
  leave.abort();
  assert.equal(await tell('the client left'), 85 - made * CREDITS_PER_TOKEN);
  console.log(`${made} tokens were made and paid`);

  // Nobody begins what cannot be paid for.
  const refused = await ask('/stream?prompt=40+tokens', 'bob');
  assert.equal(refused.status, 402);
  console.log(`bob has no credits: ${refused.status}`);
} finally {
  server.close();
  await manager.close();
}
