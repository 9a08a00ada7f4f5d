/** How large a request may be, and the error for one that is larger. */
import { creditError } from '../errors.js';

/** The limits of a request. */
export const LIMITS = {
  bodyBytes: 1024 * 1024,
  /** Metadata has eight levels of its own. */
  depth: 16,
  /** A user id of 255 letters, each of them percent-encoded, and a cursor fit. */
  urlChars: 16 * 1024,
  headerChars: 32 * 1024,
  /** Milliseconds until a body must have arrived. */
  bodyMs: 30_000,
  /** Milliseconds until a stream of events ends. A client that comes again is asked again who it is. */
  streamMs: 15 * 60_000,
  /** Streams of events at once, and those of one caller. */
  streams: 1_000,
  streamsOfOne: 100,
} as const;

export function tooLarge(maxBytes: number) {
  return creditError('PAYLOAD_TOO_LARGE', `The request is larger than ${maxBytes} bytes.`, { maxBytes });
}
