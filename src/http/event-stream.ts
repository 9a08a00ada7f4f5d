/** Server-sent events, as https://html.spec.whatwg.org/multipage/server-sent-events.html has them. */
import { creditError } from '../errors.js';
import type { Json } from '../models/values.js';
import { clearTimeout, setTimeout } from '../timers.js';
import { LIMITS } from './limits.js';

/** Begins to tell events, each by its name and what it is about, until the function that it answers is called. */
export type Subscribe = (tell: (name: string, topic: string, data: Json) => void, end: () => void) => () => void;

/** Proxies end a connection that is silent for longer. */
const BEAT_MS = 15_000;
const BEAT = ': still here\n\n';
/** Milliseconds after which a client that lost the stream shall ask again. */
const RETRY = 'retry: 5000\n\n';

export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
};

/** The streams of an API: so many at once, and so many of one caller. */
export class EventStreams {
  #open = 0;
  readonly #byListener = new Map<string, number>();

  /** @throws RATE_LIMITED where as many listen as may */
  open(listener: string, subscribe: Subscribe): ReadableStream<Uint8Array> {
    const own = this.#byListener.get(listener) ?? 0;
    if (this.#open >= LIMITS.streams || own >= LIMITS.streamsOfOne) {
      const retryAfterSeconds = LIMITS.streamMs / 1000;
      throw creditError('RATE_LIMITED', 'As many clients listen as may at once.', { retryAfterSeconds });
    }
    const stream = eventStream(subscribe, () => this.#count(listener, -1));
    this.#count(listener, 1);
    return stream;
  }

  #count(listener: string, change: number): void {
    this.#open += change;
    const own = (this.#byListener.get(listener) ?? 0) + change;
    if (own === 0) this.#byListener.delete(listener);
    else this.#byListener.set(listener, own);
  }
}

/**
 * The bytes of a stream of events. A client that reads slowly gets the newest event of each topic, so that
 * no stream holds more than one event of each. `ended` is called once, however it ends.
 */
export function eventStream(subscribe: Subscribe, ended: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const waiting = new Map<string, string>([['', RETRY]]);
  let isOver = false;
  let wake = () => {};
  let stop = () => {};
  let beat: ReturnType<typeof setTimeout> | undefined;
  let late: ReturnType<typeof setTimeout> | undefined;
  const tell = (topic: string, text: string) => {
    waiting.delete(topic);
    waiting.set(topic, text);
    wake();
  };
  const end = () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(beat);
    clearTimeout(late);
    stop();
    ended();
    wake();
  };
  const beatAgain = () => {
    beat = setTimeout(() => {
      tell('', BEAT);
      beatAgain();
    }, BEAT_MS);
    beat.unref?.();
  };
  // Where it throws nothing has begun.
  stop = subscribe(
    (name, topic, data) => tell(`${name} ${topic}`, `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`),
    end,
  );
  late = setTimeout(end, LIMITS.streamMs);
  late.unref?.();
  beatAgain();
  return new ReadableStream({
    async pull(controller) {
      if (waiting.size === 0 && !isOver) await new Promise<void>((resolve) => (wake = resolve));
      const text = [...waiting.values()].join('');
      waiting.clear();
      if (text !== '') controller.enqueue(encoder.encode(text));
      if (isOver) controller.close();
    },
    cancel: end,
  });
}
