/** Two services on one database, of which one is stopped or killed under load again and again. */
import { expect, test } from 'vitest';
import { SqlDbManager } from '../../src/entries/sql.js';
import { createCreditManagement } from '../../src/index.js';
import { describePostgres } from '../backends/postgres.js';
import { amount } from '../support/amounts.js';
import { QUIET } from '../support/quiet.js';
import { ask, type ServiceProcess, startService, TOKEN } from './service-process.js';

const CLIENTS = 8;
const ACCOUNTS = 5;

/** Clients that add one credit again and again, each call until it is answered, to whichever service answers. */
class Load {
  #isOver = false;
  readonly #clients: Promise<void>[];
  readonly services: ServiceProcess[];
  /** By account: the calls that were answered. */
  readonly answered = new Map<string, number>();
  retries = 0;

  constructor(services: ServiceProcess[]) {
    this.services = services;
    this.#clients = Array.from({ length: CLIENTS }, (_, client) => this.#run(client));
  }

  get total(): number {
    return [...this.answered.values()].reduce((sum, count) => sum + count, 0);
  }

  async more(calls: number): Promise<void> {
    const wanted = this.total + calls;
    while (this.total < wanted) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #run(client: number): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const account = `user-${(client + i) % ACCOUNTS}`;
      await this.#add(account, `${client}-${i}`);
      this.answered.set(account, (this.answered.get(account) ?? 0) + 1);
    }
  }

  async #add(account: string, key: string): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const service = this.services[attempt % this.services.length] as ServiceProcess;
      const body = { user_id: account, amount: 1, idempotency_key: key };
      const answer = await ask(service.url, 'POST', '/admin/credits/add', body).catch(() => null);
      if (answer?.status === 200) return;
      // Refused because it is closing, or nobody answered: the same call goes to the other one.
      if (answer) expect([500, 503, 504], JSON.stringify(answer.body)).toContain(answer.status);
      this.retries++;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

await describePostgres('services on one database', (database) => {
  test.each([
    ['SIGTERM', 0],
    ['SIGKILL', null],
  ] as const)('lose and double nothing when one gets %s under load', async (signal, code) => {
    const env = { CREDIT_DATABASE_URL: database.url, CREDIT_DATABASE_PREFIX: `${signal.toLowerCase()}_` };
    const load = new Load(await Promise.all([startService(env), startService(env)]));
    await load.more(CLIENTS);
    const stops = amount('CREDIT_SERVICE_STOPS');
    for (let i = 0; i < stops; i++) {
      const [stopped] = load.services.splice(0, 1, await startService(env)) as [ServiceProcess];
      // It is stopped while clients still have requests under way with it.
      load.services.push(stopped);
      await load.more(CLIENTS * 3);
      stopped.kill(signal);
      expect(await stopped.exit).toBe(code);
      load.services.pop();
      if (signal === 'SIGTERM') expect(stopped.log()).toContain('Service stopped');
      await load.more(CLIENTS);
    }
    await load.end();
    const manager = createCreditManagement({
      db: new SqlDbManager({ url: database.url, prefix: env.CREDIT_DATABASE_PREFIX }),
      logger: QUIET,
    });
    for (const [account, count] of load.answered) {
      expect((await manager.credits.getUserCreditsInfo(account)).balance, account).toBe(count);
    }
    expect(await manager.ledger.verify()).toMatchObject({ ok: true });
    await manager.close();
  });

  test('a second signal ends it at once, and the exit code says so', async () => {
    const service = await startService({ CREDIT_DATABASE_URL: database.url });
    // A request whose body never ends keeps the first signal waiting.
    const { hostname, port } = new URL(service.url);
    const { connect } = await import('node:net');
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write(
      `POST /admin/credits/add HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: 50\r\n\r\n{`,
    );
    await ask(service.url, 'GET', '/api/v1/health');
    service.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 50));
    service.kill('SIGTERM');
    expect(await service.exit).toBe(1);
    expect(service.log()).not.toContain('Service stopped');
    socket.destroy();
  });
});
