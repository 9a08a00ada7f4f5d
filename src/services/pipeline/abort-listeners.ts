/** Listens to the signals of callers: one listener for each signal, however many calls have it. */

interface Heard {
  readonly runs: Set<() => void>;
  readonly listener: () => void;
}

/** A signal may live as long as the process: nothing here keeps one, and no signal keeps a call that has ended. */
const heard = new WeakMap<AbortSignal, Heard>();

/**
 * Calls `run` when the signal aborts, or at once where it has. The function that it returns takes that back; every
 * caller calls it in the end. Node takes a signal with more than ten listeners for a leak, so that calls share one.
 */
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  if (signal.aborted) {
    run();
    return () => {};
  }
  const { runs, listener } = heard.get(signal) ?? listenTo(signal);
  runs.add(run);
  return () => {
    if (!runs.delete(run) || runs.size > 0 || heard.get(signal)?.runs !== runs) return;
    heard.delete(signal);
    signal.removeEventListener('abort', listener);
  };
}

function listenTo(signal: AbortSignal): Heard {
  const runs = new Set<() => void>();
  const listener = () => {
    heard.delete(signal);
    for (const run of [...runs]) run();
  };
  const made = { runs, listener };
  heard.set(signal, made);
  signal.addEventListener('abort', listener, { once: true });
  return made;
}
