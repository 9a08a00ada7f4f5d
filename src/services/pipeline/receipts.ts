/** Receipts of messages: each commits with the first effect of its message, and stands for it for ever after. */
import { creditError } from '../../errors.js';
import type { InboxRow } from '../../models/inbox.js';
import type { MessageReceipt } from '../../models/records/inbox.js';
import { Failed, type Settled } from './operation.js';

/** The receipt of one message on its way. A message may make several operations, one after another. */
export class Receipt {
  #isWritten = false;
  #operationId: string | null = null;

  constructor(readonly row: Omit<InboxRow, 'version' | 'operationId'>) {}

  /** Whether a commit has taken it. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** The row to commit with an operation; null once a commit has taken it. */
  rowFor(operationId: string | null): InboxRow | null {
    return this.#isWritten ? null : { ...this.row, version: 1, operationId };
  }

  /** The row by itself, for a message whose effect was there already, or that has none. */
  rowAlone(): InboxRow {
    return { ...this.row, version: 1, operationId: this.#operationId };
  }

  /** Notes how an operation of the message ended. */
  async follow(settling: Promise<Settled>): Promise<Settled> {
    const settled = await settling;
    if (settled instanceof Failed || settled.entry === null) return settled;
    if (!settled.replayed) this.#isWritten = true;
    this.#operationId ??= settled.entry.operationId;
    return settled;
  }
}

/** The error of a message whose id stands for another one. */
export function takenError({ eventId, subject }: Pick<InboxRow, 'eventId' | 'subject'>) {
  const message = `The event ${eventId} came by ${subject} before, with another payload. Nothing was written.`;
  return creditError('IDEMPOTENCY_CONFLICT', message, { key: eventId, operation: subject });
}

/** A receipt as its callers see it. */
export function toReceipt({ id: _, version: __, fingerprint: ___, ...row }: InboxRow): MessageReceipt {
  return row;
}
