/** A connection to Redis as the library uses it: a client of the host's or our own, and each command in its time. */
import { createHash } from 'node:crypto';
import { creditError } from '../errors.js';
import { monotonicNow, withDeadline } from '../timers.js';
import { type Commands, commandsOf, isClient, type RedisLike } from './commands.js';
import { type OpenClient, openClient } from './own-client.js';

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

const PREFIX = 'credit:';
const NAMES = ['client', 'url', 'prefix', 'timeoutMs'];

/** By the name of an option: what it has to be, where it is not. */
type Checks = Readonly<Record<string, (value: unknown) => string | null>>;

export class RedisConnection {
  readonly #name: string;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #url: string | null;
  /** The client; of our own ones it is made by the first command. */
  #client: Promise<OpenClient> | null;
  /** Those of a client that has been connected. */
  #connected: Commands | null = null;
  #isClosed = false;

  /** @throws CONFIGURATION for a wrong option; `more` are the checks of further ones. */
  constructor(name: string, options: RedisOptions, timeoutMs: number, more: Checks = {}) {
    const problems = problemsOf(options, more);
    if (problems.length > 0) {
      throw creditError('CONFIGURATION', `${name} cannot be made: ${problems.join('; ')}.`, { problems });
    }
    this.#name = name;
    this.#prefix = options.prefix ?? PREFIX;
    this.#timeoutMs = options.timeoutMs ?? timeoutMs;
    this.#url = options.url ?? null;
    this.#client = options.client
      ? Promise.resolve({ commands: commandsOf(options.client), connected: Promise.resolve(), close: () => {} })
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

  /** Closes a client of our own. Commands reject from then on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const client = await this.#client?.catch(() => null);
    client?.close();
  }

  #ask(call: (commands: Commands) => Promise<unknown>): Promise<unknown> {
    const late = () => new Error(`Redis did not answer within ${this.#timeoutMs} ms.`);
    const isReady = !this.#isClosed && this.#connected?.isReady();
    const sent = isReady ? call(this.#connected as Commands) : this.#send(call, monotonicNow() + this.#timeoutMs);
    return withDeadline(sent, this.#timeoutMs, late);
  }

  async #send(call: (commands: Commands) => Promise<unknown>, endsAt: number): Promise<unknown> {
    if (this.#isClosed) throw new Error(`${this.#name} is closed.`);
    this.#client ??= openClient(this.#name, this.#url as string).catch((error) => {
      this.#client = null;
      throw error;
    });
    const { commands, connected } = await this.#client;
    await connected;
    this.#connected = commands;
    // Nobody waits any more, and a client that is not connected might keep the command for later.
    if (monotonicNow() >= endsAt) throw new Error('Redis was not connected in time.');
    if (!commands.isReady()) throw new Error('The client of Redis is not connected.');
    return call(commands);
  }
}

function problemsOf(options: RedisOptions, more: Checks): string[] {
  if (typeof options !== 'object' || options === null) return ['it takes an object of options'];
  const { client, url, prefix = PREFIX, timeoutMs = 1 } = options;
  const unknown = Object.keys(options).filter((name) => !NAMES.includes(name) && !Object.hasOwn(more, name));
  const problems = unknown.map((name) => `there is no option ${JSON.stringify(name)}`);
  if ((client === undefined) === (url === undefined)) problems.push('give either client or url');
  if (client !== undefined && !isClient(client)) problems.push('client is no client of redis or ioredis');
  if (url !== undefined && !isUrl(url)) problems.push('url is no URL that begins with redis:// or rediss://');
  if (typeof prefix !== 'string' || prefix.length > 100)
    problems.push('prefix is not a text of at most 100 characters');
  const isTime = Number.isSafeInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= 60_000;
  if (!isTime) problems.push('timeoutMs is not a whole number from 1 to 60,000');
  for (const [name, problemOf] of Object.entries(more)) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    const problem = value === undefined ? null : problemOf(value);
    if (problem !== null) problems.push(`${name} is not ${problem}`);
  }
  return problems;
}

function isUrl(url: unknown): boolean {
  return typeof url === 'string' && /^rediss?:\/\//.test(url) && URL.canParse(url);
}
