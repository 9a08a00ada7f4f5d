/**
 * credit-management/redis: a cache, a limiter of rates and a queue of notifications in Redis.
 * @module
 */
export { RedisCache } from '../redis/cache.js';
export type { RedisOptions } from '../redis/client.js';
export type { IoRedisLike, NodeRedisLike, RedisLike } from '../redis/commands.js';
export { RedisNotificationQueue, type RedisQueueOptions } from '../redis/queue.js';
export { RedisRateLimiter } from '../redis/rate-limiter.js';
