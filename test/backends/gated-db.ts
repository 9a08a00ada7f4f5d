/** The in-memory database with single methods replaced by a test, and gates at which a call waits for the test. */
import {
  type CreditManagement,
  type CreditManagementOptions,
  createCreditManagement,
  type DbManager,
  InMemoryDbManager,
  type MemorySession,
  type Unit,
  type UnitOutcome,
} from '../../src/index.js';
import { type TestClock, testClock } from '../../src/testing/clock.js';

type Db = DbManager<MemorySession>;

/** `inner` with the given methods replaced; the test may change `methods` while it runs. */
export class GatedDb implements Db {
  readonly name = 'gated';
  methods: Partial<Db> = {};
  /** Undefined hides `transaction`, as an adapter without one does. */
  readonly transaction?: NonNullable<Db['transaction']>;
  /** Calls of `commit` that were not the creation of empty accounts, as units. */
  readonly commits: (readonly Unit[])[] = [];

  constructor(
    readonly inner = new InMemoryDbManager(),
    options: { transactions?: boolean } = {},
  ) {
    if (options.transactions !== false) {
      this.transaction = (run, given) => (this.methods.transaction ?? inner.transaction.bind(inner))(run, given);
    }
  }

  init: Db['init'] = (models) => (this.methods.init ?? this.inner.init.bind(this.inner))(models);
  getMany: Db['getMany'] = (...args) => (this.methods.getMany ?? this.inner.getMany.bind(this.inner))(...args);
  find: Db['find'] = (...args) => (this.methods.find ?? this.inner.find.bind(this.inner))(...args);
  count: Db['count'] = (...args) => (this.methods.count ?? this.inner.count.bind(this.inner))(...args);
  ping: Db['ping'] = (options) => (this.methods.ping ?? this.inner.ping.bind(this.inner))(options);
  close: Db['close'] = () => (this.methods.close ?? this.inner.close.bind(this.inner))();
  commit: Db['commit'] = (units, options) => {
    if (units.some(isMoney)) this.commits.push(units);
    return (this.methods.commit ?? this.inner.commit.bind(this.inner))(units, options);
  };

  /** The next commit of money is answered by `answer`; everything else goes through. */
  onceInCommit(answer: (units: readonly Unit[]) => Promise<readonly UnitOutcome[]>): void {
    this.methods.commit = (units, options) => {
      if (!units.some(isMoney)) return this.inner.commit(units, options);
      delete this.methods.commit;
      return answer(units);
    };
  }
}

/** Whether a unit does more than to create an empty account. */
export function isMoney(unit: Unit): boolean {
  return unit.some((change) => change.op === 'replace' && change.model === 'account');
}

export function unknown(units: readonly Unit[]): readonly UnitOutcome[] {
  return units.map(() => ({ status: 'unknown', cause: new Error('no answer') }));
}

export interface Bench {
  readonly db: GatedDb;
  readonly clock: TestClock;
  readonly manager: CreditManagement<MemorySession>;
  readonly credits: CreditManagement<MemorySession>['credits'];
  /** Another process. */
  open(options?: CreditManagementOptions): CreditManagement<MemorySession>;
}

export function bench(options: CreditManagementOptions = {}, db = new GatedDb()): Bench {
  const clock = testClock();
  const open = (more: CreditManagementOptions = {}) => createCreditManagement({ db, clock, ...options, ...more });
  const manager = open();
  return { db, clock, manager, credits: manager.credits, open };
}
