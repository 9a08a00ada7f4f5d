/** Knows which sinks get a row for every event, and whether any process has a queue of notifications. */
import { randomInt } from 'node:crypto';
import { QUEUE_ID, type SinkValue, type SystemRow, sinkOf } from '../../models/system.js';
import type { JsonObject } from '../../models/values.js';
import type { Change, StoreOptions } from '../../ports/db-manager.js';
import type { LoggerLike } from '../../ports/logger.js';
import { monotonicNow, sleep } from '../../timers.js';
import { failureOf } from './storage-error.js';
import { replaceOf, type Tables, writeOf } from './tables.js';

/** From this age on, what is known is read again beside the calls. */
const LEARN_AFTER_MS = 30_000;
/** Events are written only by what is known this long at most. */
const KNOWN_MAX_MS = 60_000;
/** The most sinks that one database can have registered, removed ones included. */
const SINKS_MAX = 1_000;

type Fields = Pick<SystemRow, 'id' | 'kind' | 'value'>;

/** A sink as commits need it. */
export interface WantedSink {
  readonly name: string;
  /** The types of events that it wants; null for all. */
  readonly types: ReadonlySet<string> | null;
}

export class SinkRegistry<S> {
  #wanted: readonly WantedSink[] = [];
  #stated: readonly SinkValue[] = [];
  #differing: readonly string[] = [];
  #hasQueue = false;
  #learntAt = Number.NEGATIVE_INFINITY;
  #learning: Promise<void> | null = null;
  readonly #watchers: ((options: StoreOptions<S>) => Promise<void>)[] = [];

  constructor(
    readonly tables: Tables<S>,
    readonly now: () => number,
    readonly logger: LoggerLike,
  ) {}

  /** The sinks that events get rows for. */
  get wanted(): readonly WantedSink[] {
    return this.#wanted;
  }

  /** The lists of types that this process states otherwise than the database has them, as settings are named. */
  get differing(): readonly string[] {
    return this.#differing;
  }

  /** Whether any process on this database has a queue. If so, every process writes notifications. */
  get hasQueue(): boolean {
    return this.#hasQueue;
  }

  /**
   * Registers the sinks and the queue of this process. The first process that brings a sink writes its row, and so does
   * one that brings another list of types.
   */
  async register(sinks: readonly SinkValue[], queue: boolean): Promise<void> {
    this.#stated = sinks;
    for (const sink of sinks) {
      const isOther = (row: SystemRow | null) => row === null || !isSame(sinkOf(row), sink);
      await this.#write({ id: sinkId(sink.name), kind: 'sink', value: sink as JsonObject & SinkValue }, isOther);
    }
    if (queue) await this.#write({ id: QUEUE_ID, kind: 'queue', value: {} }, (row) => row === null);
  }

  /** The registered sinks; with `removed`, the sinks that were removed. */
  async read(removed = false, options?: StoreOptions<S>): Promise<readonly SystemRow[]> {
    const query = { index: 'kind', equals: { kind: 'sink' }, limit: SINKS_MAX };
    const { rows } = await this.tables.find('system', query, options);
    return rows.filter((row) => (sinkOf(row).isRemoved ?? false) === removed);
  }

  /**
   * Removes a sink. Its row stays: other processes write for the sink until they learn of the removal, and the outbox
   * job finds those events by this row and deletes them.
   */
  async remove(name: string): Promise<boolean> {
    const fields: Fields = { id: sinkId(name), kind: 'sink', value: { name, isRemoved: true } };
    const isThere = (row: SystemRow | null) => row !== null && !sinkOf(row).isRemoved;
    const isDone = await this.#write(fields, isThere);
    if (isDone) await this.learn();
    return isDone;
  }

  /** Reads the registered sinks, and whether there is a queue. */
  async learn(options?: StoreOptions<S>): Promise<void> {
    const began = monotonicNow();
    const queue = await this.tables.get('system', QUEUE_ID, options);
    const sinks = (await this.read(false, options)).map(sinkOf);
    this.#wanted = sinks.map(({ name, types }) => ({ name, types: types ? new Set(types) : null }));
    this.#hasQueue = queue !== null;
    this.#compare(sinks);
    this.#learntAt = began;
  }

  #compare(sinks: readonly SinkValue[]): void {
    const differing = this.#stated
      .filter((stated) => sinks.some((sink) => sink.name === stated.name && !isSame(sink, stated)))
      .map(({ name }) => `sinks.${name}.types`);
    if (differing.length > 0 && differing.join() !== this.#differing.join()) {
      const message = 'Another process states other types for a sink than this one; those of the database are in force';
      this.logger.warn({ settings: differing }, message);
    }
    this.#differing = differing;
  }

  /**
   * Null, or a promise that must resolve before anything with events is written: a process that was idle may not know
   * of a sink yet. A busy process reads beside its calls, so that none of them waits. With a `session` it reads inside.
   */
  upToDate(session?: S): Promise<void> | null {
    const age = monotonicNow() - this.#learntAt;
    if (age <= LEARN_AFTER_MS) return null;
    this.#learning ??= this.#learnAgain({ session });
    // Where it fails, calls are told once what is known is too old for them.
    this.#learning.catch(() => {});
    return age > KNOWN_MAX_MS ? this.#learning : null;
  }

  /** Calls `learnt` with each reading by {@link upToDate}, which fails where it does. */
  watch(learnt: (options: StoreOptions<S>) => Promise<void>): void {
    this.#watchers.push(learnt);
  }

  async #learnAgain(options: StoreOptions<S>): Promise<void> {
    try {
      await this.learn(options);
      for (const learnt of this.#watchers) await learnt(options);
    } finally {
      this.#learning = null;
    }
  }

  /** Writes the row where the stored one is as `isWanted` says, whoever else writes it; answers whether it was. */
  async #write(fields: Fields, isWanted: (row: SystemRow | null) => boolean): Promise<boolean> {
    for (;;) {
      const before = await this.tables.get('system', fields.id);
      if (!isWanted(before)) return false;
      const row = { ...fields, version: (before?.version ?? 0) + 1, updatedAt: new Date(this.now()) };
      const outcome = await this.tables.writeOne([writeOf('system', row)]);
      if (outcome.status === 'committed') return true;
      const failure = failureOf(outcome);
      if (failure) throw failure;
      await sleep(randomInt(1, 20));
    }
  }
}

/** A change that applies only while nobody has changed the row of a sink, and the row that it leaves. */
export function unchangedSink(row: SystemRow): { readonly change: Change; readonly row: SystemRow } {
  const next = { ...row, version: row.version + 1 };
  return { change: replaceOf('system', next), row: next };
}

/** Whether two sinks want the same types, and both are or are not taken off. */
function isSame(a: SinkValue, b: SinkValue): boolean {
  return (a.isRemoved ?? false) === (b.isRemoved ?? false) && a.types?.join() === b.types?.join();
}

function sinkId(name: string): string {
  return `sink:${name}`;
}
