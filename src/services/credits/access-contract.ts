/** The public contract of the access status: may this account be served now? */
import type { AccessOptions, CountOptions, WatchOptions } from '../../models/inputs/access.js';
import type { AccessCounts, AccessInfo } from '../../models/records/access.js';
import type { Awaitable } from '../../models/values.js';

export type { AccessCounts, AccessInfo };

/** Whether accounts of the credit type `credits` may be served, as often as somebody asks. */
export interface AccessService {
  /**
   * Whether an account may be served now: `enabled` if and only if credits are available at this instant. An account
   * that nobody ever wrote to is `disabled`, also where its first write would make a trial grant.
   *
   * It answers from the cache, where there is one, and never from a value that is older than `access.ttlSeconds`, or
   * from before an instant at which time alone changes the account. A commit has written to the cache when its call
   * returns, so the next answer knows it, in every process that shares the cache. `fresh` asks the database.
   *
   * Where neither the cache nor the database tells, it answers as `access.onUnavailable` says, and does not reject:
   * `accountStatus` is `error` then, and `manager.health()` counts these answers.
   *
   * @throws INVALID_ARGUMENT; ABORTED by the caller's signal; CLOSED
   * @example
   * const { status, reason } = await manager.access.getStatus('shop-7');
   * if (status === 'disabled') return new Response(reason, { status: 402 });
   */
  getStatus(userId: string, options?: AccessOptions): Promise<AccessInfo>;

  /**
   * The same for up to 100 accounts, in the order in which they are named. The database is asked once for all that the
   * cache does not have.
   *
   * @throws INVALID_ARGUMENT; ABORTED by the caller's signal; CLOSED
   * @example const [one, other] = await manager.access.getStatuses(['shop-7', 'shop-8']);
   */
  getStatuses(userIds: readonly string[], options?: AccessOptions): Promise<readonly AccessInfo[]>;

  /**
   * Calls `handler` with the status of each of up to 100 accounts, and again whenever one of them changes between
   * `enabled` and `disabled`, until the function that it returns is called. A commit of this process is told at once;
   * one of another process, and the clock, within `access.ttlSeconds`. Calls for one account come in order and never
   * twice with the same status. An error of the handler is logged. Its timer keeps no process alive. `onEnd` is called
   * when the manager is closed.
   *
   * @throws INVALID_ARGUMENT; CLOSED
   * @example
   * const stop = manager.access.watch(['shop-7'], ({ userId, status }) => console.log(userId, status));
   */
  watch(
    userIds: readonly string[],
    handler: (status: AccessInfo) => Awaitable<void>,
    options?: WatchOptions,
  ): () => void;

  /**
   * How many accounts there are, and how many of them may be served, as their last operations left them: one whose
   * credits lapse by the clock counts as `enabled` until its expiry is written. Two counts along an index; they are two
   * reads, so that a commit may come between them.
   *
   * @throws INVALID_ARGUMENT; ABORTED by the caller's signal; TIMEOUT, STORAGE_UNAVAILABLE; CLOSED. A retry is safe.
   * @example const { accounts, enabled } = await manager.access.countStatuses();
   */
  countStatuses(options?: CountOptions): Promise<AccessCounts>;
}
