/** Reads an account's transactions in time order, or one transaction by its id. */
import { creditError } from '../../errors.js';
import { accountKey } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import { quietTypes, type TransactionType, transactionTypes } from '../../models/enums.js';
import * as schemas from '../../models/inputs/credits.js';
import { definedFields } from '../input/given-fields.js';
import { ListCursors } from '../input/page.js';
import { parseCall, parseId, parseReadOptions } from '../input/parse.js';
import type { Along } from '../pipeline/row-reads.js';
import { termsOf, toTransaction } from '../pipeline/transaction-records.js';
import type { CreditReads } from './contract.js';
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
      const { from, to, actor, types, source, reference, correlationId, includeHolds = false } = options;
      const sought = definedFields({ source, reference, correlationId });
      const cursors = new ListCursors('getCreditHistory', { account, from, to, actor, types, includeHolds, ...sought });
      const along = alongOf(account, options);
      const keeps = Object.keys(sought).length > 0 ? choiceOf(account, options) : null;
      const { rows, nextCursor } = await reads.chosenPage('entry', along, options, cursors, keeps);
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

/** The types of entries that may have the terms of one grant, and so its source and its reference. */
const WITH_TERMS: readonly TransactionType[] = ['add', 'activate', 'reverse'];

function typesOf({ types, includeHolds, source, reference }: HistoryFields): readonly TransactionType[] {
  const wanted = types ?? (includeHolds ? transactionTypes : VISIBLE_TYPES);
  const isOfGrant = source !== undefined || reference !== undefined;
  return isOfGrant ? wanted.filter((type) => WITH_TERMS.includes(type)) : wanted;
}

function alongOf(account: string, options: HistoryFields): Along {
  const { from, to, actor, correlationId } = options;
  if (from !== undefined && to !== undefined && from > to) {
    const expected = 'an instant not later than to';
    throw creditError('INVALID_ARGUMENT', 'from is later than to.', { path: 'from', expected });
  }
  const period = (from !== undefined || to !== undefined) && {
    range: {
      field: 'at',
      ...(from !== undefined && { gte: new Date(from) }),
      ...(to !== undefined && { lte: new Date(to) }),
    },
  };
  // A request has few entries, and an account may have many.
  if (correlationId !== undefined) {
    return {
      index: 'correlation',
      equals: { correlationId },
      anyOf: { field: 'account', values: [account] },
      ...period,
    };
  }
  return {
    index: actor === undefined ? 'history' : 'actor',
    equals: actor === undefined ? { account } : { account, actor },
    anyOf: { field: 'type', values: typesOf(options) },
    ...period,
  };
}

/** Judges what no index tells. */
function choiceOf(account: string, options: HistoryFields): (entry: EntryRow) => boolean {
  const { actor, source, reference } = options;
  const types = typesOf(options);
  return (entry) =>
    entry.account === account &&
    types.includes(entry.type as TransactionType) &&
    (actor === undefined || entry.actor === actor) &&
    (source === undefined || termsOf(entry)?.source === source) &&
    (reference === undefined || termsOf(entry)?.reference === reference);
}
