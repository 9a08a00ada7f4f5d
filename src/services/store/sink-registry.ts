/** Knows which sinks get a row for every event, and whether any process has a queue of notifications. */
import { QUEUE_ID, type SystemRow, sinkOf } from '../../models/system.js';
import type { LoggerLike } from '../../ports/logger.js';
import { monotonicNow } from '../../timers.js';
import { failureOf } from './storage-error.js';
import { type Tables, writeOf } from './tables.js';

const LEARN_EVERY_MS = 60_000;
/** The most sinks that one database can have registered, removed ones included. */
const SINKS_MAX = 1_000;

type Fields = Pick<SystemRow, 'id' | 'kind' | 'value'>;

export class SinkRegistry<S> {
  #names: readonly string[] = [];
  #hasQueue = false;
  #learntAt = 0;

  constructor(
    readonly tables: Tables<S>,
    readonly now: () => number,
    readonly logger: LoggerLike,
  ) {}

  /** Names of the sinks that every event gets a row for. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** Whether any process on this database has a queue. If so, every process writes notifications. */
  get hasQueue(): boolean {
    return this.#hasQueue;
  }

  /** Registers the sinks and the queue of this process. The first process that brings a sink writes its row. */
  async register(sinks: readonly string[], queue: boolean): Promise<void> {
    for (const name of sinks) await this.#register({ id: sinkId(name), kind: 'sink', value: { name } });
    if (queue) await this.#register({ id: QUEUE_ID, kind: 'queue', value: {} });
  }

  async #register(fields: Fields): Promise<void> {
    const row = await this.tables.get('system', fields.id);
    if (row && (fields.kind !== 'sink' || !sinkOf(row).isRemoved)) return;
    await this.#write(row, fields);
  }

  /** The registered sinks; with `removed`, the sinks that were removed. */
  async read(removed = false): Promise<readonly SystemRow[]> {
    const query = { index: 'kind', equals: { kind: 'sink' }, limit: SINKS_MAX };
    const { rows } = await this.tables.find('system', query);
    return rows.filter((row) => (sinkOf(row).isRemoved ?? false) === removed);
  }

  /**
   * Removes a sink. Its row stays: other processes write for the sink until they learn of the removal, and the outbox
   * job finds those events by this row and deletes them.
   */
  async remove(name: string): Promise<boolean> {
    const row = await this.tables.get('system', sinkId(name));
    if (!row || sinkOf(row).isRemoved) return false;
    await this.#write(row, { id: row.id, kind: 'sink', value: { name, isRemoved: true } });
    await this.learn();
    return true;
  }

  /** Reads the names of the registered sinks, and whether there is a queue. */
  async learn(): Promise<void> {
    const queue = await this.tables.get('system', QUEUE_ID);
    this.#names = (await this.read()).map((row) => sinkOf(row).name);
    this.#hasQueue = queue !== null;
    this.#learntAt = monotonicNow();
  }

  /** Reads in the background, at most once a minute, what other processes registered. */
  learnLater(): void {
    if (monotonicNow() - this.#learntAt <= LEARN_EVERY_MS) return;
    this.#learntAt = monotonicNow();
    this.learn().catch((err) =>
      this.logger.warn({ err }, 'The registered sinks could not be read; the known ones stay in use'),
    );
  }

  /** Writes the row. A conflict is no failure: the faster process wrote the same row. */
  async #write(before: SystemRow | null, fields: Fields): Promise<void> {
    const row = { ...fields, version: (before?.version ?? 0) + 1, updatedAt: new Date(this.now()) };
    const failure = failureOf(await this.tables.writeOne([writeOf('system', row)]));
    if (failure) throw failure;
  }
}

function sinkId(name: string): string {
  return `sink:${name}`;
}
