/** smoke.mjs against the service and its servers, as compose.yaml starts them, without containers. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { describeAbsent } from '../backends/find.js';
import { freePort } from '../backends/free-port.js';
import { describeOwnNats } from '../backends/nats.js';
import { isOnPath, OwnProgram } from '../backends/own-program.js';
import { describePostgres } from '../backends/postgres.js';
import { type ComposeService, compose, FOLDER, textOf, variablesIn } from './deployment-files.js';
import { ask, startService, TOKEN, TOKEN_SHA256 } from './service-process.js';

const run = promisify(execFile);
type Env = Readonly<Record<string, string>>;

interface Ended {
  readonly code: number;
  readonly lines: readonly string[];
}

function smoke(url: string, env: Env): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(FOLDER, 'smoke.mjs'), url], { env }, (error, stdout, stderr) =>
      resolve({ code: (error?.code as number | undefined) ?? 0, lines: `${stdout}${stderr}`.trim().split('\n') }),
    );
  });
}

const failedIn = ({ lines }: Ended) => lines.filter((line) => line.startsWith('FAILED'));

test('a service that does not do its work is told of, with exit code 1', async () => {
  const { url } = await startService({ CREDIT_ALLOW_MEMORY: '1', TRIAL_CREDITS: '3' });
  const stranger = await smoke(url, { SMOKE_TOKEN: `${TOKEN}-not` });
  expect([stranger.code, failedIn(stranger).length]).toEqual([1, 8]);
  expect(failedIn(stranger)[0]).toContain('answered 401');
  const nobody = await smoke(`http://127.0.0.1:${await freePort()}`, { SMOKE_TOKEN: TOKEN, SMOKE_SECONDS: '1' });
  expect([nobody.code, failedIn(nobody).length]).toEqual([1, 10]);
  expect(failedIn(nobody)[0]).toContain('ECONNREFUSED');
  const others = await smoke(url, { SMOKE_TOKEN: TOKEN });
  expect([others.code, failedIn(others).length]).toEqual([1, 3]);
  expect(await smoke(url, { SMOKE_TOKEN: TOKEN, TRIAL_CREDITS: '3' })).toMatchObject({ code: 0 });
  expect(await smoke(url, {})).toEqual({ code: 1, lines: [expect.stringContaining('SMOKE_TOKEN is not set')] });
});

/** A server program with the arguments that it has in its container. */
class ComposedServer extends OwnProgram {
  constructor(readonly port: number) {
    super('composed');
    onTestFinished(() => this.remove());
  }

  async nats({ command = [], healthcheck }: ComposeService): Promise<void> {
    const monitor = String(await freePort());
    const args = command.map((each) => each.replace('/data', this.folder).replace('8222', monitor));
    this.launchProgram('nats-server', [...args, '-a', '127.0.0.1', '-p', String(this.port)]);
    const health = healthcheck?.test?.at(-1)?.replace('8222', monitor) as string;
    await this.answers(async () => (await fetch(health)).ok);
  }

  async redis({ command = [], environment, healthcheck }: ComposeService): Promise<void> {
    const [program = '', ...args] = command;
    const place = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.folder];
    this.launchProgram(program, [...args, ...place]);
    const [, client = '', ...asked] = healthcheck?.test ?? [];
    const env = { ...process.env, ...environment };
    const ping = () => run(client, ['-p', String(this.port), ...asked], { env });
    await this.answers(async () => (await ping()).stdout.trim() === 'PONG');
  }
}

await describePostgres('the service of compose.yaml', (database) => {
  describeOwnNats('with the NATS', () => {
    if (!isOnPath('redis-server')) {
      describeAbsent('redis', 'and the Redis', 'there is no redis-server on PATH');
      return;
    }
    test('and the Redis of it does its work, and messages have their effects exactly once', async () => {
      const secret = () => randomBytes(24).toString('hex');
      const filled = { CREDIT_API_ADMIN_TOKENS: TOKEN_SHA256, POSTGRES_PASSWORD: secret() };
      const more = { REDIS_PASSWORD: secret(), NATS_PASSWORD: secret() };
      const env = { ...variablesIn(textOf('.env.example')), ...filled, ...more };
      const { services } = compose(env);
      const [nats, redis] = [new ComposedServer(await freePort()), new ComposedServer(await freePort())];
      await Promise.all([nats.nats(services.nats), redis.redis(services.redis)]);
      const { environment = {} } = services['credit-service'];
      const here: Env = {
        ...{ ...env, ...environment, CREDIT_DATABASE_URL: database.url, CREDIT_DATABASE_PREFIX: 'composed_' },
        REDIS_URL: (environment.REDIS_URL ?? '').replace('@redis:6379', `@127.0.0.1:${redis.port}`),
        NATS_URL: (environment.NATS_URL ?? '').replace('//nats:4222', `//127.0.0.1:${nats.port}`),
        ...{ SERVICE_PORT: '0', SERVICE_HOST: '127.0.0.1' },
      };
      const { url, log, kill, exit } = await startService(here);
      const told = { ...here, SMOKE_TOKEN: TOKEN };
      const ended = await smoke(url, told);
      expect([ended.code, failedIn(ended)], ended.lines.join('\n')).toEqual([0, []]);
      expect(ended.lines.filter((line) => line.startsWith('ok     message evt.')).length).toBe(5);
      expect(ended.lines).toContain('ok     effects of the messages, each once: a balance of 69.4');
      expect(await ask(url, 'GET', '/api/v1/health/detailed')).toMatchObject({
        body: { components: { database: 'up', redis: 'up', messaging: 'up' }, problems: [] },
      });
      const others = await smoke(url, { ...told, BILLING_CREDITS_PER_UNIT: '2', SMOKE_SECONDS: '1' });
      expect([others.code, failedIn(others).length]).toEqual([1, 1]);
      kill('SIGTERM');
      expect(await exit).toBe(0);
      expect(log()).not.toContain('is read by nothing');
    });
  });
});
