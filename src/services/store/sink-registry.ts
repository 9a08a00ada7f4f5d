/** Who gets rows of every event: sinks by name, and whether any process has a queue of notifications. */

import { QUEUE_ID, type SystemRow, sinkOf } from '../../models/system.js';
import type { LoggerLike } from '../../ports/logger.js';
import { monotonicNow } from '../../timers.js';
import { failureOf } from './storage-error.js';
import { type Tables, writeOf } from './tables.js';

const LEARN_EVERY_MS = 60_000;
/** Names that a database may have known. */
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

  /** Whether any process of the database has a queue: then notifications are written. */
  get hasQueue(): boolean {
    return this.#hasQueue;
  }

  /** Registers what this process brings; the first process that brings a sink writes its row. */
  async register(sinks: readonly string[], queue: boolean): Promise<void> {
    for (const name of sinks) await this.#register({ id: sinkId(name), kind: 'sink', value: { name } });
    if (queue) await this.#register({ id: QUEUE_ID, kind: 'queue', value: {} });
  }

  async #register(fields: Fields): Promise<void> {
    const row = await this.tables.get('system', fields.id);
    if (row && (fields.kind !== 'sink' || !sinkOf(row).isRemoved)) return;
    await this.#write(row, fields);
  }

  /** Registered sinks; with `removed`, those that were taken off. */
  async read(removed = false): Promise<readonly SystemRow[]> {
    const query = { index: 'kind', equals: { kind: 'sink' }, limit: SINKS_MAX };
    const { rows } = await this.tables.find('system', query);
    return rows.filter((row) => (sinkOf(row).isRemoved ?? false) === removed);
  }

  /** Takes a sink off. Its row stays, so that what others write for it until they learn of it is found. */
  async remove(name: string): Promise<boolean> {
    const row = await this.tables.get('system', sinkId(name));
    if (!row || sinkOf(row).isRemoved) return false;
    await this.#write(row, { id: row.id, kind: 'sink', value: { name, isRemoved: true } });
    await this.learn();
    return true;
  }

  /** Reads which sinks there are, and whether there is a queue. */
  async learn(): Promise<void> {
    const queue = await this.tables.get('system', QUEUE_ID);
    this.#names = (await this.read()).map((row) => sinkOf(row).name);
    this.#hasQueue = queue !== null;
    this.#learntAt = monotonicNow();
  }

  /** Learns in the background what others registered, once a minute. */
  learnLater(): void {
    if (monotonicNow() - this.#learntAt <= LEARN_EVERY_MS) return;
    this.#learntAt = monotonicNow();
    this.learn().catch((err) => this.logger.warn({ err }, 'Registered sinks were not read'));
  }

  /** Another process that was faster wrote the same. */
  async #write(before: SystemRow | null, fields: Fields): Promise<void> {
    const row = { ...fields, version: (before?.version ?? 0) + 1, updatedAt: new Date(this.now()) };
    const failure = failureOf(await this.tables.writeOne([writeOf('system', row)]));
    if (failure) throw failure;
  }
}

function sinkId(name: string): string {
  return `sink:${name}`;
}
