/**
 * The database as a call in a host's transaction uses it. The host may end that transaction between any two commands of
 * the call; what comes after that, the driver would send outside of any: half a unit, which no rollback takes back.
 */
import { creditError } from '../../errors.js';
import type { MongoDatabaseLike, MongoSession } from './driver.js';
import { notASession } from './failures.js';

/**
 * Commands and reads of it throw INVALID_ARGUMENT once the transaction that `session` has now is over, and
 * OUTCOME_UNKNOWN where it was committed with something of the call in it.
 */
export function hostDatabase(db: MongoDatabaseLike, session: MongoSession): MongoDatabaseLike {
  const { transaction } = session;
  let hasWritten = false;
  const check = () => {
    if (session.inTransaction() && session.transaction === transaction) return;
    throw hasWritten && transaction?.isCommitted === true ? wasCommitted() : notASession();
  };
  return {
    async command(command, settings) {
      check();
      try {
        // The driver looks at the session once more when it sends. Outside of a transaction the server refuses this.
        const answer = await db.command({ ...command, autocommit: false }, settings);
        hasWritten ||= !('find' in command);
        return answer;
      } catch (error) {
        check();
        throw error;
      }
    },
    collection(name) {
      check();
      return db.collection(name);
    },
  };
}

function wasCommitted() {
  const message = 'The transaction of the session was committed while the call was in it. Await calls before its end.';
  return creditError('OUTCOME_UNKNOWN', message, { idempotencyKey: '' });
}
