/** A small world for one injection: a store that fails on demand, a clock that stands still, managers on top. */
import {
  type CreditManagement,
  type CreditService,
  createCreditManagement,
  type DbManager,
  type MemorySession,
} from '../../src/index.js';
import type { EntryRow } from '../../src/models/entry.js';
import { type TestClock, testClock } from '../../src/testing/clock.js';
import { FaultyDb } from '../backends/faulty-db.js';
import { audit, rowsBy } from './audit.js';
import { QUIET } from './quiet.js';

export type Service = CreditService<MemorySession>;
export type Manager = CreditManagement<MemorySession, 'trial'>;

export const USERS = ['credits/u', 'credits/v', 'trial/u'];

export class World {
  readonly db = new FaultyDb();
  readonly clock: TestClock = testClock('2030-01-01T00:00:00Z');
  /** Most digests of a walk are of a store that did not change. */
  #last = { text: '', digest: '' };

  /** Another process on the same store. `withClock: false` uses the database's time. */
  open(options: { withClock?: boolean } = {}): Manager {
    return createCreditManagement<DbManager<MemorySession>, 'trial'>({
      db: this.db,
      ...(options.withClock !== false && { clock: this.clock }),
      creditTypes: { trial: { trialCredits: 20 } },
      limits: { lateUsageSeconds: 3_600 },
      logger: QUIET,
      sinks: [{ name: 'sink', publish: async () => {} }],
    });
  }

  audit(): Promise<string[]> {
    return Promise.all(USERS.map((key) => audit(this.db.inner, key))).then((problems) => problems.flat());
  }

  /** What is stored of all accounts, without what legitimately differs between two runs (ids, hashes, versions). */
  async digest(): Promise<string> {
    const parts: unknown[] = [];
    for (const key of USERS) parts.push(await this.#digestOf(key));
    const text = JSON.stringify(parts);
    if (text !== this.#last.text) this.#last = { text, digest: withoutIds(parts) };
    return this.#last.digest;
  }

  /** Error entries of all accounts. */
  async refusals(): Promise<number> {
    let count = 0;
    for (const account of USERS) {
      const rows = await rowsBy(this.db.inner, 'entry', 'history', { account });
      count += rows.filter((row) => row.eventType === 'error').length;
    }
    return count;
  }

  async #digestOf(key: string): Promise<unknown> {
    const db = this.db.inner;
    const [account] = await db.getMany('account', [key]);
    // An account known only by refusals, or made empty and never used, is no account; the audit looks for its entries.
    if (!account?.visible) return null;
    const rows = (await rowsBy(db, 'entry', 'history', { account: key })) as unknown as EntryRow[];
    const entries = rows.filter((row) => row.eventType === 'transaction');
    const { version: _version, hash: _hash, ...totals } = account;
    // A refusal that is decided twice is counted twice, as its entries are.
    const { refusals: _refusals, ...numbers } = account.numbers as Record<string, unknown>;
    return {
      totals: { ...totals, numbers },
      entries: entries.map(({ hash: _, prev: __, ...entry }) => entry),
      grants: await rowsBy(db, 'grant', 'account', { account: key }),
      holds: await rowsBy(db, 'reservation', 'account', { account: key }),
      events: await rowsBy(db, 'outbox', 'queue', { sink: 'sink', status: 'pending', account: key }),
    };
  }
}

// Ids, and fingerprints of input that names ids.
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}/g;

/** JSON text in which ids are numbered by appearance, so that two runs of the same story read the same. */
export function withoutIds(value: unknown): string {
  const numbers = new Map<string, number>();
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)).replaceAll(
    UUID,
    (id) => {
      if (!numbers.has(id)) numbers.set(id, numbers.size);
      return `#${numbers.get(id)}`;
    },
  );
}
