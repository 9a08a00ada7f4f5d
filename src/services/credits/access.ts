/** Answers whether accounts may be served: from the cache while it knows, else from the database, and always. */
import { type Account, availableOf, nextChange } from '../../core/account.js';
import { toCredits } from '../../core/amounts.js';
import { creditError, isCreditError } from '../../errors.js';
import { type AccessOptions, accessSchema, type CountOptions, countSchema } from '../../models/inputs/access.js';
import { userIdsSchema } from '../../models/inputs/credits.js';
import type { AccessCounts, AccessInfo } from '../../models/records/access.js';
import { dropOldest } from '../../oldest.js';
import type { LoggerLike } from '../../ports/logger.js';
import { parse, parseId, parseOptions } from '../input/parse.js';
import type { AccessService } from './access-contract.js';
import { AccessWatch } from './access-watch.js';
import type { AccountsNow } from './accounts-now.js';

export interface AccessConfig {
  /** No answer is from a cached value that is older. */
  readonly ttlMs: number;
  readonly timeoutMs: number;
  /** The answer where nobody tells: `disabled`, `enabled`, or the last one that this process gave. */
  readonly onUnavailable: 'closed' | 'open' | 'last-known';
}

export interface AccessParts<S> extends AccessConfig {
  readonly accounts: AccountsNow<S>;
  readonly scale: number;
  readonly logger: LoggerLike;
  /** The database's time in epoch milliseconds. */
  readonly now: () => number;
  readonly isClosed: () => boolean;
}

/** Errors of the caller, and of a manager that is closed; after any other the status is that of `onUnavailable`. */
const TOLD = ['INVALID_ARGUMENT', 'ABORTED', 'CLOSED'] as const;
const LAST_MAX = 100_000;

/** The status of an account as its totals tell it. */
function statusOf(account: Account, scale: number): AccessInfo {
  const { userId, seq } = account;
  const units = availableOf(account);
  const validUntil = nextChange(account);
  return {
    userId,
    status: units > 0 ? 'enabled' : 'disabled',
    reason: seq === 0 ? 'Account not found' : units > 0 ? 'Sufficient credits' : 'Insufficient credits',
    accountStatus: seq === 0 ? 'not_found' : 'active',
    available: toCredits(units, scale),
    validUntil: validUntil === null ? null : new Date(validUntil),
  };
}

/** Makes the text by which readers in other languages know a status, with the names of the wire. */
export function statusPublisher({ scale, ttlMs, now }: { scale: number; ttlMs: number; now: () => number }) {
  return (account: Account) => {
    if (account.creditType !== 'credits') return null;
    const { userId, status, reason, available, accountStatus, validUntil } = statusOf(account, scale);
    const left = Math.min(ttlMs, (validUntil?.getTime() ?? Number.POSITIVE_INFINITY) - now());
    if (left < 1) return null;
    const text = JSON.stringify({ status, reason, balance: available, account_status: accountStatus });
    return { key: `plugin_status:${userId}`, text, ttlMs: left };
  };
}

export class Access<S> {
  readonly service: AccessService;
  readonly watch: AccessWatch;
  readonly #parts: AccessParts<S>;
  /** The last status of each account, where `onUnavailable` wants it. */
  readonly #last = new Map<string, AccessInfo>();
  #isAway = false;
  /** The statuses that were answered so far. */
  readonly checks = { enabled: 0, disabled: 0 };
  #unavailable = 0;

  constructor(parts: AccessParts<S>) {
    this.#parts = parts;
    // Not from the cache: its value may be older than what was told before, and would be told as a change.
    this.watch = new AccessWatch({ ...parts, statusOf: (userId, options) => this.#look(userId, options, 0) });
    this.service = {
      getStatus: async (userId, given) => {
        const user = parseId(userId, 'userId');
        const options = parseOptions(accessSchema, given);
        return this.#known(user, options) ?? this.#status(user, options);
      },
      getStatuses: async (userIds, given) => {
        const users = parse(userIdsSchema, userIds, 'userIds');
        const options = parseOptions(accessSchema, given);
        const statusOf = (user: string) => this.#known(user, options) ?? this.#status(user, options);
        const found = new Map([...new Set(users)].map((user) => [user, statusOf(user)]));
        return Promise.all(users.map((user) => found.get(user) as Promise<AccessInfo> | AccessInfo));
      },
      watch: (userIds, handler, options) => this.watch.add(userIds, handler, options),
      countStatuses: (options) => this.#counts(parseOptions(countSchema, options)),
    };
  }

  /** The answers that this process gave without knowing the account. */
  get unavailable(): number {
    return this.#unavailable;
  }

  /** The status at once, where the memory of this process has it. */
  #known(userId: string, options: AccessOptions): AccessInfo | null {
    const { accounts, ttlMs, isClosed } = this.#parts;
    if (isClosed()) throw creditError('CLOSED', 'The credit manager is closed.', {});
    const account = accounts.peek(userId, options, ttlMs);
    return account && this.#checked(this.#told(account));
  }

  #told(account: Account): AccessInfo {
    const { scale, onUnavailable } = this.#parts;
    const status = statusOf(account, scale);
    if (onUnavailable === 'last-known') this.#remember(status);
    return status;
  }

  async #status(userId: string, options: AccessOptions): Promise<AccessInfo> {
    return this.#checked(await this.#look(userId, options, this.#parts.ttlMs));
  }

  #checked(info: AccessInfo): AccessInfo {
    this.checks[info.status]++;
    return info;
  }

  async #look(userId: string, options: AccessOptions, maxAgeMs: number): Promise<AccessInfo> {
    const { accounts } = this.#parts;
    const { timeoutMs = this.#parts.timeoutMs } = options;
    if (this.#parts.isClosed()) throw creditError('CLOSED', 'The credit manager is closed.', {});
    try {
      const account = await accounts.written(userId, { ...options, timeoutMs }, maxAgeMs);
      this.#isAway = false;
      return this.#told(account);
    } catch (error) {
      if (isCreditError(error, ...TOLD)) throw error;
      return this.#withoutDatabase(userId, error);
    }
  }

  async #counts(options: CountOptions): Promise<AccessCounts> {
    const [accounts, disabled] = await this.#parts.accounts.counts(options);
    return { accounts, enabled: Math.max(0, accounts - disabled), disabled };
  }

  #withoutDatabase(userId: string, err: unknown): AccessInfo {
    const { onUnavailable, logger } = this.#parts;
    this.#unavailable++;
    if (!this.#isAway)
      logger.error({ err, onUnavailable }, 'The database does not tell whether accounts may be served');
    this.#isAway = true;
    const last = this.#last.get(userId);
    const isLast = last !== undefined && (last.validUntil === null || last.validUntil.getTime() > this.#parts.now());
    const known = isLast ? last : { status: onUnavailable === 'open' ? 'enabled' : 'disabled', available: null };
    return {
      ...{ userId, status: known.status as AccessInfo['status'], reason: 'Service error', accountStatus: 'error' },
      ...{ available: known.available, validUntil: null },
    };
  }

  #remember(status: AccessInfo): void {
    this.#last.delete(status.userId);
    this.#last.set(status.userId, status);
    dropOldest(this.#last, LAST_MAX);
  }
}
