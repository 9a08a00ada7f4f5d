/** The row of an automatic top-up in a decision: how it is read, written and told. */
import type { CreditEventType } from '../models/events.js';
import type { TopUpRow } from '../models/top-up.js';
import type { JsonObject } from '../models/values.js';
import { availableOf } from './account.js';
import { toCredits } from './amounts.js';
import { type Draft, mainIndex, writeEntry } from './draft.js';
import { toMajor } from './money.js';
import { rowHash } from './row-hash.js';
import { judgeCrossings } from './thresholds.js';

export type TopUp = { -readonly [K in keyof TopUpRow]: TopUpRow[K] };

/** A copy of the row as this decision has left it; null without one, undefined while it has not been read. */
export function readTopUp({ account, context, sideWrites }: Draft): TopUp | null | undefined {
  const written = sideWrites.find((write) => write.model === 'top_up');
  const row = written ? (written.row as TopUpRow) : context.facts.row('top_up', account.key);
  return row && { ...row };
}

/** Writes the row, once for a decision, and leaves its hash on the last entry: an audit compares the two. */
export function writeTopUp(draft: Draft, row: TopUp, more: JsonObject = {}): void {
  const { sideWrites, entries, account } = draft;
  const place = sideWrites.findIndex(({ model }) => model === 'top_up');
  if (place < 0) row.version++;
  row.updatedAt = new Date(account.at);
  const op = row.version === 1 ? 'insert' : 'replace';
  if (place < 0) sideWrites.push({ model: 'top_up', op, row });
  else sideWrites[place] = { model: 'top_up', op, row };
  const last = entries.at(-1) as Draft['entries'][number];
  const told = last.details.topUp as JsonObject | undefined;
  last.details = { ...last.details, topUp: { ...told, ...more, rowHash: rowHash(row) } };
}

/** Writes an entry of no credits behind those of the operation, which stay the answer to the call. */
export function writeBehind(
  draft: Draft,
  type: 'payment_changed' | 'account_updated',
  message: string,
  details: JsonObject,
) {
  if (draft.entries.length > 0) {
    judgeCrossings(draft);
    draft.mainEntry = mainIndex(draft);
  }
  writeEntry(draft, type, { amount: 0, details }).message = message;
}

/** The payment that an event is about. */
export interface ToldPurchase {
  readonly id: string | null;
  readonly amountMinor: number;
  readonly currency: string;
  readonly creditsToAdd: number;
  readonly url?: string | null;
}

/** Tells of a top-up. The event points at the last entry. */
export function tellTopUp(
  draft: Draft,
  type: Extract<CreditEventType, `top_up.${string}`>,
  row: TopUp,
  purchase: ToldPurchase | null,
  reason: string,
): void {
  const { context, account } = draft;
  const credits = (units: number) => toCredits(units, context.scale);
  const more = {
    ...{ paymentId: purchase?.id ?? null, provider: row.provider },
    amount: purchase && toMajor(purchase.amountMinor, purchase.currency),
    currency: purchase?.currency ?? row.currency,
    creditsToAdd: purchase && credits(purchase.creditsToAdd),
    ...{ threshold: credits(row.threshold), available: credits(availableOf(account)) },
    ...{ declines: row.declines, nextAt: row.nextAt?.toISOString() ?? null },
    ...{ url: purchase?.url ?? null, reason },
  };
  draft.events.push({ kind: 'payment', type, entry: draft.entries.length - 1, more });
}

/** Turns it off: the account forgets the threshold, so that no later operation looks at the row. */
export function turnOff(draft: Draft, row: TopUp, reason: NonNullable<TopUpRow['offReason']>): void {
  Object.assign(row, { isOn: false, offReason: reason, dueAt: row.inFlight ? row.dueAt : null });
  const options = { ...draft.account.options, topUpBelow: null };
  draft.account.options = options;
  writeBehind(draft, 'account_updated', 'Automatic top-up turned off', { options: options as JsonObject });
}
