/** UUIDv7 (RFC 9562): time-ordered, so that keys keep database indexes warm. Monotonic within the process. */
import { randomFillSync } from 'node:crypto';
import { wallNow } from './timers.js';

const POOL = 256;

/** A new id source. Each is its own: the package keeps no state. */
export function uuidv7Source(): () => string {
  const pool = Buffer.alloc(POOL * 16);
  let used = POOL;
  let last = 0;
  let counter = 0;
  return () => {
    if (used === POOL) {
      randomFillSync(pool);
      used = 0;
    }
    const at = used++ * 16;
    const now = Math.max(wallNow(), last);
    // 12 bits of rand_a count within a millisecond; when they run out, the time field moves on.
    counter = now === last ? counter + 1 : pool.readUInt16BE(at + 6) & 0x7ff;
    last = counter > 0xfff ? now + 1 : now;
    if (counter > 0xfff) counter = 0;
    pool.writeUIntBE(last, at, 6);
    pool.writeUInt16BE(0x7000 | counter, at + 6);
    pool[at + 8] = 0x80 | ((pool[at + 8] as number) & 0x3f);
    const hex = pool.toString('hex', at, at + 16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
}
