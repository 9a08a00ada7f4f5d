/** Clients of Redis as the library uses them: node-redis or ioredis, of the host or our own, each call in its time. */
import { createHash } from 'node:crypto';
import { creditError } from '../errors.js';
import { withDeadline } from '../timers.js';

/** The members of a client or cluster of `redis` (node-redis 5 and 6) that are used. */
export interface NodeRedisLike {
  readonly isReady?: boolean;
  get(key: string): Promise<unknown>;
  del(key: string): Promise<unknown>;
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  xAdd(key: string, id: string, message: Record<string, string>, options?: object): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  listenerCount(event: 'error'): number;
}

/** The members of a client or cluster of `ioredis` (5 and 6) that are used. */
export interface IoRedisLike {
  readonly status: string;
  get(key: string): Promise<unknown>;
  del(key: string): Promise<unknown>;
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>;
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>;
  xadd(...args: [key: string, ...args: string[]]): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  listenerCount(event: 'error'): number;
}

export type RedisLike = NodeRedisLike | IoRedisLike;

/** Where Redis is: a client of the host's own, which stays open, or a URL. */
export interface RedisOptions {
  /** A client or cluster of `redis` or `ioredis`. It stays the host's: `close` does not close it. */
  readonly client?: RedisLike | undefined;
  /** `redis://…` or `rediss://…`, for a client of our own. The package `redis` or `ioredis` must be installed. */
  readonly url?: string | undefined;
  /** What every key begins with, default `credit:`. */
  readonly prefix?: string | undefined;
  /** The milliseconds that a command may take, 1–60,000. */
  readonly timeoutMs?: number | undefined;
}

/** A Lua script that Redis keeps. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

export function scriptOf(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/** What a client is asked for, in one form for both packages. */
interface Commands {
  isReady(): boolean;
  get(key: string): Promise<unknown>;
  del(key: string): Promise<unknown>;
  evalSha(sha: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  eval(text: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  append(stream: string, fields: Readonly<Record<string, string>>, maxLength: number | null): Promise<unknown>;
}

interface OwnClient {
  readonly commands: Commands;
  close(): Promise<unknown>;
}

const PREFIX = 'credit:';
const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_MAX_MS = 2_000;
const NAMES = ['client', 'url', 'prefix', 'timeoutMs'];

export class RedisConnection {
  readonly #name: string;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #url: string | null;
  /** The client; of our own ones it is made by the first command. */
  #client: Promise<OwnClient> | null;

  /** @throws CONFIGURATION for a wrong option; `more` are the names of further ones. */
  constructor(name: string, options: RedisOptions, timeoutMs: number, more: readonly string[] = []) {
    const problems = problemsOf(options, more);
    if (problems.length > 0) {
      throw creditError('CONFIGURATION', `${name} cannot be made: ${problems.join('; ')}.`, { problems });
    }
    this.#name = name;
    this.#prefix = options.prefix ?? PREFIX;
    this.#timeoutMs = options.timeoutMs ?? timeoutMs;
    this.#url = options.url ?? null;
    this.#client = options.client
      ? Promise.resolve({ commands: commandsOf(options.client), close: async () => {} })
      : null;
  }

  get(key: string): Promise<unknown> {
    return this.#ask((commands) => commands.get(this.#prefix + key));
  }

  del(key: string): Promise<unknown> {
    return this.#ask((commands) => commands.del(this.#prefix + key));
  }

  /** Runs a script on one key. Redis forgets scripts when it restarts: then it is sent again. */
  run(script: Script, key: string, args: readonly string[]): Promise<unknown> {
    const keys = [this.#prefix + key];
    return this.#ask((commands) =>
      commands.evalSha(script.sha, keys, args).catch((error: unknown) => {
        if (!String((error as Error)?.message).startsWith('NOSCRIPT')) throw error;
        return commands.eval(script.text, keys, args);
      }),
    );
  }

  append(stream: string, fields: Readonly<Record<string, string>>, maxLength: number | null): Promise<unknown> {
    return this.#ask((commands) => commands.append(this.#prefix + stream, fields, maxLength));
  }

  /** Closes a client of our own. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = Promise.reject(new Error(`${this.#name} is closed.`));
    this.#client.catch(() => {});
    await (await client?.catch(() => null))?.close();
  }

  #ask(call: (commands: Commands) => Promise<unknown>): Promise<unknown> {
    const late = () => new Error(`Redis did not answer within ${this.#timeoutMs} ms.`);
    return withDeadline(this.#send(call), this.#timeoutMs, late);
  }

  async #send(call: (commands: Commands) => Promise<unknown>): Promise<unknown> {
    this.#client ??= ownClient(this.#name, this.#url as string).catch((error) => {
      this.#client = null;
      throw error;
    });
    const { commands } = await this.#client;
    // A client that is not connected would keep the command for later, and nobody waits for it then.
    if (!commands.isReady()) throw new Error('The client of Redis is not connected.');
    return call(commands);
  }
}

function problemsOf(options: RedisOptions, more: readonly string[]): string[] {
  if (typeof options !== 'object' || options === null) return ['it takes an object of options'];
  const { client, url, prefix = PREFIX, timeoutMs = 1 } = options;
  const unknown = Object.keys(options).filter((name) => !NAMES.includes(name) && !more.includes(name));
  const problems = unknown.map((name) => `there is no option ${JSON.stringify(name)}`);
  if ((client === undefined) === (url === undefined)) problems.push('give either client or url');
  if (client !== undefined && !isClient(client)) problems.push('client is no client of redis or ioredis');
  if (url !== undefined && !/^rediss?:\/\//.test(url)) problems.push('the URL does not begin with redis://');
  if (typeof prefix !== 'string' || prefix.length > 100)
    problems.push('prefix is not a text of at most 100 characters');
  const isTime = Number.isSafeInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= 60_000;
  if (!isTime) problems.push('timeoutMs is not a whole number from 1 to 60,000');
  return problems;
}

function isClient(client: RedisLike): boolean {
  return isIoRedis(client) || typeof (client as NodeRedisLike)?.evalSha === 'function';
}

function isIoRedis(client: RedisLike): client is IoRedisLike {
  return typeof (client as IoRedisLike)?.evalsha === 'function';
}

function commandsOf(client: RedisLike): Commands {
  // Without a listener the loss of a connection would end the process.
  if (client.listenerCount('error') === 0) client.on('error', () => {});
  return isIoRedis(client) ? ofIoRedis(client) : ofNodeRedis(client);
}

function ofNodeRedis(client: NodeRedisLike): Commands {
  return {
    isReady: () => client.isReady ?? true,
    get: (key) => client.get(key),
    del: (key) => client.del(key),
    evalSha: (sha, keys, args) => client.evalSha(sha, { keys: [...keys], arguments: [...args] }),
    eval: (text, keys, args) => client.eval(text, { keys: [...keys], arguments: [...args] }),
    append(stream, fields, maxLength) {
      const trim = { strategy: 'MAXLEN', strategyModifier: '~', threshold: maxLength };
      return client.xAdd(stream, '*', { ...fields }, maxLength === null ? undefined : { TRIM: trim });
    },
  };
}

function ofIoRedis(client: IoRedisLike): Commands {
  return {
    // A lazy client waits for its first command to connect.
    isReady: () => client.status === 'ready' || client.status === 'wait',
    get: (key) => client.get(key),
    del: (key) => client.del(key),
    evalSha: (sha, keys, args) => client.evalsha(sha, keys.length, ...keys, ...args),
    eval: (text, keys, args) => client.eval(text, keys.length, ...keys, ...args),
    append(stream, fields, maxLength) {
      const trim = maxLength === null ? [] : ['MAXLEN', '~', String(maxLength)];
      return client.xadd(stream, ...trim, '*', ...Object.entries(fields).flat());
    },
  };
}

/** A client of our own, connected; it never queues commands while it is not. */
async function ownClient(name: string, url: string): Promise<OwnClient> {
  const redis = await import('redis').catch(() => null);
  if (redis) {
    const reconnectStrategy = (tries: number) => Math.min(50 * 2 ** tries, RECONNECT_MAX_MS);
    const socket = { connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy };
    const client = redis.createClient({ url, disableOfflineQueue: true, socket });
    const commands = commandsOf(client as unknown as NodeRedisLike);
    await client.connect();
    return { commands, close: async () => client.destroy() };
  }
  const ioredis = await import('ioredis').catch((cause: unknown) => {
    const problem = 'neither redis nor ioredis is installed';
    const message = `${name} needs a client of Redis: npm install redis.`;
    throw creditError('CONFIGURATION', message, { problems: [problem] }, { cause });
  });
  const client = new ioredis.Redis(url, {
    ...{ enableOfflineQueue: false, lazyConnect: true, maxRetriesPerRequest: 0, connectTimeout: CONNECT_TIMEOUT_MS },
    retryStrategy: (tries: number) => Math.min(50 * 2 ** tries, RECONNECT_MAX_MS),
  });
  const commands = commandsOf(client as unknown as IoRedisLike);
  await client.connect();
  return { commands, close: async () => client.disconnect() };
}
