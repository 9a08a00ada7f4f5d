/** The requests to the fake provider: counted, and failing when a test wants them to. */
import { providerError } from '../payments/exchange.js';

/**
 * How a request fails. `refused`: for good. `away`: it may succeed later. `hang`: no answer comes before the signal is
 * aborted or `endHanging()` is called. `after the effect`: the provider has done what it was asked for all the same.
 */
export type FakeFault = 'refused' | 'away' | 'away after the effect' | 'hang' | 'hang after the effect';

export class FakeRequests {
  readonly made: string[] = [];
  readonly #name: string;
  readonly #faults: FakeFault[] = [];
  readonly #hanging = new Set<() => void>();

  constructor(name: string) {
    this.#name = name;
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
    throw providerError(this.#name, `${this.#name} did not answer`);
  }

  /** Rejects with the reason of the signal, or resolves when the test ends it. */
  #hang(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.#hanging.delete(end);
        reject(signal.reason);
      };
      const end = () => {
        this.#hanging.delete(end);
        signal.removeEventListener('abort', stop);
        resolve();
      };
      this.#hanging.add(end);
      signal.addEventListener('abort', stop, { once: true });
    });
  }
}
