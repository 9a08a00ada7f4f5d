/** The one exhaustive switch: `(accounts, command) → decision`. Pure: time, ids and stored facts come as arguments. */
import type { EntryRow } from '../models/entry.js';
import type { JsonObject } from '../models/values.js';
import type { Account } from './account.js';
import { advance } from './advance.js';
import { billSubscription } from './billed-subscription.js';
import type { CallInfo, Command, CommandOf } from './command.js';
import { renewCycle, startCycle, stopCycle } from './cycle.js';
import { debit } from './debit.js';
import {
  type AccountChange,
  type Context,
  type Decision,
  PENDING,
  type Refusal,
  refuse,
  type Verdict,
} from './decision.js';
import { type Draft, mainIndex, openDraft, pushMovement, writeEntry } from './draft.js';
import { isTooLong, LINE_BYTES_MAX } from './entry-line.js';
import { addGrant, announceGrant, checkRoom, grantTrial, PLAIN_TERMS, updateGrant } from './grants.js';
import { commitHold, extendHold, releaseHold, reserve } from './holds.js';
import { scopeOf } from './late-usage.js';
import { changePayment } from './payment.js';
import { claimPromo } from './promo.js';
import { payPeriod, renew, renewalInstant } from './renewal.js';
import { clawBack, reverse, voidGrant } from './reverse.js';
import { announceCreation, sealDraft } from './seal.js';
import { endOrPause, subscribe } from './subscription.js';
import { changeTopUp, judgeTopUp } from './top-up.js';
import { transfer } from './transfer.js';

/**
 * Decides one command on its accounts. First come the changes that the clock has brought since the last operation, then
 * the trial grant of a first write, then the command itself. A refusal changes nothing, not even what was due.
 */
export function decide(accounts: readonly Account[], command: Command, call: CallInfo, context: Context): Decision {
  let now = context.now;
  for (const account of accounts) if (account.at > now) now = account.at;
  const drafts = accounts.map((account, i) => {
    const isOther = account.creditType !== accounts[0]?.creditType;
    const own = isOther ? { ...context, defaults: context.defaultsOf(account.creditType) } : context;
    return openDraft(
      account,
      own,
      call,
      i === 0 ? call.operationId : `${call.operationId}.${placeOf(account, command)}`,
    );
  });
  const again = command.type === 'create_account' ? createdBefore(drafts[0] as Draft, command) : null;
  if (again) return again;
  const first = drafts[0] as Draft;
  // A renewal goes along the instants at which the subscription was due, and comes to the present by itself.
  const from = command.type === 'renew' ? renewalInstant(context, first.account.userId, now) : now;
  if (from === undefined) return PENDING;
  for (const draft of drafts) {
    draft.own = command.type === 'expire';
    advance(draft, from);
    draft.own = true;
    const refusal = command.type === 'expire' ? null : startAccount(draft, command);
    if (refusal) return refusal;
  }
  const verdict = act(drafts, command, now);
  if (verdict) return verdict;
  for (const draft of drafts) if (!judgeTopUp(draft, command.type)) return PENDING;
  const changes = drafts.map((draft, i) => {
    const last = draft.entries.at(-1);
    if (!last) return untouched(accounts[i] as Account);
    // The state is dated at the last instant that changed it, so that the entries alone rebuild the account.
    draft.account.at = last.at.getTime();
    if (draft.account.seq === 0) announceCreation(draft);
    return sealDraft(draft);
  });
  for (const { entries } of changes) {
    for (const entry of entries) if (isTooLong(entry)) return tooLong();
  }
  return { kind: 'applied', changes, entry: first.entries[mainIndex(first)] as EntryRow };
}

/** An account that neither the operation nor the clock changed. Without an entry not even its time moves. */
function untouched(account: Account): AccountChange {
  return { account, entries: [], events: [], grants: [], reservations: [], side: [] };
}

/** The suffix by which the ids of entries on a further account differ from those on the first. */
function placeOf({ creditType }: Account, { type }: Command): string {
  if (type === 'claim_promo') return 'referrer';
  return type === 'transfer' ? 'to' : creditType;
}

function tooLong(): Refusal {
  const message = `The ledger line of this call would exceed ${LINE_BYTES_MAX} bytes: it touches too many grants.`;
  const advice = 'Split it into smaller amounts.';
  return refuse('LIMIT_EXCEEDED', `${message} ${advice}`, { what: 'ledgerLineBytes', limit: LINE_BYTES_MAX });
}

function act(drafts: readonly Draft[], command: Command, now: number): Verdict {
  const [draft, other] = drafts as [Draft, ...Draft[]];
  switch (command.type) {
    case 'add': {
      const refusal = addGrant(draft, command.amount, command.terms);
      if (!refusal) announceGrant(draft, command.amount, command.terms);
      return refusal;
    }
    case 'deduct': {
      const scope = scopeOf(draft, command);
      if (scope === undefined) return PENDING;
      const rule = command.afterService ? 'limited' : 'none';
      const refusal = debit(draft, command.amount, rule, { type: 'deduct' }, scope);
      if (!refusal) pushMovement(draft, 'credits.deducted', command.amount, null);
      return refusal;
    }
    case 'adjust':
      return adjust(draft, command.delta);
    case 'reserve':
      return reserve(draft, command);
    case 'commit':
      return commitHold(draft, command);
    case 'release':
      return releaseHold(draft, command);
    case 'extend':
      return extendHold(draft, command);
    case 'reverse': {
      const verdict = reverse(draft, command);
      if (!verdict) pushRefund(draft, command.original.id);
      return verdict;
    }
    case 'void_grant': {
      const verdict = voidGrant(draft, command);
      if (!verdict) pushRefund(draft, command.madeBy);
      return verdict;
    }
    case 'update_grant':
      return updateGrant(draft, command);
    case 'claw_back': {
      const verdict = clawBack(draft, command);
      if (!verdict) pushRefund(draft, command.reference);
      return verdict;
    }
    case 'transfer':
      return transfer(draft, other as Draft, command.amount);
    case 'expire':
      return expire(draft, command.asOf);
    case 'create_account':
      return createAccount(draft, command);
    case 'update_account': {
      const options = { ...draft.account.options, ...command.options };
      draft.account.options = options;
      writeEntry(draft, 'account_updated', { amount: 0, details: { options: options as JsonObject } });
      return null;
    }
    case 'subscribe':
      return subscribe(drafts, command);
    case 'renew':
      return renew(drafts, command, now);
    case 'pay_period':
      return payPeriod(drafts, command);
    case 'change_subscription':
      return endOrPause(drafts, command);
    case 'start_cycle':
      return startCycle(draft, command);
    case 'stop_cycle':
      return stopCycle(draft, command);
    case 'renew_cycle':
      return renewCycle(draft, command);
    case 'claim_promo':
      return claimPromo(draft, other, command);
    case 'change_payment':
      return changePayment(draft, command);
    case 'bill_subscription':
      return billSubscription(drafts, command);
    case 'change_top_up':
      return changeTopUp(draft, command);
    default:
      return command satisfies never;
  }
}

/** The first applied write to an account, by whatever path, makes its trial grant. */
function startAccount(draft: Draft, command: Command): Refusal | null {
  const { account, context } = draft;
  if (account.seq === 0) account.createdAt = account.at;
  const named = command.type === 'create_account' ? command.trialCredits : null;
  const amount = named ?? (account.seq === 0 ? context.defaults.trialCredits : 0);
  if (amount === 0 || account.trialAmount !== null) return null;
  const refusal = checkRoom(draft, amount, 1);
  if (!refusal) grantTrial(draft, amount);
  return refusal;
}

function adjust(draft: Draft, delta: number): Verdict {
  const refusal =
    delta > 0
      ? addGrant(draft, delta, { ...PLAIN_TERMS, source: 'adjustment' })
      : debit(draft, -delta, 'none', { type: 'deduct' });
  const { actor, reason } = draft.call;
  if (!refusal) pushMovement(draft, 'credits.adjusted', delta, null, { actor, reason });
  return refusal;
}

/**
 * Writes what was due. The answer counts the credits of grants that lapsed by `asOf`. Where nothing was due, an entry
 * of no credits keeps the key of a call, so that its repetition does nothing either; an account without entries stays
 * so.
 */
function expire(draft: Draft, asOf: number | null): Verdict {
  if (draft.entries.length === 0 && draft.call.scopedKey !== null && draft.account.seq > 0) {
    writeEntry(draft, 'expire', { amount: 0 });
  }
  const last = draft.entries.at(-1);
  const { dueAt } = draft.account;
  if (!last) return { kind: 'nothing', ...(dueAt !== draft.opened.dueAt && { dueAt }) };
  const lapsedBy = Math.min(asOf ?? draft.account.at, draft.account.at);
  let expired = 0;
  for (const entry of draft.entries) {
    if (entry.type !== 'expire') continue;
    const grant = draft.account.grants.find((open) => open.id === entry.grantId);
    if (grant?.expiresAt != null && grant.expiresAt <= lapsedBy) expired += entry.amount;
  }
  last.details = { ...last.details, expired };
  return null;
}

/**
 * An account is created once. The same options again are a replay, other options a conflict; this is settled before
 * anything else is judged.
 */
function createdBefore({ account, call }: Draft, command: CommandOf<'create_account'>): Verdict {
  if (!account.created) return null;
  const { fingerprint, entryId } = account.created;
  if (fingerprint === command.fingerprint) return { kind: 'repeated', entryId };
  const message = 'The account was created with other options. Change them with updateAccount.';
  return refuse('IDEMPOTENCY_CONFLICT', message, { key: account.userId, operation: call.operation });
}

function createAccount(draft: Draft, command: CommandOf<'create_account'>): Verdict {
  const { account } = draft;
  account.options = { ...account.options, ...command.options };
  account.created = { fingerprint: command.fingerprint, entryId: draft.baseId };
  const details = { options: account.options as JsonObject, fingerprint: command.fingerprint };
  writeEntry(draft, 'account_created', { amount: 0, details });
  return null;
}

function pushRefund(draft: Draft, reference: string): void {
  pushMovement(draft, 'credits.refunded', draft.entries[mainIndex(draft)]?.delta ?? 0, reference);
}
