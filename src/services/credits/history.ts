/** Reads an account's transactions in time order, or one transaction by its id. */
import { creditError } from '../../errors.js';
import { accountKey } from '../../models/account.js';
import { quietTypes, transactionTypes } from '../../models/enums.js';
import * as schemas from '../../models/inputs/credits.js';
import { ListCursors } from '../input/page.js';
import { parseCall, parseId, parseReadOptions } from '../input/parse.js';
import type { Along } from '../pipeline/row-reads.js';
import type { CreditReads } from './contract.js';
import { toTransaction } from './records.js';
import type { Verbs } from './verbs.js';

/** The types that a user is shown: their entries may move the balance. */
export const VISIBLE_TYPES = transactionTypes.filter((type) => !quietTypes.includes(type));

type HistoryFields = ReturnType<typeof schemas.historySchema.parse>;

export function history<S>({
  engine,
  reads,
  scale,
  creditType,
}: Verbs<S>): Pick<CreditReads<S>, 'getCreditHistory' | 'getTransaction'> {
  const { store } = engine;
  return {
    async getCreditHistory(userId, given) {
      const user = parseId(userId, 'userId');
      const options = parseCall<HistoryFields, S>(schemas.historySchema, given);
      const account = accountKey(creditType, user);
      const { from, to, actor, types, includeHolds = false } = options;
      const cursors = new ListCursors('getCreditHistory', { account, from, to, actor, types, includeHolds });
      const { rows, nextCursor } = await reads.page('entry', alongOf(account, options), options, cursors);
      return { items: rows.map((row) => toTransaction(row, scale)), nextCursor };
    },

    async getTransaction(id, given) {
      const entryId = parseId(id, 'id');
      const options = parseReadOptions<S>(given);
      const { session, fresh } = options;
      return engine.read(options, async (timeoutMs) => {
        const entry = await store.get('entry', entryId, { session, fresh, timeoutMs });
        if (entry?.eventType !== 'transaction' || entry.creditType !== creditType) return null;
        return toTransaction(entry, scale);
      });
    },
  };
}

function alongOf(account: string, { from, to, actor, types, includeHolds }: HistoryFields): Along {
  if (from !== undefined && to !== undefined && from > to) {
    const expected = 'an instant not later than to';
    throw creditError('INVALID_ARGUMENT', 'from is later than to.', { path: 'from', expected });
  }
  return {
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
  };
}
