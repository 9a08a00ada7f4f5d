/** Makes UUIDv7 ids (RFC 9562). They are ordered by time, which keeps database indexes warm, and monotonic. */
import { randomFillSync } from 'node:crypto';
import { creditError } from '../../errors.js';
import { isOwnId } from '../../models/inputs/values.js';
import { wallNow } from '../../timers.js';

const POOL = 256;
const DIGITS = Buffer.from('0123456789abcdef');
/** The place of each byte's two digits in the text. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** Checks the host's ids. An unusable id throws `CONFIGURATION`, and nothing is written under it. */
export function checkedIds(ids: () => string): () => string {
  return () => {
    let cause: unknown;
    try {
      const id: unknown = ids();
      if (isOwnId(id)) return id;
    } catch (error) {
      cause = error;
    }
    const problem = 'ids() did not answer a text of 1 to 200 characters';
    throw creditError('CONFIGURATION', `${problem}, without control characters.`, { problems: [problem] }, { cause });
  };
}

/** A new source of ids. Each source has its own state, and the package has none. */
export function uuidv7Source(): () => string {
  const random = Buffer.alloc(POOL * 16);
  const text = Buffer.from('00000000-0000-0000-0000-000000000000');
  let used = POOL;
  let last = 0;
  let counter = 0;
  return () => {
    if (used === POOL) {
      randomFillSync(random);
      used = 0;
    }
    const at = 16 * used++;
    const now = wallNow();
    // The 12 bits of rand_a count within a millisecond. When they run out, the time field moves on.
    if (now > last || counter === 0xfff) {
      last = Math.max(now, last + 1);
      counter = random.readUInt16BE(at + 6) & 0x7ff;
    } else counter++;
    random.writeUIntBE(last, at, 6);
    random.writeUInt16BE(0x7000 | counter, at + 6);
    random[at + 8] = 0x80 | ((random[at + 8] as number) & 0x3f);
    for (let i = 0; i < 16; i++) {
      const byte = random[at + i] as number;
      const place = PLACES[i] as number;
      text[place] = DIGITS[byte >> 4] as number;
      text[place + 1] = DIGITS[byte & 15] as number;
    }
    return text.toString('latin1');
  };
}
