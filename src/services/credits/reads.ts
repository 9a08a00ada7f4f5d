/**
 * The reading verbs of one credit type. A read is of one instant and one snapshot, advanced to now, and writes
 * nothing.
 */
import { type Account, availableOf, emptyAccount } from '../../core/account.js';
import { advanced } from '../../core/advance.js';
import { parseAmount, toCredits } from '../../core/amounts.js';
import { burnRank, freePart, isSpendable } from '../../core/burn-down.js';
import type { Context } from '../../core/decision.js';
import { previewDebit } from '../../core/deduction-preview.js';
import { accountFromRow } from '../../core/rows.js';
import { creditError } from '../../errors.js';
import { accountKey } from '../../models/account.js';
import { quietTypes, transactionTypes } from '../../models/enums.js';
import type { ReadOptions } from '../../models/inputs/credits.js';
import * as schemas from '../../models/inputs/credits.js';
import { instantSchema } from '../../models/inputs/values.js';
import type { FindQuery } from '../../ports/db-manager.js';
import { monotonicNow } from '../../timers.js';
import { pageOf, stepsOf } from '../input/page.js';
import { parse, parseId, parseReadOptions } from '../input/parse.js';
import type { VersionedAccount } from '../pipeline/account-memory.js';
import type { Engine } from '../pipeline/engine.js';
import { type Skipped, skippedOf } from '../store/skipped.js';
import { AccountReader } from './account-reader.js';
import type { BalanceCache } from './balance-cache.js';
import type { CreditReads } from './contract.js';
import type { HoldDirectory } from './hold-directory.js';
import { accountsWithAtMost } from './low-accounts.js';
import {
  type Grant,
  infoAfter,
  infoOf,
  openHoldNumbers,
  toGrant,
  toReservation,
  toTransaction,
  type UserCreditsInfo,
} from './records.js';

const DAY_MS = 24 * 3600 * 1000;
const VISIBLE_TYPES = transactionTypes.filter((type) => !quietTypes.includes(type));

export interface ReadParts<S> {
  readonly engine: Engine<S>;
  readonly creditType: string;
  readonly holds: HoldDirectory<S>;
  readonly context: () => Context;
  readonly cache: BalanceCache | null;
}

export function creditReads<S>({ engine, creditType, holds, context, cache }: ReadParts<S>): CreditReads<S> {
  const { scale, store } = engine;
  const reader = new AccountReader<S>(store);
  const keyOf = (userId: string) => accountKey(creditType, userId);

  /** The account at `now`, which is never before its last operation. */
  async function accountNow(userId: string, options: ReadOptions<S>): Promise<Account> {
    return (await stateNow(userId, options)).account;
  }

  /** The same with its version, 0 while nobody ever wrote to it, and as it is stored. */
  async function stateNow(userId: string, options: ReadOptions<S>): Promise<VersionedAccount & { stored: Account }> {
    const { session, fresh } = options;
    return engine.read(options, async (timeoutMs) => {
      const found = await reader.read(keyOf(userId), { session, fresh, timeoutMs });
      const stored = found?.account ?? emptyAccount(creditType, userId);
      return { account: present(stored), version: found?.version ?? 0, stored };
    });
  }

  /** The account's totals, from the cache where there is one. */
  async function balanceNow(userId: string, options: ReadOptions<S>): Promise<Account> {
    if (!cache || options.session !== undefined || options.fresh) return accountNow(userId, options);
    // The store may need its share of the call's time.
    const rest = engine.startDeadline(options);
    const cached = await engine.read(options, (timeoutMs) => cache.get(creditType, userId, timeoutMs / 2));
    if (cached) return cached;
    const readAt = monotonicNow();
    const { account, version, stored } = await stateNow(userId, rest());
    const isAsStored = stored.dueAt === null || stored.dueAt > account.at;
    const from = isAsStored ? { ...account, at: stored.at } : account;
    void cache.filled({ account: from, version }, stored.at, readAt);
    return account;
  }

  function present(account: Account): Account {
    return advanced(account, Math.max(engine.now(), account.at), context());
  }

  const reads: CreditReads<S> = {
    async getUserCreditsInfo(userId, given) {
      const user = parseId(userId, 'userId');
      const account = await balanceNow(user, parseReadOptions(given));
      return infoOf(account, account.at, scale);
    },

    async getUsersCreditsInfo(userIds, given) {
      const users = parse(schemas.userIdsSchema, userIds, 'userIds');
      const options = parseReadOptions(given);
      const accounts = await Promise.all(users.map((user) => balanceNow(user, options)));
      return accounts.map((account) => infoOf(account, account.at, scale));
    },

    async getReservedCredits(userId, given) {
      return (await reads.getUserCreditsInfo(userId, given)).reserved;
    },

    async getBalanceAt(userId, instant, given) {
      const user = parseId(userId, 'userId');
      const at = parse(instantSchema, instant, 'instant');
      const options = parseReadOptions(given);
      const { session, fresh } = options;
      return engine.read(options, async (timeoutMs) => {
        const how = { session, fresh, timeoutMs };
        const account = (await reader.readNow(keyOf(user), how))?.account ?? emptyAccount(creditType, user);
        if (at >= account.at) return infoOf(advanced(account, at, context()), at, scale);
        const query: FindQuery = {
          index: 'history',
          equals: { account: account.key },
          range: { field: 'at', lte: new Date(at) },
          anyOf: { field: 'type', values: transactionTypes },
          direction: 'desc',
          limit: 1,
        };
        const entry = await store.findOne('entry', query, how);
        return entry ? infoAfter(entry, new Date(at), scale) : infoOf(emptyAccount(creditType, user), at, scale);
      });
    },

    async getCreditHistory(userId, given) {
      const user = parseId(userId, 'userId');
      const options = given === undefined ? {} : parse(schemas.historySchema, given);
      const { from, to, actor, types, includeHolds } = options;
      if (from !== undefined && to !== undefined && from > to) {
        const expected = 'an instant not later than to';
        throw creditError('INVALID_ARGUMENT', 'from is later than to.', { path: 'from', expected });
      }
      const account = keyOf(user);
      const query: FindQuery = {
        ...(actor === undefined
          ? { index: 'history', equals: { account } }
          : { index: 'actor', equals: { account, actor } }),
        anyOf: { field: 'type', values: types ?? (includeHolds ? transactionTypes : VISIBLE_TYPES) },
        ...((from !== undefined || to !== undefined) && {
          range: {
            field: 'at',
            ...(from !== undefined && { gte: new Date(from) }),
            ...(to !== undefined && { lte: new Date(to) }),
          },
        }),
        ...stepsOf(options),
      };
      const { session, fresh } = options as ReadOptions<S>;
      return engine.read(options as ReadOptions<S>, async (timeoutMs) => {
        const page = await store.find('entry', query, { session, fresh, timeoutMs });
        return { items: page.rows.map((row) => toTransaction(row, scale)), nextCursor: page.nextCursor };
      });
    },

    async getTransaction(id, given) {
      const entryId = parseId(id, 'id');
      const options = parseReadOptions(given);
      const { session, fresh } = options;
      return engine.read(options, async (timeoutMs) => {
        const entry = await store.get('entry', entryId, { session, fresh, timeoutMs });
        if (entry?.eventType !== 'transaction' || entry.creditType !== creditType) return null;
        return toTransaction(entry, scale);
      });
    },

    async getExpiringCreditsInDays(userId, days, given) {
      const user = parseId(userId, 'userId');
      const within = parse(schemas.daysSchema, days, 'days') * DAY_MS;
      const account = await accountNow(user, parseReadOptions(given));
      return account.grants
        .filter((grant) => grant.expiresAt !== null && grant.expiresAt <= account.at + within)
        .filter((grant) => isSpendable(grant, account.at) && freePart(grant) > 0)
        .sort((a, b) => (a.expiresAt as number) - (b.expiresAt as number))
        .map((grant) => toGrant(account, grant, scale));
    },

    async getGrants(userId, given) {
      const user = parseId(userId, 'userId');
      const options = given === undefined ? {} : parse(schemas.grantsSchema, given);
      const account = await accountNow(user, options as ReadOptions<S>);
      if (!options.includeClosed) {
        const page = pageOf(account.grants, options, burnRank);
        return { ...page, items: page.items.map((grant) => toGrant(account, grant, scale)) };
      }
      const query: FindQuery = { index: 'account', equals: { account: account.key }, ...stepsOf(options) };
      const { session, fresh } = options as ReadOptions<S>;
      return engine.read(options as ReadOptions<S>, async (timeoutMs) => {
        const page = await store.find('grant', query, { session, fresh, timeoutMs });
        const open = new Map(account.grants.map((grant) => [grant.id, grant]));
        const items = page.rows.map((row): Grant => {
          const grant = open.get(row.id);
          // Open in its row and gone from the account: what lapsed by the clock and is not written yet.
          if (!grant && row.open) return { ...toGrant(account, row, scale), remaining: 0, held: 0 };
          return toGrant(account, grant ?? row, scale);
        });
        return { items, nextCursor: page.nextCursor };
      });
    },

    async getActiveReservations(userId, given) {
      const user = parseId(userId, 'userId');
      const options = given === undefined ? {} : parse(schemas.listSchema, given);
      const call = options as ReadOptions<S>;
      const account = await accountNow(user, call);
      const sign = options.order === 'oldest' ? 1 : -1;
      const page = pageOf(account.holds, options, (hold) => [sign * hold.createdAt, hold.id]);
      const origins = await Promise.all(page.items.map((hold) => holds.find(hold.id, call)));
      return {
        items: page.items.map((hold, i) =>
          toReservation(openHoldNumbers(account, hold), origins[i]?.origin ?? { reason: null, metadata: {} }, scale),
        ),
        nextCursor: page.nextCursor,
      };
    },

    async getReservation(id, given) {
      const reservationId = parseId(id, 'id');
      const options = parseReadOptions(given);
      const known = await holds.find(reservationId, options);
      if (!known) return null;
      const account = await accountNow(known.account.userId, options);
      const open = account.holds.find((hold) => hold.id === reservationId);
      if (open) return toReservation(openHoldNumbers(account, open), known.origin, scale);
      const { session, fresh } = options;
      return engine.read(options, async (timeoutMs) => {
        const stored = await store.get('reservation', reservationId, { session, fresh, timeoutMs });
        if (!stored) return null;
        if (stored.status !== 'active') return toReservation(stored, known.origin, scale);
        // Expired by the clock and not written yet: what the account last knew of it is all given back.
        const last = (await reader.read(known.account.key, { session, fresh, timeoutMs }))?.account.holds.find(
          (hold) => hold.id === reservationId,
        );
        const hold = last ? openHoldNumbers(account, last) : stored;
        const expired = hold.amount - hold.committed;
        return toReservation({ ...hold, status: 'expired', expired }, known.origin, scale);
      });
    },

    async previewDeduction(userId, amount, given) {
      const user = parseId(userId, 'userId');
      const units = parseAmount(amount, { scale });
      const account = await accountNow(user, parseReadOptions(given));
      const { shortfall, draws } = previewDebit(account, units, context());
      return {
        sufficient: shortfall === 0,
        shortfall: toCredits(shortfall, scale),
        draws: draws.map((draw) => ({ grantId: draw.grantId, amount: toCredits(draw.amount, scale) })),
      };
    },

    async canAfford(userId, amount, given) {
      const user = parseId(userId, 'userId');
      const units = parseAmount(amount, { scale });
      const account = await balanceNow(user, parseReadOptions(given));
      // The first write to an account makes its trial grant.
      const trial = account.seq === 0 ? engine.defaultsOf(creditType).trialCredits : 0;
      return availableOf(account) + trial >= units;
    },

    async listAccounts(given) {
      const options = given === undefined ? {} : parse(schemas.accountsSchema, given);
      const most = options.maxAvailable === undefined ? null : parseAmount(options.maxAvailable, { scale, zero: true });
      const { session, fresh } = options as ReadOptions<S>;
      const { direction, ...along } = stepsOf(options);
      const newest: FindQuery = { index: 'created', equals: { creditType, visible: true }, direction, ...along };
      return engine.read(options as ReadOptions<S>, async (timeoutMs) => {
        const how = { session, fresh, timeoutMs };
        const page =
          most === null
            ? await store.find('account', newest, how)
            : await accountsWithAtMost(store, creditType, most, along, how);
        const items: UserCreditsInfo[] = [];
        const skipped: Skipped[] = [];
        for (const row of page.rows) {
          try {
            const account = present(accountFromRow(row));
            items.push(infoOf(account, account.at, scale));
          } catch (error) {
            skipped.push(skippedOf(row.userId, error));
          }
        }
        return { items, skipped, nextCursor: page.nextCursor };
      });
    },
  };
  return reads;
}
