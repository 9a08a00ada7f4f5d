/** Ends waiting calls at their deadline, or when their signal aborts. All calls share one timer. */
import { creditError } from '../../errors.js';
import { clearTimeout, monotonicNow, setTimeout } from '../../timers.js';
import { onAbort } from './abort-listeners.js';
import { Failed, lateError, type Operation } from './operation.js';

export class Deadlines {
  /** Unordered. Each operation knows its place, so that the last one can take its place when it leaves. */
  readonly #pending: Operation[] = [];
  #timer: NodeJS.Timeout | undefined;
  #firesAt = Number.POSITIVE_INFINITY;
  #latest = Number.POSITIVE_INFINITY;

  /** @param ended called with each operation that ended here and not in a batch */
  constructor(readonly ended: (operation: Operation, error: Error) => void) {}

  get size(): number {
    return this.#pending.length;
  }

  add(operation: Operation): void {
    operation.deadline = Math.min(operation.deadline, this.#latest);
    const { signal, deadline } = operation;
    if (signal) operation.forget = onAbort(signal, () => this.#abort(operation));
    operation.place = this.#pending.push(operation) - 1;
    if (deadline < this.#firesAt) this.#arm(deadline);
    else if (this.#pending.length === 1) this.#timer?.ref();
  }

  /** Forgets an operation; the pipeline calls it when it answers one. */
  remove(operation: Operation): void {
    operation.forget?.();
    const last = this.#pending.pop() as Operation;
    if (last !== operation) {
      this.#pending[operation.place] = last;
      last.place = operation.place;
    }
    // Nothing waits: the timer may still fire, but it must not keep the process alive.
    if (this.#pending.length === 0) this.#timer?.unref();
  }

  /**
   * Ends all that waits, and all that comes later, by `at`: a call that may take an hour must not keep a process that
   * closes.
   */
  endBy(at: number): void {
    this.#latest = at;
    for (const operation of this.#pending) operation.deadline = Math.min(operation.deadline, at);
    if (this.#pending.length > 0 && at < this.#firesAt) this.#arm(at);
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = at;
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, at - monotonicNow()) + 1);
  }

  #fire(): void {
    const now = monotonicNow();
    let next = Number.POSITIVE_INFINITY;
    this.#firesAt = next;
    for (const operation of [...this.#pending]) {
      if (operation.deadline > now) next = Math.min(next, operation.deadline);
      else this.#end(operation, lateError(operation));
    }
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next);
  }

  /** Answers `ABORTED` only to a call that was never sent. A sent call learns its true outcome. */
  #abort(operation: Operation): void {
    if (operation.state !== 'waiting' || operation.uncertain) return;
    this.#end(operation, creditError('ABORTED', 'The call was aborted before it was sent. Nothing was written.', {}));
  }

  #end(operation: Operation, error: Error): void {
    operation.state = 'answered';
    this.remove(operation);
    operation.settle(new Failed(error));
    this.ended(operation, error);
  }
}
