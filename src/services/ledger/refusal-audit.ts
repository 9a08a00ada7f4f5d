/** Checks that no error entry is gone: they are in no chain, so each account counts its own. */
import { changingOf } from '../../core/rows.js';
import type { Rows } from '../../models/rows.js';
import { pagesOf, rowsOf, type VerifyTools } from './pages.js';

/** The most times that an account is looked at again while refusals keep coming. */
const ATTEMPTS_MAX = 5;

/** Compares an account's count with its error entries. It asks again while the account is written. */
export async function checkRefusals(tools: VerifyTools, key: string): Promise<void> {
  const { tables, timeoutMs, problems } = tools;
  const errors = { index: 'history', equals: { account: key }, anyOf: { field: 'type', values: ['error'] } };
  let [row] = await rowsOf(tools, 'account', [key]);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const counted = row ? refusalsIn(row) : 0;
    const found = await tables.count('entry', errors, { timeoutMs });
    if (found === counted) return;
    const [now] = await rowsOf(tools, 'account', [key]);
    if (now?.version === row?.version) {
      problems.add('account', key, `The account counts ${counted} error entries, and there are ${found}.`);
      return;
    }
    row = now;
  }
}

/** Looks at accounts that nobody sees because they have refusals alone, if the walk met fewer of them. */
export async function checkHidden(tools: VerifyTools, creditTypes: Iterable<string>, met: number): Promise<void> {
  const counting: string[] = [];
  for (const creditType of creditTypes) {
    const hidden = { index: 'created', equals: { creditType, visible: false } };
    for await (const accounts of pagesOf(tools, 'account', hidden)) {
      for (const account of accounts) if (refusalsIn(account) !== 0) counting.push(account.id);
    }
  }
  if (counting.length > met) for (const key of counting) await checkRefusals(tools, key);
}

function refusalsIn(row: Rows['account']): number {
  return changingOf(row).refusals ?? 0;
}
