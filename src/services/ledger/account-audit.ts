/** Checks one account against its own entries, which it takes one by one in the order of their sequence. */
import type { Account } from '../../core/account.js';
import { fingerprintOf } from '../../core/canonical-json.js';
import { Replay } from '../../core/replay.js';
import { accountToRow, changingOf, grantRow } from '../../core/rows.js';
import type { AccountRow, EarlierGrant, OpenGrant } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { GrantRow } from '../../models/grant.js';
import type { ReservationRow } from '../../models/reservation.js';
import type { Json } from '../../models/values.js';
import { type AuditContext, checkEntry, isEntry } from './entry-audit.js';
import type { ExpectedRow } from './expected-row.js';
import { SideRows } from './side-rows.js';

/** The audit of one account. It keeps the account's open grants and holds in memory, and every grant it ever had. */
export class AccountAudit {
  /** The sequence of the last chained entry that was taken. */
  seq = 0;
  /** The error entries that were taken. */
  refusals = 0;
  readonly #context: AuditContext;
  readonly #owner: Pick<Account, 'key' | 'userId' | 'creditType'>;
  readonly #replay: Replay;
  readonly #side = new SideRows();
  /** An earlier audit has judged the entries up to this sequence. */
  readonly #judged: number;
  #last: EntryRow | null = null;
  #reserved = 0;
  /** The highest version of the account's row that a recorded refusal was decided on. */
  #fenced = 0;
  #isBroken = false;

  constructor(
    readonly key: string,
    creditType: string,
    userId: string,
    context: AuditContext,
    judged = -1,
  ) {
    this.#context = context;
    this.#owner = { key, creditType, userId };
    this.#replay = new Replay(creditType, userId);
    this.#judged = judged;
  }

  /** Whether a problem of the account was found already, after which nothing more is judged. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  take(entry: EntryRow): void {
    const { problems } = this.#context;
    if (!isEntry(entry)) {
      problems.add('columns', entry.id, 'The row is not an entry.');
      this.#isBroken = true;
      this.seq = Math.max(this.seq, Number(entry.seq) || 0);
      return;
    }
    if (entry.seq > this.#judged || entry.seq === 0) this.#judge(entry);
    if (entry.eventType === 'error') {
      this.refusals++;
      this.#fenced = Math.max(this.#fenced, Number(/\.r(\d+)$/.exec(entry.id)?.[1] ?? 0));
      return;
    }
    this.#last = entry;
    this.seq = entry.seq;
    if (this.#isBroken) return;
    try {
      this.#replay.apply(entry);
      this.#side.take(entry);
    } catch {
      this.#broken(`Entry ${entry.id} contradicts those before it.`);
    }
  }

  /** Compares the account's row with the account that the entries add up to. The row must be read after the entries. */
  checkRow(row: AccountRow | null): void {
    if (this.#isBroken) return;
    if (!row || row.seq < this.seq || row.version <= this.#fenced) {
      if (this.seq > 0 || this.#fenced > 0) this.#broken('The row is missing, or older than its entries.');
      return;
    }
    try {
      // Refusals are in no chain: whoever has the entries counts them.
      const replayed = this.#replay.account(row.dueAt?.getTime());
      // An older version writes no totals, or leaves them behind: nobody believes those, the entries are counted.
      const { totals: stored, refusals = 0 } = changingOf(row);
      const isKnown = stored?.seq === row.seq;
      const judged = isKnown ? row : withoutTotals(row);
      const account = { ...replayed, totals: isKnown ? replayed.totals : null, refusals };
      const isSilent = this.seq === 0 && row.visible;
      if (!isSilent && isConsistent(account) && isSame(expectedRow(account, row), judged)) return;
    } catch {
      // The row is not a valid account: the problem is added below.
    }
    this.#broken(this.seq === 0 ? 'The account has no entries.' : 'The row is not what the entries add up to.');
  }

  /** The rows of holds that ended or were charged late since the last call. Only a late charge changes them again. */
  takeEnded(): readonly ExpectedRow[] {
    if (this.#isBroken) return [];
    const { rows, lateCharges } = this.#replay.takeEnded();
    const ended = rows.map((expected): ExpectedRow => {
      return { ...holdOf(expected.id), isMet: (row: ReservationRow) => isEnded(expected, row) };
    });
    const charged = lateCharges.map(({ reservationId, entryId, fingerprint, version }): ExpectedRow => {
      const lateCharge = { operation: 'commit', fingerprint, entryId };
      const isMet = (row: ReservationRow) =>
        row.version === version && row.lateCharge !== null && isSame(row.lateCharge, lateCharge);
      return { ...holdOf(reservationId), isMet };
    });
    return [...ended, ...charged];
  }

  /** The rows of the account's grants and open holds and those written with it, as of the last entry. */
  rowsNow(): readonly ExpectedRow[] {
    if (this.#isBroken) return [];
    const grants = [...this.#replay.grants()].map((grant): ExpectedRow => {
      const isMet = (row: GrantRow) => this.#isGrant(grant, row);
      return { model: 'grant', kind: 'grant', id: grant.id, isMet };
    });
    const holds = [...this.#replay.openHoldRows()].map((expected): ExpectedRow => {
      return { ...holdOf(expected.id), isMet: (row: ReservationRow) => isSame(expected, row) };
    });
    return [...grants, ...holds, ...this.#side.rowsNow()];
  }

  /** Checks the entry's fields by themselves and against the entry before it. */
  #judge(entry: EntryRow): void {
    const { problems } = this.#context;
    const { id } = entry;
    checkEntry(entry, this.#context);
    if (entry.eventType === 'error') return;
    const before = this.#last;
    this.#reserved = (before ? before.balanceAfter - before.availableAfter : 0) + entry.reservedDelta;
    if (entry.seq !== (before?.seq ?? 0) + 1) {
      problems.add('sequence', id, `seq ${entry.seq} follows ${before?.seq ?? 0}.`);
    }
    if (entry.prev !== (before?.hash ?? null)) problems.add('chain', id, 'prev is not the previous hash.');
    if (entry.balanceAfter !== (before?.balanceAfter ?? 0) + entry.delta) {
      problems.add('balance', id, 'balanceAfter is not the previous balanceAfter plus delta.');
    }
    if (entry.availableAfter !== entry.balanceAfter - this.#reserved) {
      problems.add('available', id, 'availableAfter is not balanceAfter minus the credits on hold.');
    }
    if (before && entry.at < before.at) problems.add('time', id, 'The entry is dated before the previous entry.');
  }

  #isGrant(grant: OpenGrant, row: GrantRow): boolean {
    const expected = grantRow(this.#owner, grant, grant.rowVersion);
    // The row of an open grant is written rarely: its terms are current, but not its numbers.
    const { remaining, held, expired, expiredLate, revoked } = row;
    const parts = row.open && { remaining, held, expired, expiredLate, revoked };
    return isSame({ ...expected, ...parts }, row);
  }

  #broken(message: string): void {
    this.#isBroken = true;
    this.#context.problems.add('account', this.key, message);
  }
}

function holdOf(id: string) {
  return { model: 'reservation', kind: 'hold', id } as const;
}

/** Whether the row is that of an ended hold. A late charge may have written it once more since. */
function isEnded(expected: ReservationRow, row: ReservationRow): boolean {
  const { lateCharge } = row;
  const version = lateCharge === null ? expected.version : Math.max(expected.version, row.version);
  return isSame({ ...expected, version, lateCharge }, row);
}

/** Checks the invariants between an account's totals and its open grants and holds, at its last operation. */
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

function withoutTotals(row: AccountRow): AccountRow {
  const { totals: _, ...state } = row.state;
  if (row.numbers == null) return { ...row, state };
  const { totals, ...numbers } = row.numbers;
  return { ...row, numbers };
}

/** The row of the account, as the version of the library that wrote the stored row makes it. */
function expectedRow(account: Account, stored: AccountRow): AccountRow {
  const row = accountToRow(account, stored.version);
  const { numbers } = row;
  if (stored.numbers != null || numbers === null) return row;
  const { facts = [], ...state } = row.state;
  const { grants: touched, ...rest } = numbers;
  const grants = account.grants.map((grant, i) => {
    const form = stored.state.grants?.[i];
    if (typeof form === 'object' && !Array.isArray(form)) return grant;
    return touched[i] == null ? facts[i] : [facts[i], ...touched[i]];
  });
  return { ...row, state: { ...state, ...rest, grants: grants as readonly EarlierGrant[] }, numbers: stored.numbers };
}

/** Whether two rows have the same content, whatever the order of their keys. */
function isSame(a: object, b: object): boolean {
  // In JSON an invalid date would equal null.
  if (Object.values(b).some((value) => value instanceof Date && Number.isNaN(value.getTime()))) return false;
  const [x, y] = [JSON.stringify(a), JSON.stringify(b)];
  return x === y || fingerprintOf(JSON.parse(x) as Json) === fingerprintOf(JSON.parse(y) as Json);
}
