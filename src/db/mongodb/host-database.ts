/**
 * The database as a call in a host's transaction uses it. The host may end that transaction between any two commands of
 * the call. The driver would send the next command outside of any transaction: half a unit, which no rollback takes
 * back.
 */
import { creditError } from '../../errors.js';
import type { Call } from './deadline.js';
import type { Document, MongoDatabaseLike, MongoSession } from './driver-types.js';
import { notASession } from './failures.js';

export interface HostDatabase extends MongoDatabaseLike {
  /**
   * Ends the transaction on the server where `error` left a part of the call's writes in it: a host that takes no
   * notice of the error must not commit that part. Where the server does not answer, the driver is told to abort it.
   */
  spoil(collection: string, error: unknown): Promise<void>;
  /** Aborts the transaction where the call may have written something in it. */
  abort(): Promise<void>;
}

/**
 * The database of one call. Its commands and reads throw INVALID_ARGUMENT once the transaction that `session` has now
 * is over, and OUTCOME_UNKNOWN where it was committed with something of the call in it. Nothing is sent after the
 * call's deadline.
 */
export function hostDatabase(db: MongoDatabaseLike, session: MongoSession, call: Call): HostDatabase {
  const { transaction } = session;
  let [hasSent, hasWritten] = [false, false];
  const check = () => {
    if (session.inTransaction() && session.transaction === transaction) return;
    throw hasWritten && transaction?.isCommitted === true ? wasCommitted() : notASession();
  };
  // The driver looks at the session once more when it sends. With `autocommit: false`, the server refuses the command
  // outside of a transaction.
  const send: MongoDatabaseLike['command'] = (command, settings) =>
    db.command({ ...command, autocommit: false }, settings);
  return {
    async command(command, settings) {
      check();
      call.check();
      try {
        hasSent ||= !('find' in command);
        const answer = await send(command, settings);
        hasWritten = hasSent;
        return answer;
      } catch (error) {
        check();
        throw error;
      }
    },
    async spoil(collection, error) {
      if (!hasSent || isOfServer(error)) return;
      check();
      try {
        await send(endOfTransaction(collection), { session });
      } catch (cause) {
        if (!isOfServer(cause)) await session.abortTransaction().catch(() => {});
      }
    },
    async abort() {
      if (hasSent && session.inTransaction() && session.transaction === transaction) {
        await session.abortTransaction().catch(() => {});
      }
    },
    collection(name) {
      check();
      return db.collection(name);
    },
  };
}

/** A command that ends a transaction on the server: the validator refuses the document. */
export function endOfTransaction(collection: string): Document {
  return { insert: collection, documents: [{ _id: '' }] };
}

/** Whether the server has answered with an error, and so has ended the transaction. */
function isOfServer(error: unknown): boolean {
  return typeof (error as { code?: unknown } | null)?.code === 'number';
}

function wasCommitted() {
  const message = 'The transaction of the session was committed while the call was in it. Await calls before its end.';
  return creditError('OUTCOME_UNKNOWN', message, { idempotencyKey: '' });
}
