/** The mutating verbs of one credit type: parse, describe the command, hand it to the engine, show what came back. */
import { parseAmount, toCredits } from '../../core/amounts.js';
import type { GrantTerms } from '../../core/command.js';
import { PLAIN_TERMS } from '../../core/grants.js';
import { creditError } from '../../errors.js';
import type { EntryRow } from '../../models/entry.js';
import type { MutationOptions } from '../../models/inputs/credits.js';
import * as schemas from '../../models/inputs/credits.js';
import type { Applied, JsonObject } from '../../models/values.js';
import { parseAccountOptions } from '../input/account-options.js';
import { parse, parseId, parseRef } from '../input/parse.js';
import type { Engine, Mutation } from '../pipeline/engine.js';
import { type Answer, otherEntryId } from '../pipeline/operation.js';
import type { CreditMutations } from './contract.js';
import type { HoldDirectory } from './hold-directory.js';
import { holdAfter, infoAfter, type Reservation, toApplied, toReservation } from './records.js';

const NO_OPTIONS: MutationOptions<never> = {};

export function creditMutations<S>(engine: Engine<S>, creditType: string, holds: HoldDirectory<S>): CreditMutations<S> {
  const { scale } = engine;
  const account = (userId: string) => engine.account(creditType, userId);
  const amountOf = (amount: unknown, rules: { zero?: boolean; signed?: boolean } = {}) =>
    parseAmount(amount, { scale, ...rules });
  const options = <T>(schema: Parameters<typeof parse<T>>[0], given: unknown): T =>
    given === undefined ? (NO_OPTIONS as T) : parse(schema, given);
  const applied = ({ entry, replayed }: Answer) => toApplied(entryOf(entry), scale, replayed);

  function onAccount(
    operation: string,
    userId: string,
    given: JsonObject,
    callOptions: MutationOptions<S>,
    command: Mutation<S>['command'],
  ): Promise<Answer> {
    return engine.mutate({ operation, accounts: [account(userId)], given, options: callOptions, command });
  }

  /** A verb on a hold: the account is found through the hold, and only its id is the caller's. */
  async function onHold(
    operation: string,
    ref: unknown,
    given: JsonObject,
    callOptions: MutationOptions<S>,
    command: (reservationId: string, fingerprint: () => string) => ReturnType<Mutation<S>['command']>,
  ) {
    const reservationId = parseRef(ref, 'reservation');
    const rest = engine.startDeadline(callOptions);
    const hold = await holds.find(reservationId, callOptions);
    if (!hold) {
      throw creditError('RESERVATION_NOT_FOUND', 'There is no reservation with this id.', { id: reservationId });
    }
    const answer = await engine.mutate({
      operation,
      accounts: [hold.account],
      given: { reservationId, ...given },
      options: rest(),
      command: (_, fingerprint) => command(reservationId, fingerprint),
    });
    return { answer, hold };
  }

  const mutations: CreditMutations<S> = {
    async addCredits(userId, amount, given) {
      const user = parseId(userId, 'userId');
      const units = amountOf(amount);
      const fields = options(schemas.addSchema, given) as ReturnType<typeof schemas.addSchema.parse>;
      const terms: GrantTerms = {
        source: fields.source ?? PLAIN_TERMS.source,
        priority: fields.priority ?? PLAIN_TERMS.priority,
        effectiveAt: fields.effectiveAt ?? null,
        expiresAt: fields.expiresAt ?? null,
        planId: fields.planId ?? null,
        reference: fields.reference ?? null,
      };
      const call = fields as unknown as MutationOptions<S>;
      return applied(
        await onAccount('add', user, { amount: units }, call, () => ({ type: 'add', amount: units, terms })),
      );
    },

    deductCredits: (userId, amount, given) => deduct('deduct', userId, amount, given),

    deductCreditsAfterService: (userId, amount, given) => deduct('deduct_after_service', userId, amount, given),

    async adjustCredits(userId, delta, given) {
      const user = parseId(userId, 'userId');
      const units = amountOf(delta, { signed: true });
      const call = parse(schemas.adjustSchema, given) as MutationOptions<S>;
      return applied(await onAccount('adjust', user, { delta: units }, call, () => ({ type: 'adjust', delta: units })));
    },

    async reserveCredits(userId, amount, given) {
      const user = parseId(userId, 'userId');
      const units = amountOf(amount);
      const fields = options(schemas.reserveSchema, given) as ReturnType<typeof schemas.reserveSchema.parse>;
      const ttlMs = (fields.ttlSeconds ?? engine.ttlSeconds) * 1000;
      const planId = fields.planId ?? null;
      const call = fields as unknown as MutationOptions<S>;
      const { entry, replayed } = await onAccount('reserve', user, { amount: units }, call, (operationId) => ({
        type: 'reserve',
        amount: units,
        ttlMs,
        planId,
        reservationId: `r-${operationId}`,
      }));
      const row = entryOf(entry);
      if (call.session === undefined) holds.remember(account(user), row);
      return { ...toReservation(holdAfter(row), row, scale), replayed };
    },

    async commitReservedCredits(ref, given) {
      const fields = options(schemas.commitSchema, given) as ReturnType<typeof schemas.commitSchema.parse>;
      const final = fields.final ?? true;
      const amount = fields.amount === undefined ? null : amountOf(fields.amount, { zero: final });
      const { overage = 'reject', ifExpired = 'reject' } = fields;
      const call = fields as unknown as MutationOptions<S>;
      const { answer } = await onHold(
        'commit_reserved',
        ref,
        amount === null ? {} : { amount },
        call,
        (reservationId, fingerprint) => ({
          type: 'commit',
          reservationId,
          amount,
          final,
          overage,
          ifExpired,
          fingerprint: fingerprint(),
        }),
      );
      return applied(answer);
    },

    async releaseReservedCredits(ref, given) {
      const call = options(schemas.mutationSchema, given) as MutationOptions<S>;
      const { answer, hold } = await onHold('release_reserved', ref, {}, call, (reservationId, fingerprint) => ({
        type: 'release',
        reservationId,
        fingerprint: fingerprint(),
      }));
      return heldAfter(answer, hold);
    },

    unreserveCredits: (ref, given) => mutations.releaseReservedCredits(ref, given),

    async extendReservation(ref, given) {
      const fields = parse(schemas.extendSchema, given);
      const ttlMs = fields.ttlSeconds * 1000;
      const call = fields as unknown as MutationOptions<S>;
      const { answer, hold } = await onHold('extend_reserved', ref, {}, call, (reservationId) => ({
        type: 'extend',
        reservationId,
        ttlMs,
      }));
      return heldAfter(answer, hold);
    },

    async reverseTransaction(id, given) {
      const entryId = parseId(id, 'id');
      const fields = options(schemas.reverseSchema, given) as ReturnType<typeof schemas.reverseSchema.parse>;
      const amount = fields.amount === undefined ? null : amountOf(fields.amount);
      const call = fields as unknown as MutationOptions<S>;
      const rest = engine.startDeadline(call);
      const original = await readEntry(entryId, call);
      if (original?.eventType !== 'transaction' || original.creditType !== creditType) {
        throw creditError('TRANSACTION_NOT_FOUND', 'There is no transaction with this id.', { id: entryId });
      }
      const given_ = amount === null ? { id: entryId } : { id: entryId, amount };
      const command = { type: 'reverse', original, amount } as const;
      return applied(await onAccount('reverse', original.userId, given_, rest(), () => command));
    },

    async transferCredits(transfer, given) {
      const { from, to, amount } = parse(schemas.transferSchema, transfer, 'transfer');
      if (from === to) {
        const expected = 'an account other than from';
        throw creditError('INVALID_ARGUMENT', 'A transfer needs two accounts.', { path: 'transfer.to', expected });
      }
      const units = amountOf(amount);
      const call = options(schemas.mutationSchema, given) as MutationOptions<S>;
      const { entry, replayed, entries } = await engine.mutate({
        operation: 'transfer',
        accounts: [account(from), account(to)],
        given: { from, to, amount: units },
        options: call,
        command: () => ({ type: 'transfer', amount: units }),
      });
      const out = entryOf(entry);
      const otherId = otherEntryId(out.operationId);
      const into = entries.find((row) => row.id === otherId) ?? null;
      return {
        out: toApplied(out, scale, replayed),
        in: toApplied(entryOf(into), scale, replayed),
      };
    },

    async expireCredits(userId, given) {
      const user = parseId(userId, 'userId');
      const fields = options(schemas.expireSchema, given) as ReturnType<typeof schemas.expireSchema.parse>;
      const asOf = fields.asOf ?? null;
      const call = fields as unknown as MutationOptions<S>;
      const { entry } = await onAccount('expire', user, {}, call, () => ({ type: 'expire', asOf }));
      return entry ? toCredits(Number(entry.details.expired), scale) : 0;
    },

    async createAccount(userId, given) {
      const user = parseId(userId, 'userId');
      const fields = options(schemas.accountSchema, given) as ReturnType<typeof schemas.accountSchema.parse>;
      const chosen = { overdraftLimit: null, lowCreditThreshold: null, ...parseAccountOptions(fields, scale) };
      const trialCredits = fields.trialCredits === undefined ? null : amountOf(fields.trialCredits, { zero: true });
      const input = trialCredits === null ? givenOptions(chosen) : { ...givenOptions(chosen), trialCredits };
      const call = fields as unknown as MutationOptions<S>;
      const answer = await onAccount('create_account', user, input, call, (_, fingerprint) => ({
        type: 'create_account',
        options: { ...chosen, metadata: fields.metadata ?? null },
        trialCredits,
        fingerprint: fingerprint(),
      }));
      return accountAfter(answer);
    },

    async updateAccount(userId, given) {
      const user = parseId(userId, 'userId');
      const fields = parse(schemas.updateAccountSchema, given);
      const changed = parseAccountOptions(fields, scale);
      const metadata = fields.metadata === undefined ? {} : { metadata: fields.metadata };
      const command = { type: 'update_account', options: { ...changed, ...metadata } } as const;
      const call = fields as unknown as MutationOptions<S>;
      return accountAfter(await onAccount('update_account', user, changed as JsonObject, call, () => command));
    },
  };
  return mutations;

  async function deduct(operation: string, userId: string, amount: unknown, given: unknown) {
    const user = parseId(userId, 'userId');
    const units = amountOf(amount);
    const call = options(schemas.mutationSchema, given) as MutationOptions<S>;
    const command = { type: 'deduct', amount: units, afterService: operation !== 'deduct' } as const;
    return applied(await onAccount(operation, user, { amount: units }, call, () => command));
  }

  async function readEntry(id: string, call: MutationOptions<S>): Promise<EntryRow | null> {
    const { session } = call;
    return engine.read(call, (timeoutMs) => engine.store.get('entry', id, { session, timeoutMs }));
  }

  function heldAfter({ entry, replayed }: Answer, { origin }: { origin: EntryRow }): Applied<Reservation> {
    return { ...toReservation(holdAfter(entryOf(entry)), origin, scale), replayed };
  }

  function accountAfter({ entry, replayed }: Answer) {
    const row = entryOf(entry);
    return { ...infoAfter(row, row.at, scale), replayed };
  }
}

/** Options that were given: a null from leaving one out is not input. */
function givenOptions(options: object): JsonObject {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null));
}

function entryOf(entry: EntryRow | null): EntryRow {
  if (entry) return entry;
  throw creditError('INVARIANT_VIOLATION', 'A committed call has no entry. Please report this.', {});
}
