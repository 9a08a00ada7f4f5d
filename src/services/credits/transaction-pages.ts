/** Numbered pages of an account's transactions, for readers that jump to a page. */
import { creditError } from '../../errors.js';
import { accountKey } from '../../models/account.js';
import { type EntryRow, entryModel } from '../../models/entry.js';
import { transactionTypes } from '../../models/enums.js';
import { type TransactionPageOptions, transactionPageSchema } from '../../models/inputs/transaction-page.js';
import type { TransactionPage } from '../../models/records/transaction.js';
import { encodeCursor } from '../../ports/cursor.js';
import { parseCall, parseId } from '../input/parse.js';
import type { Along } from '../pipeline/row-reads.js';
import { toTransaction } from '../pipeline/transaction-records.js';
import type { AccountsNow } from './accounts-now.js';
import type { Verbs } from './verbs.js';

export interface TransactionPages<S> {
  /**
   * A numbered page of an account's transactions, the newest first, holds and options included. Without a filter any
   * page is found in a few reads, however long the history: `total` is the account's sequence. With a filter the pages
   * before it are walked, and the walk ends after 10,000 transactions that fit or 100,000 that were looked at: then
   * `isTotalCapped` is true, and later pages are empty. Walk a long history by `getCreditHistory` and its cursor.
   *
   * @throws INVALID_ARGUMENT
   * @example const { items, total } = await credits.getTransactionPage('shop-7', { page: 3, limit: 100 });
   */
  getTransactionPage(userId: string, options?: TransactionPageOptions<S>): Promise<TransactionPage>;
}

type PageFields = ReturnType<typeof transactionPageSchema.parse>;

const LIMIT = 50;
const COUNTED_MAX = 10_000;
const WALKED_MAX = 100_000;
/** Probes by interpolation; the others halve what is left, so that odd histories take no longer. */
const EVERY_SECOND = 2;

export function transactionPages<S>(verbs: Verbs<S>, accounts: AccountsNow<S>): TransactionPages<S> {
  const { engine, reads, scale, creditType } = verbs;
  const pages = new PagesBySequence(verbs, accounts);
  return {
    async getTransactionPage(userId, given) {
      const user = parseId(userId, 'userId');
      const fields = parseCall<PageFields, S>(transactionPageSchema, given);
      const { page = 1, limit = LIMIT, from, to, types, referenceTypes, notReferenceTypes, ...options } = fields;
      if (from !== undefined && to !== undefined && from > to) {
        const expected = 'an instant not later than to';
        throw creditError('INVALID_ARGUMENT', 'from is later than to.', { path: 'from', expected });
      }
      const rest = engine.startDeadline(options);
      const filters = [from, to, types, referenceTypes, notReferenceTypes];
      const isWhole = filters.every((filter) => filter === undefined);
      if (isWhole) return pages.page(user, page, limit, rest);
      const along: Along = {
        ...{ index: 'history', equals: { account: accountKey(creditType, user) }, direction: 'desc' },
        anyOf: { field: 'type', values: types ?? transactionTypes },
        ...((from !== undefined || to !== undefined) && {
          range: {
            field: 'at',
            ...(from !== undefined && { gte: new Date(from) }),
            ...(to !== undefined && { lte: new Date(to) }),
          },
        }),
      };
      const items: TransactionPage['items'][number][] = [];
      let [total, walked] = [0, 0];
      const answer = (isTotalCapped: boolean) => ({ items, page, limit, total, isTotalCapped });
      for await (const rows of reads.pages('entry', along, rest())) {
        for (const row of rows) {
          if (total === COUNTED_MAX || walked === WALKED_MAX) return answer(true);
          walked++;
          const transaction = toTransaction(row, scale);
          const { referenceType } = transaction;
          if (referenceTypes && (referenceType === null || !referenceTypes.includes(referenceType))) continue;
          if (referenceType !== null && notReferenceTypes?.includes(referenceType)) continue;
          if (total >= (page - 1) * limit && items.length < limit) items.push(transaction);
          total++;
        }
      }
      return answer(false);
    },
  };
}

/** Finds a page by the account's gapless sequence. The index goes by time, and both rise together. */
class PagesBySequence<S> {
  readonly #verbs: Verbs<S>;
  readonly #accounts: AccountsNow<S>;

  constructor(verbs: Verbs<S>, accounts: AccountsNow<S>) {
    this.#verbs = verbs;
    this.#accounts = accounts;
  }

  async page(
    user: string,
    page: number,
    limit: number,
    rest: () => TransactionPageOptions<S>,
  ): Promise<TransactionPage> {
    const { engine, scale } = this.#verbs;
    const { key, seq: total, at: lastAt, createdAt } = await this.#accounts.stored(user, rest());
    const answer = (items: TransactionPage['items']) => ({ items, page, limit, total, isTotalCapped: false });
    const newest = total - (page - 1) * limit;
    if (newest < 1) return answer([]);
    const at = newest === total ? lastAt : await this.#instantOf(key, newest, { createdAt, lastAt, total }, rest);
    const along = { index: 'history', equals: { account: key } } as const;
    const anyOf = { field: 'type', values: transactionTypes };
    // The place right after the newest entry of the page, where it is the newest of its instant or not.
    const after = encodeCursor(entryModel, along, { at: new Date(at), seq: newest + 1, id: '', version: 0 });
    const count = Math.min(limit, newest);
    const { session, fresh } = rest();
    const { rows } = await engine.read(rest(), (timeoutMs) =>
      engine.store.find(
        'entry',
        { anyOf, after, direction: 'desc', limit: count, ...along },
        { session, fresh, timeoutMs },
      ),
    );
    return answer(rows.map((row) => toTransaction(row, scale)));
  }

  /** The instant of the entry with this place in the sequence. */
  async #instantOf(
    account: string,
    wanted: number,
    { createdAt, lastAt, total }: { createdAt: number; lastAt: number; total: number },
    rest: () => TransactionPageOptions<S>,
  ): Promise<number> {
    // The entry is later than `below`, and not later than `upTo`; so many entries are not later than each.
    let [below, before] = [createdAt - 1, 0];
    let [upTo, until] = [lastAt, total];
    for (let probe = 0; upTo - below > 1; probe++) {
      const share = probe % EVERY_SECOND === 0 ? (wanted - before) / Math.max(1, until - before) : 0.5;
      const at = Math.min(upTo - 1, Math.max(below + 1, below + Math.round((upTo - below) * share)));
      const entry = await this.#lastUntil(account, at, rest);
      if (entry === null || entry.seq < wanted) [below, before] = [at, entry?.seq ?? 0];
      else if (entry.seq === wanted) return entry.at.getTime();
      else [upTo, until] = [entry.at.getTime(), entry.seq];
    }
    return upTo;
  }

  /** The last entry of an account that is not later than an instant. */
  #lastUntil(account: string, at: number, rest: () => TransactionPageOptions<S>): Promise<EntryRow | null> {
    const along: Along = {
      ...{ index: 'history', equals: { account }, direction: 'desc', range: { field: 'at', lte: new Date(at) } },
      anyOf: { field: 'type', values: transactionTypes },
    };
    return this.#verbs.reads.findOne('entry', along, rest());
  }
}
