/**
 * A webhook when a user runs low, from one end to the other: `npx tsx examples/webhook-on-low-credits.ts`. The receiver
 * is another program; here it listens on this machine, and is away at first.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { createWebhookSecret, isCreditError, verifyWebhook, webhookSink } from 'credit-management';
import { createTestCredits } from 'credit-management/testing';

const secret = createWebhookSecret(); // once, into the secret stores of both sides

// The receiver. A delivery may come twice, so it remembers what it has seen: in production in a table.
const seen = new Set<string>();
const offers: string[] = [];
let isAway = true;

async function receive(request: IncomingMessage): Promise<number> {
  if (isAway) return 503;
  try {
    const event = verifyWebhook(await buffer(request), request.headers, secret);
    if (event.type === 'credits.low_balance_reached' && !seen.has(event.id)) {
      offers.push(`${event.userId} has ${event.data.available} left`);
    }
    seen.add(event.id); // after the work: a crash before it brings the event once more
    return 204;
  } catch (error) {
    return isCreditError(error, 'WEBHOOK_SIGNATURE_INVALID') ? 401 : 500;
  }
}
const answers: number[] = [];
const server = createServer(async (request, response) => {
  const status = await receive(request);
  answers.push(status);
  response.writeHead(status).end();
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/credits`;

// The sender, by the wall clock, as the signature is; yours is createCreditManagement({ db, sinks, defaults }).
const { clock, credits, jobs, close } = createTestCredits({
  now: new Date(),
  sinks: [webhookSink({ name: 'shop', url, secret, types: ['credits.low_balance_reached'] })],
  defaults: { lowCreditThreshold: '20%' },
});

try {
  await credits.addCredits('ada', 100, { source: 'purchase' });
  for (let i = 0; i < 4; i++) await credits.deductCredits('ada', 22); // below 20 with the last one: one event

  await jobs.runOutbox();
  console.log('the receiver is away:', answers);
  isAway = false;
  clock.advance({ minutes: 5 });
  await jobs.runOutbox(); // manager.start() does so every second
  console.log('and back:', answers, offers);
  assert.deepEqual([answers, offers], [[503, 204], ['ada has 12 left']]);

  // Anybody can post to the receiver, but nobody else can sign.
  const forged = await fetch(url, { method: 'POST', body: '{"type":"credits.low_balance_reached"}' });
  console.log('somebody else:', forged.status);
  assert.deepEqual([forged.status, offers.length], [401, 1]);
} finally {
  server.close();
  await close();
}
