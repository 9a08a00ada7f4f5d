/** A connection to NATS as the library uses it: of the host's or our own, and whether it works. */
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { creditError } from '../errors.js';
import { monotonicNow, withDeadline } from '../timers.js';

/** The members of a connection of `@nats-io/transport-node` (3) by which it is known. The host's own satisfies it. */
export interface NatsConnectionLike {
  isClosed(): boolean;
  flush(): Promise<void>;
  status(): AsyncIterable<{ readonly type: string }>;
}

/** Where NATS is: a connection of the host's own, which stays open, or URLs. */
export interface NatsPlace {
  /** A connection of `@nats-io/transport-node`. It stays the host's: `close` does not close it. */
  readonly connection?: NatsConnectionLike | undefined;
  /** `nats://…` or `tls://…`, one or several, for a connection of our own. */
  readonly url?: string | readonly string[] | undefined;
  /** The user of a connection of our own. */
  readonly user?: string | undefined;
  /** The password of that user. */
  readonly password?: string | undefined;
}

/** A connection that was made, and JetStream on it. */
export interface Opened {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  /** Makes the headers of a message. */
  readonly headers: () => MsgHdrs;
}

const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_MS = 500;
/** After a connection that was not made, the next one is tried so much later. */
const AGAIN_MS = 2_000;
/** A server that does not answer pings for twice this long is given up for another. */
const PING_MS = 5_000;
const PROBE_TIMEOUT_MS = 1_000;

export class Connection {
  readonly #place: NatsPlace;
  #opening: Promise<Opened> | null = null;
  #opened: Opened | null = null;
  #triedAt = Number.NEGATIVE_INFINITY;
  #isUp = false;
  #isSuspect = false;
  #isClosed = false;
  /** Why it does not work; null while it does. */
  problem: string | null = null;

  constructor(place: NatsPlace) {
    this.#place = place;
  }

  /** The connection, made where there is none. Rejects where it cannot be made, or was lost. */
  async open(): Promise<Opened> {
    if (this.#isClosed) throw new Error('The connection to NATS is closed.');
    if (this.#opened && !this.#isUp) throw new Error('NATS is not connected.');
    if (this.#opened) return this.#opened;
    if (this.#opening === null) {
      if (monotonicNow() - this.#triedAt < AGAIN_MS) throw new Error(this.problem ?? 'NATS is not connected.');
      this.#opening = this.#open().finally(() => {
        this.#opening = null;
        this.#triedAt = monotonicNow();
      });
    }
    return this.#opening;
  }

  /** Whether it works now. One that left a request without an answer has to answer a ping first. */
  async isReady(): Promise<boolean> {
    try {
      const { connection } = await this.open();
      if (this.#isSuspect) {
        await withDeadline(connection.flush(), PROBE_TIMEOUT_MS, () => new Error('NATS does not answer.'));
        this.#isSuspect = false;
        this.problem = null;
      }
      return true;
    } catch (error) {
      this.problem ??= reasonOf(error);
      return false;
    }
  }

  /** Told of a request that had no answer. */
  suspect(): void {
    this.#isSuspect = true;
  }

  /** Closes a connection of our own. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const opened = await this.#opening?.catch(() => null);
    const { connection } = opened ?? this.#opened ?? {};
    if (!this.#place.connection) await connection?.close();
  }

  async #open(): Promise<Opened> {
    try {
      const { jetstream, jetstreamManager } = await peer('@nats-io/jetstream', () => import('@nats-io/jetstream'));
      const { headers, connect } = await peer('@nats-io/transport-node', () => import('@nats-io/transport-node'));
      const given = this.#place.connection as NatsConnection | undefined;
      const connection = given ?? (await this.#connect(connect));
      // The API is not asked at once: a server that is starting has none yet.
      const manager = await jetstreamManager(connection, { checkAPI: false });
      const opened = { connection, client: jetstream(connection), manager, headers };
      this.#opened = opened;
      this.#isUp = !connection.isClosed();
      this.problem = this.#isUp ? null : 'The connection to NATS is closed.';
      void this.#follow(opened);
      return opened;
    } catch (error) {
      this.problem = reasonOf(error);
      throw error;
    }
  }

  #connect(connect: typeof import('@nats-io/transport-node').connect): Promise<NatsConnection> {
    const { url, user, password } = this.#place;
    return connect({
      servers: typeof url === 'string' ? url.split(',') : [...(url ?? [])],
      ...(user !== undefined && { user, pass: password ?? '' }),
      ...{ name: 'credit-management', timeout: CONNECT_TIMEOUT_MS, maxReconnectAttempts: -1 },
      // Without traces: an error object with its stack for every publish would cost as much as all else of it.
      ...{ reconnectTimeWait: RECONNECT_MS, pingInterval: PING_MS, maxPingOut: 2, noAsyncTraces: true },
    });
  }

  /** Notes what the connection tells of itself, until it is closed; one of our own is made anew then. */
  async #follow(opened: Opened): Promise<void> {
    for await (const status of opened.connection.status()) {
      if (status.type === 'disconnect' || status.type === 'staleConnection') {
        this.#isUp = false;
        this.problem = 'NATS is not connected.';
      } else if (status.type === 'reconnect') {
        this.#isUp = true;
        this.problem = null;
      } else if (status.type === 'close') break;
    }
    this.#isUp = false;
    if (this.#isClosed) return;
    this.problem = 'The connection to NATS is closed.';
    if (!this.#place.connection) this.#opened = null;
  }
}

/** An optional package. @throws CONFIGURATION where it is not installed */
async function peer<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause;
    const problem = `${name} is not installed: npm install @nats-io/transport-node @nats-io/jetstream`;
    throw creditError('CONFIGURATION', `NATS needs a package: ${problem}.`, { problems: [problem] }, { cause });
  }
}

/** A sentence that names the remedy where one is known. It never holds the URL, which may hold a password. */
function reasonOf(error: unknown): string {
  const { message = String(error), code, name } = error as { message?: string; code?: unknown; name?: string };
  if (name === 'AuthorizationError' || /authorization/i.test(message)) {
    return 'NATS refuses the user or the password: see the options user and password (NATS_USER, NATS_PASSWORD).';
  }
  if (code === 'CONFIGURATION') return message;
  return `NATS cannot be reached: ${message.replaceAll(/\w+:\/\/\S+/g, '(a URL)')}`;
}
