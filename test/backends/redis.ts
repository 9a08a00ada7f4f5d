/** Servers of Redis for the suites that need one, each on a free port of its own. They keep nothing on disk. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { createClient, createCluster } from 'redis';
import { afterAll, beforeAll, describe } from 'vitest';
import type { RedisLike } from '../../src/entries/redis.js';
import { sleep } from '../support/wait.js';
import { describeAbsent } from './find.js';
import { freePort } from './free-port.js';
import { isOnPath, OwnProgram } from './own-program.js';

const run = promisify(execFile);

/** A server that the test may stop, freeze and start again, at the same place. */
export class RedisServer extends OwnProgram {
  private constructor(
    readonly port: number,
    readonly flags: readonly string[],
  ) {
    super('redis');
  }

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
    if (this.isRunning) return;
    const own = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.folder, '--save', ''];
    // Before 7 nobody needs leave for DEBUG, and the server does not know the flag.
    const { stdout: version } = await run('redis-server', ['--version']);
    const leave = /v=[1-6]\./.test(version) ? [] : ['--enable-debug-command', 'local'];
    this.launchProgram('redis-server', [...own, '--appendonly', 'no', ...leave, ...this.flags]);
    await this.answers(async () => (await this.cli('ping')).startsWith('PONG'));
  }

  /** The answer of a command of `redis-cli`. */
  async cli(...args: string[]): Promise<string> {
    const { stdout } = await run('redis-cli', ['-h', '127.0.0.1', '-p', String(this.port), ...args]);
    return stdout.trim();
  }
}

export type RedisBody = (server: () => RedisServer) => void;

/** Registers a suite with a server of its own. Without `redis-server` it is reported as skipped, with the reason. */
export function describeRedis(title: string, body: RedisBody, ...flags: string[]): void {
  if (!isOnPath('redis-server')) {
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
  if (!isOnPath('redis-server')) {
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
