/** Servers of Redis for the suites that need one, each on a free port of its own. They keep nothing on disk. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { createClient, createCluster } from 'redis';
import { afterAll, beforeAll, describe } from 'vitest';
import type { RedisLike } from '../../src/entries/redis.js';
import { sleep } from '../support/wait.js';
import { describeAbsent } from './find.js';
import { freePort } from './free-port.js';

const run = promisify(execFile);

function hasServer(): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'redis-server')));
}

/** A server that the test may stop, freeze and start again, at the same place. */
export class RedisServer {
  #child: ChildProcess | null = null;
  readonly #folder = mkdtempSync(join(tmpdir(), 'credit-redis-'));

  private constructor(
    readonly port: number,
    readonly flags: readonly string[],
  ) {}

  static async start(...flags: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), flags);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it where it does not run. */
  async start(): Promise<void> {
    if (this.#child) return;
    const own = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.#folder, '--save', ''];
    // Before 7 nobody needs leave for DEBUG, and the server does not know the flag.
    const { stdout: version } = await run('redis-server', ['--version']);
    const leave = /v=[1-6]\./.test(version) ? [] : ['--enable-debug-command', 'local'];
    const child = spawn('redis-server', [...own, '--appendonly', 'no', ...leave, ...this.flags], { stdio: 'ignore' });
    this.#child = child;
    const kill = () => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('close', () => process.off('exit', kill));
    for (let answer = ''; !answer.startsWith('PONG'); ) {
      answer = await this.cli('ping').catch(() => '');
      if (!answer.startsWith('PONG')) await sleep(20);
    }
  }

  /** The answer of a command of `redis-cli`. */
  async cli(...args: string[]): Promise<string> {
    const { stdout } = await run('redis-cli', ['-h', '127.0.0.1', '-p', String(this.port), ...args]);
    return stdout.trim();
  }

  /** It answers nothing and ends no connection, until `thaw`. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export type RedisBody = (server: () => RedisServer) => void;

/** Registers a suite with a server of its own. Without `redis-server` it is reported as skipped, with the reason. */
export function describeRedis(title: string, body: RedisBody, ...flags: string[]): void {
  if (!hasServer()) {
    describeAbsent('redis', title, 'there is no redis-server on PATH');
    return;
  }
  describe(title, () => {
    let server: RedisServer | null = null;
    beforeAll(async () => {
      server = await RedisServer.start(...flags);
    });
    afterAll(() => server?.remove());
    body(() => server as RedisServer);
  });
}

/** Registers a suite with a Redis Cluster of three. */
export function describeRedisCluster(title: string, body: (servers: () => readonly RedisServer[]) => void): void {
  if (!hasServer()) {
    describeAbsent('redis', title, 'there is no redis-server on PATH');
    return;
  }
  describe(title, () => {
    let servers: RedisServer[] = [];
    beforeAll(async () => {
      servers = await Promise.all([0, 1, 2].map(() => RedisServer.start('--cluster-enabled', 'yes')));
      const nodes = servers.map(({ port }) => `127.0.0.1:${port}`);
      await run('redis-cli', ['--cluster', 'create', ...nodes, '--cluster-yes']);
      for (const server of servers) {
        while (!(await server.cli('cluster', 'info')).includes('cluster_state:ok')) await sleep(50);
      }
    });
    afterAll(() => Promise.all(servers.map((server) => server.remove())));
    body(() => servers);
  });
}

export interface OpenClient {
  readonly client: RedisLike;
  close(): unknown;
}

/** A client of each package, connected. */
export const CLIENTS: Readonly<Record<string, (url: string) => Promise<OpenClient>>> = {
  redis: async (url) => {
    const client = createClient({ url });
    client.on('error', () => {});
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  ioredis: async (url) => {
    const client = new Redis(url, { lazyConnect: true });
    client.on('error', () => {});
    await client.connect();
    return { client, close: () => client.disconnect() };
  },
};

/** The same for a cluster. */
export const CLUSTER_CLIENTS: Readonly<Record<string, (servers: readonly RedisServer[]) => Promise<OpenClient>>> = {
  redis: async (servers) => {
    const client = createCluster({ rootNodes: servers.map(({ url }) => ({ url })) });
    client.on('error', () => {});
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  ioredis: async (servers) => {
    const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
    const client = new Redis.Cluster(nodes, { lazyConnect: true });
    client.on('error', () => {});
    await client.connect();
    return { client, close: () => client.disconnect() };
  },
};
