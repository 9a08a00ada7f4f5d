/** The public promise of the inbox: messages of other systems, each applied once, and those that nothing fits. */
import type { DeadLetterOptions, DeadLetterReplayOptions } from '../../models/inputs/inbox.js';
import type { DeadLetter, MessageReceipt, Reception } from '../../models/records/inbox.js';
import type { Awaitable, JsonObject, Page } from '../../models/values.js';
import type { InboundMessage, MessageInbox } from '../../ports/message-source.js';

/** A schema that says whether a payload fits, as those of zod do. */
export interface PayloadSchema<T> {
  /** The payload as the schema makes it, or why it does not fit. */
  safeParse(
    value: unknown,
  ): { readonly success: true; readonly data: T } | { readonly success: false; readonly error: unknown };
}

/** The options for the calls of a handler. */
export interface MessageCallOptions<S = unknown> {
  /** The transaction in which the receipt of the message is written. */
  readonly session: S;
  /** Names the request that the message belongs to. */
  readonly correlationId: string;
}

/** A message as a handler gets it. */
export interface ReceivedMessage<T = JsonObject, S = unknown> {
  /** The subject that it came by. */
  readonly subject: string;
  /** The sender's id of the event. */
  readonly eventId: string;
  /** The sender's type of the event; the subject where the message names none. */
  readonly eventType: string;
  /** The payload, as the schema made it. */
  readonly payload: T;
  /** Names the request that it belongs to: the sender's id of it, or that of the event. */
  readonly correlationId: string;
  /** The transaction in which its receipt is written. What is written with it happens once. */
  readonly session: S;
  /** `{ session, correlationId }`, for the calls of this library. */
  readonly options: MessageCallOptions<S>;
}

/** The message cannot be applied: nothing of its transaction is kept, and it becomes a dead letter. */
export interface RejectedMessage {
  /** The reason, for people. */
  readonly rejected: string;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing has applied the message.
export type HandlerAnswer = void | RejectedMessage;

export interface HandlerOptions<T> {
  /**
   * For messages without an envelope: the id of the event, of the whole body, which is the payload then. Two messages
   * with one id are one message.
   */
  readonly eventId?: ((body: T) => string) | undefined;
}

/**
 * Messages of other systems. Each is applied once, however often it comes, from whichever process: its receipt is in
 * the same commit as its effect, and known by subject and id of the event. The body is JSON: an envelope
 * `{ event_id, event_type, timestamp, correlation_id?, payload }`, or CloudEvents 1.0.
 *
 * These subjects have handlers: `evt.shopify.webhook.order_paid`, `evt.shopify.webhook.order_refunded`,
 * `evt.billing.payment_succeeded`, `evt.merchant.created`, `evt.credits.manual_adjustment`,
 * `evt.billing.credits.grant.v1` and `evt.billing.trial.activated.v1`. An order, refund, payment, adjustment or grant
 * also counts once by its own id, whatever the ids of its messages are.
 */
export interface InboxService<S = unknown> extends MessageInbox {
  /**
   * Applies one message: for a source, or for a consumer of another broker. When it resolves, the broker may be told
   * that the message is done with: it was applied, was applied before, or is kept as a dead letter, because it is no
   * JSON, does not fit its schema, differs from an earlier one of the same id, or is refused by a rule.
   *
   * @throws STORAGE_UNAVAILABLE, TIMEOUT, CONTENTION, OUTCOME_UNKNOWN, CLOSED, and whatever a handler throws that is no
   * refusal: let the message come again. That is safe.
   * @example
   * await manager.inbox.receive({ subject: message.topic, body: message.value });
   * await message.commit();
   */
  receive(message: InboundMessage): Promise<Reception>;

  /**
   * Registers the handler of a subject, which sources then subscribe to. It runs in a transaction that also writes the
   * receipt: what it writes with `session`, here or in tables of the host, happens once for each message. A refusal of
   * a rule that it throws, or `{ rejected }`, undoes all of it and makes the message a dead letter. Any other error
   * undoes it too, and the message comes again.
   *
   * @throws INVALID_ARGUMENT where the subject has a handler of the host already.
   * @example
   * manager.inbox.on('evt.quiz.finished', z.object({ user: z.string() }), async ({ payload, options }) => {
   *   await manager.credits.addCredits(payload.user, 5, options);
   * });
   */
  on<T>(
    subject: string,
    schema: PayloadSchema<T>,
    handler: (message: ReceivedMessage<T, S>) => Awaitable<HandlerAnswer>,
    options?: HandlerOptions<T>,
  ): void;

  /**
   * The receipt of a message; null where it was not applied. `operationId` leads to its entries in the ledger.
   *
   * @throws STORAGE_UNAVAILABLE, TIMEOUT: try again.
   * @example const receipt = await manager.inbox.getReceipt('evt.merchant.created', 'e-1');
   */
  getReceipt(subject: string, eventId: string): Promise<MessageReceipt | null>;

  /**
   * Dead letters, the newest first, 20 a page (100 at most); those that are open unless `status` says otherwise.
   *
   * @throws STORAGE_UNAVAILABLE, TIMEOUT: try again.
   * @example const { items } = await manager.inbox.listDeadLetters();
   */
  listDeadLetters(options?: DeadLetterOptions): Promise<Page<DeadLetter>>;

  /** One dead letter, or null. Throws STORAGE_UNAVAILABLE, TIMEOUT: try again. */
  getDeadLetter(id: string): Promise<DeadLetter | null>;

  /**
   * Applies a dead letter after the reason is mended: with the body that came, or a repaired one. It is applied once,
   * however often this is called: one that was replayed is answered `replayed`. Where it is refused again, the error is
   * thrown and kept with it. A handler of the host must be registered in this process.
   *
   * @throws NOT_FOUND; the refusal itself; STORAGE_UNAVAILABLE, TIMEOUT, CONTENTION, OUTCOME_UNKNOWN: try again.
   * @example await manager.inbox.replayDeadLetter(letter.id, { body: letter.body.replace('"1O"', '"10"') });
   */
  replayDeadLetter(id: string, options?: DeadLetterReplayOptions): Promise<Reception>;

  /**
   * Closes a dead letter without applying it. It is kept for `payments.messageDays`, and may still be replayed.
   *
   * @returns it; one that was replayed stays so. Repeating the call is safe.
   * @throws NOT_FOUND; STORAGE_UNAVAILABLE, TIMEOUT, CONTENTION: try again.
   * @example await manager.inbox.dropDeadLetter(letter.id);
   */
  dropDeadLetter(id: string): Promise<DeadLetter>;
}
