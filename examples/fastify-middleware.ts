/**
 * A plugin that charges for requests, in Fastify: `npx tsx examples/fastify-middleware.ts`. The hold is what the body
 * of the request asks for at most, and the charge is what the answer says was used.
 */
import assert from 'node:assert/strict';
import { createCreditManagement } from 'credit-management';
import { creditDeduction } from 'credit-management/fastify';
import fastify, { type FastifyPluginAsync, type FastifyRequest } from 'fastify';

const manager = createCreditManagement(); // in memory; give it a database to keep anything
const { credits } = manager;

const authenticate = ({ headers }: FastifyRequest) => {
  const userId = headers.authorization; // your own sign-in
  return userId ? { userId } : null;
};

interface Prompt {
  readonly prompt: string;
  readonly max_tokens: number;
}

const app = fastify();
app.get('/health', async () => ({ status: 'ok' })); // outside of the group, so it is free

// A group of routes that cost credits.
const routes: FastifyPluginAsync = async (api) => {
  await api.register(
    creditDeduction({
      credits,
      authenticate,
      estimate: ({ body }) => (body as Prompt).max_tokens, // the body was checked by the schema
      responseUsageKey: 'usage.total_tokens',
      creditsPerUnit: 0.05,
    }),
  );

  const properties = { prompt: { type: 'string' }, max_tokens: { type: 'integer', minimum: 1 } };
  const body = { type: 'object', required: ['prompt', 'max_tokens'], properties };
  api.post<{ Body: Prompt }>('/api/generate', { schema: { body } }, async ({ body }) => {
    const tokens = Math.min(42, body.max_tokens); // stands for a model
    return { text: `You said: ${body.prompt}`, usage: { total_tokens: tokens } };
  });
};
await app.register(routes);

const generate = (payload: Partial<Prompt>) =>
  app.inject({ method: 'POST', url: '/api/generate', headers: { authorization: 'ada' }, payload });

try {
  await credits.addCredits('ada', 10, { source: 'purchase', idempotencyKey: 'payment-1' });
  assert.equal((await app.inject('/health')).statusCode, 200);

  const paid = await generate({ prompt: 'Hello', max_tokens: 100 }); // 5 credits on hold
  console.log('ada:', paid.statusCode, paid.json(), `for ${paid.headers['x-credits-deducted']} credits`);
  assert.deepEqual([paid.statusCode, paid.headers['x-credits-deducted']], [200, '2.1']);

  const refused = await generate({ prompt: 'Hello', max_tokens: 200 }); // it might cost 10, and 7.9 are left
  console.log('ada, who asks for more:', refused.statusCode, refused.json().details);
  assert.deepEqual([refused.statusCode, refused.json().details.available], [402, 7.9]);

  const wrong = await generate({ prompt: 'Hello' });
  console.log('a body that is not valid:', wrong.statusCode);
  assert.equal(wrong.statusCode, 400); // before anything was put on hold

  assert.equal((await credits.getUserCreditsInfo('ada')).available, 7.9);
} finally {
  await app.close();
  await manager.close();
}
