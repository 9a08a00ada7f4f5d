/**
 * A route handler that charges for requests, as Next.js has them: `npx tsx examples/next-route.ts`. It is called here
 * as Next.js calls it. The same handlers serve Bun, Deno and whatever else takes a function of Fetch.
 */
import assert from 'node:assert/strict';
import { addLlmUsage, createCreditManagement } from 'credit-management';
import { creditDeduction } from 'credit-management/http';

// lib/credits.ts: one manager and one guard for all routes.
const manager = createCreditManagement(); // in memory; give it a database to keep anything
const { credits } = manager;
const guard = creditDeduction({
  credits,
  authenticate: ({ headers }) => {
    const userId = /session=(\w+)/.exec(headers.get('cookie') ?? '')?.[1]; // your own sign-in, such as auth()
    return userId ? { userId } : null;
  },
  defaultEstimatedTokens: 10,
});

// app/api/chat/[model]/route.ts
interface Context {
  readonly params: Promise<{ readonly model: string }>;
}

export const POST = guard(async (request, { params }: Context) => {
  const { model } = await params;
  const { prompt } = (await request.json()) as { prompt?: string };
  if (!prompt) return Response.json({ error: 'There is no prompt.' }, { status: 400 }); // nothing is charged
  addLlmUsage({ model, provider: 'openai', cost: prompt.length * 0.5 }); // stands for a call of the model
  return Response.json({ text: `You said: ${prompt}`, held: request.creditReservation?.amount });
});

/** Stands for Next.js. */
function ask(body: object, cookie = ''): Promise<Response> {
  const init = { method: 'POST', headers: { cookie }, body: JSON.stringify(body) };
  const params = Promise.resolve({ model: 'gpt-4o' });
  return POST(new Request('http://localhost/api/chat/gpt-4o', init), { params });
}

await credits.addCredits('ada', 12, { source: 'purchase', idempotencyKey: 'payment-1' });

assert.equal((await ask({ prompt: 'Hello' })).status, 401);
assert.equal((await ask({ prompt: 'Hello' }, 'session=bob')).status, 402);
assert.equal((await ask({}, 'session=ada')).status, 400);
assert.equal((await credits.getUserCreditsInfo('ada')).available, 12);

const paid = await ask({ prompt: 'Hello' }, 'session=ada');
const answer = await paid.json();
console.log(paid.status, answer, `for ${paid.headers.get('x-credits-deducted')} credits`);
assert.deepEqual(answer, { text: 'You said: Hello', held: 10 });

const [entry] = (await credits.getCreditHistory('ada')).items;
console.log('in the ledger:', entry?.delta, entry?.metadata);
assert.equal(entry?.balanceAfter, 12 - 2.5);
await manager.close();
