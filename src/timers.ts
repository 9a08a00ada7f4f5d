/** The timers as they were when the library was loaded: a host's fake timers must not stop its money. */
export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = globalThis;
export const monotonicNow = performance.now.bind(performance);
export const wallNow = Date.now.bind(Date);

/**
 * Rejects with the error that `late` makes when the promise has not settled in time; the promise itself goes on. An
 * answer that has arrived while the process was busy counts: it is read before the time is found to be over.
 */
export function withDeadline<T>(promise: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => reject(late())), Math.max(0, timeoutMs));
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
