/**
 * The service for a long time: 200 requests a second to two processes on one database, messages in, events out, and
 * jobs, while one component after another is killed and comes back. Nothing is lost, nothing is doubled, and the
 * process that lives through all of it grows no larger. `npm run torture -- --only serve --adapter postgres` takes more
 * than 30 minutes.
 */
import { jetstream } from '@nats-io/jetstream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SqlDbManager } from '../../src/entries/sql.js';
import { createCreditManagement } from '../../src/index.js';
import { findPostgresBinaries, startKillablePostgres } from '../backends/killable-postgres.js';
import { describeOwnNats, type NatsServer } from '../backends/nats.js';
import { isOnPath } from '../backends/own-program.js';
import { RedisServer } from '../backends/redis.js';
import { message } from '../inbox/messages.js';
import { amount, isFull } from '../support/amounts.js';
import { QUIET } from '../support/quiet.js';
import { eventually, sleep } from '../support/wait.js';
import { ask, type ServiceProcess, startService, TOKEN } from './service-process.js';

const REQUESTS_A_SECOND = 200;
const MESSAGES_A_SECOND = 2;
/** It shares no divisor with the four kinds of requests: each account meets all of them. */
const ACCOUNTS = 199;
/** Little more than what is spent until the next addition, so that grants end. */
const ADDED = 3;
const TICK_MS = 50;
/** Refusals that a component which is away explains. */
const EXPLAINED = ['STORAGE_UNAVAILABLE', 'TIMEOUT', 'OUTCOME_UNKNOWN', 'CONTENTION', 'CLOSED', 'ABORTED'];
/** Errors of the log that a component which is away explains. */
const LOGGED = [
  'A job failed; it runs again later',
  'A job was stopped before its end; it runs again later',
  'A sink did not tell whether it can be reached',
  'Request answered',
  'The database cannot be reached; the service waits for it',
  'The database does not tell whether accounts may be served',
  'The outbox could not be read',
  'The outbox could not be written',
  'What became of a delivery could not be stored',
];

/** Requests at a fixed rate, each repeated with its key until it is answered by whichever service answers. */
class Load {
  readonly #timer: NodeJS.Timeout;
  readonly #underWay = new Set<Promise<void>>();
  /** By account: the credits that answered calls have left it. */
  readonly balances = new Map<string, number>();
  /** How often each refusal was met. */
  readonly refusals = new Map<string, number>();
  /** Answers that nothing explains. */
  readonly failures: string[] = [];
  sent = 0;

  constructor(readonly services: ServiceProcess[]) {
    this.#timer = setInterval(() => {
      for (let i = 0; i < (REQUESTS_A_SECOND * TICK_MS) / 1_000; i++) this.#send();
    }, TICK_MS);
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
  }

  #send(): void {
    const n = this.sent++;
    const sending = this.#step(n, `user-${n % ACCOUNTS}`)
      .catch((error: Error) => void this.failures.push(error.message))
      .finally(() => this.#underWay.delete(sending));
    this.#underWay.add(sending);
  }

  /** One of four: add 3, deduct 1, hold 2 and charge 1 of it, or ask for the status. */
  async #step(n: number, user_id: string): Promise<void> {
    const idempotency_key = `k-${n}`;
    if (n < ACCOUNTS || n % 4 === 0) {
      await this.#answered('POST', '/admin/credits/add', { user_id, amount: ADDED, idempotency_key });
      this.#moved(user_id, ADDED);
    } else if (n % 4 === 1) {
      const deducted = await this.#answered('POST', '/admin/credits/deduct', { user_id, amount: 1, idempotency_key });
      if (deducted) this.#moved(user_id, -1);
    } else if (n % 4 === 2) {
      const hold = await this.#answered('POST', '/admin/credits/reservations', { user_id, amount: 2, idempotency_key });
      if (!hold) return;
      const path = `/admin/credits/reservations/${hold.id}/commit`;
      await this.#answered('POST', path, { amount: 1, idempotency_key });
      this.#moved(user_id, -1);
    } else await this.#answered('GET', `/api/v1/credits/plugin-status/${user_id}`);
  }

  #moved(account: string, credits: number): void {
    this.balances.set(account, (this.balances.get(account) ?? 0) + credits);
  }

  /** The answer; null where the account has too few credits, as its first additions may come late. */
  async #answered(method: string, path: string, body?: object): Promise<Readonly<Record<string, unknown>> | null> {
    for (let attempt = 0; ; attempt++) {
      const service = this.services[(this.sent + attempt) % this.services.length] as ServiceProcess;
      const answer = await ask(service.url, method, path, body).catch(() => null);
      if (answer?.status === 200) return answer.body;
      if (answer?.status === 402) return null;
      const code = String(answer?.body.code ?? 'no answer');
      this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
      if (answer && !EXPLAINED.includes(code)) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
      await sleep(Math.min(1_000, 20 * 2 ** attempt));
    }
  }
}

/** Orders of shops, each told twice, and again where NATS was away. */
async function tellOrders(nats: NatsServer, orders: string[], from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++) orders.push(`shop-${n}`);
  const told = orders.slice(from, from + count);
  await nats.with(async (connection) => {
    const js = jetstream(connection);
    for (const shop of [...told, ...told]) {
      const payload = { merchant_id: shop, order_id: shop, order_total: '100.00', currency: 'USD', shop_domain: shop };
      const { subject, body } = message('paid', `event-${shop}`, payload);
      await js.publish(subject, body);
    }
  });
}

interface Sample {
  readonly heap: number;
  readonly handles: number;
}

async function sampleOf({ url }: ServiceProcess): Promise<Sample> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  const text = await answer.text();
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  return { heap: read('nodejs_heap_size_used_bytes') / 2 ** 20, handles: read('nodejs_active_handles_total') };
}

const least = (samples: readonly Sample[], name: keyof Sample) => Math.min(...samples.map((sample) => sample[name]));
const missing = 'missing' in findPostgresBinaries() || !isOnPath('redis-server');

describe.skipIf(!isFull || missing)('the service for a long time (full runs, with PostgreSQL, Redis and NATS)', () => {
  describeOwnNats('while its components are killed', (startNats) => {
    const [rounds, seconds] = [amount('CREDIT_SOAK_ROUNDS'), amount('CREDIT_SOAK_SECONDS')];
    const timeout = rounds * seconds * 1_000 + 600_000;

    test('loses nothing, doubles nothing, and does not grow', { timeout }, async () => {
      const [database, redis, nats] = await Promise.all([startKillablePostgres(), RedisServer.start(), startNats()]);
      onTestFinished(async () => void (await Promise.all([database.remove(), redis.remove()])));
      const env = {
        ...{ CREDIT_DATABASE_URL: database.url, REDIS_URL: redis.url, NATS_URL: nats.url },
        ...{ CREDIT_NATS_CREATE_STREAMS: 'true', CREDIT_NATS_CONSUME: 'true', LOG_LEVEL: 'warn' },
        ...{ PLUGIN_RATE_LIMIT_PER_MERCHANT: '1000000' },
      };
      const staying = await startService(env);
      const load = new Load([staying, await startService(env)]);
      const logs: (() => string)[] = load.services.map(({ log }) => log);
      const orders: string[] = [];
      const samples: Sample[] = [];
      const kill: readonly (() => Promise<unknown>)[] = [
        async () => {
          const [killed] = load.services.splice(1, 1, await startService(env)) as [ServiceProcess];
          logs.push((load.services[1] as ServiceProcess).log);
          killed.kill('SIGKILL');
          return killed.exit;
        },
        () => redis.stop().then(() => redis.start()),
        async () => {
          await nats.stop();
          await sleep(1_000);
          await nats.start();
        },
        () => database.kill('SIGKILL').then(() => database.start()),
        async () => {
          const [stopped] = load.services.splice(1, 1, await startService(env)) as [ServiceProcess];
          logs.push((load.services[1] as ServiceProcess).log);
          stopped.kill('SIGTERM');
          expect(await stopped.exit).toBe(0);
        },
      ];
      for (let round = 0; round < rounds; round++) {
        const from = orders.length;
        const telling = eventually(async () => {
          orders.length = from;
          await tellOrders(nats, orders, from, MESSAGES_A_SECOND * seconds);
        });
        await sleep((seconds * 1_000) / 2);
        samples.push(await sampleOf(staying));
        await kill[round % kill.length]?.();
        await sleep((seconds * 1_000) / 2);
        await telling;
      }
      await load.end();
      expect(load.failures).toEqual([]);
      const manager = createCreditManagement({ db: new SqlDbManager({ url: database.url }), logger: QUIET });
      onTestFinished(() => manager.close());
      await eventually(async () => {
        const sinks = await manager.outbox.listSinks();
        expect(sinks.map(({ name, pending, failed }) => [name, pending, failed])).toEqual([['nats', 0, 0]]);
      });
      for (const [account, credits] of load.balances) {
        expect(await manager.credits.getUserCreditsInfo(account), account).toMatchObject({
          balance: credits,
          reserved: 0,
        });
      }
      await eventually(async () => {
        for (const shop of orders) expect((await manager.credits.getUserCreditsInfo(shop)).balance, shop).toBe(10);
      });
      expect(await manager.inbox.listDeadLetters()).toMatchObject({ items: [] });
      expect(await manager.ledger.verify()).toMatchObject({ ok: true });
      const messages = new Set(logs.flatMap((log) => errorsIn(log())));
      expect([...messages].filter((logged) => !LOGGED.includes(logged))).toEqual([]);
      const third = Math.floor(samples.length / 3);
      const told = { requests: load.sent, orders: orders.length, refusals: Object.fromEntries(load.refusals) };
      const [early, late] = [samples.slice(third, 2 * third), samples.slice(-third)];
      const grown = ['heap', 'handles'].map((name) => [
        name,
        ...[early, late].map((part) => Math.round(least(part, name as keyof Sample))),
      ]);
      console.log(JSON.stringify({ ...told, middleAndLastThird: grown, messages: [...messages] }));
      // A round ends wherever the collector of garbage is, so few rounds say nothing.
      if (third < 5) return;
      expect(least(late, 'heap')).toBeLessThan(least(early, 'heap') * 1.25 + 10);
      expect(least(late, 'handles')).toBeLessThanOrEqual(least(early, 'handles') + 5);
    });
  });
});

/** The messages of the lines of level error and above. */
function errorsIn(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { level: number; msg: string })
    .filter(({ level }) => level >= 50)
    .map(({ msg }) => msg);
}
