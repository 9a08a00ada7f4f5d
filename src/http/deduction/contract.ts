/** The public promise of automatic deduction: what a host states about the routes that cost credits. */
import type { Overage } from '../../models/enums.js';
import type { Amount, Awaitable } from '../../models/values.js';
import type { LoggerLike } from '../../ports/logger.js';
import type { CreditService } from '../../services/credits/contract.js';
import type { Authenticate, Identity } from '../contract.js';

/** The part of a request of Node.js that `authenticate` and `estimate` can look at, whatever its framework adds. */
export interface NodeRequest {
  /** The method, such as `POST`. */
  readonly method?: string | undefined;
  /** The path and the query. */
  readonly url?: string | undefined;
  /** The headers, by their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The part of the options that every way to tell users and usage shares. */
export interface DeductionSettings<Req> {
  /** The credits that pay, such as `manager.credits` or `manager.creditType('image')`. */
  readonly credits: Pick<CreditService<unknown>, 'openMeter' | 'commitReservedCredits' | 'deductCreditsAfterService'>;
  /**
   * Only paths that are this or below it cost credits: `/api` stands for `/api` and `/api/chat`, not for `/apix`.
   * Letters of either case count, as routers take both. Default: every request that reaches the middleware.
   */
  readonly pathPrefix?: string | undefined;
  /** Paths that are free, with everything below them. They are matched letter by letter. */
  readonly skipPaths?: readonly string[] | undefined;
  /** The account that pays, such as that of an organisation. Default: the user's own. */
  readonly account?: ((who: Identity, request: Req) => string) | undefined;
  /**
   * Units that the request is expected to use. An answer that is no number above 0 counts as
   * `defaultEstimatedTokens`; `estimateRange` bounds it only where it is set.
   */
  readonly estimate?: ((request: Req, who: Identity) => Awaitable<Amount>) | undefined;
  /** The header in which a client may state its estimate. Default `X-Estimated-Tokens`. */
  readonly estimatedTokensHeader?: string | undefined;
  /** Units that are held where nothing else is known. Default 100. */
  readonly defaultEstimatedTokens?: number | undefined;
  /**
   * The least and the most that an estimate counts as. Default for the header: from `defaultEstimatedTokens` to ten
   * times as much, because anybody can send it.
   */
  readonly estimateRange?: readonly [least: number, most: number] | undefined;
  /**
   * Credits for one unit of an estimate, and of usage in a body or a header. Any number of decimals. Default 1. Costs
   * that `addLlmUsage` records are credits already.
   */
  readonly creditsPerUnit?: Amount | undefined;
  /**
   * The treatment of usage above the hold. Default `'cap'`: what the account has and may owe is charged, and the rest
   * is recorded as a shortfall. With `'reject'` no more than the hold is charged; with `'charge'` and `'overdraft'` it
   * is charged as a whole, or no more than the hold.
   */
  readonly overage?: Overage | undefined;
  /** Whether answers of status 400 and above are charged too. Default false: their hold is released. */
  readonly chargeOnError?: boolean | undefined;
  /** Seconds, 1–604,800; 900 unless the service sets another default: how long a hold outlives a crash. */
  readonly holdSeconds?: number | undefined;
  /** Gets what went wrong on our side; default `pino`, warnings and errors on standard output. */
  readonly logger?: LoggerLike | undefined;
}

/** The one who pays: told by a function, or by a header that is trusted. */
export type UserSource<Req> =
  | {
      /** Tells who sends a request; null is answered with 401. */
      readonly authenticate: Authenticate<Req>;
      /** Not with `authenticate`. */
      readonly userIdHeader?: undefined;
    }
  | {
      /**
       * The header with the user's id, such as `X-User-Id`. Anybody can send it, so a proxy has to set it. One warning
       * is logged.
       */
      readonly userIdHeader: string;
      /** Not with `userIdHeader`. */
      readonly authenticate?: undefined;
    };

/** The place where usage is told. */
export type UsageSource =
  | {
      /** The calls that `addLlmUsage` records while the request is answered. The default without `responseUsageKey`. */
      readonly usage?: 'context' | undefined;
      /** Not with `usage: 'context'`. */
      readonly responseUsageKey?: undefined;
    }
  | {
      /** A number in the JSON body of the answer. The default with `responseUsageKey`. */
      readonly usage?: 'body' | undefined;
      /** The path of the number, with dots: `total_token`, `usage.total_tokens`. */
      readonly responseUsageKey: string;
    }
  | {
      /** A header of the answer. */
      readonly usage: 'header';
      /** The name of the header. */
      readonly responseUsageKey: string;
    };

/** The options of `creditDeduction`. */
export type DeductionOptions<Req> = DeductionSettings<Req> & UserSource<Req> & UsageSource;
