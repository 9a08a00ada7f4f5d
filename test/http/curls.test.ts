/** The commands in the documents of the original, as they are printed there, run by the real curl. */
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../package/source-files.js';
import { RazorpayServer } from '../payments/razorpay-server.js';

const run = promisify(execFile);
const JSON_TYPE = '-H "Content-Type: application/json"';

/** Each with the status and the answer that it must have, one after another on one server. */
const CURLS: readonly [document: string, command: string, status: number, answer: object][] = [
  [
    'the first README',
    `curl -X POST http://localhost:8000/credits/add \\
  ${JSON_TYPE} \\
  -d '{"user_id": "user-1", "amount": 100, "description": "Welcome bonus"}'`,
    ...([200, { user_id: 'user-1', credits: 100 }] as const),
  ],
  [
    'the first README',
    'curl http://localhost:8000/credits/balance/user-1',
    ...([200, { user_id: 'user-1', credits: 100 }] as const),
  ],
  [
    'the first README',
    `curl -X POST http://localhost:8000/credits/deduct \\
  ${JSON_TYPE} \\
  -d '{"user_id": "user-1", "amount": 30}'`,
    ...([200, { user_id: 'user-1', credits: 70 }] as const),
  ],
  [
    'the first README',
    `curl -X POST http://localhost:8000/credits/plans \\
  ${JSON_TYPE} \\
  -d '{"name": "Pro", "credit_limit": 500, "price": 9.99, "billing_period": "monthly", "validity_days": 30}'`,
    200,
    { name: 'Pro', credit_limit: 500, price: 9.99, billing_period: 'monthly', validity_days: 30 },
  ],
  [
    'the page of the package',
    `curl -X POST http://localhost:8000/credits/add \\
${JSON_TYPE} \\
-d '{"user_id": "user-1", "amount": 100, "description": "Welcome bonus"}'`,
    ...([200, { user_id: 'user-1', credits: 170 }] as const),
  ],
  [
    'the page of the package',
    'curl http://localhost:8000/credits/balance/user-1',
    ...([200, { user_id: 'user-1', credits: 170 }] as const),
  ],
  [
    'the page of the package',
    `curl -X POST http://localhost:8000/credits/deduct \\
${JSON_TYPE} \\
-d '{"user_id": "user-1", "amount": 30}'`,
    ...([200, { user_id: 'user-1', credits: 140 }] as const),
  ],
  [
    'the page of the package',
    `curl -X POST http://localhost:8000/credits/plans \\
${JSON_TYPE} \\
-d '{"name": "Pro", "credit_limit": 500, "price": 9.99, "billing_period": "monthly", "validity_days": 30}'`,
    ...([200, { name: 'Pro', validity_days: 30 }] as const),
  ],
  [
    'the later README',
    `curl -X POST http://localhost:8000/admin/credits/add \\
  ${JSON_TYPE} \\
  -d '{"user_id": "user-1", "amount": 100, "description": "Welcome bonus"}'`,
    ...([200, { user_id: 'user-1', credits: 240 }] as const),
  ],
  [
    'the later README',
    'curl http://localhost:8000/credits/balance/user-1',
    ...([200, { user_id: 'user-1', credits: 240 }] as const),
  ],
  [
    'the later README',
    'curl "http://localhost:8000/credits/promo/eligibility?promo_code=LAUNCH100"',
    ...([200, { eligible: true, promo_code: 'LAUNCH100', credits: 100, reason: null }] as const),
  ],
  [
    'the later README',
    `curl -X POST http://localhost:8000/credits/promo/claim \\
  ${JSON_TYPE} \\
  -d '{"user_id": "user-1", "promo_code": "LAUNCH100"}'`,
    ...([200, { success: true, credits_awarded: 100, promo_code: 'LAUNCH100' }] as const),
  ],
  [
    'the later README, once more',
    `curl -X POST http://localhost:8000/credits/promo/claim \\
  ${JSON_TYPE} \\
  -d '{"user_id": "user-1", "promo_code": "LAUNCH100"}'`,
    ...([200, { success: false, credits_awarded: 0 }] as const),
  ],
  [
    'the later README',
    `curl -X POST http://localhost:8000/admin/credits/deduct \\
  ${JSON_TYPE} \\
  -d '{"user_id": "user-1", "amount": 10, "description": "Storage overage"}'`,
    ...([200, { user_id: 'user-1', credits: 330 }] as const),
  ],
  [
    'the later README',
    `curl -X POST http://localhost:8000/admin/credits/plans \\
  ${JSON_TYPE} \\
  -d '{"name": "Pro", "credit_limit": 10000, "price": 29.99, "billing_period": "MONTHLY"}'`,
    ...([200, { name: 'Pro', credit_limit: 10000, billing_period: 'monthly', validity_days: 30 }] as const),
  ],
  [
    'the other port of the later README',
    'curl http://localhost:9000/credits/balance/user-1 -H "X-User-Id: user-1"',
    ...([200, { credits: 330 }] as const),
  ],
  [
    'a header of somebody else',
    'curl http://localhost:8000/credits/balance/user-1 -H "X-User-Id: user-2"',
    ...([404, { code: 'NOT_FOUND' }] as const),
  ],
  [
    'the later README',
    `curl -X POST http://localhost:8000/credits/payments/create \\
  ${JSON_TYPE} \\
  -H "X-User-Id: user-1" \\
  -d '{"amount_inr": 500, "provider": "razorpay"}'`,
    200,
    {
      ...{ user_id: 'user-1', provider: 'razorpay', amount_inr: 500, status: 'pending', credits_to_add: 500 },
      payment_url: expect.stringMatching(/^https:/),
    },
  ],
  [
    'the other port of the later README',
    `curl "http://localhost:9000/credits/payments/history?limit=10" \\
  -H "X-User-Id: user-1"`,
    ...([200, { total: 1, payments: [{ amount_inr: 500, status: 'pending' }] }] as const),
  ],
  ['the README of the service', 'curl http://localhost:8015/api/v1/health', ...([200, { status: 'healthy' }] as const)],
  [
    'the other port of the later README, for merchants',
    'curl http://localhost:8015/api/v1/credits/plugin-status/user-1',
    ...([200, { status: 'enabled', balance: 330 }] as const),
  ],
  [
    'the later README, whose signature is a gap to fill',
    `curl -X POST http://localhost:8000/webhooks/razorpay \\
  ${JSON_TYPE} \\
  -H "X-Razorpay-Signature: <signature>" \\
  -d '{"event": "payment_link.paid", "payload": {...}}'`,
    ...([401, { code: 'WEBHOOK_SIGNATURE_INVALID' }] as const),
  ],
];

const provider = new RazorpayServer();
let server: ChildProcess;
let folder = '';

beforeAll(async () => {
  const script = join(ROOT, 'test', 'http', 'compat-child.ts');
  await provider.listen();
  const { keyId, keySecret, webhookSecret, baseUrl } = provider;
  const keys = { RAZORPAY_KEY_ID: keyId, RAZORPAY_KEY_SECRET: keySecret, RAZORPAY_WEBHOOK_SECRET: webhookSecret };
  const env = { ...process.env, ...keys, RAZORPAY_BASE_URL: baseUrl };
  server = fork(script, { env, execArgv: ['--import', 'tsx'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ports = await new Promise<number[]>((resolve, reject) => {
    server.once('message', (message) => resolve(message as number[]));
    server.once('exit', (code) => reject(new Error(`The server ended with ${code}.`)));
  });
  // curl reads this file, so that the commands stay as they are printed, whatever else listens on these ports.
  folder = mkdtempSync(join(tmpdir(), 'credit-curl-'));
  const lines = [8000, 9000, 8015].map((port, i) => `connect-to = "localhost:${port}:127.0.0.1:${ports[i]}"`);
  writeFileSync(join(folder, '.curlrc'), [...lines, 'silent', 'write-out = "\\n%{http_code}"', ''].join('\n'));
});

afterAll(async () => {
  server.kill('SIGKILL');
  await provider.close();
  rmSync(folder, { recursive: true, force: true });
});

async function curl(command: string): Promise<[status: number, answer: Record<string, unknown>]> {
  const { stdout } = await run('sh', ['-c', command], {
    env: { PATH: process.env.PATH, CURL_HOME: folder, HOME: folder },
  });
  const at = stdout.lastIndexOf('\n');
  return [Number(stdout.slice(at + 1)), JSON.parse(stdout.slice(0, at))];
}

test.each(CURLS)('%s: %s', async (_, command, status, answer) => {
  expect(await curl(command)).toMatchObject([status, answer]);
});

test('the webhook of the payment that was made above, signed, adds its credits once', async () => {
  const [, { payments }] = await curl('curl http://localhost:9000/credits/payments/history -H "X-User-Id: user-1"');
  const [{ id } = { id: '' }] = payments as { id: string }[];
  const { body, headers } = provider.paidWebhook(id, provider.pay(id));
  writeFileSync(join(folder, 'body.json'), body);
  const command = `curl -X POST http://localhost:8000/webhooks/razorpay ${JSON_TYPE} \\
  -H "X-Razorpay-Signature: ${headers.get('x-razorpay-signature')}" --data-binary @${folder}/body.json`;
  expect(await curl(command)).toMatchObject([200, { status: 'ok' }]);
  expect(await curl(command)).toMatchObject([200, { status: 'ok' }]);
  const balance = 'curl http://localhost:8000/credits/balance/user-1';
  expect(await curl(balance)).toMatchObject([200, { user_id: 'user-1', credits: 830 }]);
});
