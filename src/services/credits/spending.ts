/** Verbs that add, spend, correct, move, undo and expire credits. */
import { toCredits } from '../../core/amounts.js';
import type { GrantTerms } from '../../core/command.js';
import { PLAIN_TERMS } from '../../core/grants.js';
import { creditError } from '../../errors.js';
import type { EntryRow } from '../../models/entry.js';
import type { GrantRow } from '../../models/grant.js';
import type { MutationOptions } from '../../models/inputs/credits.js';
import * as schemas from '../../models/inputs/credits.js';
import { definedFields } from '../input/given-fields.js';
import { parse, parseCall, parseId, parseMutationOptions, parseRef } from '../input/parse.js';
import { answered, otherEntryId } from '../pipeline/operation.js';
import { dryRunOf, toApplied } from '../pipeline/transaction-records.js';
import type { CreditMutations } from './contract.js';
import { entryOf } from './records.js';
import type { Verb, Verbs } from './verbs.js';

type Spending<S> = Pick<
  CreditMutations<S>,
  | 'addCredits'
  | 'deductCredits'
  | 'deductCreditsAfterService'
  | 'adjustCredits'
  | 'reverseTransaction'
  | 'voidGrant'
  | 'updateGrant'
  | 'transferCredits'
  | 'expireCredits'
>;

export function spending<S>(verbs: Verbs<S>): Spending<S> {
  const { engine, scale, creditType } = verbs;

  function deduction(operation: string, userId: string, amount: unknown, given?: MutationOptions<S>): Verb<S> {
    const user = parseId(userId, 'userId');
    const units = verbs.units(amount);
    const afterService = operation !== 'deduct';
    const options = parseCall<DeductFields, S>(
      afterService ? schemas.deductAfterServiceSchema : schemas.deductSchema,
      given,
    );
    const { from, occurredAt } = options;
    const command = {
      type: 'deduct',
      amount: units,
      afterService,
      from: from && definedFields(from),
      occurredAt,
    } as const;
    return { operation, userId: user, given: { amount: units }, options, command: () => command };
  }

  /** @throws TRANSACTION_NOT_FOUND */
  async function grantOf(grantId: string, options: MutationOptions<S>): Promise<GrantRow> {
    const grant = await verbs.reads.get('grant', grantId, options);
    if (grant?.creditType === creditType) return grant;
    throw creditError('TRANSACTION_NOT_FOUND', 'There is no grant with this id.', { id: grantId });
  }

  /** The entry that made a grant. */
  async function makerOf({ account, createdAt, seq, id }: GrantRow, options: MutationOptions<S>): Promise<EntryRow> {
    const along = { index: 'history', equals: { account }, range: { field: 'at', gte: createdAt, lte: createdAt } };
    for await (const entries of verbs.reads.pages('entry', along, options)) {
      const maker = entries.find((entry) => entry.seq === seq);
      if (maker) return maker;
    }
    throw creditError('INVARIANT_VIOLATION', `The transaction that made the grant ${id} is missing. See verify().`, {});
  }

  return {
    async addCredits(userId, amount, given) {
      const user = parseId(userId, 'userId');
      const units = verbs.units(amount);
      const options = parseCall<AddFields, S>(schemas.addSchema, given);
      const command = { type: 'add', amount: units, terms: termsOf(options) } as const;
      const answer = await verbs.run({
        operation: 'add',
        ...{ userId: user, given: { amount: units }, options, command: () => command },
      });
      return verbs.transaction(answer);
    },

    async deductCredits(userId, amount, given) {
      return verbs.transaction(await verbs.run(deduction('deduct', userId, amount, given)));
    },

    async deductCreditsAfterService(userId, amount, given) {
      return verbs.transaction(await verbs.run(deduction('deduct_after_service', userId, amount, given)));
    },

    async adjustCredits(userId, delta, given) {
      const user = parseId(userId, 'userId');
      const units = verbs.units(delta, { signed: true });
      const options = parse(schemas.adjustSchema, given) as MutationOptions<S>;
      const command = { type: 'adjust', delta: units } as const;
      const answer = await verbs.run({
        operation: 'adjust',
        userId: user,
        given: { delta: units },
        options,
        command: () => command,
      });
      return verbs.transaction(answer);
    },

    async reverseTransaction(transaction, given) {
      const entryId = parseRef(transaction, 'transaction');
      const options = parseCall<ReverseFields, S>(schemas.reverseSchema, given);
      const amount = options.amount === undefined ? null : verbs.units(options.amount);
      const rest = engine.startDeadline(options);
      const original = await verbs.reads.get('entry', entryId, options);
      if (original?.eventType !== 'transaction' || original.creditType !== creditType) {
        throw creditError('TRANSACTION_NOT_FOUND', 'There is no transaction with this id.', { id: entryId });
      }
      const command = { type: 'reverse', original, amount } as const;
      const answer = await verbs.run({
        operation: 'reverse',
        userId: original.userId,
        given: amount === null ? { id: entryId } : { id: entryId, amount },
        options: rest(),
        command: () => command,
      });
      return verbs.transaction(answer);
    },

    async voidGrant(ref, given) {
      const grantId = parseRef(ref, 'grant');
      const options = parseCall<VoidFields, S>(schemas.voidSchema, given);
      const amount = options.amount === undefined ? null : verbs.units(options.amount);
      const rest = engine.startDeadline(options);
      const grant = await grantOf(grantId, options);
      const maker = await makerOf(grant, rest());
      const command = { type: 'void_grant', grantId, madeBy: maker.id, amount } as const;
      const answer = await verbs.run({
        operation: 'void_grant',
        userId: grant.userId,
        given: amount === null ? { grantId } : { grantId, amount },
        options: rest(),
        command: () => command,
      });
      return verbs.transaction(answer);
    },

    async updateGrant(ref, change, given) {
      const grantId = parseRef(ref, 'grant');
      const terms = definedFields(parse(schemas.updateGrantSchema, change, 'change'));
      const options = parseMutationOptions<S>(given);
      const rest = engine.startDeadline(options);
      const { userId } = await grantOf(grantId, options);
      const command = { type: 'update_grant', grantId, terms } as const;
      const answer = await verbs.run({
        operation: 'update_grant',
        userId,
        given: { grantId, ...terms },
        options: rest(),
        command: () => command,
      });
      return verbs.transaction(answer);
    },

    async transferCredits(transfer, given) {
      const { from, to, amount } = parse(schemas.transferSchema, transfer, 'transfer');
      if (from === to) {
        const expected = 'an account other than from';
        throw creditError('INVALID_ARGUMENT', 'A transfer needs two different accounts.', {
          path: 'transfer.to',
          expected,
        });
      }
      const units = verbs.units(amount);
      const answer = answered(
        await engine.mutate({
          operation: 'transfer',
          accounts: [verbs.account(from), verbs.account(to)],
          given: { from, to, amount: units },
          options: parseMutationOptions(given),
          command: () => ({ type: 'transfer', amount: units }),
        }),
      );
      const { entry, replayed, entries } = answer;
      const out = entryOf(entry);
      const otherId = otherEntryId(out.operationId);
      const into = entries.find((row) => row.id === otherId) ?? null;
      const more = dryRunOf(answer, scale);
      return {
        out: { ...toApplied(out, scale, replayed), ...more },
        in: { ...toApplied(entryOf(into), scale, replayed), ...more },
      };
    },

    async expireCredits(userId, given) {
      const user = parseId(userId, 'userId');
      const options = parseCall<ExpireFields, S>(schemas.expireSchema, given);
      const command = { type: 'expire', asOf: options.asOf ?? null } as const;
      const { entry } = answered(
        await verbs.run({
          operation: 'expire',
          ...{ userId: user, given: {}, options, command: () => command },
        }),
      );
      return entry ? toCredits(Number(entry.details.expired), scale) : 0;
    },
  };
}

type DeductFields = ReturnType<typeof schemas.deductSchema.parse>;
type AddFields = ReturnType<typeof schemas.addSchema.parse>;
type ReverseFields = ReturnType<typeof schemas.reverseSchema.parse>;
type VoidFields = ReturnType<typeof schemas.voidSchema.parse>;
type ExpireFields = ReturnType<typeof schemas.expireSchema.parse>;

function termsOf(fields: AddFields): GrantTerms {
  return {
    source: fields.source ?? PLAIN_TERMS.source,
    priority: fields.priority ?? PLAIN_TERMS.priority,
    effectiveAt: fields.effectiveAt ?? null,
    expiresAt: fields.expiresAt ?? null,
    planId: fields.planId ?? null,
    paymentId: fields.paymentId ?? null,
    reference: fields.reference ?? null,
  };
}
