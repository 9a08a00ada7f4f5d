/** Collects the rows of a unit: one change a document, however often the operations of a batch wrote it. */
import type { AccountChange } from '../core/command.js';
import type { EntryRow } from '../models/entry.js';
import type { CreditEvent } from '../models/events.js';
import type { GrantRow } from '../models/grant.js';
import type { OutboxRow } from '../models/outbox.js';
import type { ReservationRow } from '../models/reservation.js';
import type { Change, Row } from '../ports/db-manager.js';

export class ChangeSet {
  readonly #entries: EntryRow[] = [];
  readonly #entriesById = new Map<string, EntryRow>();
  readonly #grants = new Map<string, Change>();
  readonly #reservations = new Map<string, Change>();
  readonly #outbox: OutboxRow[] = [];
  readonly #keys = new Map<string, EntryRow>();

  constructor(readonly sinks: readonly string[]) {}

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  add(change: AccountChange): void {
    for (const { row } of change.entries) this.addEntry(row);
    for (const write of change.grants) merge(this.#grants, 'grant', write);
    for (const write of change.reservations) merge(this.#reservations, 'reservation', write);
    for (const event of change.events) this.#addEvent(change.account.key, event);
  }

  addEntry(row: EntryRow): void {
    this.#entries.push(row);
    this.#entriesById.set(row.id, row);
    if (row.scopedKey !== null) this.#keys.set(row.scopedKey, row);
  }

  entry(id: string): EntryRow | undefined {
    return this.#entriesById.get(id);
  }

  keyed(scopedKey: string): EntryRow | undefined {
    return this.#keys.get(scopedKey);
  }

  grant(id: string): GrantRow | undefined {
    return rowOf(this.#grants.get(id)) as GrantRow | undefined;
  }

  reservation(id: string): ReservationRow | undefined {
    return rowOf(this.#reservations.get(id)) as ReservationRow | undefined;
  }

  reversals(entryId: string): EntryRow[] {
    return this.#entries.filter((entry) => entry.reverses === entryId);
  }

  /** Everything but the accounts themselves. */
  changes(): Change[] {
    return [
      ...this.#grants.values(),
      ...this.#reservations.values(),
      ...this.#entries.map((row) => ({ op: 'insert', model: 'entry', row: row as unknown as Row }) as const),
      ...this.#outbox.map((row) => ({ op: 'insert', model: 'outbox', row: row as unknown as Row }) as const),
    ];
  }

  #addEvent(account: string, event: CreditEvent): void {
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

/** An insert stays an insert and a replace keeps the version it found; the last row wins. */
function merge(
  changes: Map<string, Change>,
  model: string,
  { op, row }: { readonly op: 'insert' | 'replace'; readonly row: { readonly id: string; readonly version: number } },
): void {
  const before = changes.get(row.id);
  const stored = row as unknown as Row;
  if (op === 'insert' || before?.op === 'insert') changes.set(row.id, { op: 'insert', model, row: stored });
  else {
    const expectedVersion = before?.op === 'replace' ? before.expectedVersion : row.version - 1;
    changes.set(row.id, { op: 'replace', model, row: stored, expectedVersion });
  }
}

function rowOf(change: Change | undefined): unknown {
  return change && change.op !== 'delete' ? change.row : undefined;
}
