/** A process that writes: many calls at once on a served database, and their lines into one file. */
import { writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createCreditManagement, type DbManager, isCreditError } from '../../src/index.js';
import { ServedDb } from './file-served-db.js';

export interface Work {
  readonly path: string;
  readonly fsync: 'always' | 'interval' | 'never';
  readonly seed: number;
  /** Users that small calls are on; shared with other workers. */
  readonly users: readonly string[];
  /** A user with many grants, whose holds make lines of some 60 KB. */
  readonly rich: { readonly userId: string; readonly credits: number; readonly times: number } | null;
  /** Calls under way at once. */
  readonly width: number;
  /** Which part of the small calls carries a text of 16 KB. */
  readonly large: number;
  /** The process ends in its n-th write to a file, of which this part (0–1) still reaches the disk. */
  readonly dies: { readonly write: number; readonly part: number } | null;
}

export type Order = { readonly kind: 'run'; readonly work: Work } | { readonly kind: 'stop' };
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly committed: readonly string[]; readonly errors: readonly string[] };

const db = new ServedDb();
const errors: string[] = [];
let stopped = false;

/** Ends this process as SIGKILL does in the middle of a write: a part of the bytes is there, and nothing follows. */
async function dieIn({ write, part }: { write: number; part: number }, path: string): Promise<void> {
  const handle = await open(`${path}.any`, 'a');
  const prototype = Object.getPrototypeOf(handle) as { write: (bytes: Buffer) => Promise<unknown> };
  await handle.close();
  const real = prototype.write;
  let writes = 0;
  prototype.write = function (this: { fd: number }, bytes: Buffer) {
    if (++writes < write) return real.call(this, bytes);
    writeSync(this.fd, bytes, 0, Math.floor(bytes.length * part));
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {});
  };
}

async function work({ path, fsync, seed, users, rich, width, large, dies }: Work): Promise<void> {
  if (dies) await dieIn(dies, path);
  const note = (_: unknown, message?: string) => void errors.push(String(message));
  const logger = { debug() {}, info() {}, warn: note, error: note };
  const manager = createCreditManagement<DbManager<never>>({ db, logger, ledger: { filePath: path, fsync } });
  const { credits } = manager;
  const random = randomFrom(seed);
  const pick = () => users[Math.floor(random() * users.length)] as string;

  async function small(): Promise<unknown> {
    const blob = random() < large ? 'x'.repeat(16_000) : 'é'.repeat(400);
    const options = { description: textOf(random), metadata: { blob } };
    const kind = random();
    const user = pick();
    if (kind < 0.3) return credits.addCredits(user, 1 + Math.floor(random() * 5), options);
    if (kind < 0.6) return credits.deductCreditsAfterService(user, 4, options);
    if (kind < 0.7) return credits.deductCredits(user, 1_000_000, options);
    if (kind < 0.85) return credits.transferCredits({ from: user, to: 'bank', amount: 1 }, options);
    return credits.releaseReservedCredits(await credits.reserveCredits(user, 1, options));
  }

  async function loop(call: () => Promise<unknown>, times = Number.POSITIVE_INFINITY): Promise<void> {
    for (let i = 0; i < times && !stopped; i++) {
      try {
        await call();
      } catch (error) {
        if (!isCreditError(error)) errors.push(String((error as Error).stack));
        else if (error.retryable) errors.push(error.message);
      }
    }
  }

  const loops = Array.from({ length: width }, () => loop(small));
  if (rich) {
    const { userId, credits: amount, times } = rich;
    const hold = async () => credits.releaseReservedCredits(await credits.reserveCredits(userId, amount));
    loops.push(loop(hold, times));
  }
  await Promise.all(loops);
  await manager.close();
  const report: Report = { kind: 'done', committed: db.committed, errors };
  process.send?.(report, () => process.disconnect());
}

/** Texts that tear badly: newlines, several bytes a character, separators. */
function textOf(random: () => number): string {
  const parts = ['a', '\n', 'é', '漢', '😀', '\u2028', '"', '\\', 'plain words '];
  return Array.from({ length: 8 }, () => parts[Math.floor(random() * parts.length)]).join('');
}

function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

process.on('message', (order: Order) => {
  if (order.kind === 'stop') stopped = true;
  else if (order.kind === 'run') {
    work(order.work).catch((error) => {
      console.error(error);
      process.exit(1);
    });
  }
});
process.send?.({ kind: 'ready' } satisfies Report);
