/** Balances read through the cache, past it, and several at once: all of them are the oracle's. */
import { userOf } from './account-names.js';
import { compareInfo, type Differences } from './compare.js';
import { credits, type Library } from './library.js';
import type { Oracle } from './oracle.js';
import { type Info, infoOf, LARGEST } from './oracle-state.js';

export async function compareBalance(
  library: Library,
  user: string,
  info: Info,
  now: number,
  turn: number,
): Promise<Differences> {
  const found = compareInfo(user, info, now, await library.service(turn, user).getUserCreditsInfo(userOf(user)));
  if (!library.cache) return found;
  const fresh = await library.service(turn + 1, user).getUserCreditsInfo(userOf(user), { fresh: true });
  return [...marked('cached', found), ...marked('fresh', compareInfo(user, info, now, fresh))];
}

/**
 * A repeated read asks the store for nothing, whichever verb it is, unless the subscription has a renewal that nobody
 * has written; a fresh one always asks.
 */
export async function auditCached(
  library: Library,
  oracle: Oracle,
  users: readonly string[],
  turn: number,
): Promise<Differences> {
  const found: Differences = [];
  for (const name of users) {
    const user = userOf(name);
    const service = library.service(turn, name);
    const { account, now } = oracle.read(name, library.clockNow);
    const info = infoOf(account);
    const first = await service.getUserCreditsInfo(user);
    const { accountReads } = library;
    const again = await library.service(turn + 1, name).getUserCreditsInfo(user);
    const reserved = await service.getReservedCredits(user);
    const [one] = await service.getUsersCreditsInfo([user]);
    const affordable = info.available > 0n && info.available <= LARGEST ? credits(info.available) : null;
    if (affordable !== null && !(await service.canAfford(user, affordable))) found.push(`${user} cannot afford it`);
    const isRepeated = !oracle.isRenewalDue(name, library.clockNow);
    if (isRepeated && library.accountReads !== accountReads) found.push(`a repeated read of ${user} asked the store`);
    const readsBefore = library.accountReads;
    const fresh = await service.getUserCreditsInfo(user, { fresh: true });
    if (library.accountReads === readsBefore) found.push(`a fresh read of ${user} did not ask the store`);
    for (const answer of [first, again, one, fresh]) found.push(...compareInfo(name, info, now, answer));
    if (reserved !== credits(info.reserved)) found.push(`${reserved} reserved for ${credits(info.reserved)}`);
    const more = info.available + 1n;
    if (more <= 0n || more > LARGEST) continue;
    if (await service.canAfford(user, credits(more))) found.push(`${user} can afford more than there is`);
  }
  return marked('cached', found);
}

function marked(how: string, differences: Differences): Differences {
  return differences.map((difference) => `${how}: ${difference}`);
}
