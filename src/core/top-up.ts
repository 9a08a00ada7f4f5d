/**
 * Automatic top-ups: an operation that leaves fewer credits than the threshold begins a payment in its own commit,
 * where the limits allow it. The row of the account guards that, so however many operations and processes run into the
 * threshold, one of them begins it.
 */
import type { JsonObject } from '../models/values.js';
import { availableOf } from './account.js';
import { fingerprintOf, sha256 } from './canonical-json.js';
import type { CommandOf, NewPayment } from './command.js';
import { PENDING, type Verdict } from './decision.js';
import { type Draft, writeEntry } from './draft.js';
import { newPayment } from './payment.js';
import { rowHash } from './row-hash.js';
import { attemptsOf, type Guard, guardOf, type Purchase, purchaseOf } from './top-up-guards.js';
import { readTopUp, type TopUp, tellTopUp, turnOff, writeBehind, writeTopUp } from './top-up-row.js';

/** Operations that take back what somebody bought. That alone must not buy it again. */
const TAKES_BACK: ReadonlySet<string> = new Set(['change_payment', 'claw_back', 'void_grant', 'reverse']);

/** Whether the top-up was judged; false while its row has not been read. Most operations are above the threshold. */
export function judgeTopUp(draft: Draft, type: string): boolean {
  const below = draft.account.options.topUpBelow ?? null;
  if (below === null || draft.entries.length === 0) return true;
  const available = availableOf(draft.account);
  if (available >= below) return true;
  if (TAKES_BACK.has(type) && available < availableOf(draft.opened)) return true;
  const row = readTopUp(draft);
  if (row === undefined) return false;
  if (row?.isOn) judge(draft, row, available);
  return true;
}

function judge(draft: Draft, row: TopUp, available: number): void {
  const now = draft.account.at;
  const expected = available + (row.inFlight?.creditsToAdd ?? 0);
  if (expected >= row.threshold) return;
  const wanted = purchaseOf(row, expected);
  const guard = guardOf(row, wanted, now);
  if (guard) skip(draft, row, wanted, guard);
  else start(draft, row, wanted as Purchase);
}

/** The refusal is told once for each time that the threshold is crossed. The job looks again when it may be over. */
function skip(draft: Draft, row: TopUp, wanted: Purchase | null, { reason, until }: Guard): void {
  const { opened } = draft;
  const isCrossed = availableOf(opened) >= row.threshold || opened.options.topUpBelow !== row.threshold;
  if ((row.dueAt?.getTime() ?? null) !== until) {
    row.dueAt = until === null ? null : new Date(until);
    if (draft.entries.length === 0) writeEntry(draft, 'payment_changed', { amount: 0 }).message = 'Top-up looked at';
    writeTopUp(draft, row);
  }
  if (isCrossed) {
    const purchase = wanted && { id: null, currency: row.currency, ...wanted };
    tellTopUp(draft, 'top_up.skipped', row, purchase, reason);
  }
}

function start(draft: Draft, row: TopUp, { amountMinor, creditsToAdd }: Purchase): void {
  const { account, baseId } = draft;
  const now = account.at;
  const { provider, currency, pack, terms, customerId, customerEmail, customerPhone } = row;
  const id = `pay_${sha256(`${row.seed}.${baseId}`).slice(0, 32)}`;
  const opened: NewPayment = {
    ...{ provider, amountMinor, currency, creditsToAdd, pack, terms, customerEmail, customerPhone },
    ...{ callbackUrl: null, paidAs: null },
  };
  const payment = { ...newPayment(draft, id, opened), topUp: true, description: 'Automatic top-up', metadata: {} };
  draft.sideWrites.push({ model: 'payment', op: 'insert', row: payment });
  const told = { id, status: payment.status, rowHash: rowHash(payment) };
  writeBehind(draft, 'payment_changed', 'Automatic top-up started', { payment: told });
  row.inFlight = { paymentId: id, creditsToAdd, customerId };
  row.attempts = [...attemptsOf(row, now), { paymentId: id, at: now, amountMinor, currency, status: 'in_flight' }];
  row.nextAt = new Date(now + row.coolDownMs);
  row.dueAt = new Date(now);
  writeTopUp(draft, row);
  tellTopUp(draft, 'top_up.started', row, payment, 'below_threshold');
}

export function changeTopUp(draft: Draft, command: CommandOf<'change_top_up'>): Verdict {
  const row = readTopUp(draft);
  if (row === undefined) return PENDING;
  if (command.settings === 'look') return look(draft, row);
  return command.settings === null ? off(draft, row) : set(draft, row, command);
}

/** Purchases of before, and the one under way, count on: to set it again lifts no limit. */
function set(draft: Draft, before: TopUp | null, { settings, seed }: CommandOf<'change_top_up'>): null {
  const { account } = draft;
  const now = account.at;
  const { key: id, userId, creditType } = account;
  const given = settings as Exclude<typeof settings, null | 'look'>;
  const fresh = { id, version: 0, userId, creditType, inFlight: null, attempts: [], dueAt: null };
  const kept = before ?? { ...fresh, createdAt: new Date(now), updatedAt: new Date(now), seed };
  const last = kept.attempts.findLast(({ status }) => status !== 'failed');
  const row: TopUp = {
    ...{ ...kept, ...given, isOn: true, offReason: null, declines: 0 },
    nextAt: last ? new Date(last.at + given.coolDownMs) : null,
    dueAt: kept.inFlight ? kept.dueAt : null,
  };
  const options = { ...account.options, topUpBelow: row.threshold };
  account.options = options;
  const entry = writeEntry(draft, 'account_updated', { amount: 0, details: { options: options as JsonObject } });
  entry.message = 'Automatic top-up set';
  writeTopUp(draft, row, { given: topUpFingerprint(settings) });
  return null;
}

function off(draft: Draft, row: TopUp | null): Verdict {
  if (!row?.isOn) return { kind: 'nothing' };
  turnOff(draft, row, 'requested');
  writeTopUp(draft, row, { given: topUpFingerprint(null) });
  tellTopUp(draft, 'top_up.turned_off', row, null, 'requested');
  return null;
}

/** For the job, at the instant at which the limit that kept it from buying may be over. */
function look(draft: Draft, row: TopUp | null): Verdict {
  const { account } = draft;
  const isDue = row?.isOn && !row.inFlight && row.dueAt && row.dueAt.getTime() <= account.at;
  if (!isDue) return { kind: 'nothing' };
  const available = availableOf(account);
  if (available < row.threshold) judge(draft, row, available);
  else {
    row.dueAt = null;
    if (draft.entries.length === 0) writeEntry(draft, 'payment_changed', { amount: 0 }).message = 'Top-up looked at';
    writeTopUp(draft, row);
  }
  return draft.entries.length === 0 ? { kind: 'nothing' } : null;
}

/** Names what was set, so that a call is found again whose answer was lost. */
export function topUpFingerprint(settings: CommandOf<'change_top_up'>['settings']): string {
  return fingerprintOf(settings as JsonObject | null);
}
