/**
 * Looks whether a running service does its work, with merchants that nobody else has. SMOKE_TOKEN is the token of an
 * administrator: SMOKE_TOKEN=… node smoke.mjs http://localhost:8015
 *
 * With NATS_URL (NATS_USER, NATS_PASSWORD) it also publishes each kind of message twice, and waits for the effects.
 * Where the service has ORDER_CREDIT_…, BILLING_CREDITS_PER_UNIT or TRIAL_CREDITS, it needs the same. For the first
 * answer, and for the effects, it waits SMOKE_SECONDS, 60 by default. At the end no credits are left. The exit code is
 * 0 where every step is fine, else 1.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const { env } = process;
const url = (process.argv[2] ?? env.SMOKE_URL ?? `http://localhost:${env.SERVICE_PORT || 8015}`).replace(/\/+$/, '');
const CREDITS = '/api/v1/credits';
const ANSWER_MS = 10_000;
const PATIENCE_MS = Number(env.SMOKE_SECONDS || 60) * 1_000;
const LOOK_MS = 1_000;
/** Afterwards a message that comes twice would have been seen twice. */
const SETTLE_MS = 2_000;

async function ask(method, path, body) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${env.SMOKE_TOKEN}`, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(ANSWER_MS),
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json().catch(() => null) };
}

/** The body of an answer that has this status. */
async function expectStatus(status, method, path, body) {
  const answer = await ask(method, path, body);
  assert.equal(answer.status, status, `${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Waits until somebody answers: the service may have been started just now. */
async function answers() {
  for (const began = performance.now(); ; await sleep(LOOK_MS)) {
    const error = await ask('GET', '/api/v1/health').then(
      () => null,
      (reason) => reason,
    );
    if (error === null) return;
    if (performance.now() - began > PATIENCE_MS) throw error;
  }
}

let failures = 0;

/** Runs a step and prints its line. */
async function step(name, run) {
  try {
    const told = await run();
    console.log(`ok     ${name}${told === undefined ? '' : `: ${told}`}`);
  } catch (error) {
    failures++;
    const cause = error.cause?.code ?? error.cause?.message;
    console.log(`FAILED ${name}: ${error.message.replaceAll('\n', ' ')}${cause ? ` (${cause})` : ''}`);
  }
}

/** Amounts are counted in millionths, so that they are exact. */
const MICRO = 1_000_000;
const micro = (name, usual) => Math.round(Number(env[name] || usual) * MICRO);
const trial = micro('TRIAL_CREDITS', 0);

const newMerchant = () => `smoke-${randomUUID()}`;
const transactionsOf = (merchant) => `${CREDITS}/transactions?merchant_id=${merchant}&page=1&limit=10`;
const balancePath = (merchant) => `${CREDITS}/accounts/${merchant}/balance`;

async function takeBack(merchant) {
  const { balance } = await expectStatus(200, 'GET', balancePath(merchant));
  const body = { user_id: merchant, amount: balance, idempotency_key: `${merchant}-back` };
  if (balance > 0) await expectStatus(200, 'POST', '/admin/credits/deduct', body);
  assert.equal((await expectStatus(200, 'GET', balancePath(merchant))).balance, 0);
}

async function overHttp() {
  const merchant = newMerchant();
  const given = 25;
  const balance = (given * MICRO + trial) / MICRO;
  await step('health', async () => {
    await answers();
    const { status } = await expectStatus(200, 'GET', '/api/v1/health');
    assert.equal(status, 'healthy');
  });
  await step('readiness', async () => (await expectStatus(200, 'GET', '/api/v1/health/ready')).status);
  await step('access status of a merchant that nobody knows', async () => {
    const { status, account_status } = await expectStatus(200, 'GET', `${CREDITS}/plugin-status/${merchant}`);
    assert.deepEqual([status, account_status], ['disabled', 'not_found']);
  });
  await step('there is no account and no balance of it', async () => {
    await expectStatus(404, 'GET', `${CREDITS}/accounts/${merchant}`);
    await expectStatus(404, 'GET', balancePath(merchant));
  });
  await step('credits make its account', async () => {
    const body = { user_id: merchant, amount: given, idempotency_key: `${merchant}-add` };
    await expectStatus(200, 'POST', '/admin/credits/add', body);
    await expectStatus(200, 'POST', '/admin/credits/add', body);
    const account = await expectStatus(200, 'GET', `${CREDITS}/accounts/${merchant}`);
    assert.deepEqual([account.merchant_id, account.balance], [merchant, balance]);
  });
  await step('balance', async () => {
    const found = await expectStatus(200, 'GET', balancePath(merchant));
    assert.equal(found.balance, balance);
    return found.balance;
  });
  await step('transactions, page 1 of at most 10', async () => {
    const { transactions, pagination } = await expectStatus(200, 'GET', transactionsOf(merchant));
    const { page, limit, total, pages, has_next, has_previous } = pagination;
    const count = trial > 0 ? 2 : 1;
    assert.deepEqual([page, limit, total, pages, has_next, has_previous], [1, 10, count, 1, false, false]);
    assert.equal(transactions.length, count);
    assert.ok(transactions.some(({ delta }) => delta === given));
  });
  await step('access status of it', async () => {
    const { status } = await expectStatus(200, 'GET', `${CREDITS}/plugin-status/${merchant}`);
    assert.equal(status, 'enabled');
  });
  await step('access status of a second merchant', async () => {
    const { status } = await expectStatus(200, 'GET', `${CREDITS}/plugin-status/${newMerchant()}`);
    assert.equal(status, 'disabled');
  });
  await step('the credits are taken back', () => takeBack(merchant));
}

/** The messages about a merchant, and by their kind the change of the balance that each makes, in millionths. */
function messagesOf(merchant) {
  const share = Math.round((micro('ORDER_CREDIT_PERCENTAGE', '0.01') * 2_000) / 10_000) * 10_000;
  const earned = Math.max(micro('ORDER_CREDIT_FIXED_AMOUNT', 10), share, micro('ORDER_CREDIT_MINIMUM', 1));
  const order = env.ORDER_CREDIT_ENABLED === 'false' ? 0 : earned;
  const ids = { merchant_id: merchant, currency: 'USD' };
  const order_id = `order-${merchant}`;
  const messages = {
    'evt.merchant.created': { merchant_id: merchant },
    'evt.shopify.webhook.order_paid': { ...ids, order_id, order_total: '2000' },
    'evt.shopify.webhook.order_refunded': { ...ids, order_id, refund_id: 'refund-1', refund_amount: '800' },
    'evt.billing.payment_succeeded': { ...ids, payment_id: `payment-${merchant}`, amount: '49.90' },
    'evt.credits.manual_adjustment': {
      ...{ merchant_id: merchant, adjustment_id: `adjustment-${merchant}`, amount: '7.5' },
      ...{ admin_id: 'smoke', reason: 'A look at the service' },
    },
  };
  const changes = {
    TRIAL: trial,
    ORDER_PAID: order,
    ORDER_REFUND: -Math.round((order * 800) / 2_000),
    BILLING_PAYMENT: Math.floor((micro('BILLING_CREDITS_PER_UNIT', 1) * 499) / 10),
    MANUAL: 7.5 * MICRO,
  };
  return { messages, changes };
}

async function overNats() {
  const merchant = newMerchant();
  const { messages, changes } = messagesOf(merchant);
  const { connect } = await import('@nats-io/transport-node');
  const { jetstream } = await import('@nats-io/jetstream');
  const servers = env.NATS_URL.split(',');
  const [user, pass] = [env.NATS_USER || undefined, env.NATS_PASSWORD || undefined];
  const connection = await connect({ servers, timeout: ANSWER_MS, ...(user && { user, pass }) });
  try {
    for (const [subject, payload] of Object.entries(messages)) {
      await step(`message ${subject}`, async () => {
        const ids = { event_id: randomUUID(), correlation_id: merchant };
        const envelope = { ...ids, event_type: subject, timestamp: new Date().toISOString(), payload };
        for (let i = 0; i < 2; i++) await jetstream(connection).publish(subject, JSON.stringify(envelope));
      });
    }
  } finally {
    await connection.close();
  }
  const expected = Object.values(changes).reduce((sum, change) => sum + change, 0) / MICRO;
  await step('effects of the messages, each once', async () => {
    await effects(merchant, expected);
    await sleep(SETTLE_MS);
    const { transactions } = await expectStatus(200, 'GET', transactionsOf(merchant));
    const kinds = transactions.map(({ reference_type, type }) => reference_type ?? type.toUpperCase());
    const deltas = transactions.map(({ delta }) => Math.round(delta * MICRO)).filter((delta) => delta !== 0);
    const wanted = Object.values(changes).filter((change) => change !== 0);
    const byAmount = (a, b) => a - b;
    assert.deepEqual(deltas.sort(byAmount), wanted.sort(byAmount), `the changes are of ${kinds}`);
    assert.equal((await expectStatus(200, 'GET', balancePath(merchant))).balance, expected);
    return `a balance of ${expected}`;
  });
  await step('the credits of the messages are taken back', () => takeBack(merchant));
}

/** Waits until the balance is the one that the messages make. */
async function effects(merchant, expected) {
  let seen;
  for (const began = performance.now(); performance.now() - began < PATIENCE_MS; await sleep(LOOK_MS)) {
    seen = await ask('GET', balancePath(merchant));
    if (seen.status === 200 && seen.body.balance === expected) return;
  }
  const found = `${seen?.status} ${JSON.stringify(seen?.body)} instead of a balance of ${expected}`;
  assert.fail(`${found} after ${PATIENCE_MS / 1_000} s; does the service run with CREDIT_NATS_CONSUME=true?`);
}

if (!env.SMOKE_TOKEN) {
  console.error('SMOKE_TOKEN is not set: the token of an administrator, of which the service knows the SHA-256');
  process.exit(1);
}
await overHttp();
if (failures > 0) console.log('not run: messages, as steps before them failed');
else if (env.NATS_URL) await overNats().catch((error) => step('messages', () => Promise.reject(error)));
else console.log('not run: messages, as NATS_URL is not set');
console.log(failures === 0 ? 'The service does its work.' : `${failures} steps failed.`);
process.exitCode = failures === 0 ? 0 : 1;
