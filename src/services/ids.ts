/** UUIDv7 (RFC 9562): time-ordered, so that keys keep database indexes warm. Monotonic within the process. */
import { randomFillSync } from 'node:crypto';
import { wallNow } from './timers.js';

const POOL = 256;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A new id source. Each is its own: the package keeps no state. */
export function uuidv7Source(): () => string {
  const random = Buffer.alloc(POOL * 10);
  let used = POOL;
  let last = 0;
  let counter = 0;
  let prefix = '';

  return () => {
    if (used === POOL) {
      randomFillSync(random);
      used = 0;
    }
    const at = 10 * used++;
    const now = wallNow();
    // 12 bits of rand_a count within a millisecond; when they run out, the time field moves on.
    if (now > last || counter === 0xfff) {
      last = Math.max(now, last + 1);
      counter = random.readUInt16BE(at) & 0x7ff;
      const time = last.toString(16).padStart(12, '0');
      prefix = `${time.slice(0, 8)}-${time.slice(8)}-`;
    } else counter++;
    const hex = (i: number) => HEX[random[at + i] as number] as string;
    const version = `7${(counter + 0x1000).toString(16).slice(1)}`;
    const variant = HEX[0x80 | ((random[at + 2] as number) & 0x3f)] as string;
    const node = hex(4) + hex(5) + hex(6) + hex(7) + hex(8) + hex(9);
    return `${prefix}${version}-${variant}${hex(3)}-${node}`;
  };
}
