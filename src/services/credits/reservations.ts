/** Verbs that make, capture, release, extend and read holds. */
import type { Command } from '../../core/command.js';
import { creditError } from '../../errors.js';
import type { MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import * as schemas from '../../models/inputs/credits.js';
import type { Applied } from '../../models/records/applied.js';
import type { Reservation } from '../../models/records/reservation.js';
import type { JsonObject } from '../../models/values.js';
import { ListCursors, pageOf } from '../input/page.js';
import { parse, parseCall, parseId, parseMutationOptions, parseReadOptions, parseRef } from '../input/parse.js';
import { type Answer, answered } from '../pipeline/operation.js';
import { dryRunOf } from '../pipeline/transaction-records.js';
import type { AccountsNow } from './accounts-now.js';
import type { CreditMutations, CreditReads } from './contract.js';
import type { HoldDirectory, KnownHold } from './hold-directory.js';
import { entryOf, type HoldOrigin, holdAfter, openHoldNumbers, toReservation } from './records.js';
import type { Verbs } from './verbs.js';

type HoldVerbs<S> = Pick<
  CreditMutations<S>,
  'reserveCredits' | 'commitReservedCredits' | 'releaseReservedCredits' | 'unreserveCredits' | 'extendReservation'
>;
type HoldReads<S> = Pick<CreditReads<S>, 'getActiveReservations' | 'getReservation'>;

/** A verb on a hold. The caller gives only the id of the hold, which leads to its account. */
interface HoldVerb<S> {
  readonly operation: string;
  readonly ref: unknown;
  readonly given: JsonObject;
  readonly options: MutationOptions<S>;
  readonly command: (reservationId: string, fingerprint: () => string) => Command;
}

export function reservations<S>(verbs: Verbs<S>, holds: HoldDirectory<S>): HoldVerbs<S> {
  const { engine, scale } = verbs;

  /** The answer of a verb on a hold, and the hold as it was made. */
  function onHold(verb: HoldVerb<S>): Promise<{ answer: Answer; hold: KnownHold }> {
    const reservationId = parseRef(verb.ref, 'reservation');
    const known = holds.known(reservationId);
    if (known) return change(reservationId, known, verb, verb.options);
    // A settlement that has begun to read is not refused by a manager that closes meanwhile.
    return engine.begin(async () => {
      const rest = engine.startDeadline(verb.options);
      const hold = await holds.find(reservationId, verb.options);
      if (hold) return change(reservationId, hold, verb, rest());
      throw creditError('RESERVATION_NOT_FOUND', 'There is no reservation with this id.', { id: reservationId });
    });
  }

  async function change(
    reservationId: string,
    hold: KnownHold,
    { operation, given, command }: HoldVerb<S>,
    options: MutationOptions<S>,
  ) {
    const settled = await engine.mutate({
      operation,
      accounts: [hold.account],
      given: { reservationId, ...given },
      options,
      command: (_, fingerprint) => command(reservationId, fingerprint),
    });
    return { answer: answered(settled), hold };
  }

  function heldAfter(answer: Answer, origin: HoldOrigin): Applied<Reservation> {
    const hold = toReservation(holdAfter(entryOf(answer.entry)), origin, scale);
    return Object.assign(hold, { replayed: answer.replayed }, dryRunOf(answer, scale));
  }

  const holdVerbs: HoldVerbs<S> = {
    async reserveCredits(userId, amount, given) {
      const user = parseId(userId, 'userId');
      const units = verbs.units(amount);
      const options = parseCall<ReserveFields, S>(schemas.reserveSchema, given);
      const { ttlSeconds = engine.ttlSeconds, planId = null } = options;
      const answer = answered(
        await verbs.run({
          operation: 'reserve',
          userId: user,
          given: { amount: units },
          options,
          command: (operationId) => ({
            type: 'reserve',
            reservationId: `r-${operationId}`,
            amount: units,
            ttlMs: ttlSeconds * 1000,
            planId,
          }),
        }),
      );
      const row = entryOf(answer.entry);
      if (options.session === undefined && !answer.isDryRun) holds.remember(verbs.account(user), row);
      return heldAfter(answer, row);
    },

    async commitReservedCredits(ref, given) {
      const options = parseCall<CommitFields, S>(schemas.commitSchema, given);
      const { final = true, overage = 'reject', ifExpired = 'reject', occurredAt } = options;
      const amount = options.amount === undefined ? null : verbs.units(options.amount, { zero: final });
      const { answer } = await onHold({
        operation: 'commit_reserved',
        ref,
        given: amount === null ? {} : { amount },
        options,
        command: (reservationId, fingerprintOf) => {
          const fingerprint = fingerprintOf();
          return { type: 'commit', reservationId, amount, final, overage, ifExpired, occurredAt, fingerprint };
        },
      });
      return verbs.transaction(answer);
    },

    async releaseReservedCredits(ref, given) {
      const options = parseMutationOptions(given);
      const { answer, hold } = await onHold({
        operation: 'release_reserved',
        ref,
        given: {},
        options,
        command: (reservationId, fingerprint) => ({ type: 'release', reservationId, fingerprint: fingerprint() }),
      });
      return heldAfter(answer, hold.origin);
    },

    async unreserveCredits(ref, given) {
      return await holdVerbs.releaseReservedCredits(ref, given);
    },

    async extendReservation(ref, given) {
      const { ttlSeconds, ...options } = parse(schemas.extendSchema, given);
      const { answer, hold } = await onHold({
        operation: 'extend_reserved',
        ref,
        given: { ttlSeconds },
        options: options as MutationOptions<S>,
        command: (reservationId) => ({ type: 'extend', reservationId, ttlMs: ttlSeconds * 1000 }),
      });
      return heldAfter(answer, hold.origin);
    },
  };
  return holdVerbs;
}

export function reservationReads<S>(verbs: Verbs<S>, holds: HoldDirectory<S>, accounts: AccountsNow<S>): HoldReads<S> {
  const { scale } = verbs;
  return {
    async getActiveReservations(userId, given) {
      const user = parseId(userId, 'userId');
      const options = parseCall<ListFields, S>(schemas.holdsSchema, given);
      const { planId } = options;
      const account = await accounts.now(user, options);
      const sign = options.order === 'oldest' ? 1 : -1;
      const cursors = new ListCursors('getActiveReservations', { account: account.key, sign, planId });
      const holdsOfPlan = account.holds.filter((hold) => planId === undefined || hold.planId === planId);
      const page = pageOf(holdsOfPlan, options, cursors, (hold) => [sign * hold.createdAt, hold.id]);
      const origins = await Promise.all(page.items.map((hold) => holds.find(hold.id, options)));
      const items = page.items.map((hold, i) => {
        const origin = origins[i]?.origin ?? { reason: null, metadata: {} };
        return toReservation(openHoldNumbers(account, hold), origin, scale);
      });
      return { items, nextCursor: page.nextCursor };
    },

    async getReservation(id, given) {
      const reservationId = parseId(id, 'id');
      const options: ReadOptions<S> = parseReadOptions(given);
      const known = await holds.find(reservationId, options);
      if (!known) return null;
      const { userId } = known.account;
      const account = await accounts.now(userId, options);
      const open = account.holds.find((hold) => hold.id === reservationId);
      if (open) return toReservation(openHoldNumbers(account, open), known.origin, scale);
      const stored = await verbs.reads.get('reservation', reservationId, options);
      if (!stored) return null;
      if (stored.status !== 'active') return toReservation(stored, known.origin, scale);
      // The hold's time is over, but no operation has written that yet: show all that it still held as expired.
      const { holds: last } = await accounts.stored(userId, options);
      const hold = last.find((each) => each.id === reservationId);
      const numbers = hold ? openHoldNumbers(account, hold) : stored;
      const expired = numbers.amount - numbers.committed;
      return toReservation({ ...numbers, status: 'expired', expired }, known.origin, scale);
    },
  };
}

type ReserveFields = ReturnType<typeof schemas.reserveSchema.parse>;
type ListFields = ReturnType<typeof schemas.holdsSchema.parse>;
type CommitFields = ReturnType<typeof schemas.commitSchema.parse>;
