/** The health of a manager for those who ask over and over: one look serves all requests of a second. */
import type { Health } from '../models/records/health.js';
import type { CreditManagement } from '../services/manager/contract.js';
import { monotonicNow, withDeadline } from '../timers.js';

type Manager = Pick<CreditManagement<unknown, string>, 'health' | 'access' | 'ledger'>;

/** How many there were when they were last counted; null before the first count has ended. */
export interface Totals {
  readonly totalAccounts: number | null;
  readonly totalTransactions: number | null;
  readonly zeroBalanceAccounts: number | null;
}

const SHARED_MS = 1_000;
const TOTALS_MS = 60_000;
/** A request waits so long for a count; who asks later gets its result. */
const COUNT_WAIT_MS = 1_000;
/** Milliseconds that a count may take on a large database. */
const COUNT_MAX_MS = 60_000;
const UNKNOWN: Totals = { totalAccounts: null, totalTransactions: null, zeroBalanceAccounts: null };

const readers = new WeakMap<object, HealthReader>();

export class HealthReader {
  readonly #manager: Manager;
  #looked: { readonly at: number; readonly health: Promise<Health> } | null = null;
  #counted: { readonly at: number; readonly totals: Totals } | null = null;
  #counting: Promise<Totals> | null = null;

  private constructor(manager: Manager) {
    this.#manager = manager;
  }

  static of(manager: Manager): HealthReader {
    const reader = readers.get(manager) ?? new HealthReader(manager);
    readers.set(manager, reader);
    return reader;
  }

  health(): Promise<Health> {
    const now = monotonicNow();
    if (this.#looked === null || now - this.#looked.at >= SHARED_MS) {
      this.#looked = { at: now, health: this.#manager.health() };
    }
    return this.#looked.health;
  }

  /** The counts, which are at most 60 seconds old; null where the database does not tell. */
  async totals(): Promise<Totals> {
    const known = this.#counted;
    if (known !== null && monotonicNow() - known.at < TOTALS_MS) return known.totals;
    this.#counting ??= this.#count().finally(() => {
      this.#counting = null;
    });
    return withDeadline(this.#counting, COUNT_WAIT_MS, () => new Error('The count goes on.')).catch(() => UNKNOWN);
  }

  async #count(): Promise<Totals> {
    const at = monotonicNow();
    const options = { timeoutMs: COUNT_MAX_MS };
    const [{ accounts, disabled }, entries] = await Promise.all([
      this.#manager.access.countStatuses(options),
      this.#manager.ledger.countEntries(options),
    ]);
    const totals = { totalAccounts: accounts, totalTransactions: entries, zeroBalanceAccounts: disabled };
    this.#counted = { at, totals };
    return totals;
  }
}
