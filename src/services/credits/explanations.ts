/** Tells which grants a transaction drew on and why, and which transactions drew on a grant. */
import type { Account } from '../../core/account.js';
import { toCredits } from '../../core/amounts.js';
import { breakdownOf } from '../../core/breakdown.js';
import { type BurnKey, decidingKey, freePart, isSpendable } from '../../core/burn-down.js';
import type { DrawnFrom } from '../../core/command.js';
import { meets } from '../../core/late-usage.js';
import { Replay } from '../../core/replay.js';
import { creditError } from '../../errors.js';
import type { OpenGrant } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import { transactionTypes } from '../../models/enums.js';
import { type ListOptions, listSchema, type ReadOptions } from '../../models/inputs/credits.js';
import type { GrantUse } from '../../models/records/grant.js';
import type { ExplainedDraw } from '../../models/records/transaction.js';
import type { Draw } from '../../models/values.js';
import { ListCursors } from '../input/page.js';
import { parseCall, parseId, parseReadOptions } from '../input/parse.js';
import type { AccountsNow } from './accounts-now.js';
import type { CreditReads } from './contract.js';
import type { Verbs } from './verbs.js';

type Explanations<S> = Pick<CreditReads<S>, 'getBalanceBreakdown' | 'explainTransaction' | 'getGrantUsage'>;

/** The types of entries that take credits from grants in burn-down order. */
const DEBITS: readonly string[] = ['deduct', 'commit_reserved', 'transfer_out', 'reserve'];

export function explanations<S>({ reads, scale, creditType }: Verbs<S>, accounts: AccountsNow<S>): Explanations<S> {
  /** The account as it was when the entry was decided. */
  async function before({ account, userId, at, seq }: EntryRow, options: ReadOptions<S>): Promise<Account> {
    const replay = new Replay(creditType, userId);
    const query = { index: 'history', equals: { account }, range: { field: 'at', lte: at } };
    for await (const entries of reads.pages('entry', query, options)) {
      for (const entry of entries) if (entry.seq > 0 && entry.seq < seq) replay.apply(entry);
    }
    return replay.account();
  }

  return {
    async getBalanceBreakdown(userId, given) {
      const user = parseId(userId, 'userId');
      const { byExpiry, bySource, byCycle } = breakdownOf(await accounts.now(user, parseReadOptions(given)));
      const parts = ({ remaining, held }: { remaining: number; held: number }) => {
        return { remaining: toCredits(remaining, scale), held: toCredits(held, scale) };
      };
      return {
        byExpiry: byExpiry.map((one) => ({ expiresAt: dateOf(one.expiresAt), ...parts(one) })),
        bySource: bySource.map((one) => ({ source: one.source, ...parts(one) })),
        byCycle: byCycle.map((one) => ({
          ...{ cycleId: one.cycleId, start: new Date(one.start), expiresAt: dateOf(one.expiresAt) },
          ...{ granted: toCredits(one.granted, scale), ...parts(one) },
        })),
      };
    },

    async explainTransaction(id, given) {
      const entryId = parseId(id, 'id');
      const options = parseReadOptions<S>(given);
      const entry = await reads.get('entry', entryId, options);
      if (entry?.eventType !== 'transaction' || entry.creditType !== creditType) return null;
      const draws = DEBITS.includes(entry.type) ? entry.draws : [];
      if (draws.length === 0) return { transactionId: entryId, draws: [] };
      const account = await before(entry, options);
      const candidates = candidatesOf(account, entry);
      return { transactionId: entryId, draws: draws.map((draw) => explained(draw, candidates, scale)) };
    },

    async getGrantUsage(grantId, given) {
      const id = parseId(grantId, 'grantId');
      const options = parseCall<ListOptions, S>(listSchema, given);
      const grant = await reads.get('grant', id, options);
      if (grant?.creditType !== creditType) return { items: [], nextCursor: null };
      const { account, createdAt } = grant;
      const along = {
        ...{ index: 'history', equals: { account }, range: { field: 'at', gte: createdAt } },
        anyOf: { field: 'type', values: transactionTypes },
      };
      const cursors = new ListCursors('getGrantUsage', { grantId: id });
      const isUse = (entry: EntryRow) => unitsOf(entry, id) !== 0;
      const { rows, nextCursor } = await reads.chosenPage('entry', along, options, cursors, isUse);
      const items = rows.map((entry): GrantUse => {
        const { id: transactionId, type, at } = entry;
        const amount = toCredits(unitsOf(entry, id), scale);
        return { transactionId, type: type as GrantUse['type'], amount, at: new Date(at) };
      });
      return { items, nextCursor };
    },
  };
}

/** The grants that the entry could have drawn on, in the order in which it would have. */
function candidatesOf(account: Account, entry: EntryRow): readonly OpenGrant[] {
  const { type, reservationId, at, details, draws } = entry;
  const { grants } = account;
  const hold = type === 'commit_reserved' && account.holds.find((open) => open.id === reservationId);
  if (hold) return grants.filter((grant) => hold.draws.some(({ grantId }) => grantId === grant.id));
  const now = at.getTime();
  // Lapsed grants that late usage brought back pay, too.
  const mayPay = (grant: OpenGrant) => isSpendable(grant, now) || draws.some(({ grantId }) => grantId === grant.id);
  const isOpen = (grant: OpenGrant) =>
    freePart(grant) > 0 && mayPay(grant) && meets((details as { from?: DrawnFrom }).from ?? {}, grant);
  return grants.filter((grant) => isOpen(grant) && (type !== 'transfer_out' || grant.source !== 'trial'));
}

function explained({ grantId, amount }: Draw, candidates: readonly OpenGrant[], scale: number): ExplainedDraw {
  const i = candidates.findIndex(({ id }) => id === grantId);
  const [grant, next] = [candidates[i], candidates[i + 1]];
  if (!grant) {
    const message = 'The transaction drew on a grant that its account did not have. See verify().';
    throw creditError('INVARIANT_VIOLATION', message, {});
  }
  const because: BurnKey | 'only' = next ? decidingKey(grant, next) : 'only';
  const { priority, source, expiresAt } = grant;
  return { grantId, amount: toCredits(amount, scale), because, priority, expiresAt: dateOf(expiresAt), source };
}

/** The units that left the grant by the entry; negative where they came back to it. */
function unitsOf({ type, draws, repaid, delta, grantId, amount }: EntryRow, id: string): number {
  const sum = (parts: readonly Draw[]) =>
    parts.reduce((all, part) => (part.grantId === id ? all + part.amount : all), 0);
  if (type === 'expire') return grantId === id ? amount : 0;
  // A hold only pins credits, and what was received is a grant of its own.
  const drawn = type === 'reserve' || type === 'transfer_in' ? 0 : sum(draws);
  const isGivenBack = type === 'reinstate' || ((type === 'reverse' || type === 'claw_back') && delta > 0);
  return (isGivenBack ? -drawn : drawn) + sum(repaid);
}

function dateOf(at: number | null): Date | null {
  return at === null ? null : new Date(at);
}
