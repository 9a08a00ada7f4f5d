/** The port to brokers that messages of other systems come from. */
import type { Reception } from '../models/records/inbox.js';

/** A message as a broker gives it. */
export interface InboundMessage {
  /** The subject, topic or queue that it came by, 1–255 characters. */
  readonly subject: string;
  /** Its bytes, or its text. */
  readonly body: Uint8Array | string;
  /** The stream that it is kept in. */
  readonly stream?: string | undefined;
  /** Its sequence in that stream. */
  readonly sequence?: number | undefined;
  /** Its header `traceparent`, where it has one: the work on it is then part of its sender's trace. */
  readonly traceparent?: string | undefined;
}

/** Takes messages. `manager.inbox` is one. */
export interface MessageInbox {
  /**
   * Applies a message once, however often it comes. A broker may acknowledge it when this resolves, whatever the
   * outcome; when it rejects, the message has to come again later.
   */
  receive(message: InboundMessage): Promise<Reception>;
  /** Calls `added` with each subject that the host has a handler for, now and later. */
  onSubject(added: (subject: string) => void): () => void;
}

/** A broker that messages come from, in order of no account. `start` of a manager starts it, `close` ends it. */
export interface MessageSource {
  /** `[a-z][a-z0-9_-]{0,31}` */
  readonly name: string;
  /** Begins to give messages to the inbox. A second call does nothing. It must not throw. */
  start(inbox: MessageInbox): void;
  /** Tells what keeps it from getting messages, and what to do; null for nothing. `manager.health()` repeats it. */
  problem?(): string | null;
  /** Takes no more messages, and resolves when those under way are done with, within five seconds. */
  close(): Promise<void>;
}
