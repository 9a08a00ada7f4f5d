/** A client of Redis of our own, of whichever package is installed. It connects, and connects again, by itself. */
import { creditError } from '../errors.js';
import { type Commands, commandsOf, type IoRedisLike, type NodeRedisLike } from './commands.js';

/** A client that commands may be given to. */
export interface OpenClient {
  readonly commands: Commands;
  /** Resolves when the first try to connect has ended, well or not. */
  readonly connected: Promise<void>;
  /** Ends the connection and every try to make one. Commands under way reject. */
  close(): void;
}

/** The members of a client of our own, besides commands. */
interface Connecting {
  once(event: 'ready' | 'error' | 'end', listener: () => void): unknown;
  connect(): Promise<unknown>;
}

const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 2_000;

const pauseAfter = (tries: number) => Math.min(RECONNECT_MIN_MS * 2 ** tries, RECONNECT_MAX_MS);

/**
 * Makes a client; it never keeps commands for later. Resolves without waiting for Redis.
 * @throws CONFIGURATION where no package is installed
 */
export async function openClient(name: string, url: string): Promise<OpenClient> {
  const redis = await optional(() => import('redis'));
  if (redis) return openNodeRedis(redis, url);
  const ioredis = await optional(() => import('ioredis'));
  if (ioredis) return openIoRedis(ioredis, url);
  const problem = 'neither redis nor ioredis is installed: npm install redis';
  throw creditError('CONFIGURATION', `${name} has no client of Redis: ${problem}.`, { problems: [problem] });
}

export function openNodeRedis(redis: Pick<typeof import('redis'), 'createClient'>, url: string): OpenClient {
  const socket = { connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: pauseAfter };
  const client = redis.createClient({ url, disableOfflineQueue: true, socket });
  const commands = commandsOf(client as unknown as NodeRedisLike);
  // A client that gave up cannot be destroyed.
  return { commands, connected: connect(client), close: () => (client.isOpen ? client.destroy() : undefined) };
}

export function openIoRedis(ioredis: Pick<typeof import('ioredis'), 'Redis'>, url: string): OpenClient {
  const client = new ioredis.Redis(url, {
    ...{ enableOfflineQueue: false, lazyConnect: true, maxRetriesPerRequest: 0, connectTimeout: CONNECT_TIMEOUT_MS },
    retryStrategy: pauseAfter,
  });
  const commands = commandsOf(client as unknown as IoRedisLike);
  return { commands, connected: connect(client), close: () => client.disconnect() };
}

/** The package, or null where it is not installed; one that is broken throws its own error. */
async function optional<T>(load: () => Promise<T>): Promise<T | null> {
  try {
    return await load();
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}

/** Both packages try again by themselves after the first failure. */
function connect(client: Connecting): Promise<void> {
  return new Promise((resolve) => {
    const done = () => resolve();
    client.once('ready', done);
    client.once('error', done);
    client.once('end', done);
    client.connect().then(done, done);
  });
}
