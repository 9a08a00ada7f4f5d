/** One call that writes a definition: finds an earlier answer, decides, makes the ledger entry, commits. */
import { randomInt } from 'node:crypto';
import type { CallInfo } from '../../core/command.js';
import { isTooLong, LINE_BYTES_MAX, sealAlone } from '../../core/entry-line.js';
import {
  type CreditError,
  type CreditErrorCode,
  type CreditErrorDetails,
  creditError,
  isCreditError,
} from '../../errors.js';
import { type EntryRow, scopedKeyOf } from '../../models/entry.js';
import type { MutationOptions } from '../../models/inputs/credits.js';
import type { JsonObject } from '../../models/values.js';
import type { Change, UnitOutcome } from '../../ports/db-manager.js';
import { monotonicNow, sleep } from '../../timers.js';
import { storageError } from '../store/storage-error.js';
import { systemEntry } from '../store/system-entry.js';
import { insertOf } from '../store/tables.js';
import { callInfo, inputFingerprint } from './call-info.js';
import type { Engine } from './engine.js';
import { abortedError } from './operation.js';

/** One decided act: the rows to write now, and the text and details of its ledger entry. */
export interface Act {
  readonly changes: readonly Change[];
  readonly message: string;
  /** Also the answer of a replay. */
  readonly details: JsonObject;
}

export interface Recorded {
  readonly details: JsonObject;
  readonly replayed: boolean;
  readonly isDryRun?: true;
}

/** One attempt to decide: its instant, the id of the entry to come, and the options with the time that is left. */
export interface Attempt<S> {
  readonly at: Date;
  readonly id: string;
  readonly rest: () => MutationOptions<S>;
}

export interface DefinitionWrite<S> {
  readonly operation: string;
  readonly given: JsonObject;
  readonly options: MutationOptions<S>;
  /** Reads what it needs; it is asked again when another writer was first. */
  readonly decide: (attempt: Attempt<S>) => Promise<Act>;
}

/** One call of `writeDefinition`: its input, and whether one of its commits may still land. */
export class DefinitionCall<S> {
  readonly #engine: Engine<S>;
  readonly #write: DefinitionWrite<S>;
  readonly #rest: () => MutationOptions<S>;
  readonly #until: number;
  readonly #fingerprint: string;
  readonly #isResumed: boolean;
  readonly #id: string;
  readonly #info: CallInfo;
  /** A commit of this call was sent and no answer came: it may land yet, whatever fails or is refused meanwhile. */
  #isUncertain = false;

  constructor(engine: Engine<S>, write: DefinitionWrite<S>) {
    const { operation, given, options } = write;
    const { idempotencyKey: key } = options;
    this.#engine = engine;
    this.#write = write;
    this.#rest = engine.startDeadline(options);
    this.#until = monotonicNow() + (this.#rest().timeoutMs ?? 0);
    this.#isResumed = key?.startsWith('op_') ?? false;
    this.#id = this.#isResumed ? engine.resumedId(key as string) : engine.newId();
    this.#fingerprint = inputFingerprint(given, options);
    // No user id is empty, so these keys belong to no user.
    const keyed = key === undefined || this.#isResumed ? null : { scopedKey: scopedKeyOf('', operation, key) };
    this.#info = callInfo(operation, this.#id, options, keyed && { ...keyed, fingerprint: this.#fingerprint });
  }

  /** Waits before an attempt that is not the first. @throws CONTENTION or OUTCOME_UNKNOWN at the deadline */
  async pause(attempt: number): Promise<void> {
    if (attempt > 0) await sleep(randomInt(2, 10 * Math.min(attempt + 1, 20)));
    if (monotonicNow() < this.#until) return;
    if (this.#isUncertain) throw this.#unknown();
    const message = 'Others kept changing the same row until the deadline. Nothing was written; try again.';
    throw creditError('CONTENTION', message, { attempts: attempt });
  }

  /** @throws IDEMPOTENCY_CONFLICT where the key was used for another call */
  async findEarlier(): Promise<Recorded | null> {
    const { operation, options } = this.#write;
    const key = options.idempotencyKey;
    const earlier = await this.#storedEntry();
    if (!earlier) return null;
    if (key !== undefined && (earlier.operation !== operation || inputOf(earlier) !== this.#fingerprint)) {
      // Somebody else has the key, so what this call has sent can never land.
      this.#isUncertain = false;
      const message = `The idempotency key was used before for another ${operation} call. Use a new key.`;
      throw creditError('IDEMPOTENCY_CONFLICT', message, { key, operation });
    }
    const { input: _, refusal, ...details } = earlier.details;
    if (refusal !== undefined) {
      this.#isUncertain = false;
      throw refusalOf(refusal as JsonObject);
    }
    return { details, replayed: this.#isResumed || earlier.id !== this.#id };
  }

  /** The act; or the answer of an earlier call that was applied while this one was about to be refused. */
  async decide(at: Date): Promise<Act | Recorded> {
    try {
      return await this.#write.decide({ at, id: this.#id, rest: this.#rest });
    } catch (refusal) {
      const mayLand = this.#isUncertain || this.#isResumed;
      const mayHaveLanded = this.#write.options.idempotencyKey !== undefined || mayLand;
      const landed = mayHaveLanded ? await this.findEarlier() : null;
      if (landed) return landed;
      // A host's transaction would take the fence back with everything else.
      const isOwn = this.#write.options.session === undefined;
      if (mayLand && isOwn && isFinal(refusal)) await this.#fence(refusal, at);
      throw refusal;
    }
  }

  /**
   * Writes the refusal under the id that a commit of this operation would have, so that none can land any more. Where
   * that cannot be done the call stays uncertain.
   */
  async #fence({ code, message, details }: CreditError, at: Date): Promise<void> {
    this.#isUncertain = true;
    const refused = { refusal: { code, message, details: details as JsonObject } };
    const act: Act = { changes: [], message: 'Call refused', details: refused };
    // A refusal is not remembered under the caller's key.
    const entry = this.entryOf(act, at, { idempotencyKey: null, scopedKey: null, fingerprint: null });
    if (await this.commit(act, entry)) this.#isUncertain = false;
  }

  /** @throws LIMIT_EXCEEDED for an entry that no line of the ledger file would hold */
  entryOf({ message, details }: Act, at: Date, other: Partial<EntryRow> = {}) {
    const { operationId: _, ...told } = this.#info;
    const entry = systemEntry(this.#id, at, message, { ...details, input: this.#fingerprint });
    const sealed = sealAlone({ ...entry, ...told, ...other }, this.#engine.store.settings.ledgerId);
    if (isTooLong(sealed)) throw tooLong();
    return sealed;
  }

  /** Whether it was written; if not, the next attempt looks again. */
  async commit({ changes }: Act, sealed: ReturnType<typeof sealAlone>): Promise<boolean> {
    const { session, signal } = this.#write.options;
    if (signal?.aborted) throw abortedError();
    await this.#engine.admit(this.#rest());
    const outcome = await this.#send([...changes, insertOf('entry', sealed.row)]);
    switch (outcome.status) {
      case 'committed':
        if (session === undefined) this.#engine.store.recorded(sealed);
        return true;
      case 'rejected':
        throw storageError(outcome.cause);
      case 'unknown':
        if (session !== undefined) throw this.#unknown();
        this.#isUncertain = true;
        return false;
      default:
        // Another writer: the next look tells what it did. A host's transaction would only see its own snapshot.
        if (session === undefined) return false;
        throw creditError('CONTENTION', 'Another writer changed the row. Repeat the transaction.', { attempts: 1 });
    }
  }

  /** Throws the error of an attempt, unless a commit that was sent before may still land: then the call goes on. */
  failed(error: unknown): void {
    if (!this.#isUncertain) throw error;
    if (this.#write.options.signal?.aborted) throw this.#unknown();
  }

  /** The entry of this call, where it may be stored, or of an earlier call with its key. */
  #storedEntry(): Promise<EntryRow | null> {
    const { store } = this.#engine;
    const { scopedKey } = this.#info;
    const { session, timeoutMs, signal } = this.#rest();
    return this.#engine.read<EntryRow | null>({ session, timeoutMs, signal }, async (ms) => {
      const options = { session, timeoutMs: ms };
      const own = this.#isUncertain || this.#isResumed ? await store.get('entry', this.#id, options) : null;
      if (own || scopedKey === null) return own;
      return store.findOne('entry', { index: 'idempotency', equals: { scopedKey } }, options);
    });
  }

  async #send(unit: readonly Change[]): Promise<UnitOutcome> {
    const { session } = this.#write.options;
    const timeoutMs = Math.max(1, this.#until - monotonicNow());
    try {
      return await this.#engine.store.writeOne(unit, { session, timeoutMs });
    } catch (error) {
      throw this.#shown(error);
    }
  }

  /** A host has to see the error that its own transaction is to be repeated for. */
  #shown(error: unknown): unknown {
    return this.#write.options.session === undefined ? storageError(error) : error;
  }

  #unknown() {
    const message = 'The commit was sent and no answer came. Repeat the call with details.idempotencyKey.';
    const idempotencyKey = this.#write.options.idempotencyKey ?? `op_${this.#id}`;
    return creditError('OUTCOME_UNKNOWN', message, { idempotencyKey });
  }
}

function tooLong() {
  const message = `The ledger line of this call would exceed ${LINE_BYTES_MAX} bytes.`;
  return creditError('LIMIT_EXCEEDED', `${message} Give it fewer users or less text.`, {
    what: 'ledgerLineBytes',
    limit: LINE_BYTES_MAX,
  });
}

/** Whether an error refuses the call for good: nothing failed, and the caller did not give up. */
function isFinal(error: unknown): error is CreditError {
  return isCreditError(error) && !error.retryable && !isCreditError(error, 'ABORTED', 'CLOSED');
}

/** The error of a refusal that was written to fence its operation. */
function refusalOf({ code, message, details }: JsonObject): Error {
  return creditError(code as CreditErrorCode, message as string, details as CreditErrorDetails[CreditErrorCode]);
}

/** The canonical input of the call that wrote an entry; of unkeyed calls too, so that an `op_` key can be judged. */
function inputOf({ fingerprint, details }: EntryRow): unknown {
  return fingerprint ?? details.input;
}
