/** Checks one account against its own entries, taken one by one in the order of their sequence. */
import { type Account, accountFromRow } from '../core/account.js';
import { entryBody, fingerprintOf, sha256 } from '../core/canonical.js';
import { type EndedHold, Replay } from '../core/replay.js';
import { grantRow } from '../core/seal.js';
import { type AccountRow, accountKey, type OpenGrant } from '../models/account.js';
import type { EntryRow } from '../models/entry.js';
import type { GrantRow } from '../models/grant.js';
import type { ReservationRow } from '../models/reservation.js';
import type { Json } from '../models/values.js';
import type { Findings } from './findings.js';
import { scopedKeyOf } from './operation.js';

/** Clocks of several processes differ by less than this. */
const CLOCKS_DIFFER_MS = 1_000;

/** What one audit knows of its surroundings. */
export interface AuditContext {
  readonly ledgerId: string;
  readonly now: number;
  readonly findings: Findings;
}

/** Checks what every entry must be by itself, in a chain or not. */
export function checkEntry(entry: EntryRow, { ledgerId, now, findings }: AuditContext): void {
  const { id, idempotencyKey, creditType, userId } = entry;
  if (entry.hash !== sha256(entryBody(entry, ledgerId))) findings.add('hash', id, 'The hash is not that of the entry.');
  if (entry.at.getTime() > now + CLOCKS_DIFFER_MS) findings.add('future', id, 'The entry is dated in the future.');
  const account = entry.eventType === 'system' ? '' : accountKey(creditType, userId);
  const scopedKey = idempotencyKey === null ? null : scopedKeyOf(account, entry.operation, idempotencyKey);
  if (entry.version !== 1 || entry.account !== account || entry.scopedKey !== scopedKey) {
    findings.add('columns', id, 'Account, version or key are not those that the entry itself tells.');
  }
}

/** Memory: what the account holds open, and every grant it ever had. */
export class AccountAudit {
  /** Entries of the chain taken so far. */
  seq = 0;
  readonly #context: AuditContext;
  readonly #owner: Pick<Account, 'key' | 'userId' | 'creditType'>;
  readonly #replay: Replay;
  #last: EntryRow | null = null;
  #reserved = 0;
  #isBroken = false;

  constructor(
    readonly key: string,
    creditType: string,
    userId: string,
    context: AuditContext,
  ) {
    this.#context = context;
    this.#owner = { key, creditType, userId };
    this.#replay = new Replay(creditType, userId);
  }

  take(entry: EntryRow): void {
    checkEntry(entry, this.#context);
    if (entry.eventType === 'error') return;
    const { findings } = this.#context;
    const { id } = entry;
    const before = this.#last;
    this.#last = entry;
    this.seq = entry.seq;
    this.#reserved += entry.reservedDelta;
    if (entry.seq !== (before?.seq ?? 0) + 1) {
      findings.add('sequence', id, `seq ${entry.seq} follows ${before?.seq ?? 0}.`);
    }
    if (entry.prev !== (before?.hash ?? null)) findings.add('chain', id, 'prev is not the hash of the entry before.');
    if (entry.balanceAfter !== (before?.balanceAfter ?? 0) + entry.delta) {
      findings.add('balance', id, 'balanceAfter is not the one before plus delta.');
    }
    if (entry.availableAfter !== entry.balanceAfter - this.#reserved) {
      findings.add('available', id, 'availableAfter is not balanceAfter less what is on hold.');
    }
    if (before && entry.at < before.at) findings.add('time', id, 'The entry is dated before its predecessor.');
    if (this.#isBroken) return;
    try {
      this.#replay.apply(entry);
    } catch {
      this.#broken(`Entry ${id} contradicts those before it.`);
    }
  }

  /** Whether the row is of the same moment as the entries taken. */
  isOf(row: AccountRow | null): boolean {
    return (row?.seq ?? 0) === this.seq;
  }

  /** Compares the account's row with what the entries make of it. */
  checkRow(row: AccountRow | null): void {
    if (this.#isBroken) return;
    if (!row?.visible) {
      if (this.seq > 0) this.#broken('There are entries of an account whose row is missing.');
      return;
    }
    if (this.seq === 0) {
      this.#broken('The account has no entries.');
      return;
    }
    const account = this.#replay.account();
    const stored = accountFromRow(row);
    const consistent = row.available === row.balance - row.reserved && isConsistent(account);
    if (!consistent || !isSame(account, stored)) this.#broken('The entries do not make this account.');
  }

  /** Ids of grants and of the holds that ended since the last call: their rows are asked for and compared. */
  grants(): readonly OpenGrant[] {
    return this.#isBroken ? [] : [...this.#replay.grants()];
  }

  takeEndedHolds(): readonly EndedHold[] {
    return this.#isBroken ? [] : this.#replay.takeEnded();
  }

  checkGrant(grant: OpenGrant, row: GrantRow | null): void {
    const expected = grantRow(this.#owner, grant, grant.rowVersion);
    // The row of an open grant is of its last write: only its terms are current.
    const parts = row?.open && { remaining: row.remaining, held: row.held, expired: row.expired, revoked: row.revoked };
    if (row && isSame({ ...expected, ...parts }, row)) return;
    this.#context.findings.add(
      'grant',
      grant.id,
      row ? 'The row is not what the entries tell.' : 'The row is missing.',
    );
  }

  checkHold(hold: EndedHold, row: ReservationRow | null): void {
    const { amount, committed, released, expired } = hold;
    const status = expired > 0 ? 'expired' : committed > 0 ? 'committed' : 'released';
    const same =
      row?.account === this.key &&
      row.amount === amount &&
      row.committed === committed &&
      row.released === released &&
      row.expired === expired &&
      (row.status === status || (row.status === 'expired' && committed === amount));
    if (same) return;
    this.#context.findings.add('hold', hold.id, row ? 'The row is not what the entries tell.' : 'The row is missing.');
  }

  #broken(message: string): void {
    this.#isBroken = true;
    this.#context.findings.add('account', this.key, message);
  }
}

/** The invariants between an account's totals and its open grants and holds, at its last operation. */
function isConsistent({ at, balance, reserved, debt, grants, holds }: Account): boolean {
  const held = new Map<string, number>();
  let onHold = 0;
  for (const hold of holds) {
    onHold += hold.amount - hold.committed;
    for (const { grantId, amount } of hold.draws) held.set(grantId, (held.get(grantId) ?? 0) + amount);
  }
  let total = 0;
  let spendable = 0;
  for (const grant of grants) {
    const { remaining, expired, revoked } = grant;
    const spent = grant.amount - remaining - expired - revoked;
    const parts = [remaining - grant.held, grant.held, expired, revoked, spent];
    if (parts.some((part) => part < 0) || grant.held !== (held.get(grant.id) ?? 0)) return false;
    if (grant.effectiveAt > at) continue;
    total += remaining;
    if (grant.expiresAt === null || grant.expiresAt > at) spendable += remaining - grant.held;
  }
  return debt >= 0 && reserved === onHold && balance === total - debt && (debt === 0 || spendable === 0);
}

/** Whether two rows say the same, whatever the order of their keys. */
function isSame(a: object, b: object): boolean {
  const [x, y] = [JSON.stringify(a), JSON.stringify(b)];
  return x === y || fingerprintOf(JSON.parse(x) as Json) === fingerprintOf(JSON.parse(y) as Json);
}
