/** A process that takes from a limiter as often as it is told, all at once, and says how many calls were allowed. */
import { RedisRateLimiter } from '../../src/entries/redis.js';

const [url = '', prefix = '', calls = '', limit = ''] = process.argv.slice(2);
const limiter = new RedisRateLimiter({ url, prefix, timeoutMs: 60_000 });
// The first message says that it is ready, and every process begins when all are.
await limiter.take('warm', { limit: 1, windowMs: 1 });
process.once('message', async () => {
  const rule = { limit: Number(limit), windowMs: 600_000 };
  const answers = await Promise.all(Array.from({ length: Number(calls) }, () => limiter.take('key', rule)));
  await limiter.close();
  process.send?.(answers.filter(({ allowed }) => allowed).length, () => process.disconnect());
});
process.send?.('ready');
