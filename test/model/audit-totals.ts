/** The lifetime totals of an account, summed from the entries that the oracle has written and those that are due. */
import { userOf } from './account-names.js';
import { type Differences, differ } from './compare.js';
import type { Library } from './library.js';
import type { Oracle } from './oracle.js';
import { type Entry, lotOf, type Micro } from './oracle-state.js';

export async function auditTotals(library: Library, oracle: Oracle, user: string, turn: number): Promise<Differences> {
  const info = await library.service(turn, user).getAccount(userOf(user));
  const { account } = oracle.read(user, library.clockNow);
  const [first] = oracle.stored(user).entries;
  if (!first) return info === null ? [] : [`account ${user} is shown before its first transaction`];
  const { entries } = account;
  const came = entries.filter(({ type, delta }) => ['add', 'activate', 'transfer_in'].includes(type) && delta > 0n);
  const went = entries.filter(
    ({ type, delta }) => ['deduct', 'commit_reserved'].includes(type) || (type === 'reverse' && delta > 0n),
  );
  const bought = came.filter(({ type, lot }) => {
    const source = type !== 'transfer_in' && lot !== null ? lotOf(account, lot).source : null;
    return source === 'purchase' || source === 'subscription';
  });
  const expected = {
    ...{ lifetimeAdded: shown(sumOf(came)), lifetimeSpent: shown(-sumOf(went)) },
    ...{ lastRechargeAt: bought.at(-1)?.at ?? null, createdAt: first.at },
  };
  return differ(`account ${user}`, expected, info);
}

function sumOf(entries: readonly Entry[]): Micro {
  return entries.reduce((sum, { delta }) => sum + delta, 0n);
}

function shown(total: Micro): number {
  return Number(`${total}e-6`);
}
