/** Verifies a whole ledger, or one user's part of it, in one pass over the entries and one over the file. */
import { entryBody, entryLine } from '../core/canonical.js';
import type { EndedHold } from '../core/replay.js';
import type { AccountRow, OpenGrant } from '../models/account.js';
import type { EntryRow } from '../models/entry.js';
import type { DbManager, FindQuery, Row } from '../ports/db-manager.js';
import type { LedgerSink } from '../ports/ledger-sink.js';
import { AccountAudit, type AuditContext, checkEntry } from './account-audit.js';
import { classifyLines } from './ledger-file-audit.js';
import { LineIndex } from './ledger-lines.js';
import type { VerifyOptions, VerifyReport } from './ledger-types.js';

export const PAGE_OF_ENTRIES = 500;
const KEYS_PER_READ = 500;

export interface VerifyTools extends AuditContext {
  readonly db: Omit<DbManager<never>, 'transaction'>;
  readonly sink: LedgerSink | null;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export async function verifyLedger(tools: VerifyTools, { userId, onProgress }: VerifyOptions): Promise<VerifyReport> {
  const { sink, findings, signal, ledgerId } = tools;
  const index = sink && new LineIndex(sink, ledgerId);
  await sink?.flush().catch(() => {});
  await index?.readMore(signal);
  const pass = new Pass(tools, index);
  if (userId === undefined) {
    await pass.walk({ index: 'history', limit: PAGE_OF_ENTRIES }, onProgress);
    await pass.checkSilentAccounts();
  } else {
    for (const creditType of await creditTypesOf(tools)) await pass.checkUser(creditType, userId, onProgress);
  }
  const torn = index && (await classifyLines(index, tools, userId));
  return {
    ok: findings.count === 0,
    checked: pass.checked,
    problems: findings.problems,
    problemCount: findings.count,
    file: index && { lines: index.lines, foreign: index.foreign, torn: torn ?? 0 },
  };
}

/** Every credit type that has an account, by leaps along an index. */
async function creditTypesOf({ db, timeoutMs }: VerifyTools): Promise<string[]> {
  const types: string[] = [];
  for (;;) {
    const range = types.length === 0 ? {} : { range: { field: 'creditType', gt: types.at(-1) as string } };
    const { rows } = await db.find('account', { index: 'created', ...range, limit: 1 }, { timeoutMs });
    const [row] = rows as unknown as AccountRow[];
    if (!row) return types;
    types.push(row.creditType);
  }
}

class Pass {
  checked = 0;
  #seen = 0;

  constructor(
    readonly tools: VerifyTools,
    readonly index: LineIndex | null,
  ) {}

  /** Takes the entries of a query along the history index: account by account, each in the order of its sequence. */
  async walk(query: FindQuery, onProgress?: (done: number) => void): Promise<void> {
    let audit: AccountAudit | null = null;
    for await (const entries of pagesOf(this.tools, query)) {
      const done: AccountAudit[] = [];
      for (const entry of entries) {
        if (entry.eventType === 'system') checkEntry(entry, this.tools);
        else {
          if (audit?.key !== entry.account) {
            if (audit) done.push(audit);
            audit = this.#auditOf(entry);
          }
          audit.take(entry);
        }
      }
      await this.#finish(done, audit ? [audit] : []);
      await this.#checkLines(entries);
      this.checked += entries.length;
      onProgress?.(this.checked);
    }
    if (audit) await this.#finish([audit], []);
  }

  async checkUser(creditType: string, userId: string, onProgress?: (done: number) => void): Promise<void> {
    const account = `${creditType}/${userId}`;
    const before = this.checked;
    const query = { index: 'history', equals: { account }, limit: PAGE_OF_ENTRIES };
    await this.walk(query, onProgress);
    if (this.checked === before) await this.#finish([new AccountAudit(account, creditType, userId, this.tools)], []);
  }

  /** Accounts that a reader sees and that have no entry at all. */
  async checkSilentAccounts(): Promise<void> {
    const { db, timeoutMs, findings } = this.tools;
    for (const creditType of await creditTypesOf(this.tools)) {
      const query = { index: 'created', equals: { creditType, visible: true } };
      this.#seen -= await db.count('account', query, { timeoutMs });
    }
    if (this.#seen >= 0) return;
    for (const creditType of await creditTypesOf(this.tools)) {
      const query = { index: 'created', equals: { creditType, visible: true }, limit: KEYS_PER_READ };
      for await (const accounts of pagesOf<AccountRow>(this.tools, query, 'account')) {
        for (const { id } of accounts) {
          const query = { index: 'history', equals: { account: id }, limit: 1 };
          const { rows } = await db.find('entry', query, { timeoutMs });
          if (rows.length === 0) findings.add('account', id, 'The account has no entries.');
        }
      }
    }
  }

  #auditOf({ account, creditType, userId }: EntryRow, context: AuditContext = this.tools): AccountAudit {
    return new AccountAudit(account, creditType, userId, context);
  }

  /** Compares rows with what the entries make of them; of accounts still `open`, the holds that ended so far. */
  async #finish(done: readonly AccountAudit[], open: readonly AccountAudit[]): Promise<void> {
    await this.#checkHolds([...done, ...open]);
    if (done.length === 0) return;
    const keys = done.map((audit) => audit.key);
    const rows = await this.#rows<AccountRow>('account', keys);
    const quiet: AccountAudit[] = [];
    for (const [i, audit] of done.entries()) {
      const row = rows[i] as AccountRow | null;
      if (row?.visible && audit.seq > 0) this.#seen++;
      if (audit.isOf(row)) {
        audit.checkRow(row);
        quiet.push(audit);
      } else await this.#again(audit.key, row);
    }
    await this.#checkGrants(quiet);
  }

  /** An account that was written while its entries were read: its row first, then the entries up to it. */
  async #again(key: string, row: AccountRow | null): Promise<void> {
    const { findings } = this.tools;
    if (!row) {
      findings.add('account', key, 'There are entries of an account whose row is missing.');
      return;
    }
    const audit = new AccountAudit(key, row.creditType, row.userId, this.tools);
    const range = { field: 'at', lte: row.at };
    const query = { index: 'history', equals: { account: key }, range, limit: PAGE_OF_ENTRIES };
    for await (const entries of pagesOf(this.tools, query)) {
      for (const entry of entries) if (entry.seq > 0 && entry.seq <= row.seq) audit.take(entry);
    }
    await this.#checkHolds([audit]);
    audit.checkRow(row);
    const [now] = await this.#rows<AccountRow>('account', [key]);
    // Grants of an account that keeps being written are left to the next run.
    if (now?.version === row.version) await this.#checkGrants([audit]);
  }

  async #checkGrants(audits: readonly AccountAudit[]): Promise<void> {
    const wanted: [AccountAudit, OpenGrant][] = audits.flatMap((audit) =>
      audit.grants().map((grant): [AccountAudit, OpenGrant] => [audit, grant]),
    );
    const rows = await this.#rows<Row>(
      'grant',
      wanted.map(([, grant]) => grant.id),
    );
    for (const [i, [audit, grant]] of wanted.entries()) audit.checkGrant(grant, rows[i] as never);
  }

  async #checkHolds(audits: readonly AccountAudit[]): Promise<void> {
    const wanted: [AccountAudit, EndedHold][] = audits.flatMap((audit) =>
      audit.takeEndedHolds().map((hold): [AccountAudit, EndedHold] => [audit, hold]),
    );
    const rows = await this.#rows<Row>(
      'reservation',
      wanted.map(([, hold]) => hold.id),
    );
    for (const [i, [audit, hold]] of wanted.entries()) audit.checkHold(hold, rows[i] as never);
  }

  async #rows<T>(model: string, keys: readonly string[]): Promise<(T | null)[]> {
    const { db, timeoutMs } = this.tools;
    const rows: (T | null)[] = [];
    for (let from = 0; from < keys.length; from += KEYS_PER_READ) {
      const part = await db.getMany(model, keys.slice(from, from + KEYS_PER_READ), { timeoutMs });
      for (const row of part) rows.push(row as T | null);
    }
    return rows;
  }

  /** Names entries whose line is not in the file; one that was committed meanwhile has its line by now. */
  async #checkLines(entries: readonly EntryRow[]): Promise<void> {
    const { index } = this;
    if (!index) return;
    const { sink, findings, signal } = this.tools;
    let missing = entries.filter((entry) => !index.hashes.mark(entry.hash ?? ''));
    if (missing.length === 0) return;
    await sink?.flush().catch(() => {});
    await index.readMore(signal);
    missing = missing.filter((entry) => !index.hashes.mark(entry.hash ?? ''));
    for (const { id } of missing) findings.add('file_missing', id, 'The file has no line of this entry.');
  }
}

/** Pages of a query until its end, stopped by the signal. */
export async function* pagesOf<T = EntryRow>(
  { db, timeoutMs, signal }: Pick<VerifyTools, 'db' | 'timeoutMs' | 'signal'>,
  query: FindQuery,
  model = 'entry',
): AsyncGenerator<readonly T[]> {
  for (let after: string | null | undefined; after !== null; ) {
    signal?.throwIfAborted();
    const page: Awaited<ReturnType<DbManager['find']>> = await db.find(
      model,
      after === undefined ? query : { ...query, after },
      { timeoutMs },
    );
    yield page.rows as unknown as readonly T[];
    after = page.nextCursor;
  }
}

/** The line that belongs to a stored entry. */
export function lineOf(entry: EntryRow, ledgerId: string): string {
  return entryLine(entryBody(entry, ledgerId), entry.hash ?? '');
}
