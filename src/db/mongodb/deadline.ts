/** One call of the port and its deadline: no deadline of the driver ends everything that it waits for. */
import type { StoreOptions } from '../../ports/db-manager.js';

/** Marks our own deadline. Work that is under way goes on, and stops by itself before its next step. */
export const LATE = new Error('The deadline came before the answer of the database.');

/** A call gives up this much earlier than its caller does, so that the caller hears that nothing was sent. */
const MARGIN_MS = 100;

export class Call {
  readonly until: number;
  readonly #late: Promise<never>;
  readonly #timer: NodeJS.Timeout;
  readonly #controller = new AbortController();
  #isLate = false;

  constructor(timeoutMs: number) {
    const ms = Math.max(1, Math.floor(timeoutMs - Math.min(MARGIN_MS, timeoutMs / 10)));
    this.until = performance.now() + ms;
    let fail: (error: Error) => void = () => {};
    this.#late = new Promise((_, reject) => {
      fail = reject;
    });
    this.#late.catch(() => {});
    const end = () => {
      this.#isLate = true;
      fail(LATE);
      this.#controller.abort(LATE);
    };
    this.#timer = setTimeout(end, Math.min(ms, 2 ** 31 - 1));
  }

  /** Aborts with LATE at the deadline. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get remainingMs(): number {
    return Math.max(1, Math.ceil(this.until - performance.now()));
  }

  /** Whether the deadline is over. True once anybody was told LATE, though timers may be early. */
  get isOver(): boolean {
    return this.#isLate || performance.now() >= this.until;
  }

  /** @throws LATE when the deadline is over */
  check(): void {
    if (this.isOver) throw LATE;
  }

  /** The answer of `work`, or LATE. */
  inTime<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#late]);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** Runs `work` with a deadline of its own. */
export async function within<T>(
  options: Pick<StoreOptions<never>, 'timeoutMs'> | undefined,
  timeoutMs: number,
  work: (call: Call) => Promise<T>,
): Promise<T> {
  const call = new Call(options?.timeoutMs ?? timeoutMs);
  try {
    return await call.inTime(work(call));
  } finally {
    call.end();
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
