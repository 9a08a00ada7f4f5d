/** Indexes that `init` found missing on tables in use. They are built as long as it takes, whatever `init` waits. */
import { creditError } from '../../errors.js';
import type { CallConnection, Calls } from './calls.js';
import type { Dialect, NewIndex } from './dialect.js';
import { storageFailure } from './failures.js';

const UNBOUNDED_MS = 2 ** 31 - 1;

export class IndexBuilds {
  readonly #calls: Calls;
  readonly #dialect: Dialect;
  #building: Promise<void> | null = null;
  #connection: CallConnection | null = null;

  constructor(calls: Calls, dialect: Dialect) {
    this.#calls = calls;
    this.#dialect = dialect;
  }

  /**
   * Waits until the indexes are built, by this process or by another one.
   *
   * @throws STORAGE_UNAVAILABLE when that takes longer: the build goes on, and a later call waits for it again.
   */
  async wait(indexes: readonly NewIndex[], timeoutMs: number): Promise<void> {
    if (indexes.length === 0) return;
    this.#building ??= this.#build(indexes).finally(() => {
      this.#building = null;
    });
    // Nobody may be waiting for it when it fails.
    this.#building.catch(() => {});
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(stillBuilding(indexes)), Math.max(0, timeoutMs));
    });
    try {
      await Promise.race([this.#building, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Breaks a build off. The next one begins it again. */
  close(): void {
    this.#connection?.break();
  }

  async #build(indexes: readonly NewIndex[]): Promise<void> {
    const connection = await this.#calls.open({ timeoutMs: UNBOUNDED_MS });
    this.#connection = connection;
    try {
      for (const { table, index } of indexes) await this.#dialect.buildIndex(connection, table, index);
    } catch (error) {
      throw storageFailure(this.#dialect, error);
    } finally {
      this.#connection = null;
      connection.end();
    }
  }
}

function stillBuilding(indexes: readonly NewIndex[]) {
  const names = indexes.map(({ index }) => index.name).join(', ');
  const message = `Indexes are still being built: ${names}. The build goes on; try again, or raise initTimeoutMs.`;
  return creditError('STORAGE_UNAVAILABLE', message, {});
}
