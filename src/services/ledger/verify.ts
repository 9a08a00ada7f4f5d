/** Verifies a whole ledger, or one user's part of it, in one pass over the entries and one over the file. */
import { accountKey } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { Rows } from '../../models/rows.js';
import type { FindQuery } from '../../ports/db-manager.js';
import type { VerifyOptions, VerifyReport } from './contract.js';
import { isEntry } from './entry-audit.js';
import { EntryWalk } from './entry-walk.js';
import { classifyLines } from './file-audit.js';
import { LineIndex } from './file-lines.js';
import { pagesOf, rowsOf, type VerifyTools } from './pages.js';
import { checkCounters, promoCounters } from './promo-audit.js';
import { checkHidden } from './refusal-audit.js';

export async function verifyLedger(tools: VerifyTools, { userId, onProgress }: VerifyOptions): Promise<VerifyReport> {
  const { sink, problems, signal, ledgerId } = tools;
  const index = sink && new LineIndex(sink, ledgerId);
  await sink?.flush().catch(() => {});
  await index?.readMore(signal);
  const walk = new EntryWalk(tools, index, onProgress);
  if (userId === undefined) {
    const counters = await promoCounters(tools);
    await walk.run({ index: 'history' });
    if (walk.accounts < (await visibleAccounts(tools))) await checkSilentAccounts(tools);
    await checkHidden(tools, await creditTypesOf(tools), walk.hidden);
    await checkOrigins(tools, walk);
    await checkCounters(tools, counters, walk.claims);
    await checkSideOrigins(tools, walk, { index: 'created' });
  } else {
    for (const creditType of await creditTypesOf(tools)) {
      const account = accountKey(creditType, userId);
      const before = { grants: walk.grants, holds: walk.holds };
      await walk.run({ index: 'history', equals: { account } }, { account, creditType, userId });
      await checkOrigins(tools, { grants: walk.grants - before.grants, holds: walk.holds - before.holds }, account);
    }
    await checkSideOrigins(tools, walk, { index: 'user', equals: { userId } });
  }
  await walk.checkLate();
  const torn = index && (await classifyLines(index, tools, userId));
  signal?.throwIfAborted();
  return {
    ok: problems.count === 0,
    checked: walk.checked,
    problems: problems.listed,
    problemCount: problems.count,
    file: index && { lines: index.lines, foreign: index.foreign, torn: torn ?? 0 },
  };
}

/** Every credit type that is declared or has an account. It finds those with an account by leaps along an index. */
async function creditTypesOf({ tables, timeoutMs, creditTypes }: VerifyTools): Promise<Set<string>> {
  const types = new Set(creditTypes);
  for (let last: string | null = null; ; ) {
    const range: object = last === null ? {} : { range: { field: 'creditType', gt: last } };
    const row: Rows['account'] | null = await tables.findOne('account', { index: 'created', ...range }, { timeoutMs });
    // A damaged row must not make the loop endless.
    if (!row || typeof row.creditType !== 'string' || (last !== null && row.creditType <= last)) return types;
    last = row.creditType;
    types.add(last);
  }
}

async function visibleAccounts(tools: VerifyTools): Promise<number> {
  const { tables, timeoutMs } = tools;
  let count = 0;
  for (const creditType of await creditTypesOf(tools)) {
    count += await tables.count('account', { index: 'created', equals: { creditType, visible: true } }, { timeoutMs });
  }
  return count;
}

/** Reports visible accounts that have no entry at all. */
async function checkSilentAccounts(tools: VerifyTools): Promise<void> {
  const { tables, timeoutMs, problems } = tools;
  for (const creditType of await creditTypesOf(tools)) {
    const visible = { index: 'created', equals: { creditType, visible: true } };
    for await (const accounts of pagesOf(tools, 'account', visible)) {
      for (const { id } of accounts) {
        const entry = await tables.findOne('entry', { index: 'history', equals: { account: id } }, { timeoutMs });
        if (entry === null) problems.add('account', id, 'The account has no entries.');
      }
    }
  }
}

/** Looks for grants and holds that no entry made, if there are more of them than the entries made. */
async function checkOrigins(
  tools: VerifyTools,
  made: { grants: number; holds: number },
  account?: string,
): Promise<void> {
  const { tables, timeoutMs } = tools;
  const rows = { index: 'account', ...(account !== undefined && { equals: { account } }) };
  if ((await tables.count('grant', rows, { timeoutMs })) > made.grants) await checkGrantOrigins(tools, rows);
  if ((await tables.count('reservation', rows, { timeoutMs })) > made.holds) await checkHoldOrigins(tools, rows);
}

type Query = Omit<FindQuery, 'limit'>;

async function checkHoldOrigins(tools: VerifyTools, query: Query): Promise<void> {
  for await (const holds of pagesOf(tools, 'reservation', query)) {
    const ids = holds.map(({ id }) => id.replace(/^r-/, ''));
    const entries = await rowsOf(tools, 'entry', ids);
    for (const [i, { id, account: owner }] of holds.entries()) {
      const made = entries[i]?.reservationId === id && entries[i]?.type === 'reserve' && entries[i]?.account === owner;
      if (!made) tools.problems.add('hold', id, 'No entry made this hold.');
    }
  }
}

/** Looks for payments and top-ups that no entry made, if there are more of them than the entries made. */
async function checkSideOrigins(
  tools: VerifyTools,
  made: { readonly payments: number; readonly topUps: number },
  query: Query,
): Promise<void> {
  const { tables, timeoutMs, problems } = tools;
  if ((await tables.count('payment', query, { timeoutMs })) > made.payments) {
    const isOne = ({ details }: EntryRow, id: string) => (details?.payment as { id?: unknown } | undefined)?.id === id;
    for await (const payments of pagesOf(tools, 'payment', query)) {
      for (const row of payments) {
        if (!(await isMade(tools, row, isOne))) problems.add('payment', row.id, 'No entry made this payment.');
      }
    }
  }
  if ((await tables.count('top_up', query, { timeoutMs })) <= made.topUps) return;
  const isOne = ({ details, account }: EntryRow, id: string) => details?.topUp !== undefined && account === id;
  for await (const topUps of pagesOf(tools, 'top_up', query)) {
    for (const row of topUps) {
      if (!(await isMade(tools, row, isOne))) problems.add('top_up', row.id, 'No entry made this automatic top-up.');
    }
  }
}

type Made = Pick<Rows['payment' | 'top_up'], 'id' | 'creditType' | 'userId' | 'createdAt'>;

/** Whether one of the entries of the instant at which a row was made is that of the row. */
async function isMade(
  tools: VerifyTools,
  { id, creditType, userId, createdAt }: Made,
  isOne: (entry: EntryRow, id: string) => boolean,
): Promise<boolean> {
  const account = accountKey(creditType, userId);
  const range = { field: 'at', gte: createdAt, lte: createdAt };
  for await (const entries of pagesOf(tools, 'entry', { index: 'history', equals: { account }, range })) {
    if (entries.some((entry) => isOne(entry, id))) return true;
  }
  return false;
}

async function checkGrantOrigins(tools: VerifyTools, query: Query): Promise<void> {
  for await (const grants of pagesOf(tools, 'grant', query)) {
    for (const { id, account: owner, createdAt } of grants) {
      // The entry that made a grant is on the same account and has the grant's own creation instant.
      const range = { field: 'at', gte: createdAt, lte: createdAt };
      let isMade = false;
      for await (const entries of pagesOf(tools, 'entry', { index: 'history', equals: { account: owner }, range })) {
        const made = entries.filter(isEntry);
        isMade ||= made.some(({ grantId, draws }) => grantId === id || draws.some((draw) => draw.grantId === id));
      }
      if (!isMade) tools.problems.add('grant', id, 'No entry made this grant.');
    }
  }
}
