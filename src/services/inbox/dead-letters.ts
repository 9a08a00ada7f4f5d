/** Dead letters: messages that nothing can be done with until somebody mends the reason. */

import { creditError } from '../../errors.js';
import type { CreditEvent } from '../../models/events.js';
import type { DeadLetterRow } from '../../models/inbox.js';
import type { DeadLetterOptions } from '../../models/inputs/inbox.js';
import type { DeadLetter, Reception } from '../../models/records/inbox.js';
import type { Page } from '../../models/values.js';
import { ListCursors } from '../input/page.js';
import type { DecisionSettings } from '../pipeline/context.js';
import type { Engine } from '../pipeline/engine.js';
import { outboxRow } from '../pipeline/outgoing-rows.js';
import { RowReads } from '../pipeline/row-reads.js';
import { storageError } from '../store/storage-error.js';
import { insertOf, replaceOf } from '../store/tables.js';
import { deadLetterId, type RawMessage, readable } from './reading.js';

/** A longer body is kept in part, and cannot be replayed without a repaired one. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
const TEXT_MAX = 1_000;

/** A reason why nothing can be done with a message. */
export interface Reason {
  readonly code: string;
  readonly message: string;
}

export interface DeadLetterParts<S> {
  readonly engine: Engine<S>;
  readonly settings: () => DecisionSettings;
  /** Called with each event that was committed. */
  readonly told: (event: CreditEvent) => void;
}

export class DeadLetters<S> {
  readonly #parts: DeadLetterParts<S>;
  readonly #reads: RowReads<S>;

  constructor(parts: DeadLetterParts<S>) {
    this.#parts = parts;
    this.#reads = new RowReads(parts.engine);
  }

  /** Keeps a message, in one commit with the event that tells of it. One that is kept already stays as it is. */
  async bury(message: RawMessage, reason: Reason): Promise<Reception> {
    const { engine, settings, told } = this.#parts;
    await engine.admit({});
    const id = deadLetterId(message);
    const at = new Date(engine.now());
    const row: DeadLetterRow = {
      ...{ id, version: 1, subject: message.subject, status: 'open', ...reasonOf(reason) },
      ...{ body: base64Of(message.body.subarray(0, KEPT_BYTES_MAX)), bytes: message.body.length },
      ...{ ...readable(message), stream: message.stream, sequence: message.sequence },
      ...{ attempts: 1, receivedAt: at, resolvedAt: null },
    };
    const event = deadLettered(row);
    const wanted = settings().sinks.filter(({ types }) => types === null || types.has(event.type));
    const rows = wanted.map(({ name }) => insertOf('outbox', outboxRow(event, `dead_letter/${id}`, name)));
    const outcome = await engine.read({}, (timeoutMs) =>
      engine.store.writeOne([insertOf('dead_letter', row), ...rows], { timeoutMs }),
    );
    if (outcome.status === 'locked') throw contended();
    if (outcome.status === 'rejected' || outcome.status === 'unknown') throw storageError(outcome.cause);
    if (outcome.status === 'committed') {
      told(event);
      const { subject, code } = row;
      engine.logger.warn({ subject, code, deadLetterId: id }, 'A message became a dead letter');
    }
    return { outcome: 'dead_lettered', reason: row.reason, deadLetterId: id };
  }

  async list({ status = 'open', ...list }: DeadLetterOptions): Promise<Page<DeadLetter>> {
    const cursors = new ListCursors('listDeadLetters', { status });
    const along = { index: 'status', equals: { status } };
    const { rows, nextCursor } = await this.#reads.page('dead_letter', along, list, cursors);
    return { items: rows.map(toDeadLetter), nextCursor };
  }

  get(id: string): Promise<DeadLetterRow | null> {
    return this.#reads.get('dead_letter', id, { fresh: true });
  }

  /** @throws NOT_FOUND */
  async found(id: string): Promise<DeadLetterRow> {
    const row = await this.get(id);
    if (row) return row;
    throw creditError('NOT_FOUND', `There is no dead letter ${id}.`, {});
  }

  /** Notes that a dead letter was refused again. */
  async refused(row: DeadLetterRow, reason: Reason): Promise<void> {
    await this.#replace(row, { ...reasonOf(reason), attempts: row.attempts + 1 });
  }

  /** Closes a dead letter. Answers it as it is then: one that was replayed meanwhile stays so. */
  async close(row: DeadLetterRow, status: 'replayed' | 'dropped'): Promise<DeadLetterRow> {
    for (let now = row; ; now = await this.found(row.id)) {
      if (now.status === 'replayed' || now.status === status) return now;
      const after = await this.#replace(now, { status, resolvedAt: new Date(this.#parts.engine.now()) });
      if (after) return after;
    }
  }

  /** Null where somebody else has changed it. */
  async #replace(row: DeadLetterRow, change: Partial<DeadLetterRow>): Promise<DeadLetterRow | null> {
    const { engine } = this.#parts;
    const after: DeadLetterRow = { ...row, ...change, version: row.version + 1 };
    const outcome = await engine.read({}, (timeoutMs) =>
      engine.store.writeOne([replaceOf('dead_letter', after)], { timeoutMs }),
    );
    if (outcome.status === 'rejected' || outcome.status === 'unknown') throw storageError(outcome.cause);
    return outcome.status === 'committed' ? after : null;
  }
}

/** The message of a dead letter, or its repaired body. @throws PAYLOAD_TOO_LARGE where it is not kept whole */
export function messageOf({ subject, stream, sequence, body, bytes }: DeadLetterRow, repaired?: string): RawMessage {
  if (repaired !== undefined) return { subject, stream, sequence, body: Buffer.from(repaired) };
  const kept = Buffer.from(body, 'base64');
  if (kept.length === bytes) return { subject, stream, sequence, body: kept };
  const message = `Of its ${bytes} bytes ${kept.length} are kept. Give a repaired body.`;
  throw creditError('PAYLOAD_TOO_LARGE', message, { maxBytes: KEPT_BYTES_MAX });
}

export function toDeadLetter({ version: _, body, ...row }: DeadLetterRow): DeadLetter {
  return { ...row, body: Buffer.from(body, 'base64').toString('utf8') };
}

function contended() {
  return creditError('CONTENTION', 'Somebody else is writing this dead letter. Try again.', { attempts: 1 });
}

/** A reason that every database can store. */
function reasonOf({ code, message }: Reason): { code: string; reason: string } {
  const clean = (text: string) => text.slice(0, TEXT_MAX).replaceAll('\0', '').toWellFormed();
  return { code: clean(code), reason: clean(message) };
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function deadLettered(row: DeadLetterRow): CreditEvent<'inbox.dead_lettered'> {
  const { id, subject, code, reason, stream, sequence, bytes, eventId, correlationId, userId, receivedAt } = row;
  return {
    ...{ id: `e-${id}.0`, version: 1, type: 'inbox.dead_lettered', userId: userId ?? '-', creditType: 'credits' },
    ...{ sequence: 0, occurredAt: receivedAt.toISOString(), correlationId },
    data: { deadLetterId: id, subject, eventId, code, reason, stream, streamSequence: sequence, bytes },
  };
}
