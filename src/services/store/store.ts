/** The database as the services use it. The store initialises it once and keeps its settings, sinks and time. */
import { type SealedEntry, sealAlone } from '../../core/entry-line.js';
import { creditError } from '../../errors.js';
import { storedModels } from '../../models/stored-models.js';
import { SETTINGS_ID, type Settings, settingsSchema } from '../../models/system.js';
import type { JsonObject } from '../../models/values.js';
import type { Clock } from '../../ports/clock.js';
import type { DbManager, Unit } from '../../ports/db-manager.js';
import type { LoggerLike } from '../../ports/logger.js';
import { SinkRegistry } from './sink-registry.js';
import { failureOf } from './storage-error.js';
import { systemEntry } from './system-entry.js';
import { insertOf, Tables, writeOf } from './tables.js';
import { databaseTime, hostTime, type TimeSource } from './time-source.js';

export interface StoreConfig<S> {
  readonly db: DbManager<S>;
  readonly creditScale: number;
  readonly events: Settings['events'] | undefined;
  readonly sinks: readonly string[];
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
  readonly time: TimeSource;
  readonly sinks: SinkRegistry<S>;
  readonly #config: StoreConfig<S>;
  #settings: Settings | null = null;
  #opening: Promise<void> | null = null;

  constructor(config: StoreConfig<S>) {
    super(config.db);
    this.#config = config;
    this.time = config.clock ? hostTime(config.clock) : databaseTime(() => config.db.ping({ timeoutMs: 1_000 }));
    this.sinks = new SinkRegistry(this, () => this.time.now(), config.logger);
  }

  get settings(): Settings {
    if (this.#settings) return this.#settings;
    throw creditError('INVARIANT_VIOLATION', 'The store was used before it was initialised.', {});
  }

  /** Hands a committed entry of the library's own acts to the ledger file. */
  recorded(entry: SealedEntry): void {
    this.#config.recorded(entry);
  }

  /** Null when the store is ready; else a promise to wait for. After a failed initialisation the next call retries. */
  prepare(): Promise<void> | null {
    if (!this.#settings) {
      this.#opening ??= this.#open().finally(() => {
        this.#opening = null;
      });
      return this.#opening;
    }
    this.sinks.learnLater();
    return this.time.refresh();
  }

  async #open(): Promise<void> {
    await this.db.init(storedModels);
    await this.time.refresh();
    const settings = await this.#readSettings();
    await this.#config.opened(settings);
    await this.sinks.register(this.#config.sinks, this.#config.queue);
    await this.sinks.learn();
    this.#settings = settings;
  }

  async #readSettings(): Promise<Settings> {
    const { creditScale, events, ids } = this.#config;
    for (;;) {
      const row = await this.get('system', SETTINGS_ID);
      if (!row) {
        const first = { ledgerId: ids(), creditScale, events: events ?? 'standard' } as const;
        await this.#writeSettings(first, 1);
        continue;
      }
      const settings = settingsSchema.parse(row.value);
      if (settings.creditScale !== creditScale) {
        const problem = `creditScale is ${settings.creditScale} in this database, ${creditScale} was given`;
        throw creditError('CONFIGURATION', `${problem}. The scale is fixed at first use.`, { problems: [problem] });
      }
      if (events === undefined || events === settings.events) return settings;
      await this.#writeSettings({ ...settings, events }, row.version + 1);
    }
  }

  async #writeSettings(settings: Settings, version: number): Promise<void> {
    const updatedAt = new Date(this.time.now());
    const row = { id: SETTINGS_ID, version, kind: 'settings', value: settings, updatedAt } as const;
    const message = version === 1 ? 'Ledger created' : 'Settings changed';
    const sealed = sealAlone(systemEntry(this.#config.ids(), updatedAt, message, settings), settings.ledgerId);
    await this.#writeActs([writeOf('system', row), insertOf('entry', sealed.row)], sealed);
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
