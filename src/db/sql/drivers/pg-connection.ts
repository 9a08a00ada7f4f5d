/** A connection through `pg`: the way in which it sends statements, and how it goes back to its pool. */
import type { Awaitable } from '../../../models/values.js';
import type { SqlLease, SqlResult } from '../connection.js';
import type { SendAtOnce } from './guest-connection.js';
import { KeptStatements } from './kept-statements.js';
import { belowOf } from './pg-wire.js';

/** The members of a `pg` client that are used. */
export interface PgClientLike {
  readonly processID?: number | null;
  query(config: { text: string; values?: unknown[]; name?: string }): Promise<SqlResult>;
  release(error?: Error | boolean): void;
  on?(event: 'error' | 'end', listener: (error: Error) => void): unknown;
  removeListener?(event: 'error', listener: (error: Error) => void): unknown;
  ref?(): void;
  unref?(): void;
  /** Whether it sends the next statement at once. */
  readonly readyForQuery?: boolean;
}

/** A connection of a pool, and what is known about it. */
export class PgConnection {
  /** How it sends settings and a statement; null where it sends one after the other. */
  sendAtOnce: SendAtOnce | null = null;
  usedAt = 0;
  hasEnded = false;
  /** Whether the pool has handed it out. */
  isOut = true;

  constructor(readonly client: PgClientLike) {}

  /** Gives it back to the pool, which ends it where there is an error. */
  giveBack(error: Error | null = this.hasEnded ? new Error('The connection has ended.') : null): void {
    if (!this.isOut) return;
    this.isOut = false;
    this.client.removeListener?.('error', ignore);
    this.client.release(error ?? undefined);
  }

  /** Ends it at once, whatever it is doing. */
  destroy(): void {
    if (!this.isOut) return;
    // Ending it politely would wait for an answer that may never come.
    socketOf(this.client)?.destroy();
    // After that the socket still has an error to report, and needs a listener of ours.
    this.client.on?.('error', ignore);
    this.giveBack(new Error('The connection is no longer wanted.'));
  }
}

export function ignore(): void {}

/** Sends a statement, under a name where the connection keeps it. */
export function sendTo(
  client: PgClientLike,
  prepare: boolean,
  ...[text, values, isKept]: Parameters<SqlLease['query']>
): Promise<SqlResult> {
  const config = values ? { text, values: values as unknown[] } : { text };
  if (!prepare || !isKept) return client.query(config);
  const name = nameFor(client, text);
  if (typeof name === 'string') return sendNamed(client, text, values, name);
  return name.then((given) => sendNamed(client, text, values, given));
}

function sendNamed(client: PgClientLike, text: string, values: Parameters<SqlLease['query']>[1], name: string) {
  const given = (values ?? []) as unknown[];
  const isReady = () => client.readyForQuery === true;
  const wasReady = isReady();
  const answer = client.query({ text, values: given, name });
  // The driver keeps the values until the answer comes, and those of a full batch are a megabyte: the garbage collector
  // would copy them again and again.
  if (wasReady && !isReady()) given.length = 0;
  return answer;
}

const kept = new WeakMap<PgClientLike, KeptStatements>();

/** The name of a statement on this connection, which may give up another one for it. */
export function nameFor(client: PgClientLike, text: string): Awaitable<string> {
  const statements = kept.get(client) ?? new KeptStatements();
  kept.set(client, statements);
  const { name, givenUp } = statements.keep(text);
  return givenUp === null ? name : forget(client, givenUp).then(() => name);
}

async function forget(client: PgClientLike, name: string): Promise<void> {
  // A pooler may not know the name: then it has a limit of its own.
  await client.query({ text: `deallocate ${name}` }).catch(ignore);
  delete belowOf(client)?.parsedStatements?.[name];
}

/** The socket below a `pg` client, where it has one. */
function socketOf(client: PgClientLike): { destroy(): void } | undefined {
  const stream = belowOf(client)?.stream;
  return typeof stream?.destroy === 'function' ? (stream as { destroy(): void }) : undefined;
}
