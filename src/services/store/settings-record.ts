/**
 * The settings of a database: what decides about credits and has to be the same in every process. A process stores what
 * it states explicitly, and takes from the database what it leaves out.
 */
import { sortKeys } from '../../core/canonical-json.js';
import type { Context, Defaults } from '../../core/decision.js';
import { type SealedEntry, sealAlone } from '../../core/entry-line.js';
import { creditError } from '../../errors.js';
import { ownFields } from '../../models/own-fields.js';
import {
  SETTINGS_ID,
  type Settings,
  type StatedDefaults,
  type SystemRow,
  settingsSchema,
} from '../../models/system.js';
import type { JsonObject } from '../../models/values.js';
import type { StoreOptions, Unit } from '../../ports/db-manager.js';
import type { LoggerLike } from '../../ports/logger.js';
import { systemEntry } from './system-entry.js';
import { insertOf, type Tables, writeOf } from './tables.js';

/** The settings that a process states. A part that it leaves out is absent. */
export interface StatedSettings {
  readonly events?: Settings['events'] | undefined;
  readonly eventMetadata?: boolean | undefined;
  readonly limits: Settings['limits'];
  /** The declared credit types, each with the defaults that were given. */
  readonly creditTypes: Settings['creditTypes'];
}

export interface SettingsConfig {
  readonly creditScale: number;
  readonly stated: StatedSettings;
  readonly ids: () => string;
  readonly now: () => number;
  readonly logger: LoggerLike;
  /** Writes a unit with the entry of an act of the library itself. A conflict is no failure. */
  readonly write: (unit: Unit, entry: SealedEntry) => Promise<void>;
}

const NO_DEFAULTS: Defaults = inForce({});
const LIMIT = 1_000;
const ATTEMPTS_MAX = 100;

export class SettingsRecord<S> {
  readonly #tables: Tables<S>;
  readonly #config: SettingsConfig;
  #settings: Settings | null = null;
  #defaults = new Map<string, Defaults>();
  #limits: Context['limits'] = limitsInForce({});
  #differing: readonly string[] = [];

  constructor(tables: Tables<S>, config: SettingsConfig) {
    this.#tables = tables;
    this.#config = config;
  }

  get current(): Settings {
    if (this.#settings) return this.#settings;
    throw creditError('INVARIANT_VIOLATION', 'The store was used before it was initialised.', {});
  }

  get limits(): Context['limits'] {
    return this.#limits;
  }

  /** The credit types that any process has declared; before the database was read, those of this process. */
  get creditTypes(): readonly string[] {
    return Object.keys({ credits: {}, ...this.#config.stated.creditTypes, ...this.#settings?.creditTypes });
  }

  /** The settings that this process states with another value than the database has, by name. */
  get differing(): readonly string[] {
    return this.#differing;
  }

  /** The defaults of a credit type; one that nobody declared has those of the library. */
  defaultsOf(creditType: string): Defaults {
    return this.#defaults.get(creditType) ?? NO_DEFAULTS;
  }

  /** Reads the settings, and stores what this process states otherwise. The first use of a database fixes its scale. */
  async open(): Promise<void> {
    const { stated, creditScale, ids } = this.#config;
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const row = await this.#tables.get('system', SETTINGS_ID);
      const stored = row === null ? null : settingsOf(row);
      if (stored) this.#checkScale(stored);
      const own = { creditScale, events: 'standard', totals: 'kept', creditTypes: {}, limits: {} } as const;
      const first = () => ({ ledgerId: ids(), ...own });
      const settings = withStated(stored ?? first(), stated);
      if (stored && isSame(settings, stored)) return this.#adopt(stored);
      await this.#store(settings, (row?.version ?? 0) + 1);
    }
    const message = 'The settings of the database change again and again. Nothing else was written; try again.';
    throw creditError('CONTENTION', message, { attempts: ATTEMPTS_MAX });
  }

  /** Takes over what other processes stored meanwhile. */
  async learn(options?: StoreOptions<S>): Promise<void> {
    const row = await this.#tables.get('system', SETTINGS_ID, options);
    if (row) this.#adopt(settingsOf(row));
  }

  /** Stores that every account has its lifetime totals. Where another process writes first, a later call does it. */
  async keepTotals(): Promise<void> {
    const row = await this.#tables.get('system', SETTINGS_ID);
    const stored = row && settingsOf(row);
    if (stored && stored.totals === undefined) await this.#store({ ...stored, totals: 'kept' }, row.version + 1);
    await this.learn();
  }

  #adopt(settings: Settings): void {
    this.#settings = settings;
    const defaults = Object.entries(settings.creditTypes).map(([name, stated]) => [name, inForce(stated)] as const);
    this.#defaults = new Map(defaults);
    this.#limits = limitsInForce(settings.limits);
    const differing = differences(settings, this.#config.stated);
    if (differing.length > 0 && differing.join() !== this.#differing.join()) {
      const message = 'Another process states other settings than this one; those of the database are in force';
      this.#config.logger.warn({ settings: differing }, message);
    }
    this.#differing = differing;
  }

  async #store(settings: Settings, version: number): Promise<void> {
    const { ids, now, write } = this.#config;
    const updatedAt = new Date(now());
    const value = jsonOf(settings);
    const row = { id: SETTINGS_ID, version, kind: 'settings', value, updatedAt } as const;
    const message = version === 1 ? 'Ledger created' : 'Settings changed';
    const sealed = sealAlone(systemEntry(ids(), updatedAt, message, value), settings.ledgerId);
    await write([writeOf('system', row), insertOf('entry', sealed.row)], sealed);
  }

  #checkScale({ creditScale }: Settings): void {
    if (creditScale === this.#config.creditScale) return;
    const problem = `creditScale is ${creditScale} in this database, ${this.#config.creditScale} was given`;
    const details = { problems: [problem], creditScale };
    throw creditError('CONFIGURATION', `${problem}. The scale is fixed at first use.`, details);
  }
}

function settingsOf({ value }: SystemRow): Settings {
  return settingsSchema.parse(ownFields(settingsSchema, value));
}

function inForce({ overdraftLimit = 'unlimited', ...stated }: StatedDefaults): Defaults {
  return {
    trialCredits: stated.trialCredits ?? 0,
    overdraftLimit: overdraftLimit === 'unlimited' ? null : overdraftLimit,
    lowCreditThreshold: stated.lowCreditThreshold ?? null,
    lowCreditHysteresis: stated.lowCreditHysteresis ?? 0,
  };
}

function limitsInForce(limits: Settings['limits']): Context['limits'] {
  const { openGrants = LIMIT, activeReservations = LIMIT, lateUsageSeconds = 0 } = limits;
  return { openGrants, activeReservations, lateUsageMs: lateUsageSeconds * 1000 };
}

function isSame(a: Settings, b: Settings): boolean {
  return JSON.stringify(sortKeys(jsonOf(a))) === JSON.stringify(sortKeys(jsonOf(b)));
}

function jsonOf(settings: Settings): JsonObject {
  return JSON.parse(JSON.stringify(settings));
}

function withStated(settings: Settings, stated: StatedSettings): Settings {
  const { events, eventMetadata, limits, creditTypes } = stated;
  const types = { ...settings.creditTypes };
  for (const [name, stated] of Object.entries(creditTypes)) {
    // Every database has credits, also where nobody states anything of them.
    if (name === 'credits' && Object.keys(stated).length === 0) continue;
    types[name] = { ...types[name], ...stated };
  }
  const given = { ...(events && { events }), ...(eventMetadata !== undefined && { eventMetadata }) };
  return { ...settings, ...given, limits: { ...settings.limits, ...limits }, creditTypes: types };
}

function differences(settings: Settings, stated: StatedSettings): readonly string[] {
  const differing = Object.entries(stated.creditTypes).flatMap(([name, defaults]) => {
    const where = name === 'credits' ? 'defaults' : `creditTypes.${name}`;
    return differingFields(where, defaults, settings.creditTypes[name] ?? {});
  });
  if (stated.events !== undefined && stated.events !== settings.events) differing.push('events');
  const { eventMetadata } = stated;
  if (eventMetadata !== undefined && eventMetadata !== settings.eventMetadata) differing.push('eventMetadata');
  return [...differing, ...differingFields('limits', stated.limits, settings.limits)];
}

function differingFields(where: string, stated: object, stored: object): string[] {
  const kept = stored as Readonly<Record<string, unknown>>;
  const isKept = (name: string, value: unknown) => JSON.stringify(kept[name]) === JSON.stringify(value);
  return Object.entries(stated).flatMap(([name, value]) => (isKept(name, value) ? [] : [`${where}.${name}`]));
}
