/** Clients of Redis, node-redis and ioredis, behind one form of the few commands that the library sends. */

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

/** What a client is asked for, in one form for both packages. */
export interface Commands {
  isReady(): boolean;
  get(key: string): Promise<unknown>;
  del(key: string): Promise<unknown>;
  evalSha(sha: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  eval(text: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  append(stream: string, fields: Readonly<Record<string, string>>, maxLength: number | null): Promise<unknown>;
}

export function isClient(client: RedisLike): boolean {
  return isIoRedis(client) || typeof (client as NodeRedisLike)?.evalSha === 'function';
}

function isIoRedis(client: RedisLike): client is IoRedisLike {
  return typeof (client as IoRedisLike)?.evalsha === 'function';
}

export function commandsOf(client: RedisLike): Commands {
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
