/** The in-memory database with calls that fail on demand: refused, applied without an answer, or applied later. */
import {
  creditError,
  type DbManager,
  InMemoryDbManager,
  type MemorySession,
  type StoreOptions,
  type Unit,
  type UnitOutcome,
} from '../../src/index.js';

/**
 * - `refused`: the call throws, nothing is applied.
 * - `lost`: a commit is applied and answers `unknown`; a read throws.
 * - `late`: a commit answers `unknown`, nothing is applied yet; it lands by itself afterwards.
 */
export type Fate = 'refused' | 'lost' | 'late';

/** When a commit of fate `late` lands; `at_the_end` only when the test says so. */
export type Landing =
  | 'after_account_read'
  | 'after_entry_read'
  | 'before_next_commit'
  | 'after_next_commit'
  | 'at_the_end';

export interface Fault {
  /** Whether the n-th call since `arm` fails, and how. */
  readonly fateOf: (call: number) => Fate | null;
  readonly landing: Landing;
  /** Throw what a driver throws instead of an error of the library. */
  readonly plain: boolean;
}

/** What a driver's own error may look like; none of it may reach a caller. */
export const DRIVER_TEXT = 'connect ECONNREFUSED mongodb://admin:hunter2@db-7';

type Options = StoreOptions<MemorySession>;

export class FaultyDb implements DbManager<MemorySession> {
  readonly name = 'faulty';
  readonly inner: InMemoryDbManager;
  /** Methods called since `arm`, in order. */
  calls: string[] = [];
  /** Faults that were injected since `arm`. */
  injected = 0;
  /** Commits of entries whose answer was lost since `arm`: only these can make an outcome unknown. */
  lost = 0;
  /** Late units that were applied in the end. */
  landed = 0;
  /** Outcomes that the next commits of entries claim although nothing was tried, as after a lock or another writer. */
  lies: ('conflict' | 'locked')[] = [];
  #fault: Fault | null = null;
  #pending: Unit[] = [];
  readonly #inTransaction = new Map<MemorySession, Unit[]>();

  constructor(inner = new InMemoryDbManager()) {
    this.inner = inner;
  }

  get pending(): number {
    return this.#pending.length;
  }

  arm(fault: Fault | null): void {
    this.#fault = fault;
    this.calls = [];
    this.injected = 0;
    this.lost = 0;
  }

  heal(): void {
    this.#fault = null;
  }

  /** Applies what is still on its way. Units that are out of date by then miss, as in every database. */
  async land(): Promise<void> {
    for (let unit = this.#pending.shift(); unit; unit = this.#pending.shift()) {
      const [outcome] = await this.inner.commit([unit]);
      if (outcome?.status === 'committed') this.landed++;
    }
  }

  async init(models: Parameters<DbManager['init']>[0]): Promise<{ now: Date }> {
    const fate = this.#count('init');
    if (fate === 'lost') await this.inner.init(models);
    if (fate) throw this.#error();
    return this.inner.init(models);
  }

  async ping(options?: Options): Promise<{ now: Date }> {
    if (this.#count('ping')) throw this.#error();
    return this.inner.ping(options);
  }

  getMany: InMemoryDbManager['getMany'] = async (model, keys, options) => {
    if (this.#count(`getMany ${model}`)) throw this.#error();
    const rows = await this.inner.getMany(model, keys, options);
    if (model === 'account' && this.#fault?.landing === 'after_account_read') await this.land();
    if (model === 'entry' && this.#fault?.landing === 'after_entry_read') await this.land();
    return rows;
  };

  find: InMemoryDbManager['find'] = async (model, query, options) => {
    if (this.#count(`find ${model}`)) throw this.#error();
    const page = await this.inner.find(model, query, options);
    if (model === 'entry' && this.#fault?.landing === 'after_entry_read') await this.land();
    return page;
  };

  count: InMemoryDbManager['count'] = async (model, query, options) => {
    if (this.#count(`count ${model}`)) throw this.#error();
    return this.inner.count(model, query, options);
  };

  async commit(units: readonly Unit[], options?: Options): Promise<readonly UnitOutcome[]> {
    const fate = this.#count(options?.session ? 'commit in transaction' : 'commit');
    if (fate === 'refused') throw this.#error();
    if (fate) {
      if (units.some(writesEntries)) this.lost++;
      if (fate === 'lost') await this.inner.commit(units, options);
      else if (!options?.session) this.#pending.push(...units);
      return units.map(() => ({ status: 'unknown', cause: new Error(DRIVER_TEXT) }));
    }
    const lie = options?.session || !units.some(writesEntries) ? undefined : this.lies.shift();
    if (lie) return units.map(() => ({ status: lie, model: 'account', key: 'somebody else' }));
    if (options?.session) this.#inTransaction.get(options.session)?.push(...units);
    else if (this.#fault?.landing === 'before_next_commit') await this.land();
    const outcomes = await this.inner.commit(units, options);
    if (!options?.session && this.#fault?.landing === 'after_next_commit') await this.land();
    return outcomes;
  }

  transaction: InMemoryDbManager['transaction'] = async (run, options) => {
    const fate = this.#count('transaction');
    if (fate === 'refused') throw this.#error();
    const written: Unit[] = [];
    let finished = false;
    const result = this.inner.transaction(async (session) => {
      this.#inTransaction.set(session, written);
      const answer = await run(session).finally(() => this.#inTransaction.delete(session));
      finished = true;
      if (fate === 'late') throw new Error('The commit of this transaction is on its way.');
      return answer;
    }, options);
    if (!fate) return result;
    try {
      await result;
    } catch (error) {
      if (!finished) throw error;
    }
    this.lost++;
    if (fate === 'late') this.#pending.push(...written);
    throw creditError('OUTCOME_UNKNOWN', 'The commit was sent and no answer came.', { idempotencyKey: '' });
  };

  close(): Promise<void> {
    return this.inner.close();
  }

  #count(method: string): Fate | null {
    this.calls.push(method);
    const fate = this.#fault?.fateOf(this.calls.length) ?? null;
    if (fate) this.injected++;
    return fate;
  }

  #error(): Error {
    if (this.#fault?.plain) return new Error(DRIVER_TEXT);
    return creditError('STORAGE_UNAVAILABLE', 'The test made this call fail.', {});
  }
}

function writesEntries(unit: Unit): boolean {
  return unit.some((change) => change.model === 'entry' || (change.model === 'account' && change.op === 'replace'));
}
