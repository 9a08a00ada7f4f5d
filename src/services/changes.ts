/** Collects the rows of a unit: one change a document, however often the operations of a batch wrote it. */
import type { AccountChange, Facts, RowWrite } from '../core/command.js';
import type { EntryRow } from '../models/entry.js';
import type { CreditEvent } from '../models/events.js';
import type { GrantRow } from '../models/grant.js';
import type { OutboxRow } from '../models/outbox.js';
import type { ReservationRow } from '../models/reservation.js';
import type { Change, Row } from '../ports/db-manager.js';

/** Rows as the database has them; `undefined` until they were read. */
interface StoredFacts {
  row(model: string, key: string): unknown;
  reversals(entryId: string): readonly EntryRow[] | undefined;
}

/** Also what decisions of the same batch see first: rows this set is about to write stand before stored ones. */
export class ChangeSet implements Facts {
  readonly #entries: EntryRow[] = [];
  #keys: Map<string, EntryRow> | null = null;
  #rows: Map<string, Change> | null = null;
  #outbox: OutboxRow[] | null = null;

  constructor(
    readonly sinks: readonly string[],
    readonly stored: StoredFacts,
  ) {}

  add(change: AccountChange): void {
    for (const { row } of change.entries) this.addEntry(row);
    for (const write of change.grants) this.#merge('grant', write);
    for (const write of change.reservations) this.#merge('reservation', write);
    if (this.sinks.length > 0) for (const event of change.events) this.#addEvent(change.account.key, event);
  }

  addEntry(row: EntryRow): void {
    this.#entries.push(row);
    if (row.scopedKey === null) return;
    this.#keys ??= new Map();
    this.#keys.set(row.scopedKey, row);
  }

  entry(id: string): EntryRow | undefined {
    return this.#entries.find((entry) => entry.id === id);
  }

  keyed(scopedKey: string): EntryRow | undefined {
    return this.#keys?.get(scopedKey);
  }

  grant(id: string): GrantRow | null | undefined {
    return (this.#written(id) ?? this.stored.row('grant', id)) as GrantRow | null | undefined;
  }

  reservation(id: string): ReservationRow | null | undefined {
    return (this.#written(id) ?? this.stored.row('reservation', id)) as ReservationRow | null | undefined;
  }

  reversals(entryId: string): readonly EntryRow[] | undefined {
    const stored = this.stored.reversals(entryId);
    return stored && [...stored, ...this.#entries.filter((entry) => entry.reverses === entryId)];
  }

  /** Everything but the accounts themselves. */
  changes(): Change[] {
    const changes: Change[] = this.#rows ? [...this.#rows.values()] : [];
    for (const row of this.#entries) changes.push({ op: 'insert', model: 'entry', row: row as unknown as Row });
    for (const row of this.#outbox ?? []) changes.push({ op: 'insert', model: 'outbox', row: row as unknown as Row });
    return changes;
  }

  #written(id: string): unknown {
    const change = this.#rows?.get(id);
    return change && change.op !== 'delete' ? change.row : undefined;
  }

  /** An insert stays an insert and a replace keeps the version it found; the last row wins. Ids tell models apart. */
  #merge(model: 'grant' | 'reservation', { op, row }: RowWrite<GrantRow | ReservationRow>): void {
    this.#rows ??= new Map();
    const before = this.#rows.get(row.id);
    const stored = row as unknown as Row;
    if (op === 'insert' || before?.op === 'insert') {
      this.#rows.set(row.id, { op: 'insert', model, row: stored });
      return;
    }
    const expectedVersion = before?.op === 'replace' ? before.expectedVersion : row.version - 1;
    this.#rows.set(row.id, { op: 'replace', model, row: stored, expectedVersion });
  }

  #addEvent(account: string, event: CreditEvent): void {
    this.#outbox ??= [];
    for (const sink of this.sinks) {
      const createdAt = new Date(event.occurredAt);
      this.#outbox.push({
        id: `${event.id}@${sink}`,
        version: 1,
        eventId: event.id,
        sink,
        account,
        userId: event.userId,
        sequence: event.sequence,
        place: Number(event.id.slice(event.id.lastIndexOf('.') + 1)),
        type: event.type,
        payload: event as unknown as OutboxRow['payload'],
        status: 'pending',
        attempts: 0,
        error: null,
        nextAttemptAt: createdAt,
        claimedBy: null,
        createdAt,
        sentAt: null,
      });
    }
  }
}
