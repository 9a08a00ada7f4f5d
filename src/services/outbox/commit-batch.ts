/** Commits the units of many tasks together: one commit is under way, what comes meanwhile travels in the next. */
import type { Unit, UnitOutcome } from '../../ports/db-manager.js';
import type { Tables } from '../store/tables.js';

const TIMEOUT_MS = 10_000;

type Waiting = { unit: Unit; resolve: (outcome: UnitOutcome) => void; reject: (error: unknown) => void };

/** No two waiting units share a document: the batch belongs to one run, in which each account has one task. */
export class UnitBatch<S> {
  #waiting: Waiting[] = [];
  #isBusy = false;

  constructor(readonly tables: Tables<S>) {}

  commit(unit: Unit): Promise<UnitOutcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ unit, resolve, reject });
      if (!this.#isBusy) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        const units = batch.map(({ unit }) => unit);
        const outcomes = await this.tables.write(units, { timeoutMs: TIMEOUT_MS });
        for (const [i, { resolve }] of batch.entries()) resolve(outcomes[i] as UnitOutcome);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isBusy = false;
  }
}
