/** The loop that takes messages of one subject: whatever fails, it goes on. */
import { randomInt } from 'node:crypto';
import type { Consumer, ConsumerConfig, ConsumerMessages, JetStreamManager, JsMsg } from '@nats-io/jetstream';
import type { MessageInbox } from '../ports/message-source.js';
import { clearInterval, monotonicNow, setInterval, sleep } from '../timers.js';
import type { Connection } from './connection.js';
import { makeStreamsIn, streamOf } from './streams.js';

const NANOS_OF_A_MS = 1_000_000;
/** The server gives a message to somebody else when it has heard nothing of it for so long. */
const ACK_WAIT_MS = 30_000;
/** One request for messages; the next one follows at once. */
const FETCH_MS = 5_000;
const PAUSE_MIN_MS = 250;
const PAUSE_MAX_MS = 5_000;
/** So long `close` waits for messages under way. */
const CLOSE_MS = 5_000;
const NAK_MIN_MS = 500;
const NAK_MAX_MS = 60_000;

/** The problem of one that has not been tried yet. */
export const STARTING = 'It is starting: its consumers are being looked up.';

export interface SubscriptionParts {
  readonly subject: string;
  readonly inbox: MessageInbox;
  readonly connection: Connection;
  /** The first part of the durable consumer's name. */
  readonly durable: string;
  /** The most messages under way at once. */
  readonly maxInFlight: number;
  /** All subjects that are consumed, where streams are to be made for them. */
  readonly makeFor: (() => readonly string[]) | null;
  /** Called when `problem` may have changed. */
  readonly told: () => void;
}

export class Subscription {
  readonly #parts: SubscriptionParts;
  readonly #working = new Set<Promise<void>>();
  #messages: ConsumerMessages | null = null;
  /**
   * How many messages may be under way now. Messages that fail halve it, and each that is taken adds one: a database
   * that is slow would otherwise have so many at once that none of them ends in time.
   */
  #limit: number;
  #halvedAt = Number.NEGATIVE_INFINITY;
  /** So often the server hears that a message is still worked on. */
  #progressMs = ACK_WAIT_MS / 3;
  #isClosed = false;
  #looping: Promise<void> | null = null;
  #freed: (() => void) | null = null;
  #ended = () => {};
  readonly #end = new Promise<void>((resolve) => (this.#ended = resolve));
  /** Why no messages come; null while they do. */
  problem: string | null = STARTING;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#limit = parts.maxInFlight;
  }

  start(): void {
    this.#looping ??= this.#loop();
  }

  /** Fetches no more, and resolves when the messages under way are done with. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#ended();
    this.#messages?.stop();
    await this.#looping;
    await Promise.race([Promise.all(this.#working), sleep(CLOSE_MS)]);
  }

  async #loop(): Promise<void> {
    for (let failures = 0; !this.#isClosed; ) {
      try {
        const consumer = await this.#consumer();
        this.#tell(null);
        failures = 0;
        await this.#fetchFrom(consumer);
      } catch (error) {
        if (this.#isClosed) return;
        this.#tell(this.#reasonOf(error));
        failures++;
        await this.#pause(Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** Math.min(failures, 10)));
      }
    }
  }

  /** Takes messages until a request fails. */
  async #fetchFrom(consumer: Consumer): Promise<void> {
    while (!this.#isClosed) {
      // Few free places are not worth a request: the next one asks for a quarter of them at least.
      while (this.#free < Math.max(1, this.#limit / 4) && !this.#isClosed) await this.#place();
      if (this.#isClosed) return;
      const messages = await consumer.fetch({ max_messages: this.#free, expires: FETCH_MS });
      this.#messages = messages;
      if (this.#isClosed) messages.stop();
      for await (const message of messages) this.#take(message);
      this.#messages = null;
    }
  }

  get #free(): number {
    return this.#limit - this.#working.size;
  }

  #take(message: JsMsg): void {
    const working = this.#work(message).finally(() => {
      this.#working.delete(working);
      this.#freed?.();
    });
    this.#working.add(working);
  }

  /** Applies a message and tells the server. Never rejects. */
  async #work(message: JsMsg): Promise<void> {
    const { subject, inbox } = this.#parts;
    const beganAt = monotonicNow();
    const progress = setInterval(() => message.working(), this.#progressMs);
    try {
      const { stream, streamSequence: sequence } = message.info;
      const traceparent = message.headers?.get('traceparent') || undefined;
      const { outcome } = await inbox.receive({ subject, body: message.data, stream, sequence, traceparent });
      this.#limit = Math.min(this.#parts.maxInFlight, this.#limit + 1);
      // Servers before 2.10 take no reason. One that misses this gives the message again, and its dead letter is known.
      if (outcome === 'dead_lettered') message.term();
      // An acknowledgement that is lost brings the message again, and its receipt tells.
      else await message.ackAck();
    } catch {
      // Those that were under way together are one failure.
      if (beganAt > this.#halvedAt) {
        this.#limit = Math.max(1, Math.floor(this.#limit / 2));
        this.#halvedAt = monotonicNow();
      }
      try {
        if (!this.#isClosed) message.nak(nakMs(message.info.deliveryCount));
      } catch {
        // Without a connection the server gives the message to somebody after its time.
      }
    } finally {
      clearInterval(progress);
    }
  }

  /** The durable consumer, made where there is none, on the stream that takes the subject. */
  async #consumer(): Promise<Consumer> {
    const { subject, connection, durable, maxInFlight, makeFor } = this.#parts;
    const { client, manager } = await connection.open();
    let stream = await streamOf(manager, subject);
    if (stream === null && makeFor) {
      await makeStreamsIn(manager, makeFor()).catch(async (error: unknown) => {
        // Another process may have made it at the same time.
        if ((await streamOf(manager, subject)) === null) throw new Told((error as Error).message);
      });
      stream = await streamOf(manager, subject);
    }
    if (stream === null) {
      throw new Told(`No stream of NATS takes ${subject}: make one that does, or set the option createStreams.`);
    }
    const name = `${durable}_${subject.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`;
    const config = await consumerOf(manager, stream, name, {
      ...{ durable_name: name, filter_subject: subject, ack_policy: 'explicit', deliver_policy: 'all' },
      ...{ ack_wait: ACK_WAIT_MS * NANOS_OF_A_MS, max_deliver: -1, max_ack_pending: maxInFlight * 4 },
    } as unknown as ConsumerConfig);
    if (config.filter_subject !== subject || config.ack_policy !== 'explicit' || (config.max_deliver ?? -1) > 0) {
      const wanted = `filter_subject ${subject}, ack_policy explicit and no max_deliver`;
      throw new Told(`The consumer ${name} of the stream ${stream} is not as it must be: give it ${wanted}.`);
    }
    this.#progressMs = (config.ack_wait ?? ACK_WAIT_MS * NANOS_OF_A_MS) / NANOS_OF_A_MS / 3;
    return client.consumers.get(stream, name);
  }

  #reasonOf(error: unknown): string {
    if (error instanceof Told) return error.message;
    const { message, name } = error as Error;
    if (/permission/i.test(`${name} ${message}`)) {
      return `NATS does not allow the user to consume ${this.#parts.subject}: ${message}`;
    }
    return this.#parts.connection.problem ?? `Messages of ${this.#parts.subject} cannot be fetched: ${message}`;
  }

  #tell(problem: string | null): void {
    this.problem = problem;
    this.#parts.told();
  }

  /** Resolves when a message under way is done with. */
  #place(): Promise<void> {
    const freed = new Promise<void>((resolve) => (this.#freed = resolve));
    return Promise.race([freed, this.#end]);
  }

  #pause(ms: number): Promise<void> {
    return Promise.race([sleep(ms), this.#end]);
  }
}

/** A problem in words of ours. */
class Told extends Error {}

const NO_CONSUMER = 10014;

/** How a consumer is set; it is made where there is none, and one that is there is not changed. */
async function consumerOf(
  manager: JetStreamManager,
  stream: string,
  name: string,
  wanted: ConsumerConfig,
): Promise<ConsumerConfig> {
  try {
    return (await manager.consumers.info(stream, name)).config;
  } catch (error) {
    if ((error as { code?: unknown }).code !== NO_CONSUMER) throw error;
    return (await manager.consumers.add(stream, wanted)).config;
  }
}

/** Twice as long after each delivery; half of it by chance, so that messages do not come back at once. */
function nakMs(deliveries: number): number {
  const longest = Math.min(NAK_MAX_MS, NAK_MIN_MS * 2 ** Math.min(deliveries - 1, 20));
  return randomInt(longest / 2, longest + 1);
}
