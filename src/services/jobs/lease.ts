/** A row that names the process which runs a job, and the end of its claim. It saves work; no credits depend on it. */
import { type Tables, writeOf } from '../store/tables.js';

/** Long enough for a batch, and short enough that another process soon goes on after one has died. */
export const LEASE_MS = 30_000;

/** The holder has the lease until the instant `until`, in epoch milliseconds. Without a holder nobody has it. */
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

  /** Takes or extends the lease; false when another process has it. */
  async take(): Promise<boolean> {
    const row = await this.tables.get('system', this.#id);
    const value = row?.value as Held | undefined;
    const isOurs = value?.holder === this.holder;
    if (row && value && value.holder !== null && !isOurs && value.until > this.now()) return false;
    // Another process had the lease in between: this job stops, and the work it did stays.
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
      // The lease may have been written. If it was, no other process takes it before it ends.
      const row = await this.tables.get('system', this.#id);
      const holder = (row?.value as Partial<Held> | undefined)?.holder ?? null;
      if (row?.version !== version || holder !== value.holder) return false;
    } else if (status !== 'committed') return false;
    this.#version = version;
    return true;
  }
}
