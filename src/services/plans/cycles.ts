/** Cycles: credits that last for some days, once or again and again. */
import { parseAmount } from '../../core/amounts.js';
import { sha256 } from '../../core/canonical-json.js';
import { recurringCycleId } from '../../core/cycle.js';
import { creditError } from '../../errors.js';
import type { CycleRow } from '../../models/cycle.js';
import type { EntryRow } from '../../models/entry.js';
import { type ListOptions, listSchema, type MutationOptions, type ReadOptions } from '../../models/inputs/credits.js';
import { type CycleOptions, cycleInputSchema } from '../../models/inputs/plans.js';
import type { Applied } from '../../models/records/applied.js';
import type { JsonObject, Page, Ref } from '../../models/values.js';
import { ListCursors } from '../input/page.js';
import {
  idOf,
  notValid,
  parse,
  parseId,
  parseMutationOptions,
  parseOptions,
  parseReadOptions,
} from '../input/parse.js';
import type { Engine, Mutation } from '../pipeline/engine.js';
import { type Answer, answered } from '../pipeline/operation.js';
import { dryRunOf } from '../pipeline/transaction-records.js';
import type { Cycle } from './contract.js';
import { cycleOf, toCycle } from './records.js';
import type { SubscriptionDirectory } from './subscription-directory.js';

const DAYS_DEFAULT = 30;

/** Ids of recurring cycles hold the user's id, and so may be longer than other ids. */
const CYCLE_ID_MAX = 320;

/** A change of one cycle: an operation on the account of its credits. */
interface CycleChange<S> {
  readonly operation: string;
  readonly userId: string;
  readonly given: JsonObject;
  readonly options: MutationOptions<S>;
  readonly command: Mutation<S>['command'];
}

export class Cycles<S> {
  readonly #directory: SubscriptionDirectory<S>;
  readonly #engine: Engine<S>;

  constructor(directory: SubscriptionDirectory<S>) {
    this.#directory = directory;
    this.#engine = directory.engine;
  }

  async start(userId: string | null | undefined, given: CycleOptions<S>): Promise<Applied<Cycle>> {
    const fields = parse(cycleInputSchema, given);
    const isNew = userId === null || userId === undefined;
    // A repeated call has to find the account of the first one, so the key names it.
    const key = fields.idempotencyKey ?? (isNew ? `op_${this.#engine.newId()}` : undefined);
    const user = isNew ? newUserOf(key as string) : parseId(userId, 'userId');
    const options = { ...fields, ...(key !== undefined && { idempotencyKey: key }) } as MutationOptions<S>;
    const amount = parseAmount(fields.amount, { scale: this.#engine.scale, zero: true });
    const { days = DAYS_DEFAULT, recurring = false } = fields;
    const answer = await this.#change({
      ...{ operation: 'start_cycle', userId: user, given: { amount }, options },
      command: (operationId) => {
        const cycleId = recurring ? recurringCycleId('credits', user) : `c-${operationId}`;
        return { type: 'start_cycle', cycleId, amount, days, recurring };
      },
    });
    // A key that the library made is no repetition of the caller's.
    return this.#answer({ ...answer, replayed: answer.replayed && fields.idempotencyKey !== undefined });
  }

  async stop(cycle: Ref, given: MutationOptions<S> | undefined): Promise<Applied<Cycle>> {
    const options = parseMutationOptions(given);
    const cycleId = parseCycleRef(cycle);
    const rest = this.#engine.startDeadline(options);
    const row = await this.#read(cycleId, options);
    if (!row) throw creditError('NOT_FOUND', 'There is no cycle with this id.', {});
    const answer = await this.#change({
      ...{ operation: 'stop_cycle', userId: row.userId, given: { cycleId }, options: rest() },
      command: () => ({ type: 'stop_cycle', cycleId }),
    });
    if (answer.entry) return this.#answer(answer);
    // It was stopped before, so nothing was written.
    const stopped = (await this.#read(cycleId, rest())) as CycleRow;
    return { ...toCycle(stopped, this.#engine.scale), replayed: true };
  }

  async get(id: string, given: ReadOptions<S> | undefined): Promise<Cycle | null> {
    const options = parseReadOptions(given);
    const row = await this.#read(parseCycleRef(id), options);
    return row && toCycle(row, this.#engine.scale, await this.#nowOf([row], options));
  }

  async list(userId: string, given: (ReadOptions<S> & ListOptions) | undefined): Promise<Page<Cycle>> {
    const user = parseId(userId, 'userId');
    const options = parseOptions(listSchema, given) as ReadOptions<S> & ListOptions;
    const along = { index: 'user', equals: { userId: user } };
    const { rows, nextCursor } = await this.#directory.reads.page(
      'cycle',
      along,
      options,
      new ListCursors('listCycles', { user }),
    );
    const now = await this.#nowOf(rows, options);
    return { items: rows.map((row) => toCycle(row, this.#engine.scale, now)), nextCursor };
  }

  async #change({ userId, ...change }: CycleChange<S>): Promise<Answer> {
    return answered(await this.#engine.mutate({ ...change, accounts: [this.#engine.account('credits', userId)] }));
  }

  #answer(answer: Answer): Applied<Cycle> {
    const { scale } = this.#engine;
    const { entry, replayed } = answer;
    return { ...cycleOf(entry as EntryRow, scale), replayed, ...dryRunOf(answer, scale) };
  }

  #read(id: string, options: ReadOptions<S>): Promise<CycleRow | null> {
    return this.#directory.reads.get('cycle', id, options);
  }

  /** The time of these cycles: the account's is asked only where a cycle ends that has not ended by the clock. */
  async #nowOf(rows: readonly CycleRow[], options: ReadOptions<S>): Promise<number> {
    const now = this.#engine.now();
    const open = rows.find(({ status, recurring, end }) => status === 'active' && !recurring && end.getTime() > now);
    return open ? this.#directory.nowOf(open.userId, [open.creditType], options) : now;
  }
}

/** The user that a call without one makes. Keys of the library's own are ids already. */
function newUserOf(key: string): string {
  return key.startsWith('op_') ? key.slice(3) : sha256(`start_cycle/${key}`).slice(0, 32);
}

function parseCycleRef(ref: unknown): string {
  const id = idOf(ref, 'cycle');
  if (typeof id === 'string' && id.length > 0 && id.length <= CYCLE_ID_MAX && id.isWellFormed()) return id;
  throw notValid('cycle', 'the id of a cycle');
}
