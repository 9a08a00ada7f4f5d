/** The database as the services use it. The store initialises it once and keeps its settings, sinks and time. */
import type { Context, Defaults } from '../../core/decision.js';
import { type SealedEntry, sealAlone } from '../../core/entry-line.js';
import { creditError } from '../../errors.js';
import { onDemandTypes } from '../../models/events.js';
import { storedModels } from '../../models/stored-models.js';
import type { Settings, SinkValue } from '../../models/system.js';
import type { JsonObject } from '../../models/values.js';
import type { Clock } from '../../ports/clock.js';
import type { DbManager, Unit } from '../../ports/db-manager.js';
import type { LoggerLike } from '../../ports/logger.js';
import { SettingsRecord, type StatedSettings } from './settings-record.js';
import { SinkRegistry } from './sink-registry.js';
import { failureOf } from './storage-error.js';
import { systemEntry } from './system-entry.js';
import { insertOf, Tables } from './tables.js';
import { databaseTime, hostTime, type TimeSource } from './time-source.js';

/** A later answer is not used; the connection of a silent ping is given back soon. */
const PING_TIMEOUT_MS = 2_000;

export interface StoreConfig<S> {
  readonly db: DbManager<S>;
  readonly creditScale: number;
  readonly stated: StatedSettings;
  /** The sinks of this process. */
  readonly sinks: readonly SinkValue[];
  /** Whether this process has a queue of notifications. */
  readonly queue: boolean;
  readonly clock: Clock | undefined;
  readonly ids: () => string;
  readonly logger: LoggerLike;
  /** Called when the store has its settings, before any call uses it. If it rejects, so does the initialisation. */
  readonly opened: (settings: Settings) => Promise<void>;
  /** Called with each committed entry of the library's own acts; must not throw. */
  readonly recorded: (entry: SealedEntry) => void;
}

export class Store<S> extends Tables<S> {
  readonly time: TimeSource<S>;
  readonly sinks: SinkRegistry<S>;
  readonly #config: StoreConfig<S>;
  readonly #record: SettingsRecord<S>;
  #isOpen = false;
  #opening: Promise<void> | null = null;

  constructor(config: StoreConfig<S>) {
    super(config.db);
    this.#config = config;
    this.time = config.clock
      ? hostTime(config.clock)
      : databaseTime((session?: S) => config.db.ping({ session, timeoutMs: PING_TIMEOUT_MS }));
    this.sinks = new SinkRegistry(this, () => this.time.now(), config.logger);
    const { creditScale, stated, ids, logger } = config;
    this.#record = new SettingsRecord<S>(this, {
      ...{ creditScale, stated, ids, logger },
      now: () => this.time.now(),
      write: (unit, entry) => this.#writeActs(unit, entry),
    });
    this.sinks.watch((options) => this.#record.learn(options));
  }

  get settings(): Settings {
    return this.#record.current;
  }

  get limits(): Context['limits'] {
    return this.#record.limits;
  }

  get creditTypes(): readonly string[] {
    return this.#record.creditTypes;
  }

  get differingSettings(): readonly string[] {
    return [...this.#record.differing, ...this.sinks.differing];
  }

  /** The defaults of a credit type, as every process has them. */
  readonly defaultsOf = (creditType: string): Defaults => this.#record.defaultsOf(creditType);

  /** Notes that every account has its lifetime totals. */
  keepTotals(): Promise<void> {
    return this.#record.keepTotals();
  }

  /** Hands a committed entry of the library's own acts to the ledger file. */
  recorded(entry: SealedEntry): void {
    this.#config.recorded(entry);
  }

  /**
   * Null when the store is ready; else a promise to wait for. After a failed initialisation the next call retries.
   *
   * @param session of the call. Where it has the only connection, the store cannot be initialised (`CONFIGURATION`).
   */
  prepare(session?: S): Promise<void> | null {
    const inside = this.#inside(session);
    if (!this.#isOpen) {
      if (inside !== undefined) throw notBeforeInit();
      this.#opening ??= this.#open().finally(() => {
        this.#opening = null;
      });
      return this.#opening;
    }
    return this.time.refresh(inside);
  }

  /** Whether a call need not wait for `prepare`. */
  get isReady(): boolean {
    return this.#isOpen && this.time.refresh() === null;
  }

  /** Null, or a promise that must resolve before anything new is written: sinks and settings may have changed. */
  upToDate(session?: S): Promise<void> | null {
    return this.sinks.upToDate(this.#inside(session));
  }

  /** The session, where it has the only connection: whatever its call needs has to be read inside of it. */
  #inside(session: S | undefined): S | undefined {
    return session !== undefined && this.db.hasOnlyConnection?.(session) === true ? session : undefined;
  }

  async #open(): Promise<void> {
    await this.db.init(storedModels);
    await this.time.refresh();
    await this.#record.open();
    await this.#config.opened(this.#record.current);
    this.#warnOfUnwritten();
    await this.sinks.register(this.#config.sinks, this.#config.queue);
    await this.sinks.learn();
    this.#isOpen = true;
  }

  /** Tells the log of types that a sink of this process wants and that no process writes. */
  #warnOfUnwritten(): void {
    if (this.settings.events === 'all') return;
    for (const { name, types = [] } of this.#config.sinks) {
      const unwritten = types.filter((type) => onDemandTypes.has(type));
      if (unwritten.length === 0) continue;
      const message = "A sink wants events that are written only with the option events: 'all'";
      this.#config.logger.warn({ sink: name, types: unwritten }, message);
    }
  }

  /** Writes an entry for an act of the library itself. */
  async record(message: string, details: JsonObject): Promise<void> {
    const preparing = this.prepare();
    if (preparing !== null) await preparing;
    const entry = systemEntry(this.#config.ids(), new Date(this.time.now()), message, details);
    const sealed = sealAlone(entry, this.settings.ledgerId);
    await this.#writeActs([insertOf('entry', sealed.row)], sealed);
  }

  /** Writes one unit. A conflict is no failure: the faster process wrote the same, and both read on from there. */
  async #writeActs(unit: Unit, entry: SealedEntry): Promise<void> {
    const outcome = await this.writeOne(unit);
    if (outcome.status === 'committed') this.recorded(entry);
    const failure = failureOf(outcome);
    if (failure) throw failure;
  }
}

function notBeforeInit() {
  const problem = 'the first call came inside a transaction that has the only connection';
  const message = `The database is not prepared: ${problem}. Await manager.init() before the transaction.`;
  return creditError('CONFIGURATION', message, { problems: [problem] });
}
