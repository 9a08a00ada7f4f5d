/** The requests to the fake provider: counted, and failing when a test wants them to. */
import { providerError } from '../payments/exchange.js';
import { clearTimeout, setTimeout } from '../timers.js';

/**
 * How a request fails. `refused`: for good. `away`: it may succeed later. `hang`: no answer comes before the time
 * limit, the signal or `endHanging()` ends it. `slow`: the answer comes when `endHanging()` lets it. `after the
 * effect`: the provider has done what it was asked for all the same.
 */
export type FakeFault = 'refused' | 'away' | 'away after the effect' | 'hang' | 'hang after the effect' | 'slow';

export class FakeRequests {
  readonly made: string[] = [];
  readonly #name: string;
  readonly #faults: FakeFault[] = [];
  readonly #hanging = new Set<() => void>();
  readonly #timeoutMs: number;

  constructor(name: string, timeoutMs: number) {
    this.#name = name;
    this.#timeoutMs = timeoutMs;
  }

  failNext(...faults: readonly FakeFault[]): void {
    this.#faults.push(...faults);
  }

  endHanging(): void {
    for (const end of this.#hanging) end();
  }

  async run<T>(method: string, signal: AbortSignal, effect: () => T): Promise<T> {
    signal.throwIfAborted();
    this.made.push(method);
    const fault = this.#faults.shift();
    // Nothing that asks somebody else answers at once.
    await Promise.resolve();
    if (fault === undefined) return effect();
    if (fault.endsWith('after the effect')) effect();
    if (fault === 'refused') throw providerError(this.#name, `${this.#name} refused`, { retryable: false });
    if (fault.startsWith('hang')) await this.#hang(signal);
    if (fault === 'slow') {
      await this.#hang(signal);
      return effect();
    }
    throw providerError(this.#name, `${this.#name} did not answer`);
  }

  /** Resolves when the test ends it. Rejects with the reason of the signal, or when the time is over. */
  #hang(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => () => {
        clearTimeout(timer);
        this.#hanging.delete(end);
        signal.removeEventListener('abort', stop);
        settle();
      };
      const end = finish(resolve);
      const stop = finish(() => reject(signal.reason));
      const late = () => reject(providerError(this.#name, `${this.#name} did not answer within ${this.#timeoutMs} ms`));
      const timer = setTimeout(finish(late), this.#timeoutMs);
      this.#hanging.add(end);
      signal.addEventListener('abort', stop, { once: true });
    });
  }
}
