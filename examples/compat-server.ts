/**
 * The HTTP APIs as the commands in the documents of the originals expect them. Run with `npx tsx
 * examples/compat-server.ts --stay` it listens on 127.0.0.1 until Ctrl-C: on ports 8000 and 9000, and for merchants on
 * 8015. Anybody may do anything there, so it is for trying alone. Without `--stay` it asks itself a few things and
 * ends.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCreditManagement } from 'credit-management';
import { createCreditsApi, createMerchantApi, type Identity, toNode } from 'credit-management/http';
import { setupRazorpayProvider } from 'credit-management/razorpay';

/** Believes what a request says of itself: a header, else its body, else that it comes from user-1. */
async function dangerouslyBelieveAnybody(request: Request): Promise<Identity> {
  const header = request.headers.get('x-user-id');
  if (header) return { userId: header };
  const body: unknown = await request
    .clone()
    .json()
    .catch(() => null);
  const named = typeof body === 'object' && body !== null && 'user_id' in body ? body.user_id : null;
  return { userId: typeof named === 'string' && named !== '' ? named : 'user-1' };
}

const manager = createCreditManagement(); // in memory
await manager.promos.createPromo({ code: 'LAUNCH100', credits: 100 });
// With RAZORPAY_KEY_ID, RAZORPAY_KEY_SECRET and RAZORPAY_WEBHOOK_SECRET it takes payments, too.
const { RAZORPAY_BASE_URL: baseUrl } = process.env;
const razorpay = setupRazorpayProvider(manager, baseUrl === undefined ? {} : { baseUrl });
const api = createCreditsApi({
  manager,
  authenticate: dangerouslyBelieveAnybody,
  authorize: () => true,
  ...(razorpay && { webhooks: ['razorpay'] }),
});

const merchants = createMerchantApi({ manager, authenticate: dangerouslyBelieveAnybody, authorize: () => true });

const stays = process.argv.includes('--stay');
const servers = [8000, 9000, 8015].map((port) =>
  createServer(toNode(port === 8015 ? merchants : api)).listen(stays ? port : 0, '127.0.0.1'),
);
await Promise.all(servers.map((server) => once(server, 'listening')));
const [root = '', , forMerchants = ''] = servers.map(
  (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
);
console.log(`credits at ${root}: curl ${root}/credits/balance/user-1`);

if (!stays) {
  const headers = { 'content-type': 'application/json' };
  const post = async (path: string, body: object) =>
    (await fetch(`${root}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).json();
  const added = await post('/credits/add', { user_id: 'user-1', amount: 100, description: 'Welcome bonus' });
  assert.equal((added as { credits: number }).credits, 100);
  const claim = await post('/credits/promo/claim', { user_id: 'user-1', promo_code: 'LAUNCH100' });
  assert.equal((claim as { success: boolean }).success, true);
  const balance = await (await fetch(`${root}/credits/balance/user-1`)).json();
  assert.equal((balance as { credits: number }).credits, 200);
  const status = await (await fetch(`${forMerchants}/api/v1/credits/plugin-status/user-1`)).json();
  assert.equal((status as { status: string }).status, 'enabled');
  console.log('user-1 has 200 credits');
  for (const server of servers) server.close();
  await manager.close();
}
