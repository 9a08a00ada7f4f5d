/** Collects the rows of a unit: one change a document, however often the operations of a batch wrote it. */
import type { AccountChange, Facts, RowWrite } from '../../core/command.js';
import { undelivered } from '../../models/delivery.js';
import type { EntryRow } from '../../models/entry.js';
import type { CreditEvent } from '../../models/events.js';
import type { GrantRow } from '../../models/grant.js';
import type { OutboxRow } from '../../models/outbox.js';
import type { ReservationRow } from '../../models/reservation.js';
import type { SideRows } from '../../models/rows.js';
import { storedModels } from '../../models/stored-models.js';
import type { Change, Row } from '../../ports/db-manager.js';
import { crossingChange } from './outgoing-rows.js';

/** Rows as the database has them; `undefined` until they were read. */
interface StoredFacts {
  row(model: string, key: string): unknown;
  reversals(entryId: string): readonly EntryRow[] | undefined;
}

type AnyRow = GrantRow | ReservationRow | SideRows[keyof SideRows];

const KEYS = new Map<string, string>(storedModels.map(({ name, key }) => [name, key]));

function keyOf(model: string, row: Row): string {
  return row[KEYS.get(model) as string] as string;
}

/** Who is told of what happens: the sinks by name, and whether there is a queue of notifications. */
export interface Receivers {
  readonly sinks: readonly string[];
  readonly queue: boolean;
  readonly scale: number;
}

/** Also what decisions of the same batch see first: rows this set is about to write stand before stored ones. */
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
    for (const { model, ...write } of change.side) this.#merge(model, write as RowWrite<AnyRow>);
    const { sinks, queue } = this.receivers;
    if (sinks.length > 0 || queue) for (const event of change.events) this.#addEvent(change.account.key, event);
  }

  addEntry(row: EntryRow): void {
    this.#entries.push(row);
    if (row.scopedKey === null) return;
    this.#keys ??= new Map();
    this.#keys.set(row.scopedKey, row);
  }

  /** Another row that is on its way to a receiver. */
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

  grant(id: string): GrantRow | null | undefined {
    return this.#row('grant', id) as GrantRow | null | undefined;
  }

  reservation(id: string): ReservationRow | null | undefined {
    return this.#row('reservation', id) as ReservationRow | null | undefined;
  }

  row<M extends keyof SideRows>(model: M, key: string): SideRows[M] | null | undefined {
    return this.#row(model, key) as SideRows[M] | null | undefined;
  }

  reversals(entryId: string): readonly EntryRow[] | undefined {
    const stored = this.stored.reversals(entryId);
    return stored && [...stored, ...this.#entries.filter((entry) => entry.reverses === entryId)];
  }

  /** Everything but the accounts themselves. */
  changes(): Change[] {
    const changes: Change[] = this.#rows ? [...this.#rows.values()] : [];
    for (const row of this.#entries) changes.push({ op: 'insert', model: 'entry', row: row as unknown as Row });
    if (this.#outgoing) changes.push(...this.#outgoing);
    return changes;
  }

  #row(model: string, key: string): unknown {
    const change = this.#rows?.get(`${model}/${key}`);
    return change && change.op !== 'delete' ? change.row : this.stored.row(model, key);
  }

  /** An insert stays an insert and a replace keeps the version it found; the last row wins. */
  #merge(model: string, { op, row }: RowWrite<AnyRow>): void {
    this.#rows ??= new Map();
    const stored = row as unknown as Row;
    const key = `${model}/${keyOf(model, stored)}`;
    const before = this.#rows.get(key);
    if (op === 'insert' || before?.op === 'insert') {
      this.#rows.set(key, { op: 'insert', model, row: stored });
      return;
    }
    const expectedVersion = before?.op === 'replace' ? before.expectedVersion : row.version - 1;
    this.#rows.set(key, { op: 'replace', model, row: stored, expectedVersion });
  }

  #addEvent(account: string, event: CreditEvent): void {
    const { sinks, queue, scale } = this.receivers;
    const place = Number(event.id.slice(event.id.lastIndexOf('.') + 1));
    const told = queue ? crossingChange(event, place, scale) : null;
    if (told) this.addOutgoing(told);
    for (const sink of sinks) {
      const row: OutboxRow = {
        id: `${event.id}@${sink}`,
        version: 1,
        eventId: event.id,
        sink,
        account,
        userId: event.userId,
        sequence: event.sequence,
        place,
        type: event.type,
        payload: event as unknown as OutboxRow['payload'],
        ...undelivered(new Date(event.occurredAt)),
      };
      this.addOutgoing({ op: 'insert', model: 'outbox', row: row as unknown as Row });
    }
  }
}
