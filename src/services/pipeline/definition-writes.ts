/**
 * Writes of what belongs to no account (plans, promo codes), each in one commit with a ledger entry of the library's
 * own acts. The entry keeps the key of the call and the answer, so that a repeated call is told the same.
 */
import { randomInt } from 'node:crypto';
import { isTooLong, LINE_BYTES_MAX, sealAlone } from '../../core/entry-line.js';
import { creditError } from '../../errors.js';
import { type EntryRow, scopedKeyOf } from '../../models/entry.js';
import type { MutationOptions } from '../../models/inputs/credits.js';
import type { JsonObject } from '../../models/values.js';
import type { Change } from '../../ports/db-manager.js';
import { monotonicNow, sleep } from '../../timers.js';
import { storageError } from '../store/storage-error.js';
import { systemEntry } from '../store/system-entry.js';
import { insertOf, LATE } from '../store/tables.js';
import { callInfo, inputFingerprint } from './call-info.js';
import type { Engine } from './engine.js';

/** One act: the rows to write now, and the text and details of its ledger entry. */
export interface Act {
  readonly changes: readonly Change[];
  readonly message: string;
  /** Also the answer of a replay. */
  readonly details: JsonObject;
}

export interface Recorded {
  readonly details: JsonObject;
  readonly replayed: boolean;
}

interface Request<S> {
  readonly operation: string;
  readonly given: JsonObject;
  readonly options: MutationOptions<S>;
}

/**
 * Carries an act out. `decide` reads what it needs and is asked again when another writer was first.
 *
 * @throws what `decide` throws; IDEMPOTENCY_CONFLICT, LIMIT_EXCEEDED, CONTENTION, OUTCOME_UNKNOWN, STORAGE_UNAVAILABLE.
 */
export async function writeDefinition<S>(
  engine: Engine<S>,
  { operation, given, options }: Request<S>,
  decide: (at: Date, id: string, rest: () => MutationOptions<S>) => Promise<Act>,
): Promise<Recorded> {
  const rest = engine.startDeadline(options);
  const until = monotonicNow() + (rest().timeoutMs ?? 0);
  const { session, signal, idempotencyKey: key } = options;
  const resumed = key?.startsWith('op_') ? engine.resumedId(key) : null;
  const id = resumed ?? engine.newId();
  // No user id is empty, so these keys are nobody's.
  const fingerprint = inputFingerprint(given, options);
  const keyed = key === undefined || resumed ? null : { scopedKey: scopedKeyOf('', operation, key), fingerprint };
  const call = callInfo(operation, id, options, keyed);
  // A commit of this call was sent and no answer came: it may land yet, whatever fails or is refused meanwhile.
  let isUncertain = false;
  const unknown = () => {
    const message = 'The commit was sent and no answer came. Repeat the call with details.idempotencyKey.';
    return creditError('OUTCOME_UNKNOWN', message, { idempotencyKey: key ?? `op_${id}` });
  };
  const lookUp = async (): Promise<Recorded | null> => {
    const earlier = await findEarlier(engine, keyed?.scopedKey ?? null, isUncertain || resumed ? id : null, rest());
    if (!earlier) return null;
    if ((keyed || resumed) && (earlier.operation !== operation || inputOf(earlier) !== fingerprint)) {
      // Under a key that somebody else has, what was sent can never land.
      isUncertain = false;
      const message = `The idempotency key was used before for another ${operation} call. Use a new key.`;
      throw creditError('IDEMPOTENCY_CONFLICT', message, { key: key as string, operation });
    }
    const { input: _, ...details } = earlier.details;
    return { details, replayed: resumed !== null || earlier.id !== id };
  };
  for (let attempt = 0; ; attempt++) {
    if (attempt > 0) await sleep(randomInt(2, 10 * Math.min(attempt + 1, 20)));
    if (monotonicNow() >= until) {
      if (isUncertain) throw unknown();
      const message = 'Others kept changing the same row until the deadline. Nothing was written; try again.';
      throw creditError('CONTENTION', message, { attempts: attempt });
    }
    try {
      const earlier = await lookUp();
      if (earlier) return earlier;
      const at = new Date(engine.now());
      const act = await decide(at, id, rest).catch(async (refusal: unknown) => {
        // Before a keyed call is refused its key is looked up: the first call with it may have landed since.
        const landed = keyed || resumed || isUncertain ? await lookUp() : null;
        if (!landed) throw refusal;
        return landed;
      });
      if ('replayed' in act) return act;
      const { changes, message, details } = act;
      const { operationId: _, ...told } = call;
      const entry = { ...systemEntry(id, at, message, { ...details, input: fingerprint }), ...told };
      const sealed = sealAlone(entry, engine.store.settings.ledgerId);
      if (isTooLong(sealed)) throw tooLong();
      const unit: Change[] = [...changes, insertOf('entry', sealed.row)];
      if (signal?.aborted) throw creditError('ABORTED', 'The call was aborted. Nothing was written.', {});
      await engine.admit(rest());
      const timeoutMs = Math.max(1, until - monotonicNow());
      // A host has to see the error that its own transaction is to be repeated for.
      const outcome = await engine.store.writeOne(unit, { session, timeoutMs }).catch((error: unknown) => {
        throw session === undefined ? storageError(error) : error;
      });
      switch (outcome.status) {
        case 'committed':
          if (session === undefined) engine.store.recorded(sealed);
          return { details, replayed: false };
        case 'rejected':
          throw session === undefined ? storageError(outcome.cause) : outcome.cause;
        case 'unknown':
          if (session !== undefined) throw outcome.cause === LATE ? unknown() : outcome.cause;
          isUncertain = true;
          break;
        default:
          // Another writer: the next look tells what it did. A host's transaction would only see its own snapshot.
          if (session === undefined) break;
          throw creditError('CONTENTION', 'Another writer changed the row. Repeat the transaction.', { attempts: 1 });
      }
    } catch (error) {
      if (!isUncertain) throw error;
      if (signal?.aborted) throw unknown();
    }
  }
}

function tooLong() {
  const message = `The ledger line of this call would exceed ${LINE_BYTES_MAX} bytes.`;
  return creditError('LIMIT_EXCEEDED', `${message} Give it fewer users or less text.`, {
    what: 'ledgerLineBytes',
    limit: LINE_BYTES_MAX,
  });
}

/** The canonical input of the call that wrote an entry; of unkeyed calls too, so that an `op_` key can be judged. */
function inputOf({ fingerprint, details }: EntryRow): unknown {
  return fingerprint ?? details.input;
}

async function findEarlier<S>(
  engine: Engine<S>,
  scopedKey: string | null,
  id: string | null,
  { session, timeoutMs, signal }: MutationOptions<S>,
): Promise<EntryRow | null> {
  return engine.read<EntryRow | null>({ session, timeoutMs, signal }, async (ms) => {
    const options = { session, timeoutMs: ms };
    const row = id === null ? null : await engine.store.get('entry', id, options);
    if (row || scopedKey === null) return row;
    return engine.store.findOne('entry', { index: 'idempotency', equals: { scopedKey } }, options);
  });
}
