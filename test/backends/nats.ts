/** Servers of NATS with JetStream for the suites that need one, each on a free port of its own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest';
import { describeAbsent } from './find.js';
import { freePort } from './free-port.js';
import { isOnPath, OwnProgram } from './own-program.js';

/** The user of the tests themselves, where a server knows users. */
export const OPERATOR = { user: 'operator', pass: 'operator-password' } as const;

/** A server that the test may stop, freeze and start again, at the same place and with what it stored. */
export class NatsServer extends OwnProgram {
  constructor(
    readonly port: number,
    /** Lines of the configuration. */
    public config = '',
  ) {
    super('nats');
  }

  static async start(config = ''): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), config);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it where it does not run, and waits until JetStream answers. */
  async start(): Promise<void> {
    this.launch();
    await this.answers(() => this.with(async (_, manager) => Boolean(await manager.getAccountInfo())));
  }

  launch(): void {
    if (this.isRunning) return;
    const file = join(this.folder, 'nats.conf');
    const store = `jetstream { store_dir: ${JSON.stringify(this.folder)} }`;
    writeFileSync(file, `listen: 127.0.0.1:${this.port}\n${store}\n${this.config}\n`);
    this.launchProgram('nats-server', ['-c', file]);
  }

  /** Does something with a connection of the operator, and closes it. */
  async with<T>(work: (connection: NatsConnection, manager: JetStreamManager) => Promise<T>): Promise<T> {
    const options = { servers: this.url, reconnect: false, timeout: 2_000 };
    const connection = await connect(this.config.includes('users') ? { ...options, ...OPERATOR } : options);
    try {
      return await work(connection, await jetstreamManager(connection, { checkAPI: false, timeout: 2_000 }));
    } finally {
      await connection.close();
    }
  }
}

/** Registers a suite with a server of its own. Without `nats-server` it is reported as skipped, with the reason. */
export function describeNats(title: string, body: (server: () => NatsServer) => void, config = ''): void {
  if (!isOnPath('nats-server')) {
    describeAbsent('nats', title, 'there is no nats-server on PATH');
    return;
  }
  describe(title, () => {
    let server: NatsServer | null = null;
    beforeAll(async () => {
      server = await NatsServer.start(config);
    });
    afterAll(() => server?.remove());
    body(() => server as NatsServer);
  });
}

/** Registers a suite whose tests start servers of their own, which end with the test. */
export function describeOwnNats(title: string, body: (start: (config?: string) => Promise<NatsServer>) => void): void {
  if (!isOnPath('nats-server')) {
    describeAbsent('nats', title, 'there is no nats-server on PATH');
    return;
  }
  describe(title, () =>
    body(async (config) => {
      const server = await NatsServer.start(config);
      onTestFinished(() => server.remove());
      return server;
    }),
  );
}

/** Registers a suite with a cluster of three. */
export function describeNatsCluster(title: string, body: (servers: () => readonly NatsServer[]) => void): void {
  if (!isOnPath('nats-server')) {
    describeAbsent('nats', title, 'there is no nats-server on PATH');
    return;
  }
  describe(title, () => {
    let servers: NatsServer[] = [];
    beforeAll(async () => {
      const [ports, routes] = [[], []] as [number[], number[]];
      for (const list of [ports, ports, ports, routes, routes, routes]) list.push(await freePort());
      const all = routes.map((port) => `nats-route://127.0.0.1:${port}`).join(', ');
      servers = ports.map((port, i) => {
        const cluster = `cluster { name: c, listen: 127.0.0.1:${routes[i]}, routes: [${all}] }`;
        return new NatsServer(port, `server_name: n${i}\n${cluster}`);
      });
      for (const server of servers) server.launch();
      for (const server of servers) await server.start();
    });
    afterAll(() => Promise.all(servers.map((server) => server.remove())));
    body(() => servers);
  });
}
