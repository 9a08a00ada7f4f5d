/** The database as the services use it: initialised once, with its settings, its sinks and its time. */
import { type SealedEntry, sealAlone } from '../../core/entry-line.js';
import { creditError, isCreditError } from '../../errors.js';
import { storedModels } from '../../models/stored-models.js';
import { QUEUE_ID, SETTINGS_ID, type Settings, type SystemRow, settingsSchema, sinkOf } from '../../models/system.js';
import type { JsonObject } from '../../models/values.js';
import type { Clock } from '../../ports/clock.js';
import type { Change, DbManager, Row, Unit } from '../../ports/db-manager.js';
import type { LoggerLike } from '../../ports/logger.js';
import { monotonicNow } from '../../timers.js';
import { systemEntry } from './system-entry.js';
import { databaseTime, hostTime, type TimeSource } from './time-source.js';
import { writeOf } from './versioned-write.js';

const SINKS_EVERY_MS = 60_000;
/** Names that a database may have known. */
const SINKS_MAX = 1_000;

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
  /** Told of each entry of the library's own acts once it is committed; must not throw. */
  readonly recorded: (entry: SealedEntry) => void;
}

export class Store<S> {
  readonly db: DbManager<S>;
  readonly time: TimeSource;
  readonly #config: StoreConfig<S>;
  #settings: Settings | null = null;
  #sinks: readonly string[] = [];
  #queue = false;
  #sinksReadAt = 0;
  #opening: Promise<void> | null = null;

  constructor(config: StoreConfig<S>) {
    this.#config = config;
    this.db = config.db;
    this.time = config.clock ? hostTime(config.clock) : databaseTime(() => config.db.ping({ timeoutMs: 1_000 }));
  }

  get settings(): Settings {
    if (this.#settings) return this.#settings;
    throw creditError('INVARIANT_VIOLATION', 'The store was used before it was initialised.', {});
  }

  /** Tells the ledger file of an entry of the library's own acts that was committed. */
  recorded(entry: SealedEntry): void {
    this.#config.recorded(entry);
  }

  /** Names of the sinks that every event gets a row for. */
  get sinks(): readonly string[] {
    return this.#sinks;
  }

  /** Whether any process of the database has a queue: then notifications are written. */
  get queue(): boolean {
    return this.#queue;
  }

  /**
   * Null when the store can be used at once; else a promise. A failed initialisation is tried again by the next
   * call.
   */
  prepare(): Promise<void> | null {
    if (!this.#settings) {
      this.#opening ??= this.#open().finally(() => {
        this.#opening = null;
      });
      return this.#opening;
    }
    if (monotonicNow() - this.#sinksReadAt > SINKS_EVERY_MS) {
      this.#sinksReadAt = monotonicNow();
      this.learn().catch((error) => this.#config.logger.warn({ err: error }, 'Registered sinks were not read'));
    }
    return this.time.refresh();
  }

  async #open(): Promise<void> {
    await this.db.init(storedModels);
    await this.time.refresh();
    const settings = await this.#readSettings();
    await this.#registerSinks();
    await this.learn();
    this.#settings = settings;
  }

  async #readSettings(): Promise<Settings> {
    const { creditScale, events, ids } = this.#config;
    for (;;) {
      const [row] = (await this.db.getMany('system', [SETTINGS_ID])) as unknown as (SystemRow | null)[];
      if (!row) {
        const first = { ledgerId: ids(), creditScale, events: events ?? 'standard' } as const;
        await this.#writeSettings(first, null);
        continue;
      }
      const settings = settingsSchema.parse(row.value);
      if (settings.creditScale !== creditScale) {
        const problem = `creditScale is ${settings.creditScale} in this database, ${creditScale} was given`;
        throw creditError('CONFIGURATION', `${problem}. The scale is fixed at first use.`, { problems: [problem] });
      }
      if (events === undefined || events === settings.events) return settings;
      await this.#writeSettings({ ...settings, events }, row.version);
    }
  }

  /** One process wins; the others read what it wrote. */
  async #writeSettings(settings: Settings, version: number | null): Promise<void> {
    const now = new Date(this.time.now());
    const row = { id: SETTINGS_ID, version: (version ?? 0) + 1, kind: 'settings', value: settings, updatedAt: now };
    const message = version === null ? 'Ledger created' : 'Settings changed';
    const sealed = sealAlone(systemEntry(this.#config.ids(), now, message, settings), settings.ledgerId);
    await this.#commitOnce([writeOf('system', row), insertOf(sealed)], sealed);
  }

  /** Writes an entry of the library's own acts. */
  async record(message: string, details: JsonObject): Promise<void> {
    const preparing = this.prepare();
    if (preparing !== null) await preparing;
    const entry = systemEntry(this.#config.ids(), new Date(this.time.now()), message, details);
    const sealed = sealAlone(entry, this.settings.ledgerId);
    await this.#commitOnce([insertOf(sealed)], sealed);
  }

  async #registerSinks(): Promise<void> {
    for (const name of this.#config.sinks) await this.#register(`sink:${name}`, 'sink', { name });
    if (this.#config.queue) await this.#register(QUEUE_ID, 'queue', {});
  }

  async #register(id: string, kind: SystemRow['kind'], value: JsonObject): Promise<void> {
    const [row] = (await this.db.getMany('system', [id])) as unknown as (SystemRow | null)[];
    if (row && (kind !== 'sink' || !sinkOf(row).isRemoved)) return;
    await this.#writeSystem(row ?? null, { id, kind, value });
  }

  async #writeSystem(before: SystemRow | null, fields: Pick<SystemRow, 'id' | 'kind' | 'value'>): Promise<void> {
    const row = { ...fields, version: (before?.version ?? 0) + 1, updatedAt: new Date(this.time.now()) };
    await this.#commitOnce([writeOf('system', row)]);
  }

  /** Registered sinks; with `removed`, those that were taken off. */
  async readSinks(removed = false): Promise<readonly SystemRow[]> {
    const { rows } = await this.db.find('system', { index: 'kind', equals: { kind: 'sink' }, limit: SINKS_MAX });
    return (rows as unknown as SystemRow[]).filter((row) => (sinkOf(row).isRemoved ?? false) === removed);
  }

  /** Takes a sink off. Its row stays, so that what others write for it until they learn of it is found. */
  async removeSink(name: string): Promise<boolean> {
    const id = `sink:${name}`;
    const [row] = (await this.db.getMany('system', [id])) as unknown as (SystemRow | null)[];
    if (!row || sinkOf(row).isRemoved) return false;
    await this.#writeSystem(row, { id, kind: 'sink', value: { name, isRemoved: true } });
    await this.learn();
    return true;
  }

  /** Reads which sinks there are, and whether there is a queue; otherwise it is learnt within a minute. */
  async learn(): Promise<void> {
    const [queue] = await this.db.getMany('system', [QUEUE_ID]);
    this.#sinks = (await this.readSinks()).map((row) => sinkOf(row).name);
    this.#queue = queue !== null;
    this.#sinksReadAt = monotonicNow();
  }

  /** A conflict means that another process wrote the same: both go on from what is stored. */
  async #commitOnce(unit: Unit, entry?: SealedEntry): Promise<void> {
    const [outcome] = await this.db.commit([unit]);
    if (outcome?.status === 'committed' && entry) this.#config.recorded(entry);
    if (outcome?.status === 'committed' || outcome?.status === 'conflict' || outcome?.status === 'locked') return;
    throw storageError(outcome && 'cause' in outcome ? outcome.cause : undefined);
  }
}

function insertOf({ row }: SealedEntry): Change {
  return { op: 'insert', model: 'entry', row: row as unknown as Row };
}

/** Errors of the library pass; everything else a driver throws becomes one that says nothing of the driver. */
export function storageError(cause: unknown): Error {
  if (isCreditError(cause)) return cause;
  return creditError(
    'STORAGE_UNAVAILABLE',
    'The database could not answer. Nothing was written; try again.',
    {},
    { cause },
  );
}
