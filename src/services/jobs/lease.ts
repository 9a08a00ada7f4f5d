/** A row that says who runs a job, and until when. It saves work; it guards nothing. */
import type { SystemRow } from '../../models/system.js';
import type { DbManager } from '../../ports/db-manager.js';
import { writeOf } from '../store/versioned-write.js';

/** Long enough for a batch, short enough to go on soon after a process died. */
export const LEASE_MS = 30_000;

export class Lease<S> {
  #version = 0;

  constructor(
    readonly db: DbManager<S>,
    readonly job: string,
    readonly holder: string,
    readonly now: () => number,
  ) {}

  get #id(): string {
    return `lease:${this.job}`;
  }

  /** Takes the lease, or keeps it; false when somebody else has it. */
  async take(): Promise<boolean> {
    const [row] = (await this.db.getMany('system', [this.#id])) as unknown as (SystemRow | null)[];
    const value = row?.value as { holder: string | null; until: number } | undefined;
    const isOurs = value?.holder === this.holder;
    if (row && value && value.holder !== null && !isOurs && value.until > this.now()) return false;
    // Lost to somebody in between: what this one did stays, and it stops.
    if (this.#version > 0 && (!isOurs || row?.version !== this.#version)) return false;
    return this.#write(row?.version ?? null, { holder: this.holder, until: this.now() + LEASE_MS });
  }

  async release(): Promise<void> {
    if (this.#version > 0) await this.#write(this.#version, { holder: null, until: 0 }).catch(() => false);
  }

  async #write(before: number | null, value: { holder: string | null; until: number }): Promise<boolean> {
    const version = (before ?? 0) + 1;
    const updatedAt = new Date(this.now());
    const row = { id: this.#id, version, kind: 'lease', value, updatedAt };
    const [outcome] = await this.db.commit([[writeOf('system', row)]]);
    if (outcome?.status === 'unknown') {
      // It may have been written: then nobody else takes it before it ends.
      const [row] = (await this.db.getMany('system', [this.#id])) as unknown as (SystemRow | null)[];
      const holder = (row?.value as { holder?: string | null } | undefined)?.holder ?? null;
      if (row?.version !== version || holder !== value.holder) return false;
    } else if (outcome?.status !== 'committed') return false;
    this.#version = version;
    return true;
  }
}
