/** Publishes events to a stream of NATS JetStream, each with the broker's acknowledgement. */
import type { JetStreamApiError } from '@nats-io/jetstream';
import { creditError } from '../errors.js';
import { type CreditEvent, type CreditEventType, creditEventTypes } from '../models/events.js';
import type { Delivery, EventSink } from '../ports/event-sink.js';
import type { LoggerLike } from '../ports/logger.js';
import { monotonicNow } from '../timers.js';
import { Connection, type NatsPlace, type Opened } from './connection.js';
import { type MessageStyle, messageOf, type NatsFormat, subjectOf, subjectOfType } from './envelope.js';
import { placeProblem } from './place.js';
import { listOf, makeStream, uncovered } from './streams.js';

export interface NatsSinkOptions extends NatsPlace {
  /** The name of the sink in the database, `[a-z][a-z0-9_-]{0,31}`; default `nats`. */
  readonly name?: string | undefined;
  /** The types of events that are published; without a list, all. See {@link EventSink}. */
  readonly types?: readonly CreditEventType[] | undefined;
  /** `envelope`, the default, as consumers of the merchant service know it, or `cloudevents`, version 1.0. */
  readonly format?: NatsFormat | undefined;
  /** The service that messages name as their source, default `credit-service`. */
  readonly source?: string | undefined;
  /** Whether the stream `CREDIT` is made where no stream takes our subjects; default false. */
  readonly createStreams?: boolean | undefined;
  /** Milliseconds until the broker must have acknowledged, 1–60,000, default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** Gets each problem once when it begins; default none, as `manager.health()` has it too. */
  readonly logger?: LoggerLike | undefined;
}

/** Streams are looked up again at most this often while one is missing. */
const LOOK_AGAIN_MS = 2_000;
const ENCODER = new TextEncoder();
/** The message is larger than its stream takes. */
const TOO_LARGE = 10054;

/**
 * Makes a sink that publishes each event to the subject `evt.` and its type, as `evt.credits.recharged`, and a dead
 * letter to `dlq.credits.` and its subject. An event counts as sent when JetStream has acknowledged it. `Nats-Msg-Id`,
 * `event_id` and `idempotency_key` are its id, and the bytes are the same at every delivery, so that the stream, and
 * consumers, know one that comes twice. Events of one account come one after another. The packages
 * `@nats-io/transport-node` and `@nats-io/jetstream` must be installed.
 *
 * While NATS is away, frozen, without a stream for the subject, or without permission, events wait in the database and
 * none is given up; `manager.health()` tells why. Only a message that is too large for the broker counts as refused.
 *
 * @throws CONFIGURATION; it names the wrong option, and never contains the password.
 * @example
 * const sink = natsSink({ url: 'nats://localhost:4222', createStreams: true });
 * const manager = createCreditManagement({ db, sinks: [sink] });
 * manager.start();
 */
export function natsSink(options: NatsSinkOptions): EventSink {
  const { name = 'nats', types, format = 'envelope', source = 'credit-service', timeoutMs = 5_000 } = options ?? {};
  const problem = problemWith(options);
  if (problem) throw creditError('CONFIGURATION', `natsSink: ${problem}.`, { problems: [problem] });
  // Those who take no messages have no dead letters: their subject is looked for when one is published.
  const usual = creditEventTypes.filter((type) => type !== 'inbox.dead_lettered');
  const subjects = (types ?? usual).map(subjectOfType);
  const publisher = new Publisher(options, { style: { format, source }, timeoutMs, subjects });
  return {
    name,
    ...(types && { types }),
    publish: (event) => publisher.publish(event),
    isReady: () => publisher.isReady(),
    problem: () => publisher.problem,
    close: () => publisher.close(),
  };
}

interface PublisherParts {
  readonly style: MessageStyle;
  readonly timeoutMs: number;
  /** Those of the types that the sink wants. */
  readonly subjects: string[];
}

class Publisher {
  readonly #connection: Connection;
  readonly #parts: PublisherParts;
  readonly #createStreams: boolean;
  readonly #logger: LoggerLike | undefined;
  /** The problem that was seen when the streams were last looked up. */
  #streamProblem: string | null = null;
  /** Subjects whose last message was not taken, with the reason. */
  readonly #untaken = new Map<string, string>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #logged: string | null = null;

  constructor({ createStreams = false, logger, ...place }: NatsSinkOptions, parts: PublisherParts) {
    this.#connection = new Connection(place);
    this.#parts = parts;
    this.#createStreams = createStreams;
    this.#logger = logger;
  }

  get problem(): string | null {
    const [untaken = null] = this.#untaken.values();
    return this.#connection.problem ?? this.#streamProblem ?? untaken;
  }

  async isReady(): Promise<boolean> {
    const isReady = await this.#connection.isReady();
    if (isReady && (this.#lookedAt === Number.NEGATIVE_INFINITY || this.problem !== null)) await this.#lookForStreams();
    this.#tell();
    return isReady;
  }

  async publish(event: CreditEvent): Promise<Delivery> {
    const { style, timeoutMs } = this.#parts;
    const { connection, client, headers } = await this.#connection.open();
    const { body, mediaType } = messageOf(event, style);
    const most = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
    const bytes = ENCODER.encode(body);
    if (bytes.length > most) return { rejected: `The message has ${bytes.length} bytes; the server takes ${most}.` };
    const head = headers();
    head.set('Content-Type', mediaType);
    if (event.traceparent !== undefined) head.set('traceparent', event.traceparent);
    const subject = subjectOf(event);
    try {
      await client.publish(subject, bytes, { msgID: event.id, headers: head, timeout: timeoutMs });
    } catch (error) {
      if ((error as JetStreamApiError).code === TOO_LARGE) return { rejected: (error as Error).message };
      this.#failed(error as Error, subject);
      throw error;
    }
    this.#untaken.delete(subject);
    return undefined;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #failed({ name, cause }: Error, subject: string): void {
    if (name === 'TimeoutError') this.#connection.suspect();
    if (name === 'JetStreamNotEnabled') {
      this.#untaken.set(subject, noStream([subject]));
      const { subjects } = this.#parts;
      if (!subjects.includes(subject)) subjects.push(subject);
    }
    if ((cause as Error | undefined)?.name === 'PermissionViolationError') {
      this.#untaken.set(subject, `NATS does not allow the user to publish to ${subject}: give it leave.`);
    }
  }

  /** Looks which subjects no stream takes, and makes one where that is wanted. Never rejects. */
  async #lookForStreams(): Promise<void> {
    if (monotonicNow() - this.#lookedAt < LOOK_AGAIN_MS) return;
    this.#lookedAt = monotonicNow();
    try {
      const { manager } = await this.#connection.open();
      this.#streamProblem = await this.#missing(manager);
    } catch (error) {
      this.#streamProblem = `The streams of NATS cannot be looked up: ${(error as Error).message}`;
    }
  }

  async #missing(manager: Opened['manager']): Promise<string | null> {
    const { subjects } = this.#parts;
    const missing = await uncovered(manager, subjects);
    if (missing.length === 0) return null;
    if (!this.#createStreams) return noStream(missing);
    try {
      await makeStream(manager, missing);
    } catch (error) {
      // Another process may have made it at the same time.
      const left = await uncovered(manager, missing);
      if (left.length > 0) return (error as Error).message;
    }
    return null;
  }

  /** Logs a problem once, and its end. */
  #tell(): void {
    const { problem } = this;
    if (problem === this.#logged) return;
    this.#logged = problem;
    if (problem === null) this.#logger?.info({}, 'Events go to NATS again');
    else this.#logger?.warn({ problem }, 'Events wait for NATS');
  }
}

function noStream(subjects: readonly string[]): string {
  return `No stream of NATS takes ${listOf(subjects)}: make one that does, or set the option createStreams.`;
}

const NAMES = [
  ...['connection', 'url', 'user', 'password', 'name', 'types', 'format', 'source', 'createStreams', 'timeoutMs'],
  'logger',
];

function problemWith(options: NatsSinkOptions): string | null {
  const wrong = placeProblem(options, NAMES);
  if (wrong !== null) return wrong;
  const { format, source = 's', createStreams = false, timeoutMs = 1 } = options;
  if (format !== undefined && format !== 'envelope' && format !== 'cloudevents') {
    return 'format is neither envelope nor cloudevents';
  }
  if (typeof source !== 'string' || !/^[\w.-]{1,100}$/.test(source)) {
    return 'source is not a name of letters, digits, dots and hyphens';
  }
  if (typeof createStreams !== 'boolean') return 'createStreams is neither true nor false';
  const isTime = Number.isSafeInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= 60_000;
  return isTime ? null : 'timeoutMs is not a whole number from 1 to 60,000';
}
