/** Takes messages of other systems from streams of NATS JetStream. */
import { creditError } from '../errors.js';
import type { LoggerLike } from '../ports/logger.js';
import type { MessageInbox, MessageSource } from '../ports/message-source.js';
import { Connection, type NatsPlace } from './connection.js';
import { placeProblem } from './place.js';
import { STARTING, Subscription } from './subscription.js';

/** The subjects that are consumed where the options name none. */
export const natsSubjects = [
  ...['evt.shopify.webhook.order_paid', 'evt.shopify.webhook.order_refunded', 'evt.billing.payment_succeeded'],
  ...['evt.merchant.created', 'evt.credits.manual_adjustment'],
] as const;

export interface NatsSourceOptions extends NatsPlace {
  /** The name of the source, `[a-z][a-z0-9_-]{0,31}`; default `nats`. */
  readonly name?: string | undefined;
  /**
   * The subjects with a handler of the library that are consumed; default the five of orders, payments, merchants and
   * adjustments. Further ones are `evt.billing.credits.grant.v1` and `evt.billing.trial.activated.v1`. Those of
   * `manager.inbox.on` are consumed beside them.
   */
  readonly subjects?: readonly string[] | undefined;
  /** The first part of the names of durable consumers, letters, digits, `_` and `-`; default `credit-management`. */
  readonly durable?: string | undefined;
  /** The most messages of one subject under way in this process, 1–10,000, default 256. */
  readonly maxInFlight?: number | undefined;
  /** Whether a stream is made for subjects that none takes; default false. */
  readonly createStreams?: boolean | undefined;
  /** Gets each problem once when it begins; default none, as `manager.health()` has it too. */
  readonly logger?: LoggerLike | undefined;
}

/**
 * Makes a source: one durable pull consumer for each subject, shared by all processes. A message is acknowledged after
 * the commit of its effect, so it is applied once, however often it comes. One that nothing can be done with is kept as
 * a dead letter and ended. Any other error gives it back, and it comes again after 0.5 to 60 seconds, without limit.
 *
 * While NATS or the database is away, or a stream or consumer is deleted, it goes on trying, and `manager.health()`
 * tells why. A stream or consumer that is there is used and not changed. The packages `@nats-io/transport-node` and
 * `@nats-io/jetstream` must be installed.
 *
 * @throws CONFIGURATION; it names the wrong option, and never contains the password.
 * @example
 * const source = natsSource({ url: 'nats://localhost:4222', createStreams: true });
 * const manager = createCreditManagement({ db, sources: [source] });
 * manager.start();
 */
export function natsSource(options: NatsSourceOptions): MessageSource {
  const problem = problemWith(options);
  if (problem) throw creditError('CONFIGURATION', `natsSource: ${problem}.`, { problems: [problem] });
  const source = new Source(options);
  return {
    name: options.name ?? 'nats',
    start: (inbox) => source.start(inbox),
    problem: () => source.problem,
    close: () => source.close(),
  };
}

class Source {
  readonly #options: NatsSourceOptions;
  readonly #connection: Connection;
  readonly #subscriptions = new Map<string, Subscription>();
  #forget = () => {};
  #inbox: MessageInbox | null = null;
  #isClosed = false;
  #logged: string | null = null;

  constructor(options: NatsSourceOptions) {
    this.#options = options;
    this.#connection = new Connection(options);
  }

  get problem(): string | null {
    for (const { problem } of this.#subscriptions.values()) if (problem !== null) return problem;
    return this.#subscriptions.size > 0 ? this.#connection.problem : null;
  }

  start(inbox: MessageInbox): void {
    if (this.#inbox !== null || this.#isClosed) return;
    this.#inbox = inbox;
    for (const subject of this.#options.subjects ?? natsSubjects) this.#add(subject);
    this.#forget = inbox.onSubject((subject) => this.#add(subject));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#forget();
    await Promise.all([...this.#subscriptions.values()].map((subscription) => subscription.close()));
    await this.#connection.close();
  }

  #add(subject: string): void {
    if (this.#subscriptions.has(subject)) return;
    const { durable = 'credit-management', maxInFlight = 256, createStreams = false } = this.#options;
    const subscription = new Subscription({
      ...{ subject, inbox: this.#inbox as MessageInbox, connection: this.#connection, durable, maxInFlight },
      makeFor: createStreams ? () => [...this.#subscriptions.keys()] : null,
      told: () => this.#tell(),
    });
    this.#subscriptions.set(subject, subscription);
    // The others are added first, so that one stream is made for all of them.
    queueMicrotask(() => subscription.start());
  }

  /** Logs a problem once, and its end. */
  #tell(): void {
    const { problem } = this;
    if (problem === this.#logged || problem === STARTING) return;
    this.#logged = problem;
    const { logger } = this.#options;
    if (problem === null) logger?.info({}, 'Messages come from NATS again');
    else logger?.warn({ problem }, 'No messages come from NATS');
  }
}

const NAMES = [
  ...['connection', 'url', 'user', 'password', 'name', 'subjects', 'durable', 'maxInFlight', 'createStreams'],
  'logger',
];
const SUBJECT = /^[^\s*>]{1,255}$/;

function problemWith(options: NatsSourceOptions): string | null {
  const wrong = placeProblem(options, NAMES);
  if (wrong !== null) return wrong;
  const { subjects = natsSubjects, durable = 'd', maxInFlight = 1, createStreams = false } = options;
  if (!Array.isArray(subjects) || subjects.some((one) => typeof one !== 'string' || !SUBJECT.test(one))) {
    return 'subjects is no list of subjects without wildcards';
  }
  if (typeof durable !== 'string' || !/^[\w-]{1,64}$/.test(durable)) {
    return 'durable is not a name of letters, digits, _ and -';
  }
  if (!(Number.isSafeInteger(maxInFlight) && maxInFlight >= 1 && maxInFlight <= 10_000)) {
    return 'maxInFlight is not a whole number from 1 to 10,000';
  }
  return typeof createStreams === 'boolean' ? null : 'createStreams is neither true nor false';
}
