/** Verbs that create, change and list accounts. */
import { accountFromRow } from '../../core/rows.js';
import type { AccountOptions, AccountRow } from '../../models/account.js';
import type { ListOptions, MutationOptions } from '../../models/inputs/credits.js';
import * as schemas from '../../models/inputs/credits.js';
import type { UserCreditsInfo } from '../../models/records/balance.js';
import type { Skipped } from '../../models/records/run.js';
import type { JsonObject } from '../../models/values.js';
import type { FindQuery } from '../../ports/db-manager.js';
import { parseAccountOptions } from '../input/account-options.js';
import { ListCursors, stepsOf } from '../input/page.js';
import { parse, parseCall, parseId } from '../input/parse.js';
import { answered, type Settled } from '../pipeline/operation.js';
import { dryRunOf } from '../pipeline/transaction-records.js';
import { skippedOf } from '../store/skipped.js';
import type { AccountsNow } from './accounts-now.js';
import type { CreditMutations, CreditReads } from './contract.js';
import { accountsWithAtMost } from './low-accounts.js';
import { entryOf, infoAfter, infoOf } from './records.js';
import type { Verbs } from './verbs.js';

type AccountVerbs<S> = Pick<CreditMutations<S>, 'createAccount' | 'updateAccount'>;

export function accounts<S>(verbs: Verbs<S>): AccountVerbs<S> {
  const { scale } = verbs;

  const accountAfter = (settled: Settled) => {
    const answer = answered(settled);
    const row = entryOf(answer.entry);
    return Object.assign(infoAfter(row, row.at, scale), { replayed: answer.replayed }, dryRunOf(answer, scale));
  };

  return {
    async createAccount(userId, given) {
      const user = parseId(userId, 'userId');
      const options = parseCall<CreateFields, S>(schemas.accountSchema, given);
      const chosen = parseAccountOptions(options, scale);
      const trialCredits =
        options.trialCredits === undefined ? null : verbs.units(options.trialCredits, { zero: true });
      const input = trialCredits === null ? givenOptions(chosen) : { ...givenOptions(chosen), trialCredits };
      const answer = await verbs.run({
        operation: 'create_account',
        userId: user,
        given: input,
        options,
        command: (_, fingerprint) => ({
          type: 'create_account',
          options: { ...chosen, ...metadataOf(options) },
          trialCredits,
          fingerprint: fingerprint(),
        }),
      });
      return accountAfter(answer);
    },

    async updateAccount(userId, given) {
      const user = parseId(userId, 'userId');
      const fields = parse(schemas.updateAccountSchema, given);
      const changed = parseAccountOptions(fields, scale);
      const command = { type: 'update_account', options: { ...changed, ...metadataOf(fields) } } as const;
      const answer = await verbs.run({
        operation: 'update_account',
        userId: user,
        given: changed as JsonObject,
        options: fields as MutationOptions<S>,
        command: () => command,
      });
      return accountAfter(answer);
    },
  };
}

export function accountList<S>(verbs: Verbs<S>, accountsNow: AccountsNow<S>): Pick<CreditReads<S>, 'listAccounts'> {
  const { engine, creditType, scale } = verbs;
  return {
    async listAccounts(given) {
      const options = parseCall<AccountsFields, S>(schemas.accountsSchema, given);
      const most = options.maxAvailable === undefined ? null : verbs.units(options.maxAvailable, { zero: true });
      const { session, fresh } = options;
      const cursors = new ListCursors('listAccounts', { creditType, most });
      const { direction, ...along } = stepsOf(options, cursors);
      const newest: FindQuery = { index: 'created', equals: { creditType, visible: true }, direction, ...along };
      return engine.read(options, async (timeoutMs) => {
        const how = { session, fresh, timeoutMs };
        const { rows, nextCursor } =
          most === null
            ? await engine.store.find('account', newest, how)
            : await accountsWithAtMost(engine.store, { creditType, most, ...along }, how);
        const items: UserCreditsInfo[] = [];
        const skipped: Skipped[] = [];
        const found = await Promise.allSettled(
          rows.map(async (row) => accountsNow.present(accountFromRow(row), { ...how, signal: undefined })),
        );
        for (const [i, one] of found.entries()) {
          if (one.status === 'fulfilled') items.push(infoOf(one.value, one.value.at, scale));
          else skipped.push(skippedOf((rows[i] as AccountRow).userId, one.reason));
        }
        return { items, skipped, nextCursor: cursors.cursorOf(nextCursor) };
      });
    },
  };
}

type CreateFields = ReturnType<typeof schemas.accountSchema.parse>;
type AccountsFields = ReturnType<typeof schemas.accountsSchema.parse> & ListOptions & { fresh?: boolean | undefined };

function metadataOf({
  metadata,
}: {
  readonly metadata?: JsonObject | undefined;
}): Pick<Partial<AccountOptions>, 'metadata'> {
  return metadata === undefined ? {} : { metadata };
}

/** The options that count as input. One that is null is the default, as one that the caller left out. */
function givenOptions(options: object): JsonObject {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null));
}
