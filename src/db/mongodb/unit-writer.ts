/**
 * Writes the units of one call and finds the true outcome of each. All go in one transaction. When that fails as a
 * whole, nothing of it was written, and it is repeated: once as it is, then in halves, down to the unit that was the
 * cause.
 */
import type { UnitOutcome } from '../../ports/db-manager.js';
import { COMMITTED, LOCKED } from '../kit/answers.js';
import type { ContendedDocuments } from './contended-documents.js';
import { type Call, LATE, sleep } from './deadline.js';
import type { Document, MongoDatabaseLike, MongoSession } from './driver-types.js';
import { meaningOf, storageFailure, WriteError } from './failures.js';
import { type Look, looksOf, refusalsOf, type Seen } from './preflight.js';
import type { Lease } from './session-pool.js';
import { inTransaction, type Progress, Uncertain } from './transaction.js';
import { type DocumentUnit, uniqueValuesOf } from './units.js';
import { bulksOf } from './write-commands.js';

/** How often a unit looks again when its value was taken between its look and its write. */
const LOOKS_MAX = 3;
const PAUSE_MS = 10;
const PAUSE_MAX_MS = 250;

/** A part of the units, and the way it is written. */
interface Part {
  readonly units: readonly DocumentUnit[];
  /** The amount of looking before the part is written. With `nothing`, the write itself finds a miss or a duplicate. */
  readonly looks: 'nothing' | 'guards' | 'everything';
  /** Whether the part met another transaction before. */
  readonly isAgain: boolean;
  readonly lookedBefore: number;
}

/** The transaction to write in, and the signal that ends a statement of it early. */
interface WriteSettings {
  readonly session: MongoSession;
  readonly signal?: AbortSignal | undefined;
}

/** A write that found fewer documents than it should. */
class Missed extends Error {}

export class UnitWriter {
  readonly #db: MongoDatabaseLike;
  readonly #call: Call;
  readonly #contended: ContendedDocuments;
  readonly #outcomes = new Map<DocumentUnit, UnitOutcome>();
  readonly #progress: Progress = { isCommitting: false };
  #pauseMs = PAUSE_MS;
  /** Whether other transactions were met. */
  #wasContended = false;

  constructor(db: MongoDatabaseLike, call: Call, contended: ContendedDocuments) {
    this.#db = db;
    this.#call = call;
    this.#contended = contended;
  }

  /** @throws an error of the library when nothing was applied; else see {@link outcomes} */
  async write(lease: Lease, units: readonly DocumentUnit[]): Promise<void> {
    const { free, contended } = this.#contended.split(units);
    const parts: Part[] = [];
    // Units that met another transaction lately travel by themselves: they may fail as a whole without the others.
    if (contended.length > 0) parts.push({ units: contended, looks: 'guards', isAgain: true, lookedBefore: 0 });
    // A lone unit finds out at less cost by writing.
    const looks = free.length === 1 ? 'nothing' : 'guards';
    if (free.length > 0) parts.push({ units: free, looks, isAgain: false, lookedBefore: 0 });
    for (let part = parts.pop(); part; part = parts.pop()) {
      try {
        const outcomes = await inTransaction(lease, this.#call, this.#progress, () =>
          attempt(this.#db, { session: lease.session, signal: this.#call.signal }, part as Part),
        );
        for (const [unit, outcome] of outcomes) this.#outcomes.set(unit, outcome);
        this.#contended.forget(part.units);
      } catch (error) {
        const again = this.#afterFailure(part, error);
        parts.push(...again);
        if (meaningOf(error) === 'unavailable') await this.#pause();
      }
    }
  }

  /**
   * The outcome of each unit, once {@link write} has ended or its time is over. Units without an outcome get the
   * `cause`: they may have been sent.
   *
   * @throws an error of the library when nothing was or can be applied
   */
  outcomes(units: readonly DocumentUnit[], cause: unknown): readonly UnitOutcome[] {
    const isApplied = [...this.#outcomes.values()].some(({ status }) => status === 'committed');
    const isOpen = units.some((unit) => !this.#outcomes.has(unit));
    const mayBeApplied = isApplied || this.#progress.isCommitting || cause instanceof Uncertain;
    // Other transactions used up the time: these units may be tried again, and end in contention where that does not
    // help.
    const isHeldUp = cause === LATE && this.#wasContended;
    if (isOpen && !mayBeApplied && !isHeldUp) throw storageFailure(cause);
    if (!mayBeApplied) return units.map((unit) => this.#outcomes.get(unit) ?? LOCKED);
    const why = cause instanceof Uncertain ? cause.cause : cause;
    return units.map((unit) => this.#outcomes.get(unit) ?? { status: 'unknown', cause: why });
  }

  /** The parts to write instead of one that failed. A lone unit may get its outcome now. */
  #afterFailure(part: Part, error: unknown): Part[] {
    const { units, lookedBefore } = part;
    if (error === LATE || error instanceof Uncertain) throw error;
    if (error instanceof Missed) return [{ ...part, looks: 'guards' }];
    switch (meaningOf(error)) {
      case 'unavailable':
        return [part];
      case 'contended':
        this.#wasContended = true;
        if (!part.isAgain) return [{ ...part, looks: part.looks === 'nothing' ? 'guards' : part.looks, isAgain: true }];
        if (units.length > 1) return halves(part);
        this.#contended.note(units);
        return this.#settle(part, LOCKED);
      case 'taken':
        if (part.looks !== 'everything') return [{ ...part, looks: 'everything' }];
        if (units.length > 1) return halves(part);
        if (lookedBefore < LOOKS_MAX) return [{ ...part, lookedBefore: lookedBefore + 1 }];
        return this.#settle(part, takenBy(units[0] as DocumentUnit, error));
      case 'rejected':
        return units.length > 1 ? halves(part) : this.#settle(part, { status: 'rejected', cause: error });
      default:
        throw error;
    }
  }

  #settle({ units }: Part, outcome: UnitOutcome): Part[] {
    for (const unit of units) this.#outcomes.set(unit, outcome);
    return [];
  }

  async #pause(): Promise<void> {
    this.#call.check();
    await sleep(this.#pauseMs);
    this.#pauseMs = Math.min(PAUSE_MAX_MS, this.#pauseMs * 2);
  }
}

function halves(part: Part): Part[] {
  const middle = part.units.length >> 1;
  return [
    { ...part, units: part.units.slice(middle) },
    { ...part, units: part.units.slice(0, middle) },
  ];
}

async function attempt(
  db: MongoDatabaseLike,
  settings: WriteSettings,
  { units, looks }: Part,
): Promise<Map<DocumentUnit, UnitOutcome>> {
  if (looks !== 'nothing') return writeSeen(db, settings, units, looks === 'everything');
  await send(db, settings, units, false);
  return new Map(units.map((unit) => [unit, COMMITTED]));
}

/** Looks, writes the units that fit, and answers the outcome of each unit, as if the transaction were committed. */
export async function writeSeen(
  db: MongoDatabaseLike,
  settings: WriteSettings,
  units: readonly DocumentUnit[],
  every: boolean,
): Promise<Map<DocumentUnit, UnitOutcome>> {
  const seen: Seen[] = [];
  for (const look of looksOf(units, every)) seen.push({ look, documents: await see(db, settings, look) });
  const outcomes = refusalsOf(units, seen);
  const fitting = units.filter((unit) => !outcomes.has(unit));
  await send(db, settings, fitting, true);
  for (const unit of fitting) outcomes.set(unit, COMMITTED);
  return outcomes;
}

async function see(db: MongoDatabaseLike, settings: WriteSettings, look: Look): Promise<readonly Document[]> {
  const { collection, filter, projection, index, limit } = look;
  const options = { ...settings, projection, batchSize: limit + 1, ...(index !== null && { hint: index }) };
  return (await db.collection(collection.name).find(filter, options).toArray()) as Document[];
}

async function send(
  db: MongoDatabaseLike,
  settings: WriteSettings,
  units: readonly DocumentUnit[],
  isGuarded: boolean,
): Promise<void> {
  for (const { command, count } of bulksOf(units, isGuarded)) {
    const answer = (await db.command(command, settings)) as {
      n: number;
      writeErrors?: readonly ConstructorParameters<typeof WriteError>[0][];
    };
    if (answer.writeErrors?.[0]) throw new WriteError(answer.writeErrors[0]);
    if (answer.n !== count) throw new Missed('A write found fewer documents than it should.');
  }
}

/** The outcome of a unit that cannot be written although nobody was seen to have its values. */
function takenBy(unit: DocumentUnit, error: unknown): UnitOutcome {
  const pattern = error instanceof WriteError ? Object.keys(error.keyPattern ?? {}) : [];
  for (const change of unit.changes) {
    const { collection } = change;
    for (const { index } of uniqueValuesOf(change)) {
      const fields = collection.indexes.find(({ name }) => name === index)?.fields ?? [];
      if (fields.length !== pattern.length) continue;
      if (!fields.every((field) => pattern.includes(collection.pathOf(field)))) continue;
      return { status: 'duplicate', found: [{ model: collection.model.name, index, key: change.key }] };
    }
  }
  // Somebody keeps inserting this key and taking it back.
  return LOCKED;
}
