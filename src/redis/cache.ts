/** A cache in Redis, which all processes share. */
import type { CacheBackend } from '../ports/cache.js';
import { RedisConnection, type RedisOptions, scriptOf } from './client.js';

const TIMEOUT_MS = 50;

/**
 * Keeps a value unless the key has one of a higher version. A value that is not ours, such as a list, counts as none.
 * KEYS: the key. ARGV: the version, the entry, milliseconds.
 */
const SET_IF_NEWER = scriptOf(`
local current = redis.pcall('GET', KEYS[1])
if type(current) == 'string' then
  local version = tonumber(string.match(current, '^{"version":(%d+),'))
  if version and version > tonumber(ARGV[1]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`);

/**
 * A cache in Redis 6.2 or newer. The balances that one process commits are read by all others from then on. A value is
 * replaced by one script, so an older version never replaces a newer one, whoever writes last. Every entry ends by
 * itself. One that nobody can read is as good as none.
 *
 * A command that takes longer than `timeoutMs` (default 50) fails, and so does one while the client is not connected:
 * the manager counts it, goes to the database, and leaves a Redis that fails repeatedly alone for a while. No call of
 * the library fails for it.
 *
 * @throws CONFIGURATION for a wrong option; it names the field.
 * @example
 * const client = await createClient({ url: 'redis://localhost:6379' }).connect(); // of the package redis
 * const manager = createCreditManagement({ db, cache: new RedisCache({ client }) });
 * @example new RedisCache({ url: 'redis://localhost:6379', prefix: 'shop:' });
 */
export class RedisCache implements CacheBackend {
  readonly #redis: RedisConnection;

  constructor(options: RedisOptions) {
    this.#redis = new RedisConnection('RedisCache', options, TIMEOUT_MS);
  }

  async get(key: string): Promise<string | null> {
    let text: unknown;
    try {
      text = await this.#redis.get(key);
    } catch (error) {
      // Something else than a text is kept under the key.
      if (String((error as Error)?.message).startsWith('WRONGTYPE')) return null;
      throw error;
    }
    return typeof text === 'string' ? textOf(text) : null;
  }

  async set(key: string, value: string, { version, ttlMs }: { version: number; ttlMs: number }): Promise<void> {
    const entry = JSON.stringify({ version, value });
    await this.#redis.run(SET_IF_NEWER, key, [String(version), entry, String(ttlMs)]);
  }

  async delete(key: string): Promise<void> {
    await this.#redis.del(key);
  }

  /** Closes a client of our own; one of the host stays open. */
  async close(): Promise<void> {
    await this.#redis.close();
  }
}

function textOf(text: string): string | null {
  try {
    const { version, value } = JSON.parse(text) as { version?: unknown; value?: unknown };
    return Number.isSafeInteger(version) && typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}
