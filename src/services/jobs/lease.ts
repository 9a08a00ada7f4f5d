/** A row that says who runs a job, and until when. It saves work; it guards nothing. */
import { type Tables, writeOf } from '../store/tables.js';

/** Long enough for a batch, short enough to go on soon after a process died. */
export const LEASE_MS = 30_000;

/** Nobody holds it where there is no holder; else the holder has it until that instant, in epoch milliseconds. */
type Held = { readonly holder: string | null; readonly until: number };

export class Lease<S> {
  #version = 0;

  constructor(
    readonly tables: Tables<S>,
    readonly job: string,
    readonly holder: string,
    readonly now: () => number,
  ) {}

  get #id(): string {
    return `lease:${this.job}`;
  }

  /** Takes the lease, or keeps it; false when somebody else has it. */
  async take(): Promise<boolean> {
    const row = await this.tables.get('system', this.#id);
    const value = row?.value as Held | undefined;
    const isOurs = value?.holder === this.holder;
    if (row && value && value.holder !== null && !isOurs && value.until > this.now()) return false;
    // Lost to somebody in between: what this one did stays, and it stops.
    if (this.#version > 0 && (!isOurs || row?.version !== this.#version)) return false;
    return this.#write(row?.version ?? null, { holder: this.holder, until: this.now() + LEASE_MS });
  }

  async release(): Promise<void> {
    if (this.#version > 0) await this.#write(this.#version, { holder: null, until: 0 }).catch(() => false);
  }

  async #write(before: number | null, value: Held): Promise<boolean> {
    const version = (before ?? 0) + 1;
    const updatedAt = new Date(this.now());
    const row = { id: this.#id, version, kind: 'lease', value, updatedAt } as const;
    const { status } = await this.tables.writeOne([writeOf('system', row)]);
    if (status === 'unknown') {
      // It may have been written: then nobody else takes it before it ends.
      const row = await this.tables.get('system', this.#id);
      const holder = (row?.value as Partial<Held> | undefined)?.holder ?? null;
      if (row?.version !== version || holder !== value.holder) return false;
    } else if (status !== 'committed') return false;
    this.#version = version;
    return true;
  }
}
