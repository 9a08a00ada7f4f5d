/** Checks entries in one pass, account by account, with the rows that belong to them and their lines in the file. */
import { changingOf } from '../../core/rows.js';
import type { AccountRow } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { ReservationRow } from '../../models/reservation.js';
import type { Rows } from '../../models/rows.js';
import type { FindQuery } from '../../ports/db-manager.js';
import { sleep } from '../../timers.js';
import { AccountAudit } from './account-audit.js';
import { checkEntry, isEntry } from './entry-audit.js';
import type { ExpectedRow } from './expected-row.js';
import type { LineIndex } from './file-lines.js';
import type { VerifyTools } from './pages.js';
import { pagesOf, rowsOf } from './pages.js';
import { MetClaims } from './promo-audit.js';
import { checkRefusals } from './refusal-audit.js';
import { claimOf } from './side-rows.js';

/** The most times that an account is checked again while it keeps being written. */
const ATTEMPTS_MAX = 5;
/** The pauses in which lines that are on their way may arrive. */
const LATE_AFTER_MS = [50, 200, 500];
/** The most entries whose lines are waited for. */
const LATE_MAX = 1_000;

/** The models whose rows the entries tell. */
const MODELS = [
  'grant',
  'reservation',
  'subscription',
  'cycle',
  'promo_claim',
  'payment',
  'provider_subscription',
  'top_up',
] as const;

type Owner = { readonly account: string; readonly creditType: string; readonly userId: string };

export class EntryWalk {
  checked = 0;
  /** The numbers of visible accounts, grants, holds, payments and top-ups that the entries made. */
  accounts = 0;
  grants = 0;
  holds = 0;
  payments = 0;
  topUps = 0;
  /** The accounts with refusals and nothing else. */
  hidden = 0;
  /** The claims of each promo code that the entries made. */
  readonly claims = new MetClaims();
  readonly #tools: VerifyTools;
  readonly #index: LineIndex | null;
  readonly #onProgress: ((done: number) => void) | undefined;
  readonly #late: { id: string; hash: string }[] = [];

  constructor(tools: VerifyTools, index: LineIndex | null, onProgress: ((done: number) => void) | undefined) {
    this.#tools = tools;
    this.#index = index;
    this.#onProgress = onProgress;
  }

  /** Takes the entries of a query along the history index. The row of a given `owner` is checked in any case. */
  async run(query: Omit<FindQuery, 'limit'>, owner: Owner | null = null): Promise<void> {
    let audit = owner && this.#auditOf(owner);
    for await (const entries of pagesOf(this.#tools, 'entry', query)) {
      const done: AccountAudit[] = [];
      for (const entry of entries) {
        if (entry.type === 'reserve') this.holds++;
        const claim = entry.type === 'add' && isEntry(entry) ? claimOf(entry) : null;
        if (claim) this.claims.take(claim);
        if (entry.account === '') this.#checkAlone(entry);
        else {
          if (audit?.key !== entry.account) {
            if (audit) done.push(audit);
            audit = this.#auditOf(entry);
          }
          audit.take(entry);
        }
      }
      if (audit) await this.#checkEnded([...done, audit]);
      await this.#finish(done);
      await this.#checkLines(entries);
      this.checked += entries.length;
      this.#onProgress?.(this.checked);
    }
    if (audit) await this.#finish([audit]);
  }

  /** Waits for lines that are on their way, and reports the entries whose lines have not arrived even then. */
  async checkLate(): Promise<void> {
    const { sink, problems, signal } = this.#tools;
    const hashes = this.#index?.hashes;
    let late = this.#late;
    for (const ms of LATE_AFTER_MS) {
      if (late.length === 0) return;
      await sleep(ms);
      signal?.throwIfAborted();
      await sink?.flush().catch(() => {});
      await this.#index?.readMore(signal);
      late = late.filter(({ hash }) => !hashes?.mark(hash));
    }
    for (const { id } of late) problems.add('file_missing', id, 'The file has no line of this entry.');
  }

  #auditOf({ account, creditType, userId }: Owner, judged?: number): AccountAudit {
    return new AccountAudit(account, creditType, userId, this.#tools, judged);
  }

  #checkAlone(entry: EntryRow): void {
    if (isEntry(entry)) checkEntry(entry, this.#tools);
    else this.#tools.problems.add('columns', entry.id, 'The row is not an entry.');
  }

  /** Compares the rows of these accounts with what all their entries add up to. */
  async #finish(audits: readonly AccountAudit[]): Promise<void> {
    const keys = audits.map((audit) => audit.key);
    const rows = await rowsOf(this.#tools, 'account', keys);
    const expected: [ExpectedRow, AccountAudit, AccountRow][] = [];
    for (const [i, audit] of audits.entries()) {
      const row = rows[i] as AccountRow | null;
      if (row?.visible && audit.seq > 0) this.accounts++;
      if (row && row.seq > audit.seq) await this.#again(audit.key, audit.seq, ATTEMPTS_MAX);
      else {
        audit.checkRow(row);
        if (row) for (const one of audit.rowsNow()) expected.push([one, audit, row]);
      }
      if (row && !row.visible) this.hidden++;
      const isCounted = !row || (changingOf(row).refusals ?? 0) === audit.refusals;
      if (!isCounted && !audit.isBroken) await checkRefusals(this.#tools, audit.key);
    }
    for (const [{ model }] of expected) {
      if (model === 'grant') this.grants++;
      if (model === 'payment') this.payments++;
      if (model === 'top_up') this.topUps++;
    }
    const unmet = await this.#unmetOf(expected, ([one]) => one);
    const again = await this.#movedOn(unmet.map(([, audit, row]) => ({ key: audit.key, version: row.version })));
    for (const [one, audit] of unmet) if (!again.has(audit.key)) this.#report(one);
    for (const [key, seq] of again) await this.#again(key, seq, ATTEMPTS_MAX);
  }

  /** Checks an account that was written during the walk again: it reads the row first, then the entries up to it. */
  async #again(key: string, judged: number, attempts: number): Promise<void> {
    const [row] = await rowsOf(this.#tools, 'account', [key]);
    if (!row || row.seq < judged) {
      this.#tools.problems.add('account', key, 'The row is missing, or older than its entries.');
      return;
    }
    const audit = this.#auditOf({ account: key, creditType: row.creditType, userId: row.userId }, judged);
    const query = { index: 'history', equals: { account: key }, range: { field: 'at', lte: row.at } };
    for await (const entries of pagesOf(this.#tools, 'entry', query)) {
      for (const entry of entries) if (entry.seq > 0 && entry.seq <= row.seq) audit.take(entry);
    }
    await this.#checkEnded([audit]);
    audit.checkRow(row);
    const unmet = await this.#unmetOf(audit.rowsNow(), (one) => one);
    if (unmet.length === 0) return;
    const moved = await this.#movedOn([{ key, version: row.version }]);
    // The rows of an account that is written all the time are left to the next run.
    if (moved.size === 0) for (const one of unmet) this.#report(one);
    else if (attempts > 1) await this.#again(key, row.seq, attempts - 1);
  }

  /** Checks the rows of ended holds. Only a late charge changes such a row, and an entry must have made that charge. */
  async #checkEnded(audits: readonly AccountAudit[]): Promise<void> {
    const expected = audits.flatMap((audit) => audit.takeEnded());
    const charges: { id: string; entryId: string }[] = [];
    const unmet = await this.#unmetOf(
      expected,
      (one) => one,
      (row) => {
        const { id, lateCharge } = row as ReservationRow;
        if (lateCharge !== null) charges.push({ id, entryId: String(lateCharge?.entryId) });
      },
    );
    for (const one of unmet) this.#report(one);
    const ids = charges.map(({ entryId }) => entryId);
    const entries = await rowsOf(this.#tools, 'entry', ids);
    for (const [i, { id }] of charges.entries()) {
      const entry = entries[i];
      if (entry?.type === 'deduct' && entry.reservationId === id) continue;
      this.#tools.problems.add('hold', id, 'The row has a late charge that no entry made.');
    }
  }

  /** The expected rows that are missing or different. */
  async #unmetOf<T>(
    all: readonly T[],
    expectedOf: (one: T) => ExpectedRow,
    see: (row: Rows[ExpectedRow['model']]) => void = () => {},
  ): Promise<T[]> {
    const unmet: T[] = [];
    for (const model of MODELS) {
      const wanted = all.filter((one) => expectedOf(one).model === model);
      const ids = wanted.map((one) => expectedOf(one).id);
      const rows = await rowsOf(this.#tools, model, ids);
      for (const [i, one] of wanted.entries()) {
        const row = rows[i];
        if (row) see(row);
        if (!row || !expectedOf(one).isMet(row as never)) unmet.push(one);
      }
    }
    return unmet;
  }

  /** The accounts whose row has changed its version since, with their sequence. */
  async #movedOn(states: readonly { key: string; version: number }[]): Promise<Map<string, number>> {
    const before = new Map(states.map(({ key, version }) => [key, version]));
    const rows = await rowsOf(this.#tools, 'account', [...before.keys()]);
    const moved = rows.flatMap((row) => (row && row.version !== before.get(row.id) ? [row] : []));
    return new Map(moved.map((row) => [row.id, row.seq]));
  }

  #report({ kind, id }: ExpectedRow): void {
    this.#tools.problems.add(kind, id, 'The row is missing, or not what the entries add up to.');
  }

  /** Notes the entries whose line is not in the file yet. */
  async #checkLines(entries: readonly EntryRow[]): Promise<void> {
    const index = this.#index;
    if (!index) return;
    const { sink, problems, signal } = this.#tools;
    const missing = entries.filter(({ hash }) => !index.hashes.mark(String(hash)));
    if (missing.length === 0) return;
    await sink?.flush().catch(() => {});
    await index.readMore(signal);
    for (const { id, hash } of missing) {
      if (index.hashes.mark(String(hash))) continue;
      if (this.#late.length < LATE_MAX) this.#late.push({ id, hash: String(hash) });
      else problems.add('file_missing', id, 'The file has no line of this entry.');
    }
  }
}
