/** The service of the inbox: every message of another system passes `receive`, and is applied once. */
import { randomInt } from 'node:crypto';
import { type CreditErrorCode, creditError, isCreditError } from '../../errors.js';
import type { InboxRow } from '../../models/inbox.js';
import { deadLetterReplaySchema, deadLettersSchema, subjectSchema } from '../../models/inputs/inbox.js';
import type { Reception } from '../../models/records/inbox.js';
import type { Awaitable } from '../../models/values.js';
import type { InboundMessage } from '../../ports/message-source.js';
import { sleep } from '../../timers.js';
import { accounts } from '../credits/accounts.js';
import { spending } from '../credits/spending.js';
import { Verbs } from '../credits/verbs.js';
import { named } from '../input/named.js';
import { notValid, parse, parseId, parseOptions } from '../input/parse.js';
import type { OrderService } from '../payments/orders-contract.js';
import type { Engine } from '../pipeline/engine.js';
import { Receipt, takenError, toReceipt } from '../pipeline/receipts.js';
import { RowReads } from '../pipeline/row-reads.js';
import type { Tracing } from '../pipeline/tracing.js';
import { storageError } from '../store/storage-error.js';
import { insertOf } from '../store/tables.js';
import type { HandlerAnswer, HandlerOptions, InboxService, PayloadSchema, ReceivedMessage } from './contract.js';
import { type DeadLetterParts, DeadLetters, messageOf, type Reason, toDeadLetter } from './dead-letters.js';
import { BUILT_IN, type BuiltIn, type Effects } from './handlers.js';
import { bareEnvelope, type Envelope, envelopeOf, jsonOf, type RawMessage, rawMessage } from './reading.js';

export interface InboxParts<S> extends DeadLetterParts<S> {
  /** Orders whose effects commit with the receipt of that engine. */
  readonly ordersOn: (engine: Engine<S>) => OrderService;
  readonly tracing: Tracing | null;
}

interface HostHandler<S> {
  readonly schema: PayloadSchema<never>;
  readonly run: (message: ReceivedMessage<never, S>) => Awaitable<HandlerAnswer>;
  readonly eventId: ((body: never) => string) | undefined;
}

/** Errors that say nothing about the message: it comes again. */
const PASSING: ReadonlySet<CreditErrorCode> = new Set<CreditErrorCode>([
  ...(['CONTENTION', 'OUTCOME_UNKNOWN', 'STORAGE_UNAVAILABLE', 'TRANSACTIONS_UNSUPPORTED', 'TIMEOUT'] as const),
  ...(['LEDGER_FILE_UNAVAILABLE', 'LEDGER_CORRUPT', 'LEASE_LOST', 'PROVIDER_ERROR', 'RATE_LIMITED'] as const),
  ...(['CONFIGURATION', 'ABORTED', 'CLOSED', 'INVARIANT_VIOLATION'] as const),
]);

/** Transactions that are begun for a handler before its message goes back to the broker. */
const ATTEMPTS_MAX = 4;

/** A handler of the host has rejected the message. */
class Rejected extends Error {}

/** Somebody else has the receipt, or is writing it. */
class NotOurs extends Error {
  constructor(readonly isLocked: boolean) {
    super('The receipt is not ours.');
  }
}

export class Inbox<S> {
  readonly #parts: InboxParts<S>;
  readonly #letters: DeadLetters<S>;
  readonly #reads: RowReads<S>;
  readonly #handlers = new Map<string, HostHandler<S>>();
  readonly #added = new Set<(subject: string) => void>();
  /** Messages on their way in this process: a copy waits for the one before it. */
  readonly #underWay = new Map<string, Promise<unknown>>();
  readonly service: InboxService<S>;

  constructor(parts: InboxParts<S>) {
    this.#parts = parts;
    this.#letters = new DeadLetters(parts);
    this.#reads = new RowReads(parts.engine);
    const { engine } = parts;
    const verbs = named<Omit<InboxService<S>, 'on' | 'onSubject'>>({
      receive: async (given) => {
        const message = rawMessage(given);
        const receive = () => engine.begin(() => this.#receive(message));
        return parts.tracing ? traced(parts.tracing, given, receive) : receive();
      },
      getReceipt: async (subject, eventId) => {
        const key = keyOf(parse(subjectSchema, subject, 'subject'), parseId(eventId, 'eventId'));
        const row = await this.#reads.get('inbox', key, { fresh: true });
        return row && toReceipt(row);
      },
      listDeadLetters: async (given) => this.#letters.list(parseOptions(deadLettersSchema, given)),
      getDeadLetter: async (id) => {
        const row = await this.#letters.get(parseId(id, 'id'));
        return row && toDeadLetter(row);
      },
      replayDeadLetter: async (id, given) => {
        const { body } = parseOptions(deadLetterReplaySchema, given);
        const letterId = parseId(id, 'id');
        return engine.begin(() => this.#replay(letterId, body));
      },
      dropDeadLetter: async (id) =>
        toDeadLetter(await this.#letters.close(await this.#letters.found(parseId(id, 'id')), 'dropped')),
    });
    this.service = {
      ...verbs,
      on: (subject, schema, handler, options) => this.#on(subject, schema, handler, options),
      onSubject: (added) => {
        for (const subject of this.#handlers.keys()) added(subject);
        this.#added.add(added);
        return () => void this.#added.delete(added);
      },
    };
  }

  /** Deletes receipts, and dead letters that are done with, from before an instant. Answers how many. */
  async deleteBefore(before: Date, signal: AbortSignal | undefined): Promise<number> {
    const { store } = this.#parts.engine;
    let deleted = 0;
    const query = { index: 'received', range: { field: 'receivedAt', lt: before } };
    for (const model of ['inbox', 'dead_letter'] as const) {
      for await (const rows of this.#reads.pages(model, query, { signal })) {
        const old = rows.filter((row) => !('status' in row) || row.status !== 'open');
        const units = old.map(({ id: key, version }) => [
          { op: 'delete', model, key, expectedVersion: version } as const,
        ]);
        const outcomes = units.length > 0 ? await store.write(units) : [];
        deleted += outcomes.filter(({ status }) => status === 'committed').length;
      }
    }
    return deleted;
  }

  #on<T>(
    given: string,
    schema: PayloadSchema<T>,
    handler: (message: ReceivedMessage<T, S>) => Awaitable<HandlerAnswer>,
    { eventId }: HandlerOptions<T> = {},
  ): void {
    const subject = parse(subjectSchema, given, 'subject');
    if (typeof schema?.safeParse !== 'function') throw notValid('schema', 'a schema, such as z.object({ … })');
    if (typeof handler !== 'function') throw notValid('handler', 'a function');
    if (eventId !== undefined && typeof eventId !== 'function') throw notValid('options.eventId', 'a function');
    if (this.#handlers.has(subject)) throw notValid('subject', `one without a handler; ${subject} has one`);
    this.#handlers.set(subject, { schema, run: handler, eventId } as unknown as HostHandler<S>);
    for (const added of this.#added) added(subject);
  }

  async #receive(message: RawMessage): Promise<Reception> {
    try {
      return await this.#apply(message);
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === null) throw error;
      return this.#letters.bury(message, reason);
    }
  }

  async #replay(id: string, repaired: string | undefined): Promise<Reception> {
    const row = await this.#letters.found(id);
    if (row.status === 'replayed') return REPLAYED;
    try {
      const reception = await this.#apply(messageOf(row, repaired));
      await this.#letters.close(row, 'replayed');
      return reception;
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== null) await this.#letters.refused(row, reason);
      if (!(error instanceof Rejected)) throw error;
      throw creditError('INVALID_ARGUMENT', `The handler rejects it: ${error.message}`, {
        ...{ path: 'body', expected: error.message },
      });
    }
  }

  /** Applies a message once. Rejects with what is in its way. */
  async #apply(message: RawMessage): Promise<Reception> {
    const { subject } = message;
    const own = this.#handlers.get(subject);
    const builtIn = own ? undefined : BUILT_IN.get(subject);
    if (!own && !builtIn) {
      const problem = `there is no handler of ${subject} in this process`;
      const advice = 'Register it with manager.inbox.on before messages come.';
      throw creditError('CONFIGURATION', `The message waits: ${problem}. ${advice}`, { problems: [problem] });
    }
    const body = jsonOf(message);
    const read = own?.eventId
      ? bareEnvelope(body, subject, idBy(own.eventId, body))
      : envelopeOf(body, own ? null : subject);
    const id = keyOf(subject, read.eventId);
    return this.#alone(id, async () => {
      if (own) return this.#runOwn(own, message, read);
      return this.#runBuiltIn(builtIn as BuiltIn, message, read);
    });
  }

  async #runBuiltIn(handler: BuiltIn, message: RawMessage, read: Envelope): Promise<Reception> {
    const payload = parse(handler.schema, read.payload, 'payload') as never;
    const { engine, ordersOn } = this.#parts;
    await engine.admit({});
    const receipt = new Receipt(this.#receiptOf(message, read, handler.userId(payload)));
    const receipting = engine.withReceipt(receipt);
    const verbs = new Verbs(receipting, 'credits');
    const effects: Effects = {
      credits: { ...spending(verbs), ...accounts(verbs) },
      orders: ordersOn(receipting),
      scale: engine.scale,
    };
    const { eventId, correlationId } = read;
    const isReplay = await handler.run(effects, payload, { eventId, correlationId });
    if (!receipt.isWritten && !(await this.#write(receipt.rowAlone()))) return REPLAYED;
    return isReplay ? REPLAYED : APPLIED;
  }

  /** The handler of the host, in one transaction with the receipt. */
  async #runOwn({ schema, run }: HostHandler<S>, message: RawMessage, read: Envelope): Promise<Reception> {
    const { engine } = this.#parts;
    const { store, timeoutMs } = engine;
    const payload = payloadOf(schema, read.payload);
    await engine.admit({});
    const row: InboxRow = { ...this.#receiptOf(message, read, null), version: 1, operationId: null };
    if (store.db.transaction === undefined) {
      const remedy = 'an adapter that has transaction()';
      const text = `The database ${store.db.name} has no transactions for handlers: use ${remedy}.`;
      throw creditError('TRANSACTIONS_UNSUPPORTED', text, { remedy });
    }
    const begin = store.db.transaction.bind(store.db);
    const apply = () =>
      begin(async (session) => {
        const outcome = await store.writeOne([insertOf('inbox', row)], { session, timeoutMs });
        if (outcome.status === 'rejected' || outcome.status === 'unknown') throw storageError(outcome.cause);
        if (outcome.status !== 'committed') throw new NotOurs(outcome.status === 'locked');
        const { eventId, eventType, correlationId } = read;
        const options = { session, correlationId };
        const answer = await run({
          ...{ subject: message.subject, eventId, eventType, payload, correlationId, session, options },
        });
        const rejected: unknown = Object(answer).rejected;
        if (rejected !== undefined) throw new Rejected(String(rejected));
      });
    for (let attempt = 1; ; attempt++) {
      try {
        await apply();
        return APPLIED;
      } catch (error) {
        if (error instanceof NotOurs && !error.isLocked) {
          await this.#checkKnown(row);
          return REPLAYED;
        }
        // A new account is not in the snapshot of a transaction that has begun, and others may have been faster.
        if (attempt < ATTEMPTS_MAX && (error instanceof NotOurs || isCreditError(error, 'CONTENTION'))) {
          await sleep(randomInt(attempt, 10 * attempt + 1));
          continue;
        }
        throw error instanceof NotOurs ? contended() : error;
      }
    }
  }

  #receiptOf(
    { subject, stream, sequence }: RawMessage,
    { eventId, fingerprint, correlationId }: Envelope,
    userId: string | null,
  ) {
    return {
      ...{ id: keyOf(subject, eventId), subject, eventId, fingerprint, userId, correlationId, stream, sequence },
      receivedAt: new Date(this.#parts.engine.nowForReports()),
    };
  }

  /** Writes a receipt by itself; false where the message has one. @throws IDEMPOTENCY_CONFLICT */
  async #write(row: InboxRow): Promise<boolean> {
    const { engine } = this.#parts;
    const outcome = await engine.read({}, (timeoutMs) =>
      engine.store.writeOne([insertOf('inbox', row)], { timeoutMs }),
    );
    if (outcome.status === 'committed') return true;
    if (outcome.status === 'rejected' || outcome.status === 'unknown') throw storageError(outcome.cause);
    if (outcome.status === 'locked') throw contended();
    await this.#checkKnown(row);
    return false;
  }

  /** @throws IDEMPOTENCY_CONFLICT where the receipt is of another message with this id */
  async #checkKnown(row: InboxRow): Promise<void> {
    const read = (fresh: boolean) => this.#reads.get('inbox', row.id, { fresh });
    const known = (await read(false)) ?? (await read(true));
    if (known === null) throw contended();
    if (known.fingerprint !== row.fingerprint) throw takenError(row);
  }

  /** Runs the work on a message after that on earlier copies of it in this process. */
  async #alone<T>(id: string, work: () => Promise<T>): Promise<T> {
    for (let before = this.#underWay.get(id); before !== undefined; before = this.#underWay.get(id)) {
      await before.catch(() => {});
    }
    const working = work();
    this.#underWay.set(id, working);
    try {
      return await working;
    } finally {
      this.#underWay.delete(id);
    }
  }
}

const APPLIED: Reception = { outcome: 'applied', reason: null, deadLetterId: null };
const REPLAYED: Reception = { outcome: 'replayed', reason: null, deadLetterId: null };

/** Names a message by subject, which holds no space, and event. */
function keyOf(subject: string, eventId: string): string {
  return `${subject} ${eventId}`;
}

/** Why nothing can be done with a message; null for an error after which it may come again. */
function reasonOf(error: unknown): Reason | null {
  if (error instanceof Rejected) return { code: 'REJECTED', message: error.message };
  return isCreditError(error) && !PASSING.has(error.code) ? error : null;
}

function idBy(eventId: (body: never) => string, body: unknown): unknown {
  try {
    return eventId(body as never);
  } catch (cause) {
    throw notValid('eventId', 'a string of 1 to 255 characters', cause);
  }
}

function payloadOf<T>(schema: PayloadSchema<T>, given: unknown): T {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const { issues, message } = Object(result.error) as { issues?: readonly unknown[]; message?: string };
  const first = Object(issues?.[0]) as { path?: readonly PropertyKey[]; message?: string };
  const path = ['payload', ...(first.path ?? []).map(String)].join('.');
  throw notValid(path, first.message ?? message ?? 'what its schema says');
}

function contended() {
  return creditError('CONTENTION', 'Somebody else is applying this message. Nothing was written; try again.', {
    attempts: 1,
  });
}

/** The work on a message, as part of its sender's trace. */
function traced(
  tracing: Tracing,
  { subject, traceparent = '' }: InboundMessage,
  receive: () => Promise<Reception>,
): Promise<Reception> {
  const options = { kind: 'consumer', parent: traceparent, fields: { 'messaging.destination.name': subject } } as const;
  return tracing.run(`process ${subject}`, options, receive, ({ outcome }) => ({
    fields: { 'credits.outcome': outcome },
    error: outcome === 'dead_lettered' ? 'DEAD_LETTERED' : null,
  }));
}
