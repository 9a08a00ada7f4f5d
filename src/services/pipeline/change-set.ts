/** Collects the changes of a unit. A document gets one change, however often the operations of the batch wrote it. */
import type { AccountChange, FactName, Facts, RowWrite, SealedEvent } from '../../core/decision.js';
import type { EntryRow } from '../../models/entry.js';
import type { InboxRow } from '../../models/inbox.js';
import type { ModelName, Rows } from '../../models/rows.js';
import { storedModels } from '../../models/stored-models.js';
import type { Change } from '../../ports/db-manager.js';
import type { WantedSink } from '../store/sink-registry.js';
import { insertOf, replaceOf, rowOf } from '../store/tables.js';
import { LAPSES } from './facts.js';
import { crossingChange, outboxRow } from './outgoing-rows.js';

/** Rows as the database has them; `undefined` stands for a row that was not read yet. */
interface StoredFacts {
  row<M extends ModelName>(model: M, key: string): Rows[M] | null | undefined;
  reversals(entryId: string): readonly EntryRow[] | undefined;
  lapses(account: string, since: number): readonly EntryRow[] | undefined;
}

const KEYS = new Map<string, string>(storedModels.map(({ name, key }) => [name, key]));

function keyOf<M extends FactName>(model: M, row: Rows[M]): string {
  return row[KEYS.get(model) as keyof Rows[M]] as string;
}

type KeptFields = { readonly [M in ModelName]?: readonly (keyof Rows[M] & string)[] };

/** Fields that most changes of a row leave as they are. */
const KEPT: KeptFields = {
  subscription: ['id', 'planId', 'startedAt', 'terms', 'pending', 'nextPlanId', 'hadTrial'],
};

/** The receivers of events: the sinks, and whether there is a queue of notifications. */
export interface Receivers {
  readonly sinks: readonly WantedSink[];
  readonly queue: boolean;
  readonly scale: number;
}

/** Decisions of the same batch read their facts here, so that they see unwritten rows of the set before stored ones. */
export class ChangeSet implements Facts {
  readonly #entries: EntryRow[] = [];
  #keys: Map<string, EntryRow> | null = null;
  #rows: Map<string, Change> | null = null;
  #outgoing: Change[] | null = null;

  constructor(
    readonly receivers: Receivers,
    readonly stored: StoredFacts,
  ) {}

  add(change: AccountChange): void {
    for (const { row } of change.entries) this.addEntry(row);
    for (const write of change.grants) this.#merge('grant', write);
    for (const write of change.reservations) this.#merge('reservation', write);
    for (const { model, op, row } of change.side) this.#merge(model, { op, row });
    const { sinks, queue } = this.receivers;
    if (sinks.length > 0 || queue) for (const event of change.events) this.#addEvent(change.account.key, event);
  }

  /** Adds the receipt of the message that asked for an operation. */
  addReceipt(row: InboxRow): void {
    this.#merge('inbox', { op: 'insert', row });
  }

  addEntry(row: EntryRow): void {
    this.#entries.push(row);
    if (row.scopedKey === null) return;
    this.#keys ??= new Map();
    this.#keys.set(row.scopedKey, row);
  }

  /** Adds a row that goes to a receiver. */
  addOutgoing(change: Change): void {
    this.#outgoing ??= [];
    this.#outgoing.push(change);
  }

  entry(id: string): EntryRow | undefined {
    return this.#entries.find((entry) => entry.id === id);
  }

  keyed(scopedKey: string): EntryRow | undefined {
    return this.#keys?.get(scopedKey);
  }

  row<M extends FactName>(model: M, key: string): Rows[M] | null | undefined {
    const change = this.#rows?.get(`${model}/${key}`);
    return change && change.op !== 'delete' ? rowOf(model, change.row) : this.stored.row(model, key);
  }

  reversals(entryId: string): readonly EntryRow[] | undefined {
    const stored = this.stored.reversals(entryId);
    return stored && [...stored, ...this.#entries.filter((entry) => entry.reverses === entryId)];
  }

  lapses(account: string, since: number): readonly EntryRow[] | undefined {
    const isOne = ({ type, account: key, at }: EntryRow) =>
      LAPSES.includes(type) && key === account && at.getTime() > since;
    const stored = this.stored.lapses(account, since);
    return stored && [...stored, ...this.#entries.filter(isOne)];
  }

  /** All changes except those of the accounts themselves. */
  changes(): Change[] {
    const entries = this.#entries.map((row) => insertOf('entry', row));
    const rows = this.#rows ? [...this.#rows.values(), ...entries] : entries;
    return this.#outgoing ? rows.concat(this.#outgoing) : rows;
  }

  /** The last row wins. A row that is new stays an insert; any other keeps the version that the database has. */
  #merge<M extends FactName>(model: M, { op, row }: RowWrite<Rows[M]>): void {
    this.#rows ??= new Map();
    const key = `${model}/${keyOf(model, row)}`;
    const before = this.#rows.get(key);
    const isNew = op === 'insert' || before?.op === 'insert';
    const found = before?.op === 'replace' ? before.expectedVersion : row.version - 1;
    this.#rows.set(key, isNew ? insertOf(model, row) : replaceOf(model, row, found, this.#kept(model, row, found)));
  }

  /** The fields that the database has already, of a row that the decision has read. */
  #kept<M extends FactName>(model: M, row: Rows[M], version: number): KeptFields[M] | undefined {
    const fields: KeptFields[M] | undefined = KEPT[model];
    if (fields === undefined) return undefined;
    const stored = this.stored.row(model, keyOf(model, row));
    return stored?.version === version && fields.every((field) => row[field] === stored[field]) ? fields : undefined;
  }

  #addEvent(account: string, sealed: SealedEvent): void {
    const { sinks, queue, scale } = this.receivers;
    const wanting = sinks.filter(({ types }) => types === null || types.has(sealed.type));
    if (!queue && wanting.length === 0) return;
    const event = sealed.make();
    const told = queue ? crossingChange(event, scale) : null;
    if (told) this.addOutgoing(told);
    for (const { name } of wanting) this.addOutgoing(insertOf('outbox', outboxRow(event, account, name)));
  }
}
