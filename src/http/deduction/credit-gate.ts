/**
 * Automatic deduction without a framework: a hold before the handler runs, and one settlement when its answer is over.
 */
import { isCreditError } from '../../errors.js';
import type { LlmUsage } from '../../models/inputs/usage.js';
import { isIdentifier } from '../../models/inputs/values.js';
import type { Reservation } from '../../models/records/reservation.js';
import type { JsonObject } from '../../models/values.js';
import type { Meter } from '../../services/credits/meter-contract.js';
import { creditsLess, pricedUnits } from '../../services/usage/prices.js';
import { UsageContext } from '../../services/usage/usage-context.js';
import { setTimeout } from '../../timers.js';
import type { Identity } from '../contract.js';
import { identify, isOwn } from '../identify.js';
import { misconfigured } from '../misconfigured.js';
import { HEADERS, problemOf, type WireProblem } from '../problems.js';
import { requestIdOf } from '../request.js';
import type { DeductionOptions } from './contract.js';
import { checkedDeduction, type Deduction } from './options.js';
import { isCharged } from './paths.js';
import { decimalIn, isJson, usageInBody, usageInHeader } from './usage.js';

/** A request, of whichever framework. */
export interface Asked<Req> {
  /** The request as the host's functions get it. */
  readonly request: Req;
  /** Its path as the client sent it, and as the router sees it. */
  readonly targets: readonly string[];
  /** Whether another creditDeduction holds credits for it. */
  readonly isHeld: boolean;
  header(name: string): string | null;
}

/** An answer, of whichever framework, when it is over. */
export interface Answered {
  readonly status: number;
  header(name: string): string | null;
  /** Its body, where `wantsBody` asked for it; null where it is not known. */
  readonly body: Uint8Array | null;
}

/** A request that is not admitted: the answer to it. */
export type Refusal = WireProblem;

/** The header that tells the client what it paid. */
export const DEDUCTED = 'X-Credits-Deducted';

const TWICE = 'creditDeduction is mounted twice for this path, so its requests would be charged twice';
const ABOVE_HOLD: readonly string[] = ['COMMIT_EXCEEDS_RESERVATION', 'INSUFFICIENT_CREDITS', 'OVERDRAFT_LIMIT'];
const REASON = 'api-middleware';
/** Milliseconds between the attempts to settle what could not be settled at once. */
const RETRIES_MS = [1_000, 4_000, 16_000, 64_000, 256_000];

export class CreditGate<Req> {
  readonly options: Deduction<Req>;

  constructor(given: DeductionOptions<Req>) {
    this.options = checkedDeduction(given);
  }

  /**
   * Puts the estimate on hold: answers the charge, or the refusal that the client gets; null for a path that costs
   * nothing. Errors of the host's own functions go to the framework.
   *
   * @throws CONFIGURATION for a host's function that answers what it must not
   */
  async admit(asked: Asked<Req>): Promise<Charge | Refusal | null> {
    if (!isCharged(this.options.paths, asked.targets)) return null;
    if (asked.isHeld) throw misconfigured(TWICE);
    const requestId = requestIdOf(asked.header('x-request-id'));
    let own = false;
    try {
      const who = await this.#identify(asked, requestId);
      const userId = this.options.account(who, asked.request);
      if (!isIdentifier(userId)) throw misconfigured('account answered no valid user id');
      own = isOwn(who, userId);
      const { credits, creditsPerUnit, overage, ttlSeconds } = this.options;
      const estimate = pricedUnits(await this.#estimate(asked, who), creditsPerUnit);
      const call = { reason: REASON, correlationId: requestId };
      const meter = await credits.openMeter({ userId, estimate, overage, ttlSeconds, ...call });
      return new Charge(meter, call, this.options as Deduction<unknown>);
    } catch (error) {
      const isHosts = isCreditError(error, 'CONFIGURATION');
      const problem = isHosts ? null : problemOf(error, requestId, own);
      if (problem === null) throw error;
      if (problem.status >= 500) {
        this.options.logger.error({ err: error, requestId }, 'The credits of a request could not be put on hold');
      }
      return { ...problem, headers: { ...HEADERS, ...problem.headers, 'x-request-id': requestId } };
    }
  }

  #identify({ request, header }: Asked<Req>, requestId: string): Promise<Identity> {
    const { authenticate, userIdHeader, logger } = this.options;
    const fromHeader = () => {
      const userId = header(userIdHeader);
      return isIdentifier(userId) ? { userId } : null;
    };
    return identify(authenticate ?? fromHeader, request, (err) =>
      logger.error({ err, requestId }, 'authenticate failed, so the request was refused'),
    );
  }

  /** Units to hold. */
  async #estimate({ request, header }: Asked<Req>, who: Identity): Promise<number> {
    const { estimate, estimatedTokensHeader, defaultEstimatedTokens: usual, estimateRange } = this.options;
    const range = estimateRange ?? (estimate ? [0, Number.POSITIVE_INFINITY] : [usual, 10 * usual]);
    const given = decimalIn(estimate ? await estimate(request, who) : header(estimatedTokensHeader));
    return given > 0 ? Math.min(Math.max(given, range[0] as number), range[1] as number) : usual;
  }
}

/** The part of the options that every transaction of a request has. */
interface Call {
  readonly reason: string;
  readonly correlationId: string;
}

/** The charge of one request. It is settled once; whoever asks again gets the same. */
export class Charge {
  /** The records of the request. The handler runs in it. */
  readonly usages = new UsageContext({ isCharged: true });
  readonly #meter: Meter;
  readonly #call: Call;
  readonly #options: Deduction<unknown>;
  #ending: Promise<number | null> | null = null;

  constructor(meter: Meter, call: Call, options: Deduction<unknown>) {
    this.#meter = meter;
    this.#call = call;
    this.#options = options;
  }

  /** The hold. */
  get reservation(): Reservation {
    return this.#meter.reservation;
  }

  /** Whether usage is read from the body of an answer with this content type. */
  wantsBody(contentType: string | null): boolean {
    return this.#options.usage === 'body' && isJson(contentType);
  }

  /**
   * Charges the usage and frees the rest, in one commit. Answers the credits charged; null where they could not be
   * charged yet, which is tried again. It never rejects.
   */
  settle(answered: Answered): Promise<number | null> {
    this.#ending ??= this.#settle(answered);
    return this.#ending;
  }

  /**
   * Settles for a client that left before the answer. Where the handler may still tell the usage by its answer, which
   * nobody reads, it has the time until the hold would have ended.
   */
  leave(answered: Answered): void {
    if (this.#ending !== null) return;
    if (this.#options.usage === 'context') return void this.settle(answered);
    const { createdAt, expiresAt } = this.reservation;
    setTimeout(() => this.settle(answered), expiresAt.getTime() - createdAt.getTime()).unref?.();
  }

  /** Frees the hold of a request that is not answered. */
  async cancel(): Promise<void> {
    await this.settle({ status: 500, header: () => null, body: null });
  }

  async #settle(answered: Answered): Promise<number | null> {
    const { usage, chargeOnError } = this.#options;
    const isFree = answered.status >= 400 && !chargeOnError;
    const recorded = this.usages.close((late) => {
      if (!isFree && usage === 'context') void this.#chargeLate(late);
    });
    if (!isFree) {
      if (usage === 'context') for (const call of recorded) this.#add(call.cost, () => this.#meter.addUsage(call));
      else await this.#addReported(answered);
    }
    return this.#commit(0);
  }

  async #addReported({ header, body }: Answered): Promise<void> {
    const { usage, responseUsageKey: key, creditsPerUnit } = this.#options;
    const reported =
      usage === 'header'
        ? usageInHeader(header(key))
        : body && (await usageInBody(body, header('content-encoding'), key));
    if (reported) this.#add(reported, () => this.#meter.add(pricedUnits(reported, creditsPerUnit)));
  }

  /** Usage that no account can pay, such as 1e300 tokens, must not keep the hold from being settled. */
  #add(reported: number, add: () => void): void {
    try {
      if (reported > 0) add();
    } catch (err) {
      this.#tell(err, { reported }, 'Usage of a request was left out, because it is no amount');
    }
  }

  async #commit(attempt: number): Promise<number | null> {
    try {
      const entry = await this.#meter.settle();
      return entry === null ? 0 : creditsLess(this.#meter.total, entry.shortfall);
    } catch (err) {
      if (isCreditError(err) && ABOVE_HOLD.includes(err.code)) return this.#commitHold(err);
      const wait = RETRIES_MS[attempt];
      const isLost = !isCreditError(err) || !err.retryable || wait === undefined;
      const facts = { total: this.#meter.total, isTriedAgain: !isLost };
      this.#tell(err, facts, 'The usage of a request could not be charged');
      if (!isLost) setTimeout(() => this.#commit(attempt + 1), wait).unref?.();
      return null;
    }
  }

  /** Charges the hold alone where `overage` does not allow more, or the account cannot pay more. */
  async #commitHold(refused: unknown): Promise<number | null> {
    this.#tell(refused, { total: this.#meter.total }, 'Usage above the hold of a request was not charged');
    const { credits } = this.#options;
    try {
      const options = { ...this.#call, ifExpired: 'cap' } as const;
      return (await credits.commitReservedCredits(this.reservation.id, options)).amount;
    } catch (err) {
      this.#tell(err, {}, 'The hold of a request could not be charged');
      return null;
    }
  }

  /** Work that goes on after the answer, or after the client has left, is charged as it comes. */
  async #chargeLate(usage: LlmUsage): Promise<void> {
    const { credits } = this.#options;
    const options = { ...this.#call, metadata: { llm_usage: [usage as unknown as JsonObject] } };
    const charge = (amount: number) => credits.deductCreditsAfterService(this.reservation.userId, amount, options);
    try {
      if (usage.cost > 0) await charge(pricedUnits(usage.cost, 1)).catch((error) => charge(roundedUp(error)));
    } catch (err) {
      this.#tell(err, { cost: usage.cost }, 'Usage that was recorded after the answer could not be charged');
    }
  }

  #tell(err: unknown, facts: object, text: string): void {
    this.#options.logger.error({ err, reservation: this.reservation.id, ...facts }, text);
  }
}

/** The amount that a database with fewer decimals takes instead. */
function roundedUp(error: unknown): number {
  if (isCreditError(error, 'INVALID_AMOUNT') && error.details.roundedUp !== undefined) return error.details.roundedUp;
  throw error;
}

/** The error that the framework gets where the host's function failed for want of a body parser. */
export function parserMissing(cause: unknown) {
  const problem = 'estimate found no request.body; move app.use(express.json()) above app.use(creditDeduction(…))';
  return misconfigured(problem, cause);
}
