/** Ends waiting calls at their deadline or when their signal aborts. One timer for all; none while nothing waits. */
import { creditError } from '../../errors.js';
import { clearTimeout, monotonicNow, setTimeout } from '../../timers.js';
import { lateError, type Operation } from './operation.js';

export class Deadlines {
  /** In no order; each operation knows its place, so that leaving is a swap. */
  readonly #pending: Operation[] = [];
  #timer: NodeJS.Timeout | undefined;
  #firesAt = Number.POSITIVE_INFINITY;

  /** @param ended told of each operation that ended here instead of in a batch */
  constructor(readonly ended: (operation: Operation) => void) {}

  get size(): number {
    return this.#pending.length;
  }

  add(operation: Operation): void {
    const { signal, deadline } = operation;
    if (signal) {
      operation.abort = () => this.#abort(operation);
      signal.addEventListener('abort', operation.abort, { once: true });
    }
    operation.place = this.#pending.push(operation) - 1;
    if (deadline < this.#firesAt) this.#arm(deadline);
    else if (this.#pending.length === 1) this.#timer?.ref();
  }

  /** Called when an operation is answered. */
  remove(operation: Operation): void {
    if (operation.abort) operation.signal?.removeEventListener('abort', operation.abort);
    const last = this.#pending.pop() as Operation;
    if (last !== operation) {
      this.#pending[operation.place] = last;
      last.place = operation.place;
    }
    // Nothing waits: the timer may fire idly, but must not keep the process alive.
    if (this.#pending.length === 0) this.#timer?.unref();
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

  /** `ABORTED` is answered only for what was never sent; a sent call is told its true outcome. */
  #abort(operation: Operation): void {
    if (operation.state !== 'waiting' || operation.uncertain) return;
    this.#end(operation, creditError('ABORTED', 'The call was aborted before it was sent. Nothing was written.', {}));
  }

  #end(operation: Operation, error: Error): void {
    operation.state = 'answered';
    this.remove(operation);
    operation.reject(error);
    this.ended(operation);
  }
}
